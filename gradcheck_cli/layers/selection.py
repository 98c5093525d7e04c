"""Which layers `PATH::NAME` means."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from gradcheck_cli.errors import UserError


class Named(Protocol):
    """A layer, or what is known of one elsewhere."""

    @property
    def name(self) -> str:
        """As `PATH::NAME` picks it."""

    @property
    def aliases(self) -> tuple[str, ...]:
        """Other names that pick it."""


Layer = TypeVar("Layer", bound=Named)


def select(layers: Sequence[Layer], name: str) -> tuple[Layer, ...]:
    """The layers that a name picks: by the layer's own name, else by that of its forward or backward; () for none."""
    exact = tuple(layer for layer in layers if layer.name == name)
    return exact or tuple(layer for layer in layers if name in layer.aliases)


def no_such_layer(path: Path, name: str, names: Sequence[str]) -> UserError:
    """The error for a name that none of the layers of `path`, called `names`, goes by."""
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
    known = f"its layers are {', '.join(f'`{item}`' for item in names[:12])}" if names else "it has no layers"
    mend = f"did you mean `{path}::{close[0]}`?" if close else f"see `gradcheck list {path}`"
    return UserError(f"no layer `{name}` in `{path}`: {known}", path=path, mend=mend)
