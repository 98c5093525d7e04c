"""From a specification and sizes to a value for every argument of a layer."""

from __future__ import annotations

import importlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape, Specification
from gradcheck_cli.layers.inputs import names, trials, values
from gradcheck_cli.layers.inputs.dimensions import Dimensions, evaluate
from gradcheck_cli.layers.layer import BoundLayer, Layer, Role
from gradcheck_cli.layers.leaves import fresh, is_floating, rebuild, walk
from gradcheck_cli.layers.options import InputOptions


@dataclass(frozen=True)
class Filled:
    """An array inside a configuration, all entries alike (`running_mean`): its shape is known at a draw only."""

    dimensions: Dimensions
    value: float


def shape_of(dimensions: Dimensions, sizes: Mapping[str, int]) -> tuple[int, ...]:
    """The sizes of these axes.

    Raises:
        KeyError: for an axis whose size is not known.
    """
    shape = []
    for axis in dimensions:
        size = evaluate(axis, sizes)
        if size is None:
            raise KeyError(axis)
        shape.append(size)
    return tuple(shape)


def build(
    layer: Layer,
    specification: Specification,
    bound: BoundLayer,
    options: InputOptions,
    sizes: Mapping[str, int],
    index: int,
    setting: int | None = None,
) -> dict[str, Any]:
    """A value for every argument, in the layer's order; arrays are NumPy's.

    `index` is the draw; `setting` picks among the configurations (the draw's own where None).

    Raises:
        UserError: GC502, where the user's constructor or `..._inputs` function raises.
    """
    setting = index if setting is None else setting
    if specification.make is not None:
        return _made(layer, specification, options, index)
    made: dict[str, Any] = {}
    own: list[str] = []
    shapes = specification.shapes
    for argument in layer.arguments:
        shape = specification.shapes[argument.name]
        made_by_it = shape.source == "constructor" and not argument.has_default
        if argument.role is Role.OWN_PARAMETER and made_by_it:
            own.append(argument.name)
        else:
            made[argument.name] = _value(layer, argument.name, shape, options, sizes, index, setting)
    if own:
        given = {argument.name for argument in layer.arguments if argument.role in (Role.SIZE, Role.CONFIG)}
        with trials.quiet():
            initial = bound.initial({name: fresh(value) for name, value in made.items() if name in given})
        for name in own:
            # with these settings the constructor may make fewer: `use_bias=False`, a shorter list of widths
            held = initial.get(name)
            made[name] = held if held is None else _redrawn(layer, name, held, shapes[name].domain, options, index)
    return {argument.name: made[argument.name] for argument in layer.arguments}


