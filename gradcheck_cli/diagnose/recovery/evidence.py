"""The backward under many upstream gradients at one input: what it gets wrong is linear in them.

Under one upstream gradient a wrong number in one place can look like many things. Under a dozen of them, the local
derivatives, which do not depend on the upstream gradient, can be solved for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.diagnose.gates.case import GateCase
from gradcheck_cli.diagnose.gates.errors import Wrong
from gradcheck_cli.diagnose.gates.reverse import Row
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.leaves import fresh, is_floating, rebuild, walk
from gradcheck_cli.witnesses.conduct.situations import Situations
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import like, widened

Array = NDArray[Any]

MOST, FEWEST = 24, 4
"""Upstream gradients."""

SECONDS = 0.5
"""The user's backward is run again for about so long, whatever it takes; `FEWEST` times at least."""

STREAM = 0x52
"""Sets this stage's random numbers apart from those of other stages under the same seed."""

SAME = 1e-9
"""How far apart two runs may be that must be the same, relative to the largest number."""


@dataclass(frozen=True)
class Evidence:
    """What came of each upstream gradient; the first is the case's own.

    Attributes:
        errors: of which leaves, those of the gate's case that were judged.
        arriving: by value, the right gradient there, one row an upstream gradient, flattened.
        rights: by leaf of `errors`, the right gradient at the elements that count, one row likewise.
        wrongs: by leaf, yours less that.
        noise: by leaf, how large the rounding in all of those may be.
        outputs: the values that are put out.
    """

    errors: tuple[Wrong, ...]
    arriving: dict[int, Array]
    rights: tuple[Array, ...]
    wrongs: tuple[Array, ...]
    noise: tuple[float, ...]
    outputs: frozenset[int]

    @property
    def count(self) -> int:
        """How many upstream gradients there are."""
        return len(self.wrongs[0])

    @property
    def above(self) -> Array:
        """The upstream gradients of all outputs."""
        return np.concatenate([self.arriving[value] for value in sorted(self.outputs)], axis=1)


def evidence_of(subject: Subject, case: GateCase) -> Evidence | None:
    """None where the backward cannot be run again, or does something else the second time; or the forward is large."""
    outputs = case.forward.steps.outputs
    if case.reverse.most < MOST or any(
        operand.value is not None and operand.value not in case.reverse.open for operand in outputs
    ):
        return None
    upstreams, gradients = _replayed(subject, case)
    if len(upstreams) < (1 if subject.case.layer.unit_upstream else FEWEST):
        return None
    rows = []
    for flat in map(_flat, upstreams):
        entering: dict[int, Array] = {}
        for operand, cotangent in zip(outputs, flat):
            if operand.value is not None:
                entering[operand.value] = entering.get(operand.value, 0.0) + cotangent
        rows.append(Row(entering=entering, is_alone=True))
    right, inside = case.reverse.flowing(rows, case.reverse.open)
    rights, wrongs, noise = [], [], []
    for one in case.errors:
        held = right[one.leaf].reshape(len(rows), -1)
        scale = float(np.abs(one.right).max(initial=0.0))
        if (np.abs(held[0] - one.right)[one.at] > one.tolerance[one.at]).any():
            return None
        yours = np.array([each[one.leaf] for each in gradients])
        if not np.isfinite(yours).all() or (np.abs(yours[0] - one.yours) > SAME * np.abs(one.yours).max()).any():
            return None
        rights.append(held[:, one.at])
        wrongs.append((yours - held)[:, one.at])
        allowed = float(np.linalg.norm(one.tolerance[one.at]))
        noise.append(allowed * float(np.abs(held).max(initial=0.0)) / scale * np.sqrt(len(rows)) if scale else 0.0)
    arriving = {value: array.reshape(len(rows), -1) for value, array in inside.items()}
    produced = frozenset(operand.value for operand in outputs if operand.value is not None)
    return Evidence(case.errors, arriving, tuple(rights), tuple(wrongs), tuple(noise), produced)


def _replayed(subject: Subject, case: GateCase) -> tuple[list[tuple[Any, ...]], list[list[Array]]]:
    """Upstream gradients, and by leaf what the user's backward gave for each, flattened."""
    rng = np.random.default_rng((subject.case.seed, subject.case.draw, STREAM))
    situations, own = Situations(subject), subject.upstream.cotangents
    upstreams: list[tuple[Any, ...]] = []
    gradients: list[list[Array]] = []
    started = time.perf_counter()
    for number in range(1 if subject.case.layer.unit_upstream else MOST):
        if number >= FEWEST and (time.perf_counter() - started) * (number + 1) / number > SECONDS:
            break
        upstream = own if not number else _drawn(own, rng)
        try:
            found = situations.gradients(tuple(fresh(cotangent) for cotangent in upstream))
        except UserError:
            break
        sizes = [None if each is None else each.size for each in found]
        if any(sizes[one.leaf] != one.right.size for one in case.errors):
            break
        upstreams.append(upstream)
        gradients.append([np.zeros(0) if one is None else np.asarray(one).reshape(-1) for one in found])
    return upstreams, gradients


def _drawn(upstream: tuple[Any, ...], rng: np.random.Generator) -> tuple[Any, ...]:
    def leaf(_: Any, value: Any) -> Any:
        if not is_floating(value):
            return fresh(value)
        size = float(np.abs(widened(value)).max(initial=0.0)) or 1.0
        return like(value, size * rng.uniform(-1, 1, np.shape(value)))

    return tuple(rebuild(item, leaf) for item in upstream)


def _flat(upstream: tuple[Any, ...]) -> list[Array]:
    return [np.asarray(widened(value)) for item in upstream for _, value in walk(item) if is_floating(value)]
