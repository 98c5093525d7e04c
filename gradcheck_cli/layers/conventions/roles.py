"""Which of a forward's parameters are inputs and which are settings."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Sequence
from typing import Any

from gradcheck_cli.layers.conventions import naming, syntax
from gradcheck_cli.layers.conventions.signatures import Parameter
from gradcheck_cli.layers.layer import Argument, Role

_ARRAY_WORDS = re.compile(
    r"\b(array|ndarray|arrays|shape|matrix|tensor|labels?|ind(ex|ices)|vector|weights?|parameters)\b|\bsize \("
    r"|\((size|number) of [^()]*,",
    re.I,
)
_BUNDLE = re.compile(r"(^|_)(param|config|cfg|conf|options?|opts|kwargs|settings)$")
_PLAIN_ARRAY_WORDS = re.compile(r"\b(array|ndarray|arrays|shape|matrix|tensor)\b", re.I)
"""`pool_param: parameters for the pooling layer` is a dictionary of settings, whatever they are called."""

_SETTING_WORDS = re.compile(
    r"\b(int|integer|bool|boolean|flag|dict|dictionary|string|str|scalar|float|number of|callable|hyper-?param\w*"
    r"|regulari[sz]ation strength|if true)\b",
    re.I,
)


def forward_arguments(
    parameters: Sequence[Parameter],
    definition: ast.AST | None,
    documentation: str,
    *,
    with_gradient: Collection[str] = (),
    gradient_names: dict[str, str] | None = None,
) -> tuple[Argument, ...]:
    """The forward's arguments with their roles.

    Args:
        with_gradient: arguments whose gradient the backward's text names: inputs whatever else speaks.
        gradient_names: what the user calls each gradient.
    """
    names = gradient_names or {}
    inputs = {*with_gradient, *_keys_of_attention(parameters)}
    found = []
    for parameter in parameters:
        setting = parameter.name not in inputs and is_setting(parameter, definition, documentation)
        found.append(
            argument(
                parameter, Role.CONFIG if setting else Role.INPUT, "" if setting else names.get(parameter.name, "")
            )
        )
    return tuple(found)


def _keys_of_attention(parameters: Sequence[Parameter]) -> set[str]:
    """`key` beside `query`: an array, and no key of a random generator."""
    names = {parameter.name for parameter in parameters}
    return names & {"key", "keys"} if names & {"query", "queries", "q"} else set()


def argument(parameter: Parameter, role: Role, gradient_name: str = "", differentiated: bool = True) -> Argument:
    """An argument from its parameter."""
    return Argument(
        parameter.name,
        role,
        parameter.has_default,
        parameter.default,
        parameter.annotation,
        gradient_name,
        differentiated,
    )


def is_setting(parameter: Parameter, definition: ast.AST | None, documentation: str) -> bool:
    """Whether a parameter configures the layer: by annotation, default, documentation, use and name, in that order."""
    name = parameter.name
    spoken = annotated(parameter.annotation)
    if spoken is not None:
        return spoken == "setting"
    if parameter.has_default:
        return not hasattr(parameter.default, "shape") and not _is_array_container(parameter.default)
    documented = described(name, documentation)
    if documented and (_ARRAY_WORDS.search(documented) or _SETTING_WORDS.search(documented)):
        bundle = _BUNDLE.search(name) is not None
        array = (_PLAIN_ARRAY_WORDS if bundle else _ARRAY_WORDS).search(documented)
        setting = _SETTING_WORDS.search(documented)
        # `x: integer labels, shape (N,)` is an array; `conv_param: a dictionary with the keys` is none
        return array is None or (setting is not None and naming.is_configuration(name))
    return naming.is_configuration(name) or _used_as_setting(name, definition)


def annotated(annotation: Any) -> str | None:
    """What an annotation says: `setting`, `array`, or None where it leaves it open."""
    if annotation is None:
        return None
    if hasattr(annotation, "dim_str"):
        return "array"
    text = annotation.__name__ if isinstance(annotation, type) else str(annotation).replace("typing.", "")
    text = re.sub(r"^Optional\[(.*)\]$", r"\1", text).replace("None", "").strip(" |")
    if text.startswith(("Callable", "collections.abc.Callable")):
        return "setting"  # of arrays, as a rule: `Callable[[ndarray], ndarray]`
    if re.search(r"array|tensor|float\d+\[|Float\[|Int\[|Num\[|Shaped\[|Real\[|Complex\[|Bool\[|Integer\[", text, re.I):
        return "array"
    if re.fullmatch(
        r"(int|bool|str|float|complex)(\s*\|\s*(int|bool|str|float))*|Literal\[.*\]|Callable.*|slice", text
    ):
        return "setting"
    if re.fullmatch(r"(tuple|Tuple|list|List|Sequence)\[(int|str|bool|, |\.\.\.)+\]", text):
        return "setting"
    return None


def described(name: str, documentation: str) -> str:
    """What a docstring says of an argument: the rest of its line, and the indented lines below it; "" for nothing."""
    match = re.search(
        rf"^(?P<indent>[ \t]*)[-*]?[ \t]*`{{0,2}}{re.escape(name)}`{{0,2}}[ \t]*"
        r"(?P<text>(\([^)\n]*\)[ \t]*)?(:|--|-)[ \t].*|:$)",
        documentation,
        re.M,
    )
    if match is None:
        return ""
    lines = [match["text"]]
    for line in documentation[match.end() :].lstrip("\n").splitlines():
        indent = len(line) - len(line.lstrip())
        if not line.strip() or indent <= len(match["indent"].expandtabs()) or re.match(r"\s*[-*]?\s*\w+\s*:", line):
            break
        lines.append(line)
    return " ".join(lines)


def label_like(arguments: Sequence[Argument], loss: bool) -> list[str]:
    """Inputs that are named like labels, where another input is not; `loss`: the layer is named like a loss."""
    inputs = [item for item in arguments if item.role is Role.INPUT]
    labels = [item.name for item in inputs if naming.is_label(item.name, loss)]
    # in `loss(y, t)` the first is the prediction
    return [name for name in labels if name != inputs[0].name] if len(labels) == len(inputs) else labels


def _is_array_container(value: Any) -> bool:
    if isinstance(value, dict):
        return any(hasattr(item, "shape") for item in value.values())
    return isinstance(value, (list, tuple)) and any(hasattr(item, "shape") for item in value)


def _used_as_setting(name: str, definition: ast.AST | None) -> bool:
    """Whether the body compares it with a string, branches on it, counts with it, divides into it, or calls it."""
    for node in ast.walk(definition) if definition is not None else ():
        match node:
            case ast.Compare(left=ast.Name(id=used), comparators=[ast.Constant(value=str())]):
                if used == name:
                    return True
            case ast.If(test=ast.Name(id=used)) | ast.IfExp(test=ast.Name(id=used)):
                if used == name:
                    return True
            case ast.If(test=ast.UnaryOp(op=ast.Not(), operand=ast.Name(id=used))):
                if used == name:
                    return True
            case ast.BinOp(op=ast.FloorDiv(), right=ast.Name(id=used)):
                if used == name:
                    return True
            case ast.Call(func=ast.Name(id="range"), args=arguments):
                if any(isinstance(item, ast.Name) and item.id == name for item in arguments):
                    return True
            case ast.Call(func=ast.Name(id=used)):
                if used == name:
                    return True
            case _:
                pass
    return False


def documentation(*values: Any) -> tuple[str, ...]:
    """The docstrings of live objects that have one, without repeats."""
    texts = [syntax.docstring(value) for value in values if value is not None]
    return tuple(dict.fromkeys(text for text in texts if text))
