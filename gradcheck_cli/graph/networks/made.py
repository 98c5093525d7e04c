"""What a function of the user's makes for a network: `net_inputs(rng)` or `net_data(rng)`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.inputs import trials
from gradcheck_cli.layers.inputs.building import as_numpy
from gradcheck_cli.layers.networks.network import Network
from gradcheck_cli.layers.networks.wiring import arguments_of
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.users_code import raised

STREAM = 0x64


def with_made(network: Network, options: InputOptions, index: int) -> InputOptions:
    """The options with the values of draw number `index` that the network's own function makes; `--arg` wins.

    Raises:
        UserError: GC502 where it raises, GC503 where it returns something else than a dict of the network's arguments.
    """
    if network.make_inputs is None:
        return options
    made = checked(network, _called(network, options.seed, index), called(network))
    return replace(options, arguments={**made, **options.arguments})


def called(network: Network) -> str:
    """`net_data()`."""
    return f"{getattr(network.make_inputs, '__name__', 'the data function')}()"


def _called(network: Network, seed: int, index: int) -> Any:
    assert network.make_inputs is not None
    try:
        with trials.quiet():
            return network.make_inputs(np.random.default_rng((seed, index, STREAM)))
    except (UserError, KeyboardInterrupt):
        raise
    except BaseException as error:
        raise UserError(
            f"`{called(network)}` of the network `{network.name}` {raised(error)}",
            code="GC502",
            path=network.path,
            line=_line(network),
            mend="let it take a generator: `rng`" if isinstance(error, TypeError) else None,
        ) from error


def checked(network: Network, made: Any, by: str) -> dict[str, Any]:
    """Arrays by the name of an argument of the network.

    Raises:
        UserError: GC503, for anything else.
    """
    known = [argument.name for argument in arguments_of(network)]
    inputs = ", ".join(f"`{name}`" for name in network.inputs)
    if not isinstance(made, Mapping):
        raise _wrong(network, f"`{by}` returned {type(made).__name__}", f"return a dict of the inputs: {inputs}")
    for name in made:
        if name not in known:
            raise _wrong(
                network,
                f"`{by}` names {name!r}, which is no argument of the network `{network.name}`",
                f"it has {', '.join(f'`{item}`' for item in known)}",
            )
    return {name: _array(value) for name, value in made.items()}


def _array(value: Any) -> Any:
    """Numbers and lists of them as arrays."""
    value = as_numpy(value)
    if not isinstance(value, list | tuple | float | int) or isinstance(value, bool):
        return value
    array = np.asarray(value)
    return array if array.dtype.kind in "iufc" else value


def _wrong(network: Network, what: str, mend: str) -> UserError:
    return UserError(what, code="GC503", path=network.path, line=_line(network), mend=mend)


def _line(network: Network) -> int:
    code = getattr(network.make_inputs, "__code__", None)
    return network.line if code is None else int(code.co_firstlineno)
