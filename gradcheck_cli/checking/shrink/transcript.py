"""One run of a layer as source text: what was called with what, whatever convention the layer is written in."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from gradcheck_cli.checking.shrink.expressions import Expressions, context_text
from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.checking.shrink.names import ModuleNames
from gradcheck_cli.judge.words import argument_gradient_name
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.conventions import syntax
from gradcheck_cli.layers.conventions.context import Context
from gradcheck_cli.layers.conventions.custom_jvp import CustomJVP
from gradcheck_cli.layers.layer import BackwardResult, BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.leaves import fresh
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Call, recorded
from gradcheck_cli.witnesses.analytic import copies
from gradcheck_cli.witnesses.gradients import Upstream

_TAKEN = frozenset({"np", "jnp", "jax", "layer", "ctx", "m", "sys", "yours"})


@dataclass(frozen=True)
class Transcript:
    """A run of a layer, ready to be put into a script.

    Attributes:
        names: what it needs of the module.
        inputs: `(name, value)` to assign first.
        upstream: the same for the upstream gradients; empty where the backward takes none.
        setup: statements before the forward: the object that is made, its parameters, the context.
        constructor: how the object is made, "" where there is none.
        forward_call: the call alone; `forward` assigns what it returns.
        backward: the statement that calls the backward; "" where the forward gives the gradients.
        outputs: a text for each output; how to take them from the call's value (`[0]`), None where they are stored.
        gradients: by argument, the text for what came back; no entry where nothing did.
        returned: what the whole return of the backward is called, "" where it is taken apart at once.
        own: by name of an own parameter, the text of where it is on the object.
        used: every name that the script has so far.
    """

    layer: Layer
    case: Case
    names: ModuleNames
    inputs: tuple[tuple[str, Any], ...]
    upstream: tuple[tuple[str, Any], ...]
    setup: tuple[str, ...]
    constructor: str
    forward: str
    forward_call: str
    backward: str
    backward_call: str
    outputs: tuple[str, ...]
    taken: tuple[str, ...] | None
    gradients: dict[str, str]
    returned: str
    result: BackwardResult
    variables: dict[str, str]
    own: dict[str, str]
    used: frozenset[str]

    def free(self, *names: str) -> str:
        """The first of these names that stands for nothing yet."""
        taken = self.used | set(self.names.used)
        return next((name for name in names if name not in taken), f"{names[0]}_{len(taken)}")


def transcribe(
    module: Module, bound: BoundLayer, case: Case, upstream: Upstream, *, whole: bool = False
) -> Transcript:
    """Run forward and backward once, and write down what was called.

    Args:
        whole: name what the backward returns as one value, and do not take it apart.

    Raises:
        Unwritable: where something that was called or handed on has no short text.
        UserError: where the user's code raises.
    """
    given = copies(case.arguments)
    cotangents = tuple(fresh(cotangent) for cotangent in upstream.cotangents)
    with recorded() as calls:
        result = bound.forward(given)
        returned = bound.backward(result, cotangents, case.differentiable)
    writer = _Writer(module, case, given, cotangents, calls, result, returned, whole)
    rule = transposed_rule(bound)
    return writer.transcript() if rule is None or calls else writer.of_rule(rule)


def transposed_rule(bound: BoundLayer) -> CustomJVP | None:
    """The `custom_jvp` that a bound layer is, or wraps; None for any other: its backward is `jax.vjp` of it."""
    found: Any = bound
    for _ in range(4):
        if isinstance(found, CustomJVP):
            return found
        found = getattr(found, "inner", None) or getattr(found, "_bound", None)
    return None


class _Writer:
    def __init__(
        self,
        module: Module,
        case: Case,
        given: dict[str, Any],
        cotangents: tuple[Any, ...],
        calls: list[Call],
        result: ForwardResult,
        returned: BackwardResult,
        whole: bool,
    ) -> None:
        self.module, self.case, self.layer = module, case, case.layer
        self.given, self.cotangents, self.calls = given, cotangents, calls
        self.result, self.returned, self.whole = result, returned, whole
        self.names = ModuleNames(module)
        self.known = Expressions()
        self.used: set[str] = set(_TAKEN)

    def transcript(self) -> Transcript:
        calls = list(self.calls)
        if not calls:
            raise Unwritable("nothing was called in a way that can be written down")
        variables = {name: self._fresh(name) for name in self.given}
        for name, value in self.given.items():
            self.known.learn(value, variables[name])
        upstream_names = self._upstream_names()
        setup: list[str] = []
        constructor, own = "", {}
        if isinstance(calls[0].function, type) and len(calls) > 1:
            constructor = self._call(calls[0])
            setup.append(f"layer = {constructor}")
            self.known.learn(calls[0].returned, "layer", depth=0)
            own = self._own(calls[0].returned, variables)
            setup += [f"{place} = {variables[name]}" for name, place in own.items()]
            calls = calls[1:]
        forward, last = calls[0], calls[-1] if len(calls) > 1 else None
        for value in forward.positional:
            if isinstance(value, Context):
                setup.append(f"ctx = {context_text(value, self.module.source)}")
                self.known.learn(value, "ctx", depth=0)
        forward_call = self._call(forward)
        forward_text, outputs, taken = self._forward(forward, forward_call)
        for name, value in zip(upstream_names, self.cotangents):
            self.known.learn(value, name)
        if constructor:
            self.known.learn_instance(self.calls[0].returned, "layer")
        backward = backward_call = returned_name = ""
        if last is None:
            gradients = self._gradients(forward.returned, self.known, constructor)
        else:
            backward_call = self._call(last)
            backward, gradients, returned_name = self._backward(last, backward_call, constructor)
        text = " ".join([*setup, forward_call, backward_call])
        inputs = [
            (variables[name], self.given[name])
            for name in self.given
            if re.search(rf"\b{re.escape(variables[name])}\b", text) and not self._is_plain(name)
        ]
        needed = [
            (name, value)
            for name, value in zip(upstream_names, self.cotangents)
            if self.layer.unit_upstream is False or re.search(rf"\b{name}\b", backward_call)
        ]
        return Transcript(
            self.layer,
            self.case,
            self.names,
            tuple(inputs),
            tuple(needed),
            tuple(setup),
            constructor,
            forward_text,
            forward_call,
            backward,
            backward_call,
            outputs,
            taken,
            gradients,
            returned_name,
            self.returned,
            variables,
            {name: place.removesuffix("[...]") for name, place in own.items()},
            frozenset(self.used),
        )

    def of_rule(self, rule: CustomJVP) -> Transcript:
        """A `custom_jvp`: what `jax.vjp` makes of its rule."""
        variables = {name: self._fresh(name) for name in self.given}
        for name, value in self.given.items():
            self.known.learn(value, variables[name])
        name = self.names.of(rule.whole)
        order = [item.name for item in rule.parameters if item.name in self.given]
        texts = [self.known.text(self.given[item]) for item in order]
        call = f"{name}({', '.join(texts)})"
        taken = [self.known.text(self.given[item]) for item in rule.inputs]
        function = name if texts == taken else f"lambda {', '.join(taken)}: {call}"
        out, pull_back = self._fresh(self._output_name(0)), self._fresh("pull_back")
        upstream = self._upstream_names()
        gradients = {item: self._fresh(self._gradient_variable(item)) for item in rule.inputs}
        several = len(self.result.outputs) > 1
        cotangent = f"({', '.join(upstream)})" if several else upstream[0]
        left = ", ".join(gradients.values()) + "," * (len(gradients) == 1)
        if self.whole:
            left = self._fresh("grads")
        count = range(len(self.result.outputs))
        return Transcript(
            self.layer,
            self.case,
            self.names,
            tuple((variables[item], self.given[item]) for item in order if not self._is_plain(item)),
            tuple(zip(upstream, self.cotangents)),
            (),
            "",
            f"{out}, {pull_back} = jax.vjp({', '.join([function, *taken])})",
            call,
            f"{left} = {pull_back}({cotangent})",
            f"{pull_back}({cotangent})",
            tuple(f"{out}[{k}]" for k in count) if several else (out,),
            tuple(f"[{k}]" for k in count) if several else ("",),
            gradients,
            left if self.whole else "",
            self.returned,
            variables,
            {},
            frozenset(self.used),
        )

    def _is_plain(self, name: str) -> bool:
        """Settings are written where they are used."""
        return isinstance(self.given[name], (bool, int, str, bytes, type(None)))

    def _call(self, call: Call) -> str:
        parts = [self.known.text(value) for value in call.positional]
        parts += [f"{name}={self.known.text(value)}" for name, value in call.keywords.items()]
        return f"{self.known.function(call.function, self.names)}({', '.join(parts)})"

    def _own(self, instance: Any, variables: dict[str, str]) -> dict[str, str]:
        """Where the object has the parameters that were put in: assigned inside, so that all references see them."""
        places = Expressions()
        places.learn_instance(instance, "layer")
        found = {}
        for argument in self.layer.arguments:
            if argument.role is Role.OWN_PARAMETER and argument.name in self.given:
                place = places.find(self.given[argument.name])
                if place is None:
                    raise Unwritable(f"`{argument.name}` is not on the object")
                found[argument.name] = place + ("" if self.layer.uses_jax else "[...]")
        return found

    def _forward(self, call: Call, text: str) -> tuple[str, tuple[str, ...], tuple[str, ...] | None]:
        value, outputs = call.returned, self.result.outputs
        if value is None:
            stored = Expressions()
            stored.learn_instance(self.calls[0].returned, "layer")
            places = tuple(stored.find(output) or "" for output in outputs)
            if not all(places):
                raise Unwritable("the output is stored nowhere")
            return text, places, None
        parted = isinstance(value, (tuple, list)) and bool(outputs) and not any(value is output for output in outputs)
        if parted and len(value) == 2 and isinstance(value[0], tuple) and self._is_custom:
            if not any(value[0] is output for output in outputs) and len(outputs) == len(value[0]):
                self.known.learn(value[0], "out")
                self.known.learn(value[1], "residuals")
                texts = tuple(f"out[{k}]" for k in range(len(outputs)))
                return f"out, residuals = {text}", texts, tuple(f"[0][{k}]" for k in range(len(outputs)))
        if not parted:
            name = self._fresh(self._output_name(0))
            self.known.learn(value, name)
            return f"{name} = {text}", (name,), ("",)
        names = self._returned_names(call, value)
        for name, item in zip(names, value):
            self.known.learn(item, name)
            if not any(item is output for output in outputs):
                self.known.prefer(item, name)  # a cache that is `x` itself, or None, is the cache all the same
        positions = [next((k for k, item in enumerate(value) if item is output), None) for output in outputs]
        if any(position is None for position in positions):
            raise Unwritable("an output is not what the forward returned")
        places = tuple(names[k] for k in positions if k is not None)
        return f"{', '.join(names)} = {text}", places, tuple(f"[{k}]" for k in positions)

    @property
    def _is_custom(self) -> bool:
        return self.layer.convention in (Convention.CUSTOM_VJP, Convention.CUSTOM_JVP, Convention.EXPLICIT)

    def _returned_names(self, call: Call, value: Any) -> list[str]:
        """What the forward's own return statement says, where it can be used; else `out`, `cache`."""
        said = syntax.returned_names(syntax.definition(call.function))
        gradients = self._by_argument(value) if len(self.calls) == 1 + self._has_constructor else {}
        names = []
        for position, item in enumerate(value):
            own = said[position] if len(said) == len(value) else ""
            is_output = any(item is output for output in self.result.outputs)
            if position in gradients:
                own = argument_gradient_name(self.layer, gradients[position])
            elif not own.isidentifier():
                own = self._output_name(position) if is_output else "backprop" if callable(item) else "cache"
            elif not is_output and own in self.given:
                own = "cache"
            names.append(self._fresh(own))
        return names

    @property
    def _has_constructor(self) -> bool:
        return len(self.calls) > 1 and isinstance(self.calls[0].function, type)

    def _output_name(self, position: int) -> str:
        names = self.layer.upstream_names
        name = names[position] if position < len(names) else ""
        match = re.fullmatch(r"(?:d|grad_?)_?([A-Za-z]\w*)", name)
        return match[1] if match else "out"

    def _upstream_names(self) -> tuple[str, ...]:
        said = self.layer.upstream_names
        count = len(self.cotangents)
        names = [said[k] if k < len(said) and said[k].isidentifier() else "dout" for k in range(count)]
        return tuple(self._fresh(name) for name in names)

    def _backward(self, call: Call, text: str, constructor: str) -> tuple[str, dict[str, str], str]:
        value = call.returned
        by_position = self._by_argument(value) if isinstance(value, (tuple, list)) else {}
        table = Expressions()
        if self.whole or (
            isinstance(value, (tuple, list)) and not (by_position and len(value) <= len(self.case.arguments) + 2)
        ):
            name = self._fresh("grads")
            table.learn(value, name)
            return f"{name} = {text}", self._gradients(value, table, constructor), name
        if isinstance(value, (tuple, list)):
            names = [
                self._fresh(self._gradient_variable(by_position[k])) if k in by_position else "_"
                for k in range(len(value))
            ]
            for name, item in zip(names, value):
                if name != "_":
                    table.learn(item, name)
            gradients = self._gradients(value, table, constructor)
            gradients |= {argument: names[k] for k, argument in by_position.items()}
            return f"{', '.join(names)}{',' * (len(names) == 1)} = {text}", gradients, ""
        if value is None:
            return text, self._gradients(value, table, constructor), ""
        argument = next((name for name, item in self.returned.gradients.items() if item is value), None)
        name = self._fresh(self._gradient_variable(argument) if argument else "grads")
        table.learn(value, name)
        statement = f"{name} = {text}"
        gradients = self._gradients(value, table, constructor)
        if not any(re.search(rf"\b{name}\b", found) for found in gradients.values()):
            statement = text  # `self.dW` is what counts
        return statement, gradients, name

    def _gradient_variable(self, argument: str) -> str:
        name = argument_gradient_name(self.layer, argument)
        return name if name.isidentifier() else "d" + re.sub(r"\W", "_", argument)

    def _by_argument(self, value: Any) -> dict[int, str]:
        """Which argument each returned position is the gradient of; one object may come back twice."""
        found: dict[int, str] = {}
        for argument, gradient in self.returned.gradients.items():
            for position, item in enumerate(value):
                if item is gradient and item is not None and position not in found:
                    found[position] = argument
                    break
        return found

    def _gradients(self, value: Any, table: Expressions, constructor: str) -> dict[str, str]:
        """By argument, where its gradient is: in what was returned, or on the object."""
        stored = Expressions()
        if constructor:
            stored.learn_instance(self.calls[0].returned, "layer")
        found = {}
        for argument, gradient in self.returned.gradients.items():
            text = table.find(gradient) or stored.find(gradient)
            if text is None and isinstance(gradient, dict):
                continue
            if text is not None:
                found[argument] = text
        return found

    def _fresh(self, name: str) -> str:
        """A name that nothing else in the script has."""
        clean = re.sub(r"\W", "_", name).strip("_") or "value"
        clean = clean if clean.isidentifier() else f"_{clean}"
        chosen, count = clean, 1
        while chosen in self.used or chosen in vars(self.module.namespace) and chosen in self._functions():
            count += 1
            chosen = f"{clean}{count}" if not clean[-1].isdigit() else f"{clean}_{count}"
        self.used.add(chosen)
        return chosen

    def _functions(self) -> set[str]:
        return {getattr(call.function, "__name__", "") for call in self.calls} | {self.layer.name}

