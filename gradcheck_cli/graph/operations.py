"""What each operation is called, and what it does to the gradient that comes back to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.graph.steps import LOOKED_INTO, WITH_RULES, Step, function_name
from gradcheck_cli.tracing.trace import inner_jaxprs

DISTRIBUTOR, SWITCHER, ROUTER, ADDER = "distributor", "switcher", "router", "adder"
BROADCASTER, SELECT, SCALER, TRANSPOSE = "broadcaster", "select", "scaler", "transpose"
RESHAPE, SPLITTER, STOP = "reshape", "splitter", "stop"

_NAMES = {
    "add": ("add", DISTRIBUTOR),
    "add_any": ("add", DISTRIBUTOR),
    "sub": ("subtract", DISTRIBUTOR),
    "mul": ("multiply", SWITCHER),
    "div": ("divide", ""),
    "neg": ("negate", SCALER),
    "max": ("max", ROUTER),
    "min": ("min", ROUTER),
    "reduce_max": ("max", ROUTER),
    "reduce_min": ("min", ROUTER),
    "reduce_sum": ("sum", BROADCASTER),
    "cumsum": ("cumulative sum", ""),
    "dot_general": ("matrix product", SWITCHER),
    "transpose": ("transpose", TRANSPOSE),
    "reshape": ("reshape", RESHAPE),
    "squeeze": ("squeeze", RESHAPE),
    "expand_dims": ("expand", RESHAPE),
    "rev": ("reverse", TRANSPOSE),
    "broadcast_in_dim": ("broadcast", ADDER),
    "slice": ("select", SELECT),
    "dynamic_slice": ("select", SELECT),
    "gather": ("select", SELECT),
    "select_n": ("where", SELECT),
    "concatenate": ("concatenate", SPLITTER),
    "split": ("split", SPLITTER),
    "pad": ("pad", SELECT),
    "stop_gradient": ("stop gradient", STOP),
    "integer_pow": ("power", ""),
    "pow": ("power", ""),
    "logistic": ("sigmoid", ""),
    "conv_general_dilated": ("convolution", SWITCHER),
    "convert_element_type": ("cast", ""),
    "scan": ("loop", ""),
    "while": ("loop", ""),
    "cond": ("branch", ""),
    "scatter": ("write", SELECT),
    "scatter-add": ("add into", DISTRIBUTOR),
    "scatter_add": ("add into", DISTRIBUTOR),
    "clamp": ("clip", ROUTER),
}
"""By JAX's primitive: the field's name, and the pattern; others go by their own name."""

_ELEMENTWISE = frozenset(
    "add add_any sub mul div rem neg sign floor ceil round exp exp2 log log1p expm1 tanh logistic sin cos tan asin "
    "acos atan atan2 sinh cosh asinh acosh atanh erf erfc erf_inv lgamma digamma igamma igammac pow integer_pow sqrt "
    "rsqrt cbrt square abs max min select_n clamp is_finite nextafter real imag conj complex convert_element_type "
    "reduce_precision copy stop_gradient".split()
)

_COMPARISONS = frozenset("eq ne lt le gt ge and or not".split())


@dataclass(frozen=True)
class Operation:
    """What a step is called, and its pattern; "" where that has no name."""

    name: str
    pattern: str


def is_elementwise(step: Step) -> bool:
    """Whether each element of the output depends on the elements in its own place alone."""
    equation = step.equation
    if equation.primitive.name in WITH_RULES:
        shapes = {tuple(variable.aval.shape) for variable in (*equation.invars, *equation.outvars)}
        inner = [item.primitive.name for item in _inner(equation)]
        return len(shapes) == 1 and all(name in _ELEMENTWISE for name in inner)
    if equation.primitive.name not in _ELEMENTWISE or len(equation.outvars) != 1:
        return False
    shape = tuple(equation.outvars[0].aval.shape)
    return all(tuple(variable.aval.shape) in (shape, ()) for variable in equation.invars)


def is_elementwise_in(step: Step, operand: int) -> bool:
    """Whether each element of the only output depends on that operand's element in its own place alone."""
    equation = step.equation
    inner = [equation] if equation.primitive.name not in WITH_RULES else _inner(equation)
    if len(equation.outvars) != 1 or not {item.primitive.name for item in inner} <= _ELEMENTWISE | _COMPARISONS:
        return False
    return tuple(equation.invars[operand].aval.shape) == tuple(equation.outvars[0].aval.shape)


