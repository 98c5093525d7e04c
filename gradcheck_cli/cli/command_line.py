"""The arguments and options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Paths = Annotated[
    list[str],
    typer.Argument(metavar="PATHS", help="Files or folders; `PATH::NAME` for one layer.", show_default=False),
]
SomePaths = Annotated[
    list[str] | None,
    typer.Argument(metavar="PATHS", help="Files or folders; `PATH::NAME` for one layer.", show_default=False),
]
"""As `Paths`; may be left out where another option says what is meant."""

OneFunction = Annotated[
    str,
    typer.Argument(metavar="PATH::FUNCTION", help="A function of a file, or one of its layers.", show_default=False),
]
OneNetwork = Annotated[
    str,
    typer.Argument(metavar="PATH::NETWORK", help="A network of a file, that ends with a loss.", show_default=False),
]
At = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=VALUE",
        help="An input's value: x=-1,-2 or w=[[1,2],[3,4]] (repeatable). What is not given is drawn.",
        rich_help_panel="Inputs",
    ),
]
Seed = Annotated[
    int | None, typer.Option(metavar="N", help="What is drawn comes from it (0).", rich_help_panel="Inputs")
]

Shape = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=AXES", help="The axes of an argument: w=D,M or w=4,5 (repeatable).", rich_help_panel="Inputs"
    ),
]
Dim = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=SIZE", help="The size of a dimension: N=4 (repeatable).", rich_help_panel="Inputs"),
]
Arg = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME=JSON",
        help="The value of an argument: conv_param='{\"stride\": 2}' (repeatable).",
        rich_help_panel="Inputs",
    ),
]
Full = Annotated[
    bool | None,
    typer.Option("--full/--no-full", help="Finite differences on every element.", rich_help_panel="Checking"),
]
Draws = Annotated[
    int | None, typer.Option(metavar="N", help="Sets of random inputs for each layer (3).", rich_help_panel="Inputs")
]
RunSeed = Annotated[
    int | None, typer.Option(metavar="N", help="Every random choice comes from it (0).", rich_help_panel="Inputs")
]
Dtype = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="float64, float32, float16, bfloat16, complex128 or complex64 (float64).",
        rich_help_panel="Inputs",
    ),
]
Magnitude = Annotated[
    float | None, typer.Option(metavar="X", help="Drawn values are multiplied by it (1).", rich_help_panel="Inputs")
]
Atol = Annotated[
    float | None,
    typer.Option(metavar="X", help="Absolute tolerance (measured where none is given).", rich_help_panel="Checking"),
]
Rtol = Annotated[
    float | None,
    typer.Option(metavar="X", help="Relative tolerance (measured where none is given).", rich_help_panel="Checking"),
]
Stress = Annotated[
    bool | None,
    typer.Option("--stress/--no-stress", help="Extreme but legal inputs too.", rich_help_panel="Checking"),
]
Diagnose = Annotated[
    bool | None,
    typer.Option(
        "--diagnose/--no-diagnose",
        help="Where values are wrong, look for the cause (on).",
        rich_help_panel="Checking",
    ),
]
Shrink = Annotated[
    bool | None,
    typer.Option(
        "--shrink/--no-shrink",
        help="On a failure, find the smallest case that still fails (on).",
        rich_help_panel="Checking",
    ),
]
Device = Annotated[
    str | None, typer.Option(metavar="NAME", help="cpu or gpu: where JAX runs (cpu).", rich_help_panel="Checking")
]
Timeout = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS", help="For each layer, and for importing each module (300).", rich_help_panel="Running"
    ),
]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="SIZE",
        help="2G, 512M: what a worker process may use (four fifths of what is free).",
        rich_help_panel="Running",
    ),
]

Format = Annotated[str | None, typer.Option(metavar="NAME", help="table or json (table).", rich_help_panel="Report")]
ReportFormat = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="On standard output: table, concise, json, jsonl, junit, sarif, github, markdown or html (table).",
        rich_help_panel="Report",
    ),
]
Output = Annotated[
    list[str] | None,
    typer.Option(
        metavar="FILE",
        help="Write a file too: report.json, .jsonl, .xml, .sarif, .md, .html, .txt, or FORMAT=FILE (repeatable).",
        rich_help_panel="Report",
    ),
]
