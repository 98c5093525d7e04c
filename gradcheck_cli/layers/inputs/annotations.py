"""What a type annotation says of an argument. Read by duck typing or from its text; never evaluated.

Speaks: jaxtyping (`Float[Array, "batch din"]`), `Annotated[NDArray, ("N", "D")]`, `NDArray[Shape["N, D"], Float]`,
`NDArray[np.int64]`, `int`, `bool`, `str`, `float`, `dict`.
"""

from __future__ import annotations

import ast
import re
import types
import typing
from collections.abc import Iterable, Set
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.layers.inputs.dimensions import Dimensions, parse_axis, parse_shape

_KIND_BY_PREFIX = (
    ("UInt", "integer"), ("Int", "integer"), ("int", "integer"), ("uint", "integer"), ("signedinteger", "integer"),
    ("Bool", "boolean"), ("bool", "boolean"), ("Complex", "complex"), ("complex", "complex"),
    ("BFloat", "float"), ("Float", "float"), ("float", "float"), ("bfloat", "float"), ("floating", "float"),
    ("Inexact", "float"), ("Real", "float"), ("Num", "float"), ("Shaped", "float"),
    ("double", "float"), ("half", "float"),
)  # fmt: skip
_EXACT_DTYPE = re.compile(r"(?:b?float|bfloat|int|uint|complex)\d+", re.IGNORECASE)
_PLAIN = {"int": "config", "bool": "config", "str": "config", "dict": "config", "Dict": "config", "Callable": "config",
          "Mapping": "config", "TypedDict": "config", "Literal": "config", "float": "scalar"}  # fmt: skip
_ARRAYS = frozenset({"Array", "ndarray", "ArrayLike", "NDArray"})
"""Types of arrays, of which a union may name some beside plain numbers."""


@dataclass(frozen=True)
class Annotated:
    """What an annotation says; each part None or "" where it does not say.

    Attributes:
        dimensions: as in `ArgumentShape`.
        kind: `float`, `complex`, `integer`, `boolean`, `config`, `scalar` (a plain float: decided by what it is for).
        dtype: numpy's name, where one exact type is asked for.
        key: a JAX random key.
        choices: of a `Literal`.
    """

    dimensions: Dimensions | None = None
    kind: str = ""
    dtype: str = ""
    key: bool = False
    choices: tuple[Any, ...] = ()


def read(annotation: Any) -> Annotated | None:
    """What `annotation`, evaluated or a string, says; None where it says nothing."""
    if annotation is None or annotation is Any:
        return None
    if isinstance(annotation, str):
        try:
            return _from_tree(ast.parse(annotation.strip(), mode="eval").body)
        except (SyntaxError, ValueError):
            return None
    dim_str = getattr(annotation, "dim_str", None)
    if isinstance(dim_str, str):
        return _from_jaxtyping(getattr(annotation, "__name__", "").partition("[")[0], dim_str, _dtypes_of(annotation))
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        parts = typing.get_args(annotation)
        return _of_union((read(part) for part in parts), {getattr(part, "__name__", "") for part in parts})
    if hasattr(annotation, "__metadata__"):
        return _from_metadata(annotation.__metadata__, read(annotation.__origin__))
    if typing.get_origin(annotation) is typing.Literal:
        return Annotated(kind="config", choices=typing.get_args(annotation))
    if isinstance(annotation, type) and annotation.__name__ in _PLAIN:
        return Annotated(kind=_PLAIN[annotation.__name__])
    text = str(annotation)
    if "ndarray[" in text or "NDArray[" in text or text.startswith(("typing.", "collections.", "dict[", "numpy.")):
        return read(re.sub(r"<class '([\w.]+)'>", r"\1", text).replace("~", ""))
    return None


def axes_of(dim_str: str) -> Dimensions:
    """The axes of a jaxtyping dimension string, such as `*batch n 2*n dim=3 #m _ ...`.

    Any number of axes (`*batch`, `...`) becomes two; a fixed size keeps its number; an unnamed axis (`_`) gets a name
    of its own; an expression in braces reads the arguments of the function, which nobody can know, so it is unnamed.
    """
    axes: list[str | int] = []
    for position, token in enumerate(dim_str.split()):
        if token == "...":
            axes += ["batch_1", "batch_2"]
            continue
        prefix = re.match(r"[#*_?]*", token)
        marks = prefix.group() if prefix else ""
        name = token[len(marks) :]
        documented, _, fixed = name.partition("=")
        if fixed:
            name = fixed
        if "*" in marks:
            axes += [f"{name or documented}_1", f"{name or documented}_2"]
        elif "_" in marks or not name or "{" in name:
            axes.append(int(name) if name.isdigit() else f"axis_{position}")
        else:
            axis = parse_axis(name)
            axes.append(f"axis_{position}" if axis is None else axis)
    return tuple(axes)


