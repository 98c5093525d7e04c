"""One layer through all stages: inputs, trace, witnesses, judgement; what its code raises becomes a finding."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from gradcheck_cli.checking.case import Cases
from gradcheck_cli.checking.draws import Draws
from gradcheck_cli.checking.findings import at_output, error_of_users_object, internal_error, undecided
from gradcheck_cli.checking.record import Record
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.checking.users_error import finding_of
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge import contracts, precision_loss
from gradcheck_cli.judge.derivatives import examination as derivatives
from gradcheck_cli.judge.examination import Examination
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.inputs.randomness import repeatable
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.layers.users_code import quiet
from gradcheck_cli.report.model import LayerReport, Status
from gradcheck_cli.saved.model import KeptLayer
from gradcheck_cli.tracing.jax_setup import start
from gradcheck_cli.witnesses.subject import Subject

if TYPE_CHECKING:
    from gradcheck_cli.checking.options import EditedDraw
    from gradcheck_cli.checking.stress.unstable import Unstable

EXAMINATIONS: tuple[Callable[[Subject, DrawVerdict, Settings], Examination], ...] = (
    contracts.examine,
    derivatives.examine,
    precision_loss.examine,
)
"""What is found out about each draw once its values are judged, in this order."""


class Steps(Protocol):
    """Who is told what is being done."""

    def step(self, name: str, what: str) -> None:
        """What is being done for the layer `name`."""


class Checker:
    """Checks layers one after the other, with one JAX start and one dual copy of each module.

    Attributes:
        kept: what a saved run keeps of the layer that was checked last, where that was asked for; None where nothing
            could be run.
    """

    def __init__(self, device: str = "cpu") -> None:
        start(device)
        self._device = device
        self.kept: KeptLayer | None = None
        self.traces = Traces(device)

    def check(
        self,
        module: Module,
        layer: Layer,
        inputs: InputOptions,
        settings: Settings,
        steps: Steps,
        *,
        keeps: bool = False,
        edited: EditedDraw | None = None,
    ) -> LayerReport:
        """The verdict on one layer. Nothing that the user's code does raises here, but KeyboardInterrupt.

        Args:
            keeps: set `kept`, too.
            edited: check this draw alone.

        Raises:
            UserError: without a code, where values cannot be set so.
        """
        started = time.perf_counter()
        start(self._device)  # again: the user's module may have configured JAX otherwise
        run = Record(layer, inputs, settings)
        report = self._checked(module, run, steps, edited) or run.report(time.perf_counter() - started)
        if report.status is Status.FAIL and layer.at_output is not None and edited is None:
            given = Record(replace(layer, bind=layer.at_output), inputs, settings)
            again = self._checked(module, given, steps, None) or given.report(time.perf_counter() - started)
            if again.status is Status.PASS:
                run, report = given, undecided(again, at_output(layer))
        self.kept = self._kept(module, run, report) if keeps else None
        return report

    def _kept(self, module: Module, run: Record, report: LayerReport) -> KeptLayer | None:
        # imported only where it is asked for: each start would pay for it
        from gradcheck_cli.checking.diagnosing import text_of
        from gradcheck_cli.checking.keeping.layer import kept_layer
        from gradcheck_cli.checking.keeping.network import kept_network

        if run.network is not None:
            return kept_network(report, *run.network, lambda path: text_of(module, path))
        line = run.layer.forward_line if report.forward_line is None else report.forward_line
        with quiet():
            return kept_layer(report, run.checked, lambda path: text_of(module, path), line)

    def _checked(self, module: Module, run: Record, steps: Steps, edited: EditedDraw | None) -> LayerReport | None:
        """Check the layer; the report where it is a network's, else `run` knows all."""
        layer, inputs, settings = run.layer, run.inputs, run.settings
        try:
            with quiet():
                if layer.network is not None:
                    from gradcheck_cli.checking.networks.checking import check_network

                    return check_network(
                        layer,
                        inputs,
                        settings,
                        self.traces,
                        self._device,
                        lambda what: steps.step(layer.name, what),
                        run.passed_through,
                        edited,
                    )
                self._all_draws(module, run, steps, edited)
        except UserError as error:
            if edited is not None and error.code is None:
                raise  # what was asked for cannot be: that is no finding
            run.errors.append(finding_of(error, layer.path, layer.line))
        except Exception as error:  # this layer's verdict is lost, the others' are not
            if (looked_at := error_of_users_object(error, module, layer)) is not None:
                run.errors.append(looked_at)
                return None
            if os.environ.get("GRADCHECK_DEBUG"):
                raise
            run.errors.append(internal_error(error, layer))
        return None

    def _all_draws(self, module: Module, run: Record, steps: Steps, edited: EditedDraw | None) -> None:
        layer, inputs = run.layer, run.inputs
        bound = repeatable(layer.bind(module.namespace), module.namespace, inputs.seed)
        specification = specify(layer, module, bound, inputs)
        run.specification = specification
        draws = Draws(module, layer, bound, specification, inputs, self.traces)
        cases = Cases(module, bound, self.traces, run.settings, self._device)
        for index in range(inputs.draws) if edited is None else (edited.index,):
            steps.step(layer.name, f"draw {index + 1} of {inputs.draws}")
            if edited is None:
                checked = cases.judged(draws.take(index))
            else:
                from gradcheck_cli.checking.edited import taken

                checked = cases.judged(*taken(draws, index, edited.edits))
            run.judged(checked)
            run.notes = draws.notes
            for examine in EXAMINATIONS:
                run.examined(examine(checked.subject, checked.verdict, run.settings))
        unstable: Sequence[Unstable] = ()
        if run.settings.stress:  # imported only where it is asked for: each start would pay for it
            from gradcheck_cli.checking.stress.stress import stress

            stressed = stress(
                module,
                bound,
                specification,
                inputs,
                self.traces,
                cases,
                run.checked,
                lambda what: steps.step(layer.name, what),
            )
            run.examined(stressed.examination)
            unstable = stressed.unstable
        findings = run.findings
        if run.settings.diagnose and any(finding.code == "GC201" for finding in findings):
            from gradcheck_cli.checking.diagnosing import diagnosed

            steps.step(layer.name, "looking for the cause")
            further = inputs.draws
            run.diagnosed(
                diagnosed(module, run.checked, lambda number: cases.judged(draws.take(further + number)), findings)
            )
        if run.settings.shrink and (finding := run.first_finding) is not None:
            from gradcheck_cli.checking.shrink.shrinker import Shrinker

            steps.step(layer.name, "looking for the smallest case that still fails")
            shrinker = Shrinker(module, bound, specification, inputs, cases, self._device)
            extreme = next((one for one in unstable if one.finding is finding), None)
            run.script = shrinker.script(finding, run.checked, extreme)
