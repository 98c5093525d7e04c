"""The data that a network is trained on: a file of arrays, what a function of the module makes, or what is drawn."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Drawing, Forwarded
from gradcheck_cli.graph.networks.made import called, checked
from gradcheck_cli.graph.training.running import losses
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.networks.network import Network
from gradcheck_cli.layers.options import InputOptions


def drawn(layer: Layer, inputs: InputOptions, file: Path | None) -> tuple[Forwarded, str]:
    """The network at its data, every forward run, its outputs the losses alone; and where the data is from.

    Raises:
        UserError: for data that is none, a network that does not run on it, and one that has no loss.
    """
    network = layer.network
    assert network is not None
    arrays = {} if file is None else read(network, file)
    if arrays and network.make_inputs is not None:
        network = replace(network, make_inputs=None)
    forwarded = Drawing(network, replace(inputs, arguments={**arrays, **inputs.arguments})).take(0)
    given = losses(network, forwarded)
    if not given:
        raise _without_loss(network, forwarded)
    told = f"`{file.name}`" if file is not None else f"`{called(network)}`" if network.make_inputs is not None else ""
    return replace(forwarded, network=replace(network, outputs=given)), told


def read(network: Network, file: Path) -> Mapping[str, Any]:
    """The arrays of a `.npz` file; nothing in it is unpickled.

    Raises:
        UserError: for a file that is none, and names that the network does not have.
    """
    mend = f"np.savez({file.name!r}, {', '.join(f'{name}={name}' for name in network.inputs)})"
    if not file.is_file():
        raise UserError(f"there is no file `{file}`", mend=mend)
    try:
        with np.load(file, allow_pickle=False) as held:
            if not hasattr(held, "files"):
                raise ValueError("it holds a single array without a name")
            arrays = {name: held[name] for name in held.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        why = " ".join(str(error).split())[:200]
        raise UserError(f"`{file.name}` holds no arrays that can be read: {why}", mend=mend) from None
    return checked(network, arrays, file.name)


def _without_loss(network: Network, forwarded: Forwarded) -> UserError:
    given = ", ".join(
        f"`{network.shown(source)}` of shape {tuple(np.shape(forwarded.value(source)))}"
        for source in dict.fromkeys(network.outputs)
    )
    return UserError(
        f"the network `{network.name}` has no loss to train by: it gives {given}, and no single number",
        path=network.path,
        line=network.line,
        mend="end it with a loss, such as `Sequential([..., softmax_loss])` or `net.output(loss)`",
    )
