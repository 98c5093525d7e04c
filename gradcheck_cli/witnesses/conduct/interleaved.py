"""Two calls of the forward whose backwards are mixed: does each gradient belong to its own call?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.layers.leaves import fresh, is_floating, rebuild, walk
from gradcheck_cli.witnesses.analytic import copies
from gradcheck_cli.witnesses.conduct.once_more import OnceMore
from gradcheck_cli.witnesses.conduct.situations import Gradients, Situations
from gradcheck_cli.witnesses.upstream import like, widened

STREAM = 0x49
"""Sets this stage's random numbers apart from those of other stages under the same seed."""

_VERY_MANY = 10_000
"""Elements of an array that are not permuted one by one: that takes as long as the layer."""


@dataclass(frozen=True)
class Interleaved:
    """forward(A), forward(B), backward of A.

    Attributes:
        inputs: B.
        alone: A's gradients with nothing in between.
        mixed: with B's forward in between; None where the backward raised, and `error` says what.
        other: B's own gradients, None where its backward raises.
    """

    inputs: Mapping[str, Any]
    alone: Gradients
    mixed: Gradients | None
    other: Gradients | None
    error: UserError | None = None


@dataclass(frozen=True)
class Reused:
    """One instance for two calls: forward(A), backward, forward(B), backward.

    Attributes:
        earlier: A's gradients.
        overwritten: by leaf, what the arrays that A's backward returned hold in the end, where that is another thing.
        outputs, gradients: B's on that instance; `gradients` is None where the backward raised.
        own_outputs, own: B's on an instance of its own.
        trained: the parameters were given other values in place before B, as an optimizer gives them.
    """

    earlier: Gradients
    outputs: tuple[NDArray[Any], ...]
    gradients: Gradients | None
    own_outputs: tuple[NDArray[Any], ...]
    own: Gradients
    overwritten: Gradients = ()
    error: UserError | None = None
    trained: bool = False


def interleaved(situations: Situations, once: OnceMore) -> Interleaved | None:
    """Run another forward between a forward and its backward; None where no other inputs make the forward run."""
    for integers in (True, False):
        other_inputs = others(situations.case, integers=integers)
        first = situations.forward()
        try:
            between = situations.forward(copies(other_inputs))
        except UserError:
            continue
        try:
            mixed = situations.backward(first).gradients
        except UserError as error:
            return Interleaved(other_inputs, once.pulled.gradients, None, None, error)
        try:
            other = situations.backward(between).gradients
        except UserError:
            other = None
        return Interleaved(other_inputs, once.pulled.gradients, mixed, other)
    return None


def reused(situations: Situations) -> Reused | None:
    """Use one instance twice; None for layers without one, and where other inputs do not make its forward run.

    In between its parameters move in place, where its outputs then are those of a new instance: where they are not, it
    has copies of its own.
    """
    case = situations.case
    if _has_parameters(case):
        trained = _used_twice(situations, others(case), trained=True)
        if trained is not None and trained.error is None and _same(trained.outputs, trained.own_outputs):
            return trained
    return _used_twice(situations, others(case, inputs_only=True), trained=False)


def _has_parameters(case: Case) -> bool:
    roles = {item.name: item.role for item in case.layer.arguments}
    return any(roles.get(leaf.argument) is Role.PARAMETER for leaf in case.leaves) and not case.layer.uses_jax


def _same(outputs: tuple[NDArray[Any], ...], others: tuple[NDArray[Any], ...]) -> bool:
    return len(outputs) == len(others) and all(np.array_equal(one, other) for one, other in zip(outputs, others))


def _move(case: Case, given: Mapping[str, Any], to: Mapping[str, Any]) -> None:
    """Write other values into the very parameters that an instance was made of."""
    for item in case.layer.arguments:
        if item.role is Role.PARAMETER and item.name in given:
            for (_, old), (_, new) in zip(walk(given[item.name]), walk(to[item.name])):
                if isinstance(old, np.ndarray) and old.flags.writeable:
                    old[...] = new


def _used_twice(situations: Situations, given: Mapping[str, Any], *, trained: bool) -> Reused | None:
    case = situations.case
    try:
        instance = situations.forward()
        pulled = situations.backward(instance)
        # Another upstream gradient, too: a gradient need not depend on the inputs to be overwritten.
        halved = tuple(rebuild(item, _half) for item in situations.subject.upstream.cotangents)
        halved = situations.subject.upstream.cotangents if case.layer.unit_upstream else halved
        alone = situations.forward(copies(given))
        own = situations.backward(alone, copied(halved)).gradients
        if trained:
            _move(case, instance.given, given)
        again = situations.forward_again(instance, copies(given))
    except UserError:
        return None
    if again is None:
        return None
    try:
        gradients = situations.backward(again, copied(halved)).gradients
    except UserError as error:
        return Reused(pulled.gradients, again.outputs, None, alone.outputs, own, error=error, trained=trained)
    # a backward that returns nothing stores its gradients, which the next one is meant to replace
    overwritten = situations.overwritten(pulled) if pulled.backward.returned is not None else ()
    return Reused(pulled.gradients, again.outputs, gradients, alone.outputs, own, overwritten, trained=trained)


def copied(cotangents: tuple[Any, ...]) -> tuple[Any, ...]:
    """Copies to hand over."""
    return tuple(fresh(cotangent) for cotangent in cotangents)


def _half(_: Any, value: Any) -> Any:
    return like(value, np.asarray(0.5 * widened(value))) if is_floating(value) else fresh(value)


def others(case: Case, *, integers: bool = True, inputs_only: bool = False) -> Mapping[str, Any]:
    """The case's arguments with the elements of each array in another order (and a lone element a tenth smaller).

    So they stay distinct, positive or inside an interval where they were. The seed and draw decide the order.

    Args:
        integers: of integer arrays, too.
        inputs_only: of the forward's own arguments only.
    """
    rng = np.random.default_rng((case.seed, case.draw, STREAM))
    moved = {Role.INPUT} if inputs_only else {Role.INPUT, Role.PARAMETER, Role.OWN_PARAMETER}
    floating = set() if inputs_only else {(item.argument, item.path) for item in case.leaves}
    names = {item.name for item in case.layer.arguments if item.role in moved}

    def leaf(within: str, path: Any, value: Any) -> Any:
        if within not in names and (within, path) not in floating:
            return fresh(value)
        kind = getattr(getattr(value, "dtype", None), "kind", "")
        if not hasattr(value, "shape") or (kind in "biu" and not integers) or kind == "O":
            return fresh(value)
        array = np.asarray(value)
        if array.size < 2:
            mixed = array * array.dtype.type(0.9) if kind in "fc" else array
        else:
            mixed = _in_another_order(array.reshape(-1), rng).reshape(array.shape)
        return _in_place_of(value, mixed)

    return {name: rebuild(value, partial(leaf, name)) for name, value in case.arguments.items()}


def _in_another_order(elements: Any, rng: np.random.Generator) -> Any:
    """Permuted; of very many, all that come after a random one before all that come before it."""
    if elements.size <= _VERY_MANY:
        return rng.permutation(elements)
    return np.roll(elements, int(rng.integers(1, elements.size)))


def _in_place_of(value: Any, array: Any) -> Any:
    if isinstance(value, np.ndarray):
        return np.array(array)
    if isinstance(value, np.generic):
        return array[()]
    import jax.numpy as jnp

    return jnp.asarray(array)
