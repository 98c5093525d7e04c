"""All the layers that a module defines, whatever conventions they are written in."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from types import ModuleType
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.conventions import (
    classes,
    closure,
    custom_derivative,
    derivative_rules,
    explicit,
    function_pair,
    labelled,
    loss,
    loss_method,
    methods,
    naming,
    signatures,
    static_pair,
    syntax,
)
from gradcheck_cli.layers.conventions.pairing import Pair, find_pairs
from gradcheck_cli.layers.expectation import with_expectation
from gradcheck_cli.layers.explicit import REGISTER, Declaration, declaration_of
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.networks.discovery import networks_of
from gradcheck_cli.layers.outline import outline


@dataclass(frozen=True)
class Discovery:
    """What a module holds.

    Attributes:
        layers: in the order of the source, with unique names.
        notes: sentences on what looked like half a layer, or on a class that was passed over and why.
        problems: layers that are declared in a way that cannot be checked.
    """

    layers: tuple[Layer, ...]
    notes: tuple[str, ...] = ()
    problems: tuple[UserError, ...] = ()


def find(module: Module) -> Discovery:
    """Find every layer that `module` itself defines, then its networks.

    What it only imports counts where `layer(...)` declares it.
    """
    found = _Search(module).run()
    networks, problems = networks_of(module, found.layers, attribute, lambda other: _Search(other).run().layers)
    return replace(found, layers=(*found.layers, *networks), problems=(*found.problems, *problems))


def attribute(dotted: str) -> Callable[[ModuleType], Any]:
    """A finder of `name` or `Class.name` in any copy of the module. Static methods come as functions."""

    def finder(namespace: ModuleType) -> Any:
        value: Any = namespace
        for part in dotted.split("."):
            value = getattr(value, part)
        return value

    return finder


class _Search:
    """One module's search; each step claims the names that it has explained."""

    def __init__(self, module: Module) -> None:
        self.module = module
        self.tree = syntax.parse(module.source)
        self.outline = outline(self.tree)
        self.functions, self.classes, self.values = self.outline.functions, self.outline.classes, self.outline.values
        self.namespace = {name: value for name, value in list(vars(module.namespace).items()) if _is_readable(value)}
        self.claimed: set[str] = set()
        self.helpers: dict[str, str] = {}
        self.found: list[tuple[int, Layer]] = []
        self.notes: list[str] = [
            f"it replaces `{name}` when it is imported; its layers are checked with the library's own"
            for name in module.replaced
        ]
        self.problems: list[UserError] = []

    def run(self) -> Discovery:
        self._declared()
        self._custom_derivatives()
        self._functions(lambda function: closure.pull_back_of(syntax.definition(function)) is not None, closure.build)
        self._pairs()
        self._functions(loss.is_loss, loss.build)
        self._classes()
        layers = [layer for _, layer in sorted(self.found, key=lambda item: item[0])]
        expecting = [with_expectation(layer, self.module, self.problems) for layer in _unique(layers)]
        return Discovery(tuple(expecting), tuple(self.notes), tuple(self.problems))

    def live(self, name: str) -> Any:
        return self.namespace.get(name)

    def add(self, build: Callable[[], Layer]) -> Layer | None:
        """Build a layer; where that fails for the user's reasons, the problem is reported in its place."""
        try:
            layer = build()
        except UserError as error:
            self.problems.append(error)
            return None
        self.found.append((layer.forward_line, layer))
        return layer

    def _declared(self) -> None:
        named: set[int] = set()
        for name, value in self.namespace.items():
            said = declaration_of(value)
            own = name in self.functions or name in self.classes or name in self.values
            if said is None or id(said) in named or not (own or isinstance(value, Declaration)):
                continue
            named.add(id(said))
            self._declare(said, said.name or name, attribute(name))
        for position, said in enumerate(self.namespace.get(REGISTER, ())):
            if isinstance(said, Declaration) and id(said) not in named:
                title = (
                    said.name or getattr(syntax.plain_function(said.target), "__name__", "") or f"layer_{position + 1}"
                )
                self._declare(said, title, _registered(position))

    def _declare(self, said: Declaration, name: str, finder: Callable[[ModuleType], Any]) -> None:
        parts = [said.target, said.backward, said.reference]
        for item in self.namespace:
            if any(part is not None and self.live(item) is part for part in parts):
                self.claimed.add(item)
        if said.backward is None and said.is_decorator and (partner := self._partner(said)) is not None:
            self.claimed.add(partner.backward)
            self._declare_pair(said, name, finder, partner)
            return
        layer = self.add(lambda: explicit.build(self.module, name, finder))
        if layer is not None:
            self.found[-1] = (said.line, layer)

    def _partner(self, said: Declaration) -> Pair | None:
        """The pair that a decorated forward makes with a backward beside it, if it has none of its own."""
        name = next((item for item in self.functions if self.live(item) is said.target), None)
        if name is None:
            return None
        pairs, _ = find_pairs(list(self.functions), ())
        return next((pair for pair in pairs if pair.forward == name), None)

    def _declare_pair(self, said: Declaration, name: str, finder: Callable[[ModuleType], Any], pair: Pair) -> None:
        def declared(namespace: ModuleType) -> Declaration:
            found = declaration_of(finder(namespace))
            if found is None:
                raise LookupError(name)
            return found

        def build() -> Layer:
            base = function_pair.build(self.module, pair, attribute(pair.forward), attribute(pair.backward))
            return explicit.apply(base, said, self.module, said.name or pair.name, declared)

        self.add(build)

    def _custom_derivatives(self) -> None:
        rules: dict[int, list[str]] = {}
        for name in self.outline.in_order((*self.functions, *self.values)):
            rule = derivative_rules.rule_of(self.live(name))
            if rule is None:
                continue
            origin = derivative_rules.fields_of(rule).get("origin", rule)
            already = name in self.claimed
            self.claimed.add(name)
            if self._is_own(derivative_rules.undecorated(rule), name):
                self.claimed.update(derivative_rules.implementations(rule))
                self.helpers.update(dict.fromkeys(derivative_rules.helpers(rule), name))
                if not already:
                    rules.setdefault(id(origin), []).append(name)
        for names in rules.values():
            # a rule and its jitted form are one layer, called by its public name
            name = next((item for item in names if not item.startswith("_")), names[0])
            self.add(lambda name=name: self._rule(name))  # type: ignore[misc]
        for owner in self.classes:
            for member, value in list(vars(self.live(owner)).items()) if isinstance(self.live(owner), type) else ():
                rule = derivative_rules.rule_of(value.__func__) if isinstance(value, staticmethod) else None
                if rule is not None:
                    dotted = f"{owner}.{member}"
                    self.claimed.update(derivative_rules.implementations(rule))
                    self.helpers.update(dict.fromkeys(derivative_rules.helpers(rule), dotted))
                    self.add(lambda dotted=dotted: custom_derivative.build(self.module, dotted, attribute(dotted)))  # type: ignore[misc]

    def _rule(self, name: str) -> Layer:
        return custom_derivative.build(self.module, name, attribute(name), self.values.get(name, 1))

    def _is_own(self, function: Any, name: str) -> bool:
        """Whether a rule is this module's: its function is defined here, or the rule itself is made here."""
        plain = syntax.plain_function(function)
        if name in self.functions or plain is None:
            return True
        if plain.__module__ == self.module.namespace.__name__:
            return True
        line = self.values.get(name, 0)
        lines = self.module.source.splitlines()
        return 0 < line <= len(lines) and "custom_" in lines[line - 1]

    def _functions(self, is_one: Callable[[Any], bool], build: Callable[..., Layer]) -> None:
        """Conventions that are one function: closures, and losses with their gradient."""
        for name in self.outline.in_order(self.functions):
            function = self.live(name)
            if name in self.claimed or not callable(function) or isinstance(function, type):
                continue
            # `affine_inputs(rng)` makes a layer's inputs: `return cov, residual` is no loss with its gradient
            if not name.startswith("test_") and not name.endswith("_inputs") and is_one(function):
                self.claimed.add(name)
                self.add(lambda name=name: build(self.module, name, attribute(name)))  # type: ignore[misc]

    def _pairs(self) -> None:
        callables = [
            name
            for name in self.outline.in_order((*self.functions, *self.values))
            if callable(self.live(name)) and not isinstance(self.live(name), type)
            if derivative_rules.rule_of(self.live(name)) is None
        ]
        pairs, notes = find_pairs(callables, self.claimed)
        self.notes.extend(notes)
        for pair in pairs:
            self.claimed.update((pair.forward, pair.backward))
            if (reason := self._no_layer(pair)) is not None:
                self.notes.append(reason)
                continue
            self.add(
                lambda pair=pair: function_pair.build(  # type: ignore[misc]
                    self.module, pair, attribute(pair.forward), attribute(pair.backward)
                )
            )

    def _no_layer(self, pair: Pair) -> str | None:
        """Why two functions named like a forward and its backward are no layer by themselves; None where they are."""
        if pair.backward in self.values and syntax.calls_any(self.tree, pair.backward, naming.DIFFERENTIATORS):
            return f"`{pair.backward}` is made by automatic differentiation, not by hand: passed over"
        if (rule := self.helpers.get(pair.forward)) is not None and pair.forward.startswith("_"):
            return f"`{pair.forward}` is a part of the rule of `{rule}`: checked there"
        forward = self.live(pair.forward)
        called = [
            item.name
            for item in signatures.parameters(forward)
            if not item.has_default and syntax.calls(syntax.definition(forward), item.name)
        ]
        if called and pair.forward.startswith("_"):
            return f"`{pair.forward}` is a helper that is handed a function (`{called[0]}`): passed over"
        return None

    def _classes(self) -> None:
        for name in self.outline.in_order(self.classes):
            owner = self.live(name)
            if name in self.claimed or not isinstance(owner, type):
                continue
            if methods.is_foreign(owner):
                self.notes.append(f"`{name}` belongs to a framework with its own autodiff: passed over")
            elif static_pair.is_static_pair(owner):
                self.add(lambda name=name: static_pair.build(self.module, name, attribute(name)))  # type: ignore[misc]
            elif (named := methods.methods(owner)) is not None and static_pair.is_plain_static(owner, *named):
                pair = Pair(name, *(f"{name}.{method}" for method in named))
                self.add(
                    lambda pair=pair: function_pair.build(  # type: ignore[misc]
                        self.module, pair, attribute(pair.forward), attribute(pair.backward)
                    )
                )
            elif (net := labelled.labelled(owner)) is not None:
                self._nets(name, owner, [(net.loss, net.backward)], net)
            elif methods.methods(owner) is not None:
                self._class(name, owner)
            elif methods.closure_method(owner) is not None:
                self.add(lambda name=name: classes.build(self.module, name, attribute(name)))  # type: ignore[misc]
            elif names := loss_method.losses(owner):
                self._nets(name, owner, names)
            elif any(method in vars(owner) for method in methods.BACKWARDS):
                self.notes.append(f"class `{name}` has a backward and no forward, so there is nothing to check")

    def _nets(
        self, name: str, owner: type, names: Sequence[tuple[str, str]], net: labelled.Labelled | None = None
    ) -> None:
        """Methods that return a loss and gradients: one is called by its class, several by themselves."""
        if self._is_derived_from(owner) and (methods.leaves_open(owner) or classes.needs_settings(owner)):
            self.notes.append(f"class `{name}` is a base for nets, which its subclasses build: passed over")
            return
        for method in names:
            title = name if len(names) == 1 else f"{name}.{method[0]}"
            built = loss_method.build(self.module, title, name, method, attribute(name), net)
            if isinstance(built, str):
                self.notes.append(built)
            else:
                self.found.append((built.forward_line, built))

    def _is_derived_from(self, owner: type) -> bool:
        others = map(self.live, self.classes)
        return any(isinstance(other, type) and other is not owner and issubclass(other, owner) for other in others)

    def _class(self, name: str, owner: type) -> None:
        derived = self._is_derived_from(owner)
        if methods.is_abstract(owner) and not methods.writes_any(owner):
            self.notes.append(f"class `{name}` has no forward and no backward of its own yet: passed over")
            return
        if (methods.is_abstract(owner) or (derived and methods.leaves_open(owner))) and (
            derived or methods.is_abstract_name(name)
        ):
            self.notes.append(f"class `{name}` is a base for layers, with nothing in it to check: passed over")
            return
        if derived and classes.needs_settings(owner):
            # `Activation(activation, activation_prime)` above `Tanh()`: only the subclass says what with
            self.notes.append(f"class `{name}` is a base for layers, which its subclasses build: passed over")
            return
        self.add(lambda: classes.build(self.module, name, attribute(name)))


def _is_readable(value: Any) -> bool:
    """Whether an object lets itself be looked at: a class of the user's may raise at the question what it is."""
    try:
        return isinstance(getattr(value, "__name__", ""), object)
    except BaseException:
        return False


def _registered(position: int) -> Callable[[ModuleType], Any]:
    return lambda namespace: vars(namespace)[REGISTER][position]


def _unique(layers: Sequence[Layer]) -> list[Layer]:
    """Layers with unique names: where two share one, the later is called by its backward, else numbered."""
    taken: set[str] = set()
    found = []
    for layer in layers:
        name = layer.name
        choices = [name, *layer.aliases, *(f"{name}_{count}" for count in range(2, len(layers) + 2))]
        name = next(choice for choice in choices if choice not in taken)
        taken.add(name)
        found.append(layer if name == layer.name else replace(layer, name=name, aliases=(*layer.aliases, layer.name)))
    return found