def as_given(layer: Layer, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments as the layer's forward takes them: arrays become JAX's where the layer is written for JAX."""
    if not layer.uses_jax:
        return dict(arguments)
    import jax

    # not `getattr(...) or ...`: JAX's own context refuses to be a truth value
    owner: Any = jax if hasattr(jax, "enable_x64") else importlib.import_module("jax.experimental")
    enable_x64 = owner.enable_x64

    def convert(_: Any, leaf: Any) -> Any:
        if not isinstance(leaf, np.ndarray):
            return leaf
        with enable_x64(True):
            return jax.numpy.asarray(leaf)

    return {name: rebuild(value, convert) for name, value in arguments.items()}


def as_numpy(value: Any) -> Any:
    """`value` with JAX's arrays (random keys of the new style excepted) as NumPy's."""

    def convert(_: Any, leaf: Any) -> Any:
        foreign = hasattr(leaf, "__array__") and hasattr(leaf, "dtype") and not isinstance(leaf, (np.ndarray, type))
        if not foreign or str(leaf.dtype).startswith("key<"):
            return leaf
        return np.asarray(leaf)

    return rebuild(value, convert)


def generator_for(options: InputOptions, layer: Layer, name: str, index: int) -> np.random.Generator:
    """The generator for one argument of one draw, the same whatever else is drawn before it."""
    hashed = [zlib.crc32(text.encode()) for text in (layer.name, name)]
    return np.random.default_rng([options.seed & 0xFFFFFFFF, index, *hashed])


def _value(
    layer: Layer,
    name: str,
    shape: ArgumentShape,
    options: InputOptions,
    sizes: Mapping[str, int],
    index: int,
    setting: int,
) -> Any:
    if shape.kind == "tree":
        return _tree(layer, name, shape.template, options, sizes, index, setting)
    if shape.kind == "size":
        return evaluate((shape.dimensions or (1,))[0], sizes)
    if shape.kind == "config" or (shape.values and shape.dimensions is None):
        return _configured(shape.values[setting % len(shape.values)] if shape.values else None, sizes, options)
    if shape.values and isinstance(shape.values[0], np.ndarray):
        return shape.values[index % len(shape.values)].copy()
    generator = generator_for(options, layer, name, index)
    extent = shape_of(shape.dimensions or (), sizes)
    if shape.domain == "one-hot":
        return values.one_hot(generator, extent).astype(
            shape.dtype or (np.int64 if shape.kind == "integer" else _float(options))
        )
    if shape.kind == "integer":
        bound = evaluate(shape.values[0], sizes) if shape.values else 2
        repeated = shape.domain == "repeated"
        return values.integers(generator, extent, bound or 2, repeated=repeated, dtype=shape.dtype or np.int64)
    if shape.kind == "boolean":
        return values.booleans(generator, extent)
    usual = options.dtype if shape.kind != "complex" else _complex_of(_float(options))
    return values.floats(generator, extent, shape.domain, _dtype(shape.dtype or usual), options.magnitude)


def _tree(
    layer: Layer,
    name: str,
    template: Any,
    options: InputOptions,
    sizes: Mapping[str, int],
    index: int,
    setting: int,
) -> Any:
    def fill(path: Any, leaf: Any) -> Any:
        if not isinstance(leaf, ArgumentShape):
            return leaf
        return _value(layer, f"{name}{path}", leaf, options, sizes, index, setting)

    return rebuild(template, fill)


def _configured(value: Any, sizes: Mapping[str, int], options: InputOptions) -> Any:
    def fill(_: Any, leaf: Any) -> Any:
        if isinstance(leaf, Filled):
            return np.full(shape_of(leaf.dimensions, sizes), leaf.value, _float(options))
        return leaf

    return fresh(rebuild(value, fill))


def _redrawn(layer: Layer, name: str, initial: Any, domain: str, options: InputOptions, index: int) -> Any:
    """Readable values in the shapes that the constructor made; integers and running statistics stay as they are."""

    def draw(path: Any, leaf: Any) -> Any:
        kept = any(names.is_running_statistic(str(part)) for part in (name, *path))
        if kept or not is_floating(leaf) or not hasattr(leaf, "dtype"):
            return leaf
        own = "definite" if domain == "definite" and np.ndim(leaf) < 2 else domain
        dtype = leaf.dtype if str(leaf.dtype) != "float64" else _dtype(options.dtype)
        generator = generator_for(options, layer, f"{name}{path}", index)
        return values.floats(generator, np.shape(leaf), own, dtype, options.magnitude)

    return rebuild(as_numpy(initial), draw)


def _made(layer: Layer, specification: Specification, options: InputOptions, index: int) -> dict[str, Any]:
    """What the user's own function makes, by name or in the order of the arguments."""
    generator = generator_for(options, layer, "inputs", index)
    try:
        with trials.quiet():
            made = as_numpy(specification.make(generator))
    except UserError:
        raise
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UserError(
            f"the function that makes the inputs of `{layer.name}` raised {type(error).__name__}: {error}",
            code="GC502",
            path=layer.path,
            line=layer.forward_line,
        ) from error
    return by_name(layer, specification, made)


def by_name(layer: Layer, specification: Specification, made: Any) -> dict[str, Any]:
    """What an inputs function returned, as a value for every argument; those it leaves out take their defaults.

    Raises:
        UserError: GC503, where it returns too many, names an argument that is not there, or leaves one out.
    """
    if not isinstance(made, Mapping):
        items = made if isinstance(made, (tuple, list)) else (made,)
        wanted = [argument.name for argument in layer.arguments if argument.role is not Role.OWN_PARAMETER]
        if len(items) > len(wanted):
            raise _wrong_inputs(layer, f"returned {len(items)} values; `{layer.name}` takes {len(wanted)}")
        made = dict(zip(wanted, items))
    known = {argument.name: argument for argument in layer.arguments}
    if surplus := [str(name) for name in made if name not in known]:
        raise _wrong_inputs(layer, f"returned `{'`, `'.join(surplus)}`; its arguments are {', '.join(known)}")
    complete: dict[str, Any] = {}
    for name, argument in known.items():
        shape = specification.shapes.get(name)
        if name in made:
            # what a rule does not name among its `nondiff_argnums` it differentiates, a plain float too
            is_leaf = layer.is_rule and argument.role is Role.INPUT and isinstance(made[name], float)
            complete[name] = np.asarray(made[name]) if is_leaf else made[name]
        elif shape is not None and shape.values:
            complete[name] = shape.values[0]
        elif argument.has_default:
            complete[name] = argument.default
        else:
            raise _wrong_inputs(layer, f"returned nothing for `{name}`")
    return complete


def _wrong_inputs(layer: Layer, what: str) -> UserError:
    return UserError(
        f"the function that makes the inputs of `{layer.name}` {what}",
        code="GC503",
        path=layer.path,
        line=layer.forward_line,
        mend=f"return a dict with a value for each of: {', '.join(argument.name for argument in layer.arguments)}",
    )


def _float(options: InputOptions) -> np.dtype[Any]:
    return _dtype(options.dtype)


def _complex_of(dtype: np.dtype[Any]) -> str:
    """The complex dtype for arguments that are complex in a run of this dtype."""
    return "complex64" if dtype.itemsize <= 4 or dtype == np.complex64 else "complex128"


def _dtype(name: str) -> np.dtype[Any]:
    """NumPy's dtype of this name, bfloat16 and its kin included (they come with `ml_dtypes`).

    Raises:
        UserError: without a code, for a name that is none.
    """
    try:
        return np.dtype(name)
    except TypeError:
        pass
    try:
        import ml_dtypes

        exotic: np.dtype[Any] = np.dtype(getattr(ml_dtypes, name))
        return exotic
    except (ImportError, AttributeError, TypeError):
        raise UserError(f"`{name}` is no dtype", mend="--dtype float32, float64, float16 or bfloat16") from None


def floating_leaves(value: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """`(path, array)` for each floating array in an argument; plain Python floats are settings, not arrays."""
    return [(path, leaf) for path, leaf in walk(value) if is_floating(leaf) and hasattr(leaf, "dtype")]
