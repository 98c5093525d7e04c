"""`--memory`, `--workers`, `--timeout`, from both places where they can be given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from gradcheck_cli.cli.given import run_options
from gradcheck_cli.cli.values import Given
from gradcheck_cli.errors import UserError


def workers(option: str, value: Any, file: Path | None = None) -> Any:
    return run_options({option: Given(option, value, file, 3 if file else None)}, {}).workers


@pytest.mark.parametrize(
    ("written", "size"),
    [("2G", 2 << 30), ("512M", 512 << 20), ("1.5 GiB", 3 << 29), ("100kb", 100 << 10), ("4096", 4096), (4096, 4096)],
)
def test_sizes_are_in_powers_of_1024(written: Any, size: int) -> None:
    assert workers("memory", written).memory == size


@pytest.mark.parametrize("written", ["", "G", "2X", "-1G", "0", True, None, [1]])
def test_what_is_no_size_is_refused_with_one(written: Any) -> None:
    with pytest.raises(UserError, match="not a size such as 2G") as caught:
        workers("memory", written, Path("pyproject.toml"))
    assert caught.value.mend == 'memory = "2G"'


def test_workers_are_counted_or_automatic() -> None:
    assert workers("workers", "3").count == workers("workers", 3, Path("pyproject.toml")).count == 3
    assert workers("workers", "auto").count >= 1
    with pytest.raises(UserError, match="not a whole number or `auto`"):
        workers("workers", "many")


def test_without_a_word_there_is_one_worker_and_five_minutes() -> None:
    told = run_options({}, {}).workers
    assert (told.count, told.seconds, told.memory) == (1, 300.0, None)
    assert workers("timeout", 2.5).seconds == 2.5
