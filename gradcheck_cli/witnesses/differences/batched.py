"""The compiled trace over many points at once: complete sweeps of forwards that are slow in Python."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.differences.directions import Direction
from gradcheck_cli.witnesses.differences.points import Floats, Points
from gradcheck_cli.witnesses.reference.compiling import compile_program
from gradcheck_cli.witnesses.reference.shared_steps import shared

VALUES_AT_ONCE = 2**22
"""Bounds the memory of one batch: values in all steps of the forward, over all its rows."""

ROWS_AT_ONCE = 1024


class BatchedForward:
    """The trace as a function of many points, each the given leaves with one real coordinate replaced.

    Whoever uses it in place of the user's forward compares the two first: a trace holds for the branches taken at the
    case's inputs, and what `float(...)` cut off is a constant in it.
    """

    AROUND: ClassVar[float] = 2.0**-10
    """Relative distance at which it is compared: far above the steps' own, so that a cut path shows."""

    AGREEMENT: ClassVar[float] = 1000.0
    """Times the forward's noise: how far the two may differ."""

    def __init__(self, trace: Trace, device: str = "cpu") -> None:
        self._closed = closed = shared(trace.jaxpr)
        self._device = device
        self._constants = tuple(np.asarray(constant) for constant in closed.consts)
        self._program: Any = None
        steps = [variable.aval for equation in closed.jaxpr.eqns for variable in equation.outvars]
        values = sum(int(np.prod(getattr(aval, "shape", ()))) for aval in [*steps, *closed.in_avals])
        self._rows = int(np.clip(VALUES_AT_ONCE // max(values, 1), 1, ROWS_AT_ONCE))

    def base(self, leaves: Sequence[Floats]) -> Floats:
        """The outputs, as reals, where the leaves (as reals) stand."""
        values: Floats = self.rows(leaves, np.zeros(1, np.intp), np.array([leaves[0][0]]))[0]
        return values

    def rows(self, leaves: Sequence[Floats], coordinates: NDArray[np.intp], values: Floats) -> Floats:
        """(points, outputs): for each point the outputs with `leaves`' real coordinate set to its value."""
        flat = np.concatenate(leaves)
        found = []
        for start in range(0, len(values), self._rows):
            some, these = coordinates[start : start + self._rows], values[start : start + self._rows]
            missing = self._rows - len(these)
            arguments = (self._constants, flat, np.pad(some, (0, missing)), np.pad(these, (0, missing)))
            if self._program is None:
                self._program = compile_program(self._function, arguments, self._device)
            found.append(np.asarray(self._program(*arguments))[: len(these)])
        return np.concatenate(found)

    def agrees_with(self, points: Points, noise: Floats, direction: Callable[[int], Direction]) -> bool:
        """Whether the compiled trace has the values of the user's own forward, at the point and around it.

        Args:
            points: of the user's forward.
            noise: by output, the forward's own.
            direction: direction `number`, along which to go from the point.
        """
        try:
            for number, distance in enumerate((0.0, self.AROUND, -self.AROUND, self.AROUND)):
                row = np.empty(points.outputs)
                points.along(direction(number), distance, row)
                compiled = self.base(points.moved)
                if not np.all((np.abs(compiled - row) <= self.AGREEMENT * noise) | (compiled == row)):
                    return False
        except Exception:  # a trace that does not run in a batch: the forward itself will do
            return False
        finally:
            points.back()
        return True

    def _function(self, constants: Any, flat: Any, coordinates: Any, values: Any) -> Any:
        import jax
        import jax.numpy as jnp
        from jax.extend.core import ClosedJaxpr, jaxpr_as_fun

        forward = jaxpr_as_fun(ClosedJaxpr(self._closed.jaxpr, list(constants)))

        def outputs(coordinate: Any, value: Any) -> Any:
            moved = flat.at[coordinate].set(value)
            leaves, start = [], 0
            for aval in self._closed.in_avals:
                is_complex = np.issubdtype(aval.dtype, np.complexfloating)
                stop = start + int(np.prod(aval.shape)) * (2 if is_complex else 1)
                part = moved[start:stop]
                part = part[0::2] + 1j * part[1::2] if is_complex else part
                leaves.append(part.reshape(aval.shape).astype(aval.dtype))
                start = stop
            return jnp.concatenate([_reals(jnp.ravel(output)) for output in forward(*leaves)])

        def _reals(output: Any) -> Any:
            if jnp.iscomplexobj(output):
                output = jnp.stack([output.real, output.imag], 1).reshape(-1)
            return output.astype(np.float64)

        return jax.vmap(outputs)(coordinates, values)
