"""Opens a saved run: the report and what is known of each layer at once, the arrays when they are asked for.

Neither JAX nor the checked modules are needed. Whatever is in the file, nothing but a `UserError` comes of it.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.json import SCHEMA_VERSION as REPORT_VERSION
from gradcheck_cli.report.json_part import Malformed, Part, parse
from gradcheck_cli.report.json_reading import report_of
from gradcheck_cli.report.model import LayerReport, Report
from gradcheck_cli.saved.archive import DOCUMENT, Archive, Damaged, unreadable
from gradcheck_cli.saved.model import (
    CURVE_ARRAYS,
    DIFFERENCE_ARRAYS,
    LEAF_ARRAYS,
    KeptDraw,
    KeptInput,
    KeptLayer,
    KeptLeaf,
    KeptSource,
    Stored,
)
from gradcheck_cli.saved.writing import FORMAT, SCHEMA_VERSION


@dataclass(frozen=True)
class SavedRun:
    """A run that was saved; used as a context, in which its arrays can be read.

    Attributes:
        folder: in which it was made: paths inside it are known by their rest.
        report: what was found; `problem` what kept the run from its end, a sentence, or "".
        layers: what is kept beside the report, of those layers that could be run.
    """

    path: Path
    folder: str
    report: Report
    problem: str
    layers: tuple[KeptLayer, ...]
    _archive: Archive

    def kept(self, layer: LayerReport) -> KeptLayer | None:
        """What is kept of this layer."""
        return next((kept for kept in self.layers if (kept.path, kept.name) == (layer.path, layer.name)), None)

    def close(self) -> None:
        """No array is read after this."""
        self._archive.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_run(path: Path) -> SavedRun:
    """Open a file that `gradcheck run --save` has written.

    Raises:
        UserError: where it cannot be read, is damaged, is something else, or is of a newer gradcheck.
    """
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(Archive(path))
            run = _run(path, archive)
        except OSError as error:
            raise UserError(
                f"`{path.name}` cannot be read: {error.strerror or error}", path=path, mend="check the path"
            ) from error
        except (Damaged, MemoryError) as error:
            raise unreadable(path, str(error) or "it does not fit into memory") from error
        except Malformed as error:
            raise unreadable(path, f"in `{DOCUMENT}`, {error}") from error
        stack.pop_all()
        return run


def _run(path: Path, archive: Archive) -> SavedRun:
    document = parse(archive.document())
    if document.part("format").value != FORMAT:
        raise document.part("format").wrong(f"{FORMAT!r}: this is something else")
    version = document.part("schema_version").whole(1)
    reported = document.part("report").part("schema_version").whole(1)
    if version > SCHEMA_VERSION or reported > REPORT_VERSION:
        by = document.part("report").part("version", "").value
        raise UserError(
            f"`{path.name}` was saved by a newer gradcheck{f' ({by[:40]})' if isinstance(by, str) and by else ''}: its "
            f"format is {version} with reports of format {reported}, and this one reads {SCHEMA_VERSION} and "
            f"{REPORT_VERSION}",
            path=path,
            mend="update gradcheck, or save the run with this one",
        )
    reader = _Reader(archive)
    report = report_of(document.part("report"))
    layers = document.part("layers").each(reader.layer)
    if unknown := archive.arrays - reader.seen:
        raise Damaged(f"it holds `{min(unknown)}.npy`, which belongs to no layer")
    problems = document.part("report").part("errors").each(lambda error: error.part("message").text())
    return SavedRun(path, document.part("folder").text(), report, next(iter(problems), ""), layers, archive)


class _Reader:
    """Reads layers; `seen` are the arrays that they have so far, each once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self.seen: set[str] = set()

    def layer(self, part: Part) -> KeptLayer:
        leaves = part.part("leaves").each(self._leaf)
        draws = part.part("draws").each(self._draw)
        shown = part.part("shown").size()
        if shown >= len(draws):
            raise Malformed(f"`{part.place}.shown` is {shown}, and there are {len(draws)} draws")
        if any(len(draw.marks) != len(leaves) for draw in draws):
            raise Malformed(f"`{part.place}.draws` have marks of other gradients than its {len(leaves)}")
        for leaf, marks in zip(leaves, draws[shown].marks):
            if marks is not None and marks.shape != leaf.shape:
                raise Malformed(f"`{part.place}` has marks of another shape than its gradient")
        return KeptLayer(
            name=part.part("name").text(),
            path=part.part("path").text(),
            shown=shown,
            draws=draws,
            leaves=leaves,
            arguments=part.part("arguments").each(self._input),
            upstream=part.part("upstream").each(self._input),
            sources=part.part("sources").each(_source),
            forward_line=part.part("forward_line").maybe(Part.size),
            digest=part.part("digest", "").text(),
        )

    def _draw(self, part: Part) -> KeptDraw:
        return KeptDraw(
            index=part.part("index").size(),
            seed=part.part("seed").size(),
            status=part.part("status").status().value,
            digest=part.part("digest").text(),
            dimensions=part.part("dimensions").each(_sized),
            marks=part.part("marks").each(lambda marks: marks.maybe(self._marks)),
        )

    def _marks(self, part: Part) -> Stored:
        marks = self._array(part)
        if marks.dtype.str != "|u1":
            raise Malformed(f"`{part.place}` are no marks")
        return marks

    def _input(self, part: Part) -> KeptInput:
        array = part.part("array").maybe(self._array)
        dimensions = part.part("dimensions").texts()
        if dimensions and (array is None or len(array.shape) != len(dimensions)):
            raise Malformed(f"`{part.place}.dimensions` are not those of its array")
        return KeptInput(
            name=part.part("name").text(),
            dimensions=dimensions,
            source=part.part("source").text(),
            array=array,
            shown=part.part("shown").text(),
        )

    def _leaf(self, part: Part) -> KeptLeaf:
        shape, dimensions = part.part("shape").shape(), part.part("dimensions").texts()
        if dimensions and len(dimensions) != len(shape):
            raise Malformed(f"`{part.place}.dimensions` are not those of its shape")
        arrays = {}
        for name, array in part.part("arrays").pairs():
            arrays[name] = self._array(array)
        _refuse_misshapen(arrays, shape, part)
        return KeptLeaf(
            name=part.part("name").text(),
            gradient_name=part.part("gradient_name").text(),
            shape=shape,
            dimensions=dimensions,
            dtype=part.part("dtype").text(),
            gradient_dtype=part.part("gradient_dtype").text(),
            arrays=arrays,
        )

    def _array(self, part: Part) -> Stored:
        name = part.part("member").text()
        if name in self.seen:
            raise Malformed(f"`{part.place}.member` is an array that something else has")
        self.seen.add(name)
        return self._archive.declared(name, part.part("dtype").text(), part.part("shape").shape())


