"""What the graders accept and reject: every entry of an assignment's banks against every check."""
