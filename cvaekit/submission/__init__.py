"""Find a submission on disk, read it as bytes, and parse its text. No student code runs here."""
