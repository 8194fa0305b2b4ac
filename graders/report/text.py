"""Text that came out of a submission, made safe to show."""

import unicodedata

LONGEST = 4000


def clean(text: str) -> str:
    """`text` without control and formatting characters (escape codes, direction overrides), and of bounded length."""
    kept = "".join(character for character in text if character == "\n" or unicodedata.category(character)[0] != "C")
    return kept if len(kept) <= LONGEST else kept[:LONGEST] + " [cut]"
