"""What a script is made of: the smallest sizes, the plainest values, the layer's own way of being called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from gradcheck_cli import check
from gradcheck_cli.checking import CheckOptions, Target, check_targets
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

HEAD = "import numpy as np\n\n"


def checked(folder: Path, source: str, name: str = "mine.py", **settings: object) -> LayerReport:
    """The one layer of a module with this text."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(HEAD + dedent(source))
    options = CheckOptions(InputOptions(draws=1), Settings(diagnose=False, **settings))  # type: ignore[arg-type]
    (layer,) = check_targets([Target(path)], options).layers
    return layer


def outcome(script: str, folder: Path) -> str:
    """The last line that a process says which runs the script in this folder; "" where it says nothing."""
    done = subprocess.run([sys.executable, "-"], input=script, cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr.strip().splitlines()[-1] if done.stderr.strip() else ""


def fails(layer: LayerReport, folder: Path) -> bool:
    """Whether the layer failed, with a script of at most ten lines that fails its assertion."""
    assert layer.status is Status.FAIL, layer
    assert len(layer.script.splitlines()) <= 10
    said = outcome(layer.script, folder)
    return said.startswith("AssertionError")


MEAN = """
    def affine_forward(x, w):
        \"\"\"
        - x: of shape (N, D)
        - w: of shape (D, M)
        \"\"\"
        return x @ w, (x, w)

    def affine_backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout RATHER
"""


def test_each_dimension_is_as_small_as_it_can_be(tmp_path):
    layer = checked(tmp_path, MEAN.replace("RATHER", "/ x.shape[0]"))
    assert fails(layer, tmp_path)
    assert "x, w, dout = np.ones((2, 1)), np.ones((1, 1)), np.ones((2, 1))" in layer.script


def test_an_error_too_small_for_finite_differences_is_held_against_a_number(tmp_path):
    layer = checked(tmp_path, MEAN.replace("RATHER", "* (1 + 1e-7)"))
    assert fails(layer, tmp_path)
    assert "autodiff gives {right}" in layer.script
    assert "np.ones((1, 1))" in layer.script


def test_no_script_where_none_is_asked_for(tmp_path):
    assert checked(tmp_path, MEAN.replace("RATHER", "/ 2"), shrink=False).script == ""


def test_no_script_for_a_right_layer(tmp_path):
    layer = checked(tmp_path, MEAN.replace("RATHER", ""))
    assert (layer.status, layer.script) == (Status.PASS, "")


def test_values_stay_where_the_forward_is_defined_and_smooth(tmp_path):
    layer = checked(
        tmp_path,
        """
        def entropy_forward(p):
            \"\"\"p: of shape (N, D)\"\"\"
            return np.log(p) * np.maximum(p, 0.5), p

        def entropy_backward(dout, p):
            return dout * (np.maximum(p, 0.5) / p + 2 * np.log(p) * (p > 0.5))
        """,
    )
    assert fails(layer, tmp_path)
    assert "nan" not in layer.script


def test_a_kink_is_no_mistake_that_a_script_may_show(tmp_path):
    """At x = 0, and there alone, the subgradient of a right backward may be another than autodiff's."""
    layer = checked(
        tmp_path,
        """
        def relu_forward(x):
            \"\"\"x: of shape (N, D)\"\"\"
            return np.maximum(x, 0), x

        def relu_backward(dout, x):
            return dout * (x > 0) * (1 + (x > 1))
        """,
    )
    assert fails(layer, tmp_path)
    value = next(line for line in layer.script.splitlines() if line.startswith("x, dout"))
    assert "0.0" not in value


def test_own_parameters_are_put_into_the_object(tmp_path):
    layer = checked(
        tmp_path,
        """
        class Linear:
            def __init__(self, in_features, out_features):
                self.params = {"W": np.random.randn(in_features, out_features)}
                self.grads = {"W": np.zeros((in_features, out_features))}

            def forward(self, x):
                self.x = x
                return x @ self.params["W"]

            def backward(self, dout):
                self.grads["W"][...] = 2 * self.x.T @ dout
                return dout @ self.params["W"].T
        """,
    )
    assert fails(layer, tmp_path)
    assert "layer.params['W'][...] = W" in layer.script
    assert "layer.grads['W'][0, 0]" in layer.script


def test_random_masks_are_drawn_again(tmp_path):
    layer = checked(
        tmp_path,
        """
        def dropout_forward(x):
            \"\"\"x: of shape (N, D)\"\"\"
            mask = np.random.rand(*x.shape) > 0.5
            return x * mask * 2, mask

        def dropout_backward(dout, mask):
            return dout * mask
        """,
    )
    assert fails(layer, tmp_path)
    assert "np.random.seed(0)" in layer.script


def test_a_generator_of_the_module_is_set(tmp_path):
    layer = checked(
        tmp_path,
        """
        rng = np.random.default_rng(7)

        def dropout_forward(x):
            \"\"\"x: of shape (N, D)\"\"\"
            mask = rng.random(x.shape) > 0.5
            return x * mask * 2, mask

        def dropout_backward(dout, mask):
            return dout * mask
        """,
    )
    assert fails(layer, tmp_path)
    assert "rng.bit_generator.state = " in layer.script


def test_modules_of_packages_are_imported_by_their_dotted_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "src" / "net").mkdir(parents=True)
    (tmp_path / "src" / "net" / "__init__.py").write_text("")
    (tmp_path / "src" / "net" / "parts.py").write_text("factor = 2.0\n")
    source = """
        from .parts import factor

        def double_forward(x):
            \"\"\"x: of shape (N, D)\"\"\"
            return factor * x, None

        def double_backward(dout, cache):
            return dout
    """
    layer = checked(tmp_path, source, "src/net/layers.py")
    assert fails(layer, tmp_path)
    assert 'sys.path[:0] = ["src"]' in layer.script
    assert "from net.layers import double_backward, double_forward" in layer.script


