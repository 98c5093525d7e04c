"""The second witness: reverse-mode autodiff of the forward's trace, in float64, as one compiled program."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.layers.case import Case
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.gradients import Autodiff, Upstream
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.reference.shared_steps import shared
from gradcheck_cli.witnesses.upstream import widened

EXACT_OUTPUTS = 32
"""Up to so many output elements the scale is exact: one reverse pass for each of them."""

SIGNS = 16
"""Otherwise so many random sign patterns of the upstream gradient, each a reverse pass. The scale's relative error is
about 1/sqrt(2·SIGNS); that it comes out ten times too small has a probability below 1e-11 where many outputs count."""

SIGNS_LARGE = 4
LARGE = 200_000
"""Above so many elements in leaves and outputs together, `SIGNS_LARGE` patterns must do: each costs milliseconds. The
scale of a few elements in a million then comes out 20 times too small; a judge should not go below a leaf's mean."""

TOGETHER = 2**20
"""All reverse passes run as one batch where that takes at most so many values, over all steps of the forward: such a
program compiles in two thirds of the time of one that loops over the passes. Above, the loop runs four times faster,
needs one gradient's memory, and makes no pass that was not asked for."""

RECENT = 8

_recent: OrderedDict[tuple[int, str], tuple[Any, GradientProgram]] = OrderedDict()


NEARBY = 3


class GradientProgram:
    """Gradient and scale of one trace, compiled: for any leaves and cotangents of its shapes."""

    def __init__(self, trace: Trace, device: str = "cpu") -> None:
        self._closed = closed = shared(trace.jaxpr)
        self._inputs = [(aval.shape, aval.dtype) for aval in closed.in_avals]
        self._outputs = [(aval.shape, aval.dtype) for aval in closed.out_avals]
        elements = sum(int(np.prod(shape)) for shape, _ in self._outputs)
        total = elements + sum(int(np.prod(shape)) for shape, _ in self._inputs)
        self._exact = elements <= EXACT_OUTPUTS
        self._rows = elements if self._exact else (SIGNS if total < LARGE else SIGNS_LARGE)
        self._constants = tuple(np.asarray(constant) for constant in closed.consts)
        steps = [variable.aval for equation in closed.jaxpr.eqns for variable in equation.outvars]
        values = total + sum(int(np.prod(getattr(aval, "shape", ()))) for aval in steps)
        example = (self._constants, self._leaves(None), self._stack([np.zeros(s) for s, _ in self._outputs], 0), 1)
        self._program: Any = None
        self._is_batch = False
        if self._inputs and self._outputs:
            self._compile(example, device, together=values * (self._rows + 1) <= TOGETHER)

    @property
    def at_once(self) -> int:
        """For how many cotangents of the outputs one run gives the gradients."""
        return self._rows + 1 if self._is_batch else 1

    def gradients(self, leaves: Sequence[Any], cotangents: Sequence[Any]) -> tuple[NDArray[Any], ...]:
        """One array per leaf, in float64 (complex128): JAX's cotangents of the leaves."""
        return self._run(leaves, self._stack(cotangents, None), 1)[0]

    def gradients_of_several(
        self, leaves: Sequence[Any], several: Sequence[Sequence[Any]]
    ) -> list[tuple[NDArray[Any], ...]]:
        """The same for several cotangents of the outputs, as many at once as the program has passes."""
        if not self._is_batch:
            return [self.gradients(leaves, cotangents) for cotangents in several]
        found: list[tuple[NDArray[Any], ...]] = []
        for start in range(0, len(several), self.at_once):
            part = several[start : start + self.at_once]
            stack = self._stack(part[0], None)
            for row, cotangents in enumerate(part):
                for rows, cotangent in zip(stack, cotangents):
                    rows[row] = cotangent
            gradients = [np.asarray(rows) for rows in self._program(self._constants, self._leaves(leaves), stack, 1)[0]]
            found += [tuple(widened(rows[row]) for rows in gradients) for row in range(len(part))]
        return found

    def outputs(self, leaves: Sequence[Any], cotangents: Sequence[Any]) -> tuple[NDArray[Any], ...]:
        """The traced forward's outputs, in float64 (complex128)."""
        return self._run(leaves, self._stack(cotangents, None), 1)[2]

    def gradients_and_scale(self, leaves: Sequence[Any], cotangents: Sequence[Any], seed: int) -> Autodiff:
        """The gradients, and per leaf sqrt(Σ_j (g_j ∂f_j/∂x_i)²), estimated where there are many outputs j."""
        gradients, squares, outputs = self._run(leaves, self._stack(cotangents, seed), self._rows + 1)
        divisor = 1 if self._exact else max(self._rows, 1)
        return Autodiff(gradients, tuple(np.sqrt(square / divisor) for square in squares), outputs)

    def _run(
        self, leaves: Sequence[Any], stack: list[NDArray[Any]], count: int
    ) -> tuple[tuple[NDArray[Any], ...], Any, tuple[NDArray[Any], ...]]:
        if self._program is None:
            zeros = tuple(np.zeros(shape, dtype) for shape, dtype in self._inputs)
            squares = tuple(np.zeros(shape) for shape, _ in self._inputs)
            return tuple(widened(zero) for zero in zeros), squares, ()
        gradients, squares, outputs = self._program(self._constants, self._leaves(leaves), stack, count)
        return (
            tuple(widened(np.asarray(rows)[0] if self._is_batch else rows) for rows in gradients),
            tuple(np.asarray(square, np.float64) for square in squares),
            tuple(widened(output) for output in outputs),
        )

    def _leaves(self, leaves: Sequence[Any] | None) -> tuple[NDArray[Any], ...]:
        if leaves is None:
            return tuple(np.zeros(shape, dtype) for shape, dtype in self._inputs)
        return tuple(np.asarray(leaf).astype(dtype, copy=False) for leaf, (_, dtype) in zip(leaves, self._inputs))

    def _stack(self, cotangents: Sequence[Any], seed: int | None) -> list[NDArray[Any]]:
        """The cotangents, and after them (where a seed is given) the same under signs, or one element at a time."""
        stacks = [np.zeros((self._rows + 1, *shape), dtype) for shape, dtype in self._outputs]
        rng = np.random.default_rng(seed)
        start = 0
        for stack, cotangent in zip(stacks, cotangents):
            flat = np.asarray(cotangent).reshape(-1)
            rows = stack.reshape(self._rows + 1, -1)
            rows[0] = flat
            if seed is None:
                continue
            if self._exact:
                rows[start + 1 + np.arange(flat.size), np.arange(flat.size)] = flat
            else:
                rows[1:] = flat * (1 - 2 * rng.integers(0, 2, (self._rows, flat.size), dtype=np.int8))
            start += flat.size
        return stacks

    def _compile(self, example: tuple[Any, ...], device: str, *, together: bool) -> None:
        if together:
            try:
                self._program = compile_program(self._in_one_batch, example, device)
                self._is_batch = True
                return
            except (NotImplementedError, ValueError):  # a step of the forward that cannot be batched, or a callback
                pass
        self._program = compile_program(self._one_by_one, example, device)

    def _vjp(self, constants: Any, leaves: Any) -> Any:
        import jax
        from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

        # Constants are arguments: XLA need not fold them, and another draw's program is the same.
        return jax.vjp(jaxpr_as_fun(ClosedJaxpr(self._closed.jaxpr, list(constants))), *leaves)

    def _in_one_batch(self, constants: Any, leaves: Any, stack: Any, count: Any) -> Any:
        import jax
        import jax.numpy as jnp

        outputs, vjp = self._vjp(constants, leaves)
        gradients = jax.vmap(vjp)(stack)
        wanted = (jnp.arange(self._rows + 1) > 0) & (jnp.arange(self._rows + 1) < count)
        squares = [jnp.tensordot(wanted.astype(float), jnp.abs(rows) ** 2, 1) for rows in gradients]
        return gradients, squares, outputs

    def _one_by_one(self, constants: Any, leaves: Any, stack: Any, count: Any) -> Any:
        import jax
        import jax.numpy as jnp

        outputs, vjp = self._vjp(constants, leaves)

        def add_square(row: Any, squares: Any) -> Any:
            cotangents = [jax.lax.dynamic_index_in_dim(rows, row, keepdims=False) for rows in stack]
            return tuple(square + jnp.abs(gradient) ** 2 for square, gradient in zip(squares, vjp(cotangents)))

        zeros = tuple(jnp.zeros(leaf.shape, leaf.real.dtype) for leaf in leaves)
        squares = jax.lax.fori_loop(1, count, add_square, zeros)
        return vjp([rows[0] for rows in stack]), squares, outputs


