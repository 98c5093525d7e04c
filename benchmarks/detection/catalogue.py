"""The bugs that a run plants: those made by hand, and for each layer a few mutants that run and are wrong."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.detection.bug import Bug, planted_by_hand
from benchmarks.detection.cases import (
    RightLayer,
    bind,
    dtype_of,
    elsewhere,
    load_layer,
    load_layers,
    right_layer,
    written,
)
from benchmarks.detection.effect import Effect, Runs, difference, runs
from benchmarks.detection.mutation import mutants
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions

SCREENING_SEEDS = (0, 1)
"""A mutant without effect under all of these, and on inputs drawn in another way, counts as equivalent."""


@dataclass(frozen=True)
class Catalogue:
    """What is planted in one module, or in several.

    Attributes:
        layers: the right layers, as (module, name).
        bugs: the hand-planted ones, then the mutants.
        unseen: mutants that are wrong, but on none of the drawn inputs: a weakness of how inputs are drawn.
        left_out: how many mutants were tried and left out, by why.
        problems: right layers that do not run.
    """

    layers: tuple[tuple[Path, str], ...] = ()
    bugs: tuple[Bug, ...] = ()
    unseen: tuple[Bug, ...] = ()
    left_out: Counter[str] = field(default_factory=Counter)
    problems: tuple[str, ...] = ()

    def __add__(self, other: Catalogue) -> Catalogue:
        return Catalogue(
            self.layers + other.layers,
            self.bugs + other.bugs,
            self.unseen + other.unseen,
            self.left_out + other.left_out,
            self.problems + other.problems,
        )


def layer_names(path: Path) -> list[str]:
    """The layers of one module of the zoo."""
    with written(path, path.read_text(encoding="utf-8")) as copy:
        return [layer.name for layer in load_layers(copy)[1]]


def catalogue(path: Path, names: Sequence[str], mutants_a_layer: int, seed: int = 0) -> Catalogue:
    """The bugs of some layers of one module; the same every time.

    Args:
        names: which layers.
        mutants_a_layer: how many mutants each of its layers gets, as far as it has so many.
        seed: decides which.
    """
    with written(path, path.read_text(encoding="utf-8")) as copy:
        module, layers = load_layers(copy)
        orders = mutants(path, module.source, layers, seed)
        chosen = [layer for layer in layers if layer.name in names]
        by_hand = tuple(bug for bug in planted_by_hand(path) if bug.layer in names)
        found = Catalogue(tuple((path, layer.name) for layer in chosen), by_hand)
        for layer in chosen:
            try:
                found += _of_layer(module, layer, orders.get(layer.name, []), mutants_a_layer, found.bugs)
            except Exception as error:
                found += Catalogue(problems=(f"{path.stem}::{layer.name} cannot be mutated: {error}",))
    return found


def _of_layer(module: Module, layer: Layer, order: Iterable[Bug], wanted: int, taken: Sequence[Bug]) -> Catalogue:
    sources = {bug.source for bug in taken}
    screen = Screen(module, layer)
    bugs: list[Bug] = []
    unseen: list[Bug] = []
    left_out: Counter[str] = Counter()
    for bug in order if wanted else ():
        if bug.source in sources:
            continue
        drawn, other = screen.effects(bug)
        if drawn is Effect.CHANGED:
            bugs.append(bug)
            if len(bugs) == wanted:
                break
        elif drawn in (Effect.NONE, Effect.SMALL) and other is Effect.CHANGED:
            unseen.append(bug)
        else:
            left_out[str(drawn)] += 1
    return Catalogue((), tuple(bugs), tuple(unseen), left_out)


class Screen:
    """Tells whether mutants of one layer are wrong, on drawn inputs and on others; draws no more than it must."""

    def __init__(self, module: Module, layer: Layer) -> None:
        self._module = module
        self._layer = layer
        self._rights: dict[int, RightLayer] = {}
        self._runs: dict[tuple[int, bool], list[Runs]] = {}

    def _right(self, seed: int) -> RightLayer:
        if seed not in self._rights:
            self._rights[seed] = right_layer(self._module, self._layer, InputOptions(seed=seed))
        return self._rights[seed]

    def _right_runs(self, seed: int, is_drawn: bool) -> list[Runs]:
        if (seed, is_drawn) not in self._runs:
            right = self._right(seed)
            self._runs[seed, is_drawn] = (
                [runs(right.bound, one, dtype_of(right)) for one in right.draws] if is_drawn else _elsewhere(right)
            )
        return self._runs[seed, is_drawn]

    def effects(self, bug: Bug) -> tuple[Effect, Effect]:
        """On drawn inputs, and on others; what shows on the first seed's draws is looked at no further."""
        with written(bug.module, bug.source) as path:
            try:
                module, layer = load_layer(path, bug.layer)
                bounds = {seed: bind(module, layer, seed) for seed in SCREENING_SEEDS}
            except (UserError, LookupError):
                return Effect.CRASH, Effect.CRASH
            found = [Effect.NONE, Effect.NONE]
            for is_drawn in (True, False):
                for seed in SCREENING_SEEDS:
                    dtype = dtype_of(self._right(seed))
                    effect = difference(self._right_runs(seed, is_drawn), bounds[seed], dtype).effect
                    if effect not in (Effect.NONE, Effect.SMALL):
                        return (effect, effect) if is_drawn else (found[0], effect)
                    found[not is_drawn] = max(found[not is_drawn], effect, key=(Effect.NONE, Effect.SMALL).index)
            return found[0], found[1]


def _elsewhere(right: RightLayer) -> list[Runs]:
    found = []
    for one in right.draws:
        try:
            found.append(runs(right.bound, elsewhere(one, right.specification, one.case.seed), dtype_of(right)))
        except Exception:  # the layer does not take any values
            continue
    return found
