"""Running a net: build it, put the drawn parameters in, take its loss and the gradients of its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradcheck_cli.layers.conventions import naming, signatures, stored
from gradcheck_cli.layers.conventions.backward_call import Kept
from gradcheck_cli.layers.conventions.instance import ClassLayer, Held
from gradcheck_cli.layers.conventions.labelled import Labelled
from gradcheck_cli.layers.conventions.loss import parted
from gradcheck_cli.layers.conventions.loss_return import Returned
from gradcheck_cli.layers.layer import BackwardResult, ForwardResult
from gradcheck_cli.layers.users_code import run


@dataclass(frozen=True)
class HeldGradients(Held):
    """The residuals of a net's loss: the instance, and the gradients that came with the loss, if they did."""

    gradients: Any = None


@dataclass(frozen=True)
class LossMethod(ClassLayer):
    """A net in one copy of its module."""

    said: Returned | None = field(kw_only=True)
    late: tuple[str, ...] = field(kw_only=True)
    net: Labelled | None = field(kw_only=True, default=None)

    def _forward_of(self, instance: Any, arguments: Mapping[str, Any]) -> ForwardResult:
        for name in self.late:
            setattr(instance, name, arguments[name])
        output = self._run(instance, self.net.forward, arguments) if self.net is not None else None
        loss, gradients = self._run(instance, self.forward_name, arguments, output), None
        if self.said is not None:
            what = self._called(self.forward_name)
            loss, gradients = parted(loss, self.said, what, "`return loss, grads`", self.place, self.line)
        kept = Kept(arguments, (loss, output), ())
        return ForwardResult((loss,), HeldGradients(instance, kept, gradients=gradients))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """The gradients that came with the loss, by the names of the parameters; see `BoundLayer`."""
        del cotangents
        held: HeldGradients = result.residuals
        what, gradients = self._called(self.backward_name or self.forward_name), held.gradients
        if self.backward_name:
            gradients = self._run(held.instance, self.backward_name, held.kept.arguments, held.kept.returned[1])
        if gradients is None and self.net is None:
            return BackwardResult(
                {}, stub=f"`{what}` returned None as its gradients: it is a stub", mend="write and return the gradients"
            )
        given = self._collect(gradients, held, what, differentiable)
        # `normalization="batchnorm"` makes parameters that the constructor's defaults do not
        own = [item.name for item in stored.owned(held.instance, ())]
        return replace(given, unknown=tuple(key for key in given.unknown if not naming.gradient_target(key, own)))

    def _run(self, instance: Any, name: str, arguments: Mapping[str, Any], output: Any = None) -> Any:
        positional, keywords = signatures.call_with(self.parameters, arguments)
        if self.net is not None:
            positional, keywords = self.net.call(self.owner, name, arguments, output)
        line = self.line if name == self.backward_name else self.forward_line
        return run(
            getattr(instance, name),
            positional,
            keywords,
            what=self._called(name),
            place=self.place,
            line=line,
            inputs=arguments,
        )
