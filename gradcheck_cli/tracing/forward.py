"""From a case to its trace: the user's forward run once under `jax.make_jaxpr`, and compared with its own values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import partial_eval
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.leaves import fresh, is_floating, rebuild, walk
from gradcheck_cli.tracing.calls import following_calls, names_of
from gradcheck_cli.tracing.dual import DualArray, constant, new, tracer_of
from gradcheck_cli.tracing.recorder import Recorder, TraceError, real_part, recording
from gradcheck_cli.tracing.trace import Trace, Untraceable, inner_jaxprs

STEP_LIMIT = 50_000
"""Differentiable steps a forward may take before its trace is given up: compiling more would take minutes."""

FOLLOWED_LIMIT = 200_000
"""The same where each kind of step is compiled once, however often it comes."""


def trace(
    bound: BoundLayer,
    case: Case,
    outputs: tuple[Any, ...],
    files: frozenset[str],
    on_jax: bool,
    *,
    follow: bool = False,
) -> Trace | Untraceable:
    """The forward of `case` as a jaxpr.

    Args:
        bound: the layer bound to the dual copy of its module, or to the module itself where `on_jax`.
        outputs: what the user's own forward gave for this case; the trace's values must agree (`agreement`).
        files: the user's source files, for lines.
        on_jax: hand the forward JAX tracers instead of dual arrays.
        follow: write down which call of which function each equation was made in, and names (`calls`).
    """
    recorder = Recorder(files, limit=FOLLOWED_LIMIT if follow else STEP_LIMIT)
    following = following_calls(files) if follow else nullcontext()
    expected = floating_leaves(outputs)
    try:
        with recording(recorder), np.errstate(all="ignore"), numpys_promotion(), following:
            jaxpr = jax.make_jaxpr(program(bound, case, len(expected), on_jax))(*reference_leaves(case))
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return _untraceable(recorder.failure or error, recorder)
    if recorder.failure is not None:
        return _untraceable(recorder.failure, recorder)
    if any(isinstance(constant, DualArray) for constant in jaxpr.consts):
        # JAX 0.6 does not ask a dual array for its tracer where a jitted function is handed one
        return Untraceable("a compiled function of JAX is handed a NumPy array, and this version of JAX cuts it off")
    shapes = [tuple(aval.shape) for aval in jaxpr.out_avals]
    if shapes != [value.shape for value in expected]:
        return Untraceable(f"the trace's outputs have shapes {shapes}, the forward's {[v.shape for v in expected]}")
    pruned = _pruned(jaxpr)
    inside = _narrowest(pruned.jaxpr) if on_jax else recorder.narrowest
    around = [leaf.value.dtype for leaf in case.leaves] + [dtype_of(leaf) for leaf in _leaves(outputs)]
    if not on_jax and _bits(inside) < min(map(_bits, around)):
        inside = _narrowest_that_counts(bound, case, len(expected), files, inside)
    narrowest = min((inside, *around), key=_bits)
    names = names_of(jaxpr.jaxpr) if follow else {}
    return Trace(pruned, expected, narrowest, tuple(recorder.notes), on_jax, names, files)


@contextmanager
def numpys_promotion() -> Iterator[None]:
    """Shapes and dtypes broadcast as NumPy's do, however the user's module has configured JAX."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def floating_leaves(outputs: tuple[Any, ...]) -> tuple[NDArray[Any], ...]:
    """The floating leaves of the outputs, in order, as NumPy arrays in float64 or complex128."""
    return tuple(_wide(np.asarray(leaf)) for leaf in _leaves(outputs))


def _leaves(outputs: tuple[Any, ...]) -> list[Any]:
    return [leaf for output in outputs for _, leaf in walk(output) if is_floating(leaf)]


def dtype_of(leaf: Any) -> np.dtype[Any]:
    """The dtype of a floating leaf, its real part's where it is complex; a Python number is a float64."""
    return real_part(np.asarray(leaf).dtype)


