"""Make text that came out of a submission safe to show."""

import re
import unicodedata

LONGEST = 4000  # characters
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,16}")


def clean(text: str, limit: int = LONGEST) -> str:
    """`text` without control and formatting characters (escape codes, direction overrides), of bounded length."""
    text = text[: 2 * limit].replace("\t", " ")  # bounded before it is looked at, character by character
    kept = "".join(c for c in text if c == "\n" or unicodedata.category(c)[0] != "C")
    return kept if len(kept) <= limit else kept[: limit - 6] + " [cut]"


def without_addresses(text: str) -> str:
    """`text` without addresses of objects, which differ from run to run."""
    return _ADDRESS.sub("0x...", text)
