"""Where each parameter of a backward gets its value from, decided from names and positions."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Any

from gradcheck_cli.layers.conventions import naming
from gradcheck_cli.layers.conventions.signatures import Parameter, call_with
from gradcheck_cli.layers.layer import ForwardResult
from gradcheck_cli.layers.users_code import Place


class Source(StrEnum):
    """What a parameter of the backward stands for."""

    UPSTREAM = "upstream gradient"
    CACHE = "cache"
    ARGUMENT = "argument of the forward"
    OUTPUT = "value that the forward returned"
    RATE = "learning rate"
    DEFAULT = "its default"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Role:
    """One parameter of the backward and its source; `position` among the upstreams, caches or returned values."""

    parameter: Parameter
    source: Source
    position: int = 0
    argument: str = ""


@dataclass(frozen=True)
class Plan:
    """How to call a backward.

    Attributes:
        upstream: names of the upstream gradients, in the order of the forward's outputs.
        caches: how many parameters the cache goes to.
        unit: the backward takes no upstream gradient, or one whose default is 1.
        whole: the one upstream gradient has the structure of all that the forward returns.
        mean: the output is the mean of the losses that the forward gives, one an example.
        loss: where the loss stands among what the forward returns, for a loss that comes last: `return probs, loss`.
    """

    roles: tuple[Role, ...]
    upstream: tuple[str, ...]
    caches: int
    unit: bool
    whole: bool = False
    loss: int = 0
    mean: bool = False

    @cached_property
    def outputs(self) -> int:
        """How many outputs the forward has."""
        return max(1, len(self.upstream))


@dataclass(frozen=True)
class Kept:
    """The residuals of a function's forward: what it was given and what it returned."""

    arguments: Mapping[str, Any]
    returned: tuple[Any, ...]
    caches: tuple[Any, ...]


def plan(
    backward: Sequence[Parameter],
    forward: Sequence[str],
    returned: Sequence[str],
    *,
    returned_count: int | None = None,
    local: bool = False,
    has_cache: bool = True,
    whole: bool = False,
    labels: Collection[str] = (),
) -> Plan:
    """Decide where each of the backward's parameters comes from.

    Args:
        forward: the forward's arguments.
        returned: names in the forward's return statement, "" where one has none.
        returned_count: how many values the forward returns, None where its text does not say.
        local: the pair is named like a function and its derivative (`sigmoid`, `sigmoid_grad`), which may take no
            upstream gradient at all.
        has_cache: the convention hands a cache to the backward (False for a class, which keeps it).
        whole: the one upstream parameter is taken apart as a tuple.
        labels: parameters that something is compared with: no upstream gradients.
    """
    roles = [_by_name(parameter, forward, returned, has_cache) for parameter in backward]
    named = any(role.source is Source.UPSTREAM for role in roles)
    if not named and not any(role.parameter.name in labels for role in roles[:1]):
        roles = _leading_upstream(roles, local)
    if named or not has_cache:
        # beside one that is known, whatever begins like a gradient is another
        roles = [
            replace(role, source=Source.UPSTREAM)
            if role.source is Source.UNKNOWN and naming.begins_like_gradient(role.parameter.name)
            else role
            for role in roles
        ]
    upstreams = sum(role.source is Source.UPSTREAM for role in roles)
    roles = [
        role
        if role.parameter.name in labels
        else _by_position(role, roles, forward, returned_count, upstreams, has_cache, local)
        for role in roles
    ]
    counts: dict[Source, int] = {}
    numbered = []
    for role in roles:
        position = counts.get(role.source, 0)
        counts[role.source] = position + 1
        if role.source is Source.OUTPUT:
            position = _returned_position(role.parameter.name, returned, upstreams)
        numbered.append(replace(role, position=position))
    upstream = tuple(role.parameter.name for role in numbered if role.source is Source.UPSTREAM)
    first = next((role.parameter for role in numbered if role.source is Source.UPSTREAM), None)
    unit = first is None or (len(upstream) == 1 and first.has_default and _is_one(first.default))
    found = next((place for place, name in enumerate(returned) if naming.is_loss_value(name)), 0) if unit else 0
    return Plan(tuple(numbered), upstream, counts.get(Source.CACHE, 0), unit, whole and len(upstream) == 1, found)


def _returned_position(name: str, returned: Sequence[str], outputs: int) -> int:
    """Where the forward returns `name`: beside the outputs rather than among them, as in `return total[T], total`."""
    places = [position for position, other in enumerate(returned) if other == name]
    return next((position for position in places if position >= outputs), places[0] if places else 0)


