"""Running a user's forward and backward on made-up inputs, to see whether they can: nothing is judged here."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, ForwardResult
from gradcheck_cli.layers.leaves import at, fresh, is_floating, rebuild, walk

_RUN_AWAY = 1e100
"""Above this an output is as good as infinite; NaN is not below it."""


@dataclass(frozen=True)
class Attempt:
    """How one run of the forward went.

    Attributes:
        result: of the forward, None where it raised.
        error: what it raised, as a UserError.
        finite: all of its floating outputs are, and none has run away (an iteration that diverges, at 1e150 so far).
        floating: how many floating outputs it has.
        empty: none of these has an element.
    """

    result: ForwardResult | None
    error: UserError | None = None
    finite: bool = True
    floating: int = 0
    empty: bool = False

    @property
    def works(self) -> bool:
        """It ran and has something to differentiate."""
        return self.result is not None and self.floating > 0


def run_forward(bound: BoundLayer, arguments: Mapping[str, Any]) -> Attempt:
    """Run the forward on copies of `arguments`; whatever it raises or prints is kept from the user."""
    try:
        with quiet():
            result = bound.forward({name: fresh(value) for name, value in arguments.items()})
    except UserError as error:
        return Attempt(None, error)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return Attempt(None, UserError(f"the forward raised {type(error).__name__}: {error}", code="GC502"))
    return _look_at(result)


def refused_by_shape(bound: BoundLayer, arguments: Mapping[str, Any]) -> UserError | None:
    """What a forward written for JAX raises on arrays of these shapes, without compiling or running anything.

    None where it raises nothing, or only because it needs values that an abstract array does not have.
    """
    import jax

    paths = [(name, path) for name, value in arguments.items() for path, leaf in walk(value) if is_floating(leaf)]
    leaves = [at(arguments[name], path) for name, path in paths]

    def outputs(*abstract: Any) -> Any:
        replaced = dict(zip(paths, abstract))
        given = {
            name: rebuild(value, lambda path, leaf, name=name: replaced.get((name, path), leaf))  # type: ignore[misc]
            for name, value in arguments.items()
        }
        return bound.forward(given).outputs

    try:
        with quiet():
            jax.eval_shape(outputs, *leaves)
    except UserError as error:
        needs_values = type(error.__cause__).__module__.startswith("jax.") or "Tracer" in error.message
        return None if needs_values else error
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None
    return None


def run_backward(
    bound: BoundLayer, attempt: Attempt, differentiable: tuple[str, ...], unit: bool
) -> BackwardResult | None:
    """What the backward returns for this forward; None where it raises.

    `unit`: the upstream gradient is one; otherwise random numbers in the outputs' shapes.
    """
    if attempt.result is None:
        return None
    try:
        with quiet():
            return bound.backward(attempt.result, _upstream(attempt.result, unit), differentiable)
    except KeyboardInterrupt:
        raise
    except BaseException:
        return None


def is_slope(bound: BoundLayer, arguments: Mapping[str, Any], differentiable: tuple[str, ...], unit: bool) -> bool:
    """Whether what the backward returns is the slope of the forward along one direction, to four digits."""
    generator = np.random.default_rng(11)
    along = {name: generator.normal(size=np.shape(arguments[name])) for name in differentiable}

    def value(step: float) -> Any:
        moved = {name: arguments[name] + step * direction for name, direction in along.items()}
        outputs = bound.forward({**{name: fresh(item) for name, item in arguments.items()}, **moved})
        pairs = zip(outputs.outputs, _upstream(outputs, unit))
        return sum(np.vdot(cotangent, output) for output, cotangent in pairs if is_floating(output))

    attempt = run_forward(bound, arguments)
    backward = run_backward(bound, attempt, differentiable, unit)
    if backward is None or any(backward.gradients.get(name) is None for name in differentiable):
        return False
    told = sum(np.vdot(backward.gradients[name], direction) for name, direction in along.items())
    try:
        with quiet():
            return bool(np.isclose(told, (value(_STEP) - value(-_STEP)) / (2 * _STEP), rtol=1e-4, atol=1e-7))
    except KeyboardInterrupt:
        raise
    except BaseException:
        return False


_STEP = 1e-5


def _upstream(result: ForwardResult, unit: bool) -> tuple[Any, ...]:
    """An upstream gradient: one, or random numbers in the outputs' shapes, the same every time."""
    generator = np.random.default_rng(7)

    def draw(_: Any, leaf: Any) -> Any:
        if not is_floating(leaf):
            return leaf
        shape, dtype = np.shape(leaf), getattr(leaf, "dtype", np.float64)
        return np.ones(shape, dtype) if unit else np.asarray(generator.uniform(0.5, 1.5, shape)).astype(dtype)

    return tuple(rebuild(output, draw) for output in result.outputs)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No prints, no warnings: trials are ours, and the user did not ask for them."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        warnings.catch_warnings(),
        np.errstate(all="ignore"),
    ):
        warnings.simplefilter("ignore")
        yield


def _look_at(result: ForwardResult) -> Attempt:
    finite, floating, elements = True, 0, 0
    for output in result.outputs:
        for _, leaf in walk(output):
            if is_floating(leaf):
                floating += 1
                values = np.asarray(leaf)
                elements += values.size
                finite &= values.size > 0 and bool((np.abs(values.astype(np.complex128)) < _RUN_AWAY).all())
    return Attempt(result, None, finite, floating, empty=not elements)
