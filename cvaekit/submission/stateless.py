"""Tell from the text whether a submission can carry anything over from one call to the next.

Where it cannot, one worker may answer the questions of all tasks: what it was asked before changes no answer. That
holds for code that changes nothing but what a call was handed: no global and no class attribute is ever set, all
globals are immutable, and only functions without memory are used of the libraries. The random generators are seeded
before every question, and probes make a model for each.

The lists are short on purpose. Code that does anything else gets a worker for each task: that takes longer, and is no
fault.
"""

import ast
import builtins
import math
from collections.abc import Iterator

MODULES = ("__future__", "math", "typing", "torch", "scipy.ndimage", "skimage")
SUBMODULES = {
    "nn", "functional", "optim", "distributions", "special", "linalg", "autograd", "ndimage", "morphology", "transform",
}  # fmt: skip
# Functions and classes of these modules that keep nothing between two calls.
TYPING = "annotations Any Callable Dict Iterable List Optional Sequence Tuple Union Tensor Size FloatTensor LongTensor"
TORCH = """
    device dtype float float32 float64 double int int64 long bool no_grad enable_grad inference_mode manual_seed
    grad tensor as_tensor zeros ones full empty eye zeros_like ones_like full_like empty_like arange linspace
    meshgrid cartesian_prod cat concat concatenate stack hstack vstack column_stack dstack split chunk unbind narrow
    movedim swapaxes flatten reshape unsqueeze squeeze transpose permute flip roll rot90 repeat_interleave tile
    broadcast_to atleast_2d where gather take_along_dim index_select masked_select eq ne lt le gt ge isclose
    allclose equal isfinite isnan nan_to_num logical_and logical_or logical_not count_nonzero exp log log1p expm1
    log2 log10 logsumexp xlogy logit sqrt rsqrt square pow abs sign neg add sub subtract mul multiply div divide
    true_divide remainder lerp addcmul addcdiv matmul mm bmm addmm baddbmm einsum tensordot outer kron dot inner mv
    sum mean prod cumsum max min amax amin argmax argmin sort argsort topk unique maximum minimum clamp clip round
    floor ceil var std var_mean std_mean median quantile bucketize searchsorted histc bincount norm vector_norm
    reciprocal sigmoid expit tanh diag diagonal diag_embed tril triu vmap rand randn randint randperm normal
    bernoulli multinomial rand_like randn_like randint_like distance_transform_edt skeletonize pyramid_expand
"""
NN = """
    Module Parameter Sequential ModuleList ModuleDict Identity Flatten Linear ReLU ReLU6 LeakyReLU ELU SELU GELU
    SiLU Sigmoid Tanh Hardtanh Softplus Dropout BatchNorm1d LayerNorm BCELoss BCEWithLogitsLoss MSELoss L1Loss relu
    relu6 leaky_relu elu selu gelu silu softplus softmax log_softmax logsigmoid hardtanh threshold dropout linear
    pad one_hot interpolate layer_norm binary_cross_entropy binary_cross_entropy_with_logits mse_loss l1_loss
    smooth_l1_loss kl_div cross_entropy nll_loss gaussian_nll_loss Adam AdamW SGD Normal MultivariateNormal
    Independent Bernoulli Uniform Laplace StudentT kl_divergence
"""
OF_MATH = frozenset(name for name in dir(math) if not name.startswith("_"))
WITHOUT_MEMORY = OF_MATH.union(SUBMODULES, TYPING.split(), TORCH.split(), NN.split())
NAMES = """
    abs all any bool dict divmod enumerate filter float frozenset int isinstance issubclass iter len list map max
    min next pow range repr reversed round set slice sorted staticmethod classmethod property str sum super tuple
    zip
"""
BUILTINS = frozenset(NAMES.split()).union(
    name for name, value in vars(builtins).items() if isinstance(value, type) and issubclass(value, Exception)
)
DECORATORS = frozenset({"staticmethod", "classmethod", "property", "no_grad", "inference_mode", "enable_grad"})
NO_MODULES = WITHOUT_MEMORY - SUBMODULES  # imported from a module, they are functions or classes
# What may make a global: it is immutable, or made anew by every use.
MAKES_IMMUTABLE = OF_MATH | {"device", "float", "int", "bool", "str", "tuple", "range", "frozenset", "len"}
# Attributes of generators, frames, functions and classes that lead to what others share; torch's distributions keep a
# dictionary in the class.
LEADS_OUTSIDE = (
    "_",
    "arg_constraints",
    "gi_",
    "cr_",
    "ag_",
    "f_",
    "tb_",
    "co_",
    "set_",
    "register_",
    "compile",
    "share_memory",
)
# Names that are trusted for what they stand for in Python and in the libraries, and so must stand for nothing else.
TRUSTED = MAKES_IMMUTABLE.union(DECORATORS, ["super"])
FORBIDDEN = (
    ast.Global, ast.Nonlocal, ast.Delete, ast.Yield, ast.YieldFrom, ast.Await, ast.AsyncFunctionDef, ast.AsyncFor,
    ast.AsyncWith, ast.Match, ast.NamedExpr,
)  # fmt: skip
Function = ast.FunctionDef | ast.Lambda


def is_stateless(tree: ast.Module) -> bool:
    """Whether nothing in `tree`, a submission's code, can carry something over from one call to the next."""
    return not next(memories(tree), None)


