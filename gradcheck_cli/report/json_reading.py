"""The JSON report, read back: `docs/report.schema.json` says what it holds.

What it does not hold is missing: the values of large inputs, the maps of wrong elements, the names of the inputs' axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gradcheck_cli.report.codes import RULES
from gradcheck_cli.report.json_part import Malformed, Part
from gradcheck_cli.report.model import (
    ArgumentReport,
    Blame,
    DrawReport,
    Element,
    Finding,
    LayerReport,
    NamedArray,
    Report,
    Suppressed,
    UnusedIgnore,
)
from gradcheck_cli.report.network.json_reading import network_of

MODULE = "module"
"""The `convention` of an entry that stands for a whole module, see `report.json`."""


@dataclass(frozen=True)
class Described:
    """An array of which only this was said."""

    text: str

    def __repr__(self) -> str:
        return self.text


def report_of(document: Part) -> Report:
    """The report.

    Raises:
        Malformed: where the document does not follow the schema.
    """
    entries = tuple(document.part("layers").items())
    modules = [entry for entry in entries if entry.part("convention").text() == MODULE]
    layers = [entry for entry in entries if entry.part("convention").text() != MODULE]
    return Report(
        version=document.part("version").text(),
        seed=document.part("seed").size(),
        device=document.part("device").text(),
        layers=tuple(map(_layer, layers)),
        errors=tuple(found for entry in modules for found in entry.part("findings").each(_finding)),
        notes=document.part("notes").texts(),
        seconds=document.part("seconds").real(),
        suppressed=tuple(one for entry in modules for one in entry.part("suppressed").each(_suppressed)),
        unused_ignores=document.part("unused_ignores", []).each(_unused),
    )


def _layer(part: Part) -> LayerReport:
    return LayerReport(
        name=part.part("name").text(),
        path=part.part("path").text(),
        line=part.part("line").size(),
        convention=part.part("convention").text(),
        status=part.part("status").status(),
        arguments=part.part("arguments").each(_argument),
        findings=part.part("findings").each(_finding),
        sensitivity=part.part("sensitivity").maybe(Part.real),
        typical_sensitivity=part.part("typical_sensitivity", None).maybe(Part.real),
        witnesses=part.part("witnesses").texts(),
        notes=part.part("notes").texts(),
        failing_draw=part.part("failing_draw", None).maybe(_draw),
        reproduce=part.part("reproduce").text(),
        checked=part.part("checked").texts(),
        script=part.part("script", "").text(),
        draws=part.part("draws").size(),
        seconds=part.part("seconds").real(),
        equations=part.part("equations").size(),
        cached=part.part("cached", False).flag(),
        suppressed=part.part("suppressed", []).each(_suppressed),
        network=part.part("network", None).maybe(network_of),
    )


def _argument(part: Part) -> ArgumentReport:
    shape, dimensions = part.part("shape").shape(), part.part("dimensions").texts()
    if dimensions and len(dimensions) != len(shape):
        raise Malformed(f"`{part.place}` has {len(shape)} axes and {len(dimensions)} names for them")
    worst = part.part("worst").each(_element)
    for element in worst:
        if len(element.index) != len(shape) or any(at >= size for at, size in zip(element.index, shape)):
            raise Malformed(f"`{part.place}.worst` has an element outside of its array")
    return ArgumentReport(
        name=part.part("name").text(),
        gradient_name=part.part("gradient_name").text(),
        status=part.part("status").status(),
        shape=shape,
        dimensions=dimensions,
        max_abs_error=part.part("max_abs_error").maybe(Part.real),
        max_rel_error=part.part("max_rel_error").maybe(Part.real),
        wrong=part.part("wrong").size(),
        total=part.part("total").size(),
        decided_by=part.part("decided_by").maybe(Part.text) or "",
        worst=worst,
        draw=part.part("draw").size(),
        why=part.part("why").text(),
        gradient_shape=part.part("gradient_shape", None).maybe(Part.shape),
    )


def _element(part: Part) -> Element:
    return Element(
        index=part.part("index").shape(),
        yours=part.part("yours").number(),
        autodiff=part.part("autodiff").maybe(Part.number),
        finite_difference=part.part("finite_difference").maybe(Part.number),
        error_bar=part.part("error_bar").maybe(Part.real),
        tolerance=part.part("tolerance").real(),
        ratio=part.part("ratio").maybe(Part.number),
    )


def _finding(part: Part) -> Finding:
    code = part.part("code").text()
    if code not in RULES:
        raise Malformed(f"`{part.place}.code` is {code[:40]!r}, no code of a rule")
    return Finding(
        code=code,
        message=part.part("message").text(),
        path=part.part("path").text(),
        line=part.part("line").maybe(Part.size),
        argument=part.part("argument").maybe(Part.text),
        index=part.part("index").maybe(Part.shape),
        yours=part.part("yours").maybe(Part.number),
        autodiff=part.part("autodiff").maybe(Part.number),
        finite_difference=part.part("finite_difference").maybe(Part.number),
        error_bar=part.part("error_bar").maybe(Part.real),
        mend=part.part("mend").maybe(Part.text),
        inputs=part.part("inputs", []).each(_named),
        blame=part.part("blame", None).maybe(_blame),
    )


def _blame(part: Part) -> Blame:
    return Blame(
        path=part.part("path").text(),
        line=part.part("line").size(),
        end_line=part.part("end_line").size(),
        expression=part.part("expression").text(),
        operand=part.part("operand").maybe(Part.text) or "",
        factor=part.part("factor").maybe(Part.real),
        explains=part.part("explains").real(),
        source=part.part("source").text(),
        is_part=part.part("is_part", False).flag(),
    )


def _suppressed(part: Part) -> Suppressed:
    return Suppressed(_finding(part.part("finding")), part.part("by").text())


def _unused(part: Part) -> UnusedIgnore:
    return UnusedIgnore(
        path=part.part("path").text(),
        line=part.part("line").maybe(Part.size),
        ignore=part.part("ignore").text(),
        message=part.part("message").text(),
        mend=part.part("mend").text(),
    )


def _draw(part: Part) -> DrawReport:
    return DrawReport(
        index=part.part("index").size(),
        seed=part.part("seed").size(),
        arguments=part.part("arguments").each(_named),
        upstream=part.part("upstream").each(_named),
        dimensions=tuple((name, size.size()) for name, size in part.part("dimensions").pairs()),
    )


def _named(part: Part) -> NamedArray:
    """A small array comes back as one, a large one as what was said of it."""
    name, source = part.part("name").text(), part.part("source").text()
    if (dtype := part.part("dtype", None).maybe(Part.text)) is None:
        return NamedArray(name, part.part("value").value, (), source)
    shape = part.part("shape").shape()
    if (said := part.part("statistics", None).maybe(Part.text)) is not None:
        return NamedArray(name, Described(said), (), source)
    return NamedArray(name, _array(part.part("value"), dtype, shape), (), source)


def _array(part: Part, dtype: str, shape: tuple[int, ...]) -> Any:
    """The values as they are, in an array where NumPy knows the dtype."""
    import numpy as np

    flat: list[Any] = []
    _flatten(part, len(shape), flat)
    kind = dtype if dtype in _PLAIN else "complex128" if any(isinstance(value, complex) for value in flat) else None
    try:
        return np.array(flat, dtype=kind).reshape(shape)
    except (ValueError, TypeError, OverflowError) as error:
        raise Malformed(f"`{part.place}` is no array of {dtype[:40]} of this shape: {error}") from None


_PLAIN = frozenset(
    f"{kind}{bits}"
    for kind, sizes in (("float", (16, 32, 64)), ("int", (8, 16, 32, 64)), ("uint", (8, 16, 32, 64)))
    for bits in sizes
) | {"bool", "complex64", "complex128"}


def _flatten(part: Part, axes: int, flat: list[Any]) -> None:
    if axes:
        for item in part.items():
            _flatten(item, axes - 1, flat)
    elif isinstance(part.value, (bool, str)) and part.value not in ("NaN", "Infinity", "-Infinity"):
        flat.append(part.value)
    else:
        flat.append(part.value if isinstance(part.value, int) else part.number())
