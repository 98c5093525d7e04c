"""What a layer is, whatever convention it was written in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from gradcheck_cli.layers.networks.network import Network


class Convention(StrEnum):
    """How the user wrote the layer."""

    FUNCTION_PAIR = "function pair"
    LOSS = "loss"
    CLASS = "class"
    CLOSURE = "closure"
    STATIC_PAIR = "static pair"
    CUSTOM_VJP = "custom_vjp"
    CUSTOM_JVP = "custom_jvp"
    EXPLICIT = "explicit"
    FUNCTION = "function"
    """Any function, without a backward: its graph can be drawn, and nothing checked."""
    NETWORK = "network"
    """Layers that feed each other: `Sequential([...])`, `Graph()`."""


class Role(StrEnum):
    """What an argument is for; decides how a value for it is found."""

    INPUT = "input"
    """An argument of the forward, an array or a pytree of arrays (labels included: their kind decides)."""
    PARAMETER = "parameter"
    """An array given to the constructor (`Affine(W, b)`)."""
    OWN_PARAMETER = "own parameter"
    """An array the constructor makes itself (`Linear(in_features, out_features)`); drawn values replace it."""
    SIZE = "size"
    """A plain integer given to the constructor (`in_features`)."""
    CONFIG = "config"
    """A configuration dictionary, flag, mode, ratio: never differentiated."""


@dataclass(frozen=True)
class Argument:
    """One argument of a layer.

    Attributes:
        name: as the user wrote it.
        has_default, default: from the signature.
        annotation: evaluated or not, exactly as found in the signature; None where there is none.
        gradient_name: what the user calls its gradient (`dw`, `self.dW`, `self.grads[0]`), "" where unknown.
        differentiated: False for an array that this layer's backward gives no gradient for by its convention (a
            loss's float targets, a parameter that an optimiser step inside the backward updates); never a leaf.
        is_updated: the backward updates it by itself, on purpose.
    """

    name: str
    role: Role
    has_default: bool = False
    default: Any = None
    annotation: Any = None
    gradient_name: str = ""
    differentiated: bool = True
    is_updated: bool = False


@dataclass(frozen=True)
class ForwardResult:
    """One call of the forward.

    Attributes:
        outputs: the outputs, without the cache; each an array, a scalar or a pytree of them.
        residuals: whatever the backward needs (the cache, the instance, the closure, the context).
    """

    outputs: tuple[Any, ...]
    residuals: Any


@dataclass(frozen=True)
class BackwardResult:
    """One call of the backward, nothing judged yet.

    Attributes:
        gradients: by argument name, exactly what was returned or stored; no entry where nothing was.
        returned: how many gradients came back from the call itself, None where the convention has no count to judge.
        expected: how many the convention asks for, given which arguments are differentiable.
        surplus: what came back beyond the arguments.
        unknown: keys of a returned dict that name no argument.
        updated: by argument whose gradient was read off the backward's own update, how a script writes it: from the
            texts for the value before and after, and for the object.
        stub, mend: a sentence where the backward returned None altogether, and what to write; else "".
    """

    gradients: Mapping[str, Any]
    returned: int | None = None
    expected: int | None = None
    surplus: tuple[Any, ...] = ()
    unknown: tuple[str, ...] = ()
    stub: str = ""
    mend: str = ""
    updated: Mapping[str, Callable[[str, str, str], str]] = field(default_factory=dict)


class BoundLayer(Protocol):
    """A layer tied to one copy of its module: the user's own, or the one whose `np` makes dual arrays."""

    def initial(self, arguments: Mapping[str, Any]) -> Mapping[str, Any]:
        """The OWN_PARAMETER arrays that the constructor makes, given SIZE and CONFIG arguments. Empty elsewhere."""

    def forward(self, arguments: Mapping[str, Any]) -> ForwardResult:
        """Run the user's forward, keeping what the backward needs. Every argument of the layer is given by name."""

    def backward(
        self, result: ForwardResult, cotangents: tuple[Any, ...], differentiable: tuple[str, ...]
    ) -> BackwardResult:
        """Run the user's backward exactly as written; `differentiable` names the floating arguments, in order."""

    def evaluate(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs only: the function whose derivative is asked for; finite differences call it."""

    def reference(self, arguments: Mapping[str, Any]) -> tuple[Any, ...]:
        """The outputs by the plainly written forward that autodiff differentiates; `evaluate` unless one was given."""


@dataclass(frozen=True)
class Layer:
    """What the user wrote, found but not yet run.

    Attributes:
        name: unique in its module; `PATH::name` picks it.
        path, line: the backward's definition (findings point there).
        forward_line: the forward's definition.
        arguments: constructor arguments first, then the forward's, each in the user's order.
        docstrings: every docstring that may speak of shapes (forward, class, `__init__`, backward), best first.
        declared_inputs: shapes or arrays from `layer(inputs=...)`, by argument name.
        unit_upstream: the upstream gradient is 1 by convention (a loss that returns its own gradient, a
            `backward(self, dout=1)` of a scalar output, or a backward that takes none).
        upstream_names: what the user calls the upstream gradients (`dout`, `dnext_h`), outputs' order; may be empty.
        bind: makes it callable in a module, the user's own or the dual copy.
        uses_jax: the forward (as far as seen) is written for JAX.
        expect: what the user said to expect (`straight-through`, `custom`), or "".
        notes: what discovery assumed, in sentences.
        make_inputs: a function of the user's from `layer(inputs=function)`: `rng -> dict or tuple` of arguments; None
            where there is none.
        has_reference: autodiff differentiates another function than the forward that the backward belongs to (a
            declared `reference=`, the undecorated function of a `custom_vjp`): where they differ, that is a finding.
        aliases: other names that pick it after `PATH::`, such as its backward function's.
        network: what it is made of, where it is a network; None for a layer.
        early_updates: parameters that the backward updates by itself and uses after that, with the lines of both.
        at_output: `bind` for a derivative that may be one of the output, `sigmoid_grad(x)` that is x·(1 − x) and called
            with what `sigmoid` gave; None where it takes more than one value, or says by its name which one.
    """

    name: str
    convention: Convention
    path: Path
    line: int
    forward_line: int
    arguments: tuple[Argument, ...]
    bind: Callable[[ModuleType], BoundLayer]
    docstrings: tuple[str, ...] = ()
    declared_inputs: Mapping[str, Any] = field(default_factory=dict)
    unit_upstream: bool = False
    upstream_names: tuple[str, ...] = ()
    uses_jax: bool = False
    expect: str = ""
    dtype: str = ""
    notes: tuple[str, ...] = ()
    make_inputs: Callable[..., Any] | None = None
    aliases: tuple[str, ...] = ()
    has_reference: bool = False
    network: Network | None = None
    early_updates: tuple[tuple[str, int, int], ...] = ()
    at_output: Callable[[ModuleType], BoundLayer] | None = None

    @property
    def is_rule(self) -> bool:
        """Whether it is a `jax.custom_vjp` or `jax.custom_jvp` object."""
        return self.convention in (Convention.CUSTOM_VJP, Convention.CUSTOM_JVP)
