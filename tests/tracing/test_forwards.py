"""Every forward of numpy_forwards.py: the trace has NumPy's own values, and its gradient is the function's."""

from __future__ import annotations

import importlib
import inspect
import random
import sys
from pathlib import Path
from types import ModuleType

import jax
import numpy as np
import pytest

from gradcheck_cli.layers.module import Module
from gradcheck_cli.tracing.dual import DualArray, constant, new, tracer_of
from gradcheck_cli.tracing.importing import dual_project
from gradcheck_cli.tracing.recorder import Recorder, TraceError, recording
from tests.compiled import compiled

HERE = Path(__file__).parent


def load(path: Path) -> Module:
    sys.path.insert(0, str(path.parent))
    try:
        namespace = importlib.import_module(path.stem)
    finally:
        sys.path.pop(0)
    return Module(path, path.stem, namespace, path.read_text(), path.parent, uses_jax=False)


FORWARDS = load(HERE / "numpy_forwards.py")
DUAL, PROJECT = dual_project(FORWARDS)
NAMES = [
    name
    for name, item in inspect.getmembers(FORWARDS.namespace, inspect.isfunction)
    if item.__module__ == FORWARDS.name
]


def seeded(function, *args):
    np.random.seed(0)
    random.seed(0)
    return function(*args)


def trace(function, x):
    recorder = Recorder(frozenset(PROJECT.files), limit=100_000)
    with recording(recorder):
        jaxpr = jax.make_jaxpr(lambda tracer: tracer_of(seeded(function, new(x.copy(), tracer))))(x)
    return jaxpr, recorder


def sample() -> np.ndarray:
    rng = np.random.default_rng(5)
    magnitudes = rng.permutation(np.linspace(0.2, 2.6, 12)).reshape(3, 4)
    return np.round(magnitudes * rng.choice([-1.0, 1.0], size=(3, 4)), 2)


def central_differences(function, x, h=1e-6):
    columns = []
    for index in np.ndindex(*x.shape):
        up, down = x.copy(), x.copy()
        up[index] += h
        down[index] -= h
        difference = np.asarray(seeded(function, up), dtype=float) - np.asarray(seeded(function, down), dtype=float)
        columns.append(difference / (2 * h))
    return np.stack(columns, axis=-1)


@pytest.mark.parametrize("name", NAMES)
def test_values_and_gradients(name):
    x = sample()
    function, dual = getattr(FORWARDS.namespace, name), getattr(DUAL, name)
    expected = np.asarray(seeded(function, x.copy()))
    jaxpr, recorder = trace(dual, x)
    assert recorder.failure is None

    def run(t):
        return jax.core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, t)[0]

    value, jacobian = compiled(lambda t: (run(t), jax.jacrev(run)(t)), x)
    tolerance = 1e-6 if name == "narrow_buffers" else 1e-12
    np.testing.assert_allclose(value, expected, rtol=tolerance, atol=tolerance)
    if name == "narrow_buffers":
        assert recorder.narrowest == np.float32
        pytest.skip("float32 inside: differences at this step are noise")
    jacobian = np.asarray(jacobian).reshape(*expected.shape, 12)
    differences = central_differences(function, x)
    scale = np.maximum(1.0, np.abs(differences))
    np.testing.assert_allclose(jacobian / scale, differences / scale, atol=3e-7)


def test_the_test_can_fail():
    """A forward whose gradient is cut gives another Jacobian than the function's."""
    x = sample()
    jaxpr, _ = trace(lambda t: new(t.value**2, t.tracer * t.value), x)
    jacobian = np.asarray(jax.jacrev(lambda t: jax.core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, t)[0])(x)).reshape(
        3, 4, 12
    )
    assert np.abs(jacobian - central_differences(lambda t: t**2, x)).max() > 0.1


def user_module(tmp_path, text: str, name: str) -> ModuleType:
    path = tmp_path / f"{name}.py"
    path.write_text(text)
    return dual_project(load(path))


CUTS = {
    "third_party": (
        "import numpy as np\nimport json\ndef f(x):\n    return json.loads(json.dumps(1.0)) * memoryview(x)\n",
        4,
    ),
    "float64_type": ("import numpy as np\ndef f(x):\n    y = x * 2\n    return np.float64(y[0, 0]) * y\n", 4),
    "no_equal": ("import numpy as np\ndef f(x):\n\n    return np.vectorize(abs, signature='()->()')(x)\n", 4),
    "memory": ("import numpy as np\ndef f(x):\n    return np.frombuffer(x.tobytes()).reshape(3, 4)\n", 3),
    "bytes": ("import numpy as np\ndef f(x):\n    return x.view(np.int64)\n", 3),
    "random": ("import numpy as np\ndef f(x):\n    return np.random.normal(x)\n", 3),
    "swallowed": (
        "import numpy as np\ndef f(x):\n    try:\n        s = np.float64(x[0, 0])\n"
        "    except Exception:\n        s = 1.0\n    return x * s\n",
        4,
    ),
}


