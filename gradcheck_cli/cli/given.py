"""Both places where options are given, as one: the configuration file, and the command line, which wins."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gradcheck_cli.checking import CheckOptions
from gradcheck_cli.cli.destinations import Destinations, files
from gradcheck_cli.cli.values import (
    Given,
    arguments,
    choice,
    codes,
    dimensions,
    file_path,
    flag,
    memory,
    per_file,
    positive,
    saved_file,
    shapes,
    tolerance,
    whole_number,
    workers,
)
from gradcheck_cli.errors import UserError
from gradcheck_cli.isolation.apart import Workers
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.formats import FORMATS
from gradcheck_cli.suppressions.told import Suppressions

DEVICES = ("cpu", "gpu")
DTYPES = ("float64", "float32", "float16", "bfloat16", "complex128", "complex64")

OPTIONS = (
    "full",
    "draws",
    "seed",
    "shape",
    "dim",
    "arg",
    "atol",
    "rtol",
    "dtype",
    "magnitude",
    "order",
    "vmap",
    "stress",
    "diagnose",
    "shrink",
    "device",
    "fail-fast",
    "max-evals",
    "timeout",
    "memory",
    "workers",
    "cache",
    "select",
    "ignore",
    "baseline",
    "format",
    "output",
    "verbose",
    "quiet",
    "strict",
    "require-layers",
)
"""Long names of all options that a configuration file may hold too."""

CONFIGURABLE = (*OPTIONS, "per-file-ignores")
"""All that a configuration file may hold."""


@dataclass(frozen=True)
class RunOptions:
    """Everything that `gradcheck run` was told, checked.

    Attributes:
        check: what the engine needs to know.
        workers: how the user's code is run.
        cache: verdicts of layers that nothing has changed since are reused.
        destinations: where the report goes, and in which formats.
        strict: inconclusive is a failure.
        require_layers: to find no layer is an error.
        suppressions: what does not count, without the baseline, which has yet to be read.
        baseline: the file of it.
        write_baseline: make it anew from what is found.
        save: the file that keeps the run with its arrays, absolute; None for none.
    """

    check: CheckOptions
    destinations: Destinations = field(default_factory=Destinations)
    verbose: bool = False
    quiet: bool = False
    strict: bool = False
    require_layers: bool = False
    workers: Workers = field(default_factory=Workers)
    cache: bool = True
    suppressions: Suppressions = field(default_factory=Suppressions)
    baseline: Path | None = None
    write_baseline: bool = False
    save: Path | None = None


def from_command_line(options: Mapping[str, Any]) -> dict[str, Given]:
    """The options that were given at all, by their long names."""
    named = {name.replace("_", "-"): value for name, value in options.items() if value is not None and value != []}
    return {option: Given(option, value) for option, value in named.items()}


def run_options(command_line: Mapping[str, Given], configured: Mapping[str, Given]) -> RunOptions:
    """Check and merge; of `--shape`, `--dim` and `--arg` the command line wins name by name.

    Raises:
        UserError: for a value that an option cannot have, with its place.
    """
    # every value is checked, also one that the command line overrides: a mistake in a file is to be mended
    values = {option: _checked(given) for option, given in configured.items()}
    for option, given in command_line.items():
        value = _checked(given)
        values[option] = {**values.get(option, {}), **value} if isinstance(value, dict) else value
    for one, other in (("verbose", "quiet"), ("quiet", "verbose")):
        # what was asked for now switches off what a file asks for
        if command_line.get(one) and values.get(one) and other not in command_line:
            values[other] = False
    if values.get("verbose") and values.get("quiet"):
        raise UserError("`--verbose` and `--quiet` exclude each other", mend="give one of them")
    if values.get("write-baseline") and "baseline" not in values:
        mend = "--baseline gradcheck-baseline.json --write-baseline"
        raise UserError("`--write-baseline` does not say which file", mend=mend)
    return RunOptions(
        check=CheckOptions(
            inputs=InputOptions(
                shapes=values.get("shape", {}),
                dimensions=values.get("dim", {}),
                arguments=values.get("arg", {}),
                **_known(values, dtype="dtype", magnitude="magnitude", seed="seed", draws="draws"),
            ),
            settings=Settings(
                **_known(
                    values,
                    atol="atol",
                    rtol="rtol",
                    full="full",
                    max_evals="max-evals",
                    order="order",
                    vmap="vmap",
                    stress="stress",
                    diagnose="diagnose",
                    shrink="shrink",
                )
            ),
            **_known(values, device="device", fail_fast="fail-fast"),
        ),
        destinations=Destinations(**_known(values, format="format", files="output")),
        **_known(
            values,
            verbose="verbose",
            quiet="quiet",
            strict="strict",
            require_layers="require-layers",
            cache="cache",
            baseline="baseline",
            write_baseline="write-baseline",
            save="save",
        ),
        workers=Workers(**_known(values, count="workers", seconds="timeout", memory="memory")),
        suppressions=Suppressions(**_known(values, select="select", ignore="ignore", per_file="per-file-ignores")),
    )


def _checked(given: Given) -> Any:
    option = given.option
    if option in ("draws", "max-evals"):
        return whole_number(given, least=1)
    if option == "seed":
        return whole_number(given, least=0)
    if option == "order":
        return whole_number(given, least=1, most=2)
    if option == "magnitude":
        return positive(given)
    if option in ("atol", "rtol"):
        return tolerance(given)
    choices = {"format": FORMATS, "device": DEVICES, "dtype": DTYPES}.get(option)
    if choices is not None:
        return choice(given, choices)
    return _READERS.get(option, flag)(given)


_READERS: dict[str, Callable[[Given], Any]] = {
    "shape": shapes,
    "dim": dimensions,
    "arg": arguments,
    "select": codes,
    "ignore": codes,
    "per-file-ignores": per_file,
    "baseline": file_path,
    "save": saved_file,
    "timeout": positive,
    "memory": memory,
    "workers": workers,
    "output": files,
}


def _known(values: Mapping[str, Any], **fields: str) -> dict[str, Any]:
    """Keyword arguments for the fields whose option was given; the others keep their defaults."""
    return {field: values[option] for field, option in fields.items() if option in values}