def all_upstream(backward: Sequence[Parameter]) -> Plan:
    """The plan of a backward that keeps what it needs elsewhere: all it takes, but defaults, are upstream gradients."""
    roles: list[Role] = []
    for parameter in backward:
        upstream = not roles or not parameter.has_default
        position = sum(role.source is Source.UPSTREAM for role in roles)
        roles.append(Role(parameter, Source.UPSTREAM if upstream else Source.DEFAULT, position if upstream else 0))
    names = tuple(role.parameter.name for role in roles if role.source is Source.UPSTREAM)
    unit = not names or (len(names) == 1 and roles[0].parameter.has_default and _is_one(roles[0].parameter.default))
    return Plan(tuple(roles), names, 0, unit)


def _by_name(parameter: Parameter, forward: Sequence[str], returned: Sequence[str], has_cache: bool) -> Role:
    name = parameter.name
    same = [argument for argument in forward if argument.lower() == name.lower()]
    if name in forward:
        return Role(parameter, Source.ARGUMENT, argument=name)
    if has_cache and naming.is_cache(name):
        return Role(parameter, Source.CACHE)
    if parameter.has_default and isinstance(parameter.default, (bool, str)):
        return Role(parameter, Source.DEFAULT)  # a flag: `retain_grads=True`
    if name in returned[1:] and has_cache:
        return Role(parameter, Source.OUTPUT)  # `return value, gradient`, and `backward(d_value, gradient)`
    if naming.is_upstream(name) and not (naming.is_learning_rate(name) and returned):
        return Role(parameter, Source.UPSTREAM)
    if naming.is_learning_rate(name) and not parameter.has_default:
        return Role(parameter, Source.RATE)
    if name in returned:
        return Role(parameter, Source.OUTPUT)
    if len(same) == 1:
        return Role(parameter, Source.ARGUMENT, argument=same[0])
    if parameter.has_default:
        return Role(parameter, Source.DEFAULT)
    if naming.is_output(name) and not naming.is_label(name):
        return Role(parameter, Source.OUTPUT)
    return Role(parameter, Source.UNKNOWN)


def _leading_upstream(roles: list[Role], local: bool) -> list[Role]:
    """Where no parameter is named like an upstream gradient, those that come first are taken for them."""
    leading = 0
    while leading < len(roles) and roles[leading].source is Source.UNKNOWN:
        leading += 1
    if leading == len(roles):
        leading = min(1, len(roles))  # all unknown: only the first
    if local and len(roles) == 1:
        return roles
    if leading == 0 and not local and len(roles) > 1 and roles[0].source is Source.OUTPUT:
        leading = 1
    return [
        replace(role, source=Source.UPSTREAM) if position < leading else role for position, role in enumerate(roles)
    ]


def _by_position(
    role: Role,
    roles: list[Role],
    forward: Sequence[str],
    returned_count: int | None,
    upstreams: int,
    has_cache: bool,
    local: bool,
) -> Role:
    """A parameter that no name explains: the cache, or the argument that stands in its place."""
    if role.source is not Source.UNKNOWN:
        return role
    if local and len(roles) == 1:
        # `sigmoid_grad(s)`: a one-letter name that is not the forward's argument is its output
        return replace(role, source=Source.OUTPUT)
    keeps = returned_count is None or returned_count > max(1, upstreams)
    if has_cache and keeps and not any(other.source is Source.CACHE for other in roles):
        return replace(role, source=Source.CACHE)
    taken = {other.argument for other in roles}
    free = [argument for argument in forward if argument not in taken]
    unknown = [other for other in roles if other.source is Source.UNKNOWN]
    if len(unknown) <= len(free) and not keeps:
        return replace(role, source=Source.ARGUMENT, argument=free[unknown.index(role)])
    return role


def _is_one(value: Any) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and value == 1
    except Exception:
        return False


