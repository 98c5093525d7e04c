"""The tables of a run, and the names of what was missed, in Markdown."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.detection.effect import THRESHOLD
from benchmarks.detection.results import OURS, Result, Run, contracts, is_contract, planted, right

TITLES = {
    OURS: "gradcheck",
    "torch": "torch gradcheck, full",
    "torch-fast": "torch gradcheck, fast mode",
    "jax": "jax check_grads",
}
FOLDED = 12
"""Longer lists are folded away."""

BEGIN, END = "<!-- {}: begin -->", "<!-- {}: end -->"
"""Around what one run found, `benchmarks.detection float64`: the runs are an hour each, and not made together."""


def markdown(run: Run) -> str:
    """Everything that goes into `docs/record.md`."""
    dtypes = list(dict.fromkeys(result.dtype for result in run.results))
    parts = [run.machine] if run.machine else []
    for dtype in dtypes:
        some = Run(tuple(result for result in run.results if result.dtype == dtype))
        parts += _of_dtype(some, dtype)
    parts += [*_weak_draws(run), *_references(run), *_left_out(run)]
    parts += ["### Problems of the run itself", *(f"- {problem}" for problem in run.problems)] if run.problems else []
    return "\n\n".join(joined(parts))


def joined(parts: Sequence[str]) -> Iterator[str]:
    """List items stand together, many of them folded away; everything else stands apart."""
    items: list[str] = []
    for part in (*parts, ""):
        if part.startswith("- "):
            items.append(part)
            continue
        if items:
            text = "\n".join(items)
            folded = f"<details><summary>{len(items):,} of them</summary>\n\n{text}\n\n</details>"
            yield folded if len(items) > FOLDED else text
            items = []
        if part:
            yield part


def _of_dtype(run: Run, dtype: str) -> list[str]:
    tools = [tool for tool in TITLES if run.of(tool)]
    parts = []
    common = [seed for seed in _seeds(run.of(OURS)) if all(seed in _seeds(run.of(tool)) for tool in tools)]
    if len(tools) > 1 and common:
        side_by_side = [[result for result in run.of(tool) if result.seed in common] for tool in tools]
        parts += [
            f"### {dtype}: the tools side by side, seed{'s' if len(common) > 1 else ''} {', '.join(map(str, common))}",
            _table(tools, side_by_side),
        ]
    if run.of(OURS):
        parts += [
            f"### {dtype}: gradcheck, seed by seed",
            _seed_table(run.of(OURS)),
            *_ours_in_words(run.of(OURS), dtype),
        ]
    for tool in tools:
        if tool != OURS:
            parts += _failures(tool, dtype, [result for result in run.of(tool) if result.seed in common])
    return parts


def _seeds(results: Sequence[Result]) -> list[int]:
    return sorted({result.seed for result in results})


def _table(tools: Sequence[str], results: Sequence[Sequence[Result]]) -> str:
    head = ("tool", *_COLUMNS)
    rows = [(TITLES[tool], *_cells(some)) for tool, some in zip(tools, results)]
    return markdown_table(head, rows)


def _seed_table(results: Sequence[Result]) -> str:
    head = ("seed", *_COLUMNS)
    rows = [(str(seed), *_cells([item for item in results if item.seed == seed])) for seed in _seeds(results)]
    if len(rows) > 1:
        rows.append(("all", *_cells(results)))
    return markdown_table(head, rows)


_COLUMNS = (
    "bugs",
    "found",
    "detection",
    "contracts broken",
    "found",
    "right layers",
    "false alarms",
    "inconclusive",
    "median s",
    "slowest s",
    "total s",
)


def _cells(results: Sequence[Result]) -> tuple[str, ...]:
    bugs, broken, layers = planted(results), contracts(results), right(results)
    found = [result for result in bugs if result.said == "wrong"]
    alone = [result.seconds for result in layers]
    share = 100 * len(found) / len(bugs) if bugs else 100.0
    return (
        f"{len(bugs):,}",
        f"{len(found):,}",
        "100 %" if len(found) == len(bugs) else f"{min(share, 99.99):.2f} %",
        f"{len(broken):,}",
        f"{sum(result.said == 'wrong' for result in broken):,}",
        f"{len(layers):,}",
        str(sum(is_false_alarm(result) for result in layers)),
        str(sum(result.said == "inconclusive" for result in (*bugs, *broken, *layers))),
        f"{statistics.median(alone):.2f}" if alone else "",
        f"{max(alone):.1f}" if alone else "",
        f"{sum(result.seconds for result in results):,.0f}",
    )


def is_false_alarm(result: Result) -> bool:
    """Whether something right was called wrong, or could not be checked."""
    return not result.bug and result.said in ("wrong", "failed")


def is_miss(result: Result) -> bool:
    """Whether a bug that makes a difference on the drawn inputs was not called one."""
    return bool(result.bug) and result.applicable and result.said != "wrong"


def _ours_in_words(results: Sequence[Result], dtype: str) -> list[str]:
    bugs = {result.bug: result for result in results if result.bug}
    by_hand = sum(result.kind == "by hand" for result in bugs.values())
    parts = [
        f"{len(bugs)} bugs: {by_hand} planted by hand, {len(bugs) - by_hand} mutants of the backward's source. "
        f"One counts under a seed where it changes some element by more than {THRESHOLD[dtype]:g} relative on the "
        "inputs drawn under that seed. Where it leaves every gradient of a single call as it is and breaks a contract "
        "(writes into what it was given, adds to what should be replaced, keeps what is stale, is not linear), it is "
        "counted apart."
    ]
    return parts + _failures(OURS, dtype, results)


def _failures(tool: str, dtype: str, results: Sequence[Result]) -> list[str]:
    misses = [result for result in results if is_miss(result)]
    alarms = [result for result in results if is_false_alarm(result)]
    unsure = [result for result in right(results) if result.said == "inconclusive"]
    parts = [f"### {dtype}: what {TITLES[tool]} missed: {len(misses):,}"]
    parts += [_named(result) for result in misses] or ["Nothing."]
    parts += [f"### {dtype}: right layers that {TITLES[tool]} called wrong: {len(alarms)}"]
    parts += [_alarm(result) for result in alarms] or ["None."]
    if unsure:
        parts += [f"### {dtype}: right layers that {TITLES[tool]} was not sure of: {len(unsure)}"]
        parts += [_alarm(result) for result in unsure]
    return parts


def _named(result: Result) -> str:
    how = "every gradient right, a contract broken" if is_contract(result) else f"off by {_size(result.worst)}"
    unsure = ", inconclusive" if result.said == "inconclusive" else ""
    return f"- seed {result.seed}: `{result.bug}` ({how}{unsure}): {result.what}"


def _size(worst: float) -> str:
    return "a zero that is none, or a wrong shape" if worst == float("inf") else f"up to {worst:.1g} of an element"


def _alarm(result: Result) -> str:
    intended = " (straight-through: meant to be another gradient)" if result.intended else ""
    words = result.words.replace("`", "'")
    return f"- seed {result.seed}: `{result.module}::{result.layer}`{intended}: {words}"


def _weak_draws(run: Run) -> list[str]:
    """Bugs that show under some seeds only, the rarest first: what the drawn inputs are blind to."""
    ours = [result for result in run.of(OURS) if result.bug]
    counts = Counter(result.bug for result in ours)
    shown = Counter(result.bug for result in ours if result.applicable)
    weak = sorted((bug for bug in counts if shown[bug] < counts[bug]), key=lambda bug: shown[bug] / counts[bug])
    if not weak and not run.unseen:
        return []
    what = {result.bug: result.what for result in ours}
    parts = ["### Bugs that the drawn inputs do not always show"]
    parts += [f"- `{bug}`, shown under {shown[bug]} of {counts[bug]} seeds: {what[bug]}" for bug in weak]
    parts += [f"- {bug}, shown by other inputs only, and not planted" for bug in run.unseen]
    return parts


def _references(run: Run) -> list[str]:
    if not run.references:
        return []
    elements = sum(item.elements for item in run.references)
    double = sorted({f"{item.module}::{item.layer}" for item in run.references if item.precision == "float64"})
    layers = {(item.module, item.layer) for item in run.references}
    worst = max(run.references, key=lambda item: item.worst)
    wrong = sum(item.wrong for item in run.references)
    kinks = sum(item.kinks for item in run.references)
    return [
        "### The reference",
        f"The right backwards of {len(layers)} layers were held against extrapolated central differences at "
        f"{elements:,} elements, {len(layers) - len(double)} layers in `longdouble` and {len(double)} in float64 "
        f"({', '.join(f'`{name}`' for name in double) or 'none'}); {kinks:,} at a kink, where the slopes on the two "
        f"sides differ, were left out. {wrong or 'None'} differ by more than 1e-6 and ten "
        f"error estimates; the largest difference is {worst.worst:.1e} (`{worst.module}::{worst.layer}`, where the "
        f"reference claims an error of {worst.error:.1e} at most).",
    ]


def _left_out(run: Run) -> list[str]:
    if not run.left_out:
        return []
    why = {
        "none": "change no element by more than noise (equivalent, or only a contract)",
        "small": "change elements by less than the threshold",
        "crash": "raise or do not end",
        "forward": "change the forward's outputs",
    }
    said = "; ".join(f"{count} {why[name]}" for name, count in sorted(run.left_out.items()))
    return ["### Mutants that were tried and left out", said + "."]


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table whose first column is text and whose others are numbers."""
    lines = [head, [":--", *["--:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def update(page: Path, text: str, run: str) -> None:
    """Put `text` between the page's markers for this run.

    Raises:
        ValueError: where the page has none.
    """
    old = page.read_text(encoding="utf-8")
    before, begin, rest = old.partition(BEGIN.format(run))
    _, end, after = rest.partition(END.format(run))
    if not begin or not end:
        raise ValueError(f"{page} has no markers {BEGIN.format(run)} and {END.format(run)}")
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
