"""A module that configures NumPy, JAX and Python to its taste gets the same verdicts."""

from __future__ import annotations

import os

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.report.model import Status

MODULE = """
from __future__ import annotations
import dataclasses, os, warnings
import numpy as np
import jax
jax.config.update("jax_enable_x64", False)
jax.config.update("jax_numpy_rank_promotion", "raise")
jax.config.update("jax_numpy_dtype_promotion", "strict")
np.seterr(all="raise")
warnings.simplefilter("error")
os.chdir(os.sep)

@dataclasses.dataclass
class Scale:
    w: np.ndarray
    def forward(self, x: np.ndarray) -> np.ndarray:
        self.x = x
        return x * self.w
    def backward(self, dout):
        self.dw = (dout * self.x).sum(0)
        return dout * self.w

class Doubled(Scale):
    def backward(self, dout):
        self.dw = 2 * (dout * self.x).sum(0)
        return dout * self.w
"""


@pytest.fixture
def configuration():
    import jax

    names = ("jax_enable_x64", "jax_numpy_rank_promotion", "jax_numpy_dtype_promotion")
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_verdicts_do_not_depend_on_what_a_module_configures(tmp_path, configuration):
    path = tmp_path / "configures.py"
    path.write_text(MODULE)
    folder = os.getcwd()  # noqa: PTH109
    scale, doubled = check_targets([Target(path)], CheckOptions(settings=Settings(shrink=False))).layers
    assert os.getcwd() == folder  # noqa: PTH109
    assert scale.status is Status.PASS
    assert scale.witnesses == ("yours", "autodiff", "finite differences")
    assert [argument.dimensions for argument in scale.arguments] == [("D",), ("N", "D")]
    assert doubled.status is Status.FAIL
    assert [finding.argument for finding in doubled.findings] == ["w"]
