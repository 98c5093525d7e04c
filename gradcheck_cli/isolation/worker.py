"""The worker process: loads the user's modules and checks their layers, as it is asked to.

`serve` is its main loop. Of its three descriptors, 0 and 1 carry messages, and 2 what the user's code prints.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import gc
import os
import sys
import traceback
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gradcheck_cli.checking.graph_options import GraphOptions
from gradcheck_cli.checking.training_options import TrainingOptions
from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.session import Dug
from gradcheck_cli.isolation.error_reports import error_report, refused, trusted, vanished
from gradcheck_cli.isolation.frames import Channel
from gradcheck_cli.isolation.last_words import Dictation
from gradcheck_cli.isolation.messages import (
    LOADING,
    Answer,
    Began,
    Broke,
    Check,
    Checked,
    Dig,
    Draw,
    Drawn,
    Find,
    Found,
    FoundLayer,
    Listed,
    Looked,
    Refused,
    Request,
    Specify,
    Step,
)
from gradcheck_cli.isolation.streams import take_over
from gradcheck_cli.layers.copies import claim
from gradcheck_cli.report.model import Finding

if TYPE_CHECKING:
    from gradcheck_cli.checking.layer import Checker
    from gradcheck_cli.checking.looking import Look
    from gradcheck_cli.checking.picking import Contents
    from gradcheck_cli.isolation.dependencies import Observed
    from gradcheck_cli.layers.layer import Layer
    from gradcheck_cli.layers.module import Module


def serve(last_words: str, *, with_jax: bool) -> None:
    """Answer requests until there are no more; never returns.

    Args:
        last_words: the file for the line that this process dies on.
        with_jax: import JAX before the first request, which will need it.
    """
    _die_with_parent()
    channel = take_over()
    dictation = Dictation(Path(last_words))
    owner = os.getpid()
    claim()
    private = Path(last_words).parent
    worker = Worker(lambda message: _send(channel, message, owner, dictation), private, with_jax=with_jax)
    while (request := channel.receive()) is not None:
        dictation.resume()
        _send(channel, worker.answer(request), owner, dictation)
    atexit._run_exitfuncs()
    dictation.leave(0)


class Worker:
    """What one process knows: the modules that it has loaded, with their layers.

    Args:
        send: tells the command what is being done.
        private: the run's own folder.
        with_jax: import JAX at once.
    """

    def __init__(self, send: Callable[[Any], None], private: Path, *, with_jax: bool = False) -> None:
        if with_jax:
            _import_jax()
        from gradcheck_cli.isolation.dependencies import Observed, Observer
        from gradcheck_cli.isolation.process_state import ProcessState

        self._send = send
        programs = os.environ.get("JAX_COMPILATION_CACHE_DIR")
        self._observer = Observer([private, *([Path(programs).absolute()] if programs else [])])
        self._observed: defaultdict[Path, Observed] = defaultdict(Observed)
        self._modules: dict[Path, tuple[Module | None, Contents[Layer]]] = {}
        self._checker: Checker | None = None
        self._look: tuple[Dig, Look] | None = None
        self._state = ProcessState.now()

    def answer(self, request: Request) -> Answer:
        """Do what is asked for. Nothing that the user's code raises is raised here."""
        confined: tuple[str, ...] = ()
        answer: Answer
        try:
            with self._observer.into(self._observed[request.path]):
                if request.path not in self._modules:
                    self._send(Began(LOADING))
                    self._modules[request.path] = _loaded(request.path, request.source)
                    confined = self._state.restore()
                    self._state = type(self._state).now()
                answer = self._done(request)
            answer = self._with_dependencies(answer, request.path)
        except UserError as error:
            answer = Refused(message=error.message, path=error.path, line=error.line, mend=error.mend)
        except (Exception, SystemExit) as error:
            what = f"{type(error).__name__}: {error}".strip().splitlines()[0]
            answer = Broke(what=what, traceback=traceback.format_exc())
        touched = self._state.restore()
        if isinstance(answer, Checked):
            report = trusted(answer.report, touched)
            answer = replace(answer, report=report, kept=answer.kept if report is answer.report else None)
        return replace(answer, touched=touched, confined=confined)

    def _with_dependencies(self, answer: Answer, path: Path) -> Answer:
        from gradcheck_cli.isolation.dependencies import dependencies

        module, _ = self._modules[path]
        if module is None or not isinstance(answer, (Found, Checked)):
            return answer
        return replace(answer, depends=dependencies(module, self._observed[path]))

    def _done(self, request: Request) -> Answer:
        module, contents = self._modules[request.path]
        if isinstance(request, Draw):
            return self._draw(request, module, contents)
        if isinstance(request, Find):
            found = tuple(_found(layer) for layer in contents.layers)
            return Found(layers=found, problems=contents.problems, notes=contents.notes, loaded=contents.loaded)
        layer = next((layer for layer in contents.layers if layer.name == request.layer.name), None)
        if layer is None or module is None:  # it was there when it was found
            reason = contents.problems[0] if module is None else vanished(request.layer, request.path)
            return Checked(report=error_report(request.layer, request.path, reason))
        if isinstance(request, Specify):
            from gradcheck_cli.checking.listing import listed

            return Listed(layer=listed(module, layer, request.inputs))
        return self._dig(request, module, layer) if isinstance(request, Dig) else self._check(request, module, layer)

    def _dig(self, request: Dig, module: Module, layer: Layer) -> Looked:
        from gradcheck_cli.checking.element import Element
        from gradcheck_cli.checking.layer import Checker
        from gradcheck_cli.checking.looking import Look

        self._checker = self._checker or Checker(request.device)
        self._send(Began("looking at one element"))
        if self._look is None or not _same_draw(self._look[0], request):
            self._look = None
            look = Look(module, layer, request.inputs, request.draw, self._checker.traces)
            self._look = request, look
        look = self._look[1]
        if look.digest != request.digest:
            why = "The module makes other inputs now than those that are shown: check the layer again."
            return Looked(dug=Dug(why={"curve": why, "contributions": why}))
        element = Element(request.leaf, request.position, request.yours, request.autodiff, request.tolerance)
        return Looked(dug=look.dug(element, request.device))

    def _draw(self, request: Draw, module: Module | None, contents: Contents[Layer]) -> Answer:
        from gradcheck_cli.checking.graphing import function_of, graph_of

        if module is None:
            return refused(contents.problems[0])
        layer, options = function_of(module, contents, request.name), request.options
        if isinstance(options, TrainingOptions):
            from gradcheck_cli.checking.training.training import training_of

            self._send(Began("training"))
            return Drawn(shown=training_of(module, layer, options, lambda what: self.step(layer.name, what)))
        self._send(Began("following the function"))
        if isinstance(options, GraphOptions):
            return Drawn(shown=graph_of(module, layer, options))
        from gradcheck_cli.checking.jacobians import layer_jacobians

        return Drawn(shown=layer_jacobians(module, layer, options))

    def _check(self, request: Check, module: Module, layer: Layer) -> Answer:
        from gradcheck_cli.checking.layer import Checker
        from gradcheck_cli.layers.users_code import Place, deepest_line, raised

        self._checker = self._checker or Checker(request.options.device)
        self._send(Began("checking"))
        options = request.options
        try:
            report = self._checker.check(
                module, layer, options.inputs, options.settings, self, keeps=request.keeps, edited=request.edited
            )
            return Checked(report=report, kept=self._checker.kept)
        except KeyboardInterrupt as error:  # the user's own: Ctrl-C does not come here
            path, line = deepest_line(error.__traceback__, Place.of(module))
            message = f"`{layer.name}` {raised(error)}"
            finding = Finding("GC502", message, str(path or layer.path), line or layer.line, mend=_RAISE_ANOTHER)
            return Checked(report=error_report(request.layer, request.path, finding))

    def step(self, name: str, what: str) -> None:
        """What is being done now; the checker calls it."""
        del name
        self._send(Step(what))


