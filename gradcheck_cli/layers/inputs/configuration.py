"""Values for what is no input: configuration dictionaries, flags, modes, strides, ratios, seeds."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.conventions.constructor import SMALL_WIDTHS, VOCABULARY, WIDTHS, WORDS
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.inputs.building import Filled
from gradcheck_cli.layers.inputs.docstrings import Described
from gradcheck_cli.layers.inputs.forward_source import ForwardSource, KeyRead
from gradcheck_cli.layers.layer import Argument, Role

_USUAL: tuple[tuple[str, tuple[Any, ...]], ...] = (
    (r"mode|phase", ("train",)),
    (r"strides?|stride_?[hwxy]|s[hw]|stride_(?:height|width)", (1, 2)),
    (r"pad(?:ding|s)?|pad_?[hwxy]|p[hw]", (1, 0)),
    (r"dilations?|dilation_rate", (1,)),
    (r"pool_?(?:height|width|h|w|size)|window(?:_size)?|[hw]_?pool", (2,)),
    (r"kernel(?:_size|_shape|_h|_w|_height|_width)?|ksize|filter_?size|field_size|filter_[hw]", (3,)),
    (r"f|hh|ww|fh|fw|kh|kw", (3,)),
    (r"p|p_?drop(?:out)?|drop(?:out)?_?(?:p|prob|rate|ratio)?|rate|ratio|keep_?prob", (0.5,)),
    (r"eps(?:ilon)?\d?", (1e-5,)),
    (r"momentum|decay|rho|beta1", (0.9,)),
    (r"seed|random_?(?:state|seed)", (123,)),
    (r"rng|random|generator", (np.random.default_rng(123),)),
    (r"axis|dim", (-1,)),
    (r"g|groups?|num_groups|n_groups", (2,)),
    (r"(?:kv|key_value)_?heads?|n(?:um)?_?kv_?heads?", (1,)),
    (r"n_?heads?|num_?heads?|(?:q|query)_?heads?|heads?(?:_num)?|n_?h|h", (2,)),
    (r"reg(?:ularization)?|lam(?:bda_?)?|lambd|weight_decay|l[12](?:_reg)?", (0.1,)),
    (r"alpha|negative_?slope|slope|leak(?:iness)?|a", (0.1,)),
    (r"delta|margin|gap|huber_delta|threshold", (1.0,)),
    (r"temp(?:erature)?|tau|t", (1.5,)),
    (r"scale|gain|gamma|beta|sigma|std", (1.5,)),
    (r"lr|learning_rate", (0.01,)),
    (r"reduction", ("mean", "sum")),
    (r"(?:use|with|enable)_\w*(?:kernels?|pallas|triton|mosaic|cuda|cudnn|[gt]pu)\w*", (False,)),
    (r"interpret", (True,)),
    (
        r"keep_?dims?|(?:return|use|has|with|include|fit|stateful|causal|bias|average|size_average|normali[sz]e).*",
        (True,),
    ),
    (WIDTHS.pattern, (list(SMALL_WIDTHS),)),
    (r"verbose|debug|inplace|test|testing|is_?test|eval", (False,)),
    (r"n_?iter\w*|steps?|n_steps|num_steps", (3,)),
    (r"activation|nonlinearity|act", ("relu",)),
    (r"dtype", ("float64",)),
    (r"precision|\w*sharding|mesh|preferred_element_type|acc(?:umulator)?_dtype|interpret_params", (None,)),
)

_BOTH_WINDOWS = ("pool", "window")

_SHAPES_OUTPUT = re.compile(r"pool|window|kernel|strides?|pad", re.IGNORECASE)
"""Settings that decide where a window goes: given even where the forward has a default, for each is worth a draw."""

_DICTIONARIES: tuple[tuple[str, tuple[dict[str, Any], ...]], ...] = (
    ("conv", ({"stride": 1, "pad": 1}, {"stride": 2, "pad": 0})),
    ("pool", ({"pool_height": 2, "pool_width": 2, "stride": 2},)),
    ("bn", ({"mode": "train"},)),
    ("dropout", ({"mode": "train", "p": 0.5, "seed": 123},)),
)
"""What the course's dictionaries hold, where neither a docstring nor the forward's text names their keys."""

_PAIR = re.compile(r"\b(?:2-?tuple|pair of|tuple of (?:2|two)|\(int, int\)|tuple\[int, int\])", re.IGNORECASE)


def configure(
    argument: Argument, said: Described | None, source: ForwardSource, choices: tuple[Any, ...]
) -> ArgumentShape | None:
    """Values for a configuration argument, or None where nothing tells of any.

    First that speaks: the default, unless it leaves out what only a backward needs (`training=False`); a `Literal`'s
    choices; the keys that the docstring lists; those that the forward reads; the field's usual value for the name. A
    dictionary gets several settings where a stride or a padding is among its keys: draw k takes the k-th.
    """
    if argument.default is False and names.is_for_backward(argument.name):
        return ArgumentShape(None, "config", "usual value", values=(True,))
    if argument.has_default and not (argument.default is None and _needed(argument, said, source)):
        return ArgumentShape(None, "config", "default", values=(argument.default,))
    if choices:
        return ArgumentShape(None, "config", "annotation", values=choices)
    if VOCABULARY.fullmatch(argument.name):
        return ArgumentShape(None, "config", "usual value", values=(WORDS,))
    read = source.keys.get(argument.name, ())
    if said is not None and said.keys and (not read or _is_dictionary(said)):
        return ArgumentShape(None, "config", "docstring", values=_settings(_documented(said.keys, read)))
    if read:
        # a backward may read what the forward has a default for: where a window goes is said in so many words
        told = [
            key for key in read if not key.has_default or (key.default is not None and _SHAPES_OUTPUT.search(key.key))
        ]
        settings = {key.key: _of_key(key) for key in told}
        return ArgumentShape(None, "config", "usual value", values=_settings(settings))
    value = quoted_choice(said)
    if value is not None:
        return ArgumentShape(None, "config", "docstring", values=(value,))
    found = usual(argument.name)
    if found is not None and _PAIR.search(f"{said.text if said is not None else ''} {argument.annotation}"):
        found = tuple((value, value) if type(value) is int else value for value in found)
    if found is None and argument.name in source.booleans:
        found = (True,)
    if found is None and argument.role is Role.CONFIG and re.search(r"param|config|cfg|opts|options", argument.name):
        found = next((values for word, values in _DICTIONARIES if word in argument.name), ({},))
    return None if found is None else ArgumentShape(None, "config", "usual value", values=found)


def usual(name: str) -> tuple[Any, ...] | None:
    """The field's usual values for a setting of this name, the first the most usual; None for an unknown name."""
    if names.is_training_flag(name):
        return (True,)
    for pattern, values in _USUAL:
        if re.fullmatch(pattern, name, re.IGNORECASE):
            return values
    return None


