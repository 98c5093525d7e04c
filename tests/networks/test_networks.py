"""Networks checked: what is right passes, and of what is wrong the first layer on the way back is named, and why."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from gradcheck_cli.checking.options import CheckOptions, Target
from gradcheck_cli.checking.targets import check_targets, find_layers
from gradcheck_cli.judge.settings import Settings
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.report.model import LayerReport, Status

FIXTURES = Path(__file__).parents[2] / "fixtures" / "networks"
PLAIN = Settings(shrink=False)
LAYERS = (FIXTURES / "functions.py").read_text().split("\n\nclassifier = ")[0] + "\n\n"


def check(folder: Path, text: str, name: str = "net", **options: object) -> LayerReport:
    module = folder / "nets.py"
    module.write_text(LAYERS + text)
    report = check_targets([Target(module, name)], CheckOptions(InputOptions(draws=1, **options), PLAIN))  # type: ignore[arg-type]
    assert len(report.layers) == 1
    return report.layers[0]


def stages(report: LayerReport) -> dict[str, Status]:
    assert report.network is not None
    return {stage.name: stage.status for stage in report.network.stages}


@pytest.mark.parametrize("module", ["functions", "classes", "jax_rules", "mixed"])
def test_right_networks_pass_after_their_layers(module: str) -> None:
    path = FIXTURES / f"{module}.py"
    found = [layer for _, layer in find_layers([Target(path)]).layers]
    networks = [layer.name for layer in found if layer.network is not None]
    assert networks
    assert [layer.name for layer in found][-len(networks) :] == networks
    for seed in range(3):
        options = CheckOptions(InputOptions(seed=seed))
        report = check_targets([Target(path, name) for name in networks], options)
        assert [layer.status for layer in report.layers] == [Status.PASS] * len(networks)
        for layer in report.layers:
            assert layer.network is not None
            assert layer.network.difference is not None, layer.name
            assert all(argument.max_rel_error is not None for argument in layer.arguments)
            assert max(argument.max_rel_error or 0 for argument in layer.arguments) < 1e-12


CHAIN = """
net = Sequential(
    [("fc1", affine_forward), ("act", tanh_forward), ("fc2", affine_forward), ("loss", softmax_loss)],
    inputs={"x": "N,6", "fc1.w": "6,5", "fc2.w": "5,3"},
)
"""


def test_the_first_wrong_layer_on_the_way_back_comes_first_and_those_before_it_are_judged_all_the_same(
    tmp_path: Path,
) -> None:
    wrong = LAYERS.replace("return dout * (1 - y**2)", "return dout * (1 - y)")
    wrong = wrong.replace("return dout @ w.T, x.T @ dout, dout.sum(axis=0)", "return dout @ w.T, x.T @ dout, dout[0]")
    module = tmp_path / "nets.py"
    module.write_text(wrong + CHAIN)
    report = check_targets([Target(module, "net")], CheckOptions(InputOptions(draws=1), PLAIN)).layers[0]
    assert stages(report) == {"fc1": Status.FAIL, "act": Status.FAIL, "fc2": Status.FAIL, "loss": Status.PASS}
    assert report.network is not None
    assert report.network.first_wrong == "fc2"
    assert report.findings[0].argument == "fc2.b"
    assert report.findings[0].message.startswith("`fc2` is the first layer on the way back that is wrong: your `db`")
    assert [finding.message.partition(" is ")[0] for finding in report.findings] == ["`fc2`", "`act`", "`fc1`"]
    # what `fc2` hands on is right: only its bias gradient is wrong
    flows = {flow.argument: flow for flow in report.network.stages[2].flows}
    assert flows["x"].error is not None
    assert flows["x"].error < 1e-14
    assert flows["b"].error is not None
    assert flows["b"].error > 0.1


def test_an_error_is_followed_through_the_layers_before_it(tmp_path: Path) -> None:
    text = CHAIN.replace('("fc2", affine', '("odd", odd_forward), ("fc2", affine')
    odd = """
def odd_forward(x):
    return 3 * x, None


