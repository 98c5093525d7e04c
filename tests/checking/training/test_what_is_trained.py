"""Where the data comes from, what is trained, where numbers end, and how gradients flow."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck_cli.errors import UserError
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import Status
from tests.checking.training.modules import MLP, PAIRS, parameter, trained, with_bug


def test_data_and_starts_from_a_function_of_the_module(tmp_path):
    start = "np.linspace(-1, 1, 48).reshape(6, 8)"
    source = MLP.replace(
        "net_data = clouds", f"def net_data(rng):\n    return {{**clouds(rng), 'affine_1.w': {start}}}"
    )
    training = trained(tmp_path, source, steps=1)
    assert training.examples == 24
    np.testing.assert_array_equal(parameter(training, "affine_1.w").start, np.linspace(-1, 1, 48).reshape(6, 8))


def test_data_from_a_file(tmp_path):
    rng = np.random.default_rng(0)
    file = tmp_path / "data.npz"
    np.savez(file, x=rng.standard_normal((10, 6)), y=rng.integers(0, 3, 10))
    training = trained(tmp_path, MLP, steps=2, data=file)
    assert training.examples == 10


@pytest.mark.parametrize(
    ("arrays", "what"),
    [
        ({"z": np.zeros(3)}, "no argument of the network"),
        ({"x": np.array([None, {}], dtype=object)}, "cannot be read|holds"),
    ],
)
def test_a_file_that_does_not_fit_is_told(tmp_path, arrays, what):
    file = tmp_path / "data.npz"
    np.savez(file, **arrays)
    with pytest.raises(UserError, match=what) as told:
        trained(tmp_path, MLP, data=file)
    assert told.value.mend


def test_a_file_that_is_none_is_told(tmp_path):
    with pytest.raises(UserError, match="there is no file") as told:
        trained(tmp_path, MLP, data=tmp_path / "missing.npz")
    assert "np.savez" in (told.value.mend or "")
    (tmp_path / "text.npz").write_text("no arrays")
    with pytest.raises(UserError, match=r"text\.npz"):
        trained(tmp_path, MLP, data=tmp_path / "text.npz")


@pytest.mark.parametrize(
    ("body", "what"),
    [
        ("return [1, 2]", "returned list"),
        ("return {'z': 1}", "no argument of the network"),
        ("raise ValueError('no disk')", "raised ValueError: no disk"),
    ],
)
def test_a_data_function_that_gives_no_data_is_told(tmp_path, body, what):
    with pytest.raises(UserError, match=what) as told:
        trained(tmp_path, MLP.replace("net_data = clouds", f"def net_data(rng):\n    {body}"))
    assert told.value.path is not None


def test_drawn_where_nothing_gives_it(tmp_path):
    training = trained(tmp_path, MLP.replace("net_data = clouds", ""), inputs=InputOptions(dimensions={"N": 7}))
    assert training.examples == 7
    assert any("the data is drawn" in note for note in training.notes)


def test_a_network_without_a_loss_is_told_how_to_end(tmp_path):
    with pytest.raises(UserError, match="has no loss to train by") as told:
        trained(tmp_path, PAIRS + "\nnet = Sequential([affine_forward, relu_forward])\n")
    assert "end it with a loss" in (told.value.mend or "")


def test_a_layer_is_no_network(tmp_path):
    with pytest.raises(UserError, match="is no network"):
        trained(tmp_path, MLP, name="affine")


def test_scores_beside_the_loss_are_not_trained_by(tmp_path):
    source = PAIRS + (
        "\nnet = Graph()\nx, y = net.input('x'), net.input('y')\n"
        "s = net.layer(affine_forward, name='fc', inputs={'w': '6,3'})(x)\nnet.output(s, net(softmax_loss, s, y))\n"
        "net_data = clouds\n"
    )
    training = trained(tmp_path, source, rate=0.1, steps=50)
    assert training.status is Status.PASS
    assert training.losses_yours[-1] < training.losses_yours[0]


def test_a_function_used_twice_shares_its_parameters(tmp_path):
    source = PAIRS + (
        "\nnet = Graph()\nx, y = net.input('x'), net.input('y')\n"
        "fc = net.layer(affine_forward, name='fc', inputs={'w': '6,6'})\n"
        "out = net.layer(affine_forward, name='out', inputs={'w': '6,3'})\n"
        "net.output(net(softmax_loss, out(fc(net(relu_forward, fc(x)))), y))\nnet_data = clouds\n"
    )
    training = trained(tmp_path, source, rate=0.03, steps=50)
    assert training.status is Status.PASS, training.verdict
    assert [one.name for one in training.parameters] == ["fc.w", "fc.b", "out.w", "out.b"]


def test_numbers_that_explode_end_the_run_with_step_and_layer(tmp_path):
    training = trained(tmp_path, MLP, rate=1e5, steps=50)
    assert training.steps < 50
    assert training.status is Status.INCONCLUSIVE
    assert {end.run for end in training.ends} == {"yours", "autodiff"}
    assert training.ends[0].layer in ("affine_1", "affine_2", "softmax_loss")
    assert f"at step {training.ends[0].step}" in training.verdict


def test_numbers_that_explode_with_yours_alone(tmp_path):
    training = trained(tmp_path, with_bug(MLP, "dx / n", "-1000 * dx / n"), rate=0.5, steps=50)
    assert [end.run for end in training.ends] == ["yours"]
    assert training.status is Status.FAIL
    assert len(training.losses_autodiff) == 51


DEEP = """