def gradient_program(trace: Trace, *, device: str = "cpu") -> GradientProgram:
    """The compiled gradient of `trace`; made once for the traces asked for last."""
    key = (id(trace.jaxpr), device)
    if key in _recent and _recent[key][0] is trace.jaxpr:
        return _recent[key][1]
    program = GradientProgram(trace, device)
    _recent[key] = (trace.jaxpr, program)
    if len(_recent) > RECENT:
        _recent.popitem(last=False)
    return program


def autodiff(trace: Trace, case: Case, upstream: Upstream, *, device: str = "cpu") -> Autodiff:
    """The gradients of Σ <g, f> at the case's leaves, and their scale; JAX must have been started.

    A complex leaf's gradient follows JAX: ∂φ/∂Re − i ∂φ/∂Im of the real cost φ = Re Σ g·f.
    """
    program = gradient_program(trace, device=device)
    leaves = [widened(leaf.value) for leaf in case.leaves]
    return program.gradients_and_scale(leaves, upstream.flat, seed=case.seed + case.draw)


def perturbed(
    trace: Trace, case: Case, upstream: Upstream, *, device: str = "cpu"
) -> Callable[[float, int], tuple[NDArray[Any], ...]]:
    """`(relative size, seed) -> gradients` at leaves whose elements are off by factors of 1 ± size, at random."""
    program = gradient_program(trace, device=device)

    def gradients(size: float, seed: int) -> tuple[NDArray[Any], ...]:
        return program.gradients(_moved(case, size, seed), upstream.flat)

    return gradients


def outputs_nearby(
    trace: Trace, case: Case, upstream: Upstream, *, device: str = "cpu"
) -> tuple[tuple[NDArray[Any], ...], ...]:
    """The traced forward's outputs at leaves that are off by a rounding of theirs, `NEARBY` times; outputs inside."""
    import jax.numpy as jnp

    program = gradient_program(trace, device=device)
    size = max((float(jnp.finfo(leaf.value.dtype).eps) for leaf in case.leaves), default=0.0)
    return tuple(program.outputs(_moved(case, size, case.seed + number), upstream.flat) for number in range(NEARBY))


def _moved(case: Case, size: float, seed: int) -> list[NDArray[Any]]:
    rng = np.random.default_rng(seed)
    leaves = []
    for leaf in case.leaves:
        signs = rng.integers(0, 2, leaf.value.shape, dtype=np.int8)
        leaves.append(widened(leaf.value) * np.array([1 - size, 1 + size])[signs])
    return leaves
