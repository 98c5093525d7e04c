"""A user's module, loaded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import ModuleType


@dataclass(frozen=True)
class Module:
    """A user's module, imported as `python FILE` or `import package.module` would.

    Attributes:
        path: the file, absolute.
        name: its dotted name in `sys.modules` (`package.sub.mylayer`, or `mylayer` for a file outside a package).
        namespace: the imported module.
        source: its text.
        project: the folder whose modules are the user's own: the one that holds the top-level package, or the
            file's folder. Modules under it (and not under site-packages, unless `path` is) are copied for tracing.
        uses_jax: it or a module of the project that it imports has imported jax.
        replaced: what it had replaced in libraries when it was imported (`numpy.sum`); it was put back.
    """

    path: Path
    name: str
    namespace: ModuleType
    source: str
    project: Path
    uses_jax: bool
    replaced: tuple[str, ...] = ()
