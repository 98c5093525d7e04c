"""How a layer is called: what goes in, what comes in from above, and which argument has which gradient."""

from __future__ import annotations

from gradcheck_cli.report.escaping import one_line
from gradcheck_cli.report.model import LayerReport
from gradcheck_cli.report.shapes import shape_text
from gradcheck_cli.saved.model import KeptInput, KeptLayer

NO_GRADIENT = "no gradient"


def convention_rows(layer: LayerReport, kept: KeptLayer | None) -> list[tuple[str, str, str]]:
    """What goes in, what it is, and what comes back for it: `dx (4, 3) float64`, or that it has no gradient.

    The upstream gradients come last, and nothing comes back for them.
    """
    if kept is None:
        return [
            (one_line(each.name), one_line(shape_text(each.shape, each.dimensions)), one_line(each.gradient_name))
            for each in layer.arguments
        ]
    back = {}
    for leaf in kept.leaves:
        yours = leaf.arrays.get("yours")
        shape = "did not come back" if yours is None else shape_text(yours.shape)
        back[leaf.name] = " ".join(filter(None, (leaf.gradient_name, shape, leaf.gradient_dtype)))
    rows = [(each.name, _told(each), back.get(each.name, NO_GRADIENT)) for each in kept.arguments]
    rows += [(each.name, f"{_told(each)}, upstream", "") for each in kept.upstream]
    return [(one_line(name), one_line(what), one_line(comes)) for name, what, comes in rows]


def _told(given: KeptInput) -> str:
    if given.array is None:
        return f"= {given.shown}" if given.shown else "no array"
    return f"{shape_text(given.array.shape, given.dimensions)} {given.array.dtype}"