def memories(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the places that may, as far as this module knows, keep something from one call to the next."""
    nodes = list(ast.walk(tree))
    libraries = {name for node in nodes if isinstance(node, ast.Import | ast.ImportFrom) for name in _bound(node)}
    known = BUILTINS.union(*map(_bound, nodes), ["__name__"])
    own = {id(node) for constructor in _constructors(nodes) for node in _of_new_object(constructor)}
    parts = {id(node.value) for node in nodes if isinstance(node, ast.Attribute)}  # `a` of `a.b`
    called = {_called(node) for node in nodes if isinstance(node, ast.Call)} | {
        _called(mark) for node in nodes if isinstance(node, ast.FunctionDef) for mark in node.decorator_list
    }
    taken = TRUSTED.intersection(called) | libraries
    for node in nodes:
        if not isinstance(node, ast.Import | ast.ImportFrom) and not taken.isdisjoint(_bound(node)):
            yield node
        if isinstance(node, FORBIDDEN):
            yield node
        elif isinstance(node, ast.Import | ast.ImportFrom):
            yield from (alias for alias in node.names if alias.asname in TRUSTED and alias.asname != alias.name)
            yield from (alias for alias in node.names if not _is_known_import(node, alias))
        elif isinstance(node, ast.Module | ast.ClassDef):
            yield from _shared(node)
        elif isinstance(node, ast.FunctionDef | ast.Lambda):
            defaults = [*node.args.defaults, *filter(None, node.args.kw_defaults)]
            yield from (value for value in defaults if not _is_immutable(value))
            marks = node.decorator_list if isinstance(node, ast.FunctionDef) else []
            yield from (mark for mark in marks if _called(mark) not in DECORATORS)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            # A module under another name could not be followed.
            if node.id not in known or (node.id in libraries - NO_MODULES and id(node) not in parts):
                yield node
        elif isinstance(node, ast.Attribute):
            of_library = _root(node) in libraries
            allowed = isinstance(node.ctx, ast.Load) and not node.attr.startswith(LEADS_OUTSIDE)
            if not (id(node) in own or allowed) or (of_library and node.attr not in WITHOUT_MEMORY):
                yield node
            if of_library and node.attr in SUBMODULES and id(node) not in parts:
                yield node


def _shared(node: ast.Module | ast.ClassDef) -> Iterator[ast.AST]:
    """Yield what makes a global or a class attribute that could change later."""
    if isinstance(node, ast.ClassDef):
        yield from [*node.keywords, *node.decorator_list]
    for statement in node.body:
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            if statement.value and not _is_immutable(statement.value):
                yield statement
        elif not isinstance(
            statement, ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Expr | ast.Pass
        ):
            yield statement


def _is_immutable(node: ast.expr) -> bool:
    """Whether an expression makes something that cannot change, given that all globals are so."""
    if isinstance(node, ast.Constant | ast.Name | ast.Lambda):
        return True
    if isinstance(node, ast.Attribute):
        return _is_immutable(node.value)
    if isinstance(node, ast.Call):
        values = [*node.args, *(keyword.value for keyword in node.keywords)]
        return _called(node) in MAKES_IMMUTABLE and all(map(_is_immutable, values))
    if isinstance(node, ast.Tuple | ast.BoolOp | ast.UnaryOp | ast.BinOp | ast.Compare | ast.IfExp | ast.JoinedStr):
        return all(_is_immutable(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr))
    return isinstance(node, ast.FormattedValue) and _is_immutable(node.value)


def _called(node: ast.expr) -> str:
    """The last name of what is called or named: `no_grad` of `torch.no_grad()`."""
    node = node.func if isinstance(node, ast.Call) else node
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _is_known_import(node: ast.Import | ast.ImportFrom, alias: ast.alias) -> bool:
    """Whether an import is of a module in MODULES, or of a name in it that has no memory."""
    module = alias.name if isinstance(node, ast.Import) else node.module or ""
    if not any(module == known or module.startswith(f"{known}.") for known in MODULES):
        return False
    parts = [*module.split(".")[1:], *([] if isinstance(node, ast.Import) else [alias.name])]
    return WITHOUT_MEMORY.issuperset(parts)


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a node binds, in whatever scope."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        yield from ((alias.asname or alias.name).split(".")[0] for alias in node.names)
    elif isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.arg):
        yield node.arg
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        yield node.id
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name


def _root(node: ast.AST) -> str | None:
    """The first name of `a.b.c`; None where the node is not of this form."""
    if not isinstance(node, ast.Attribute):
        return None
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else None


def _constructors(nodes: list[ast.AST]) -> Iterator[ast.FunctionDef]:
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            yield from (each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__")


def _of_new_object(constructor: ast.FunctionDef) -> Iterator[ast.Attribute]:
    """Yield the attributes of the object that a constructor is handed, and the constructor that it inherits.

    That object is new, since nothing else leads to a constructor: its name is hidden everywhere else.
    """
    parameters = [*constructor.args.posonlyargs, *constructor.args.args]
    if not parameters or constructor.decorator_list:  # a static method is handed something else
        return
    own, waiting = parameters[0].arg, [*constructor.body]
    if any(own in _bound(node) for statement in constructor.body for node in ast.walk(statement)):
        return  # the name stands for something else as well
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.Lambda | ast.ClassDef):
            continue
        waiting += ast.iter_child_nodes(node)  # type: ignore[arg-type]  # of a statement, an expression
        if not isinstance(node, ast.Attribute):
            continue
        if isinstance(node.value, ast.Name) and node.value.id == own:
            yield node
        elif node.attr == "__init__" and isinstance(node.value, ast.Call) and _called(node.value) == "super":
            arguments = node.value.args
            if not arguments or (isinstance(arguments[-1], ast.Name) and arguments[-1].id == own):
                yield node
