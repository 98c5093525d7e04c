"""Whether a network can learn a few examples by heart: the oldest test of a training loop there is."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.graph.networks.drawing import Forwarded
from gradcheck_cli.graph.training.differentiating import ByUse, by_autodiff, by_hand
from gradcheck_cli.graph.training.lockstep import Setting
from gradcheck_cli.graph.training.parameters import Array
from gradcheck_cli.graph.training.running import loss_of
from gradcheck_cli.graph.training.updating import Rule

EXAMPLES = 4
STEPS = 300
SHARE = 0.01
"""The loss must fall below this share of its start."""

RATES = (1.0, 0.5, 2.0, 0.25, 4.0, 0.125, 8.0, 1 / 32, 32.0)
"""Times the learning rate that was given: the first at which it works is enough."""

MOST_SECONDS = 20.0
"""For all of it; what was not tried by then is not."""

_HOPELESS = 1e6
"""A loss that grew by this factor does not come back."""


@dataclass(frozen=True)
class Try:
    """The lowest share of its start that the loss fell to.

    Attributes:
        rate: the learning rate.
        steps: after which that was.
    """

    rate: float
    share: float
    steps: int

    @property
    def fits(self) -> bool:
        """Whether it is low enough."""
        return self.share < SHARE


@dataclass(frozen=True)
class Overfit:
    """What came of it.

    Attributes:
        examples: how many were to be learnt.
        start: the loss before the first step.
        yours, autodiff: the best try of each; None where none was made, or the loss had no room to fall.
        hurried: the time ran out before all was tried.
    """

    examples: int
    start: float
    yours: Try | None
    autodiff: Try | None
    hurried: bool = False


def overfit(setting: Setting, rule: Callable[[float], Rule], tell: Callable[[str], None]) -> Overfit:
    """Train on a few examples, by the user's gradients and by autodiff's, at several learning rates.

    Args:
        rule: makes the update for a learning rate.

    Raises:
        UserError: where the user's code fails on so few examples.
    """
    count = min(EXAMPLES, setting.batches.examples)
    inputs = setting.batches.few(count)
    start = _loss(setting, inputs)
    if not math.isfinite(start) or start <= 0:
        return Overfit(count, start, None, None)
    ends = time.perf_counter() + MOST_SECONDS
    best: dict[str, Try] = {}
    methods: dict[str, Callable[[Forwarded], ByUse]] = {
        "autodiff": lambda forwarded: by_autodiff(forwarded, setting.tracer, device=setting.device),
        "yours": by_hand,
    }
    for factor in RATES:
        for name, gradients in methods.items():
            if (name in best and best[name].fits) or time.perf_counter() > ends:
                continue
            tell(f"learning {count} examples by heart, lr {setting.rate * factor:g}")
            tried = _try(setting, inputs, rule(setting.rate * factor), setting.rate * factor, gradients, start, ends)
            if name not in best or tried.share < best[name].share:
                best[name] = tried
        if all(name in best and best[name].fits for name in methods):
            break
    hurried = time.perf_counter() > ends
    return Overfit(count, start, best.get("yours"), best.get("autodiff"), hurried)


def _loss(setting: Setting, inputs: Mapping[str, Any]) -> float:
    return loss_of(setting.runner.run(setting.start(), inputs))


def _try(
    setting: Setting,
    inputs: Mapping[str, Any],
    rule: Rule,
    rate: float,
    gradients: Callable[[Forwarded], ByUse],
    start: float,
    ends: float,
) -> Try:
    best = Try(rate, 1.0, 0)
    for step, loss in enumerate(_losses(setting, inputs, rule, gradients)):
        if not math.isfinite(loss) or loss > _HOPELESS * start:
            break
        if loss / start < best.share:
            best = replace(best, share=loss / start, steps=step)
        if best.fits or step == STEPS or time.perf_counter() > ends:
            break
    return best


def _losses(
    setting: Setting, inputs: Mapping[str, Any], rule: Rule, gradients: Callable[[Forwarded], ByUse]
) -> Iterator[float]:
    """The loss before the first step, and after each."""
    values: dict[str, Array] = setting.start()
    while True:
        try:
            forwarded = setting.runner.run(values, inputs)
            yield loss_of(forwarded)
            values = rule.step(values, setting.applied(setting.by_name(gradients(forwarded))))
        except UserError:
            # at numbers that have run away a forward may well raise
            return
