"""Running a layer class: build it, put the drawn parameters in, run forward and backward, collect what it stored."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from gradcheck_cli.layers.conventions import naming, self_update, signatures, stored, syntax
from gradcheck_cli.layers.conventions.backward_call import Kept, Plan, arguments_for, split_returned
from gradcheck_cli.layers.conventions.function_pair import none_returned
from gradcheck_cli.layers.conventions.gradients import Layout, read
from gradcheck_cli.layers.conventions.predictions import OUTPUT
from gradcheck_cli.layers.conventions.starting import starter
from gradcheck_cli.layers.layer import BackwardResult, ForwardResult
from gradcheck_cli.layers.users_code import Place, run

_OUTPUT_ATTRIBUTES = ("output", "out", "outputs", "y", "loss")


@dataclass(frozen=True)
class Parameters:
    """A class's parameters: given to the constructor, or made by it."""

    constructor: tuple[signatures.Parameter, ...] = ()
    given: tuple[str, ...] = ()
    owned: tuple[stored.Owned, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, in the order of the layer's arguments."""
        return (*self.given, *(item.name for item in self.owned))


@dataclass(frozen=True)
class Held:
    """The residuals of a class's forward: the instance, and what its forward was given and returned."""

    instance: Any
    kept: Kept
    pull_back: Any = None


@dataclass(frozen=True)
class ClassLayer:
    """A layer class in one copy of its module."""

    owner: Any
    name: str
    forward_name: str
    backward_name: str
    parameters: tuple[signatures.Parameter, ...]
    how: Plan
    layout: Layout
    books: Parameters
    place: Place
    line: int
    forward_line: int
    updates: self_update.Updates | None = None

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The arrays that the constructor makes; see `BoundLayer`."""
        if not self.books.owned:
            return {}
        instance = self._construct(arguments)
        return {item.name: stored.follow(instance, item.steps) for item in self._present(instance)}

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Build an instance, put its own parameters in, and run its forward; see `BoundLayer`."""
        instance = self._construct(arguments)
        for item in self._present(instance):
            if item.name in arguments:
                stored.replace_array(instance, stored.follow(instance, item.steps), arguments[item.name])
        return self._forward_of(instance, arguments)

    def again(self, result: ForwardResult, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the forward once more on the instance of `result`, whose parameters stay as they are."""
        held: Held = result.residuals
        return self._forward_of(held.instance, arguments)

    def own(self, result: ForwardResult) -> Mapping[str, Any]:
        """The parameters that the instance of `result` made itself, as it has them now."""
        held: Held = result.residuals
        return {item.name: stored.follow(held.instance, item.steps) for item in self._present(held.instance)}

    def _forward_of(self, instance: Any, arguments: Mapping[str, Any]) -> ForwardResult:
        positional, keywords = signatures.call_with(self.parameters, arguments)
        what = self._called(self.forward_name)
        returned = run(
            getattr(instance, self.forward_name),
            positional,
            keywords,
            what=what,
            place=self.place,
            line=self.forward_line,
            inputs=arguments,
        )
        pull_back = None
        if not self.backward_name:
            returned, pull_back = part_closure(returned, what, self.place, self.forward_line)
        elif returned is None:
            returned = self._stored_output(instance)
        if self.how.mean and np.ndim(returned):
            returned = returned.mean()
        result = split_returned(
            returned,
            self.how,
            what=what,
            backward=self._called(self.backward_name or "backprop"),
            place=self.place,
            line=self.forward_line,
        )
        return replace(result, residuals=Held(instance, replace(result.residuals, arguments=arguments), pull_back))

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """Run the backward of the forward's instance, and collect returned and stored gradients; see `BoundLayer`."""
        return self._backward(result, cotangents, differentiable, self.updates)

    def without_update(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """The same with a learning rate of zero, so that nothing is updated."""
        return self._backward(result, cotangents, differentiable, None)

    def _backward(
        self,
        result: ForwardResult,
        cotangents: tuple[Any, ...],
        differentiable: tuple[str, ...],
        updates: self_update.Updates | None,
    ) -> BackwardResult:
        held: Held = result.residuals
        what = self._called(self.backward_name or "backprop")
        kept = held.kept
        if self._takes_output:
            kept = replace(kept, arguments={**kept.arguments, OUTPUT: self._stored_output(held.instance)})
        positional, keywords = arguments_for(
            self.how,
            kept,
            cotangents,
            backward=what,
            place=self.place,
            line=self.line,
            leave_out_unit=True,
            rate=0.0 if updates is None else self_update.RATE,
        )
        function = held.pull_back if held.pull_back is not None else getattr(held.instance, self.backward_name)
        with self_update.read_off(held.instance, updates, *self._updated(held.instance)) as found:
            returned = run(
                function,
                positional,
                keywords,
                what=what,
                place=self.place,
                line=self.line,
                inputs={**dict(zip(self.how.upstream, cotangents)), **held.kept.arguments},
            )
        collected = self._collect(returned, held, what, differentiable)
        if not found:
            return collected
        gradients = {name: item.gradient for name, item in found.items()} | dict(collected.gradients)
        return replace(collected, gradients=gradients, updated={name: item.text for name, item in found.items()})

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs only; see `BoundLayer`."""
        return self.forward(arguments).outputs

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs by the forward; see `BoundLayer`."""
        return self.evaluate(arguments)

    def _construct(self, arguments: Mapping[str, Any]) -> Any:
        positional, keywords = signatures.call_with(self.books.constructor, arguments)
        instance = run(
            self.owner,
            positional,
            keywords,
            what=self.name,
            place=self.place,
            line=syntax.line_of(self.owner.__init__, self.forward_line),
            inputs={item.name: arguments[item.name] for item in self.books.constructor if item.name in arguments},
        )
        if name := starter(self.owner):
            line = syntax.line_of(vars(self.owner)[name], self.line)
            run(getattr(instance, name), [], {}, what=self._called(name), place=self.place, line=line, inputs={})
        return instance

    def _present(self, instance: Any) -> list[stored.Owned]:
        """The own parameters that this instance has: `use_bias=False` may leave one out."""
        found = []
        for item in self.books.owned:
            try:
                value = stored.follow(instance, item.steps)
            except (LookupError, AttributeError, TypeError):
                continue
            if value is not None:
                found.append(item)
        return found

    @cached_property
    def _takes_output(self) -> bool:
        """Whether the backward is given what the forward left on the instance: asked once, not at each call."""
        return any(role.argument == OUTPUT for role in self.how.roles)

    def _updated(self, instance: Any) -> tuple[dict[str, str], list[str]]:
        """Which parameters the backward updates by plain steps, by argument, and which it does in another way."""
        if self.updates is None:
            return {}, []
        own = [item for item in self._present(instance) if not item.depth and len(item.steps) == 1]
        plain = {item.name: item.steps[0][1] for item in own if item.update is not None}
        plain |= {name: name for name in self.books.given if name in self.updates.of}
        return plain, [item.steps[0][1] for item in own if not item.differentiated]

    def _called(self, method: str) -> str:
        return self.name if method == "__call__" else f"{self.name}.{method}"

    def _stored_output(self, instance: Any) -> Any:
        """What a forward without a `return` left on the instance: `self.output`."""
        values = stored.attributes(instance)
        return next((values[name] for name in _OUTPUT_ATTRIBUTES if values.get(name) is not None), None)

    def _collect(self, returned: Any, held: Held, what: str, differentiable: tuple[str, ...]) -> BackwardResult:
        arguments = held.kept.arguments
        gradients = {name: gradient for name in self.books.names if (gradient := self._stored(held, name)) is not None}
        inputs = [name for name in self.layout.inputs if name in differentiable]
        if returned is None:
            kept = {name: item for name in inputs if (item := self._stored_input(held.instance, name)) is not None}
            lone = [name for name in inputs if not naming.is_label(name)]
            if len(lone) == 1 and not kept and (item := self._stored_input(held.instance, "inputs")) is not None:
                kept = {lone[0]: item}  # `self.dinputs`, whatever the forward calls its one input
            if inputs and not kept:
                return none_returned(what, self.layout, differentiable, gradients)
            return BackwardResult({**kept, **gradients})
        if isinstance(returned, Mapping):
            every = (*self.layout.inputs, *self.books.names)
            result = read(returned, Layout(every, every), differentiable, arguments)
            return replace(result, gradients={**gradients, **result.gradients})
        stored_names = [name for name in self.books.names if name in gradients]
        items = list(returned) if isinstance(returned, (tuple, list)) else [returned]
        if len(items) > max(1, len(inputs)) and len(items) > len(self.layout.inputs):
            return self._with_parameters(items, gradients, inputs, differentiable, arguments)
        if not inputs:
            # integer inputs (an embedding's indices) have no gradient: whatever came back for them is not judged,
            # unless the parameters' gradients came back in their place
            if not stored_names and len(items) == len([n for n in self.books.names if n in differentiable]):
                names = [name for name in self.books.names if name in differentiable]
                return BackwardResult(dict(zip(names, items)), len(items), len(items))
            return BackwardResult(gradients)
        result = read(returned, self.layout, differentiable, arguments)
        return replace(result, gradients={**gradients, **result.gradients})

    def _with_parameters(
        self,
        items: list[Any],
        gradients: Mapping[str, Any],
        inputs: list[str],
        differentiable: tuple[str, ...],
        arguments: Mapping[str, Any],
    ) -> BackwardResult:
        """`return dx, dW, db`, or `return dx, {"W": dW, "b": db}`: inputs first, then parameters."""
        names = [name for name in self.books.names if name in differentiable]
        last = items[-1]
        if len(items) == len(inputs) + 1 and isinstance(last, (Mapping, list, tuple)) and not hasattr(last, "shape"):
            rest = read(last, Layout(tuple(names), tuple(names)), names, arguments)
            found = {**gradients, **dict(zip(inputs, items)), **rest.gradients}
            return BackwardResult(found, None, None, surplus=rest.surplus, unknown=rest.unknown)
        layout = Layout((*self.layout.inputs, *names), (*self.layout.every, *names), self.layout.names)
        targets = layout.targets
        if len(targets) == len(items) and all(targets) and len(set(targets)) == len(targets):
            layout = replace(layout, by_name=True)
        result = read(tuple(items), layout, [*inputs, *names], arguments)
        return replace(result, gradients={**gradients, **result.gradients})

    def _stored(self, held: Held, name: str) -> Any:
        """The gradient that the instance stores for one of its parameters; None where it stores none."""
        instance = held.instance
        item = next((item for item in self.books.owned if item.name == name), None)
        steps = item.steps if item is not None else (("attribute", name),)
        values = [held.kept.arguments.get(name)]
        with contextlib.suppress(LookupError, AttributeError, TypeError):
            values.append(stored.follow(instance, steps))
        if item is not None and item.depth:
            # a sub-layer keeps its own books
            instance, name = stored.follow(instance, steps[: item.depth]), name.rpartition(".")[2]
            steps = steps[item.depth :]
        for value in values:
            found, _ = stored.gradient_of(instance, name, steps, value)
            if not isinstance(found, stored.Missing):
                return found
        names = self.books.names
        if name not in names:
            return None
        found, _ = stored.positional_gradient(instance, names.index(name), len(names))
        return None if isinstance(found, stored.Missing) else found

    def _stored_input(self, instance: Any, name: str) -> Any:
        """`self.dinputs`: an input's gradient that a backward without a `return` left on the instance."""
        found, _ = stored.gradient_of(instance, name, (("attribute", name),), None)
        return None if isinstance(found, stored.Missing) else found


def part_closure(returned: Any, what: str, place: Place, line: int) -> tuple[Any, Any]:
    """`(outputs, backprop)` from what a closure's forward returned.

    Raises:
        UserError: GC502, where the last value is no function.
    """
    if not isinstance(returned, tuple) or len(returned) < 2 or not callable(returned[-1]):
        got = "None" if returned is None else f"no function last, but {type(returned).__name__}"
        raise place.error(f"`{what}` returned {got}", line=line, mend="`return out, backprop`")
    outputs = returned[:-1]
    return (outputs[0] if len(outputs) == 1 else outputs), returned[-1]
