"""What `gradcheck list` does once its command line is parsed: find, specify, show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gradcheck_cli._version import __version__
from gradcheck_cli.checking import Target, find_layers
from gradcheck_cli.checking.findings import finding_of
from gradcheck_cli.cli.configuration import read_configuration
from gradcheck_cli.cli.exit_codes import ExitCode
from gradcheck_cli.cli.failures import empty_json, from_internal_error, from_user_error, say
from gradcheck_cli.cli.given import OPTIONS, from_command_line, run_options
from gradcheck_cli.cli.output import OwnedOutput
from gradcheck_cli.cli.terminal import page_console, page_text
from gradcheck_cli.cli.values import choice
from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.case import ArgumentShape
from gradcheck_cli.layers.inputs.dimensions import shown
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import Argument, Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.targets import parse
from gradcheck_cli.report.arrays import container_text
from gradcheck_cli.report.listing import ListedArgument, ListedLayer, Listing, listing_json
from gradcheck_cli.report.listing_table import print_listing
from gradcheck_cli.tracing.jax_setup import start

FORMATS = ("table", "json")


def perform(paths: Sequence[str], options: Mapping[str, Any]) -> ExitCode:
    """Find the layers and print them."""
    output = OwnedOutput()
    given = from_command_line(options)
    is_json = options.get("format") == "json"
    try:
        if "format" in given:
            choice(given["format"], FORMATS)
        targets = [Target(*parse(path)) for path in paths]
        configured = read_configuration([target.path for target in targets], OPTIONS)
        told = run_options(given, configured)
        # a file may ask for a format that only a report has: a listing is then a table
        is_json = told.destinations.format == "json"
        return _show(_listing(targets, told.check.inputs), is_json, output)
    except UserError as error:
        problem = from_user_error(error)
    except Exception as error:
        problem = from_internal_error(error)
    say(problem, "Try `gradcheck list --help`." if problem.kind == "usage" and problem.path is None else "")
    if is_json:
        output.write(empty_json(problem))
    return ExitCode.UNABLE


def _show(listing: Listing, is_json: bool, output: OwnedOutput) -> ExitCode:
    if is_json:
        output.write(listing_json(listing), is_document=True)
    else:
        console = page_console(output.encoding, is_terminal=output.is_terminal)
        print_listing(listing, console, folder=Path.cwd())
        output.write(page_text(console))
    is_whole = not listing.errors and all(layer.error is None for layer in listing.layers)
    return ExitCode.PASSED if is_whole else ExitCode.UNABLE


def _listing(targets: Sequence[Target], options: InputOptions) -> Listing:
    found = find_layers(targets)
    if any(module.uses_jax for module, _ in found.layers):
        # shapes are inferred by running the forward: in float64, as when it is checked
        start("cpu")
    layers = tuple(_layer(layer, module, options) for module, layer in found.layers)
    return Listing(__version__, layers, found.errors, found.notes)


def _layer(layer: Layer, module: Module, options: InputOptions) -> ListedLayer:
    shapes: Mapping[str, ArgumentShape] = {}
    sizes: Mapping[str, int] = {}
    notes = layer.notes
    error = None
    try:
        specification = specify(layer, module, layer.bind(module.namespace), options)
        shapes, sizes, notes = specification.shapes, specification.sizes, (*notes, *specification.notes)
    except UserError as unknown:
        error = finding_of(unknown, layer.path, layer.line)
    return ListedLayer(
        name=layer.name,
        path=str(layer.path),
        line=layer.line,
        convention=layer.convention.value,
        arguments=tuple(_argument(argument, shapes.get(argument.name), sizes) for argument in layer.arguments),
        notes=tuple(notes),
        error=error,
    )


def _argument(argument: Argument, shape: ArgumentShape | None, sizes: Mapping[str, int]) -> ListedArgument:
    if shape is None:
        return ListedArgument(argument.name, argument.role.value)
    kind = f"{shape.kind} {shape.dtype}".strip()
    return ListedArgument(argument.name, argument.role.value, kind, _shape(shape, sizes), shape.source)


def _shape(shape: ArgumentShape, sizes: Mapping[str, int]) -> str:
    """`(N, D=4)` for an array, the nest of them for a pytree, the settings for a configuration."""
    if shape.template is not None:
        return _nest(shape.template, sizes)
    if shape.dimensions is not None:
        return shown(shape.dimensions, sizes)
    return " or ".join(container_text(value) for value in shape.values)


def _nest(template: Any, sizes: Mapping[str, int]) -> str:
    if isinstance(template, ArgumentShape):
        return _shape(template, sizes)
    if isinstance(template, Mapping):
        return "{" + ", ".join(f"{key}: {_nest(part, sizes)}" for key, part in template.items()) + "}"
    if isinstance(template, (list, tuple)):
        return "[" + ", ".join(_nest(part, sizes) for part in template) + "]"
    return container_text(template)
