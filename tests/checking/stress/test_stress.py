"""`--stress`: what is unstable is found with the smallest input that shows it; what is stable, or kinked, passes."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Status
from tests.fixtures.expectations import CORRECT

UNSTABLE = CORRECT.parent / "unstable"
MARK = re.compile(r"# unstable: .+ -> (?P<code>GC\d{3})\n(?:@.*\n)*def (?P<function>\w+)")

pytestmark = pytest.mark.skipif(
    np.finfo(np.longdouble).maxexp <= 1024, reason="long double is float64 here: little can be judged at extremes"
)


def run(path, *, stress=True, name=None, dtype="float64", draws=1, **settings):
    options = CheckOptions(
        InputOptions(dtype=dtype, draws=draws), Settings(stress=stress, shrink=False, diagnose=False, **settings)
    )
    report = check_targets([Target(Path(path), name)], options)
    assert not report.errors
    return {layer.name: layer for layer in report.layers}


def marks(path):
    """By layer name, the code that it must get under `--stress`."""
    found = {}
    for mark in MARK.finditer(path.read_text(encoding="utf-8")):
        name = re.sub(r"_(?:forward|backward|bwd)$", "", mark["function"])
        found[name] = mark["code"]
    return found


PATHS = sorted(UNSTABLE.glob("*.py"))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_unstable_layers_all_marked_pass_without_stress(path):
    found = {name: layer.status for name, layer in run(path, stress=False, draws=1).items()}
    assert found == dict.fromkeys(marks(path), Status.PASS)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_unstable_layers_get_the_code_of_their_mark(path):
    found = {name: [finding.code for finding in layer.findings] for name, layer in run(path).items()}
    assert found == {name: [code] for name, code in marks(path).items()}


def test_stable_layers_pass_under_stress():
    layers = run(CORRECT / "stable.py")
    assert len(layers) >= 12
    wrong = [f"{layer.name}: {finding.message}" for layer in layers.values() for finding in layer.findings]
    assert not wrong
    assert all(layer.status is Status.PASS for layer in layers.values())
    assert all(any(said.startswith("stress: ") for said in layer.checked) for layer in layers.values())


def test_kinks_are_no_instabilities():
    layers = run(CORRECT / "dense.py", name="relu") | run(CORRECT / "dense.py", name="affine_relu")
    assert not [finding for layer in layers.values() for finding in layer.findings]


def test_the_smallest_input_and_where_it_begins():
    finding = run(UNSTABLE / "numpy_layers.py", name="softmax")["softmax"].findings[0]
    assert "the forward of `softmax` is NaN" in finding.message
    assert "from |x| ≥ 709.8 on, such as x = [[709.8]]" in finding.message
    assert finding.mend == "subtract the row's maximum before `exp`: nothing changes but the overflow"
    (x,) = [array.value for array in finding.inputs if array.name == "x"]
    assert x.tolist() == [[709.8]]
    line = (UNSTABLE / "numpy_layers.py").read_text().splitlines().index("    e = np.exp(x)") + 1
    assert f"`exp` (line {line})" in finding.message


@pytest.mark.parametrize(("dtype", "edge"), [("float32", 88.8), ("float16", 11.1)])
def test_the_edge_is_the_dtypes_own(dtype, edge):
    finding = run(UNSTABLE / "numpy_layers.py", name="softmax", dtype=dtype)["softmax"].findings[0]
    begins = float(re.search(r"from \|x\| ≥ ([\d.]+) on", finding.message)[1])
    assert begins == pytest.approx(edge, rel=0.01)


def check(tmp_path, source):
    path = tmp_path / "layers.py"
    path.write_text("import numpy as np\n" + textwrap.dedent(source))
    (layer,) = run(path).values()
    return layer


def test_a_function_that_overflows_itself_is_not_unstable(tmp_path):
    layer = check(
        tmp_path,
        '''
        def exp_forward(x):
            """x: shape (N, D)"""
            return np.exp(x), x

        def exp_backward(dout, x):
            return dout * np.exp(x)
        ''',
    )
    assert layer.status is Status.PASS
    assert any("no finite value to compare with" in note for note in layer.notes)


def test_what_is_wrong_everywhere_is_said_once(tmp_path):
    layer = check(
        tmp_path,
        '''
        def square_forward(x):
            """x: shape (N, D)"""
            return x**2, x

        def square_backward(dout, x):
            return 3 * dout * x
        ''',
    )
    assert [finding.code for finding in layer.findings] == ["GC201"]


def test_an_unstable_forward_is_found_beside_a_wrong_backward(tmp_path):
    layer = check(
        tmp_path,
        '''
        def softplus_forward(x):
            """x: shape (N, D)"""
            return np.log(1 + np.exp(x)), x

        def softplus_backward(dout, x):
            return dout * np.tanh(x)
        ''',
    )
    assert sorted(finding.code for finding in layer.findings) == ["GC201", "GC403"]


def test_saturated_activations_are_fine(tmp_path):
    layer = check(
        tmp_path,
        '''
        def tanh_forward(x):
            """x: shape (N, D)"""
            out = np.tanh(x)
            return out, out

        def tanh_backward(dout, out):
            return dout * (1 - out**2)
        ''',
    )
    assert layer.status is Status.PASS


def test_repeated_labels_are_an_extreme(tmp_path):
    layer = check(
        tmp_path,
        '''
        def pick_forward(x, y):
            """
            - x: shape (5, D)
            - y: indices of shape (2,), 0 <= y[i] < 5
            """
            return x[y], (x.shape, y)

        def pick_backward(dout, cache):
            shape, y = cache
            dx = np.zeros(shape)
            dx[y] += dout
            return dx, None
        ''',
    )
    codes = [finding.code for finding in layer.findings]
    assert codes and set(codes) <= {"GC201", "GC403"}


def test_a_layer_that_raises_at_extremes_is_left_out(tmp_path):
    layer = check(
        tmp_path,
        '''
        def careful_forward(x):
            """x: shape (N, D)"""
            if np.abs(x).max() > 100:
                raise ValueError("too large")
            return np.exp(x), x

        def careful_backward(dout, x):
            return dout * np.exp(x)
        ''',
    )
    assert layer.status is Status.PASS
    assert any("the layer raises at" in note for note in layer.notes)


def test_without_autodiff_what_is_not_finite_is_found_all_the_same(tmp_path):
    layer = check(
        tmp_path,
        '''
        def hidden_forward(x):
            """x: shape (N, D)"""
            return np.sqrt((np.frombuffer(x.tobytes()).reshape(x.shape) ** 2).sum(axis=1)), x

        def hidden_backward(dout, x):
            return dout[:, None] * x / np.sqrt((x**2).sum(axis=1, keepdims=True))
        ''',
    )
    assert [finding.code for finding in layer.findings] == ["GC401"]
    assert "with `x` all zero" in layer.findings[0].message
