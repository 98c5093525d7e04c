"""Rules of Equinox's kind, against stand-ins with its attributes: it is no dependency of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

STAND_INS = """
import jax
import jax.numpy as jnp

class filter_custom_vjp:
    def __init__(self, fn):
        self.fn, self.fn_fwd, self.fn_bwd = fn, None, None

    def def_fwd(self, fn_fwd):
        self.fn_fwd = fn_fwd

    def def_bwd(self, fn_bwd):
        self.fn_bwd = fn_bwd

    def __call__(self, *args, **kwargs):
        return self.fn(*args, **kwargs)

class filter_custom_jvp:
    def __init__(self, fn):
        def fn_wrapper(*args):
            return fn(*args)

        self.fn = jax.custom_jvp(fn_wrapper)

    def def_jvp(self, fn_jvp):
        def fn_jvp_wrapper(primals, tangents):
            return fn_jvp(primals, tangents)

        self.fn.defjvp(fn_jvp_wrapper)

    def __call__(self, *args):
        return self.fn(*args)
"""

RULES = """
@filter_custom_vjp
def scale_and_mask(vjp_arg, mask, *, power=1):
    x, z = vjp_arg
    return x * z * mask ** power

@scale_and_mask.def_fwd
def scale_and_mask_fwd(perturbed, vjp_arg, mask, *, power=1):
    assert perturbed == (True, True)
    return scale_and_mask(vjp_arg, mask, power=power), None

@scale_and_mask.def_bwd
def scale_and_mask_bwd(residuals, g, perturbed, vjp_arg, mask, *, power=1):
    x, z = vjp_arg
    return g * z * mask ** power, {dz}

@filter_custom_vjp
def cube(x):
    return x ** 3

cube.def_fwd(lambda perturbed, x: (x ** 3, x))
cube.def_bwd(lambda x, g, perturbed, _: {dcube})

@filter_custom_jvp
def divide(a, b):
    return a / b

@divide.def_jvp
def divide_jvp(primals, tangents):
    (a, b), (ta, tb) = primals, tangents
    return a / b, ta / b {sign} a * tb / b ** 2
"""

RIGHT = {"dz": "g * x * mask ** power", "dcube": "3 * x ** 2 * g", "sign": "-"}


def checked(tmp_path: Path, **parts: str) -> dict[str, LayerReport]:
    path = tmp_path / "filtered.py"
    path.write_text(STAND_INS + RULES.format(**{**RIGHT, **parts}))
    options = CheckOptions(InputOptions(draws=1), Settings(shrink=False, diagnose=False))
    return {layer.name: layer for layer in check_targets([Target(path)], options).layers}


def test_right_rules_pass_and_only_what_is_differentiated_is_judged(tmp_path: Path) -> None:
    layers = checked(tmp_path)
    assert {name: layer.status for name, layer in layers.items()} == dict.fromkeys(
        ("scale_and_mask", "cube", "divide"), Status.PASS
    )
    assert [argument.name for argument in layers["scale_and_mask"].arguments] == ["x", "z"]


@pytest.mark.parametrize(
    ("part", "written", "layer", "argument"),
    [
        ("dz", "g * mask ** power", "scale_and_mask", "z"),
        ("dz", "None", "scale_and_mask", "z"),
        ("dcube", "x ** 2 * g", "cube", "x"),
        ("sign", "+", "divide", "b"),
    ],
)
def test_wrong_rules_fail_where_they_are_wrong(
    tmp_path: Path, part: str, written: str, layer: str, argument: str
) -> None:
    layers = checked(tmp_path, **{part: written})
    assert [name for name, one in layers.items() if one.status is Status.FAIL] == [layer]
    assert {finding.argument for finding in layers[layer].findings} == {argument}
