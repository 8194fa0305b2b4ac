"""Import a submission statement by statement, in the worker: one that fails costs only what uses its names.

A file of real life does more than define what is asked for. What it does besides, such as using a package that is not
installed or reading a file that is not there, fails here without ending the import.
"""

import __future__

import ast
import builtins
import copy
import dis
import importlib.util
import linecache
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import PurePath
from types import CodeType, ModuleType
from typing import Any, NoReturn

EFFECT_SECONDS = 3.0  # of CPU time, for all statements together that are neither definitions nor imports
LEAST_SECONDS = 0.2  # for each of them, when those are used up
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
OPERATIONS = (
    "getattr call getitem setitem iter next len bool int float index contains enter exit neg pos abs invert eq ne lt "
    "le gt ge add radd sub rsub mul rmul matmul rmatmul truediv rtruediv floordiv rfloordiv mod rmod pow rpow and rand "
    "or ror instancecheck subclasscheck mro_entries"
)
FILES: set[str] = set()  # names of the submission's files, as tracebacks show them


class OutOfTime(BaseException):  # like KeyboardInterrupt: no error that a submission may handle
    """Raised in a statement that computes for too long, which no statement of a solution does."""


class Unavailable:
    """Stands for what a failed statement should have bound. Whatever uses it raises the statement's exception."""

    def __init__(self, error: BaseException):
        object.__setattr__(self, "_error", (error, error.__traceback__))


def _raise(self: Unavailable, *_: Any, **__: Any) -> NoReturn:
    error, trace = object.__getattribute__(self, "_error")
    raise error.with_traceback(trace)


for _name in OPERATIONS.split():
    setattr(Unavailable, f"__{_name}__", _raise)
Unavailable.__hash__ = object.__hash__  # type: ignore[method-assign]  # lost with __eq__


def import_submission(source: bytes, filename: str, modules: Mapping[str, str] | None = None) -> ModuleType:
    """Import a submission from its text in UTF-8, so that dataclasses, inspect and torch.jit find its module and text.

    modules: texts of other files that it may import, by the names of their modules. Raises SyntaxError for a text that
    cannot be read.
    """
    _replace_what_is_missing(filename)
    if modules:
        sys.meta_path.insert(0, _Finder(modules))
    name = PurePath(filename).stem
    if name in sys.modules or name == "__main__":  # a file called random.py must not replace random
        name = f"submission_{name}"
    module = sys.modules[name] = ModuleType(name)
    module.__file__ = filename
    _execute(source.decode("utf-8-sig", "surrogatepass"), filename, module)
    return module


def _replace_what_is_missing(filename: str) -> None:
    """Let right code run without what a worker does not have: a caller, a keyboard, a compiler, other processes."""
    import torch
    from torch.utils.data import DataLoader, dataloader

    def unchanged(model: Any = None, **_: Any) -> Any:
        return model if model is not None else lambda function: function

    def in_this_process(loader: Any) -> Any:
        loader.num_workers, loader.timeout = 0, 0
        return dataloader._SingleProcessDataLoaderIter(loader)

    sys.argv[:] = [filename]
    builtins.input = lambda *_: ""
    torch.compile = unchanged
    DataLoader._get_iterator = in_this_process  # type: ignore[method-assign, assignment]  # a patch


class _Finder(MetaPathFinder, Loader):
    """Finds the other files of a submission, in memory. A package exists where one of its modules does."""

    def __init__(self, modules: Mapping[str, str]):
        self._modules = modules

    def find_spec(self, name: str, path: object, target: object = None) -> ModuleSpec | None:
        is_package = any(known.startswith(f"{name}.") for known in self._modules)
        if name not in self._modules and not is_package:
            return None
        return importlib.util.spec_from_loader(name, self, origin=f"{name.replace('.', '/')}.py", is_package=is_package)

    def exec_module(self, module: ModuleType) -> None:
        assert module.__spec__ is not None
        assert module.__spec__.origin is not None
        module.__file__ = module.__spec__.origin
        _execute(self._modules.get(module.__name__, ""), module.__file__, module)


def _execute(text: str, filename: str, module: ModuleType) -> None:
    FILES.add(filename)
    linecache.cache[filename] = (len(text), None, [f"{line}\n" for line in text.split("\n")], filename)
    tree = ast.parse(text, filename)
    flags = _future_flags(tree)
    timer = _Timer()
    for node in tree.body:
        try:
            with nullcontext() if isinstance(node, DEFINITIONS) else timer.running():
                _run(node, filename, module, flags)
        except BaseException as error:
            for name in _stored(node, filename):
                module.__dict__.setdefault(name, Unavailable(error))


def _run(node: ast.stmt, filename: str, module: ModuleType, flags: int) -> None:
    try:
        exec(_compiled(node, filename, flags), module.__dict__)
    except Exception:
        without = _Undecorated({name for name, value in vars(module).items() if isinstance(value, Unavailable)})
        changed = without.visit(copy.deepcopy(node))
        if not without.changed:
            raise
        exec(_compiled(changed, filename, flags | __future__.annotations.compiler_flag), module.__dict__)


class _Undecorated(ast.NodeTransformer):
    """Takes out decorators and annotations that use one of `names`: those of a package that is not here."""

    def __init__(self, names: set[str]):
        self._names, self.changed = names, False

    def _is_known(self, node: ast.expr) -> bool:
        known = not any(isinstance(part, ast.Name) and part.id in self._names for part in ast.walk(node))
        self.changed = self.changed or not known
        return known

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.decorator_list = list(filter(self._is_known, node.decorator_list))
        for argument in ast.walk(node.args):
            if isinstance(argument, ast.arg) and argument.annotation:
                self._is_known(argument.annotation)
        if node.returns:
            self._is_known(node.returns)
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]  # it has the same fields

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        self._is_known(node.annotation)
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        node.decorator_list = list(filter(self._is_known, node.decorator_list))
        return self.generic_visit(node)


class _Timer:
    """Ends statements that compute for longer than EFFECT_SECONDS together."""

    def __init__(self) -> None:
        self._left = EFFECT_SECONDS
        self._runs = False

    @contextmanager
    def running(self) -> Iterator[None]:
        signal.signal(signal.SIGPROF, self._end)
        self._runs = True
        signal.setitimer(signal.ITIMER_PROF, max(self._left, LEAST_SECONDS), LEAST_SECONDS)
        try:
            yield
        finally:
            self._runs = False
            self._left = min(self._left, signal.setitimer(signal.ITIMER_PROF, 0)[0])

    def _end(self, *_: object) -> None:
        if self._runs:
            self._left = 0.0
            raise OutOfTime("it computed for too long while the file was read")


def _stored(node: ast.stmt, filename: str) -> set[str]:
    """Return the global names that a statement binds."""
    try:
        instructions = list(dis.get_instructions(_compiled(node, filename, 0)))
    except Exception:  # what only the compiler refuses, such as a `return` outside a function
        return {node.name} if isinstance(node, ast.FunctionDef | ast.ClassDef) else set()
    return {str(step.argval) for step in instructions if step.opname in ("STORE_NAME", "STORE_GLOBAL")}


def _compiled(node: ast.AST, filename: str, flags: int) -> CodeType:
    code: CodeType = compile(ast.Module([node], []), filename, "exec", flags, dont_inherit=True)  # type: ignore[list-item]
    return code


def _future_flags(tree: ast.Module) -> int:
    """Return the flags of the file's own `from __future__ import ...`."""
    flags = 0
    for node in tree.body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            for alias in node.names:
                flags |= getattr(getattr(__future__, alias.name, None), "compiler_flag", 0)
    return flags
