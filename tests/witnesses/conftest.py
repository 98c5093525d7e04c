from __future__ import annotations

import pytest

from gradcheck_cli.tracing.jax_setup import start


@pytest.fixture(scope="session", autouse=True)
def _jax_started() -> None:
    start("cpu")
