"""What is said of a training: the report as data, and the verdict in a sentence."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from gradcheck_cli._version import __version__
from gradcheck_cli.checking.training.blame import Blame
from gradcheck_cli.checking.training.flow import flow
from gradcheck_cli.checking.training_options import TrainingOptions
from gradcheck_cli.graph.training.history import History
from gradcheck_cli.graph.training.lockstep import Setting
from gradcheck_cli.graph.training.overfitting import SHARE, Overfit, Try
from gradcheck_cli.graph.training.parameters import Array, Parameter
from gradcheck_cli.graph.training.parting import distance
from gradcheck_cli.judge.words import plural
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.networks.updates import Update
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.training.model import (
    LayerNorms,
    OverfitReport,
    OverfitTry,
    RunEnd,
    TrainedParameter,
    Training,
    TrainingCause,
    UpdateRule,
)

MOST_KEPT = 1000
"""Elements up to which a parameter's values are kept in the report."""


@dataclass(frozen=True)
class Made:
    """All that came of a training."""

    setting: Setting
    history: History
    blame: Blame
    by_heart: Overfit | None
    update: Update | None
    notes: tuple[str, ...]


def told(layer: Layer, options: TrainingOptions, made: Made, started: float) -> Training:
    """The report."""
    setting, history = made.setting, made.history
    parameters = tuple(_parameter(one, history) for one in setting.parameters)
    layers = _norms(history)
    cause = _cause(made)
    overfit = None if made.by_heart is None else _overfit(made.by_heart)
    ends = tuple(
        RunEnd(name, run.stopped.step, run.stopped.layer, run.stopped.what)
        for name, run in (("yours", history.yours), ("autodiff", history.autodiff))
        if run.stopped is not None
    )
    training = Training(
        version=__version__,
        name=layer.name,
        path=str(layer.path),
        line=layer.line,
        seed=options.inputs.seed,
        steps=history.steps,
        asked=options.steps,
        rate=options.rate,
        batch=options.batch or setting.batches.examples,
        examples=setting.batches.examples,
        rule=_rule(made),
        losses_yours=tuple(history.yours.losses),
        losses_autodiff=tuple(history.autodiff.losses),
        parameters=parameters,
        layers=layers,
        cause=cause,
        ends=ends,
        overfit=overfit,
        flow=flow(layers),
        status=_status(history, cause, overfit),
        verdict="",
        notes=(*made.notes, *_notes(made, overfit)),
        seconds=time.perf_counter() - started,
    )
    return replace(training, verdict=_verdict(training))


def _parameter(parameter: Parameter, history: History) -> TrainedParameter:
    differed, parted = history.differed.get(parameter.name), history.parted.get(parameter.name)
    yours, autodiff = history.yours.values[parameter.name], history.autodiff.values[parameter.name]
    return TrainedParameter(
        name=parameter.name,
        layer=parameter.layer,
        shape=tuple(parameter.start.shape),
        differs=None if differed is None else differed.step,
        error=None if differed is None or differed.missing else differed.error,
        parts=None if parted is None else parted.step,
        difference=distance(yours, autodiff) if parted is None else parted.difference,
        rounding=history.rounding.get(parameter.name, 0.0) if parted is None else parted.rounding,
        start=_kept(parameter.start),
        yours=_kept(yours),
        autodiff=_kept(autodiff),
    )


def _kept(array: Array) -> Array | None:
    return np.array(array) if array.size <= MOST_KEPT else None


def _norms(history: History) -> tuple[LayerNorms, ...]:
    yours, autodiff = history.yours.norms, history.autodiff.norms
    names = list(dict.fromkeys([*autodiff, *yours]))
    return tuple(LayerNorms(name, tuple(yours.get(name, ())), tuple(autodiff.get(name, ()))) for name in names)