def sigmoid_forward(x):
    y = 1 / (1 + np.exp(-x))
    return y, y


def sigmoid_backward(dout, y):
    return dout * y * (1 - y)


def scale_forward(x):
    return 3 * x, None


def scale_backward(dout, cache):
    return 3 * dout


vanishing = Sequential([affine_forward, sigmoid_forward] * 30 + [affine_forward, softmax_loss], inputs={"x": "8,5"})
exploding = Sequential([affine_forward, *[scale_forward] * 12, affine_forward, softmax_loss], inputs={"x": "8,5"})
"""


def test_gradients_that_vanish_are_told_with_their_numbers(tmp_path):
    training = trained(tmp_path, PAIRS + DEEP, name="vanishing", steps=3)
    assert "gradients vanish on their way back" in training.flow
    assert "which is below 0.001" in training.flow
    assert max(training.layers[0].autodiff) < 1e-3 * max(training.layers[-1].autodiff)


def test_gradients_that_explode_are_told_with_their_numbers(tmp_path):
    # each layer makes a gradient three times as large on its way back; the last layer sees tiny inputs
    starts = {"affine_1.w": 1e-6 * np.eye(5), "affine_1.b": np.zeros(5), "affine_2.w": np.eye(5, 3)}
    tiny = InputOptions(arguments={name: start.tolist() for name, start in starts.items()})
    training = trained(tmp_path, PAIRS + DEEP, name="exploding", steps=2, rate=1e-6, inputs=tiny)
    assert "gradients explode on their way back" in training.flow
    assert "which is above 1000" in training.flow


def test_runs_that_part_at_a_kink_are_no_failure(tmp_path):
    # every unit begins at zero, where the slope of max(x, 0) is the user's 0 or autodiff's 1/2
    source = MLP.replace("net_data = clouds", "def net_data(rng):\n    return {**clouds(rng), **zeros}")
    source += "zeros = {'affine_1.w': np.zeros((6, 8)), 'affine_1.b': np.zeros(8)}\n"
    training = trained(tmp_path, source)
    assert training.status is Status.INCONCLUSIVE
    assert training.cause is None
    assert training.first_parted is not None
    assert training.first_parted.layer == "affine_1"
    assert "every layer is right where it stands: a kink" in training.verdict


def test_an_even_flow_is_not_remarked_upon(tmp_path):
    assert trained(tmp_path, MLP, steps=3).flow == ""
