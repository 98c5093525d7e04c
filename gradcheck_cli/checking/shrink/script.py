"""A script of at most ten lines, put together from a transcript and an assertion, and tried before it is shown."""

from __future__ import annotations

import contextlib
import io
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck_cli.checking.shrink.literals import Unwritable, literal
from gradcheck_cli.checking.shrink.transcript import Transcript
from gradcheck_cli.layers import importing
from gradcheck_cli.layers.module import Module
from gradcheck_cli.layers.users_code import quiet

MOST_LINES = 10
_BLOCKS = ("def ", "try:", "except ")
"""What a statement beside them would become a part of."""
_WIDTH = 100
"""Columns up to which statements share a line."""
_WIDEST = 180
"""Columns above which a line is no longer short; no script is better than one that cannot be read."""


@dataclass(frozen=True)
class Script:
    """Lines of Python: those that import, and those that follow."""

    imports: tuple[str, ...]
    body: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole, ending in a line break."""
        return "\n".join((*self.imports, *self.body)) + "\n"


def assemble(
    transcript: Transcript, before: Sequence[str], after: Sequence[str], *, made: Callable[[], list[str]] | None = None
) -> Script:
    """Imports, inputs, forward and backward, and the assertion.

    Args:
        before: statements between the inputs and the forward.
        after: statements after the backward, the assertion last.
        made: statements that make the inputs, asked for where those are too long to be written out.

    Raises:
        Unwritable: where it cannot be said in ten lines.
    """
    try:
        return _assembled(transcript, transcript.inputs, before, after)
    except Unwritable:
        if made is None:
            raise
    return _assembled(transcript, (), [*made(), *before], after)


def _assembled(
    transcript: Transcript, inputs: Sequence[tuple[str, Any]], before: Sequence[str], after: Sequence[str]
) -> Script:
    assigned = [(name, literal(value)) for name, value in (*inputs, *transcript.upstream)]
    called = [statement for statement in (transcript.forward, transcript.backward) if statement]
    statements = [*before, *transcript.setup, *called, *after]
    text = "\n".join([*(value for _, value in assigned), *statements])
    imports = _imports(transcript, text)
    for width in (0, _WIDTH, _WIDEST):
        body = [*_assignments(assigned, max(width, _WIDTH)), *_packed(statements, width)]
        if len(imports) + len(body) <= MOST_LINES:
            if max(map(len, body)) > _WIDEST:  # a path in the imports is as long as it is
                break
            return Script(tuple(imports), tuple(body))
    raise Unwritable("more than ten lines")


def _imports(transcript: Transcript, text: str) -> list[str]:
    own = transcript.names.import_lines(text)
    uses_jax = transcript.layer.uses_jax or "jnp." in text or "jax." in text
    libraries = []
    if "np." in text.replace("jnp.", ""):
        libraries.append("numpy as np")
    if "jnp." in text:
        libraries.insert(0, "jax.numpy as jnp")
    if uses_jax:
        libraries.insert(0, "jax")
    first = f"import {', '.join(libraries)}" if libraries else ""
    if uses_jax and any(leaf.value.dtype.itemsize >= 8 for leaf in transcript.case.leaves):
        first += '; jax.config.update("jax_enable_x64", True)'
    return [*([first] if first else []), *own]


def _assignments(pairs: Sequence[tuple[str, str]], width: int) -> list[str]:
    """`x, w = np.ones((1, 2)), np.array([[2.0, 1.0]])`: several in a line, as long as it stays readable."""
    lines: list[str] = []
    group: list[tuple[str, str]] = []

    def joined(items: Sequence[tuple[str, str]]) -> str:
        return f"{', '.join(name for name, _ in items)} = {', '.join(value for _, value in items)}"

    for pair in pairs:
        if group and len(joined([*group, pair])) > width:
            lines.append(joined(group))
            group = []
        group.append(pair)
    return [*lines, joined(group)] if group else lines


def _packed(statements: Sequence[str], width: int) -> list[str]:
    """Short statements side by side, so that a line is not longer than `width`."""
    lines: list[str] = []
    for statement in statements:
        alone = statement.startswith((*_BLOCKS, "assert "))
        if lines and not alone and not lines[-1].startswith(_BLOCKS) and len(lines[-1]) + len(statement) + 2 <= width:
            lines[-1] += f"; {statement}"
        else:
            lines.append(statement)
    return lines


@dataclass(frozen=True)
class Trial:
    """What running a script came to: whether its assertion, and nothing else, failed; its variables."""

    fails: bool
    variables: dict[str, Any]


def attempt(script: Script, transcript: Transcript, module: Module) -> Trial:
    """Run a script's body with the module that is loaded already. Nothing that it does raises here."""
    variables: dict[str, Any] = {"np": np, **transcript.names.used}
    if transcript.layer.uses_jax or "jax" in script.text:
        import jax

        variables |= {"jax": jax, "jnp": jax.numpy}
    importing.resume(module.project)
    body = "\n".join(script.body)
    try:
        with _apart(), quiet():
            exec(compile(body, "<script>", "exec"), variables)
    except KeyboardInterrupt:
        raise
    except AssertionError as error:
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        ours = trace is not None and trace.tb_frame.f_code.co_filename == "<script>"
        return Trial(ours, variables)
    except BaseException:  # the user's code; a text that does not hold
        return Trial(False, variables)
    return Trial(False, variables)


@contextlib.contextmanager
def _apart() -> Iterator[None]:
    """Nothing is printed, and the caller's random numbers go on as they were."""
    own_numpy, own_python = np.random.get_state(), random.getstate()  # noqa: NPY002
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            yield
    finally:
        np.random.set_state(own_numpy)  # noqa: NPY002
        random.setstate(own_python)
