"""Which contracts are examined on which draw, in which order, and for how long."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.by_design import CUSTOM
from gradcheck_cli.judge.contracts import layouts, linearity, mutation, repetition, staleness
from gradcheck_cli.judge.contracts.conventions import is_state, may_write, resets_gradients
from gradcheck_cli.judge.examination import NOTHING, Examination, outcome
from gradcheck_cli.judge.noise.own import loosened
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.judge.verdict import DrawVerdict
from gradcheck_cli.layers.layer import Convention, Role
from gradcheck_cli.report.model import Finding
from gradcheck_cli.tracing.trace import Trace
from gradcheck_cli.witnesses.conduct import rearranged as other_memory
from gradcheck_cli.witnesses.conduct.interleaved import interleaved, reused
from gradcheck_cli.witnesses.conduct.layouts import Layout, has_arrays
from gradcheck_cli.witnesses.conduct.once_more import (
    OnceMore,
    argument_written_to,
    once_more,
    write_to_arguments,
    write_to_upstream,
)
from gradcheck_cli.witnesses.conduct.repeated import Repeated, repeated
from gradcheck_cli.witnesses.conduct.situations import Gradients, Situations, gradients_of, keeps_objects
from gradcheck_cli.witnesses.conduct.superposed import superposed
from gradcheck_cli.witnesses.extended.gradients import sizes_of_gradient_terms
from gradcheck_cli.witnesses.reference.autodiff import gradient_program
from gradcheck_cli.witnesses.slope import slopes
from gradcheck_cli.witnesses.subject import Subject
from gradcheck_cli.witnesses.upstream import widened

UNCHANGED, REPEATABLE, LINEAR = "inputs unchanged", "repeatable", "linear in the upstream gradient"
FRESH, LAYOUTS, DTYPES = "no stale cache", "any memory layout", "upstream of another dtype"
"""What was examined, in the report's words."""

LONGEST_RUN = 0.5
"""Seconds of the processor: a layer whose forward and backward take longer together is not run again."""

CALLS_ANEW = 3
"""Calls on the first inputs again, before a contract is said to be broken: a counter may act every third time only."""

LONGEST = 2.0
"""Seconds of the processor in the user's code after which the contracts that are left are not examined."""


def examine(subject: Subject, verdict: DrawVerdict, settings: Settings) -> Examination:
    """The contracts of one draw: on every draw what is written into, on the first one all the others.

    Nothing that the user's code raises comes out of here.
    """
    del settings
    situations = Situations(subject)
    try:
        once = once_more(situations)
    except UserError as error:
        return _failed_the_second_time(subject, verdict, error)
    return _Contracts(subject, verdict, situations, once).examined()


def _failed_the_second_time(subject: Subject, verdict: DrawVerdict, error: UserError) -> Examination:
    said = error.message.partition("; inputs")[0]
    message = f"called again on the same inputs it failed: {said}; the first time it ran"
    layer = subject.case.layer
    place = (str(error.path), error.line) if error.path and error.line else (str(layer.path), layer.line)
    mend = "keep nothing from one call to the next"
    del verdict
    return outcome(REPEATABLE, findings=(Finding("GC305", message, *place, mend=mend),))


