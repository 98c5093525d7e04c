"""Saved runs made by hand: one layer that fails in a column, one that passes, and all that can be kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradcheck_cli.report.model import LayerReport, Report
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.saved.model import EXCUSED, WRONG, Held, KeptDraw, KeptInput, KeptLayer, KeptLeaf, KeptSource
from gradcheck_cli.saved.reading import open_run
from gradcheck_cli.saved.writing import RunWriter
from tests.report import reports

FOLDER = Path("/home/you/project")


def kept(name: str = "affine_twice", path: str = reports.PATH, **changes: Any) -> KeptLayer:
    """What is kept of `reports.mismatch()`: column 2 of dw is doubled in the first draw, and in the second."""
    rng = np.random.default_rng(0)
    autodiff = rng.standard_normal((6, 5))
    yours = autodiff.copy()
    yours[:, 2] *= 2
    marks = np.zeros((6, 5), np.uint8)
    marks[:, 2] = WRONG
    marks[0, 0] = EXCUSED
    leaf = KeptLeaf(
        name="w",
        gradient_name="dw",
        shape=(6, 5),
        dimensions=("D", "M"),
        dtype="float64",
        gradient_dtype="float64",
        arrays={
            "yours": Held(yours),
            "autodiff": Held(autodiff),
            "tolerance": Held(np.array(1e-14)),
            "difference_positions": Held(np.array([2, 7])),
            "difference_values": Held(autodiff.reshape(-1)[[2, 7]]),
            "difference_bars": Held(np.array([1e-10, np.nan])),
            "curve_positions": Held(np.array([2])),
            "curve_steps": Held(np.array([[0.1, 0.01]])),
            "curve_values": Held(np.array([[1.0, np.nan]])),
        },
    )
    bias = KeptLeaf("b", "db", (), (), "bfloat16", "float32", {"yours": Held(np.array(1.5, np.float32))})
    layer = KeptLayer(
        name=name,
        path=path,
        shown=0,
        draws=(
            KeptDraw(0, 0, "fail", "a0", (("D", 6), ("M", 5)), (Held(marks), None)),
            KeptDraw(1, 0, "fail", "a1", (("D", 2), ("M", 5)), (Held(marks[:2]), None)),
        ),
        leaves=(leaf, bias),
        arguments=(
            KeptInput("w", ("D", "M"), "docstring", Held(rng.standard_normal((6, 5)))),
            KeptInput("labels", ("N",), "", Held(np.arange(4))),
            KeptInput("mode", shown="'train'"),
        ),
        upstream=(KeptInput("dout", array=Held(np.ones((0, 5)))),),
        sources=(KeptSource(path, 27, "def affine_twice_backward(dout, cache):\n    return dout"),),
        forward_line=20,
    )
    return replace(layer, **changes)


def marked(marks: NDArray[np.uint8] | None, digest: str = "a0", index: int = 0, **changes: Any) -> KeptLayer:
    """A kept layer of one leaf, `w`, and one draw."""
    shape = (2, 3) if marks is None else marks.shape
    held = None if marks is None else Held(marks)
    status = "fail" if marks is not None and (marks == WRONG).any() else "pass"
    return kept(
        draws=(KeptDraw(index, 0, status, digest, (), (held,)),),
        leaves=(KeptLeaf("w", "dw", shape, (), "float64", "float64"),),
        **changes,
    )


def report(*layers: LayerReport, **changes: object) -> Report:
    """Of the failing layer, where none is given."""
    return reports.report(*(layers or (reports.mismatch(),)), **changes)


def save(
    path: Path,
    told: Report | None = None,
    layers: tuple[KeptLayer, ...] | None = None,
    problem: Problem | None = None,
    folder: Path = FOLDER,
) -> Path:
    """A saved run at `path`."""
    with RunWriter(path) as writer:
        for layer in (kept(),) if layers is None else layers:
            writer.add(layer)
        writer.finish(told or report(), problem, folder)
    return path


def content(path: Path) -> Mapping[str, Any]:
    """All that a reader gets out of a file, arrays as bytes."""
    with open_run(path) as run:
        found: dict[str, Any] = {"report": run.report, "folder": run.folder, "problem": run.problem}
        for layer in run.layers:
            found[layer.name] = replace(layer, leaves=(), draws=(), arguments=(), upstream=())
            for leaf in layer.leaves:
                found[f"{layer.name}.{leaf.name}"] = replace(leaf, arrays={})
                found |= {f"{layer.name}.{leaf.name}.{name}": _bytes(each) for name, each in leaf.arrays.items()}
            for draw in layer.draws:
                found[f"{layer.name}.{draw.index}"] = replace(draw, marks=())
                found[f"{layer.name}.{draw.index}.marks"] = [_bytes(marks) for marks in draw.marks]
            for each in (*layer.arguments, *layer.upstream):
                found[f"{layer.name}.{each.name}"] = (replace(each, array=None), _bytes(each.array))
    # arrays of NumPy's inside the report are equal by what they show
    return {key: repr(value) for key, value in found.items()}


def _bytes(stored: Any) -> object:
    if stored is None:
        return None
    array = stored.read()
    return array.dtype.str, array.shape, array.tobytes()
