"""Several workers, and who does what next: one that died is replaced, and what the others found stands."""

from __future__ import annotations

import contextlib
import queue
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from gradcheck_cli.isolation.last_words import LastWords
from gradcheck_cli.isolation.memory import used
from gradcheck_cli.isolation.messages import Answer, Began, Request, Step
from gradcheck_cli.isolation.printed import Printed
from gradcheck_cli.isolation.process import Heard, WorkerProcess, kill_left_behind

_TO_START = 180.0
"""Seconds that a worker gets to import JAX: a cold disk may need most of them."""

_LOOK = 0.05
"""Seconds between two looks at the memory that workers use."""

_LOOKS_AT_CHILDREN = 10
"""Each so-many-th look counts what the workers have started too: finding it takes longer."""

_TO_END = 1.0
"""Seconds that workers get to run what their modules have registered for the end."""


@dataclass(frozen=True)
class Limits:
    """What one layer may use: seconds, and resident bytes of its worker; None for no limit."""

    seconds: float | None = 300.0
    memory: int | None = None


@dataclass(frozen=True)
class Failure:
    """No answer: the worker died of the request, or was ended.

    Attributes:
        doing: what it had begun with (`loading the module`, `checking`); "" where it never got so far.
        exit_code: as `subprocess` has it; negative for a signal's number.
        limit: the seconds or bytes that were exceeded.
    """

    kind: Literal["died", "timeout", "memory"]
    doing: str
    words: LastWords
    exit_code: int | None = None
    limit: float = 0.0


@dataclass
class _Seat:
    """A worker and what it is doing."""

    worker: WorkerProcess
    task: int | None = None
    request: Request | None = None
    doing: str = ""
    deadline: float | None = None
    served: int = 0
    last: Path | None = None
    confined: bool = False


@dataclass
class _Work:
    """What is still to be done, by position; those that are done once more, in a fresh worker."""

    waiting: list[tuple[int, Request]]
    again: set[int] = field(default_factory=set)


class Interrupted(Exception):
    """Nobody wants the answer any more."""