def _from_jaxtyping(name: str, dim_str: str, dtypes: Iterable[str] = ()) -> Annotated | None:
    names = [str(dtype) for dtype in dtypes]
    if name.startswith(("Key", "PRNGKey")) or any(dtype.startswith("prng_key") for dtype in names):
        return Annotated((), "config", key=True)
    kind = _kind_of(name) or next((kind for dtype in names if (kind := _kind_of(dtype))), "float")
    exact = name.lower() if _EXACT_DTYPE.fullmatch(name) else names[0] if len(names) == 1 else ""
    return Annotated(axes_of(dim_str), kind, exact if _EXACT_DTYPE.fullmatch(exact) else "")


def _of_union(parts: Iterable[Annotated | None], names: Set[str]) -> Annotated | None:
    """The first that speaks; what takes arrays beside plain numbers, such as JAX's `ArrayLike`, is an array."""
    said = [part for part in parts if part is not None]
    if names & _ARRAYS:
        said = [part for part in said if part.dimensions is not None]
    return said[0] if said else None


def _name_of(node: ast.expr) -> str:
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _from_tree(node: ast.expr) -> Annotated | None:
    """From the syntax of an annotation that was left a string."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return _of_union(map(_from_tree, (node.left, node.right)), {_name_of(node.left), _name_of(node.right)})
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return read(node.value)
    if name := _name_of(node):
        if name in ("PRNGKeyArray", "KeyArray"):
            return Annotated((), "config", key=True)
        return Annotated(kind=_PLAIN[name]) if name in _PLAIN else None
    if not isinstance(node, ast.Subscript):
        return None
    head = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if head in ("Optional", "Union", "Final", "ClassVar"):
        return _of_union(map(_from_tree, parts), set(map(_name_of, parts)))
    if head == "Annotated" and parts:
        metadata = tuple(value for part in parts[1:] if (value := _literal(part)) is not None)
        return _from_metadata(metadata, _from_tree(parts[0]))
    if head == "Literal":
        return Annotated(kind="config", choices=tuple(_literal(part) for part in parts))
    if head in _PLAIN:
        return Annotated(kind=_PLAIN[head])
    last = _literal(parts[-1]) if len(parts) == 2 else None
    if isinstance(last, str) and (_kind_of(head) or head == "Key"):
        return _from_jaxtyping(head, last)
    return _from_numpy(parts) if head in ("NDArray", "ndarray", "Array") else None


def _from_numpy(parts: list[ast.expr]) -> Annotated | None:
    """`NDArray[np.int64]`, `ndarray[Any, np.dtype[np.float32]]`, `NDArray[Shape["N, D"], Float]`."""
    dimensions: Dimensions | None = None
    kind = dtype = ""
    for part in parts:
        for node in ast.walk(part):
            if (
                isinstance(node, ast.Subscript)
                and getattr(node.value, "id", getattr(node.value, "attr", "")) == "Shape"
            ):
                text = _literal(node.slice)
                dimensions = parse_shape(text) if isinstance(text, str) else None
            name = node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""
            found = _kind_of(name) if name else ""
            if found and not kind:
                kind = found
                # `NDArray[np.float64]` is what everybody writes for "floats": only a narrower type is a demand.
                dtype = name.lower() if _EXACT_DTYPE.fullmatch(name) and name.lower() not in ("float64",) else ""
    if dimensions is None and not kind:
        return None
    return Annotated(dimensions, kind, dtype)


def _from_metadata(metadata: Iterable[Any], base: Annotated | None) -> Annotated | None:
    for value in metadata:
        if isinstance(value, (tuple, list)) and all(isinstance(axis, (str, int)) for axis in value):
            dimensions: Dimensions | None = tuple(value)
        elif isinstance(value, str):
            dimensions = parse_shape(value) if "," in value or "(" in value else axes_of(value)
        else:
            continue
        if base is None:
            return Annotated(dimensions)
        return Annotated(dimensions, base.kind if base.kind not in ("config", "scalar") else "", base.dtype)
    return base


def _dtypes_of(annotation: Any) -> tuple[str, ...]:
    dtypes = getattr(annotation, "dtypes", ())
    return tuple(str(dtype) for dtype in dtypes) if isinstance(dtypes, (list, tuple)) else ()


def _kind_of(name: str) -> str:
    return next(
        (kind for prefix, kind in _KIND_BY_PREFIX if name.startswith(prefix) and name not in ("int", "bool")), ""
    )


def _literal(node: ast.expr) -> Any:
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError):
        return None
