"""One forward and one backward, watched: what they wrote into, and on which line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import Role
from gradcheck_cli.witnesses.conduct.changes import Change, changes
from gradcheck_cli.witnesses.conduct.layouts import Layout, arguments_in, upstream_in
from gradcheck_cli.witnesses.conduct.situations import Forwarded, Pulled, Situations


@dataclass(frozen=True, eq=False)
class Written:
    """One argument (or upstream gradient) that the user's code changed.

    Attributes:
        name: the argument's; of an upstream gradient, its position as text.
        change: the first place that is not what it was.
        by: `forward` or `backward`.
    """

    name: str
    change: Change
    by: str


@dataclass(frozen=True)
class Place:
    """Where a read-only array was written to; both None where the code does not raise there."""

    path: Path | None = None
    line: int | None = None


@dataclass(frozen=True)
class OnceMore:
    """What happened: the calls, what they changed in the arguments and parameters, and in the upstream gradients."""

    forwarded: Forwarded
    pulled: Pulled
    arguments: tuple[Written, ...]
    upstream: tuple[Written, ...]


def once_more(situations: Situations) -> OnceMore:
    """Run forward and backward, and hold everything that they were handed against what it was.

    Raises:
        UserError: GC502, where either raises.
    """
    case = situations.case
    watched = [
        item.name
        for item in case.layer.arguments
        if item.name in case.arguments
        # a dictionary that holds parameters is an argument like others, whatever it is named
        and (item.role not in (Role.CONFIG, Role.SIZE) or item.name in case.differentiable)
    ]

    def written(by: str, forwarded: Forwarded, known: Collection[str]) -> list[Written]:
        now = {**forwarded.given, **situations.parameters(forwarded)}
        found = []
        for name in watched:
            first = next(changes(case.arguments[name], now[name]), None) if name not in known else None
            if first is not None:
                found.append(Written(name, first, by))
        return found

    forwarded = situations.forward()
    by_forward = written("forward", forwarded, ())
    pulled = situations.backward(forwarded)
    by_backward = written("backward", forwarded, [item.name for item in by_forward])
    upstream = []
    for position, (before, after) in enumerate(zip(situations.subject.upstream.cotangents, pulled.given)):
        first = next(changes(before, after), None)
        if first is not None:
            upstream.append(Written(str(position), first, "backward"))
    return OnceMore(forwarded, pulled, (*by_forward, *by_backward), tuple(upstream))


def write_to_arguments(situations: Situations, without: Collection[str] = ()) -> Place | None:
    """Where the layer writes into arguments that are read-only; None where it does not.

    Args:
        without: arguments that it may write into.
    """
    given = arguments_in(situations.case, Layout.READ_ONLY, without)
    try:
        situations.backward(situations.forward(given))
    except UserError as error:
        return _place(error)
    return None


def write_to_upstream(situations: Situations) -> Place | None:
    """Where the backward writes into an upstream gradient that is read-only; None where it does not."""
    try:
        forwarded = situations.forward()
        situations.backward(forwarded, upstream_in(situations.subject.upstream.cotangents, Layout.READ_ONLY))
    except UserError as error:
        return _place(error)
    return None


def argument_written_to(situations: Situations, names: Collection[str]) -> str | None:
    """Which of these arguments it is that the layer writes into when all are read-only."""
    for name in names:
        others = [other for other in situations.case.arguments if other != name]
        if write_to_arguments(situations, others) is not None:
            return name
    return None


def _place(error: UserError) -> Place | None:
    """The line of a write into read-only memory. A Cython buffer that asks for writable memory writes nothing."""
    text = str(error.__cause__ or "")
    if "read-only" not in text or "buffer source" in text:
        return None
    return Place(error.path, error.line)