def _inner(equation: Any) -> list[Any]:
    found = []
    for jaxpr in inner_jaxprs(equation):
        for item in jaxpr.eqns:
            found.extend(_inner(item) if item.primitive.name in LOOKED_INTO else [item])
        break
    return found


def operation_of(step: Step) -> Operation:
    """The operation of a step."""
    primitive = step.equation.primitive.name
    if primitive in WITH_RULES:
        name = function_name(step.equation)
        return Operation(name, ROUTER if name == "relu" else "")
    name, pattern = _NAMES.get(primitive, (primitive.replace("_", " "), ""))
    constants = [operand.constant for operand in step.operands if operand.value is None]
    first = step.operands[0] if step.operands else None
    if primitive == "div" and first is not None and first.value is None and is_one(first.constant):
        return Operation("reciprocal", "")
    if primitive in ("mul", "div") and constants and (primitive == "mul" or step.operands[1].value is None):
        return Operation("scale", SCALER)
    if primitive in ("add", "sub") and constants:
        return Operation("add a constant" if primitive == "add" else "subtract", DISTRIBUTOR)
    if primitive == "integer_pow":
        power = step.equation.params["y"]
        return Operation("square" if power == 2 else "reciprocal" if power == -1 else f"power {power}", "")
    if primitive == "scan":
        return Operation(f"loop of {step.equation.params['length']}", "")
    return Operation(name, pattern)


def is_one(constant: Any) -> bool:
    """Whether a constant is one, or ones."""
    return bool(np.all(np.asarray(constant) == 1))


def formula_of(step: Step, operand: int, labels: list[str]) -> str:
    """The local gradient by this operand in words, with the names of the operands; "" where nothing short tells."""
    primitive = step.equation.primitive.name
    if primitive in ("mul", "dot_general", "conv_general_dilated") and len(labels) == 2:
        other = labels[1 - operand]
        return {"mul": other, "dot_general": f"{other}ᵀ", "conv_general_dilated": f"{other}, turned"}[primitive]
    if primitive == "div" and len(labels) == 2:
        return f"1 / {labels[1]}" if operand == 0 else f"-{labels[0]} / {labels[1]}²"
    if primitive in ("add", "add_any") or (primitive == "sub" and operand == 0):
        return "1"
    if primitive == "neg" or (primitive == "sub" and operand == 1):
        return "-1"
    return {
        "reduce_sum": "1 for each element",
        "broadcast_in_dim": "1 for each copy",
        "reduce_max": "1 where largest",
        "reduce_min": "1 where smallest",
        "max": "1 where larger",
        "min": "1 where smaller",
        "exp": "the output",
        "log": f"1 / {labels[0]}",
        "log1p": f"1 / (1 + {labels[0]})",
        "sqrt": "1 / (2 × the output)",
        "rsqrt": "-the output³ / 2",
        "tanh": "1 - the output²",
        "logistic": "the output × (1 - the output)",
        "square": f"2 × {labels[0]}",
        "sin": f"cos({labels[0]})",
        "cos": f"-sin({labels[0]})",
        "abs": f"the sign of {labels[0]}",
        "select_n": "1 where chosen",
        "transpose": "the axes back in order",
        "reshape": "the shape that came in",
        "squeeze": "the shape that came in",
        "slice": "1 where taken",
        "dynamic_slice": "1 where taken",
        "gather": "1 where taken",
        "concatenate": "1 for its part",
        "stop_gradient": "0",
    }.get(primitive, "")
