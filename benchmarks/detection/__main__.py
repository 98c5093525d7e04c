"""Detection and false alarms of gradcheck and of its peers, on the same layers with the same planted bugs.

    pip install -e '.[benchmarks]'
    python -m benchmarks.detection --seeds 10 --peer-seeds 1 --write

Each layer of the zoo is checked as it stands, and with each of its bugs: those planted by hand (`zoo/*.toml`) and
mutants of its backward that an independent reference knows to be wrong. Exit code 1 on any miss or false alarm of
gradcheck, and where a right layer is not right by the reference.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.detection.catalogue import Catalogue, catalogue, layer_names  # noqa: E402
from benchmarks.detection.choice import chosen, machine, seeds  # noqa: E402
from benchmarks.detection.job import TOOLS, Job, work  # noqa: E402
from benchmarks.detection.planted import ZOO  # noqa: E402
from benchmarks.detection.pool import workers  # noqa: E402
from benchmarks.detection.record import is_false_alarm, is_miss, markdown, update  # noqa: E402
from benchmarks.detection.results import OURS, Run, read, write  # noqa: E402

SEEDS_AT_A_TIME = 10
"""How many jobs of one layer a worker takes at once."""

PAGE = ROOT / "docs" / "record.md"


def jobs_of(found: Catalogue, options: argparse.Namespace, before: Run) -> Iterator[Job]:
    """Every layer under every seed, but what was run before; the peers are asked under the first few.

    All seeds of a layer come one after the other: what is compiled under one serves the next.
    """
    held = {(item.tool, item.module, item.layer, item.seed, item.dtype) for item in before.results if not item.bug}
    for path, layer in found.layers:
        own = tuple(bug for bug in found.bugs if bug.module == path and bug.layer == layer)
        for seed in options.seeds:
            tools = tuple(
                tool
                for tool in options.tools
                if (tool == OURS or seed in options.peer_seeds)
                and (tool, path.stem, layer, seed, options.dtype) not in held
            )
            if tools:
                yield Job(path, layer, seed, options.dtype, tools, own)


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.detection", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=seeds, default=range(10), help="how many, or FIRST-LAST")
    parser.add_argument("--peer-seeds", type=seeds, default=range(1), help="the seeds under which peers are asked too")
    parser.add_argument("--only", default="", help="`MODULE::`, `MODULE::PART` or a part of a name")
    parser.add_argument("--tools", default=",".join(TOOLS), help="which of " + ", ".join(TOOLS))
    parser.add_argument("--mutants", type=int, default=2, help="how many mutants each layer gets")
    parser.add_argument("--dtype", default="float64", choices=("float64", "float32"))
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--sample", type=int, default=0, help="only so many layers, for a quick look")
    parser.add_argument("--json", type=Path, help="write the results to this file")
    parser.add_argument("--merge", type=Path, nargs="*", default=(), help="results of other runs: not run again")
    parser.add_argument("--no-run", action="store_true", help="only merge")
    parser.add_argument(
        "--write", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}, those of this dtype"
    )
    options = parser.parse_args(arguments)
    options.tools = options.tools.split(",")
    if unknown := set(options.tools) - set(TOOLS):
        parser.error(f"no tool {', '.join(sorted(unknown))}; there are {', '.join(TOOLS)}")
    return options


def collect(options: argparse.Namespace, before: Run) -> Run:
    """Choose the bugs, then run everything, and say on stderr what is missed while it is found."""
    with workers(options.processes) as pool:
        layers = chosen(pool.map(layer_names, ZOO, chunksize=1), options.only, options.sample)
        parts = [(path, [name], options.mutants) for path, names in layers.items() for name in names]
        found = sum(pool.starmap(catalogue, parts, chunksize=1), Catalogue())
        unseen = tuple(f"`{bug.name}` ({bug.what})" for bug in found.unseen)
        run = Run(left_out=dict(found.left_out), unseen=unseen, machine=machine(), problems=found.problems)
        jobs = list(jobs_of(found, options, before))
        print(f"{len(found.layers)} layers, {len(found.bugs)} bugs, {len(jobs)} jobs", file=sys.stderr, flush=True)
        for done in pool.imap_unordered(work, jobs, chunksize=min(len(options.seeds), SEEDS_AT_A_TIME)):
            run += done
            if options.json:
                write(run, options.json)  # a run that is stopped leaves what it has found
            for line in remarks(done):
                print(line, file=sys.stderr, flush=True)
    return run


def in_order(run: Run) -> Run:
    """Tool by tool, seed by seed, layer by layer."""
    order = {tool: position for position, tool in enumerate(TOOLS)}
    results = sorted(run.results, key=lambda item: (order[item.tool], item.seed, item.module, item.layer, item.bug))
    return replace(run, results=tuple(results))


def remarks(run: Run) -> Iterator[str]:
    """gradcheck's misses, false alarms and doubts, and right layers that are not right."""
    for result in run.of(OURS):
        doubt = not result.bug and result.said == "inconclusive"
        if is_miss(result) or is_false_alarm(result) or doubt:
            name = result.bug or f"{result.module}::{result.layer}"
            said = f"{result.said} ({result.worst:.1e}) {result.what} {result.words}"
            yield f"seed {result.seed} {result.dtype}: {name}: {said}"
    yield from (f"NOT RIGHT by the reference: {item}" for item in run.references if item.wrong)
    yield from run.problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and write what was asked for."""
    options = parse(arguments)
    before = read(options.merge)
    run = in_order((Run() if options.no_run else collect(options, before)) + before)
    if options.json:
        write(run, options.json)
    text = markdown(run)
    print(text)
    if options.write:
        update(PAGE, text, f"benchmarks.detection {options.dtype}")
    ours = run.of(OURS)
    bad = any(is_miss(item) or is_false_alarm(item) for item in ours) or any(item.wrong for item in run.references)
    return int(bad or bool(run.problems))


if __name__ == "__main__":
    sys.exit(main())
