"""`jax.custom_jvp` objects: the rule in forward mode, and transposed by JAX, which is their backward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions.custom_rule import CustomRule, as_jax, as_outputs, is_tuple
from gradcheck_cli.layers.conventions.derivative_rules import part_of
from gradcheck_cli.layers.layer import BackwardResult, ForwardResult
from gradcheck_cli.layers.leaves import is_floating
from gradcheck_cli.layers.users_code import raised, users_code


class CustomJVP(CustomRule):
    """A `custom_jvp`: its backward is its rule, transposed by JAX."""

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the object by itself; no rule is called yet."""
        if not part_of(self.rule, "jvp"):
            raise self.place.error(
                f"`{self.name}` is a custom_jvp without a rule",
                line=self.line,
                mend=f"add `@{self.name}.defjvp` above the function that computes the tangent",
            )
        with users_code(self.name, self.place, self.line, arguments):
            returned = self._function(arguments)(*self._primals(arguments))
        return ForwardResult(as_outputs(returned), (arguments, returned))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """Pull the cotangents back through the transposed rule; column by column where JAX cannot transpose it."""
        del differentiable
        import jax

        try:
            items = self._transposed(result, cotangents)
        except UserError as error:
            if any(
                isinstance(leaf, jax.core.Tracer) for leaf in jax.tree_util.tree_leaves((result.residuals, cotangents))
            ):
                raise
            try:
                items = self._by_columns(result, cotangents)
            except UserError as own:  # the rule does not run in forward mode either: that is its own error
                raise own from error
        return BackwardResult(dict(zip(self.inputs, items)), len(items), len(self.inputs))

    def push_forward(
        self, arguments: Mapping[str, Any], tangents: Mapping[str, Any]
    ) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """The rule as it is written: outputs and their tangents, by `jax.jvp` of the object.

        Args:
            arguments: all of the layer's.
            tangents: for the differentiated arguments, in their structure; whatever stands in a leaf that is not
                floating is replaced by the zero that JAX asks for.

        Raises:
            UserError: GC502, for a rule that raises, or whose tangents JAX refuses.
        """
        import jax

        primals = self._primals(arguments)
        moved = tuple(
            jax.tree_util.tree_map(_tangent, primal, tangents.get(name, primal))
            for name, primal in zip(self.inputs, primals)
        )
        with _refusals_readable(), users_code(f"{self.name}'s jvp rule", self.place, self.line, arguments):
            returned, pushed = jax.jvp(self._function(arguments), primals, moved)
        return as_outputs(returned), as_outputs(pushed)

    def why_not_transposed(self, result: ForwardResult, cotangents: tuple[Any, ...]) -> str:
        """JAX's own words where `jax.grad` of the object is not possible; "" where it is."""
        try:
            self._transposed(result, cotangents)
        except UserError as error:
            return raised(error.__cause__ or error)
        return ""

    def _transposed(self, result: ForwardResult, cotangents: tuple[Any, ...]) -> Sequence[Any]:
        import jax

        arguments, returned = result.residuals
        cotangent = tuple(cotangents) if is_tuple(returned) else cotangents[0]
        inputs = {**arguments, "cotangent": cotangent}
        with users_code(f"{self.name}'s jvp rule", self.place, self.line, inputs):
            primal, pull_back = jax.vjp(self._function(arguments), *self._primals(arguments))
            found: Sequence[Any] = pull_back(jax.tree_util.tree_map(_cotangent, cotangent, primal))
        return found

    def _by_columns(self, result: ForwardResult, cotangents: tuple[Any, ...]) -> Sequence[Any]:
        """Jᵀ g by the rule in forward mode, one column of J for each real coordinate of the inputs."""
        import jax

        arguments, returned = result.residuals
        weights = jax.tree_util.tree_leaves(tuple(cotangents) if is_tuple(returned) else cotangents[0])
        leaves, structure = jax.tree_util.tree_flatten(self._primals(arguments))

        def slopes(position: int, tangents: Any) -> Any:
            """Re Σ g · J t for each row t of `tangents`, which move one leaf."""

            def slope(tangent: Any) -> Any:
                moved = [tangent if k == position else np.zeros(np.shape(leaf)) for k, leaf in enumerate(leaves)]
                given = dict(zip(self.inputs, jax.tree_util.tree_unflatten(structure, moved)))
                pushed = jax.tree_util.tree_leaves(self.push_forward(arguments, given)[1])
                parts = [(weight, part) for weight, part in zip(weights, pushed) if is_floating(part)]
                return sum(jax.numpy.real(jax.numpy.sum(weight * part)) for weight, part in parts)

            try:
                return np.asarray(jax.vmap(slope)(tangents))
            except Exception:  # a step that cannot be batched; what the rule itself raises comes again below
                return np.array([slope(tangent) for tangent in tangents])

        columns: list[Any] = []
        for position, leaf in enumerate(leaves):
            if not is_floating(leaf):
                columns.append(np.zeros(np.shape(leaf), jax.dtypes.float0))
                continue
            is_complex = np.iscomplexobj(leaf)
            units = np.eye(np.size(leaf)).reshape(-1, *np.shape(leaf))
            found = slopes(position, units)
            if is_complex:
                found = found - 1j * slopes(position, 1j * units)
            columns.append(jax.numpy.asarray(found.reshape(np.shape(leaf)), dtype=leaf.dtype))
        items: Sequence[Any] = jax.tree_util.tree_unflatten(structure, columns)
        return items

    def _function(self, arguments: Mapping[str, Any]) -> Any:
        def function(*inputs: Any) -> Any:
            return self.rule(*self.in_order({**arguments, **dict(zip(self.inputs, inputs))}))

        return function

    def _primals(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(as_jax(arguments[name]) for name in self.inputs)


@contextmanager
def _refusals_readable() -> Iterator[None]:
    """JAX refuses what a rule returned with the whole array in its sentence, and without a mend."""
    try:
        yield
    except UserError as error:
        if "Custom JVP rule" not in error.message:
            raise
        message, mend = error.message, "return the tangent in the shape and dtype of the output"
        if "must produce a pair" in message:
            message = message.partition(", but got")[0]
            mend = "`return out, tangent_out`"
        raise UserError(message, code=error.code, path=error.path, line=error.line, mend=mend) from error.__cause__


def _tangent(primal: Any, tangent: Any) -> Any:
    import jax

    if not is_floating(primal):
        return np.zeros(np.shape(primal), jax.dtypes.float0)
    return jax.numpy.asarray(tangent, dtype=primal.dtype)


def _cotangent(leaf: Any, output: Any) -> Any:
    import jax

    if not is_floating(output):
        return np.zeros(np.shape(output), jax.dtypes.float0)
    return jax.numpy.asarray(leaf, dtype=output.dtype)
