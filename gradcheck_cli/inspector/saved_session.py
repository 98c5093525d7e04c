"""A saved run that is looked at: without JAX, and without the module that was checked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.curves import kept_curve
from gradcheck_cli.inspector.remembering import Shelf, remembered
from gradcheck_cli.inspector.session import Answer, Dug, Question, Waiting
from gradcheck_cli.report.model import LayerReport, Report
from gradcheck_cli.saved.model import KeptLayer
from gradcheck_cli.saved.reading import SavedRun, open_run


class SavedSession:
    """A file of `gradcheck run --save`, as a `Session`.

    Args:
        only: the layer to be looked at; all where None.

    Raises:
        UserError: where it cannot be read, is damaged, is something else, or is of a newer gradcheck; where no layer is
            called so.
    """

    def __init__(self, path: Path, only: str | None = None) -> None:
        self._run: SavedRun = open_run(path)
        self._shelf = Shelf()
        self._kept = {(kept.path, kept.name): remembered(kept, self._shelf) for kept in self._run.layers}
        ended = (f"This run did not come to its end: {self._run.problem}.",) if self._run.problem else ()
        self._report = replace(self._run.report, notes=(*ended, *self._run.report.notes))
        if only is not None:
            self._report = _of_one(self._report, only, path)

    @property
    def name(self) -> str:
        """The file's name."""
        return self._run.path.name

    @property
    def folder(self) -> str:
        """In which the run was made, on whatever machine."""
        return self._run.folder

    @property
    def report(self) -> Report:
        """What was saved; what kept the run from its end is its first note."""
        return self._report

    @property
    def is_open(self) -> bool:
        """It is: the file says all."""
        return True

    @property
    def opening(self) -> str:
        """Nothing."""
        return ""

    @property
    def waiting(self) -> Sequence[Waiting]:
        """None."""
        return ()

    @property
    def doing(self) -> str:
        """Nothing."""
        return ""

    @property
    def is_live(self) -> bool:
        """The module is not at hand."""
        return False

    @property
    def why_not_live(self) -> str:
        """That this is a saved run, and what can be done."""
        return f"`{self.name}` is a saved run, without the module: `gradcheck inspect {self._module()}` can do this"

    @property
    def at_hand(self) -> str:
        """Nothing."""
        return ""

    def go_live(self) -> None:
        """There is no module."""

    def kept(self, layer: LayerReport) -> KeptLayer | None:
        """The arrays of a layer, None where none were kept."""
        return self._kept.get((layer.path, layer.name))

    def files(self) -> Sequence[str]:
        """None: whatever changes, the run stays as it was saved."""
        return ()

    def open(self, progress: Any = None) -> None:
        """Nothing is left to be found out."""

    def stop_opening(self) -> None:
        """It takes no time."""

    def ask(self, question: Question) -> Answer:
        """Nothing can be checked again."""
        return Answer(question, problem=f"{self.why_not_live}.")

    def dig(self, layer: LayerReport, kept: KeptLayer, leaf: int, position: int) -> Dug:
        """What was kept of this element: all steps of the worst ones, the difference of others, or nothing."""
        del layer
        why = {"contributions": f"The forward is needed for it, and {self.why_not_live}."}
        try:
            curve = kept_curve(kept.leaves[leaf], position)
        except UserError as error:
            return Dug(None, None, {**why, "curve": f"{error.message}."})
        if curve is None:
            why["curve"] = f"This element was not differenced when the run was saved, and {self.why_not_live}."
        elif not len(curve.steps):
            why["curve"] = f"Only the worst elements were saved with all steps, and {self.why_not_live}."
        return Dug(curve, None, why)

    def stop(self) -> None:
        """Nothing takes long."""

    def close(self) -> None:
        """Close the file."""
        self._run.close()

    def _module(self) -> str:
        """The file that the run was of, as it was called there; the one word where there were several."""
        paths = {layer.path for layer in self._run.report.layers}
        return Path(next(iter(paths))).name if len(paths) == 1 else "PATH"


def _of_one(report: Report, name: str, path: Path) -> Report:
    chosen = tuple(layer for layer in report.layers if layer.name == name)
    if not chosen:
        names = [layer.name for layer in report.layers]
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        known = f"its layers are {', '.join(f'`{each}`' for each in names[:12])}" if names else "it has none"
        mend = f"did you mean `{path}::{close[0]}`?" if close else f"gradcheck inspect {path}"
        raise UserError(f"no layer `{name}` in `{path.name}`: {known}", path=path, mend=mend)
    return replace(report, layers=chosen, errors=())