@pytest.mark.parametrize("name", CUTS)
def test_a_cut_gradient_is_reported_with_its_line(tmp_path, name):
    text, line = CUTS[name]
    dual, project = user_module(tmp_path, text, f"cut_{name}")
    recorder = Recorder(frozenset(project.files), limit=1000)
    x = sample()
    try:
        with recording(recorder):
            jax.make_jaxpr(lambda tracer: tracer_of(dual.f(new(x.copy(), tracer))))(x)
    except (TraceError, TypeError):
        pass
    if name == "third_party":
        return  # a TypeError, as for any object without a buffer: an error, not a silent cut
    assert recorder.failure is not None
    assert recorder.failure.line == line
    assert recorder.failure.path == tmp_path / f"cut_{name}.py"


def test_int_of_an_element_is_noted_not_failed(tmp_path):
    dual, project = user_module(tmp_path, "import numpy as np\ndef f(x):\n    return x * int(x[0, 0])\n", "cut_int")
    recorder = Recorder(frozenset(project.files), limit=1000)
    with recording(recorder):
        jax.make_jaxpr(lambda tracer: tracer_of(dual.f(new(sample(), tracer))))(sample())
    assert recorder.failure is None
    assert any("cut_int.py:3" in note for note in recorder.notes)


def test_nditer_values_never_pass_silently(tmp_path):
    text = "import numpy as np\ndef f(x):\n    return sum(float(v) for v in np.nditer(x)) * x\n"
    dual, _ = user_module(tmp_path, text, "iterated")
    jaxpr, _ = trace(dual.f, sample())
    assert np.isnan(jax.core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, sample())[0]).all()


def test_too_many_steps_name_the_line(tmp_path):
    text = "def f(x):\n    for _ in range(200):\n        x = x * 1.01\n    return x\n"
    dual, project = user_module(tmp_path, text, "long_loop")
    recorder = Recorder(frozenset(project.files), limit=50)
    with recording(recorder), pytest.raises(TraceError) as caught:
        jax.make_jaxpr(lambda tracer: tracer_of(dual.f(new(sample(), tracer))))(sample())
    assert caught.value.line == 3
    assert "more than 50" in caught.value.reason


def test_star_imports_siblings_and_packages(tmp_path):
    package = tmp_path / "mypackage"
    (package / "inner").mkdir(parents=True)
    (package / "__init__.py").write_text("from .helpers import double\n")
    (package / "helpers.py").write_text(
        "from numpy import *\ndef double(x):\n    out = zeros(x.shape)\n    out[:] = 2 * x\n    return out\n"
    )
    (package / "inner" / "__init__.py").write_text("")
    (package / "inner" / "deep.py").write_text(
        "import numpy\nfrom .. import helpers\ndef square(x):\n    return helpers.double(x) * x / numpy.array(2.0)\n"
    )
    path = package / "layer.py"
    path.write_text(
        "import mypackage.inner.deep\nfrom . import helpers as h\nfrom .inner.deep import square\n"
        "from mypackage import double\n"
        "def f(x):\n    return square(x) + double(x) + h.double(x) + mypackage.inner.deep.square(x)\n"
    )
    sys.path.insert(0, str(tmp_path))
    try:
        namespace = importlib.import_module("mypackage.layer")
        module = Module(path, "mypackage.layer", namespace, path.read_text(), package, uses_jax=False)
        dual, project = dual_project(module)
    finally:
        sys.path.remove(str(tmp_path))
    x = sample()
    jaxpr, recorder = trace(dual.f, x)
    value = jax.core.eval_jaxpr(jaxpr.jaxpr, jaxpr.consts, x)[0]
    np.testing.assert_allclose(value, namespace.f(x))
    assert recorder.failure is None
    assert {Path(file).name for file in project.files} == {"layer.py", "helpers.py", "deep.py", "__init__.py"}
    assert sys.modules["mypackage.helpers"].zeros is np.zeros  # the user's own modules are untouched


def test_constants_stay_constants():
    x = DUAL.np.zeros((2, 2))
    assert isinstance(x, DualArray)
    assert not x.traced
    assert float(x[0, 0]) == 0.0


def test_a_dual_array_has_the_attributes_of_an_array_and_no_others():
    array = constant(np.ones(3))
    assert not hasattr(array, "__dict__"), "what looks for attributes of objects must pass arrays over"
    assert not hasattr(array, "not_there")
    assert array.nbytes == 24