def odd_backward(dout, cache):
    return 3.03 * dout
"""
    report = check(tmp_path, odd + text)
    assert report.network is not None
    assert report.network.first_wrong == "odd"
    by_name = {stage.name: stage for stage in report.network.stages}
    for name in ("fc1", "act"):
        for flow in by_name[name].flows:
            assert flow.error is not None
            assert flow.error < 1e-14
            assert flow.through == pytest.approx(0.01)
    assert [a.status for a in report.arguments if a.name.startswith("fc1")] == [Status.FAIL, Status.FAIL]
    assert [a.status for a in report.arguments if a.name.startswith("fc2")] == [Status.PASS, Status.PASS]


def test_a_layer_that_gives_a_wrong_shape_names_both_and_the_way_back_goes_on(tmp_path: Path) -> None:
    text = """
def turn_forward(x, w):
    \"\"\"
    - x: shape (N, D)
    - w: shape (D, M)
    \"\"\"
    return x @ w, (x, w)


def turn_backward(dout, cache):
    x, w = cache
    return w @ dout.T, x.T @ dout


net = Sequential(
    [("fc1", affine_forward), ("turn", turn_forward), ("loss", softmax_loss)],
    inputs={"x": "N,6", "fc1.w": "6,5", "turn.w": "5,4"},
)
"""
    report = check(tmp_path, text)
    assert stages(report) == {"fc1": Status.PASS, "turn": Status.FAIL, "loss": Status.PASS}
    assert report.findings[0].code == "GC101"
    assert "along the edge `fc1` → `turn`" in report.findings[0].message
    assert "`dx` has shape (5, 3), expected (3, 5)" in report.findings[0].message


def test_layers_that_do_not_fit_together_are_both_named(tmp_path: Path) -> None:
    report = check(tmp_path, CHAIN.replace('"5,3"', '"4,3"'))
    assert report.status is Status.ERROR
    assert report.findings[0].code == "GC502"
    assert report.findings[0].message.startswith("`act` and `fc2` do not fit together: `x` is 3×5 from `act`")
    assert report.findings[0].mend is not None


def test_a_backward_that_raises_names_the_layer_that_its_upstream_came_from(tmp_path: Path) -> None:
    text = """
def stiff_forward(x):
    return 2 * x, None


def stiff_backward(dout, cache):
    return dout.reshape(7, 11)

""" + CHAIN.replace('("act", tanh', '("stiff", stiff_forward), ("act", tanh')
    report = check(tmp_path, text)
    assert stages(report) == {
        "fc1": Status.PASS,
        "stiff": Status.ERROR,
        "act": Status.PASS,
        "fc2": Status.PASS,
        "loss": Status.PASS,
    }
    assert report.findings[0].code == "GC502"
    assert "the backward of `stiff` takes 3×5 from `act` and fails" in report.findings[0].message


OBJECTS = (FIXTURES / "classes.py").read_text().split("\n\nperceptron = ")[0] + "\n\n"


def test_one_object_used_twice_overwrites_what_its_backward_needs(tmp_path: Path) -> None:
    module = tmp_path / "nets.py"
    module.write_text(OBJECTS + "act = Sigmoid()\nnet = Sequential([Linear(4, 5), act, Linear(5, 5), act])\n")
    report = check_targets(
        [Target(module, "net"), Target(module, "Sigmoid")], CheckOptions(InputOptions(draws=1), PLAIN)
    )
    net, alone = report.layers
    assert alone.status is Status.PASS
    assert stages(net)["Sigmoid"] is Status.FAIL
    assert stages(net)["Sigmoid (2)"] is Status.PASS
    assert net.findings[0].code == "GC214"
    assert "its other use (`Sigmoid (2)`) overwrites" in net.findings[0].message
    module.write_text(OBJECTS + "net = Sequential([Linear(4, 5), Sigmoid(), Linear(5, 5), Sigmoid()])\n")
    assert (
        check_targets([Target(module, "net")], CheckOptions(InputOptions(draws=1), PLAIN)).layers[0].status
        is Status.PASS
    )


def test_objects_keep_the_parameters_they_have_and_stay_as_they_were(tmp_path: Path) -> None:
    module = tmp_path / "nets.py"
    module.write_text(OBJECTS + "fc = Linear(4, 2)\nfc.W[:] = [[1, 2]] * 4\nnet = Sequential([fc, Sigmoid()])\n")
    found = find_layers([Target(module, "net")])
    from gradcheck_cli.graph.networks.drawing import Drawing

    network = found.layers[0][1].network
    assert network is not None
    drawn = Drawing(network, InputOptions()).take(0)
    np.testing.assert_array_equal(drawn.uses[0].case.arguments["W"], [[1, 2]] * 4)
    np.testing.assert_allclose(
        drawn.uses[0].result.outputs[0], drawn.inputs["x"] @ np.array([[1.0, 2.0]] * 4), rtol=1e-14
    )
    report = check_targets([Target(module, "net")], CheckOptions(InputOptions(draws=1), PLAIN))
    assert report.layers[0].status is Status.PASS
    assert not hasattr(found.layers[0][0].namespace.fc, "dW")


def test_a_shared_parameter_has_the_sum_of_its_gradients(tmp_path: Path) -> None:
    text = """
