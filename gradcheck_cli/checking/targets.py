"""From files and folders to a report: modules loaded, layers found, each checked."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gradcheck_cli._version import __version__
from gradcheck_cli.checking.options import CheckOptions, Progress, Silent, Target
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.report.model import Finding, LayerReport, Report


@dataclass(frozen=True)
class Found:
    """The layers of some targets, and what stood in the way of others."""

    layers: tuple[tuple[Module, Layer], ...]
    errors: tuple[Finding, ...]
    notes: tuple[str, ...]


def check_targets(targets: Sequence[Target], options: CheckOptions, progress: Progress | None = None) -> Report:
    """Check every layer of the targets.

    Problems of a module or a layer become findings in the report; nothing the user's code does raises here.

    Raises:
        UserError: without a code, where the command cannot do its work at all: a missing path, a name that no layer
            has, a shape for an argument that none has, a device that is not there.
    """
    from gradcheck_cli.checking.picking import refuse_unknown

    started = time.perf_counter()
    found = find_layers(targets)
    refuse_unknown(options.inputs, [argument.name for _, layer in found.layers for argument in layer.arguments])
    layers = list(check_layers(found.layers, options, progress or Silent()))
    return Report(
        version=__version__,
        seed=options.inputs.seed,
        device=options.device,
        layers=tuple(layers),
        errors=found.errors,
        notes=found.notes,
        seconds=time.perf_counter() - started,
    )


def find_layers(targets: Sequence[Target]) -> Found:
    """Load the targets' modules and find their layers, each once, in the order given.

    Raises:
        UserError: without a code: a missing path, a name that no layer has.
    """
    from gradcheck_cli.checking.contents import contents_of
    from gradcheck_cli.checking.picking import files, pick

    asked = files(targets)
    loaded = {path: contents_of(path, asked.sources[path]) for path in asked.paths}
    picked = pick(asked, {path: contents for path, (_, contents) in loaded.items()})
    layers = [(module, layer) for path, layer in picked.layers if (module := loaded[path][0]) is not None]
    return Found(tuple(layers), picked.errors, picked.notes)


def check_layers(
    layers: Sequence[tuple[Module, Layer]], options: CheckOptions, progress: Progress
) -> Iterator[LayerReport]:
    """Check these layers one after the other, each yielded when its verdict is known.

    Raises:
        UserError: without a code, for a device that is not there.
    """
    if not layers:
        return
    from gradcheck_cli.checking.layer import Checker

    checker = Checker(options.device)
    for position, (module, layer) in enumerate(layers):
        progress.layer_started(layer.name, position, len(layers))
        report = checker.check(module, layer, options.inputs, options.settings, progress)
        progress.layer_finished(report)
        yield report
        if options.stops_at(report):
            return
