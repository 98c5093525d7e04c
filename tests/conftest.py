"""Every test runs with JAX in float64, as the product runs; a worker that is done takes tests from one that is not."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
from typing import Any

import pytest

# Where the tests run is not what they test: a CI service, a terminal without colours and a person's editor each change
# what the commands print. A test that is about one of these sets it.
_OF_THE_PLACE = ("CI", "PRE_COMMIT", "GITHUB_ACTIONS", "GITLAB_CI", "NO_COLOR", "FORCE_COLOR", "PY_COLORS", "COLUMNS")
for _name in (*_OF_THE_PLACE, "LINES", "COLORFGBG", "VISUAL", "EDITOR", "GRADCHECK_DEBUG", "GRADCHECK_NO_CACHE"):
    os.environ.pop(_name, None)

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # As in a job that a shell has put into the background. Commands that tests interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_ENABLE_X64"] = "1"

# What one test has compiled serves the others of this process and the commands that they start. Not those of another
# worker: JAX writes such files in place.
_programs = tempfile.TemporaryDirectory(prefix="gradcheck-tests-")
os.environ["JAX_COMPILATION_CACHE_DIR"] = _programs.name
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
# XLA cuts each program into up to 32 parts to translate them side by side. Where every core has a worker already that
# only costs: the same code in one part takes two thirds of the time.
_ONE_PART = "--xla_cpu_parallel_codegen_split_count=1"
if _ONE_PART not in (_flags := os.environ.get("XLA_FLAGS", "")):
    os.environ["XLA_FLAGS"] = f"{_flags} {_ONE_PART}".strip()

# JAX, the package and the tests are a million objects that stay: nothing among them is garbage.
gc.disable()


def pytest_collection_finish() -> None:
    """From here on only what tests make is looked through."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """`-n auto`: one worker more than there are cores, for some tests wait for commands that hang on purpose."""
    del config
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Work stealing: tests take from milliseconds to half a minute, and with fixed shares one worker waits."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)
