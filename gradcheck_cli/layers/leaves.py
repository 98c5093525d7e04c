"""Walking nested containers of arrays: dicts, lists, tuples, named tuples, and JAX's registered pytrees."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

Path = tuple[Any, ...]


def walk(tree: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield `(path, leaf)` for every leaf, in a fixed order (dicts in their own order). None is a leaf."""
    if isinstance(tree, (list, tuple)):
        for position, value in enumerate(tree):
            yield from walk(value, (*path, position))
    elif not isinstance(tree, dict) and (parts := _registered_children(tree)) is not None:
        for key, value in parts:
            yield from walk(value, (*path, key))
    elif isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from walk(value, (*path, key))
    else:
        yield path, tree


def rebuild(tree: Any, replace: Callable[[Path, Any], Any], path: Path = ()) -> Any:
    """A copy of `tree` with each leaf replaced by `replace(path, leaf)`; containers keep their types."""
    if isinstance(tree, dict):
        pairs = {key: rebuild(value, replace, (*path, key)) for key, value in tree.items()}
        return pairs if type(tree) is dict else _like_dict(tree, pairs)
    if isinstance(tree, (list, tuple)):
        items = [rebuild(value, replace, (*path, position)) for position, value in enumerate(tree)]
        if hasattr(tree, "_fields"):
            return type(tree)(*items)
        return type(tree)(items)
    if _registered_children(tree) is not None:
        import jax

        keyed, structure = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda node: node is not tree)
        items = [rebuild(value, replace, (*path, _plain_key(keys[-1]))) for keys, value in keyed]
        return jax.tree_util.tree_unflatten(structure, items)
    return replace(path, tree)


def at(tree: Any, path: Path) -> Any:
    """The node of `tree` at `path`.

    Raises:
        LookupError: where the structure has no such node.
    """
    for key in path:
        if isinstance(tree, (dict, list, tuple)):
            tree = tree[key]
        elif (children := _registered_children(tree)) is not None:
            tree = dict(children)[key]
        elif isinstance(tree, Mapping):
            tree = tree[key]
        else:
            raise LookupError(f"no {key!r} in a {type(tree).__name__}")
    return tree


def is_floating(value: Any) -> bool:
    """Whether a gradient with respect to `value` makes sense: a floating or complex array or array scalar.

    bfloat16 and its kin count (`ml_dtypes` gives them kind `V`, JAX knows them by name).
    """
    dtype = getattr(value, "dtype", None)
    if dtype is None:
        return isinstance(value, (float, complex)) and not isinstance(value, bool)
    return bool(floating_kind(dtype))


def floating_kind(dtype: Any) -> str:
    """`f` for a real floating dtype, those of `ml_dtypes` included, `c` for a complex one, "" for any other."""
    kind = getattr(dtype, "kind", "")
    if kind in ("f", "c"):
        return str(kind)
    return "f" if str(dtype).startswith(("bfloat16", "float8", "float4")) else ""


def fresh(value: Any) -> Any:
    """A deep copy that shares no memory with `value`, with every array's memory layout and writeability kept.

    JAX arrays are immutable and are handed on as they are.
    """

    def copy_leaf(_: Path, leaf: Any) -> Any:
        if isinstance(leaf, np.ndarray):
            duplicate = leaf.copy(order="K")
            duplicate.flags.writeable = leaf.flags.writeable
            return duplicate
        if "jax" in sys.modules and isinstance(leaf, sys.modules["jax"].Array):
            return leaf
        return copy.deepcopy(leaf)

    return rebuild(value, copy_leaf)


def leaf_name(argument: str, path: Path) -> str:
    """`w`, `params['w']`, `state[0]`, `layer.weight`."""
    return argument + "".join(
        f".{key[1:]}" if isinstance(key, str) and key.startswith(".") else f"[{key!r}]" for key in path
    )


def _like_dict(original: Any, pairs: dict[Any, Any]) -> Any:
    try:
        return type(original)(pairs)
    except TypeError:
        return pairs


def _plain_key(key: Any) -> Any:
    for attribute in ("key", "idx"):
        if hasattr(key, attribute):
            return getattr(key, attribute)
    return f".{key.name}" if hasattr(key, "name") else str(key)


def _registered_children(tree: Any) -> list[tuple[Any, Any]] | None:
    """Children of a container that is registered with JAX and is none of Python's own; None for anything else."""
    if tree is None or isinstance(tree, (np.ndarray, np.generic, int, float, complex, str, bytes)):
        return None
    jax = sys.modules.get("jax")
    if jax is None or not hasattr(jax, "tree_util") or jax.tree_util.all_leaves([tree]):
        return None
    keyed, _ = jax.tree_util.tree_flatten_with_path(tree, is_leaf=lambda node: node is not tree)
    return [(_plain_key(keys[-1]), value) for keys, value in keyed]
