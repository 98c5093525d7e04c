"""Writes down one run of a layer: what was called with what, whatever convention the layer is written in."""

from __future__ import annotations

import re
from typing import Any

from gradcheck_cli.checking.shrink.expressions import Expressions, context_text
from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.checking.shrink.names import ModuleNames
from gradcheck_cli.checking.shrink.observation import Observation, Vocabulary, observe
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.judge.words import argument_gradient_name
from gradcheck_cli.layers.case import Case
from gradcheck_cli.layers.conventions import syntax
from gradcheck_cli.layers.conventions.context import Context
from gradcheck_cli.layers.conventions.custom_jvp import CustomJVP
from gradcheck_cli.layers.layer import BoundLayer, Role
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import Call
from gradcheck_cli.witnesses.gradients import Upstream

Forward = tuple[str, tuple[str, ...], tuple[str, ...] | None]
"""The statement, a text for each output, and how each is taken from the value of the call."""
Backward = tuple[str, dict[str, str], str]
"""The statement, the gradients' texts by argument, and the name of the whole, "" where it is taken apart."""


def transcribe(module: Module, bound: BoundLayer, case: Case, upstream: Upstream, *, whole: bool = False) -> Transcript:
    """Run forward and backward once, and write down what was called.

    Args:
        whole: name what the backward returns as one value, and do not take it apart.

    Raises:
        Unwritable: where something that was called or handed on has no short text.
        UserError: where the user's code raises.
    """
    seen = observe(module, bound, case, upstream)
    rule = transposed_rule(bound)
    if rule is not None and not seen.calls:
        return of_rule(seen, rule, whole=whole)
    if not seen.calls:
        raise Unwritable("nothing was called in a way that can be written down")
    return _Writer(seen, whole).transcript()


def transposed_rule(bound: BoundLayer) -> CustomJVP | None:
    """The `custom_jvp` that a bound layer is, or wraps; None for any other: its backward is `jax.vjp` of it."""
    found: Any = bound
    for _ in range(4):
        if isinstance(found, CustomJVP):
            return found
        found = getattr(found, "inner", None) or getattr(found, "_bound", None)
    return None


def of_rule(seen: Observation, rule: CustomJVP, *, whole: bool) -> Transcript:
    """A `custom_jvp`: what `jax.vjp` makes of its rule.

    Raises:
        Unwritable: where it has no name in the module.
    """
    words, known, names = Vocabulary(seen), Expressions(), ModuleNames(seen.module)
    for item, value in seen.given.items():
        known.learn(value, words.variables[item])
    name = names.of(rule.whole)
    order = [item.name for item in rule.parameters if item.name in seen.given]
    texts = [known.text(seen.given[item]) for item in order]
    call = f"{name}({', '.join(texts)})"
    taken = [known.text(seen.given[item]) for item in rule.inputs]
    function = name if texts == taken else f"lambda {', '.join(taken)}: {call}"
    out, pull_back = words.fresh(words.output_name(0)), words.fresh("pull_back")
    several = len(seen.result.outputs) > 1
    cotangent = f"({', '.join(words.upstream)})" if several else words.upstream[0]
    gradients = {} if whole else {item: words.gradient(item) for item in rule.inputs}
    left = words.fresh("grads") if whole else ", ".join(gradients.values()) + "," * (len(gradients) == 1)
    count = range(len(seen.result.outputs))
    return Transcript(
        layer=seen.layer,
        case=seen.case,
        names=names,
        inputs=seen.inputs(order, words.variables),
        upstream=tuple(zip(words.upstream, seen.upstream.cotangents)),
        setup=(),
        constructor="",
        forward=f"{out}, {pull_back} = jax.vjp({', '.join([function, *taken])})",
        forward_call=call,
        backward=f"{left} = {pull_back}({cotangent})",
        backward_call=f"{pull_back}({cotangent})",
        outputs=tuple(f"{out}[{k}]" for k in count) if several else (out,),
        taken=tuple(f"[{k}]" for k in count) if several else ("",),
        gradients=gradients,
        returned=left if whole else "",
        result=seen.returned,
        variables=words.variables,
        own={},
        used=frozenset(words.used),
    )


