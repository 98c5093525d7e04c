"""Reports made by hand: every status, every shape of a finding, everything a stranger's module can put into one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck_cli.report.model import (
    ArgumentReport,
    DrawReport,
    Element,
    Finding,
    LayerReport,
    NamedArray,
    Report,
    Status,
    Suppressed,
    UnusedIgnore,
)

PATH = "mylayer.py"
UNJUDGED: dict[str, Any] = {"max_abs_error": None, "max_rel_error": None}


def argument(name: str, shape: tuple[int, ...], dimensions: tuple[str, ...] = (), **changes: object) -> ArgumentReport:
    """A gradient that passes, changed as told."""
    total = int(np.prod(shape))
    passing = ArgumentReport(
        name=name,
        gradient_name=f"d{name}",
        status=Status.PASS,
        shape=shape,
        dimensions=dimensions,
        max_abs_error=4.4e-16,
        max_rel_error=2.1e-16,
        total=total,
        decided_by="autodiff",
    )
    return replace(passing, **changes)  # type: ignore[arg-type]


def layer(name: str = "affine", **changes: object) -> LayerReport:
    """A layer that passes, changed as told."""
    passing = LayerReport(
        name=name,
        path=PATH,
        line=21,
        convention="function pair",
        status=Status.PASS,
        arguments=(
            argument("x", (4, 6), ("N", "D")),
            argument("w", (6, 5), ("D", "M"), max_rel_error=3.9e-16),
            argument("b", (5,), ("M",)),
        ),
        sensitivity=3.2e-12,
        witnesses=("yours", "autodiff", "finite differences"),
        draws=3,
        seconds=0.14,
        equations=3,
    )
    return replace(passing, **changes)  # type: ignore[arg-type]


def report(*layers: LayerReport, **changes: object) -> Report:
    """A report on these layers."""
    plain = Report(version="0.1.0", seed=0, device="cpu", layers=layers, seconds=0.42)
    return replace(plain, **changes)  # type: ignore[arg-type]


def elements(wrong: np.ndarray, factor: float = 2.0) -> tuple[Element, ...]:
    """Worst elements at the True places: yours is `factor` times the reference."""
    rng = np.random.default_rng(1)
    found = []
    for place in np.argwhere(wrong)[:24]:
        reference = float(rng.normal())
        found.append(
            Element(
                index=tuple(int(position) for position in place),
                yours=factor * reference,
                autodiff=reference,
                finite_difference=reference + 3e-11,
                error_bar=2.4e-10,
                tolerance=1e-14,
                ratio=factor,
            )
        )
    return tuple(found)


def failing_argument(
    name: str, wrong: np.ndarray, dimensions: tuple[str, ...] = (), factor: float = 2.0, **changes: object
) -> ArgumentReport:
    """A gradient whose elements differ where `wrong` is True."""
    values: dict[str, object] = {
        "status": Status.FAIL,
        "wrong": int(wrong.sum()),
        "max_abs_error": 1.37,
        "max_rel_error": abs(factor - 1.0),
        "worst": elements(wrong, factor),
        "wrong_map": wrong,
    }
    return argument(name, wrong.shape, dimensions, **{**values, **changes})


def affine_draw() -> DrawReport:
    """Inputs of an affine layer, few digits."""
    rng = np.random.default_rng(0)
    return DrawReport(
        index=0,
        seed=0,
        arguments=(
            NamedArray("x", rng.normal(size=(4, 6)).round(2), ("N", "D"), "docstring"),
            NamedArray("w", rng.normal(size=(6, 5)).round(2), ("D", "M"), "docstring"),
            NamedArray("b", rng.normal(size=5).round(2), ("M",), "docstring"),
        ),
        upstream=(NamedArray("dout", rng.normal(size=(4, 5)).round(2), ("N", "M")),),
        dimensions=(("N", 4), ("D", 6), ("M", 5)),
    )


def mismatch() -> LayerReport:
    """One column of dw doubled."""
    wrong = np.zeros((6, 5), dtype=bool)
    wrong[:, 2] = True
    return layer(
        "affine_twice",
        status=Status.FAIL,
        arguments=(
            argument("x", (4, 6), ("N", "D")),
            failing_argument("w", wrong, ("D", "M")),
            argument("b", (5,), ("M",)),
        ),
        findings=(
            Finding(
                code="GC201",
                message="6 of 30 elements of `dw` differ from the derivative; autodiff and finite differences agree.",
                path=PATH,
                line=27,
                argument="w",
                index=(3, 2),
                yours=-2.5,
                autodiff=-1.25,
                finite_difference=-1.2500000001,
                error_bar=2.4e-10,
            ),
        ),
        failing_draw=affine_draw(),
        reproduce="gradcheck run mylayer.py::affine_twice --seed 0",
    )


def tiny_mismatch() -> LayerReport:
    """One element of a large gradient wrong by a relative 1e-6, another one by 1e-12."""
    wrong = np.zeros((1024, 1024), dtype=bool)
    wrong[517, 33] = True
    rng = np.random.default_rng(0)
    return layer(
        "big_affine",
        status=Status.FAIL,
        arguments=(
            argument("x", (32, 1024), ("N", "D")),
            failing_argument("w", wrong, ("D", "M"), factor=1.000001),
        ),
        findings=(
            Finding(
                "GC201", "1 of 1,048,576 elements of `dw` differs.", PATH, 50, "w", (517, 33), 1.000001, 1.0, 1.0, 3e-10
            ),
        ),
        failing_draw=DrawReport(
            index=0,
            seed=7,
            arguments=(
                NamedArray("x", rng.normal(size=(32, 1024)), ("N", "D"), "annotation"),
                NamedArray("w", rng.normal(size=(1024, 1024)), ("D", "M"), "annotation"),
            ),
            upstream=(NamedArray("dout", rng.normal(size=(32, 1024)), ("N", "M")),),
        ),
        reproduce="gradcheck run mylayer.py::big_affine --seed 7 --dim N=32 --dim D=1024 --dim M=1024",
    )


def convolution() -> LayerReport:
    """A 4-d gradient, wrong in the last column of every filter; a second argument wrong everywhere."""
    wrong = np.zeros((3, 4, 5, 5), dtype=bool)
    wrong[:, :, :, 4] = True
    wrong[1, 2, 0, 3] = True
    return layer(
        "conv_backward_naive",
        line=88,
        status=Status.FAIL,
        arguments=(
            argument("x", (2, 4, 7, 7), ("N", "C", "H", "W")),
            failing_argument("w", wrong, ("F", "C", "HH", "WW"), factor=0.5),
            failing_argument("b", np.ones(3, dtype=bool), ("F",), factor=-1.0),
        ),
        findings=(
            Finding("GC201", "61 of 300 elements of `dw` differ.", PATH, 95, "w", (0, 0, 0, 4), 0.5, 1.0, 1.0, 1e-10),
            Finding("GC201", "All 3 elements of `db` differ.", PATH, 97, "b", (0,), -1.0, 1.0, 1.0, 1e-10),
        ),
        notes=("conv_param was taken from the docstring: {'stride': 1, 'pad': 1}.",),
        reproduce="gradcheck run mylayer.py::conv_backward_naive --seed 0",
    )


def dimensions() -> LayerReport:
    """GC101, GC102, GC103, GC104, GC105 in one layer; the values of dx are right."""
    return layer(
        "affine_shapes",
        status=Status.FAIL,
        arguments=(
            argument("x", (4, 6), ("N", "D")),
            argument(
                "w",
                (6, 5),
                ("D", "M"),
                status=Status.FAIL,
                decided_by="dimensions",
                **UNJUDGED,
                gradient_shape=(5, 6),
            ),
            argument(
                "b",
                (5,),
                ("M",),
                status=Status.FAIL,
                decided_by="dimensions",
                **UNJUDGED,
                gradient_shape=(4, 5),
            ),
            argument(
                "gamma",
                (5,),
                ("M",),
                status=Status.FAIL,
                decided_by="dimensions",
                **UNJUDGED,
            ),
        ),
        findings=(
            Finding("GC101", "`dw` has shape (M=5, D=6), expected (D=6, M=5).", PATH, 30, "w", mend="dw = dw.T"),
            Finding(
                "GC101",
                "`db` has shape (N=4, M=5), expected (M=5): sum over N.",
                PATH,
                31,
                "b",
                mend="db = db.sum(axis=0)",
            ),
            Finding("GC102", "The backward returns 3 gradients, the forward has 4 differentiable arguments.", PATH, 32),
            Finding("GC103", "`dgamma` is None; the derivative is not zero.", PATH, 32, "gamma"),
        ),
        failing_draw=affine_draw(),
        reproduce="gradcheck run mylayer.py::affine_shapes --seed 0",
    )


def inconclusive() -> LayerReport:
    """A kink that finite differences cannot see past, and no autodiff."""
    return layer(
        "hard_tanh",
        line=140,
        status=Status.INCONCLUSIVE,
        arguments=(
            argument(
                "x",
                (4, 6),
                ("N", "D"),
                status=Status.INCONCLUSIVE,
                max_abs_error=3e-3,
                max_rel_error=2e-3,
                decided_by="finite differences",
                why="The function's own noise (3e-4) is larger than the derivative: no witness can tell.",
            ),
        ),
        sensitivity=None,
        witnesses=("yours", "finite differences"),
        notes=(
            "autodiff is not to be had: np.linalg.eig has no JAX equal on this device (mylayer.py:133); "
            "finite differences went over all 24 elements.",
        ),
        reproduce="gradcheck run mylayer.py::hard_tanh --seed 0",
    )


def error() -> LayerReport:
    """A forward that raises."""
    return layer(
        "broken_forward",
        line=160,
        status=Status.ERROR,
        arguments=(),
        sensitivity=None,
        witnesses=(),
        findings=(
            Finding(
                "GC502",
                "The forward raised ValueError: shapes (4,6) and (5,6) not aligned: 6 (dim 1) != 5 (dim 0), "
                "with x (N=4, D=6) and w (M=5, D=6).",
                PATH,
                157,
                mend="gradcheck run mylayer.py::broken_forward --shape w=D,M",
            ),
        ),
    )


def unknown_shapes() -> LayerReport:
    """Nothing says the shapes."""
    return layer(
        "mystery",
        line=200,
        status=Status.ERROR,
        arguments=(),
        findings=(
            Finding(
                "GC503",
                "Nothing says the shapes of `a` and `z`, and several shapes fit the forward.",
                PATH,
                190,
                mend="--shape a=N,D --shape z=D",
            ),
        ),
    )


def non_finite() -> LayerReport:
    """NaN and infinities among the numbers, and a complex argument."""
    wrong = np.array([True, True, False])
    return layer(
        "log_sum",
        status=Status.FAIL,
        arguments=(
            failing_argument(
                "x",
                wrong,
                ("N",),
                max_abs_error=float("inf"),
                max_rel_error=float("nan"),
                worst=(
                    Element((0,), float("nan"), 1.5, 1.5, 1e-9, 1e-14, None),
                    Element((1,), float("-inf"), float("inf"), 2.0, float("inf"), 1e-14, None),
                ),
            ),
            failing_argument(
                "z",
                np.array([True, False]),
                worst=(Element((0,), 1 + 2j, 1 - 2j, complex(1.0, float("nan")), 1e-9, 1e-14, -0.6 + 0.8j),),
            ),
        ),
        findings=(
            Finding("GC401", "`dx` is not finite.", PATH, 9, "x", (0,), float("nan"), 1.5, float("-inf"), float("inf")),
            Finding("GC201", "1 of 2 elements of `dz` differs.", PATH, 9, "z", (0,), 1 + 2j, 1 - 2j, 1 - 2j, 1e-9),
        ),
        failing_draw=DrawReport(
            0,
            3,
            (NamedArray("x", np.array([np.nan, np.inf, 1.0])), NamedArray("z", np.array([1 + 2j, 3.0]))),
            (NamedArray("dout", np.float32(1.0)),),
        ),
        reproduce="gradcheck run mylayer.py::log_sum --seed 3",
    )


def hostile() -> LayerReport:
    """Names and messages that carry rich markup, terminal escapes, line breaks, surrogates."""
    evil = "[bold red]x[/] \x1b[31mred\x1b[0m \u202e\n\ud800 :smile: [link=http://e.vil]y[/link]"
    wrong = np.array([True, False])
    return layer(
        evil,
        path=f"{evil}.py",
        convention="class",
        status=Status.FAIL,
        arguments=(failing_argument(evil, wrong, (evil,), gradient_name=evil, why=evil),),
        findings=(Finding("GC201", evil, f"{evil}.py", 1, evil, (0,), 2.0, 1.0, 1.0, 0.0, mend=evil),),
        notes=(evil,),
        failing_draw=DrawReport(
            0,
            0,
            (NamedArray(evil, {evil: evil}, (), evil),),
            (NamedArray(evil, np.array([1.0]), (evil,)),),
            ((evil, 2),),
        ),
        reproduce=evil,
    )


def module_error() -> Finding:
    """A module that does not import."""
    return Finding("GC501", "SyntaxError: '(' was never closed.", "broken/syntax.py", 3)


def passing_report() -> Report:
    """Every layer passes; some shapes were inferred."""
    inferred = "shapes of W and b were inferred by trying the forward: W (D, M), b (M)."
    return report(
        layer("affine", notes=(inferred,)),
        layer("relu", arguments=(argument("x", (4, 6), ("N", "D")),)),
        layer("batchnorm_backward_alt", sensitivity=8.1e-11, notes=(inferred,)),
        layer(
            "conv_backward_naive",
            arguments=(argument("x", (2, 3, 7, 7)), argument("w", (4, 3, 3, 3)), argument("b", (4,))),
        ),
        layer("SoftmaxWithLoss", convention="class", arguments=(argument("x", (4, 5), ("N", "C")),)),
    )


def failing_report() -> Report:
    """Several layers, several ways to be wrong, beside some that pass."""
    return report(
        layer("affine"), mismatch(), convolution(), layer("relu", arguments=(argument("x", (4, 6), ("N", "D")),))
    )


def mixed_report() -> Report:
    """Every status at once, over several files, and a module that does not load."""
    return report(
        layer("affine"),
        mismatch(),
        replace(inconclusive(), path="other/layers.py"),
        replace(error(), path="other/layers.py"),
        replace(unknown_shapes(), path="other/layers.py"),
        errors=(module_error(),),
        notes=("2 files hold no layers: setup.py, conftest.py.",),
    )


def suppressed(layer: LayerReport, by: str = "comment line 26", count: int | None = None) -> LayerReport:
    """The layer with its first findings (all, by default) set aside."""
    count = len(layer.findings) if count is None else count
    hidden = tuple(Suppressed(finding, by) for finding in layer.findings[:count])
    left = layer.findings[count:]
    return replace(layer, findings=left, suppressed=hidden, status=Status.FAIL if left else Status.PASS)


def suppressed_report() -> Report:
    """What does not count in every way that it can be shown, and ignores in vain."""
    return report(
        layer("relu"),
        suppressed(mismatch()),
        suppressed(convolution(), "baseline", count=1),
        replace(suppressed(error(), "--ignore"), status=Status.INCONCLUSIVE),
        suppressed=(Suppressed(module_error(), "per-file-ignores"),),
        unused_ignores=(
            UnusedIgnore(
                PATH, 12, "# gradcheck: ignore[GC304]", '"# gradcheck: ignore[GC304]" no longer matches', "remove it"
            ),
            UnusedIgnore("old.json", None, "GC201 of a.py::relu", "GC201 of a.py::relu no longer matches", "drop it"),
        ),
    )


ALL = {
    "passing": passing_report(),
    "failing": failing_report(),
    "dimensions": report(dimensions()),
    "inconclusive": report(inconclusive(), layer("relu")),
    "error": report(error(), unknown_shapes(), errors=(module_error(),)),
    "mixed": mixed_report(),
    "tiny": report(tiny_mismatch()),
    "non_finite": report(non_finite()),
    "hostile": report(hostile()),
    "suppressed": suppressed_report(),
    "hostile_suppressed": report(
        suppressed(hostile(), "\x1b[31m [bold]"),
        suppressed=(Suppressed(module_error(), "\x1b[31m"),),
        unused_ignores=(UnusedIgnore("\x1b\ud800.py", 1, "\x1b", "\x1b[31m [bold]x\n\ud800", "\u202e"),),
    ),
    "empty": report(notes=("no layers found in setup.py.",)),
}
