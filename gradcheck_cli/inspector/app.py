"""The inspector as an application: what is open, what is being checked, and the keys that are the same everywhere."""

from __future__ import annotations

import os
import subprocess
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from time import monotonic
from typing import Any

from rich.cells import cell_len
from textual.app import App, SuspendNotSupported, SystemCommand
from textual.reactive import var
from textual.screen import Screen
from textual.worker import Worker

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.asking import question_words
from gradcheck_cli.inspector.changes import joined_news
from gradcheck_cli.inspector.editor import editor_command
from gradcheck_cli.inspector.keys import Key
from gradcheck_cli.inspector.looking import Looking
from gradcheck_cli.inspector.screens.help import HelpScreen
from gradcheck_cli.inspector.screens.hosted import ENDED, HostedScreen
from gradcheck_cli.inspector.screens.main import MainScreen
from gradcheck_cli.inspector.session import Answer, Question, Session
from gradcheck_cli.inspector.themes import THEMES, first_theme
from gradcheck_cli.inspector.watching import Watched
from gradcheck_cli.inspector.words import elapsed
from gradcheck_cli.report.numbers import counted

_ASK, _OPEN = "ask", "open"
_SPINNER = "◐◓◑◒"
_BEAT = 0.25
_LOOK_AT_FILES = 1.0
_LONG_TEXT = 12.0
_READ = 2.0
"""Seconds that what was said stays, though something is being done."""


