"""The same random numbers for every call: a dropout mask must be one mask for all witnesses."""

from __future__ import annotations

import contextlib
import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

import numpy as np

from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, ForwardResult
from gradcheck_cli.layers.leaves import fresh, walk
from gradcheck_cli.layers.network import Graph

_Result = TypeVar("_Result")

_Generator, _RandomState = np.random.Generator, np.random.RandomState
"""NumPy's own classes: the second stands under another name while a call is held."""

# The global state is what users' layers draw from, so it is what must be held here: NPY002 is off for these lines.
_SEED_MASK = 0xFFFFFFFF
_DEPTH = 3
"""How deep generators are looked for: in the module, in its objects, in their lists and attributes."""


def repeatable(bound: BoundLayer, namespace: ModuleType, seed: int) -> BoundLayer:
    """`bound`, with every call of `initial`, `forward`, `evaluate` and `reference` begun in the same random state.

    Reset before a call and restored after it: NumPy's global state, Python's, generators that the module (or an
    object in it) holds. `np.random.default_rng()` and `RandomState()` without a seed get one during the call. A
    forward that draws nothing in its first call is called without any of this from then on.
    """
    return _Repeatable(bound, _Generators(namespace, seed & _SEED_MASK))


def is_nondeterministic(bound: BoundLayer, arguments: Mapping[str, Any]) -> bool:
    """Whether two calls of `evaluate` on equal arguments give different outputs; of a `repeatable` layer, ask this to
    find what no seed holds still: a counter, the clock, another library's generator.

    Raises:
        UserError: GC502, where the forward raises.
    """
    first, second = (bound.evaluate({name: fresh(value) for name, value in arguments.items()}) for _ in range(2))
    if len(first) != len(second):
        return True
    for one, other in zip(first, second):
        left, right = list(walk(one)), list(walk(other))
        if [path for path, _ in left] != [path for path, _ in right]:
            return True
        if not all(_same(a, b) for (_, a), (_, b) in zip(left, right)):
            return True
    return False


@dataclass
class _Generators:
    """All random states within reach of a module; before each call the k-th gets a state made of the seed and k.

    Not the state it had: the copy of the module that is traced must draw the numbers that the module itself draws,
    whatever each drew while it was imported.
    """

    namespace: ModuleType
    seed: int

    @contextlib.contextmanager
    def held(self) -> Iterator[Callable[[], bool]]:
        """The same random state inside each time; the caller's own is restored. Yields: has any been drawn from?"""
        own_numpy, own_python = np.random.get_state(), random.getstate()  # noqa: NPY002
        found = list(_reachable(self.namespace))
        before = [_state_of(generator) for generator in found]
        for position, generator in enumerate(found, 1):
            _reseed(generator, self.seed, position)
        np.random.seed(self.seed)  # noqa: NPY002
        random.seed(self.seed)
        start = _fingerprint(found)
        created: list[int] = []

        def drawn() -> bool:
            return bool(created) or _fingerprint(found) != start

        try:
            with _seeded_constructors(self.namespace, self.seed, created):
                yield drawn
        finally:
            np.random.set_state(own_numpy)  # noqa: NPY002
            random.setstate(own_python)
            for generator, state in zip(found, before):
                _set_state(generator, state)


