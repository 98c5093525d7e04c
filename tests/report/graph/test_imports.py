"""A graph is shown without waiting for what the other reports need."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["json", "mermaid", "dot", "svg", "html"])
def test_nothing_heavy_is_imported(module: str) -> None:
    code = (
        f"import sys, gradcheck_cli.report.graph.{module}\n"
        "print({name.partition('.')[0] for name in sys.modules} & {'jax', 'rich', 'typer', 'scipy'})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
