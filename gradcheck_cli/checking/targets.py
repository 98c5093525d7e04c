"""From files and folders to a report: modules loaded, layers found, each checked."""

from __future__ import annotations

import difflib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from gradcheck_cli._version import __version__
from gradcheck_cli.checking.findings import finding_of
from gradcheck_cli.checking.options import CheckOptions, Progress, Silent, Target
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
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
    started = time.perf_counter()
    found = find_layers(targets)
    _refuse_unknown(options.inputs, found)
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
    from gradcheck_cli.layers.discovery import find
    from gradcheck_cli.layers.loading import load
    from gradcheck_cli.layers.selection import no_such_layer, select
    from gradcheck_cli.layers.targets import expand

    layers: dict[tuple[Path, str], tuple[Module, Layer]] = {}
    modules: dict[Path, Module] = {}
    errors: dict[Finding, None] = {}
    notes: dict[str, None] = {}
    for target in targets:
        names: list[str] = []
        picked = failed = False
        for path in expand(target.path):
            try:
                if path not in modules:
                    if target.name is None and not _is_worth_loading(path, named=path == target.path.resolve()):
                        continue
                    modules[path] = load(path)
                discovery = find(modules[path])
            except UserError as error:
                failed = True
                errors[finding_of(error, path)] = None
                continue
            notes.update((f"{path.name}: {note}", None) for note in discovery.notes)
            errors.update((finding_of(problem, path), None) for problem in discovery.problems)
            chosen = discovery.layers if target.name is None else select(discovery.layers, target.name)
            for layer in chosen:
                layers.setdefault((path, layer.name), (modules[path], layer))
            names += [layer.name for layer in discovery.layers]
            picked |= bool(chosen)
        if target.name is not None and not picked and not failed:
            raise no_such_layer(target.path, target.name, names)
    return Found(tuple(layers.values()), tuple(errors), tuple(notes))


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
        if options.fail_fast and options.counts(report):
            return


def _refuse_unknown(inputs: InputOptions, found: Found) -> None:
    """Shapes and values for arguments that no layer has: a slip of the pen must not pass for a check."""
    known = list(dict.fromkeys(argument.name for _, layer in found.layers for argument in layer.arguments))
    for option, given in (("--shape", inputs.shapes), ("--arg", inputs.arguments)):
        for name in given:
            if known and name not in known:
                close = difflib.get_close_matches(name, known, n=1)
                mend = f"did you mean `{option} {close[0]}=...`?" if close else f"its arguments are {', '.join(known)}"
                raise UserError(f"`{option} {name}=...`: no layer has an argument `{name}`", mend=mend)


def _is_worth_loading(path: Path, *, named: bool) -> bool:
    """Whether the file may hold layers; one that was named and does not parse is worth its error.

    Raises:
        UserError: GC501, for a file that cannot be read.
    """
    from gradcheck_cli.layers.loading import read_source
    from gradcheck_cli.layers.prefilter import may_hold_layers

    source = read_source(path)
    if may_hold_layers(source):
        return True
    if named:
        try:
            compile(source, str(path), "exec", dont_inherit=True)
        except (SyntaxError, ValueError):
            return True
    return False
