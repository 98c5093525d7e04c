from __future__ import annotations

from dataclasses import replace

from gradcheck_cli.report.model import Finding, Status
from gradcheck_cli.report.wrongs import worst_first, wrongs
from tests.report import reports


def test_every_finding_and_every_layer_that_could_not_be_judged_is_there_once() -> None:
    told = [(entry.code, entry.layer, entry.subject, entry.status.value) for entry in wrongs(reports.mixed_report())]
    assert told == [
        ("GC501", "", "", "error"),
        ("GC201", "affine_twice", "dw", "fail"),
        ("inconclusive", "hard_tanh", "dx", "inconclusive"),
        ("GC502", "broken_forward", "broken_forward", "error"),
        ("GC503", "mystery", "mystery", "error"),
    ]
    assert wrongs(reports.passing_report()) == []


def test_an_inconclusive_layer_without_a_reason_of_its_own_has_its_first_note() -> None:
    layer = reports.layer(status=Status.INCONCLUSIVE, notes=("the function jumps", "and more"))
    (entry,) = wrongs(reports.report(layer))
    assert (entry.subject, entry.message, entry.line) == ("affine", "the function jumps", 21)
    (entry,) = wrongs(reports.report(replace(layer, notes=())))
    assert entry.message == "it could not be judged"


def test_a_layer_that_fails_without_a_finding_is_not_lost() -> None:
    (entry,) = wrongs(reports.report(reports.layer(status=Status.FAIL)))
    assert (entry.status, entry.code) == (Status.FAIL, "fail")


def test_errors_then_the_largest_error_then_what_could_not_be_judged() -> None:
    def failing(name: str, error: float | None) -> object:
        layer = reports.mismatch()
        x, w, b = layer.arguments
        return replace(layer, name=name, arguments=(x, replace(w, max_rel_error=error, max_abs_error=None), b))

    contract = reports.layer("contract", status=Status.FAIL, findings=(Finding("GC301", "it writes", "a.py", 1, "x"),))
    layers = [
        reports.inconclusive(),
        contract,
        failing("small", 1e-6),
        failing("large", 1e3),
        failing("nan", float("nan")),
        failing("shape", None),
        reports.error(),
    ]
    found = worst_first(wrongs(reports.report(*layers)))  # type: ignore[arg-type]
    assert [entry.layer for entry in found] == [
        "broken_forward",
        "nan",
        "shape",
        "large",
        "small",
        "contract",
        "hard_tanh",
    ]


def test_a_line_is_never_below_one() -> None:
    finding = Finding("GC501", "no line", "a.py", 0)
    assert [entry.line for entry in wrongs(reports.report(errors=(finding,)))] == [1]