def _import_jax() -> None:
    """JAX and what checks with it: a million objects that stay, so that looking for garbage is a fifth of the time."""
    gc.disable()
    try:
        import jax.numpy  # noqa: F401

        import gradcheck_cli.checking.layer  # noqa: F401
    finally:
        gc.freeze()
        gc.enable()


def _loaded(path: Path, source: str) -> tuple[Module | None, Contents[Layer]]:
    from gradcheck_cli.checking.contents import contents_of
    from gradcheck_cli.checking.picking import Contents
    from gradcheck_cli.layers.users_code import Place, deepest_line, raised

    try:
        return contents_of(path, source)
    except KeyboardInterrupt as error:
        where, line = deepest_line(error.__traceback__, Place(path, path.parent))
        message = f"`{path.name}` does not import: it {raised(error)}"
        finding = Finding("GC501", message, str(where or path), line or 1, mend=_RAISE_ANOTHER)
        return None, Contents(problems=(finding,), loaded=False)


def _same_draw(one: Dig, other: Dig) -> bool:
    return (one.path, one.layer.name, one.inputs, one.device, one.draw) == (
        other.path,
        other.layer.name,
        other.inputs,
        other.device,
        other.draw,
    )


def _found(layer: Layer) -> FoundLayer:
    arguments = tuple(argument.name for argument in layer.arguments)
    return FoundLayer(layer.name, layer.line, layer.forward_line, layer.convention.value, layer.aliases, arguments)


_RAISE_ANOTHER = "raise an exception of your own in its place"


def _send(channel: Channel, message: Any, owner: int, dictation: Dictation) -> None:
    if os.getpid() != owner:
        dictation.leave(0)
    try:
        channel.send(message)
    except OSError:  # the command has gone, or the user's code has closed our descriptors
        dictation.leave(1)


def _die_with_parent() -> None:
    """Linux: a command that is killed outright takes its workers along."""
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            set_death_signal, kill = 1, 9
            ctypes.CDLL(None).prctl(set_death_signal, kill)