net = Graph()
x = net.input("x", "N,4")
fc = net.layer(affine_forward, name="fc", inputs={"w": "4,4"})
net.output(fc(fc(x)))
"""
    report = check(tmp_path, text)
    assert report.status is Status.PASS
    assert stages(report) == {"fc": Status.PASS, "fc (2)": Status.PASS}
    assert [argument.name for argument in report.arguments] == ["x", "fc.w", "fc.b"]
    assert report.network is not None
    # the whole by finite differences, which knows nothing of uses, has the same slope
    assert report.network.slope == pytest.approx(report.network.difference, rel=1e-6)


def test_what_flows_into_an_argument_without_a_gradient_counts_as_given_and_is_said(tmp_path: Path) -> None:
    text = """
net = Graph()
x, z = net.input("x", "N,4"), net.input("z", "N,4")
net.output(net(mse_loss, net(tanh_forward, x), net(tanh_forward, z)))
"""
    report = check(tmp_path, text)
    assert report.status is Status.INCONCLUSIVE
    assert "`mse_loss` gives none for `t` by its convention" in " ".join(report.notes)


def test_a_hundred_layers_of_which_one_is_wrong(tmp_path: Path) -> None:
    odd = LAYERS[LAYERS.index("def tanh_forward") : LAYERS.index("def add_forward")].replace("tanh_", "odd_")
    text = (
        odd.replace("dout * (1 - y**2)", "dout * (1 - 1.001 * y**2)")
        + """
