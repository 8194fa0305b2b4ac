"""Find, read and run a student's file, and say in words what is wrong with it."""

import ast
import linecache
import os
import sys
import traceback
import types
from pathlib import Path

ERRORS = (Exception, SystemExit)  # what a student's code may raise; Ctrl-C ends the run


class Problem(Exception):
    """Why there is nothing to judge yet; the text says what to do."""


def find_work(folder: Path, file: str, starter: str) -> Path:
    """The file to judge: the one that the variable STEM_FILE names, else `file`, else `starter`; raises Problem."""
    variable = f"{Path(file).stem.upper()}_FILE"
    if named := os.environ.get(variable):
        path, missing = Path(named).resolve(), f"{variable} names a file that is not there: {named}"
    else:
        path = folder / (file if (folder / file).is_file() else starter)
        missing = f"There is no {file} in {folder}. Copy {starter} to {file} to begin."
    if not path.is_file():
        raise Problem(missing)
    return path


def read_tree(path: Path) -> ast.Module:
    """The syntax tree of a file; raises Problem with the line that Python cannot read."""
    content = path.read_bytes()
    try:
        return ast.parse(content, str(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        lines = content.decode("utf-8", errors="replace").splitlines()
        marks = [number for number, line in enumerate(lines, 1) if "???" in line.partition("#")[0]]
        number = marks[0] if marks else getattr(error, "lineno", None)
        shown = f", line {number}: {lines[number - 1].strip()}" if number and number <= len(lines) else ""
        why = "??? is not Python. Fill the gap, or write ... to leave it for later." if marks else f"{error}"
    raise Problem(f"Python cannot read {path.name}{shown}\n{why}")


def execute(path: Path, tree: ast.Module | None = None) -> types.ModuleType:
    """The module that a file makes, made anew; `tree` is run in place of the file's own text."""
    module = types.ModuleType(f"work_{path.stem}")
    module.__file__ = str(path)
    sys.modules[module.__name__] = module  # dataclasses and pickle look themselves up there
    exec(compile(tree or read_tree(path), str(path), "exec"), module.__dict__)
    return module


def line_of(error: BaseException, path: Path) -> int:
    """The last line of a file that `error` passed through, or 0."""
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 0 for frame in reversed(frames) if frame.filename == str(path)), 0)


def describe(error: BaseException, path: Path) -> str:
    """An exception in one line, and the line of the file that it came from in another."""
    text = (str(error).strip().splitlines() or [""])[0][:300]
    described = f"{type(error).__name__}: {text}" if text else type(error).__name__
    if number := line_of(error, path):
        linecache.checkcache(str(path))
        described += f"\nin line {number}: {linecache.getline(str(path), number).strip()}"
    return described
