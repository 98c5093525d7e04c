"""Which of a module's functions are a forward and its backward, by their names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from gradcheck_cli.layers.conventions import naming


@dataclass(frozen=True)
class Pair:
    """Names of a forward and its backward, and the layer's own name."""

    name: str
    forward: str
    backward: str


def find_pairs(functions: Sequence[str], claimed: Iterable[str]) -> tuple[list[Pair], list[str]]:
    """Pairs among the module's own function names, in the order of their backwards, and notes on half ones."""
    taken = set(claimed)
    names = [name for name in functions if name not in taken and not name.startswith("test_")]
    forwards: dict[tuple[str, ...], str] = {}
    pairs: list[Pair] = []
    for name in names:
        for direction, before, after in naming.directions(name):
            if direction == "forward":
                forwards.setdefault((*before, "*", *after), name)
    used: set[str] = set()
    notes: list[str] = []
    for name in names:
        readings = [(before, after) for direction, before, after in naming.directions(name) if direction == "backward"]
        for before, after in readings:
            found = _forward_for(before, after, forwards, names, name)
            if found is not None and found != name and (name, found) not in {(p.backward, p.forward) for p in pairs}:
                pairs.append(Pair("_".join((*before, *after)) or "forward", found, name))
                used.update((found, name))
                break
        else:
            if readings and any(word in name.lower() for word in ("backward", "bprop", "_bwd")):
                stem = "_".join((*readings[0][0], *readings[0][1]))
                notes.append(
                    f"`{name}` has no forward beside it: write `{stem}_forward`" if stem else f"`{name}` stands alone"
                )
    notes.extend(
        f"`{name}` has no backward beside it, so there is nothing to check"
        for name in forwards.values()
        if name not in used
    )
    return pairs, notes


def _forward_for(
    before: tuple[str, ...],
    after: tuple[str, ...],
    forwards: Mapping[tuple[str, ...], str],
    names: Sequence[str],
    backward: str,
) -> str | None:
    """The forward of a backward: the same name, else without its last words (`_alt`), else the bare function."""
    exact = forwards.get((*before, "*", *after))
    if exact is not None:
        return exact
    bare = {"_".join(naming.split_tokens(name)): name for name in reversed(names) if name != backward}
    joined = "_".join((*before, *after))
    if joined in bare and not any(d == "backward" and (b or a) for d, b, a in naming.directions(bare[joined])):
        return bare[joined]
    if not before:
        return None
    for length in range(len(after) - 1, -1, -1):
        shorter = forwards.get((*before, "*", *after[:length])) or bare.get("_".join((*before, *after[:length])))
        if shorter is not None:
            return shorter
    variants = [name for key, name in forwards.items() if key[: len(before) + 1] == (*before, "*")]
    return variants[0] if len(variants) == 1 else None