@pytest.mark.parametrize("name", ["my-layer.py", "random.py"])
def test_files_that_cannot_be_imported_by_name_are_run(tmp_path, name):
    layer = checked(tmp_path, MEAN.replace("RATHER", "/ 2"), name)
    assert fails(layer, tmp_path)
    assert "runpy.run_path" in layer.script


def test_inputs_of_the_users_own_are_made_by_the_users_function(tmp_path):
    source = (
        MEAN.replace("RATHER", "/ 2")
        + """
    def affine_inputs(rng):
        return {"x": rng.normal(size=(6, 5)), "w": rng.normal(size=(5, 7))}
    """
    )
    layer = checked(tmp_path, source)
    assert fails(layer, tmp_path)
    assert "affine_inputs(np.random.default_rng(" in layer.script


@pytest.mark.parametrize(
    ("code", "returned", "asserted"),
    [
        ("GC101", "dx, dw.T", "np.shape(dw) == np.shape(w)"),
        ("GC102", "dx,", "len(grads) == 2"),
        ("GC103", "dx, None", "grads[1] is not None"),
        ("GC103", "None", "grads is not None"),
        ("GC104", "dx, dw.astype(np.complex128)", "dw.dtype == w.dtype"),
        ("GC105", '{"x": dx, "weights": dw}', '"weights" not in grads'),
        ("GC401", "dx, dw * (np.inf - np.inf)", "np.isclose(yours, numeric"),
    ],
)
def test_each_kind_of_finding_has_its_assertion(tmp_path, code, returned, asserted):
    layer = checked(
        tmp_path,
        f"""
        def affine_forward(x, w):
            \"\"\"
            - x: of shape (N, D)
            - w: of shape (D, M)
            \"\"\"
            return x @ w, (x, w)

        def affine_backward(dout, cache):
            x, w = cache
            dx, dw = dout @ w.T, x.T @ dout
            return {returned}
        """,
    )
    assert layer.findings[0].code == code
    assert fails(layer, tmp_path)
    assert f"assert {asserted}" in layer.script


def test_a_layer_that_is_hard_to_shrink_keeps_its_verdict(tmp_path):
    """The forward raises once it has been called often: no script, and the finding stands."""
    layer = checked(
        tmp_path,
        """
        calls = []

        def scale_forward(x):
            \"\"\"x: of shape (N, D)\"\"\"
            if x.size == 1:
                raise SystemExit("too small")
            return 3 * x, None

        def scale_backward(dout, cache):
            return 2 * dout
        """,
    )
    assert layer.status is Status.FAIL
    assert [finding.code for finding in layer.findings] == ["GC201"]
    assert fails(layer, tmp_path)


def test_live_functions_have_no_module_to_import():
    report = check(lambda x: 2 * x, lambda dout: 3 * dout, {"x": np.ones((2, 3))})
    assert not report.passed
    assert report.layers[0].script == ""


