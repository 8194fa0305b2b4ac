"""Grade submissions: one session asks questions, judges answers, and makes a report; pools grade many at once."""
