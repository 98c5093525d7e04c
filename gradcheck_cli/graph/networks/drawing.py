"""One draw of a whole network: its inputs and parameters, each layer fed with what the layers before it gave."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.made import with_made
from gradcheck_cli.layers.case import Case, Leaf, Specification
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.extremes import with_values
from gradcheck_cli.layers.inputs.fitting import axes_of, sizes_from
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.sampling import draw, redraw
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.inputs.values import floats
from gradcheck_cli.layers.layer import BoundLayer, Convention, ForwardResult, Layer, Role
from gradcheck_cli.layers.leaves import is_floating, walk
from gradcheck_cli.layers.networks.network import Network, Node, Source, Use
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.witnesses.analytic import copies, run_forward

LOUD, QUIET = 2.0, 0.5
"""Drawn weights are scaled where a layer's output is this many times as large as its input, so that what flows through
a deep network stays of one size (layer-sequential unit variance; Mishkin and Matas, 2015)."""

FIRST_SIZES = (3, 5, 4, 6, 7, 8, 9, 10)
"""Sizes of the dimensions that the network's own inputs name, in turn: all different, and small."""


@dataclass(frozen=True)
class Ran:
    """One use of a layer, its forward run."""

    bound: BoundLayer
    case: Case
    result: ForwardResult


@dataclass(frozen=True)
class Forwarded:
    """One draw of a network whose forwards have run, in the order of `Network.uses`.

    Attributes:
        inputs: values of the network's inputs.
        notes: what was inferred or assumed.
    """

    network: Network
    uses: tuple[Ran, ...]
    inputs: Mapping[str, Any]
    notes: tuple[str, ...] = ()

    def value(self, source: Source) -> Any:
        """What flows along a wire."""
        return self.inputs[source.input] if source.use < 0 else self.uses[source.use].result.outputs[source.output]


@dataclass(frozen=True)
class _Known:
    """What is known of a layer for arrays of certain shapes: its inputs, sizes that run, its weight's scale."""

    specification: Specification
    sizes: Mapping[str, int] = field(default_factory=dict)
    factor: float = 1.0


def once_more(bound: BoundLayer, before: ForwardResult, arguments: Mapping[str, Any]) -> ForwardResult:
    """The forward of a layer that has been used before: on the same object, where it is one."""
    again = getattr(bound, "again", None)
    result = None if again is None else again(before, arguments)
    return bound.forward(arguments) if result is None else result


