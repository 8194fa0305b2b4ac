# Written by `cvaekit course init`. nbgrader reads it when a command is run in this folder.
import warnings

from graders.notebook.release import PREPROCESSORS

c = get_config()

# nbgrader's own queries make newer versions of SQLAlchemy warn, once a run; nothing depends on it.
warnings.filterwarnings("ignore", "Object of type .* not in session", module="nbgrader")

# The kit's assignments in this course: nbgrader's name (the folder in source/), and the kit's own. Rename a folder, and
# change the first of the two here. Other assignments may live in this course; they are treated as nbgrader always does.
assignments = @ASSIGNMENTS@

# The student's notebook: solutions give way to the lines that the starter has in their place.
c.GenerateAssignment.preprocessors = PREPROCESSORS

# Autograding: submissions are read defensively and graded in cvaekit's sandbox. No student's code runs in nbgrader.
c.Autograde.exporter_class = "graders.notebook.restore.RestoringExporter"
c.Autograde.autograde_preprocessors = [
    "graders.notebook.autograde.GradeInSandbox",  # in the place of nbgrader.preprocessors.Execute
    "nbgrader.preprocessors.IgnorePattern",
    "nbgrader.preprocessors.LimitOutput",
    "nbgrader.preprocessors.SaveAutoGrades",
    "nbgrader.preprocessors.AssignLatePenalties",
    "nbgrader.preprocessors.CheckCellMetadata",
]
c.RestoringExporter.assignments = assignments
c.GradeInSandbox.assignments = assignments

# The digits go out with the assignment; a copy beside every autograded submission would be of no use.
c.Autograde.exclude_overwriting = {name: @DATA@ for name in assignments}