class _Contracts:
    """One draw's contracts, in the order in which one failing makes others untellable."""

    def __init__(self, subject: Subject, verdict: DrawVerdict, situations: Situations, once: OnceMore) -> None:
        self.subject = subject
        self.case = subject.case
        self.layer = subject.case.layer
        self.verdict = verdict
        self.situations = situations
        self.once = once
        self.moves: tuple[NDArray[np.float64], ...] = ()
        self.first = situations.seconds
        self.meant = [written for written in once.arguments if may_write(written, once, verdict)]

    def examined(self) -> Examination:
        found = self._mutation()
        if self.case.draw != 0:
            return found
        if self.first > LONGEST_RUN:
            note = f"One forward and backward take {self.first:.1f} s, so that only what they write into was examined."
            return found + Examination(notes=(note,))
        seen = repeated(self.situations, self.once)
        after: Gradients = ()
        held = gradients_of(self.case, self.once.pulled.backward)
        again = self._repetition(seen)
        found += again
        if any(finding.code in ("GC305", "GC308") for finding in again.findings):
            return found  # what differs by itself cannot be compared
        if all(leaf.yours is None for leaf in self.verdict.leaves):
            return found  # nothing came back that could be compared
        parts: tuple[tuple[str, Callable[[Repeated], Examination]], ...] = (
            ("linearity", self._linearity),
            ("stale caches", self._staleness),
            ("memory layouts", self._layouts),
            ("other dtypes and sizes", self._edges),
        )
        for position, (_, part) in enumerate(parts):
            if self.situations.seconds > LONGEST:
                rest = ", ".join(name for name, _ in parts[position:])
                return found + Examination(notes=(f"The layer is slow: {rest} were not examined.",))
            examined = part(seen)
            if examined.findings and (changed := self._changed_by_itself()):
                return found + outcome(REPEATABLE, findings=changed)
            if examined.findings and (loose := loosened(self.verdict, self.subject)) is not None:
                self.verdict, self.moves = (
                    loose.verdict,
                    loose.outputs,
                )  # it stands if it is more than what roundings of the inputs do
                examined = part(seen)
            found += examined
            if not any(item is not None for item in after):
                # Forwards and backwards of their own have run since: what they share is the module's or the class's.
                after = self.situations.overwritten(self.once.pulled, held)
            if any(finding.code == "GC201" for finding in examined.findings):
                break
        if not found.findings:
            found += Examination(repetition.overwritten(self.verdict, held, after))
        return found

    def _changed_by_itself(self) -> tuple[Finding, ...]:
        """GC305, where plain calls differ after all, so that nothing that differed elsewhere means anything."""
        for _ in range(CALLS_ANEW):
            seen = repeated(self.situations, self.once, backward=False)
            findings = repetition.nondeterministic(self.verdict, seen)
            if findings:
                return findings
        return ()

    def _mutation(self) -> Examination:
        findings: list[Finding] = []
        may = self._may_be_written()
        for written in self.once.arguments:
            if written not in self.meant:
                others = [name for name in self.case.arguments if name != written.name]
                place = write_to_arguments(self.situations, others) or mutation.NOWHERE
                findings.append(mutation.input_changed(self.case, written, place))
        for written in self.once.upstream:
            place = write_to_upstream(self.situations) or mutation.NOWHERE
            findings.append(mutation.upstream_changed(self.case, written, place))
        if self.layer.early_updates and (without := self.situations.without_update()):
            findings.extend(mutation.updated_too_early(self.verdict, without))
        first = self.case.draw == 0 and self.first <= LONGEST_RUN and not self.layer.uses_jax
        if first and not self.once.arguments and has_arrays(self.case.arguments):
            place_ = write_to_arguments(self.situations, may)
            if place_ is not None:
                names = [name for name in self.case.arguments if name not in may]
                argument = argument_written_to(self.situations, names)
                findings.append(mutation.input_written(self.case, argument, place_))
        if first and not self.once.upstream and has_arrays(self.subject.upstream.cotangents):
            place_ = write_to_upstream(self.situations)
            if place_ is not None:
                findings.append(mutation.upstream_written(self.case, place_))
        notes = layouts.of_integers(self.verdict, self.once.pulled.backward)
        return outcome(UNCHANGED, findings=findings, notes=notes)

    def _may_be_written(self) -> list[str]:
        """Arguments that the layer may write into, by their names or by what was seen."""
        return [
            item.name
            for item in self.layer.arguments
            if (item.role in (Role.CONFIG, Role.SIZE) and item.name not in self.case.differentiable)
            or not item.differentiated
            or item.is_updated
            or is_state(item.name)
            or any(written.name == item.name for written in self.meant)
        ]

    def _repetition(self, seen: Repeated) -> Examination:
        findings = repetition.nondeterministic(self.verdict, seen)
        if findings and findings[0].code == "GC308" and resets_gradients(self.layer):
            findings = ()
        if not findings:
            keeps_state = keeps_objects(self.once.forwarded.result)
            findings = repetition.second_backward(self.verdict, seen, stepped=bool(self.meant), keeps_state=keeps_state)
            if findings and keeps_state and resets_gradients(self.layer):
                findings = ()  # its calls have an order of their own, a step of time each, until they are reset
        return outcome(REPEATABLE, findings=findings)

    def _linearity(self, seen: Repeated) -> Examination:
        del seen
        if self.layer.unit_upstream or self.layer.convention is Convention.CUSTOM_JVP:
            return NOTHING  # JAX transposes a linear rule, or refuses
        if self.layer.expect == CUSTOM:
            return NOTHING  # such as one that is clipped
        same_cache = self.layer.uses_jax and self.layer.convention is not Convention.CLASS
        c = linearity.large(self.case.dtype)
        upstreams = superposed(self.situations, self.once, c, same_cache=same_cache)
        findings = linearity.linear(self.verdict, upstreams)
        if any(finding.code == "GC207" for finding in findings):
            findings = linearity.linear(self.verdict, upstreams, self._reference_at_ones())
        return outcome(LINEAR, findings=findings)

    def _reference_at_ones(self) -> Gradients | None:
        trace = self.subject.differentiable
        if not isinstance(trace, Trace):
            return None
        leaves = [widened(leaf.value) for leaf in self.case.leaves]
        ones = [np.ones_like(item) for item in self.subject.upstream.flat]
        return gradient_program(trace, device=self.subject.device).gradients(leaves, ones)

    def _staleness(self, seen: Repeated) -> Examination:
        del seen
        if self.layer.is_rule:
            return NOTHING  # a rule's residuals are all it has
        findings: tuple[Finding, ...] = ()
        mixed = interleaved(self.situations, self.once)
        if mixed is not None:
            findings = staleness.stale(self.verdict, mixed) or staleness.left_behind(
                self.verdict, mixed, lambda *moved: slopes(self.situations, *moved)
            )
        if not findings and not self.meant:
            used = reused(self.situations)
            if used is not None:
                findings = staleness.left_over(self.verdict, used) + repetition.accumulates(self.verdict, used)
                if findings and resets_gradients(self.layer):
                    findings = ()  # it is to be reset between two calls
                findings += repetition.overwritten(self.verdict, used.earlier, used.overwritten)
        return outcome(FRESH, findings=findings)

    def _layouts(self, seen: Repeated) -> Examination:
        if self.layer.uses_jax or not has_arrays(self.case.arguments) or self._writes():
            return NOTHING
        plain, findings, notes = self.once.pulled.gradients, list[Finding](), list[str]()
        for layout in (Layout.FORTRAN, Layout.SLICED, Layout.REVERSED):
            both = other_memory.rearranged(self.situations, layout, arguments=True, upstream=True)
            if not self._parts(both, seen, plain):
                continue
            for arguments, upstream in ((True, False), (False, True), (True, True)):
                run = both
                if not (arguments and upstream):
                    run = other_memory.rearranged(self.situations, layout, arguments=arguments, upstream=upstream)
                if not self._parts(run, seen, plain):
                    continue
                what = layouts.what_is(layout, arguments=arguments, upstream=upstream, verdict=self.verdict)
                if run.error is not None:
                    notes.append(f"It does not run where {what}: {run.error.message.partition('; inputs')[0]}.")
                elif (difference := layouts.outputs_part(self.verdict, run, seen, self.moves)) is not None:
                    findings.append(layouts.wrong_forward(self.verdict, what, difference))
                else:
                    parted = layouts.gradients_part(self.verdict, run, plain)
                    findings.extend(layouts.wrong_gradients(self.verdict, what, parted))
                break
            if findings or notes:
                break
        if not findings:
            findings.extend(self._spread())
        if notes and not findings:
            return Examination(notes=tuple(notes))  # it does not run with some
        return outcome(LAYOUTS, findings=findings, notes=notes)

    def _parts(self, run: other_memory.Rearranged, seen: Repeated, plain: Gradients) -> bool:
        if run.error is not None or layouts.outputs_part(self.verdict, run, seen, self.moves) is not None:
            return True
        return bool(layouts.gradients_part(self.verdict, run, plain))

    def _spread(self) -> tuple[Finding, ...]:
        """An upstream gradient of stride zero, as `np.broadcast_to` makes it."""
        if self.layer.unit_upstream or not has_arrays(self.subject.upstream.cotangents):
            return ()
        written_out = other_memory.spread(self.situations, view=False)
        view = other_memory.spread(self.situations, view=True)
        if written_out.gradients is None or view.error is not None:
            return ()
        parted = layouts.gradients_part(self.verdict, view, written_out.gradients)
        what = layouts.what_is("a broadcast view", arguments=False, upstream=True, verdict=self.verdict)
        return layouts.wrong_gradients(self.verdict, what, parted)

    def _writes(self) -> bool:
        """Whether it writes into what it is handed: then other memory would only say so again."""
        return bool(self.once.upstream) or len(self.meant) < len(self.once.arguments)

    def _edges(self, seen: Repeated) -> Examination:
        del seen
        if self.layer.uses_jax:
            return NOTHING  # JAX gives a rule an upstream gradient of the output's dtype, and compiles each shape anew
        found = NOTHING
        notes: list[str] = []
        other = None if self.layer.unit_upstream else other_memory.upstream_of_another_dtype(self.situations)
        if other is not None and not self._writes():
            dtype, run = other
            plain = self.once.pulled.gradients
            findings = layouts.of_another_dtype(self.verdict, dtype, run, plain)
            if findings and isinstance(self.subject.traced, Trace):
                terms = sizes_of_gradient_terms(self.subject.traced, self.case, self.subject.upstream)
                findings = layouts.of_another_dtype(self.verdict, dtype, run, plain, terms)
            if run.error is None:
                found = outcome(DTYPES, findings=findings)
            else:
                said = run.error.message.partition("; inputs")[0]
                notes.append(f"With an upstream gradient of {dtype} it fails: {said}.")
        empty = other_memory.batch_of_zero(self.situations)
        if empty is not None:
            notes.extend(layouts.on_an_empty_batch(self.verdict, empty))
        return found + Examination(notes=tuple(notes))