def quoted_choice(said: Described | None) -> Any:
    """The first of the values that a description quotes: `'train' or 'test'` gives `train`; None where none is."""
    match = re.search(r"['\"]([a-z_]+)['\"]\s*(?:,|or|/|\||\))", said.text) if said else None
    return match[1] if match else None


def _needed(argument: Argument, said: Described | None, source: ForwardSource) -> bool:
    """Whether a default of None cannot be meant: the forward reads keys from it without asking."""
    return any(not key.has_default for key in source.keys.get(argument.name, ())) and (said is None or bool(said.keys))


def _is_dictionary(said: Described) -> bool:
    return bool(said.keys)


def _documented(keys: Mapping[str, Described], read: tuple[KeyRead, ...]) -> dict[str, Any]:
    """Values for the keys a docstring lists; keys that the forward reads with a default are left to it."""
    optional = {key.key for key in read if key.has_default}
    required = [key.key for key in read if not key.has_default]
    found: dict[str, Any] = {}
    for name in dict.fromkeys([*keys, *required]):
        described = keys.get(name)
        if name in optional and not (name in keys and _SHAPES_OUTPUT.search(name)) and name not in ("mode", "seed"):
            continue
        if described is not None and described.dimensions:
            found[name] = (Filled(described.dimensions, 1.0 if "var" in name else 0.0),)
            continue
        choice = quoted_choice(described)
        values = usual(name)
        if choice is not None and values is None:
            values = (choice,)
        if values is not None:
            found[name] = values
    return found


def _of_key(key: KeyRead) -> tuple[Any, ...] | None:
    """Values for a key that the forward reads: its own default first."""
    if not key.has_default:
        return usual(key.key)
    return (key.default, *(value for value in usual(key.key) or () if value != key.default))


def _settings(options: Mapping[str, tuple[Any, ...] | None]) -> tuple[dict[str, Any], ...]:
    """One dictionary a draw. A window that slides (pooling) keeps its stride at its own width at first."""
    known = {name: values or (1,) for name, values in options.items()}
    if any(name.lower().startswith(_BOTH_WINDOWS) for name in known) and "stride" in known:
        known["stride"] = (2, 1)
    count = max((len(values) for name, values in known.items()), default=1)
    return tuple({name: values[k % len(values)] for name, values in known.items()} for k in range(count))
