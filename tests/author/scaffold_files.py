"""The files of the assignment that `cvaekit new rows` writes."""

NAME = "rows"
G, A = f"graders/{NAME}", f"assignments/{NAME}"
MANIFEST, PROBES, CHECKS = f"{G}/assignment.toml", f"{G}/probes.py", f"{G}/test_unit_rows.py"
MISTAKES, VARIANTS, PLAN = f"{G}/mistakes.toml", f"{G}/variants.toml", f"{G}/notebook.toml"
SOLUTION, HANDOUT, VISIBLE = f"reference/{NAME}/{NAME}.py", f"{A}/README.md", f"{A}/test_{NAME}.py"