class InspectApp(App[None]):
    """The inspector."""

    TITLE = "gradcheck inspect"
    CSS_PATH = "inspector.tcss"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012

    message: var[str] = var("")
    """What is going on, or was."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.looking = Looking(session)
        self.watched: Watched | None = None
        self.failure: BaseException | None = None
        self._queue: deque[Question] = deque()
        self._asked: Question | None = None
        self._news: list[str] = []
        self._is_news = self._is_long = False
        self._since = self._said = monotonic()
        self._beats = 0
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = first_theme(os.environ, no_color=self.no_color)

    async def run_async(self, *args: Any, **options: Any) -> None:
        """Until it is left, or told to end by a signal: the threads that work are waited for, and must end then."""
        try:
            await super().run_async(*args, **options)
        finally:
            self._stop_all()

    def _stop_all(self) -> None:
        self.session.stop_opening()
        self.session.stop()

    def on_mount(self) -> None:
        """Begin with what failed first; while layers are checked, with what is known."""
        self.push_screen(MainScreen(self.looking))
        if not self.session.is_open:
            self._since = monotonic()
            self.run_worker(self.session.open, group=_OPEN, thread=True, exit_on_error=False)
        self.set_interval(_BEAT, self._beat)
        self.set_interval(_LOOK_AT_FILES, self._look_at_files)

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Every key of the screen, by what it does."""
        keys: Iterable[Key] = getattr(screen, "KEYS", ())
        for key in keys:
            if key.action != "app.command_palette":
                yield SystemCommand(key.long, f"key: {key.shown}", partial(self._run, screen, key.action))

    async def _run(self, screen: Screen[object], action: str) -> None:
        await screen.run_action(action)

    # what is being checked

    @property
    def is_busy(self) -> bool:
        """Whether a layer is being checked."""
        return self._asked is not None or bool(self.session.opening)

    def ask(self, *questions: Question) -> None:
        """Check layers again, one after the other, in the background."""
        if not self.session.is_live:
            self.say_why_not_live()
            return
        if self._asked is None:
            self._news, self._is_news = [], False
        self._queue.extend(question for question in questions if question not in self._queue)
        self._next()

    def action_stop(self) -> None:
        """Stop what is being checked."""
        if self._asked is not None:
            self._queue.clear()
            self.session.stop()
            self.say("stopping ...")
        elif self.session.opening:
            self.session.stop_opening()

    def say(self, text: str) -> None:
        """Show one line; "" for what is looked at. What is longer than the line is shown whole for a while, too."""
        self.message = text
        self._said = monotonic() if text else 0.0
        self._clear_long()
        self._is_long = cell_len(text) > self.size.width - 2
        if self._is_long:
            self.notify(text, timeout=_LONG_TEXT, markup=False)

    def _clear_long(self) -> None:
        """What is old must not hide what is new."""
        if self._is_long:
            self.clear_notifications()
            self._is_long = False

    def _words(self, question: Question) -> str:
        at = self.looking.position(question)
        return question_words(question, None if at is None else self.looking.kept(at))

    def _next(self) -> None:
        if self._asked is None and self._queue:
            self._asked = self._queue.popleft()
            self._since, self._said = monotonic(), 0.0
            self._clear_long()
            self.run_worker(partial(self.session.ask, self._asked), group=_ASK, thread=True, exit_on_error=False)
            self._beat()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """An answer has come, or all layers are known."""
        worker = event.worker
        if worker.group == _OPEN and event.state in ENDED:
            self._opened(worker.error)
            return
        if worker.group != _ASK or event.state not in ENDED:
            return
        asked, self._asked = self._asked, None
        answer = worker.result
        if not isinstance(answer, Answer):
            assert asked is not None
            answer = Answer(asked, problem=str(worker.error or "It was stopped."))
        told = self._words(answer.question)
        is_news = self.looking.is_news(answer)
        text = (f"{told}: " if told else "") + self.looking.take(answer)
        # that others are as they were must not hide what happened to one
        if (is_news and text not in self._news) or not self._news:
            self._news = [*self._news, text] if self._is_news else [text]
            self._is_news = is_news
        self.say(joined_news(self._news))
        for screen in self.screen_stack:
            if isinstance(screen, HostedScreen):
                screen.take(answer)
        self._next()

    def _opened(self, error: BaseException | None) -> None:
        """All layers are known; or it was stopped, or there is nothing to be looked at."""
        if error is not None or not self.session.report.layers:
            self.failure = error
            self.exit()
            return
        if not self.session.is_open:
            self.say(f"stopped: {counted(len(self.session.report.layers), 'layer')} checked, the others were not")
        if self.watched is not None:
            self.watched = Watched(self.session.files())
        self._grow()

    def _grow(self) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                screen.grow(_SPINNER[self._beats % len(_SPINNER)])

    def _beat(self) -> None:
        self._beats += 1
        if self.session.opening:
            self._grow()
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                screen.show_keys()
        if self._asked is None or monotonic() - self._said < _READ:
            return
        told = self._words(self._asked)
        rest = f" · {len(self._queue)} more" if self._queue else ""
        doing = f" · {self.session.doing}" if self.session.doing else ""
        self.message = (
            f"{_SPINNER[self._beats % len(_SPINNER)]} checking {self._asked.layer} again"
            f"{f' with {told}' if told else ''}{doing} · {elapsed(monotonic() - self._since)}{rest} · Esc stops"
        )

    # a saved run that becomes live

    def say_why_not_live(self) -> None:
        """Why nothing can be checked again, and the key that changes that, where one does."""
        told = self.session.at_hand
        self.say(f"L goes live first: {told}" if told else self.session.why_not_live)

    def action_go_live(self) -> None:
        """Check a saved run again, with its module as it is now: all that is live can be done from then on."""
        if self.session.is_live:
            self.say("it is live: r checks again, w watches the files")
        elif not self.session.at_hand:
            self.say_why_not_live()
        else:
            try:
                self.session.go_live()
            except UserError as error:
                self.say(error.message)
            else:
                self.check_all_again()

    # the user's files

    def _look_at_files(self) -> None:
        if self.watched is not None and (changed := self.watched.changed()):
            self.say(f"{', '.join(changed)} changed")
            self.check_all_again()

    def check_all_again(self) -> None:
        """The layer that is looked at, then those that do not pass, then the rest: an edit may break those, too."""
        for screen in self.screen_stack:
            if isinstance(screen, MainScreen):
                self.ask(*screen.questions())

    def toggle_watch(self) -> None:
        """Watch the user's files, or no more."""
        if not self.session.is_live:
            self.say_why_not_live()
            return
        self.watched = None if self.watched is not None else Watched(self.session.files())
        self.say("" if self.watched is None else "watching: save the file, and it is checked again · w ends it")

    def edit(self, path: str, line: int) -> None:
        """Open the user's editor, and check again what was changed."""
        if not os.path.exists(path):  # noqa: PTH110
            self.say(f"{path} is not on this machine")
            return
        before = Watched([path])
        command = editor_command(os.environ, path, line)
        problem = ""
        try:
            with self.suspend():
                problem = _run_editor(command)  # may not raise in here: the screen would stay dark
        except SuspendNotSupported:
            problem = "this terminal cannot be lent to an editor: " + " ".join(command)
        if problem:
            self.say(problem)
        if self.watched is not None:
            self.watched.changed()
        if before.changed() and self.session.is_live:
            self.check_all_again()

    # everywhere

    def action_next_theme(self) -> None:
        """Dark, light, without colour."""
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]

    def action_help(self) -> None:
        """All keys of this screen."""
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(getattr(self.screen, "KEYS", ())))

    async def action_quit(self) -> None:
        """End what runs, and leave."""
        self._stop_all()
        self.exit()


def _run_editor(command: Sequence[str]) -> str:
    """Wait for it to close; what went wrong, "" where nothing did."""
    try:
        ended = subprocess.run(command, check=False).returncode
    except (OSError, ValueError) as error:
        return f"{command[0]} does not start: {getattr(error, 'strerror', None) or error} · set $EDITOR"
    return f"{' '.join(command)} ended with {ended}" if ended else ""


def show(session: Session) -> None:
    """Look at a run until the user has seen enough. Closes the session.

    Raises:
        UserError: where there was nothing to be looked at.
    """
    app = InspectApp(session)
    try:
        app.run()
    finally:
        session.close()
    if app.failure is not None:
        raise app.failure