class _Repeatable:
    """A bound layer whose calls all begin in one random state."""

    def __init__(self, bound: BoundLayer, generators: _Generators) -> None:
        self.inner = self._bound = bound
        self._generators = generators
        self._draws: dict[str, bool] = {}

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        return self._call("initial", lambda: self._bound.initial(arguments))

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        return self._call("forward", lambda: self._bound.forward(arguments))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        return self._bound.backward(result, cotangents, differentiable)

    def again(self, result: ForwardResult, arguments: Mapping[str, Any]) -> ForwardResult | None:
        """The forward once more on the same instance; None for layers that have none."""
        run = getattr(self._bound, "again", None)
        return None if run is None else self._call("forward", lambda: run(result, arguments))

    def without_update(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult | None:
        """The backward that updates no parameter; None for layers that have none."""
        run = getattr(self._bound, "without_update", None)
        return None if run is None else run(result, cotangents, differentiable)

    def own(self, result: ForwardResult) -> Mapping[str, Any]:
        """The instance's own parameters as they are now; empty for layers that have none."""
        read = getattr(self._bound, "own", None)
        return {} if read is None else read(result)

    @property
    def draws_numbers(self) -> bool:
        """Whether a call so far has drawn random numbers."""
        return any(self._draws.values())

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        return self._call("evaluate", lambda: self._bound.evaluate(arguments))

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        return self._call("reference", lambda: self._bound.reference(arguments))

    def _call(self, which: str, call: Callable[[], _Result]) -> _Result:
        if self._draws.get(which) is False:
            return call()
        with self._generators.held() as drawn:
            result = call()
            # Once it has drawn, it may again; only a first call that drew nothing lets the later ones go free.
            self._draws[which] = self._draws.get(which, False) or drawn()
        return result


def _reachable(namespace: ModuleType) -> Iterator[Any]:
    """Generators and RandomStates in a module: its globals, and what its objects, dicts and lists hold."""
    seen: set[int] = set()

    def visit(value: Any, depth: int) -> Iterator[Any]:
        if id(value) in seen or isinstance(value, (str, bytes, int, float, complex, np.ndarray, ModuleType, Graph)):
            return  # a network's layers are copied before each call, with the generators that they hold
        seen.add(id(value))
        if isinstance(value, (_Generator, _RandomState, random.Random)):
            yield value
            return
        if depth == 0:
            return
        if isinstance(value, dict):
            parts: list[Any] = list(value.values())[:200]
        elif isinstance(value, (list, tuple)):
            parts = list(value)[:200]
        else:
            parts = list(getattr(value, "__dict__", {}).values())[:200]
        for part in parts:
            yield from visit(part, depth - 1)

    for name, value in list(vars(namespace).items()):
        if not name.startswith("__"):
            with contextlib.suppress(Exception):  # an object of the user's that may not be looked at
                yield from visit(value, _DEPTH)


def _state_of(generator: Any) -> Any:
    if isinstance(generator, _Generator):
        return copy.deepcopy(generator.bit_generator.state)
    return generator.get_state() if isinstance(generator, _RandomState) else generator.getstate()


def _set_state(generator: Any, state: Any) -> None:
    if isinstance(generator, _Generator):
        generator.bit_generator.state = copy.deepcopy(state)
    elif isinstance(generator, _RandomState):
        generator.set_state(state)
    else:
        generator.setstate(state)


def _reseed(generator: Any, seed: int, position: int) -> None:
    if isinstance(generator, _Generator):
        fresh_bits: Any = type(generator.bit_generator)
        generator.bit_generator.state = fresh_bits([seed, position]).state
    elif isinstance(generator, _RandomState):
        generator.seed((seed + position) & _SEED_MASK)
    else:
        generator.seed(seed + position)


def _fingerprint(found: list[Any]) -> tuple[str, ...]:
    states = [np.random.get_state(), random.getstate(), *map(_state_of, found)]  # noqa: NPY002
    return tuple(repr(_plain(state)) for state in states)


def _plain(state: Any) -> Any:
    """A state whose `repr` shows every number (NumPy shortens long arrays)."""
    if isinstance(state, np.ndarray):
        return state.tobytes()
    if isinstance(state, dict):
        return {key: _plain(value) for key, value in state.items()}
    with contextlib.suppress(TypeError):
        hash(state)  # no array in it, hundreds of numbers though it may hold
        return state
    return tuple(_plain(part) for part in state) if isinstance(state, (tuple, list)) else state


@contextlib.contextmanager
def _seeded_constructors(namespace: ModuleType, seed: int, created: list[int]) -> Iterator[None]:
    """`np.random.default_rng()` and `RandomState()` without a seed take `seed` and n, the n-th of a call.

    Under the names that `from numpy.random import default_rng` gave them in the module too.
    """
    original_rng, original_state = np.random.default_rng, np.random.RandomState

    def default_rng(given: Any = None) -> np.random.Generator:
        if given is not None:
            return original_rng(given)
        created.append(1)
        return original_rng([seed, len(created)])

    class AsOriginal(type):
        def __instancecheck__(cls, value: Any) -> bool:
            return isinstance(value, original_state)

    class RandomState(original_state, metaclass=AsOriginal):  # type: ignore[valid-type, misc]
        def __init__(self, given: Any = None) -> None:
            if given is None:
                created.append(1)
                given = (seed + len(created)) & _SEED_MASK
            super().__init__(given)

    places = [(np.random, "default_rng"), (np.random, "RandomState")]
    places += [
        (namespace, name) for name, value in vars(namespace).items() if value is original_rng or value is original_state
    ]
    originals = [(place, name, getattr(place, name)) for place, name in places]
    for place, name, original in originals:
        setattr(place, name, default_rng if original is original_rng else RandomState)
    try:
        yield
    finally:
        for place, name, original in originals:
            setattr(place, name, original)


def _same(one: Any, other: Any) -> bool:
    try:
        return bool(np.array_equal(np.asarray(one), np.asarray(other), equal_nan=True))
    except TypeError:
        return bool(np.array_equal(np.asarray(one), np.asarray(other)))
