"""From a layer's first finding to a short script that shows it without gradcheck, on the smallest case found."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck_cli.checking.case import Cases, CheckedCase
from gradcheck_cli.checking.shrink import structure_assertions
from gradcheck_cli.checking.shrink.cases import free_sizes, of_patterns, of_sizes, of_upstream, simplifiable
from gradcheck_cli.checking.shrink.literals import Unwritable
from gradcheck_cli.checking.shrink.made_inputs import statements
from gradcheck_cli.checking.shrink.oracle import Differences
from gradcheck_cli.checking.shrink.patterns import scattered
from gradcheck_cli.checking.shrink.script import Script, Trial, assemble, attempt
from gradcheck_cli.checking.shrink.search import Budget, Failing, Fails, Search
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.checking.shrink.unstable_assertions import of_symptom
from gradcheck_cli.checking.shrink.value_assertions import (
    ATOL,
    RTOL,
    Wrong,
    against_differences,
    against_number,
    isclose,
    tolerances,
)
from gradcheck_cli.checking.shrink.writer import transcribe
from gradcheck_cli.checking.stress.unstable import Unstable
from gradcheck_cli.errors import UserError
from gradcheck_cli.judge.leaf import tolerance_at
from gradcheck_cli.judge.verdict import AUTODIFF, DIFFERENCES, STRAIGHT_THROUGH, LeafVerdict
from gradcheck_cli.layers.case import Case, Specification
from gradcheck_cli.layers.layer import BoundLayer
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Finding
from gradcheck_cli.witnesses.analytic import run_forward
from gradcheck_cli.witnesses.gradients import Upstream
from gradcheck_cli.witnesses.upstream import draw_upstream

SECONDS = 1.5
"""How long the search for smaller sizes, and the one for plainer values, may take."""
TRIES, JUDGED = 60, 8
"""How many cases are tried by finite differences, and by the full judge, which takes a hundred times as long."""
LARGEST = 100_000
"""Elements of all inputs above which a case is not judged once more: that takes as long as the check itself."""
_NEED = 1e-2
"""The least relative error that a smaller case must have, unless the one that was found has less."""
Look = Callable[[Case, Upstream | None, tuple[int, ...] | None], tuple[Wrong, Upstream] | None]
"""The wrong element of a case, at an index or anywhere, and the upstream gradient that shows it; None: none is."""
_OF_VALUES = frozenset({*(f"GC2{number:02}" for number in range(1, 14)), "GC401", "GC402"})
"""Codes of findings that one wrong element shows."""
_VISIBLE = 1e-7
"""The relative error that finite differences with a fixed step see well."""


@dataclass(frozen=True)
class Shrinker:
    """What is needed to look for a smaller case of one layer."""

    module: Module
    bound: BoundLayer
    specification: Specification
    options: InputOptions
    cases: Cases
    device: str = "cpu"

    def script(self, finding: Finding, checked: list[CheckedCase], extreme: Unstable | None = None) -> str:
        """The script for a finding on these draws, or on the extreme inputs that show it; "" where there is none.

        Only KeyboardInterrupt is raised here.
        """
        try:
            found = self._of_extreme(extreme) if extreme is not None else self._script(finding, checked)
        except KeyboardInterrupt:
            raise
        except Exception:  # a script is a kindness: the verdict stands without it
            if os.environ.get("GRADCHECK_DEBUG"):
                raise
            found = None
        return "" if found is None else found.text

    def _script(self, finding: Finding, checked: list[CheckedCase]) -> Script | None:
        found = self._of_value(finding, checked) if finding.code in _OF_VALUES else None
        return found or self._of_structure(finding, checked)

    def _of_extreme(self, shown: Unstable) -> Script | None:
        """The inputs are the smallest already, and what is right there is known."""
        try:
            upstream = draw_upstream(shown.case.layer, shown.case, run_forward(self.bound, shown.case).outputs)
            transcript = transcribe(self.module, self.bound, shown.case, upstream)
            script = self._assembled(*of_symptom(transcript, shown.symptom, self._seeding(transcript)))
        except (Unwritable, UserError):
            return None
        return script if self._attempt(script, transcript) is not None else None

    def _of_value(self, finding: Finding, checked: list[CheckedCase]) -> Script | None:
        draws = sorted(_wrong_elements(finding, checked), key=lambda pair: pair[1].leaf.value.size)
        for draw, wrong in draws:
            position = [leaf.name for leaf in draw.subject.case.leaves].index(wrong.leaf.name)
            candidates = [Failing(draw.subject.case, draw.subject.upstream, wrong)]
            need = min(_NEED, wrong.relative / 10)
            shrunk: list[Failing[Wrong]] = []
            if wrong.relative > _VISIBLE and not np.iscomplexobj(wrong.leaf.value):
                look = Differences(self.bound, position, need, self.device).look
                shrunk += self._shrunk_values(candidates[0], look, TRIES)
            if not shrunk:  # an error below the rounding of such differences
                shrunk += self._shrunk_values(candidates[0], partial(self._judged, position), JUDGED)
            candidates += shrunk
            for candidate in reversed(candidates):
                confirmed = self._confirmed(candidate, position)
                if confirmed is not None and (script := self._value_script(confirmed)) is not None:
                    return script
        return None

    def _shrunk_values(self, start: Failing[Wrong], look: Look, tries: int) -> Iterator[Failing[Wrong]]:
        def fails(case: Case, upstream: Upstream | None, before: Wrong | None) -> tuple[Wrong, Upstream] | None:
            return look(case, upstream, None if before is None else before.index)

        seen = fails(start.case, start.upstream, start.shown) or fails(start.case, start.upstream, None)
        if seen is None:
            return
        search = Search(self.bound, self.specification, self.options, fails)
        budget = Budget.of(tries, SECONDS)
        first: Failing[Wrong] = replace(start, shown=seen[0])
        smaller = search.smaller(first, budget)
        if sum(leaf.value.size for leaf in smaller.case.leaves) > LARGEST:
            return
        yield smaller
        yield search.plainer(smaller, Budget.of(tries, SECONDS))

    def _judged(
        self, position: int, case: Case, upstream: Upstream | None, index: tuple[int, ...] | None
    ) -> tuple[Wrong, Upstream] | None:
        """The full judge's word, for errors that finite differences of one step do not see."""
        try:
            checked = self.cases.of(case, upstream, settle=False)
        except UserError:
            return None
        leaves = checked.verdict.leaves
        if position >= len(leaves) or not _is_of_values(leaves[position]) or not leaves[position].worst:
            return None
        wrong = _element(leaves[position], index or leaves[position].worst[0].index, case.layer.expect)
        return None if wrong is None else (wrong, checked.subject.upstream)

    def _confirmed(self, candidate: Failing[Wrong], position: int) -> Failing[Wrong] | None:
        """The same case by the full judge, with its reference in place of the finite difference."""
        if candidate.shown.witness != DIFFERENCES:
            return candidate
        found = self._judged(position, candidate.case, candidate.upstream, candidate.shown.index)
        return None if found is None else replace(candidate, shown=found[0])

    def _value_script(self, failing: Failing[Wrong]) -> Script | None:
        wrong = failing.shown
        try:
            transcript = transcribe(self.module, self.bound, failing.case, failing.upstream)
        except (Unwritable, UserError):
            return None
        seeding = self._seeding(transcript)
        ways = (("numeric", partial(against_differences, seeding=seeding)), ("right", against_number))
        for name, make in ways:
            try:
                script = self._assembled(transcript, seeding, make(transcript, wrong))
            except Unwritable:
                continue
            trial = self._attempt(script, transcript)
            if trial is not None and _holds_for_right(trial.variables, transcript.free(name), wrong):
                return script
        return None

    def _of_structure(self, finding: Finding, checked: list[CheckedCase]) -> Script | None:
        def fails(case: Case, upstream: Upstream | None, before: Script | None) -> tuple[Script, Upstream] | None:
            del before
            try:
                used = upstream or draw_upstream(case.layer, case, run_forward(self.bound, case).outputs)
                script = self._structure_script(finding, case, used)
            except UserError:
                return None
            return None if script is None else (script, used)

        search = Search(self.bound, self.specification, self.options, fails)
        budget = Budget.of(TRIES, SECONDS)
        named = [draw for draw in checked if _has(finding, draw)] or checked
        best: Failing[Script] | None = None
        for draw in named:
            # ones too: a long upstream gradient cannot be written down
            for upstream in (draw.subject.upstream, of_upstream(draw.subject.upstream, np.ones)):
                if best is None and (found := fails(draw.subject.case, upstream, None)) is not None:
                    best = Failing(draw.subject.case, found[1], found[0])
        if best is None and named:
            best = self._small_enough(named[0].subject.case, fails)
        if best is None and named:
            best = self._patterned(named[0].subject.case, fails)
        if best is None:
            return None
        return search.plainer(search.smaller(best, budget), Budget.of(TRIES, SECONDS)).shown

    def _small_enough(self, case: Case, fails: Fails[Script]) -> Failing[Script] | None:
        """A failing case where the drawn ones are too long to be written down."""
        names = free_sizes(case, self.specification, self.options)
        for sizes in (dict.fromkeys(names, 1), dict.fromkeys(names, 2), {name: k for k, name in enumerate(names, 1)}):
            smaller = of_sizes(case, self.specification, self.bound, self.options, sizes)
            found = None if smaller is None else fails(smaller, None, None)
            if smaller is not None and found is not None:
                return Failing(smaller, found[1], found[0])
        return None

    def _patterned(self, case: Case, fails: Fails[Script]) -> Failing[Script] | None:
        """A failing case where no size may be smaller: long arrays are what one expression makes."""
        made = of_patterns(case, simplifiable(case, self.specification), self.specification)
        upstream = draw_upstream(made.layer, made, run_forward(self.bound, made).outputs)
        found = fails(made, of_upstream(upstream, scattered), None)
        return None if found is None else Failing(made, found[1], found[0])

    def _structure_script(self, finding: Finding, case: Case, upstream: Upstream) -> Script | None:
        whole = finding.code in structure_assertions.WHOLE
        try:
            transcript = transcribe(self.module, self.bound, case, upstream, whole=whole)
        except Unwritable:
            return None
        for shown in structure_assertions.ways(finding, transcript):
            called = replace(transcript, setup=(), forward="", backward="") if shown.alone else transcript
            try:
                script = self._assembled(called, [*self._seeding(transcript), *shown.before], shown.after)
            except Unwritable:
                continue
            if self._attempt(script, transcript) is not None:
                return script
        return None

    def _assembled(self, transcript: Transcript, before: Sequence[str], after: Sequence[str]) -> Script:
        return assemble(
            transcript,
            before,
            after,
            made=lambda: statements(transcript, self.specification, self.options.declared(transcript.layer.dtype)),
        )

    def _seeding(self, transcript: Transcript) -> list[str]:
        """Statements after which the forward draws the numbers that it drew here."""
        if not getattr(self.bound, "draws_numbers", False):
            return []
        seed = self.options.seed & 0xFFFFFFFF
        for name, value in vars(self.module.namespace).items():
            if isinstance(value, np.random.Generator) and isinstance(value.bit_generator, np.random.PCG64):
                transcript.names.used[name] = value
                return [f"{name}.bit_generator.state = np.random.PCG64([{seed}, 1]).state"]
        return [f"np.random.seed({seed})"]

    def _attempt(self, script: Script, transcript: Transcript) -> Trial | None:
        """What the script comes to, where its assertion fails; twice, where random numbers are drawn."""
        trial = attempt(script, transcript, self.module)
        if trial.fails and getattr(self.bound, "draws_numbers", False):
            again = attempt(script, transcript, self.module)
            same = np.array_equal(trial.variables.get("yours", 0), again.variables.get("yours", 0), equal_nan=True)
            return trial if again.fails and same else None
        return trial if trial.fails else None


