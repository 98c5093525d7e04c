"""The user's own forward and backward, run once more in whatever situation is asked for, and what came of it.

The backward that the values are judged by ran once, after its forward, on plain arrays. Contracts are about everything
else: a second call, another upstream gradient, another memory layout, another call in between.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from types import BuiltinFunctionType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.conventions.backward_call import Kept
from gradcheck_cli.layers.layer import BackwardResult, ForwardResult
from gradcheck_cli.layers.leaves import at, fresh, is_floating, walk
from gradcheck_cli.witnesses.analytic import copies
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import widened

Gradients = tuple[NDArray[Any] | None, ...]
"""By leaf, copies of what came back, widened to float64 (complex128); None where nothing usable did."""


@dataclass(frozen=True)
class Forwarded:
    """One call of the forward.

    Attributes:
        given: the very objects that the forward was handed.
        result: what it returned.
        outputs: copies of its floating outputs, widened.
        own: copies of the instance's own parameters after the call, where the layer is a class that makes them.
    """

    given: Mapping[str, Any]
    result: ForwardResult
    outputs: tuple[NDArray[Any], ...]
    own: Mapping[str, Any]


@dataclass(frozen=True)
class Pulled:
    """One call of the backward.

    Attributes:
        given: the very upstream gradients that it was handed.
        backward: what it returned and stored, as it is.
        gradients: copies of that, made at once.
    """

    given: tuple[Any, ...]
    backward: BackwardResult
    gradients: Gradients


class Situations:
    """Runs the layer of one subject; every call is handed copies, and raises what the bound layer raises."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.case: Case = subject.case
        self.seconds = 0.0

    def forward(self, arguments: Mapping[str, Any] | None = None) -> Forwarded:
        """The forward on copies of the case's arguments, or on `arguments` as they are.

        Raises:
            UserError: GC502, where it raises.
        """
        given = copies(self.case.arguments) if arguments is None else arguments
        with self._timed():
            result = self.subject.bound.forward(given)
        return self._forwarded(given, result)

    def forward_again(self, earlier: Forwarded, arguments: Mapping[str, Any]) -> Forwarded | None:
        """The forward once more on the instance of an earlier call; None where the layer is no class.

        Raises:
            UserError: GC502, where it raises.
        """
        again = getattr(self.subject.bound, "again", None)
        if again is None:
            return None
        with self._timed():
            result = again(earlier.result, arguments)
        return None if result is None else self._forwarded(arguments, result)

    def backward(self, forwarded: Forwarded, cotangents: tuple[Any, ...] | None = None) -> Pulled:
        """The backward after `forwarded`, on copies of the subject's upstream gradient, or on `cotangents` as they are.

        Raises:
            UserError: GC502, where it raises.
        """
        given = cotangents
        if given is None:
            given = tuple(fresh(cotangent) for cotangent in self.subject.upstream.cotangents)
        with self._timed():
            backward = self.subject.bound.backward(forwarded.result, given, self.case.differentiable)
        return Pulled(given, backward, gradients_of(self.case, backward))

    def without_update(self) -> Gradients:
        """The gradients of a backward that leaves its parameters as they are; empty for layers that have none.

        Raises:
            UserError: GC502, where it raises.
        """
        run = getattr(self.subject.bound, "without_update", None)
        if run is None:
            return ()
        forwarded = self.forward()
        given = tuple(fresh(cotangent) for cotangent in self.subject.upstream.cotangents)
        with self._timed():
            backward = run(forwarded.result, given, self.case.differentiable)
        return () if backward is None else gradients_of(self.case, backward)

    def overwritten(self, pulled: Pulled, held: Gradients | None = None) -> Gradients:
        """By leaf, what the arrays that a backward gave hold now, where that is another thing; None where it is not.

        Args:
            held: what they held before; by default when they came back.
        """
        now = gradients_of(self.case, pulled.backward)
        return tuple(
            new if old is not None and new is not None and not _same(old, new) else None
            for old, new in zip(pulled.gradients if held is None else held, now)
        )

    def gradients(self, cotangents: tuple[Any, ...] | None = None) -> Gradients:
        """The gradients after a forward of their own.

        Raises:
            UserError: GC502, where either raises.
        """
        return self.backward(self.forward(), cotangents).gradients

    def parameters(self, forwarded: Forwarded) -> dict[str, Any]:
        """Copies of the parameters that the instance of this call has now; empty for layers that are no classes."""
        own = getattr(self.subject.bound, "own", None)
        if own is None:
            return {}
        with contextlib.suppress(UserError):
            return {name: fresh(value) for name, value in own(forwarded.result).items()}
        return {}

    def _forwarded(self, given: Mapping[str, Any], result: ForwardResult) -> Forwarded:
        outputs = tuple(np.array(widened(leaf)) for _, leaf in walk(result.outputs) if is_floating(leaf))
        forwarded = Forwarded(given, result, outputs, {})
        return Forwarded(given, result, outputs, self.parameters(forwarded))

    @contextlib.contextmanager
    def _timed(self) -> Any:
        # This thread's own: on a busy machine the same is examined as on an idle one.
        started = time.thread_time()
        try:
            yield
        finally:
            self.seconds += time.thread_time() - started


def _same(old: NDArray[Any], new: NDArray[Any]) -> bool:
    """Element by element, NaN being NaN; the slower question only where the quick one is answered no."""
    return np.array_equal(old, new) or np.array_equal(old, new, equal_nan=True)


def keeps_objects(result: ForwardResult) -> bool:
    """Whether an object of the user's own, an instance or a model in the cache, lives on between two backwards."""
    residuals = result.residuals
    if hasattr(residuals, "instance"):
        return True
    parts = residuals if isinstance(residuals, tuple) else (residuals,)
    kept = [part for part in parts if isinstance(part, Kept)]
    caches = [cache for part in kept for cache in part.caches]
    return any(_is_object(leaf) for cache in caches for _, leaf in walk(cache))


def _is_object(value: Any) -> bool:
    """Whether a value is an instance of a class that is no array, number, text, function, class or module."""
    plain = (
        type(None),
        str,
        bytes,
        int,
        float,
        complex,
        FunctionType,
        BuiltinFunctionType,
        MethodType,
        ModuleType,
        type,
    )
    return not isinstance(value, plain) and not hasattr(value, "dtype")


def gradients_of(case: Case, backward: BackwardResult) -> Gradients:
    """By leaf, a widened copy of what came back; None where it is no array of numbers."""
    return tuple(_array(node_of(backward, leaf.argument, leaf.path)) for leaf in case.leaves)


def node_of(backward: BackwardResult, argument: str, path: tuple[Any, ...]) -> Any:
    """The very object that came back for a leaf; None where nothing did."""
    try:
        return at(backward.gradients.get(argument), path)
    except (LookupError, TypeError):
        return None


def _array(value: Any) -> NDArray[Any] | None:
    if value is None:
        return None
    try:
        array = np.asarray(value)
        if array.dtype.kind in "OSUMm" or "float0" in str(array.dtype):
            return None
        return np.array(widened(array))
    except (TypeError, ValueError):
        return None
