"""How well gradcheck says why a backward is wrong, over the bugs that are planted by hand in the zoo.

    python -m benchmarks.diagnosis --results answers.jsonl --write

Each bug's first finding is held against the rule, and the line of the forward, that describe it in `zoo/*.toml`. Exit
code 1 where fewer than 95 % of the first causes are right, fewer than 90 % of the lines, or 2 % or more are wrong.
With `--results` a run that was stopped goes on where it was.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from benchmarks.detection.choice import machine, seeds  # noqa: E402
from benchmarks.detection.planted import PLANTED, Planted  # noqa: E402
from benchmarks.detection.pool import workers  # noqa: E402
from benchmarks.detection.record import update  # noqa: E402
from benchmarks.diagnosis.answers import Answer, append, read  # noqa: E402
from benchmarks.diagnosis.ask import Job, work  # noqa: E402
from benchmarks.diagnosis.judge import Judged, Kind, is_good, judged  # noqa: E402
from benchmarks.diagnosis.tables import line, markdown  # noqa: E402

PAGE = ROOT / "docs" / "record.md"


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.diagnosis", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=seeds, default=range(1), help="how many, or FIRST-LAST")
    parser.add_argument("--only", default="", help="a part of `MODULE::LAYER#BUG`, or a rule's code")
    parser.add_argument("--sample", type=int, default=0, help="only so many bugs, for a quick look")
    parser.add_argument("-n", "--processes", type=int, default=2)
    parser.add_argument("--results", type=Path, help="a file of answers: what is in it is not asked again")
    parser.add_argument("--no-run", action="store_true", help="only judge what the file holds")
    parser.add_argument("--write", action="store_true", help=f"put the tables into {PAGE.relative_to(ROOT)}")
    return parser.parse_args(arguments)


def chosen(only: str, sample: int) -> list[Planted]:
    """The bugs that a run is about, in the order of their tables."""
    every = [bug for bug in PLANTED if only in f"{bug.module.stem}::{bug.layer}#{bug.name}" or only == bug.code]
    if 0 < sample < len(every):
        kept = set(random.Random(0).sample([bug.name for bug in every], sample))
        every = [bug for bug in every if bug.name in kept]
    return every


def jobs(bugs: Sequence[Planted], options: argparse.Namespace, before: Sequence[Answer]) -> Iterator[Job]:
    """The bugs of each layer under each seed, but for what is answered already."""
    held = {(answer.bug, answer.seed) for answer in before}
    for _, group in groupby(sorted(bugs, key=_place), key=_place):
        own = tuple(group)
        for seed in options.seeds:
            left = tuple(bug for bug in own if (bug.name, seed) not in held)
            if left:
                yield Job(left, seed)


def _place(bug: Planted) -> tuple[str, str]:
    return bug.module.stem, bug.layer


def collect(bugs: Sequence[Planted], options: argparse.Namespace) -> list[Answer]:
    """Ask what is not answered yet, and say on stderr what is wrong or missing while it is found."""
    before = read(options.results)
    asked = [] if options.no_run else list(jobs(bugs, options, before))
    if asked:
        print(f"{sum(len(job.bugs) for job in asked)} bugs to ask about", file=sys.stderr, flush=True)
        with workers(options.processes) as pool:
            for answers in pool.imap_unordered(work, asked):
                append(options.results, answers)
                before += answers
                for one in judgements(bugs, answers, options.seeds):
                    if one.kind is not Kind.RIGHT:
                        print(f"{one.kind}: {line(one)}", file=sys.stderr, flush=True)
    return before


def judgements(bugs: Sequence[Planted], answers: Sequence[Answer], wanted: Sequence[int]) -> list[Judged]:
    """The answers about these bugs under these seeds, judged, in the order of the bugs."""
    said = {(answer.bug, answer.seed): answer for answer in answers}
    pairs = ((bug, said.get((bug.name, seed))) for seed in wanted for bug in bugs)
    return [judged(bug, answer) for bug, answer in pairs if answer is not None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, and write what was asked for."""
    options = parse(arguments)
    bugs = chosen(options.only, options.sample)
    found = judgements(bugs, collect(bugs, options), options.seeds)
    text = f"{machine()}\n\n{markdown(found)}"
    print(text)
    if options.write:
        update(PAGE, text, "benchmarks.diagnosis")
    return int(not is_good(found))


if __name__ == "__main__":
    sys.exit(main())