def _refuse_misshapen(arrays: dict[str, Stored], shape: tuple[int, ...], part: Part) -> None:
    """Arrays of a leaf have its shape, or one entry for each differenced element; unknown names are a newer minor's."""
    for name in LEAF_ARRAYS:
        allowed = {shape, ()} if name == "tolerance" else {shape}
        if name in arrays and name != "yours" and arrays[name].shape not in allowed:
            raise Malformed(f"`{part.place}.arrays.{name}` has another shape than its gradient")
    places = arrays.get("difference_positions")
    for name in DIFFERENCE_ARRAYS:
        if name in arrays and (places is None or len(places.shape) != 1 or arrays[name].shape != places.shape):
            raise Malformed(f"`{part.place}.arrays.{name}` has not one entry for each differenced element")
    if places is not None and places.dtype.str != "<i8":
        raise Malformed(f"`{part.place}.arrays.difference_positions` are no positions")
    curves = [arrays[name] for name in CURVE_ARRAYS if name in arrays]
    if curves and (
        len(curves) != len(CURVE_ARRAYS)
        or len(curves[1].shape) != 2
        or curves[1].shape != curves[2].shape
        or curves[0].shape != curves[1].shape[:1]
        or curves[0].dtype.str != "<i8"
    ):
        raise Malformed(f"`{part.place}.arrays` has curves that do not belong together")


def _sized(part: Part) -> tuple[str, int]:
    pair = tuple(part.items())
    if len(pair) != 2:
        raise part.wrong("a name and a size")
    return pair[0].text(), pair[1].size()


def _source(part: Part) -> KeptSource:
    return KeptSource(part.part("path").text(), part.part("line").whole(1), part.part("text").text())
