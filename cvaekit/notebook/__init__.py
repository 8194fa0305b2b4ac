"""The exercise as a notebook, and an nbgrader course around it: made from reference/, graded in the sandbox."""