class Pool:
    """Workers that are started when there is work for them, and ended when the pool is left.

    Args:
        size: how many at most.
        limits: for each request.
        with_jax: the requests will need JAX.
    """

    def __init__(self, size: int, limits: Limits, *, with_jax: bool = True) -> None:
        self._size = max(size, 1)
        self._limits = limits
        self._with_jax = with_jax
        self._seats: list[_Seat] = []
        self._ears: queue.Queue[Heard | None] = queue.Queue()
        self._folder = Path(tempfile.mkdtemp(prefix="gradcheck-"))
        self._started = 0
        self._looks = 0
        self._is_sweep_due = False
        self._is_interrupted = threading.Event()
        self.printed = Printed()

    def run(
        self, requests: Sequence[Request], tell: Callable[[int, Began | Step], None]
    ) -> Iterator[tuple[int, Answer | Failure]]:
        """Do all of these; each answer comes with its request's position, as soon as it is known.

        Raises:
            Interrupted: soon after `interrupt`; what was being done is done no more.
        """
        work = _Work(list(enumerate(requests)))
        while work.waiting or any(seat.task is not None for seat in self._seats):
            self._hand_out(work)
            heard = self._listen()
            if self._is_interrupted.is_set():
                self._is_interrupted.clear()
                for seat in [seat for seat in self._seats if seat.task is not None]:
                    self._retire(seat)
                raise Interrupted
            if heard is not None:
                yield from self._hear(heard, work, tell)
            yield from self._enforce(work)

    def interrupt(self) -> None:
        """End `run`, from another thread. Only while it runs: else the next one ends at once, but after `resume`."""
        self._is_interrupted.set()
        self._ears.put(None)  # wakes the listener

    def resume(self) -> None:
        """Forget an interruption that nothing ran to hear."""
        self._is_interrupted.clear()

    def prepare(self) -> None:
        """Have a worker ready before it is asked for: it takes a second to import JAX."""
        if all(seat.served or seat.task is not None for seat in self._seats):
            self._seats.append(self._start())

    def renew(self) -> None:
        """End all workers that have done something: what they have loaded is out of date."""
        for seat in [seat for seat in self._seats if seat.served or seat.task is not None]:
            self._retire(seat)

    def close(self) -> None:
        """End all workers, and whatever they have started."""
        for seat in self._seats:
            seat.worker.end()
        until = time.monotonic() + _TO_END
        for seat in self._seats:
            if seat.task is not None or not seat.worker.ended(max(until - time.monotonic(), 0.0)):
                seat.worker.kill()
            seat.worker.heard_out()
        self._seats.clear()
        if self._is_sweep_due:
            kill_left_behind(self._folder.name)
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill(self) -> None:
        """As `close`, and at once."""
        for seat in self._seats:
            seat.worker.kill()
        self.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.kill()

    def _start(self) -> _Seat:
        self._started += 1
        # where one works at a time, the next may have what the last one has compiled
        programs = "programs" if self._size == 1 else f"{self._started}.programs"
        words = self._folder / f"{self._started}.txt"
        return _Seat(WorkerProcess(self._ears, self.printed, words, self._folder / programs, with_jax=self._with_jax))

    def _retire(self, seat: _Seat) -> None:
        """Without waiting for it: its modules may have left anything running."""
        seat.worker.kill()
        seat.worker.heard_out()
        self._seats.remove(seat)
        self._is_sweep_due = True

    def _hand_out(self, work: _Work) -> None:
        while work.waiting:
            seat, position = self._next(work)
            if seat is None:
                return
            seat.task, seat.request = work.waiting.pop(position)
            seat.doing, seat.deadline, seat.last = "", time.monotonic() + _TO_START, seat.request.path
            seat.worker.ask(seat.request)

    def _next(self, work: _Work) -> tuple[_Seat | None, int]:
        """A worker without a task, and the position of what it shall do; a new one where there may be more."""
        if sum(seat.task is not None for seat in self._seats) >= self._size:
            return None, 0
        for seat in [seat for seat in self._seats if seat.task is None]:
            position = self._choose(seat, work)
            if position is not None:
                return seat, position
            self._retire(seat)  # nothing that is left may be done in it
        self._seats.append(self._start())
        return self._seats[-1], 0

    def _choose(self, seat: _Seat, work: _Work) -> int | None:
        """The first of the module that this worker has loaded, else the first that is fit for it; None for none.

        A worker that is the only one has loaded them all, and does things in their order.
        """
        fit = [
            (position, request.path == seat.last)
            for position, (task, request) in enumerate(work.waiting)
            if not (seat.served and task in work.again)
        ]
        same = [position for position, is_same in fit if is_same and (seat.confined or self._size > 1)]
        return next(iter(same or ([] if seat.confined else [position for position, _ in fit])), None)

    def _listen(self) -> Heard | None:
        deadlines = [seat.deadline for seat in self._seats if seat.deadline is not None]
        wait = min((deadline - time.monotonic() for deadline in deadlines), default=1.0)
        if self._limits.memory is not None:
            wait = min(wait, _LOOK)
        try:
            return self._ears.get(timeout=min(max(wait, 0.001), 1.0))
        except queue.Empty:
            return None

    def _hear(
        self, heard: Heard, work: _Work, tell: Callable[[int, Began | Step], None]
    ) -> Iterator[tuple[int, Answer | Failure]]:
        seat = next((seat for seat in self._seats if seat.worker is heard.worker), None)
        if seat is None:
            return  # one that was ended
        if heard.message is None:
            yield from self._died(seat, work)
        elif seat.task is None:
            self._retire(seat)  # it speaks without being asked
        elif isinstance(heard.message, (Began, Step)):
            if isinstance(heard.message, Began):
                seat.doing = heard.message.what
                limit = self._limits.seconds
                seat.deadline = None if limit is None else time.monotonic() + limit
            tell(seat.task, heard.message)
        else:
            task = seat.task
            seat.task = seat.request = seat.deadline = None
            seat.served += 1
            seat.confined |= bool(heard.message.confined)
            if heard.message.touched:
                self._retire(seat)
            yield task, heard.message

    def _died(self, seat: _Seat, work: _Work) -> Iterator[tuple[int, Answer | Failure]]:
        seat.worker.ended(0.5)
        code = seat.worker.exit_code
        failure = Failure("died", seat.doing, seat.worker.said(), code)
        task, request = seat.task, seat.request
        self._retire(seat)
        if task is None or request is None:
            return
        if task not in work.again and (seat.served or not seat.doing):
            # it may have died of what was done in it before
            work.again.add(task)
            work.waiting.insert(0, (task, request))
            return
        yield task, failure

    def _enforce(self, work: _Work) -> Iterator[tuple[int, Answer | Failure]]:
        now = time.monotonic()
        self._looks += 1
        for seat in [seat for seat in self._seats if seat.task is not None]:
            assert seat.task is not None and seat.request is not None
            if seat.deadline is not None and now > seat.deadline:
                limit = self._limits.seconds if seat.doing else _TO_START
                yield seat.task, self._ended_by_us(seat, "timeout", limit or 0.0)
            elif self._limits.memory is not None:
                total = used(seat.worker.pid, with_children=self._looks % _LOOKS_AT_CHILDREN == 0)
                if total <= self._limits.memory:
                    continue
                if seat.served and seat.task not in work.again:
                    # others before it may have left this memory taken
                    work.again.add(seat.task)
                    work.waiting.insert(0, (seat.task, seat.request))
                    self._retire(seat)
                else:
                    yield seat.task, self._ended_by_us(seat, "memory", self._limits.memory)

    def _ended_by_us(self, seat: _Seat, kind: Literal["timeout", "memory"], limit: float) -> Failure:
        words = seat.worker.where()
        with contextlib.suppress(ValueError):
            self._retire(seat)
        return Failure(kind, seat.doing, words, None, limit)
