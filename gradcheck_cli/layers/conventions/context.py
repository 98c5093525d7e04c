"""The context object that a static pair's forward and backward share."""

from __future__ import annotations

from typing import Any


class Context:
    """Keeps whatever the forward saves. Attributes of any name may be set on it.

    Attributes:
        needs_input_grad: for each input, whether its gradient is asked for.
        saved_tensors: what `save_for_backward` kept; also `saved_values`, `saved_arrays` and `saved`.
    """

    def __init__(self, needs_input_grad: tuple[bool, ...] = ()) -> None:
        self.needs_input_grad = needs_input_grad
        self.materialize_grads = True
        self._kept: tuple[Any, ...] = ()

    def save_for_backward(self, *values: Any) -> None:
        """Keep values for the backward."""
        self._kept = values

    save = save_for_forward = save_for_backward

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` kept."""
        return self._kept

    @property
    def saved_variables(self) -> tuple[Any, ...]:
        """An older name of `saved_tensors`."""
        return self._kept

    @property
    def saved_values(self) -> tuple[Any, ...]:
        """Another name of `saved_tensors`."""
        return self._kept

    @property
    def saved_arrays(self) -> tuple[Any, ...]:
        """Another name of `saved_tensors`."""
        return self._kept

    def mark_non_differentiable(self, *values: Any) -> None:
        """Accepted; integer outputs get a zero upstream gradient in any case."""

    def mark_dirty(self, *values: Any) -> None:
        """Accepted; arguments that the forward changes are found by comparison."""

    def set_materialize_grads(self, value: bool) -> None:
        """Accepted; upstream gradients are always arrays."""
        self.materialize_grads = value