EMBED = """
    def embed_forward(table, ids):
        \"\"\"
        - table: of shape (40, 3)
        - ids: integers, of shape (6, 9), where 0 <= ids[i] < 40
        \"\"\"
        return table[ids], (ids, table.shape)

    def embed_backward(dout, cache):
        ids, shape = cache
        dtable = np.zeros(shape)
        ADDED
        return dtable
"""


def test_where_no_size_may_be_smaller_long_inputs_are_made_by_an_expression(tmp_path):
    layer = checked(tmp_path, EMBED.replace("ADDED", "dtable[ids] += dout"))
    assert fails(layer, tmp_path)
    assert "np.arange(54).reshape((6, 9)) % 40" in layer.script
    (tmp_path / "mine.py").write_text(HEAD + dedent(EMBED.replace("ADDED", "np.add.at(dtable, ids, dout)")))
    assert outcome(layer.script, tmp_path) == ""


def test_long_values_that_may_not_be_alike_are_drawn_anew(tmp_path):
    source = """
        def centred_forward(x):
            \"\"\"x: of shape (30, 2)\"\"\"
            centred = x - x.mean(axis=0)
            return centred / np.sqrt((centred**2).sum(axis=0)), (centred,)

        def centred_backward(dout, cache):
            (centred,) = cache
            norm = np.sqrt((centred**2).sum(axis=0))
            unit = centred / norm
            return (dout - dout.mean(axis=0) - unit * (dout * unit).sum(axis=0)) / norm
    """
    layer = checked(tmp_path, source.replace("sum(axis=0)) / norm", "sum(axis=0)) / norm * 1.01"))
    assert fails(layer, tmp_path)
    assert "np.random.default_rng(0).uniform(-2, 2, (30, 2)).round(2)" in layer.script
    (tmp_path / "mine.py").write_text(HEAD + dedent(source))
    assert outcome(layer.script, tmp_path) == ""


def test_an_output_of_another_shape_has_a_script_though_no_size_may_be_smaller(tmp_path):
    layer = checked(
        tmp_path, EMBED.replace("ADDED", "np.add.at(dtable, ids, dout)").replace("return dtable", "return dtable.T")
    )
    assert fails(layer, tmp_path)


def test_an_error_below_the_rounding_of_differences_is_looked_for_by_the_judge(tmp_path):
    source = """
        def scale_forward(x, w):
            \"\"\"
            - x: float32, of shape (N, D)
            - w: float32, of shape (D,)
            \"\"\"
            return (x * w).astype(np.float32), (x, w)

        def scale_backward(dout, cache):
            x, w = cache
            return RATHER * dout * w, (dout * x).sum(axis=0)
    """
    layer = checked(tmp_path, source.replace("RATHER", "np.float32(1.01)"))
    assert fails(layer, tmp_path)
    assert "np.ones((1, 1), np.float32)" in layer.script


def test_parameters_that_the_constructor_leaves_open_are_set_in_the_script(tmp_path):
    layer = checked(
        tmp_path,
        """
        class Regression:
            def __init__(self):
                self.w, self.b = None, 0.0
            def loss(self, X, y):
                e = X @ self.w + self.b - y
                loss, dw, db = 0.5 * (e**2).sum(), X.T @ e, e.mean()
                return loss, dw, db
        """,
    )
    assert fails(layer, tmp_path)
    assert "layer.b = b.copy()" in layer.script
    (tmp_path / "mine.py").write_text((tmp_path / "mine.py").read_text().replace("e.mean()", "e.sum()"))
    assert outcome(layer.script, tmp_path) == ""


def test_parameters_that_a_method_makes_are_made_in_the_script(tmp_path):
    layer = checked(
        tmp_path,
        """
        class Linear:
            def __init__(self, num_input, num_output):
                self.num_input, self.num_output = num_input, num_output

            def init_param(self):
                self.weight = np.random.randn(self.num_input, self.num_output)

            def forward(self, x):
                self.x = x
                return x @ self.weight

            def backward(self, dout):
                self.d_weight = 2 * self.x.T @ dout
                return dout @ self.weight.T
        """,
    )
    assert fails(layer, tmp_path)
    assert "layer = Linear(1, 1)" in layer.script and "layer.init_param()" in layer.script
    assert "layer.weight[...] = weight" in layer.script