layers = [affine_forward, tanh_forward] * 50
layers[67] = ("odd", odd_forward)
names = [f"affine_{k}.w" for k in range(1, 51)]
net = Sequential(layers, inputs={"x": "N,6", **{name: "6,6" for name in names}})
"""
    )
    report = check(tmp_path, text)
    assert report.network is not None
    assert report.network.first_wrong == "odd"
    found = stages(report)
    assert len(found) == 100
    assert [name for name, status in found.items() if status is not Status.PASS] == ["odd"]


BAD_DECLARATIONS = {
    "Sequential([])": "`Sequential` takes a list of layers",
    "Sequential([np.tanh])": "has no backward that was found",
    "Sequential([softmax_loss, tanh_forward])": "`tanh` cannot come after it",
    'Sequential([affine_forward], inputs={"fc.w": "4,5"})': "the layers are `affine`",
    'Sequential([affine_forward], inputs={"affine.v": "4,5"})': "`affine` has no argument `v`",
    'Sequential([affine_forward], inputs={"x": "N,4", "t": "N"})': "which no layer takes",
    "Sequential([None])": "`layer` takes a forward",
    "Graph()": "uses no layer",
}


@pytest.mark.parametrize("declaration", BAD_DECLARATIONS)
def test_what_cannot_be_meant_is_refused_with_its_line(declaration: str, tmp_path: Path) -> None:
    module = tmp_path / "nets.py"
    module.write_text(LAYERS + f"net = {declaration}\n")
    report = check_targets([Target(module)], CheckOptions(InputOptions(draws=1), PLAIN))
    assert len(report.errors) == 1
    assert BAD_DECLARATIONS[declaration] in report.errors[0].message
    assert report.errors[0].code in ("GC501", "GC502")
    assert report.errors[0].line == len(LAYERS.splitlines()) + 1


def test_values_of_another_network_and_arrays_are_refused(tmp_path: Path) -> None:
    module = tmp_path / "nets.py"
    for text, message in (
        ("a, b = Graph(), Graph()\na(tanh_forward, b.input('x'))\n", "takes values of its own network"),
        ("Graph()(tanh_forward, np.ones(3))\n", "takes values of the network; received ndarray"),
        ("a = Graph()\nh, c = a(tanh_forward, a.input('x'))\n", "how many outputs a layer has is not known"),
        ("a = Graph()\na.input('x')\na.input('x')\n", "has an input `x` already"),
    ):
        module.write_text(LAYERS + text)
        report = check_targets([Target(module)], CheckOptions(InputOptions(draws=1), PLAIN))
        assert message in report.errors[0].message


def test_layers_of_another_module_of_the_project(tmp_path: Path) -> None:
    (tmp_path / "mylayers.py").write_text(LAYERS.replace("from gradcheck_cli import Graph, Sequential", ""))
    module = tmp_path / "nets.py"
    module.write_text(
        "from gradcheck_cli import Sequential\nfrom mylayers import affine_forward, softmax_loss, tanh_forward\n"
        + CHAIN
    )
    report = check_targets([Target(module)], CheckOptions(InputOptions(draws=1), PLAIN))
    assert [layer.name for layer in report.layers] == ["net"]
    assert report.layers[0].status is Status.PASS
    text = (tmp_path / "mylayers.py").read_text()
    (tmp_path / "mylayers.py").write_text(text.replace("return dout * (1 - y**2)", "return dout * (1 + y**2)"))
    sys.modules.pop("mylayers", None)
    report = check_targets([Target(module)], CheckOptions(InputOptions(draws=1), PLAIN))
    assert report.layers[0].network is not None
    assert report.layers[0].network.first_wrong == "act"
    assert Path(report.layers[0].findings[0].path).name == "mylayers.py"


def test_objects_of_classes_of_another_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = (
        "import numpy as np\n"
        "class Scaled:\n"
        "    def __init__(self, size):\n        self.s = np.linspace(1, 2, size)\n"
        "    def forward(self, x):\n        self.x = x\n        return np.tanh(x) * self.s\n"
        "    def backward(self, dout):\n        y = np.tanh(self.x)\n        self.ds = (dout * y).sum(0)\n"
        "        return dout * self.s * (1 - y**2)\n"
    )
    module = tmp_path / "nets.py"
    module.write_text(
        "from gradcheck_cli import Sequential\nfrom scaled import Scaled\n"
        "net = Sequential([Scaled(3), Scaled(3)], inputs={'x': 'N,3'})\n"
    )
    for text, status in ((right, Status.PASS), (right.replace("1 - y**2", "1 - y"), Status.FAIL)):
        monkeypatch.delitem(sys.modules, "scaled", raising=False)
        (tmp_path / "scaled.py").write_text(text)
        (report,) = check_targets([Target(module)], CheckOptions(InputOptions(draws=1), PLAIN)).layers
        assert report.status is status, report.findings
        assert report.witnesses == ("yours", "autodiff", "finite differences")


def test_several_outputs_of_a_layer(tmp_path: Path) -> None:
    text = """
def split_forward(x):
    \"\"\"
    - x: shape (N, D)
    \"\"\"
    return x[:, :2], x[:, 2:], x.shape


def split_backward(dleft, dright, cache):
    return np.concatenate([dleft, dright], axis=1)


