"""What is kept of a checked layer: the arrays of one draw, the marks of all, the sources; and that it can be saved."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.checking.keeping.arrays import plain
from gradcheck_cli.checking.layer import Checker
from gradcheck_cli.checking.options import Silent, Target
from gradcheck_cli.checking.targets import find_layers
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport
from gradcheck_cli.saved.model import EXCUSED, RIGHT, UNKNOWN, WRONG, KeptLayer
from tests.saved import runs

SETTINGS = Settings(shrink=False, diagnose=False)
FIXTURES = Path(__file__).parents[2] / "fixtures"


def checked(
    folder: Path, source: str, inputs: InputOptions | None = None, settings: Settings = SETTINGS
) -> tuple[LayerReport, KeptLayer | None]:
    path = folder / "module.py"
    path.write_text("import numpy as np\n" + textwrap.dedent(source))
    ((module, layer),) = find_layers([Target(path)]).layers
    checker = Checker()
    report = checker.check(module, layer, inputs or InputOptions(draws=2), settings, Silent(), keeps=True)
    return report, checker.kept


def kept(folder: Path, source: str, inputs: InputOptions | None = None) -> KeptLayer:
    found = checked(folder, source, inputs)[1]
    assert found is not None
    runs.content(runs.save(folder / "run.npz", layers=(found,)))  # it can be saved, and read
    return found


def marks(layer: KeptLayer, leaf: int = 0) -> np.ndarray:
    stored = layer.draw.marks[leaf]
    assert stored is not None
    return stored.read()


WRONG_IN_A_COLUMN = '''
    def scale_forward(x, s):
        """
        - x: of shape (N, D)
        - s: of shape (D,)
        """
        return x * s, (x, s)
    def scale_backward(dout, cache):
        x, s = cache
        dx = dout * s
        dx[:, 1] *= 2
        return dx, (dout * x).sum(axis=0)
'''


def test_the_failing_draw_with_all_that_was_known_of_it(tmp_path: Path) -> None:
    layer = kept(tmp_path, WRONG_IN_A_COLUMN)
    dx, ds = layer.leaves
    assert (dx.name, dx.gradient_name, dx.dimensions, dx.dtype) == ("x", "dx", ("N", "D"), "float64")
    yours, reference, tolerance = dx.read("yours"), dx.read("reference"), dx.read("tolerance")
    assert yours is not None and reference is not None and tolerance is not None
    wrong = np.zeros(dx.shape, bool)
    wrong[:, 1] = True
    np.testing.assert_array_equal(marks(layer) == WRONG, wrong)
    np.testing.assert_array_equal(np.abs(yours - reference) > tolerance, wrong)
    assert not marks(layer, 1).any()
    value, upstream = layer.value(ds), layer.upstream[0]
    assert value is not None and value.shape == ds.shape
    assert upstream.name == "dout" and upstream.array is not None
    np.testing.assert_allclose(reference, upstream.array.read() * value.read())
    assert [argument.name for argument in layer.arguments] == ["x", "s"]


def test_finite_differences_where_they_were_taken(tmp_path: Path) -> None:
    dx = kept(tmp_path, WRONG_IN_A_COLUMN).leaves[0]
    places, values, bars = (dx.read(f"difference_{name}") for name in ("positions", "values", "bars"))
    reference = dx.read("reference")
    assert places is not None and values is not None and bars is not None and reference is not None
    assert places.size and np.all(np.diff(places) > 0)
    assert np.all(np.abs(values - reference.reshape(-1)[places]) <= bars)


def test_how_the_worst_elements_depend_on_the_step(tmp_path: Path) -> None:
    changes = {"return x * s": "return np.sin(x) * s", "dx = dout * s": "dx = dout * s * np.cos(x)"}
    source = WRONG_IN_A_COLUMN.replace("dout * x", "dout * np.sin(x)")
    for before, after in changes.items():
        source = source.replace(before, after)
    layer = kept(tmp_path, source)
    dx = layer.leaves[0]
    places, steps, values = (dx.read(f"curve_{name}") for name in ("positions", "steps", "values"))
    reference = dx.read("reference")
    assert places is not None and steps is not None and values is not None and reference is not None
    assert np.all(marks(layer).reshape(-1)[places] == WRONG)
    assert np.all(np.diff(steps, axis=1) < 0)
    errors = np.abs(values / reference.reshape(-1)[places][:, None] - 1)
    # truncation falls as h²; a plateau; then round-off grows as 1/h
    np.testing.assert_allclose(errors[:, 0] / errors[:, 3], 64, rtol=0.1)
    assert np.all(errors.min(axis=1) < 1e-9) and np.all(errors[:, -1] > 1e-7)
    assert "curve_steps" not in layer.leaves[1].arrays


def test_the_sources_of_both_passes(tmp_path: Path) -> None:
    layer = kept(tmp_path, WRONG_IN_A_COLUMN)
    path = str(tmp_path / "module.py")
    assert layer.forward_line is not None
    forward, backward = layer.source_at(path, layer.forward_line), layer.source_at(path, 11)
    assert forward is not None and forward.text.startswith("def scale_forward") and "of shape (N, D)" in forward.text
    assert backward is not None and "dx[:, 1] *= 2" in backward.text


def test_draws_of_the_same_inputs_are_known_by_their_digests(tmp_path: Path) -> None:
    first = [draw.digest for draw in kept(tmp_path, WRONG_IN_A_COLUMN).draws]
    mended = WRONG_IN_A_COLUMN.replace("*= 2", "*= 1")
    assert [draw.digest for draw in kept(tmp_path, mended).draws] == first
    others = kept(tmp_path, WRONG_IN_A_COLUMN, InputOptions(draws=2, seed=1))
    assert len({*first, *(draw.digest for draw in others.draws)}) == 4


def test_what_lies_between_the_slopes_at_a_kink_is_excused(tmp_path: Path) -> None:
    """The last input is a kink of the absolute value; 0.5 lies between the slopes, 3 does not."""
    source = """
        def abs_inputs(rng):
            return {"x": np.array([1.0, -2.0, 0.0])}
        def abs_forward(x):
            return np.abs(x), x
        def abs_backward(dout, x):
            return dout * np.where(x == 0, SLOPE, np.sign(x))
    """
    layer = kept(tmp_path, source.replace("SLOPE", "0.5"), InputOptions(draws=1))
    assert marks(layer).tolist() == [RIGHT, RIGHT, EXCUSED]
    forward, backward = (layer.leaves[0].read(f"difference_{side}") for side in ("forward", "backward"))
    assert forward is not None and backward is not None
    assert forward[2] == pytest.approx(-backward[2])
    layer = kept(tmp_path, source.replace("SLOPE", "3.0"), InputOptions(draws=1))
    assert marks(layer).tolist() == [RIGHT, RIGHT, WRONG]


def test_where_the_reference_is_not_finite_nothing_is_known(tmp_path: Path) -> None:
    source = """
        def root_inputs(rng):
            return {"x": np.array([1.0, 4.0, 0.0])}
        def root_forward(x):
            return np.sqrt(x), x
        def root_backward(dout, x):
            return dout / (2 * np.sqrt(np.maximum(x, 1e-30)))
    """
    assert marks(kept(tmp_path, source, InputOptions(draws=1))).tolist() == [RIGHT, RIGHT, UNKNOWN]


def test_a_gradient_of_another_shape_is_kept_as_it_came(tmp_path: Path) -> None:
    layer = kept(tmp_path, WRONG_IN_A_COLUMN.replace("return dx, (dout * x).sum(axis=0)", "return dx, dout * x"))
    yours = layer.leaves[1].read("yours")
    assert yours is not None and yours.shape == layer.leaves[0].shape != layer.leaves[1].shape
    assert layer.draw.marks[1] is None


def test_arrays_inside_arguments_and_configuration(tmp_path: Path) -> None:
    source = """
        def affine_inputs(rng):
            return {"x": rng.normal(size=(3, 2)), "params": {"w": rng.normal(size=(2, 2))}, "mode": "train"}
        def affine_forward(x, params, mode="train"):
            return x @ params["w"], (x, params)
        def affine_backward(dout, cache):
            x, params = cache
            return dout @ params["w"].T, {"w": x.T @ dout}
    """
    layer = kept(tmp_path, source)
    found = {argument.name: argument.array is not None or argument.shown for argument in layer.arguments}
    assert found == {"x": True, "params['w']": True, "mode": "'train'"}
    assert [leaf.name for leaf in layer.leaves] == ["x", "params['w']"]
    assert layer.value(layer.leaves[1]) is not None


def test_of_a_network_what_goes_in_and_its_gradients(tmp_path: Path) -> None:
    text = (FIXTURES / "networks" / "functions.py").read_text().split("\n\nclassifier = ")[0]
    wrong = text.replace("return dout @ w.T, x.T @ dout, dout.sum(axis=0)", "return dout @ w.T, x.T @ dout, dout[0]")
    assert wrong != text
    net = 'Sequential([("fc", affine_forward), ("loss", softmax_loss)], inputs={"x": "N,6", "fc.w": "6,5"})'
    path = tmp_path / "nets.py"
    path.write_text(f"{wrong}\n\nnet = {net}\n")
    module, layer = next(found for found in find_layers([Target(path, "net")]).layers)
    checker = Checker()
    report = checker.check(module, layer, InputOptions(draws=1), SETTINGS, Silent(), keeps=True)
    found = checker.kept
    assert found is not None
    runs.content(runs.save(tmp_path / "run.npz", runs.report(report), layers=(found,)))
    assert [leaf.name for leaf in found.leaves] == [argument.name for argument in report.arguments]
    for at, argument in enumerate(report.arguments):
        assert np.count_nonzero(marks(found, at) == WRONG) == argument.wrong
        assert bool(argument.wrong) == (argument.name == "fc.b")
        value = found.value(found.leaves[at])
        assert value is not None and value.shape == argument.shape


def test_nothing_is_kept_of_a_layer_that_does_not_run(tmp_path: Path) -> None:
    source = WRONG_IN_A_COLUMN.replace("return x * s, (x, s)", "raise ValueError")
    assert checked(tmp_path, source)[1] is None


def test_nothing_is_kept_where_nobody_asks(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("import numpy as np\n" + textwrap.dedent(WRONG_IN_A_COLUMN))
    ((module, layer),) = find_layers([Target(path)]).layers
    checker = Checker()
    checker.check(module, layer, InputOptions(draws=1), SETTINGS, Silent())
    assert checker.kept is None


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (np.float16(1.5), "<f2"),
        (np.longdouble(1.5), "<f8"),
        (np.array([1.5], ">f4"), "<f4"),
        (np.array([1 + 2j], np.clongdouble), "<c16"),
        (np.array([True]), "|b1"),
        (np.array([1, 2.5], object), "<f8"),
        (np.arange(6).reshape(2, 3).T, "<i8"),
    ],
)
def test_arrays_become_plain(value: np.ndarray, dtype: str) -> None:
    array = plain(value)
    assert array is not None and array.dtype.str == dtype and array.flags.c_contiguous
    np.testing.assert_array_equal(array.astype(complex), np.asarray(value).astype(complex))
    assert array.shape == np.shape(value)


def test_narrow_dtypes_of_jax_become_float32() -> None:
    import ml_dtypes

    array = plain(np.array([1.5, -2.0], ml_dtypes.bfloat16))
    assert array is not None and array.dtype.str == "<f4" and array.tolist() == [1.5, -2.0]


@pytest.mark.parametrize("value", [np.array(["a"]), np.array([None]), np.array(["2020"], "datetime64[Y]"), "text"])
def test_what_holds_no_numbers_is_no_array(value: object) -> None:
    assert plain(value) is None
