"""What is said of a request that was not answered."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.isolation.failures import failed
from gradcheck_cli.isolation.last_words import LastWords
from gradcheck_cli.isolation.pool import Failure


@pytest.mark.parametrize(
    ("doing", "says", "mend"),
    [
        ("loading the module", "`x` ran past its limit of 60 s while loading the module", "gives it longer"),
        ("checking", "`x` ran past its limit of 60 s", "`--shape` make its arrays smaller"),
    ],
)
def test_smaller_arrays_do_not_make_a_module_load_sooner(doing: str, says: str, mend: str) -> None:
    finding = failed(Failure("timeout", doing, LastWords(), limit=60.0), "x", Path("x.py"), 3)
    assert (finding.code, finding.message) == ("GC504", says)
    assert str(finding.mend).startswith("`--timeout 120`")
    assert str(finding.mend).endswith(mend)
