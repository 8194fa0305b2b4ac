"""Hints for exceptions: they tell what a line stumbled over, which says nothing of what the task is about."""

import re

from cvaekit.sandbox import Raised

_NOT_HERE = "It is not there where work is graded. Does the task need it?"
_NAME = "Where does this name get its value, and is it spelled the same there?"
_SHAPES = "Two tensors meet whose shapes do not go together. What does each of their axes stand for?"
_KINDS = "What kind of thing is each argument here, and what does the call expect in its place?"
_ONE_NUMBER = "One number is wanted here, and there are several. What makes one of them?"
_CHAIN = "backward follows a chain of operations on tensors. Where is it cut, or written over?"

# Exception, what its message contains, and the hint; the first that fits is given. Messages are Python's and torch's.
RULES: tuple[tuple[str, str, str], ...] = (
    ("NameError|UnboundLocalError", "", _NAME),
    ("AttributeError", "'(Tensor|Parameter)'", "Is this a method of a tensor, or a function that is handed one?"),
    ("AttributeError", "", "What kind of thing stands in front of the dot, and does it have this name?"),
    ("ZeroDivisionError", "", "Which number is zero here, and should it be?"),
    ("ModuleNotFoundError|ImportError|FileNotFoundError", "", _NOT_HERE),
    ("NotImplementedError", "", "This piece is still to be written."),
    ("RecursionError", "", "A method that calls itself needs a case in which it does not."),
    (
        "SyntaxError",
        "",
        "Python cannot read that piece of code. Is a bracket, colon or operator missing there, or above?",
    ),
    (
        "PermissionError",
        "",
        "Other files, the network and other processes are out of reach here; no task needs them.",
    ),
    (
        "RuntimeError",
        "shapes cannot be multiplied|size mismatch",
        "A layer got rows of another width than it takes. Is it the layer that comes next, and what adds or drops "
        "columns before it?",
    ),
    (
        "RuntimeError",
        "Sizes of tensors must match except in dimension|Tensors must have same number of dimensions",
        "Tensors that are joined may differ along one axis only. Along which axis should they grow?",
    ),
    (
        "RuntimeError|ValueError",
        "invalid for input of size|invalid shape",
        "A new shape holds as many numbers as the old one.",
    ),
    (
        "RuntimeError",
        "negative dimension|must be non-negative",
        "A size came out below zero. Which numbers is it made of?",
    ),
    (
        "RuntimeError",
        "inplace operation|a leaf Variable that requires grad",
        "A tensor is written into that backward still needs as it was. Which line does that?",
    ),
    ("RuntimeError", "does not require grad|does not have a grad_fn|second time|unused in the graph", _CHAIN),
    ("RuntimeError", r"requires grad\. Use|numpy\(\) on", _CHAIN),
    (
        "RuntimeError",
        "between 0 and 1",
        "One of the arguments is no probability. What is each of them, and in which order are they expected?",
    ),
    (
        "RuntimeError|ValueError|TypeError",
        "dtype|scalar type|expected .*(Float|Long|Double|Int)|should be .* type|must be .* but got .*Tensor",
        "Two number types meet here. Which one has each tensor, and which does this call take?",
    ),
    ("RuntimeError|ValueError|TypeError", "cannot be converted to Scalar|only one element|ambiguous", _ONE_NUMBER),
    (
        "ValueError",
        "satisfy the constraint|parameter constraints",
        "A distribution takes a spread that is positive. Can what stands there be below zero?",
    ),
    ("RuntimeError|ValueError", r"size of tensor a|must match|not match|broadcast|expand|same size|shape", _SHAPES),
    ("IndexError", "Dimension out of range|too many indices", "How many axes does this tensor have, counted from 0?"),
    ("IndexError|KeyError", "", "What can be looked up here, and by which names or numbers?"),
    (
        "TypeError",
        "positional argument|keyword argument|required",
        "Which arguments does this call take, and how many?",
    ),
    ("TypeError", "not subscriptable|not iterable|unpack|not callable|unsupported operand|bad operand", _KINDS),
    ("TypeError", "", _KINDS),
    ("ValueError", "unpack", "How many things come back from this call, and how many names are there for them?"),
)
OTHERS = "The exception comes from this line. What does each name in it stand for when it runs?"
OUTSIDE = "Is what the call hands back a result that can be used further, and backward through it?"
MEMORY = "How many numbers does this line ask for?"
DEFINITION = "It is called as in the starter; does the definition still take the same parameters?"


def out_of_memory(failure: Raised) -> bool:
    return failure.type == "MemoryError" or "allocate memory" in failure.message


def hint(failure: Raised) -> str:
    """What to think about after an exception, whatever the task."""
    if out_of_memory(failure):
        return MEMORY
    if failure.type == "TypeError" and failure.line is None:  # the call itself did not fit
        return DEFINITION
    for kinds, pattern, text in RULES:
        if re.fullmatch(kinds, failure.type) and re.search(pattern, failure.message):
            return text
    return OTHERS if failure.line else OUTSIDE