net = Graph()
left, right = net.layer(split_forward, outputs=2)(net.input("x", "N,4"))
net.output(net(add_forward, net(tanh_forward, left), right))
"""
    report = check(tmp_path, text)
    assert report.status is Status.PASS
    wrong = text.replace("[dleft, dright]", "[dright, dleft]")
    report = check(tmp_path, wrong)
    assert report.network is not None
    assert report.network.first_wrong == "split"


def test_dropout_and_settings(tmp_path: Path) -> None:
    text = """
def dropout_forward(x, p=0.5):
    \"\"\"
    - x: shape (N, D)
    \"\"\"
    mask = (np.random.rand(*x.shape) < p) / p
    return x * mask, mask


def dropout_backward(dout, mask):
    return dout * mask


net = Sequential([affine_forward, dropout_forward, tanh_forward, dropout_forward], settings={"dropout_1.p": 0.9})
"""
    assert check(tmp_path, text).status is Status.PASS
    assert check(tmp_path, text.replace("return dout * mask", "return dout * (mask > 0)")).status is Status.FAIL


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_narrow_dtypes_are_no_mistake(dtype: str) -> None:
    targets = [Target(FIXTURES / "functions.py", name) for name in ("classifier", "resnext", "siamese")]
    targets.append(Target(FIXTURES / "jax_rules.py", "resnext"))
    report = check_targets(targets, CheckOptions(InputOptions(dtype=dtype, draws=1), PLAIN))
    assert [layer.status for layer in report.layers] == [Status.PASS] * len(targets)


def test_the_wrong_layer_is_diagnosed_where_it_stands(tmp_path: Path) -> None:
    text = """
def center_forward(x):
    \"\"\"
    - x: shape (N, D)
    \"\"\"
    mu = x.mean(axis=1, keepdims=True)
    return x - mu, None


def center_backward(dout, cache):
    return dout


net = Sequential([tanh_forward, center_forward, tanh_forward], inputs={"x": "N,5"})
"""
    report = check(tmp_path, text)
    finding = report.findings[0]
    assert finding.code == "GC209"
    assert finding.blame is not None
    assert (tmp_path / "nets.py").read_text().splitlines()[finding.blame.line - 1].strip().startswith("mu = x.mean")
    assert "`center` is the first layer on the way back that is wrong" in finding.message


def test_a_chain_inside_a_chain_stands_for_its_layers_with_what_it_says_of_them(tmp_path: Path) -> None:
    text = """
block = Sequential([("fc", affine_forward), tanh_forward], inputs={"x": "N,5", "fc.w": "5,5"})
deep = Sequential([("one", block), ("two", block)], inputs={"x": "N,5"})
net = Sequential([("a", deep), ("head", affine_forward), softmax_loss], inputs={"x": "N,5", "head.w": "5,3"})
"""
    report = check(tmp_path, text)
    assert report.status is Status.PASS
    assert list(stages(report)) == ["a.one.fc", "a.one.tanh", "a.two.fc", "a.two.tanh", "head", "softmax_loss"]
    shapes = {argument.name: argument.shape for argument in report.arguments}
    assert shapes["a.one.fc.w"] == shapes["a.two.fc.w"] == (5, 5)


GATES = '''
def gate_forward(x):
    """
    - x: shape (N, D)
    """
    slope = 2.0 if abs(x[0, 0]) < 4 else 0.5
    return x * slope, slope


def gate_backward(dout, slope):
    return dout * {slope}


net = Sequential([gate_forward] * 8, inputs={{"x": "3,4"}})
'''


@pytest.mark.parametrize("slope", ["slope", "2.0"])
def test_uses_of_one_layer_that_take_different_ways_are_each_judged_by_their_own(slope: str, tmp_path: Path) -> None:
    report = check(tmp_path, GATES.format(slope=slope))
    first, second, *rest = stages(
        report
    ).values()  # two that double share a trace, which is not that of one that halves
    assert (first, second) == (Status.PASS, Status.PASS)
    assert (Status.FAIL in rest) == (slope == "2.0"), report.findings
    (x,) = report.arguments  # whose gradient by autodiff of the whole needs every use's own trace
    assert x.max_rel_error is not None
    assert (x.max_rel_error > 0.1) == (slope == "2.0")
