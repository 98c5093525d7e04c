"""What the inspector takes for a gradient of ten million elements: to open it, and at each key.

    python benchmarks/inspector.py

The run is saved by the product's own writer. `read` is what comes from the file: the report and the gradient's arrays;
`open` is the rest until the first screen knows what it shows: the map, its worst elements, the element at the cursor.
A key is what is computed for it, without drawing. Wall seconds, medians. The bounds are 2 s to open after the file is
read, and 0.05 s a key at its slowest; exit code 1 beyond.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gradcheck_cli._version import __version__
from gradcheck_cli.inspector.leaf import Facts, Leaf
from gradcheck_cli.inspector.looking import Looking
from gradcheck_cli.inspector.saved_session import SavedSession
from gradcheck_cli.inspector.view import View, view_of
from gradcheck_cli.inspector.words import element_rows
from gradcheck_cli.report.model import ArgumentReport, LayerReport, Report, Status
from gradcheck_cli.saved.model import WRONG, Held, KeptDraw, KeptInput, KeptLayer, KeptLeaf
from gradcheck_cli.saved.writing import RunWriter

OPENING, KEY = 2.0, 0.05
CELLS = 44, 60
"""Of the map on a wide terminal."""


@dataclass
class Looked:
    """A gradient on the screen, as the map's widget has it."""

    leaf: Leaf
    view: View

    def show(self, view: View) -> Facts:
        """The cells of a view, and the element under its cursor."""
        rows, columns = CELLS
        self.view = view.within(rows, columns)
        blocks = self.leaf.blocks.of(self.view.rows, self.view.columns, self.view.index, *self.view.block)
        cells = blocks[self.view.top : self.view.top + rows, self.view.left : self.view.left + columns]
        facts = self.leaf.facts(self.view.position)
        assert cells.size and element_rows(facts)
        return facts


def saved(path: Path, shape: tuple[int, ...], share: float) -> Path:
    """A run of one gradient of this shape, so much of which is wrong by all sizes."""
    rng = np.random.default_rng(0)
    autodiff = rng.standard_normal(shape)
    yours, marks = autodiff.copy(), np.zeros(shape, np.uint8)
    wrong = np.flatnonzero(rng.random(autodiff.size) < share)
    yours.reshape(-1)[wrong] += 10.0 ** rng.uniform(-9, 2, wrong.size)
    marks.reshape(-1)[wrong] = WRONG
    tolerance = np.abs(autodiff) * 1e-13 + 1e-14
    leaf = KeptLeaf("x", "dx", shape, (), "float64", "float64", {
        "yours": Held(yours), "autodiff": Held(autodiff), "tolerance": Held(tolerance)
    })  # fmt: skip
    kept = KeptLayer(
        "wide", "wide.py", 0, (KeptDraw(0, 0, "fail", "a", (), (Held(marks),)),), (leaf,),
        (KeptInput("x", array=Held(autodiff)),), (KeptInput("dout", array=Held(autodiff)),),
    )  # fmt: skip
    argument = ArgumentReport("x", "dx", Status.FAIL, shape, wrong=wrong.size, total=autodiff.size)
    layer = LayerReport("wide", "wide.py", 1, "function pair", Status.FAIL, (argument,))
    with RunWriter(path) as writer:
        writer.add(kept)
        writer.finish(Report(__version__, 0, "cpu", (layer,)), None, path.parent)
    return path


def opened(path: Path) -> tuple[Looked, float, float]:
    """The first screen, the seconds that reading took, and those after it."""
    started = time.perf_counter()
    session = SavedSession(path)
    looking = Looking(session)
    leaf = looking.leaf(looking.first)
    assert leaf is not None and not leaf.why_no_map
    for name in ("yours", "autodiff", "tolerance"):
        leaf.read(name)
    assert leaf.marks is not None
    read = time.perf_counter() - started
    view = view_of(leaf.kept.shape).fitted(*CELLS)
    looked = Looked(leaf, view)
    looked.show(view.at_position(int(leaf.heat.worst[0])))
    return looked, read, time.perf_counter() - started - read


def keys(looked: Looked) -> dict[str, Callable[[int], object]]:
    """What each key does, pressed for the so-manieth time."""
    rng = np.random.default_rng(1)
    size = int(np.prod(looked.view.shape))
    worst = looked.leaf.heat.worst
    return {
        "down": lambda _: looked.show(looked.view.moved(1, 0)),
        "right": lambda _: looked.show(looked.view.moved(0, 1)),
        "next worst": lambda at: looked.show(looked.view.at_position(int(worst[at % worst.size]))),
        "closer": lambda _: looked.show(looked.view.zoomed(1)),
        "go to": lambda _: looked.show(looked.view.at_position(int(rng.integers(size)))),
        "farther": lambda _: looked.show(looked.view.zoomed(-1)),
        "next plane": lambda _: looked.show(looked.view.stepped(1)),
        "axes turned": lambda _: looked.show(looked.view.transposed()),
        "another axis": lambda _: looked.show(looked.view.with_next(rows=True)),
    }


def timed(press: Callable[[int], object], count: int) -> list[float]:
    """Seconds of each press."""
    found = []
    for at in range(count):
        started = time.perf_counter()
        press(at)
        found.append(time.perf_counter() - started)
    return found


def main() -> int:
    """Measure, print, and compare with the bounds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--elements", type=int, default=10**7)
    parser.add_argument("--presses", type=int, default=30)
    told = parser.parse_args()
    beyond = False
    edge = max(round((told.elements / 2) ** 0.5), 1)
    with tempfile.TemporaryDirectory() as folder:
        for shape in ((edge, 2 * edge), (max(told.elements // 10**4, 1), 100, 100)):
            for share in (0.001, 1.0):
                path = saved(Path(folder) / "run.npz", shape, share)
                size = path.stat().st_size / 1e6
                looked, read, after = opened(path)
                beyond |= after > OPENING
                sizes = " x ".join(map(str, shape))
                print(f"\n{sizes}, {share:.1%} wrong: {size:.0f} MB, read {read:.2f} s, open {after:.2f} s")
                for key, press in keys(looked).items():
                    found = timed(press, told.presses)
                    beyond |= max(found) > KEY
                    median, slowest = 1e3 * statistics.median(found), 1e3 * max(found)
                    print(f"  {key:13} median {median:6.2f} ms, worst {slowest:6.2f} ms")
    return int(beyond)


if __name__ == "__main__":
    sys.exit(main())