def _cause(made: Made) -> TrainingCause | None:
    blamed, differed = made.blame.found, made.history.differed
    if blamed is None or not differed:
        return None
    setting = made.setting
    network = setting.runner.network
    first = min(one.step for one in differed.values())
    # the last on the way forward is the first on the way back
    parameter = max(
        (one for one in setting.parameters if one.name in differed and differed[one.name].step == first),
        key=lambda one: max(use for use, _ in one.places),
    )
    layer = network.node_of(network.uses[blamed.use]).layer
    return TrainingCause(
        step=first,
        layer=network.uses[blamed.use].name,
        parameter=parameter.name,
        path=str(layer.path),
        line=layer.line,
        findings=blamed.findings,
    )


def _rule(made: Made) -> UpdateRule:
    update, departure = made.update, made.history.departure
    if update is None:
        return UpdateRule()
    return UpdateRule(
        name=update.name,
        line=update.line,
        form=str(update.form),
        departs=None if departure is None else departure.step,
        parameter="" if departure is None else departure.parameter,
        factor=None if departure is None else departure.factor,
    )


def _overfit(found: Overfit) -> OverfitReport:
    return OverfitReport(
        examples=found.examples,
        start=found.start,
        share=SHARE,
        yours=_try(found.yours),
        autodiff=_try(found.autodiff),
        fits_yours=found.yours is not None and found.yours.fits,
        fits_autodiff=found.autodiff is not None and found.autodiff.fits,
        hurried=found.hurried,
    )


def _try(found: Try | None) -> OverfitTry | None:
    return None if found is None else OverfitTry(found.rate, found.share, found.steps)


def _status(history: History, cause: TrainingCause | None, overfit: OverfitReport | None) -> Status:
    if overfit is not None and overfit.fits_autodiff and not overfit.fits_yours and overfit.yours is not None:
        return Status.FAIL
    if not history.parted:
        ended = history.yours.stopped is not None
        return Status.FAIL if history.differed else Status.INCONCLUSIVE if ended else Status.PASS
    return Status.INCONCLUSIVE if cause is None else Status.FAIL


def _notes(made: Made, overfit: OverfitReport | None) -> list[str]:
    notes = []
    # of huge numbers, on their way out of what is finite, nothing is said
    ends = [run.stopped.step - 1 for run in (made.history.yours, made.history.autodiff) if run.stopped is not None]
    doubts = [step for step in made.blame.doubts if step < min(ends, default=step + 1)]
    if doubts and not made.history.differed:
        notes.append(
            f"at step {doubts[0]} a gradient is not autodiff's, and every layer is right where it stands: a kink, "
            "where several slopes are right, or rounding"
        )
    if overfit is None:
        return notes
    if overfit.autodiff is None and overfit.start <= 0:
        notes.append("the loss begins at zero or below: whether a few examples can be learnt by heart cannot be said")
    elif overfit.autodiff is not None and not overfit.fits_autodiff and not overfit.fits_yours:
        notes.append(
            f"neither learns {plural(overfit.examples, 'example')} by heart"
            + (", as far as was tried in the time" if overfit.hurried else "")
            + ": a loss that has no zero, too few parameters, a learning rate far off, or an update that goes uphill"
        )
    return notes


def _verdict(training: Training) -> str:
    first, cause, overfit = training.first_parted, training.cause, training.overfit
    steps = plural(training.steps, "step")
    if cause is not None:
        parts = (
            f"the runs part after step {first.parts}, at `{first.name}`"
            if first is not None
            else f"the runs do not part in {steps}"
        )
        return (
            f"{parts}: at step {cause.step} the gradient of `{cause.parameter}` is not autodiff's at the same "
            f"parameters, and `{cause.layer}` is the first layer on the way back that is wrong"
        )
    if training.status is Status.FAIL and overfit is not None and not overfit.fits_yours:
        return f"only autodiff's gradients learn {plural(overfit.examples, 'example')} by heart"
    if first is not None:
        return (
            f"the runs part after step {first.parts}, at `{first.name}`, and every layer is right where it stands: a "
            "kink, or more rounding than was measured"
        )
    if training.ends:
        end = training.ends[0]
        return (
            f"the runs agree, until both leave the finite numbers at step {end.step}: `{end.layer}`, {end.what}; "
            "a smaller `--lr` may keep them"
        )
    return f"the runs agree over {steps}"
