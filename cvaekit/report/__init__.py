"""What leaves the grader: one report, in the forms that people and programs read."""
