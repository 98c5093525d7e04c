"""The same calls again: a second backward on one cache, a second forward and backward on the same inputs."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.witnesses.conduct.once_more import OnceMore
from gradcheck_cli.witnesses.conduct.situations import Gradients, Situations


@dataclass(frozen=True)
class Repeated:
    """What came of it.

    Attributes:
        first: the gradients of the first backward.
        second: of a second backward on the same cache and upstream gradient; None where it raised.
        second_error: what it raised.
        outputs, anew_outputs: of the first forward, and of another one on the same inputs.
        anew: the gradients after that; None where forward or backward raised, and then `anew_error` says what.
        once_more: the same another time, where `anew` is not `first` to the last bit; else None.
    """

    first: Gradients
    second: Gradients | None
    second_error: UserError | None
    outputs: tuple[NDArray[Any], ...]
    anew_outputs: tuple[NDArray[Any], ...]
    anew: Gradients | None
    anew_error: UserError | None
    once_more: Gradients | None = None


def repeated(situations: Situations, once: OnceMore, *, backward: bool = True) -> Repeated:
    """Run the backward of `once` again (unless told not to), and then forward and backward anew."""
    first = once.pulled.gradients
    second = second_error = anew = anew_error = None
    try:
        if backward:
            second = situations.backward(once.forwarded).gradients
    except UserError as error:
        second_error = error
    outputs: tuple[NDArray[Any], ...] = ()
    try:
        forwarded = situations.forward()
        outputs = forwarded.outputs
        anew = situations.backward(forwarded).gradients
    except UserError as error:
        anew_error = error
    more = None
    if anew is not None and not is_same(first, anew):
        with contextlib.suppress(UserError):
            more = situations.gradients()
    return Repeated(first, second, second_error, once.forwarded.outputs, outputs, anew, anew_error, more)


def is_same(first: Gradients, second: Gradients) -> bool:
    """Whether two sets of gradients are one to the last bit; NaN equals NaN."""
    return all(
        one is other or (one is not None and other is not None and np.array_equal(one, other, equal_nan=True))
        for one, other in zip(first, second)
    )
