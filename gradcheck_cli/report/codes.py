"""The rule catalogue: each code and its name. Once released, a code keeps its meaning."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

RULES: Mapping[str, str] = MappingProxyType(
    {
        "GC101": "wrong-shape",
        "GC102": "wrong-count",
        "GC103": "missing-gradient",
        "GC104": "wrong-dtype",
        "GC105": "wrong-structure",
        "GC201": "mismatch",
        "GC202": "constant-factor",
        "GC203": "sign",
        "GC204": "transposed",
        "GC205": "swapped-gradients",
        "GC206": "wrong-reduction",
        "GC207": "upstream-ignored",
        "GC208": "local-gradient-missing",
        "GC209": "path-dropped",
        "GC210": "path-scaled",
        "GC211": "confined-to-region",
        "GC212": "wrong-mask",
        "GC213": "misplaced",
        "GC214": "stale-cache",
        "GC301": "mutates-input",
        "GC302": "mutates-upstream",
        "GC303": "mutates-cache",
        "GC304": "not-linear",
        "GC305": "nondeterministic",
        "GC306": "aliased-gradient",
        "GC307": "forward-mismatch",
        "GC308": "accumulates",
        "GC401": "non-finite",
        "GC402": "precision-loss",
        "GC403": "unstable",
        "GC500": "internal-error",
        "GC501": "cannot-load",
        "GC502": "cannot-run",
        "GC503": "unknown-shapes",
        "GC504": "timeout",
        "GC505": "crash",
    }
)
