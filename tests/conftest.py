"""Every test runs with JAX in float64, as the product runs; a worker that is done takes tests from one that is not."""

from __future__ import annotations

import os
from typing import Any

import pytest

os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_ENABLE_X64"] = "1"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Work stealing: tests take from milliseconds to half a minute, and with fixed shares one worker waits."""
    from xdist.scheduler import WorkStealingScheduling

    return WorkStealingScheduling(config, log)
