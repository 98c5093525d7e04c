"""Two runs of one training side by side, and a third that shows what rounding does: one step of all, then the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from gradcheck_cli.graph.networks.drawing import Forwarded
from gradcheck_cli.graph.training.batches import Batches
from gradcheck_cli.graph.training.differentiating import ByUse, Tracer, broken, by_autodiff, by_hand
from gradcheck_cli.graph.training.history import History, Run, Stopped
from gradcheck_cli.graph.training.parameters import Array, Parameter, Values, total
from gradcheck_cli.graph.training.parting import Differed, Parted, Rounding, same_within
from gradcheck_cli.graph.training.running import Runner, loss_of, not_finite
from gradcheck_cli.graph.training.updating import Rule, departure
from gradcheck_cli.witnesses.upstream import widened

Confirm = Callable[[int, Forwarded], bool]
"""`(step, forwarded)`: whether some layer's backward is wrong there; asked where a gradient is not autodiff's."""

MOST_DOUBTS = 4
"""Times that a gradient may look different and turn out right before it is not asked about any more."""


@dataclass(frozen=True)
class Setting:
    """What is trained, and how.

    Attributes:
        rule: makes a rule for one run.
        epsilon: one rounding of the narrowest dtype inside.
    """

    runner: Runner
    parameters: tuple[Parameter, ...]
    batches: Batches
    rule: Callable[[], Rule]
    tracer: Tracer
    rate: float
    epsilon: float
    seed: int = 0
    device: str = "cpu"

    def start(self) -> dict[str, Array]:
        """The parameters before the first step."""
        return {parameter.name: parameter.start.copy() for parameter in self.parameters}

    def by_name(self, by_use: ByUse) -> dict[str, Array | None]:
        """Gradients by the parameter's name."""
        return {parameter.name: total(parameter, by_use) for parameter in self.parameters}

    def applied(self, gradients: Mapping[str, Array | None]) -> dict[str, Array]:
        """The same, zero where there is none."""
        zeros = {parameter.name: np.zeros_like(widened(parameter.start)) for parameter in self.parameters}
        return {name: zeros[name] if found is None else found for name, found in gradients.items()}


@dataclass
class _Seen:
    """What the comparison at the same parameters has come to.

    Attributes:
        largest: of autodiff's gradient so far.
        slack: the relative error that was looked into, and is none.
        observed: how far the user's gradient is off, where it agrees.
    """

    largest: dict[str, float] = field(default_factory=dict)
    slack: dict[str, float] = field(default_factory=dict)
    doubts: dict[str, int] = field(default_factory=dict)
    observed: dict[str, float] = field(default_factory=dict)


def train(setting: Setting, steps: int, confirm: Confirm, tell: Callable[[int], None]) -> History:
    """Train for so many steps, or until both runs have left the finite numbers.

    Args:
        tell: is told the number of each step that is done.

    Raises:
        UserError: where the user's code fails, or a layer cannot be traced.
    """
    return _Lockstep(setting, confirm).run(steps, tell)