def program(bound: BoundLayer, case: Case, count: int, on_jax: bool) -> Any:
    """The forward as a function of tracers of the case's leaves, to the tracers of its `count` floating outputs."""

    def program(*tracers: Any) -> list[Any]:
        places = {(leaf.argument, leaf.path): (leaf, tracer) for leaf, tracer in zip(case.leaves, tracers)}

        def put(argument: str) -> Any:
            def replace(path: tuple[Any, ...], value: Any) -> Any:
                leaf, tracer = places.get((argument, path), (None, None))
                if leaf is None:
                    return value if on_jax else constant(value)
                return tracer if on_jax else new(leaf.value.copy(), tracer)

            return replace

        arguments: Mapping[str, Any] = {
            name: rebuild(fresh(value), put(name)) for name, value in case.arguments.items()
        }
        outputs = bound.reference(arguments)
        found = [_output(leaf) for output in outputs for _, leaf in walk(output) if _floats(leaf)]
        if len(found) != count:
            raise TraceError(f"the traced forward has {len(found)} floating outputs, the forward itself {count}")
        return found

    return program


def _floats(leaf: Any) -> bool:
    return isinstance(leaf, DualArray) or is_floating(leaf)


def _output(leaf: Any) -> Any:
    if isinstance(leaf, DualArray):
        return tracer_of(leaf)
    array = jnp.asarray(leaf)
    return array.astype(jnp.complex128 if jnp.iscomplexobj(array) else jnp.float64)


def reference_leaves(case: Case) -> tuple[NDArray[Any], ...]:
    """The case's leaves in float64 (complex128), where the reference is computed."""
    return tuple(_wide(np.asarray(leaf.value)) for leaf in case.leaves)


def _wide(value: NDArray[Any]) -> NDArray[Any]:
    return value.astype(np.complex128 if value.dtype.kind == "c" else np.float64)


def _pruned(closed: Any) -> Any:
    """The jaxpr without the equations that only the cache needed; every input is kept."""
    jaxpr, _ = partial_eval.dce_jaxpr(closed.jaxpr, [True] * len(closed.jaxpr.outvars), instantiate=True)
    return closed.replace(jaxpr=jaxpr)


def _narrowest(jaxpr: Any) -> np.dtype[Any]:
    """The narrowest floating dtype of any value in a jaxpr that JAX wrote."""
    found = np.dtype(np.float64)
    for equation in jaxpr.eqns:
        for variable in equation.outvars:
            dtype = getattr(variable.aval, "dtype", None)
            if dtype is not None and jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).nmant < _bits(found):
                found = np.dtype(dtype)
        for inner in inner_jaxprs(equation):
            below = _narrowest(inner)
            found = below if _bits(below) < _bits(found) else found
    return found


def _narrowest_that_counts(
    bound: BoundLayer, case: Case, count: int, files: frozenset[str], inside: np.dtype[Any]
) -> np.dtype[Any]:
    """The narrowest dtype of a value that the outputs depend on.

    A loss computes its gradient in the same function: how narrow that is says nothing of the forward.
    """
    marking = Recorder(files, limit=STEP_LIMIT, marks=True)
    try:
        with recording(marking), np.errstate(all="ignore"), numpys_promotion():
            marked = jax.make_jaxpr(program(bound, case, count, on_jax=False))(*reference_leaves(case))
    except Exception:  # it was traced once; whatever is different now, the wider tolerance is the safe one
        return inside
    names = [equation.params["name"] for equation in _pruned(marked).jaxpr.eqns if equation.primitive.name == "name"]
    return min((np.dtype(np.float64), *(jnp.dtype(name) for name in names)), key=_bits)


def _bits(dtype: Any) -> int:
    return int(jnp.finfo(dtype).nmant)


def _untraceable(error: BaseException, recorder: Recorder) -> Untraceable:
    if isinstance(error, TraceError):
        return Untraceable(error.reason, error.path, error.line)
    path, line, traceback = None, None, error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename in recorder.files:
            path, line = Path(traceback.tb_frame.f_code.co_filename), traceback.tb_lineno
        traceback = traceback.tb_next
    inner = error.__cause__ if getattr(error, "code", None) == "GC502" and error.__cause__ is not None else error
    first = str(inner).strip().splitlines()[0] if str(inner).strip() else ""
    line = line if line is not None else getattr(error, "line", None)
    path = path if path is not None else getattr(error, "path", None)
    return Untraceable(f"{type(inner).__name__}: {first}" if first else type(inner).__name__, path, line)