class _Writer:
    def __init__(self, seen: Observation, whole: bool) -> None:
        self.seen, self.whole = seen, whole
        self.case, self.layer = seen.case, seen.layer
        self.words = Vocabulary(seen)
        self.names = ModuleNames(seen.module)
        self.known = Expressions()

    def transcript(self) -> Transcript:
        seen, variables = self.seen, self.words.variables
        for name, value in seen.given.items():
            self.known.learn(value, variables[name])
        setup, own = self._made()
        forward, *others = seen.used
        for value in forward.positional:
            if isinstance(value, Context):
                setup.append(f"ctx = {context_text(value, seen.module.source)}")
                self.known.learn(value, "ctx", depth=0)
        forward_call = self._call(forward)
        forward_text, outputs, taken = self._forward(forward, forward_call)
        for name, value in zip(self.words.upstream, seen.cotangents):
            self.known.learn(value, name)
        if seen.constructor:
            self.known.learn_instance(seen.constructor.returned, "layer")
        backward = backward_call = returned_name = ""
        if others:
            backward_call = self._call(others[-1])
            backward, gradients, returned_name = self._backward(others[-1], backward_call)
            for name, written in seen.returned.updated.items():
                gradients[name] = self.words.gradient(name)
                place = own.get(name, f"layer.{name}").removesuffix("[...]")
                backward += f"; {gradients[name]} = {written(variables[name], place, 'layer')}"
        else:
            gradients = self._gradients(self.known)
        text = " ".join([*setup, forward_call, backward_call])
        inputs = [name for name in seen.given if re.search(rf"\b{re.escape(variables[name])}\b", text)]
        needed = [
            (name, value)
            for name, value in zip(self.words.upstream, seen.upstream.cotangents)
            if not self.layer.unit_upstream or re.search(rf"\b{name}\b", backward_call)
        ]
        return Transcript(
            layer=self.layer,
            case=self.case,
            names=self.names,
            inputs=seen.inputs(inputs, variables),
            upstream=tuple(needed),
            setup=tuple(setup),
            constructor=setup[0].removeprefix("layer = ") if seen.constructor else "",
            forward=forward_text,
            forward_call=forward_call,
            backward=backward,
            backward_call=backward_call,
            outputs=outputs,
            taken=taken,
            gradients=gradients,
            returned=returned_name,
            result=seen.returned,
            variables=variables,
            own={name: place.removesuffix("[...]") for name, place in own.items()},
            used=frozenset(self.words.used),
        )

    def _made(self) -> tuple[list[str], dict[str, str]]:
        """The statements that make the object and give it its parameters, and where it has them."""
        call = self.seen.constructor
        if call is None:
            return [], {}
        statements = [f"layer = {self._call(call)}"]
        self.known.learn(call.returned, "layer", depth=0)
        if self.seen.start is not None:
            statements.append(self._call(self.seen.start))
        own = self._own(call.returned)
        late = {argument.name for argument in self.layer.arguments if argument.has_default}
        for name, place in own.items():
            variable = self.words.variables[name]
            # what the constructor leaves out has no array yet to be written into
            is_late = name in late and not self.layer.uses_jax
            statements.append(
                f"{place.removesuffix('[...]')} = {variable}.copy()" if is_late else f"{place} = {variable}"
            )
        given = [name for name in self.seen.returned.updated if name not in own]
        statements += [f"layer.{name} = {self.words.variables[name]}.copy()" for name in given]
        return statements, own

    @property
    def _instance(self) -> Any:
        return self.seen.constructor.returned if self.seen.constructor else None

    def _call(self, call: Call) -> str:
        parts = [self.known.text(value) for value in call.positional]
        parts += [f"{name}={self.known.text(value)}" for name, value in call.keywords.items()]
        return f"{self.known.function(call.function, self.names)}({', '.join(parts)})"

    def _own(self, instance: Any) -> dict[str, str]:
        """Where the object has the parameters that were put in: assigned inside, so that all references see them."""
        places = Expressions()
        places.learn_instance(instance, "layer")
        found = {}
        for argument in self.layer.arguments:
            if argument.role is Role.OWN_PARAMETER and argument.name in self.seen.given:
                place = places.find(self.seen.given[argument.name])
                if place is None:
                    raise Unwritable(f"`{argument.name}` is not on the object")
                found[argument.name] = place + ("" if self.layer.uses_jax else "[...]")
        return found

    def _forward(self, call: Call, text: str) -> Forward:
        value, outputs = call.returned, self.seen.result.outputs
        if value is None:
            stored = Expressions()
            stored.learn_instance(self._instance, "layer")
            places = tuple(stored.find(output) or "" for output in outputs)
            if not all(places):
                raise Unwritable("the output is stored nowhere")
            return text, places, None
        parted = isinstance(value, (tuple, list)) and bool(outputs) and not any(value is output for output in outputs)
        nested = parted and len(value) == 2 and isinstance(value[0], tuple) and len(value[0]) == len(outputs)
        if nested and all(one is other for one, other in zip(value[0], outputs)):
            # the `fwd` rule of a function with several outputs: `return (a, b), residuals`
            out, residuals = self.words.fresh("out"), self.words.fresh("residuals")
            self.known.learn(value[0], out)
            self.known.learn(value[1], residuals)
            count = range(len(outputs))
            texts = tuple(f"{out}[{k}]" for k in count)
            return f"{out}, {residuals} = {text}", texts, tuple(f"[0][{k}]" for k in count)
        if not parted:
            name = self.words.fresh(self.words.output_name(0))
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

    def _returned_names(self, call: Call, value: Any) -> list[str]:
        """What the forward's own return statement says, where it can be used; else `out`, `cache`."""
        said = syntax.returned_names(syntax.definition(call.function))
        alone = len(self.seen.used) == 1
        gradients = self.seen.by_argument(value) if alone else {}
        names = []
        for position, item in enumerate(value):
            own = said[position] if len(said) == len(value) else ""
            is_output = any(item is output for output in self.seen.result.outputs)
            is_output &= not any(item is earlier for earlier in value[:position])  # then it is the cache as well
            if position in gradients:
                own = argument_gradient_name(self.layer, gradients[position])
            elif not own.isidentifier():
                own = (
                    self.words.output_name(position)
                    if is_output
                    else "backprop"
                    if callable(item)
                    else "grads"
                    if alone
                    else "cache"
                )
            elif is_output and own in self.seen.given:
                own = self.words.output_name(position)
            elif not is_output and (own in self.seen.given or own in said[:position]):
                own = "cache"
            names.append(self.words.fresh(own))
        return names

    def _backward(self, call: Call, text: str) -> Backward:
        value = call.returned
        by_position = self.seen.by_argument(value) if isinstance(value, (tuple, list)) else {}
        table = Expressions()
        if self.whole or (
            isinstance(value, (tuple, list)) and not (by_position and len(value) <= len(self.case.arguments) + 2)
        ):
            name = self.words.fresh("grads")
            table.learn(value, name)
            return f"{name} = {text}", self._gradients(table), name
        if isinstance(value, (tuple, list)):
            names = [self.words.gradient(by_position[k]) if k in by_position else "_" for k in range(len(value))]
            for name, item in zip(names, value):
                if name != "_":
                    table.learn(item, name)
            gradients = self._gradients(table)
            gradients |= {argument: names[k] for k, argument in by_position.items()}
            return f"{', '.join(names)}{',' * (len(names) == 1)} = {text}", gradients, ""
        if value is None:
            return text, self._gradients(table), ""
        argument = next((name for name, item in self.seen.returned.gradients.items() if item is value), None)
        name = self.words.gradient(argument) if argument else self.words.fresh("grads")
        table.learn(value, name)
        statement = f"{name} = {text}"
        gradients = self._gradients(table)
        if not any(re.search(rf"\b{name}\b", found) for found in gradients.values()):
            statement = text  # `self.dW` is what counts
        return statement, gradients, name

    def _gradients(self, table: Expressions) -> dict[str, str]:
        """By argument, where its gradient is: in what was returned, or on the object."""
        stored = Expressions()
        if self.seen.constructor:
            stored.learn_instance(self._instance, "layer")
        found = {}
        for argument, gradient in self.seen.returned.gradients.items():
            text = table.find(gradient) or stored.find(gradient)
            if text is None and isinstance(gradient, dict):
                continue
            if text is not None:
                found[argument] = text
        return found