def _wrong_elements(finding: Finding, checked: list[CheckedCase]) -> list[tuple[CheckedCase, Wrong]]:
    """In each draw, the worst wrong element of the argument that the finding speaks of."""
    found = []
    for draw in checked:
        for verdict in draw.verdict.leaves:
            leaf = verdict.received.leaf
            about = finding.argument in (None, leaf.name, leaf.argument)
            if about and _is_of_values(verdict) and verdict.worst:
                wrong = _element(verdict, verdict.worst[0].index, draw.subject.case.layer.expect)
                if wrong is not None:
                    found.append((draw, wrong))
                    break
    return found


def _is_of_values(verdict: LeafVerdict) -> bool:
    return any(found.code.startswith(("GC2", "GC4")) for found in verdict.findings)


def _element(verdict: LeafVerdict, index: tuple[int, ...], expect: str) -> Wrong | None:
    """The element at `index`, or the worst one where that is not wrong; None where its right value is not known."""
    yours, reference = verdict.yours, verdict.reference
    if verdict.wrong_map is not None and not (verdict.wrong_map.shape and verdict.wrong_map[index]) and verdict.worst:
        index = verdict.worst[0].index
    if yours is None or reference is None or not math.isfinite(abs(reference[index])):
        return None
    witness = AUTODIFF if verdict.decided_by == AUTODIFF else "a finer difference"
    witness = STRAIGHT_THROUGH if expect == STRAIGHT_THROUGH else witness
    allowed = 0.0
    if verdict.tolerance is not None:
        flat = int(np.ravel_multi_index(index, reference.shape)) if index else 0
        allowed = tolerance_at(verdict.tolerance, complex(reference[index]), flat)
    allowed = allowed if math.isfinite(allowed) else 0.0
    return Wrong(verdict.received.leaf, index, complex(yours[index]), complex(reference[index]), witness, allowed)


def _has(finding: Finding, draw: CheckedCase) -> bool:
    return any((found.code, found.argument) == (finding.code, finding.argument) for found in draw.verdict.all_findings)


def _holds_for_right(variables: dict[str, Any], name: str, wrong: Wrong) -> bool:
    """Whether the assertion would hold, by a wide margin, for the right value, and fails by one for yours.

    Against a difference, it must leave room for the rounding of a right one too: an error bar is a quarter of what is
    allowed. (Against a number, the tolerances do.)
    """
    told = variables.get(name)
    if told is None or "yours" not in variables:
        return False
    rtol, atol = tolerances(wrong)
    if name.startswith("numeric"):
        rtol, atol = RTOL, ATOL
        if wrong.tolerance / 4 > atol + rtol * abs(wrong.reference):
            return False
    right = wrong.reference if np.iscomplexobj(wrong.leaf.value) else wrong.reference.real
    return isclose(right, told, rtol / 5, atol / 5) and not isclose(variables["yours"], told, 5 * rtol, 5 * atol)
