"""A network trained twice, by the user's gradients and by autodiff's: data, runs, blame, and what is said of them."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from gradcheck_cli.checking.networks.whole import entries
from gradcheck_cli.checking.picking import refuse_unknown
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.checking.training.blame import Blame
from gradcheck_cli.checking.training.data import drawn
from gradcheck_cli.checking.training.telling import Made, told
from gradcheck_cli.checking.training_options import ABOUT, TrainingOptions
from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Forwarded, Ran
from gradcheck_cli.graph.training.batches import batches
from gradcheck_cli.graph.training.differentiating import by_autodiff, narrowest
from gradcheck_cli.graph.training.lockstep import Setting, train
from gradcheck_cli.graph.training.overfitting import Overfit, overfit
from gradcheck_cli.graph.training.parameters import Parameter, total
from gradcheck_cli.graph.training.reusing import ReusedTraces
from gradcheck_cli.graph.training.running import Runner
from gradcheck_cli.graph.training.updating import Plain, Rule, Users
from gradcheck_cli.layers.inputs import names
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.networks.updates import Update, find_update
from gradcheck_cli.layers.users_code import Place, quiet
from gradcheck_cli.report.numbers import counted, duration
from gradcheck_cli.report.training.model import Training
from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.tracing.trace import Trace, Untraceable

LONG = 10.0
"""Seconds from which on it is said how long a training takes."""

OFTEN = 0.2
"""Seconds between two words on how far it is."""

TIMED_AFTER, TIMED_OVER = 3, 5
"""The first steps compile; the time of the others is measured over so many."""


def training_of(module: Module, layer: Layer, options: TrainingOptions, tell: Callable[[str], None]) -> Training:
    """Train a network.

    Args:
        tell: is told what is being done.

    Raises:
        UserError: where it does not run, has no loss or no parameters, or cannot be traced.
    """
    started = time.perf_counter()
    start(options.device)
    if layer.network is None:
        raise UserError(
            f"`{layer.name}` is no network, and only networks are trained",
            path=layer.path,
            line=layer.line,
            mend="put it into one that ends with a loss: `net = Sequential([affine_forward, ..., softmax_loss])`",
        )
    update = find_update(module, options.update)
    with quiet():
        return _trained(module, layer, options, update, tell, started)


def _trained(
    module: Module,
    layer: Layer,
    options: TrainingOptions,
    update: Update | None,
    tell: Callable[[str], None],
    started: float,
) -> Training:
    _refuse_unknown(layer, options)
    forwarded, source = drawn(layer, options.inputs, options.data)
    network, traces = forwarded.network, Traces(options.device)

    def trace(position: int, ran: Ran) -> Trace | Untraceable:
        return traces.trace(network.node_of(network.uses[position]).module, ran.case, ran.result)

    def rule(rate: float) -> Rule:
        return Plain(rate) if update is None else Users(update, rate, Place.of(module))

    tracer, notes = ReusedTraces(trace), list(forwarded.notes)
    parameters = _reached(forwarded, trained(forwarded), tracer, options.device, notes)
    traced = [tracer.trace(position, ran)[0] for position, ran in enumerate(forwarded.uses)]
    setting = Setting(
        runner=Runner(forwarded, parameters),
        parameters=parameters,
        batches=batches(forwarded.inputs, options.batch, options.inputs.seed),
        rule=lambda: rule(options.rate),
        tracer=tracer,
        rate=options.rate,
        epsilon=max(narrowest(traced), *(parameter.epsilon for parameter in parameters)),
        seed=options.inputs.seed,
        device=options.device,
    )
    blame = Blame(traces, options.inputs.seed, options.device)
    history = train(setting, options.steps, blame.is_wrong, Clock(options.steps, tell).step)
    by_heart: Overfit | None = None
    if options.overfit:
        by_heart = overfit(setting, rule, tell)
    if not source and not options.inputs.arguments:
        notes.append(f"the data is drawn: `{network.name}_data(rng)` or `--data FILE.npz` gives your own")
    return told(layer, options, Made(setting, history, blame, by_heart, update, tuple(notes)), started)


def _refuse_unknown(layer: Layer, options: TrainingOptions) -> None:
    assert layer.network is not None
    inside = [f"{node.name}.{argument.name}" for node in layer.network.nodes for argument in node.layer.arguments]
    refuse_unknown(options.inputs, [*layer.network.inputs, *inside])


def _reached(
    forwarded: Forwarded, parameters: tuple[Parameter, ...], tracer: ReusedTraces, device: str, notes: list[str]
) -> tuple[Parameter, ...]:
    """Those that the loss depends on."""
    network = forwarded.network
    by_use = by_autodiff(forwarded, tracer, device=device)
    found = tuple(parameter for parameter in parameters if total(parameter, by_use) is not None)
    if not found:
        raise UserError(
            f"the network `{network.name}` has no parameter to train",
            path=network.path,
            line=network.line,
            mend="what its layers have of their own is trained: arrays that are no inputs of the network",
        )
    left = [f"`{parameter.name}`" for parameter in parameters if parameter not in found]
    if left:
        notes.append(
            f"the loss does not depend on {', '.join(left)}, which {'is' if len(left) == 1 else 'are'} left alone"
        )
    return found


def trained(forwarded: Forwarded) -> tuple[Parameter, ...]:
    """The arrays that are no data: what layers have of their own, running statistics and targets left out."""
    found = []
    for entry in entries(forwarded):
        if entry.source is not None:
            continue
        use, number = entry.places[0]
        leaf = forwarded.uses[use].case.leaves[number]
        if names.is_running_statistic(leaf.name) or names.is_label(leaf.argument) or np.iscomplexobj(leaf.value):
            continue
        node = forwarded.network.node_of(forwarded.network.uses[use]).name
        found.append(Parameter(entry.leaf.name, node, entry.gradient_name, entry.places, np.array(leaf.value)))
    return tuple(found)


class Clock:
    """Says how far a training is, and how long it takes where that is long."""

    def __init__(self, steps: int, tell: Callable[[str], None]) -> None:
        self._steps, self._tell = steps, tell
        self._began = self._told = time.perf_counter()

    def step(self, step: int) -> None:
        """A step is done."""
        now = time.perf_counter()
        if step == TIMED_AFTER:
            self._began = now
        rest = ""
        if step == TIMED_AFTER + TIMED_OVER:
            left = (now - self._began) / TIMED_OVER * (self._steps - step)
            rest = f"{ABOUT}{duration(round(left))} for {counted(self._steps, 'step')}" if left > LONG else ""
        if rest or now - self._told >= OFTEN:
            self._told = now
            self._tell(rest or f"step {step} of {self._steps}")