def split_returned(value: Any, how: Plan, *, what: str, backward: str, place: Place, line: int | None) -> ForwardResult:
    """Part what a forward returned into outputs and cache.

    Raises:
        UserError: GC502, where it returned None, or too few values for the backward's upstream gradients and cache.
    """
    needed = how.outputs + (1 if how.caches else 0)
    if value is None:
        raise place.error(
            f"`{what}` returned None: it is a stub, or lacks its `return`",
            line=line,
            mend=f"write the forward, and `return {_wanted_return(how)}`",
        )
    several = isinstance(value, tuple) or (isinstance(value, list) and needed > 1)
    if how.whole or not several:
        if needed > 1 and not how.whole:
            raise place.error(_too_few(1, how, what, backward), line=line, mend=f"`return {_wanted_return(how)}`")
        return ForwardResult((value,), Kept({}, (value,), ()))
    if len(value) < needed:
        raise place.error(_too_few(len(value), how, what, backward), line=line, mend=f"`return {_wanted_return(how)}`")
    ordered = (value[how.loss], *value[: how.loss], *value[how.loss + 1 :]) if how.loss < len(value) else value
    outputs = tuple(ordered[: how.outputs])
    rest = tuple(ordered[how.outputs :])
    if any(output is None for output in outputs):
        raise place.error(
            f"`{what}` returned None as an output: it is a stub, or an output was never assigned",
            line=line,
            mend="write the forward",
        )
    caches = rest[-1:] if how.caches == 1 else rest
    if how.caches > 1 and len(rest) == 1 and isinstance(rest[0], (tuple, list)) and len(rest[0]) == how.caches:
        caches = tuple(rest[0])
    if how.caches > 1 and len(caches) < how.caches:
        raise place.error(_too_few(len(value), how, what, backward), line=line, mend=f"`return {_wanted_return(how)}`")
    return ForwardResult(outputs, Kept({}, tuple(value), caches))


def with_rate(how: Plan, name: str) -> Plan:
    """The plan in which this parameter, which may have a default, is the learning rate."""
    given = [replace(role, source=Source.RATE) if role.parameter.name == name else role for role in how.roles]
    return replace(how, roles=tuple(given))


def at_output(how: Plan) -> Plan | None:
    """The plan of a derivative that is given what the forward returned in place of its argument, and nothing else."""
    match how.roles:
        case (Role(source=Source.ARGUMENT) as role,):
            return replace(how, roles=(replace(role, source=Source.OUTPUT, position=0, argument=""),))
    return None


def arguments_for(
    how: Plan,
    kept: Kept,
    cotangents: Sequence[Any],
    *,
    backward: str,
    place: Place,
    line: int | None,
    leave_out_unit: bool = False,
    rate: float = 0.0,
) -> tuple[list[Any], dict[str, Any]]:
    """Positional and keyword arguments of the backward; a learning rate that it takes is `rate`.

    Raises:
        UserError: GC502, where a parameter is not known.
    """
    values: dict[str, Any] = {}
    for role in how.roles:
        name = role.parameter.name
        match role.source:
            case Source.UPSTREAM:
                if role.parameter.variadic:
                    values[name] = tuple(cotangents)
                elif not (leave_out_unit and how.unit):
                    values[name] = cotangents[role.position]
            case Source.CACHE:
                values[name] = kept.caches[role.position]
            case Source.ARGUMENT if role.argument in kept.arguments:
                values[name] = kept.arguments[role.argument]
            case Source.OUTPUT:
                values[name] = kept.returned[role.position]
            case Source.RATE:
                values[name] = rate
            case Source.DEFAULT:
                pass
            case _ if role.parameter.has_default:
                pass
            case _:
                mend = f"name it as the forward does, or give `{name}` a default"
                if naming.is_label(name):
                    mend = f"where these are labels, add a method `loss(self, {name})` that returns the loss"
                raise place.error(
                    f"`{backward}` takes `{name}`, which is no upstream gradient, cache, argument or output of the "
                    "forward by its name",
                    line=line,
                    mend=mend,
                )
    return call_with(tuple(role.parameter for role in how.roles), values)


def _wanted_return(how: Plan) -> str:
    outputs = [name[1:].lstrip("_") if name.startswith("d") and len(name) > 1 else "out" for name in how.upstream]
    names = [*(outputs or ["out"]), *(["cache"] if how.caches else [])]
    return ", ".join(names)


def _too_few(count: int, how: Plan, what: str, backward: str) -> str:
    values = f"{count} value" + ("s" if count != 1 else "")
    upstream = ", ".join(f"`{name}`" for name in how.upstream)
    takes = f"{len(how.upstream)} upstream gradient{'s' if len(how.upstream) != 1 else ''} ({upstream})"
    cache = " and a cache" if how.caches else ""
    return f"`{what}` returned {values}, but `{backward}` takes {takes}{cache}"