class Drawing:
    """Draws a network's values again and again; what is known of a layer's inputs is found out once a shape."""

    def __init__(self, network: Network, options: InputOptions) -> None:
        self._network = network
        self._options = self._asked_for = options
        self._bound = [
            repeatable(node.layer.bind(node.module.namespace), node.module.namespace, options.seed + position)
            for position, node in enumerate(network.nodes)
        ]
        self._known: dict[Any, _Known] = {}

    def take(self, index: int) -> Forwarded:
        """Draw number `index`, every forward run.

        Raises:
            UserError: for a layer that does not run on what the layers before it give; it names both.
        """
        network, rng = self._network, np.random.default_rng((self._options.seed, index, 0x6E))
        self._asked_for = with_made(network, self._options, index)
        inputs = self._inputs(rng)
        done: list[Ran] = []
        notes: dict[str, None] = {}
        first: dict[int, Ran] = {}
        for position, use in enumerate(network.uses):
            given = self._given(use, inputs, done)
            try:
                ran = self._run(position, use, given, index, first.get(use.node), notes)
            except UserError as error:
                raise self._worded(error, use, given) from error
            first.setdefault(use.node, ran)
            done.append(ran)
            for name, source in use.sources.items():
                if source.use < 0:
                    inputs.setdefault(source.input, ran.case.arguments[name])
        return Forwarded(network, tuple(done), inputs, tuple(notes))

    def _inputs(self, rng: np.random.Generator) -> dict[str, Any]:
        """The network's inputs whose shape is declared; others are drawn by the first layer that takes them."""
        sizes, free = dict(self._options.dimensions), iter(FIRST_SIZES)
        found: dict[str, Any] = {}
        for name, declared in self._network.inputs.items():
            if name in self._asked_for.arguments:
                found[name] = self._asked_for.arguments[name]
                continue
            shape = self._options.shapes.get(name, declared)
            if hasattr(shape, "shape"):
                if is_floating(shape):
                    found[name] = shape
                continue
            axes = axes_of(shape)
            if axes is None or self._takes_integers(name):
                continue
            for axis in axes:
                if isinstance(axis, str) and axis not in sizes:
                    sizes[axis] = next(free, 3)
            found[name] = floats(
                rng,
                tuple(sizes[axis] if isinstance(axis, str) else axis for axis in axes),
                dtype=self._options.dtype,
                magnitude=self._options.magnitude,
            )
        return found

    def _takes_integers(self, name: str) -> bool:
        """Whether the layer that takes this input may have it as labels: it draws them itself."""
        takers = self._network.users(Source(input=name))
        layers = [self._network.node_of(self._network.uses[use]).layer for use, _ in takers]
        return all(layer.convention is Convention.LOSS for layer in layers) and all(
            names.is_label(argument) for _, argument in takers
        )

    def _given(self, use: Use, inputs: Mapping[str, Any], done: list[Ran]) -> dict[str, Any]:
        found = {}
        for name, source in use.sources.items():
            if source.use >= 0:
                outputs = done[source.use].result.outputs
                if source.output >= len(outputs):
                    raise UserError(
                        f"`{use.name}` takes output {source.output + 1} of `{self._network.uses[source.use].name}`, "
                        f"which gives {len(outputs)}",
                        code="GC502",
                        path=self._network.path,
                        line=use.line,
                        mend="outputs are counted from 0: `value[0]` is the first",
                    )
                found[name] = outputs[source.output]
            elif source.input in inputs:
                found[name] = inputs[source.input]
        return found

    def _run(
        self, position: int, use: Use, given: Mapping[str, Any], index: int, before: Ran | None, notes: dict[str, None]
    ) -> Ran:
        node, bound = self._network.node_of(use), self._bound[use.node]
        own = {} if before is None else _parameters(before.case, use)
        if before is None and node.has_values:
            own = dict(bound.initial({}))
        if before is None:
            own |= {name: value for name, value in self._told(node).items() if hasattr(value, "shape")}
        layer, options = self._asked(node, {**own, **given}, zlib.crc32(repr((index, position)).encode()))
        key = _key(use.node, node, layer, options)
        known = self._known.get(key)
        if known is None:
            known = _Known(specify(layer, node.module, bound, options))
            case = draw(layer, known.specification, bound, options, 0)
            known = self._known[key] = replace(known, sizes=case.dimensions)
        else:
            case = self._again(layer, known, bound, options)
        # what its forward draws at random is drawn again, whoever runs it
        case = replace(case, seed=self._options.seed + use.node)
        notes.update(dict.fromkeys(f"`{node.name}`: {note}" for note in known.specification.notes))
        if before is not None:
            return Ran(bound, case, once_more(bound, before.result, copies(case.arguments)))
        fixed = {*given, *own, *(name for name, value in node.inputs.items() if hasattr(value, "shape"))}
        weight = _weight(case, fixed)
        case = _scaled(case, weight, known.factor)
        result = run_forward(bound, case)
        factor = _calming(case, result, list(use.sources)) if weight is not None else 1.0
        if factor == 1.0:
            return Ran(bound, case, result)
        self._known[key] = replace(known, factor=known.factor * factor)
        case = _scaled(case, weight, factor)
        return Ran(bound, case, run_forward(bound, case))

    def _again(self, layer: Layer, known: _Known, bound: BoundLayer, options: InputOptions) -> Case:
        """Another draw for arrays of shapes that are known to run."""
        given = {name: value for name, value in layer.declared_inputs.items() if hasattr(value, "shape")}
        shapes = {
            name: replace(shape, values=(np.asarray(given[name]),)) if name in given and shape.values else shape
            for name, shape in known.specification.shapes.items()
        }
        specification = replace(known.specification, shapes=shapes)
        return redraw(layer, specification, bound, options, known.sizes)

    def _told(self, node: Node) -> dict[str, Any]:
        """Values that the user gave for the node's own arguments; those of parameters are arrays."""
        roles = {argument.name: argument.role for argument in node.layer.arguments}
        told = {}
        for key, value in self._asked_for.arguments.items():
            holder, _, name = key.rpartition(".")
            if holder != node.name:
                continue
            is_list = isinstance(value, list) and roles.get(name) not in (Role.CONFIG, Role.SIZE)
            array = np.asarray(value) if is_list and not names.is_label(name) else None
            told[name] = value if array is None or array.dtype.kind not in "iuf" else array.astype(np.float64)
        return told

    def _asked(self, node: Node, given: Mapping[str, Any], seed: int) -> tuple[Layer, InputOptions]:
        """The layer with what is given as its declared inputs, and the options that concern it."""
        asked, prefix = self._asked_for, f"{node.name}."
        shapes = {key.removeprefix(prefix): axes for key, axes in asked.shapes.items() if key.startswith(prefix)}
        told = self._told(node)
        declared = {**node.layer.declared_inputs, **node.inputs, **given}
        # under another name, so that the layer's own `affine_inputs(rng)` does not make what flows in here
        layer = replace(
            node.layer,
            name=f"{self._network.name}.{node.name}",
            aliases=(),
            make_inputs=None,
            declared_inputs={name: _whole(value) for name, value in declared.items()},
        )
        options = replace(
            asked,
            shapes={name: axes for name, axes in shapes.items() if name not in given},
            arguments={**node.settings, **{name: value for name, value in told.items() if name not in given}},
            seed=(asked.seed + seed) % 2**32,
            draws=1,
        )
        sizes = sizes_from(replace(layer, declared_inputs={}), node.module, options, declared)
        return layer, replace(options, dimensions={**sizes, **options.dimensions})

    def _worded(self, error: UserError, use: Use, given: Mapping[str, Any]) -> UserError:
        """The user's error, with the layers on both sides of the wire."""
        network = self._network
        node = network.node_of(use)
        fed = [
            f"`{name}` is {shape_words(given[name])} from `{network.shown(source)}`"
            for name, source in use.sources.items()
            if name in given
        ]
        if not fed or error.code != "GC502":
            return error
        wires = " and ".join(fed)
        giver = next((source for source in use.sources.values() if source.use >= 0), None)
        between = f"`{network.shown(giver)}` and `{use.name}` do not fit together" if giver else f"`{use.name}` fails"
        return UserError(
            f"{between}: {wires}; {error.message}",
            code="GC502",
            path=error.path or network.path,
            line=error.line or use.line,
            mend=f"give `{node.name}` the sizes of what flows into it, or mend what gives it",
        )


