"""Run an assignment's checks against one submission and find out what each of them says."""
