"""Writes a saved run: each layer's arrays as they come in, then the report; all of it, or nothing."""

from __future__ import annotations

import json
import secrets
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from gradcheck_cli.errors import UserError
from gradcheck_cli.report.json import report_object
from gradcheck_cli.report.json_values import text
from gradcheck_cli.report.model import Report
from gradcheck_cli.report.problem import Problem
from gradcheck_cli.saved.archive import Writer
from gradcheck_cli.saved.model import KeptDraw, KeptInput, KeptLayer, KeptLeaf, KeptSource, Stored
from gradcheck_cli.whole_file import WholeFile

FORMAT = "gradcheck run"
SCHEMA_VERSION = 1
"""Grows when a key or a member is removed or changes its meaning; readers take older ones."""


class RunWriter:
    """A saved run in the making; used as a context, at whose end the file is whole or as it was before.

    Raises:
        UserError: where nothing can be written there.
    """

    def __init__(self, path: Path) -> None:
        self._target = path.resolve()
        self._failed: OSError | None = None
        self._layers: list[dict[str, Any]] = []
        try:
            self._file = WholeFile(
                self._target, self._target.parent / f".gradcheck-{secrets.token_hex(8)}.tmp", kept_mode=self._mode()
            )
        except OSError as error:
            mend = "name a file in a folder where you may write"
            if not self._target.parent.is_dir():
                mend = f"make its folder first: mkdir -p {self._target.parent}"
            raise UserError(f"the run cannot be saved: {error.strerror or error}", path=path, mend=mend) from error
        self._writer = Writer(self._file.stream)

    def add(self, kept: KeptLayer) -> None:
        """Write a layer's arrays. Where that fails, `finish` says so: the check goes on."""
        if self._failed is None:
            try:
                self._layers.append(_LayerWriter(self._writer, len(self._layers)).layer(kept))
            except OSError as error:
                self._failed = error

    def finish(self, report: Report, problem: Problem | None, folder: Path) -> None:
        """Write the report; the file takes its place.

        Args:
            problem: what kept the run from its end.
            folder: paths inside it are known by their rest in other runs.

        Raises:
            OSError: where something could not be written; the place is as it was before then.
        """
        if self._failed is not None:
            raise self._failed
        document = {
            "format": FORMAT,
            "schema_version": SCHEMA_VERSION,
            "folder": text(str(folder)),
            "report": report_object(report, problem),
            "layers": self._layers,
        }
        content = json.dumps(document, allow_nan=False, ensure_ascii=False, separators=(",", ":"))
        self._writer.document(content.encode("utf-8"))
        self._file.take_place()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.abandon()
        self._file.discard()

    def _mode(self) -> int | None:
        """Of the file that is there.

        Raises:
            UserError: where something else is there, which a file must not replace.
        """
        try:
            mode = self._target.stat().st_mode
        except OSError:
            return None
        if not stat.S_ISREG(mode):
            raise UserError("the run cannot be saved: what is there is no file", path=self._target, mend="name a file")
        return stat.S_IMODE(mode)


class _LayerWriter:
    def __init__(self, writer: Writer, number: int) -> None:
        self._writer = writer
        self._prefix = f"layer{number}"

    def layer(self, kept: KeptLayer) -> dict[str, Any]:
        return {
            "name": text(kept.name),
            "path": text(kept.path),
            "forward_line": kept.forward_line,
            "digest": text(kept.digest),
            "shown": kept.shown,
            "draws": [self._draw(draw, f"draw{at}") for at, draw in enumerate(kept.draws)],
            "arguments": self._inputs(kept.arguments, "argument"),
            "upstream": self._inputs(kept.upstream, "upstream"),
            "leaves": [self._leaf(leaf, f"gradient{at}") for at, leaf in enumerate(kept.leaves)],
            "sources": [_source(source) for source in kept.sources],
        }

    def _draw(self, draw: KeptDraw, place: str) -> dict[str, Any]:
        return {
            "index": draw.index,
            "seed": draw.seed,
            "status": draw.status,
            "digest": draw.digest,
            "dimensions": [[text(name), size] for name, size in draw.dimensions],
            "marks": [self._array(marks, f"{place}.marks{at}") for at, marks in enumerate(draw.marks)],
        }

    def _inputs(self, inputs: Sequence[KeptInput], kind: str) -> list[dict[str, Any]]:
        return [
            {
                "name": text(each.name),
                "dimensions": [text(name) for name in each.dimensions],
                "source": text(each.source),
                "array": self._array(each.array, f"{kind}{at}"),
                "shown": text(each.shown),
            }
            for at, each in enumerate(inputs)
        ]

    def _leaf(self, leaf: KeptLeaf, place: str) -> dict[str, Any]:
        return {
            "name": text(leaf.name),
            "gradient_name": text(leaf.gradient_name),
            "shape": list(leaf.shape),
            "dimensions": [text(name) for name in leaf.dimensions],
            "dtype": leaf.dtype,
            "gradient_dtype": leaf.gradient_dtype,
            "arrays": self._arrays(leaf.arrays, place),
        }

    def _arrays(self, arrays: Mapping[str, Stored], place: str) -> dict[str, Any]:
        return {name: self._array(array, f"{place}.{name}") for name, array in arrays.items()}

    def _array(self, stored: Stored | None, name: str) -> dict[str, Any] | None:
        if stored is None:
            return None
        array = stored.read()
        self._writer.array(f"{self._prefix}.{name}", array)
        return {"member": f"{self._prefix}.{name}", "dtype": array.dtype.str, "shape": list(array.shape)}


def _source(source: KeptSource) -> dict[str, Any]:
    return {"path": text(source.path), "line": source.line, "text": text(source.text)}