def _parameters(case: Case, use: Use) -> dict[str, Any]:
    return {
        name: value
        for name, value in case.arguments.items()
        if name not in use.sources and any(is_floating(leaf) for _, leaf in walk(value))
    }


def _key(number: int, node: Node, layer: Layer, options: InputOptions) -> Any:
    """Equal for uses that take arrays of the same shapes into the same layer."""
    arrays = {name: value for name, value in layer.declared_inputs.items() if hasattr(value, "shape")}
    return (
        id(node.layer),
        tuple(sorted((name, np.shape(value), str(value.dtype)) for name, value in arrays.items())),
        repr(sorted(options.arguments.items())),
        repr(sorted((name, value) for name, value in layer.declared_inputs.items() if name not in arrays)),
        repr(sorted(options.shapes.items())),
        number if node.has_values else -1,
    )


def _weight(case: Case, fixed: set[str]) -> Leaf | None:
    """The drawn array that a layer's output grows with; None where all is given, or it is a loss."""
    weights = (leaf for leaf in case.leaves if leaf.argument not in fixed and leaf.value.ndim >= 2)
    return None if case.layer.unit_upstream else next(weights, None)


def _scaled(case: Case, weight: Leaf | None, factor: float) -> Case:
    if weight is None or factor == 1.0:
        return case
    value = next(leaf.value for leaf in case.leaves if leaf.name == weight.name)
    return with_values(case, {(weight.argument, weight.path): value * factor})


def _calming(case: Case, result: ForwardResult, sources: list[str]) -> float:
    """The factor on a layer's weight that makes its output of the input's size; 1 where it is already."""
    fed = [leaf.value for leaf in case.leaves if leaf.argument in sources]
    given = [np.asarray(leaf) for output in result.outputs for _, leaf in walk(output) if is_floating(leaf)]
    if not fed or not given:
        return 1.0
    before, after = _size(fed[0]), _size(given[0])
    if not (np.isfinite(after) and after > 0 and before > 0) or QUIET <= after / before <= LOUD:
        return 1.0
    return float(np.clip(before / after, 1e-3, 1e3))


def _size(value: Any) -> float:
    flat = np.asarray(value).reshape(-1)
    return float(np.sqrt(np.real(np.vdot(flat, flat)) / flat.size)) if flat.size else 0.0


def shape_words(value: Any) -> str:
    """`3×5`, or `a number`."""
    return "a number" if np.shape(value) == () else "×".join(map(str, np.shape(value)))


def _whole(value: Any) -> Any:
    """A number that is an array's element as an array: what flows is no setting."""
    return np.asarray(value) if isinstance(value, np.generic | float) else value
