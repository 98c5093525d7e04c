"""The very inputs that gradcheck draws for a layer under a seed, and the gradients of a backward on them."""

from __future__ import annotations

import shutil
import signal
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.checking.draws import Draws
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import BoundLayer, Layer
from gradcheck_cli.layers.leaves import at
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.users_code import quiet
from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.witnesses.analytic import run_backward, run_forward
from gradcheck_cli.witnesses.conduct.replay import with_leaves
from gradcheck_cli.witnesses.differences.evaluate import flat_outputs
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import draw_upstream, widened

Gradient = NDArray[Any] | None
"""The gradient of one leaf, None where nothing came back."""


@dataclass(frozen=True)
class Drawn:
    """One draw of a layer, with the upstream gradient that gradcheck hands to its backward."""

    case: Case
    upstream: Upstream


@dataclass(frozen=True)
class Ran:
    """A forward's floating outputs, and its backward's gradients, one a leaf."""

    outputs: tuple[NDArray[Any], ...]
    gradients: tuple[Gradient, ...]


@dataclass(frozen=True)
class RightLayer:
    """A right layer under one seed: what it is and what gradcheck draws for it."""

    module: Module
    layer: Layer
    bound: BoundLayer
    specification: Specification
    draws: tuple[Drawn, ...]


def right_layer(module: Module, layer: Layer, inputs: InputOptions) -> RightLayer:
    """Draw a layer's cases, the same that `gradcheck run` draws with these options.

    Raises:
        UserError: GC502 or GC503, where it cannot be run.
    """
    start("cpu")
    with quiet():
        bound = bind(module, layer, inputs.seed)
        specification = specify(layer, module, bound, inputs)
        draws = Draws(module, layer, bound, specification, inputs, Traces("cpu"))
        taken = [draws.take(index) for index in range(inputs.draws)]
    drawn = tuple(Drawn(one.case, draw_upstream(layer, one.case, one.result.outputs)) for one in taken)
    return RightLayer(module, layer, bound, specification, drawn)


def dtype_of(right: RightLayer) -> str:
    """The narrowest floating dtype that the layer is given: what was asked for, or what it declares."""
    leaves = [leaf.value.dtype for drawn in right.draws for leaf in drawn.case.leaves]
    return str(max((np.dtype(dtype) for dtype in leaves), key=lambda dtype: float(np.finfo(dtype).eps)))


def bind(module: Module, layer: Layer, seed: int) -> BoundLayer:
    """The layer, callable, with its random numbers held still."""
    return repeatable(layer.bind(module.namespace), module.namespace, seed)


def run(bound: BoundLayer, drawn: Drawn) -> Ran:
    """Forward and backward on a draw. Raises what they raise."""
    with quiet():
        result = run_forward(bound, drawn.case)
        outputs = tuple(np.array(widened(output)) for output in flat_outputs(result.outputs))
        analytic = run_backward(bound, drawn.case, result, drawn.upstream)
    return Ran(outputs, leaf_gradients(drawn.case, analytic.backward.gradients))


def leaf_gradients(case: Case, gradients: Any) -> tuple[Gradient, ...]:
    """One array a leaf, widened; None where nothing came back or nothing that is a number."""
    return tuple(_array(gradients.get(leaf.argument), leaf.path) for leaf in case.leaves)


def _array(gradient: Any, path: tuple[Any, ...]) -> Gradient:
    try:
        node = at(gradient, path)
    except (LookupError, TypeError):
        return None
    if node is None:
        return None
    try:
        return np.array(widened(node))
    except (TypeError, ValueError):
        return None


STEPS = (-4.0, -3.0, -2.0, -1.0, 1.0, 2.0, 3.0, 4.0)
"""How many roundings an element is moved by: different ones part what is tied."""

TYPICAL_STEP = 2.5


def moved(drawn: Drawn, size: float, seed: int) -> Drawn:
    """The draw with every floating element off by a few times `size` of itself, at random, and rounded to its dtype.

    An even seed and the next one move to opposite sides, so that one of them leaves a kink on the side where the
    convention does not hold. What is zero moves by as much as if it were one.
    """
    rng = np.random.default_rng(seed // 2)
    side = 1 - 2 * (seed % 2)
    leaves = []
    for leaf in drawn.case.leaves:
        value = widened(leaf.value)
        step = side * size * rng.choice(STEPS, leaf.value.shape)
        leaves.append((value + step * np.where(value == 0, 1.0, value)).astype(leaf.value.dtype))
    return Drawn(with_leaves(drawn.case, tuple(leaves)), drawn.upstream)


def elsewhere(drawn: Drawn, specification: Specification, seed: int) -> Drawn:
    """The draw with normal deviates in place of the values of every leaf that may have any value.

    They owe nothing to the way gradcheck draws: near kinks and beyond every clip bound too.
    """
    rng = np.random.default_rng([seed, 1])
    leaves = []
    for leaf in drawn.case.leaves:
        free = not specification.shapes[leaf.argument].domain and specification.make is None
        values = rng.normal(0.0, 2.0, leaf.value.shape).astype(leaf.value.dtype) if free else leaf.value
        leaves.append(values)
    return Drawn(with_leaves(drawn.case, tuple(leaves)), drawn.upstream)


AGAIN = 0.2
"""Seconds after which `TooSlow` is raised again."""


class TooSlow(BaseException):
    """The user's code ran past its limit; no `Exception`, lest that code catch it."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raise `TooSlow` in the block after so many seconds of this process's own work; in its main thread only.

    Again and again, lest it be caught and taken for an error of the user's; once more at the end, where it was.
    """
    fired: list[int] = []

    def interrupt(*_: Any) -> None:
        fired.append(1)
        raise TooSlow

    before = signal.signal(signal.SIGPROF, interrupt)
    signal.setitimer(signal.ITIMER_PROF, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)
    if fired:
        raise TooSlow


@contextmanager
def written(module: Path, source: str) -> Iterator[Path]:
    """A copy of a module with another text, in a folder of its own with the modules that stand beside it.

    Right modules are copied too: what gradcheck loads from a folder it forgets when it turns to another one, this
    package's own modules among them.
    """
    with tempfile.TemporaryDirectory(prefix="zoo_") as folder:
        for path in module.parent.glob("*.py"):
            if path.name != "__init__.py":
                shutil.copyfile(path, Path(folder) / path.name)
        path = Path(folder) / module.name
        path.write_text(source, encoding="utf-8")
        yield path


def load_layer(path: Path, name: str) -> tuple[Module, Layer]:
    """Import a module and find the layer of this name in it.

    Raises:
        UserError: GC501, where it does not import.
        LookupError: where it has no such layer.
    """
    with quiet():
        module = load(path)
    for layer in find(module).layers:
        if layer.name == name:
            return module, layer
    raise LookupError(f"no layer `{name}` in {path.name}")


def load_layers(path: Path) -> tuple[Module, Sequence[Layer]]:
    """Import a module and find its layers."""
    with quiet():
        module = load(path)
    return module, find(module).layers
