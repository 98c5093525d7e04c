from __future__ import annotations

import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.codes import RULES
from gradcheck_cli.suppressions.codes import codes_of


@pytest.mark.parametrize(
    ("word", "codes"),
    [
        ("GC304", {"GC304"}),
        (" gc304 ", {"GC304"}),
        ("not-linear", {"GC304"}),
        ("Not-Linear", {"GC304"}),
        ("GC30", {code for code in RULES if code.startswith("GC30")}),
        ("GC3", {code for code in RULES if code.startswith("GC3")}),
        ("GC5", {code for code in RULES if code.startswith("GC5")}),
    ],
)
def test_a_word_means_these_codes_and_no_others(word: str, codes: set[str]) -> None:
    assert codes_of(word) == codes


@pytest.mark.parametrize("word", ["GC201", "gc201", "mismatch"])
def test_a_mismatch_is_meant_whatever_its_cause(word: str) -> None:
    codes = codes_of(word)
    assert {"GC201", "GC202", "GC209", "GC213"} <= codes
    assert not codes & {"GC207", "GC214"}
    assert codes_of("GC209") == {"GC209"}


def test_all_means_every_finding_and_nothing_that_could_not_be_checked() -> None:
    assert codes_of("ALL") == codes_of("all") == {code for code in RULES if not code.startswith("GC5")}


@pytest.mark.parametrize(
    ("word", "mend"),
    [
        ("GC999", "write a code (`GC101` to `GC505`)"),
        ("GC9", "write a code"),
        ("GC", "write a code"),
        ("GC3040", "did you mean `GC304`?"),
        ("GC3*", "did you mean `GC3`?"),
        ("not_linear", "did you mean `not-linear`?"),
        ("wrongshape", "did you mean `wrong-shape`?"),
        ("E501", "write a code"),
        ("", "write a code"),
    ],
)
def test_any_other_word_is_an_error_with_a_mend(word: str, mend: str) -> None:
    with pytest.raises(UserError) as caught:
        codes_of(word)
    assert f"`{word}` is no rule" in caught.value.message
    assert mend in (caught.value.mend or "")
