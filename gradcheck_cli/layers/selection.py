"""Which layers `PATH::NAME` means."""

from __future__ import annotations

import difflib

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.discovery import Discovery
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module


def select(discovery: Discovery, name: str, module: Module) -> tuple[Layer, ...]:
    """The layers that `PATH::NAME` picks: by the layer's name, else by that of its forward or backward.

    Raises:
        UserError: without a code, where no layer goes by that name.
    """
    exact = tuple(layer for layer in discovery.layers if layer.name == name)
    found = exact or tuple(layer for layer in discovery.layers if name in layer.aliases)
    if found:
        return found
    names = [layer.name for layer in discovery.layers]
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    known = ", ".join(f"`{item}`" for item in names[:12]) or "none"
    raise UserError(
        f"`{module.path.name}` has no layer `{name}`; it has {known}",
        path=module.path,
        mend=f"write `{module.path.name}::{close[0]}`" if close else f"run `gradcheck list {module.path.name}`",
    )
