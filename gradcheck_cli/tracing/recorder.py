"""What one tracing run knows of itself: the user's files, why it failed first, and what it noticed on the way."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax.ad_checkpoint import checkpoint_name

from gradcheck_cli.layers.leaves import floating_kind
from gradcheck_cli.layers.users_code import PassThrough


class TraceError(PassThrough):
    """The forward does something that a JAX program cannot follow; `reason` says what, `path` and `line` where.

    No `except Exception` of the user's swallows it.
    """

    def __init__(self, reason: str, path: Path | None = None, line: int | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.path = path
        self.line = line


@dataclass
class Recorder:
    """One tracing run.

    Attributes:
        files: the user's source files; a line is the user's when its code comes from one of them.
        failure: the first TraceError, kept even where the user's own `except` swallowed it.
        notes: places where no gradient flows and a reader may not expect it.
        narrowest: the narrowest floating dtype a differentiable value had.
        steps: how many differentiable values were made.
        values: when set, every differentiable value made, to find where value and tracer part.
        marks: name in the trace the dtype of each differentiable value that is narrower than float64, to find which of
            them the outputs depend on.
    """

    files: frozenset[str]
    limit: int
    failure: TraceError | None = None
    notes: dict[str, None] = field(default_factory=dict)
    narrowest: np.dtype[Any] = field(default_factory=lambda: np.dtype(np.float64))
    steps: int = 0
    values: list[tuple[Any, Any, tuple[Path | None, int | None]]] | None = None
    marks: bool = False

    def fail(self, reason: str) -> TraceError:
        """The error to raise here, with the user's line; the first one is remembered."""
        path, line = self.place()
        error = TraceError(reason, path, line)
        if self.failure is None:
            self.failure = error
        return error

    def note(self, text: str) -> None:
        """Remember something about the user's current line, once."""
        path, line = self.place()
        where = f" ({path.name}:{line})" if path is not None else ""
        self.notes[f"{text}{where}"] = None

    def made(self, value: Any, tracer: Any) -> Any:
        """A differentiable value was made: count it, remember its precision, and give back the tracer to go on with."""
        self.steps += 1
        if self.steps > self.limit:
            raise self.fail(f"the forward takes more than {self.limit:,} differentiable steps here")
        if value.dtype != self.narrowest and precision(value.dtype) < precision(self.narrowest):
            self.narrowest = real_part(value.dtype)
        if self.values is not None:
            self.values.append((tracer, np.array(value, copy=True), self.place()))
        if self.marks and precision(value.dtype) < precision(np.dtype(np.float64)):
            return checkpoint_name(tracer, str(real_part(value.dtype)))
        return tracer

    def place(self) -> tuple[Path | None, int | None]:
        """The innermost frame that runs the user's code: its file and line."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename in self.files:
                return Path(frame.f_code.co_filename), frame.f_lineno
            frame = frame.f_back
        return None, None


def precision(dtype: np.dtype[Any]) -> int:
    """How many bits of significand a floating or complex dtype has; 53 for what has none."""
    if dtype.kind in "fc":
        return int(np.finfo(dtype).nmant)
    return int(jnp.finfo(dtype).nmant) if floating_kind(dtype) else 53


def real_part(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """float64 for complex128, float32 for complex64; a real dtype as it is."""
    return np.empty(0, dtype).real.dtype if dtype.kind == "c" else dtype


_current: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


def current() -> Recorder:
    """The recorder of the run in progress; a fresh one that knows no files where none is (imports, for instance)."""
    found = _current.get()
    return found if found is not None else Recorder(frozenset(), limit=sys.maxsize)


@contextmanager
def recording(recorder: Recorder) -> Iterator[Recorder]:
    """Make `recorder` the current one inside the block."""
    token = _current.set(recorder)
    try:
        yield recorder
    finally:
        _current.reset(token)
