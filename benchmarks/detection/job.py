"""One layer under one seed: the right backward and all its bugs, through every tool."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.detection.bug import Bug
from benchmarks.detection.cases import (
    Drawn,
    RightLayer,
    TooSlow,
    bind,
    dtype_of,
    limited,
    load_layer,
    right_layer,
    written,
)
from benchmarks.detection.effect import Difference, Effect, Runs, difference, runs
from benchmarks.detection.reference import verify
from benchmarks.detection.results import OURS, Reference, Result, Run
from benchmarks.detection.runners.jax_peer import jax_check_grads
from benchmarks.detection.runners.ours import gradcheck
from benchmarks.detection.runners.outcome import Outcome, Said
from benchmarks.detection.runners.torch_peer import torch_fast, torch_full
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.options import InputOptions

PEERS: dict[str, Callable[[BoundLayer, Sequence[Drawn]], Outcome]] = {
    "torch": torch_full,
    "torch-fast": torch_fast,
    "jax": jax_check_grads,
}
TOOLS = (OURS, *PEERS)
SECONDS = 120.0
VERIFIED = 8
"""Elements of a leaf, of each draw and under each seed, at which the right backward is held against the reference."""


@dataclass(frozen=True)
class Job:
    """What one worker does at a time."""

    module: Path
    layer: str
    seed: int
    dtype: str
    tools: tuple[str, ...]
    bugs: tuple[Bug, ...]


def work(job: Job) -> Run:
    """Run one job. Nothing raises: what goes wrong is a problem of the run."""
    try:
        with written(job.module, job.module.read_text(encoding="utf-8")) as copy:
            return _work(job, copy)
    except (Exception, TooSlow) as error:
        where = f"{job.module.stem}::{job.layer} seed {job.seed}"
        return Run(problems=(f"{where}: {type(error).__name__}: {str(error).splitlines()[:1]}",))


def _work(job: Job, copy: Path) -> Run:
    inputs = InputOptions(seed=job.seed, dtype=job.dtype)
    module, layer = load_layer(copy, job.layer)
    right = right_layer(module, layer, inputs)
    right_runs = [runs(right.bound, drawn, dtype_of(right)) for drawn in right.draws]
    shared: dict[str, Any] = {
        "module": job.module.stem,
        "layer": job.layer,
        "seed": job.seed,
        "dtype": job.dtype,
        "intended": bool(layer.expect),
    }
    results = []
    for tool in job.tools:
        said = _ask(tool, copy, job.layer, layer.bind(module.namespace), right.draws, inputs)
        results.append(_result(shared, tool, said))
    for bug in job.bugs:
        results += _planted(job, bug, right, right_runs, inputs, shared)
    references = (_reference(right, job),) if not layer.expect and dtype_of(right) == "float64" else ()
    return Run(tuple(results), references)


def _planted(
    job: Job, bug: Bug, right: RightLayer, right_runs: Sequence[Runs], inputs: InputOptions, shared: dict[str, Any]
) -> list[Result]:
    with written(bug.module, bug.source) as path:
        module, layer = load_layer(path, bug.layer)
        bound = bind(module, layer, job.seed)
        effect = difference(right_runs, bound, dtype_of(right))
        found = []
        for tool in job.tools:
            said = _ask(tool, path, bug.layer, layer.bind(module.namespace), right.draws, inputs)
            found.append(_result(shared, tool, said, bug, effect))
        return found


def _ask(tool: str, path: Path, layer: str, bound: BoundLayer, draws: Sequence[Drawn], inputs: InputOptions) -> Outcome:
    # Peers get the layer as it stands: nobody holds its random numbers still for them.
    np.random.seed(inputs.seed)  # noqa: NPY002
    try:
        with limited(SECONDS):
            return gradcheck(path, layer, inputs) if tool == OURS else PEERS[tool](bound, draws)
    except TooSlow:
        return Outcome(Said.FAILED, SECONDS, "ran past its limit")


def _result(
    shared: dict[str, Any], tool: str, said: Outcome, bug: Bug | None = None, effect: Difference | None = None
) -> Result:
    base = Result(**shared, tool=tool, said=str(said.said), seconds=said.seconds, words=said.words[:300])
    if bug is None or effect is None:
        return base
    unchanged = effect.effect in (Effect.NONE, Effect.SMALL)
    return Result(
        **shared,
        tool=tool,
        said=base.said,
        seconds=base.seconds,
        words=base.words,
        bug=bug.name,
        kind=bug.kind,
        what=bug.what,
        applicable=not unchanged or bug.breaks_a_contract,
        effect=str(effect.effect),
        worst=effect.worst,
    )


def _reference(right: RightLayer, job: Job) -> Reference:
    held = verify(right, VERIFIED, job.seed)
    return Reference(
        job.module.stem,
        job.layer,
        job.seed,
        held.precision,
        held.elements,
        held.worst,
        held.error,
        held.wrong,
        held.kinks,
    )