class _Lockstep:
    def __init__(self, setting: Setting, confirm: Confirm) -> None:
        self.setting, self.confirm = setting, confirm
        self.rounding = Rounding(setting.parameters, setting.epsilon, setting.seed)
        self.rules = {name: setting.rule() for name in ("yours", "autodiff", "third")}
        self.history = History(Run(setting.start()), Run(setting.start()))
        self.third: dict[str, Array] | None = self.rounding.start()
        self.rounding.look(self.history.autodiff.values, self.third)
        self.seen = _Seen()

    def run(self, steps: int, tell: Callable[[int], None]) -> History:
        history = self.history
        for step in range(1, steps + 1):
            self._step(step)
            history.steps = step
            tell(step)
            if history.autodiff.stopped is not None and history.yours.stopped is not None:
                break
        self._one_alone_stopped()
        history.rounding = dict(self.rounding.reached)
        for run in (history.yours, history.autodiff):
            if run.stopped is None:
                run.losses.append(loss_of(self._forward(run.values, history.steps + 1)))
        return history

    def _forward(self, values: Values, step: int) -> Forwarded:
        return self.setting.runner.run(values, self.setting.batches.at(step))

    def _autodiff(self, forwarded: Forwarded) -> dict[str, Array]:
        by_use = by_autodiff(forwarded, self.setting.tracer, device=self.setting.device)
        return self.setting.applied(self.setting.by_name(by_use))

    def _step(self, step: int) -> None:
        history, setting = self.history, self.setting
        yours, autodiff = history.yours, history.autodiff
        if yours.stopped is None:
            self._yours(step)
        if autodiff.stopped is None:
            self._second(step)
        if self.third is not None and autodiff.stopped is None and yours.stopped is None:
            self._third(step)
        if yours.stopped is not None or autodiff.stopped is not None:
            return
        for parameter in setting.parameters:
            name = parameter.name
            if name not in history.parted:
                found = self.rounding.parted(parameter, step, yours.values[name], autodiff.values[name])
                if found is not None:
                    history.parted[name] = found
        if len(history.parted) == len(setting.parameters):
            self.third = None

    def _one_alone_stopped(self) -> None:
        """Where one run alone has left the finite numbers, what has not parted by then, has.

        Of two that go there together, one may overflow a step before the other.
        """
        stops = [run.stopped.step for run in (self.history.yours, self.history.autodiff) if run.stopped is not None]
        if not stops or (len(stops) == 2 and abs(stops[0] - stops[1]) <= 1):
            return
        for parameter in self.setting.parameters:
            reached = self.rounding.reached[parameter.name]
            self.history.parted.setdefault(parameter.name, Parted(min(stops), float("inf"), reached))

    def _yours(self, step: int) -> None:
        run, setting = self.history.yours, self.setting
        forwarded = self._forward(run.values, step)
        run.losses.append(loss_of(forwarded))
        if self._ends(run, step, forwarded, None):
            return
        by_use = by_hand(forwarded)
        if self._ends(run, step, forwarded, by_use):
            return
        mine = setting.by_name(by_use)
        self._compare(step, forwarded, mine)
        applied = setting.applied(mine)
        run.note_norms(setting.parameters, applied)
        before = run.values
        run.values = self.rules["yours"].step(before, applied)
        if self.history.departure is None:
            self.history.departure = departure(step, setting.rate, before, run.values, applied)
        self._ends_after(run, step)

    def _second(self, step: int) -> None:
        run = self.history.autodiff
        forwarded = self._forward(run.values, step)
        run.losses.append(loss_of(forwarded))
        if self._ends(run, step, forwarded, None):
            return
        by_use = by_autodiff(forwarded, self.setting.tracer, device=self.setting.device)
        if self._ends(run, step, forwarded, by_use):
            return
        gradients = self.setting.applied(self.setting.by_name(by_use))
        run.note_norms(self.setting.parameters, gradients)
        run.values = self.rules["autodiff"].step(run.values, gradients)
        self._ends_after(run, step)

    def _third(self, step: int) -> None:
        assert self.third is not None
        exact = self._autodiff(self._forward(self.third, step))
        self.third = self.rules["third"].step(self.third, self.rounding.gradients(exact, self.seen.observed))
        self.rounding.look(self.history.autodiff.values, self.third)

    def _compare(self, step: int, forwarded: Forwarded, mine: Mapping[str, Array | None]) -> None:
        """The user's gradients beside autodiff's at the same parameters."""
        seen, history = self.seen, self.history
        exact = self._autodiff(forwarded)
        doubtful: dict[str, Differed] = {}
        for name, right in exact.items():
            if name in history.differed:
                continue
            size = float(np.max(np.abs(right), initial=0.0))
            seen.largest[name] = max(seen.largest.get(name, 0.0), size)
            found = mine[name]
            with np.errstate(all="ignore"):
                off = size if found is None else float(np.max(np.abs(found - right), initial=0.0))
            allowed = max(same_within(self.setting.epsilon), seen.slack.get(name, 0.0)) * seen.largest[name]
            # half of the digits is no rounding, but another slope at a kink
            seen.observed[name] = off if off <= self.setting.epsilon**0.5 * seen.largest[name] else 0.0
            if off <= allowed:
                continue
            doubtful[name] = Differed(step, off / size if size else off, missing=found is None)
        if not doubtful:
            return
        if self.confirm(step, forwarded):
            history.differed.update(doubtful)
            for name in doubtful:
                seen.observed.pop(name, None)
            return
        for name, one in doubtful.items():
            seen.doubts[name] = seen.doubts.get(name, 0) + 1
            given_up = seen.doubts[name] > MOST_DOUBTS
            seen.slack[name] = float("inf") if given_up else 4 * max(one.error, seen.slack.get(name, 0.0))

    def _ends(self, run: Run, step: int, forwarded: Forwarded, by_use: Any) -> bool:
        position = not_finite(forwarded) if by_use is None else broken(by_use)
        if position is not None:
            what = "its output" if by_use is None else "the gradient that it hands back"
            run.stopped = Stopped(step, forwarded.network.uses[position].name, what)
        return position is not None

    def _ends_after(self, run: Run, step: int) -> None:
        for parameter in self.setting.parameters:
            if not np.isfinite(widened(run.values[parameter.name])).all():
                what = f"its parameter {parameter.name.removeprefix(parameter.layer + '.')} after the step"
                run.stopped = Stopped(step, parameter.layer, what)
                return
