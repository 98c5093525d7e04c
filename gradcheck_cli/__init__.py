"""gradcheck: is the hand-written backward pass right, which elements are wrong, and why."""

from typing import TYPE_CHECKING, Any

from gradcheck_cli._version import __version__

if TYPE_CHECKING:
    from gradcheck_cli.layers.explicit import layer

__all__ = ["__version__", "layer"]

_HOMES = {"layer": "gradcheck_cli.layers.explicit"}


def __getattr__(name: str) -> Any:
    """Public names are imported when they are asked for: `gradcheck --help` must not wait for any of them."""
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
