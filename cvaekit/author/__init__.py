"""What the author of an assignment uses: generated files, a scaffold for a new assignment, and soundness checks."""
