"""Shows a session as plain text: all of it once, or word by word as it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.looking import Looking
from gradcheck_cli.inspector.plain.commands import Commands
from gradcheck_cli.inspector.session import Session

PROMPT = "gradcheck> "


def page(session: Session, write: Callable[[str], None], read: Callable[[str], str] | None) -> None:
    """Show it.

    Args:
        write: is given whole lines.
        read: asks for a line, by a prompt; raises EOFError where no more come. None where nobody can be asked: then
            everything is written once.
    """
    commands = Commands(Looking(session))
    if read is None:
        write(f"{commands.everything()}\n")
        return
    write(f"{commands.beginning()}\n\n")
    while not commands.is_over:
        try:
            line = read(PROMPT)
        except (EOFError, KeyboardInterrupt):
            write("\n")
            return
        try:
            said = commands.answer(line)
        except UserError as error:
            said = f"{error.message}."
        except KeyboardInterrupt:
            session.stop()
            said = "Stopped."
        if said:
            write(f"{said}\n\n")
