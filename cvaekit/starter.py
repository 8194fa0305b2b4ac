"""The marker lines of a reference: make the starter, or the solution alone, out of its text.

A solution stands between two marker lines. In the starter, the lines between them give way to those that start with
`#: `, uncommented and with the same indentation; the markers, and the markers alone, vanish from both:

    ### BEGIN SOLUTION
    #: width = ...
    width = 794
    ### END SOLUTION
"""

import re

BEGIN, END, STARTER_LINE = "### BEGIN SOLUTION", "### END SOLUTION", "#:"
_MARKERS = re.compile(rf"^[ \t]*(?:{BEGIN}|{END})[ \t]*\n", re.MULTILINE)
_STARTER_LINES = re.compile(rf"^[ \t]*{STARTER_LINE}.*\n", re.MULTILINE)


def starter(reference: str, name: str = "reference") -> str:
    """The starter's text, made from the text of a reference; ValueError with `name` and line for a misplaced marker."""
    lines, begun = [], None
    for number, line in enumerate(reference.splitlines(), start=1):
        code = line.strip()
        if code == BEGIN:
            if begun is not None:
                raise ValueError(f"{name}, line {number}: a solution begins inside the one begun in line {begun}")
            begun = number
        elif code == END:
            if begun is None:
                raise ValueError(f"{name}, line {number}: a solution ends that was never begun")
            begun = None
        elif code.startswith(STARTER_LINE) and begun is None:
            raise ValueError(f"{name}, line {number}: a starter's line outside a solution")
        elif code.startswith(STARTER_LINE):
            indentation = line[: line.index(STARTER_LINE)]
            lines.append((indentation + code.removeprefix(STARTER_LINE).removeprefix(" ")).rstrip())
        elif begun is None:
            lines.append(line)
    if begun is not None:
        raise ValueError(f"{name}, line {begun}: the solution begun here never ends")
    return "\n".join(lines) + "\n"


def without_markers(reference: str) -> str:
    return _MARKERS.sub("", reference)


def without_starter_lines(reference: str) -> str:
    return _STARTER_LINES.sub("", reference)


def numbers_of_solution_lines(reference: str) -> set[int]:
    """Numbers of the lines between markers, the first line of the text being 1."""
    found, inside = set(), False
    for number, line in enumerate(reference.splitlines(), start=1):
        if line.strip() in (BEGIN, END):
            inside = line.strip() == BEGIN
        elif inside:
            found.add(number)
    return found
