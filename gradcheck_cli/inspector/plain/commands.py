"""The words of the plain pager, and what each of them shows."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator

import numpy as np

from gradcheck_cli.errors import UserError
from gradcheck_cli.inspector.asking import Unclear, drawn_anew, edit_of, editable, index_of, with_edit
from gradcheck_cli.inspector.convention import convention_rows
from gradcheck_cli.inspector.leaf import Leaf
from gradcheck_cli.inspector.looking import Looking, Target
from gradcheck_cli.inspector.plain.reading import (
    dug_text,
    element_text,
    gradient_line,
    layer_text,
    overview,
    reported_element,
    source_text,
)
from gradcheck_cli.inspector.plain.text import paragraph, spoken
from gradcheck_cli.inspector.session import Question
from gradcheck_cli.inspector.source import backward_excerpt, forward_excerpt
from gradcheck_cli.report.escaping import one_line, plain
from gradcheck_cli.report.model import Status
from gradcheck_cli.report.shapes import index_text

WORST = 5
"""Elements of a gradient that are told without being asked for."""

HELP = """\
next            the next worst element; an empty line says the same
worst           the five worst elements of this gradient
element 3,4     one element, by its index
gradient dw     another gradient of this layer
layer 2         another layer, by its number or its name
layers          the verdicts
convention      what goes in, and which gradient comes back for it
source          the forward, with the line to blame, and the backward
dig             differences over step sizes, and what flows along each path
script          the smallest case that fails, as a program
check seed=1    check again; N=5: another size; x[0,1]=2.5: another value
live            a saved run whose module is here: check all of it again
back            as it was before it was checked again
help, quit"""

_WHAT_IF = re.compile(r"(?P<name>[^\s=\[]+(?:\[[^=]*\])?)=(?P<value>\S+)")


class Commands:
    """What is looked at, and what was said last.

    Attributes:
        is_over: nothing more is asked for.
    """

    def __init__(self, looking: Looking) -> None:
        self._looking = looking
        self._target = looking.first
        self._rank = 0
        self._position: int | None = None
        self.is_over = False
        self._words: dict[str, Callable[[str], str]] = {
            "next": lambda _: self._next(),
            "worst": lambda _: self._worst(),
            "element": self._element,
            "gradient": self._gradient,
            "layer": self._layer,
            "layers": lambda _: self._overview(),
            "convention": lambda _: self._convention(),
            "source": lambda _: self._source(),
            "dig": lambda _: self._dig(),
            "script": lambda _: self._script(),
            "check": self._check,
            "live": lambda _: self._go_live(),
            "back": lambda _: self._back(),
            "help": lambda _: HELP,
            "quit": lambda _: self._quit(),
        }

    def everything(self) -> str:
        """All that there is to say without being asked: the verdicts, then each layer that is not a pass."""
        parts = [self._overview()]
        for at, layer in enumerate(self._looking.report.layers):
            if layer.status is not Status.PASS:
                parts.append("\n\n".join(self._told(at)))
        return "\n\n\n".join(parts)

    def beginning(self) -> str:
        """The verdicts, and the layer that a person wants to see first."""
        if not self._looking.report.layers:
            return self._overview()
        return "\n\n\n".join([self._overview(), "\n\n".join(self._told(self._target.layer)), "help names the words."])

    def answer(self, line: str) -> str:
        """What a line asks for.

        Raises:
            UserError: where the file is damaged.
        """
        word, _, rest = (line.strip() or "next").partition(" ")
        if word not in self._words:
            begun = [each for each in self._words if each.startswith(word)]
            close = begun or difflib.get_close_matches(word, self._words, n=1)
            hint = f"did you mean {close[0]}?" if close else "help names them all"
            return f"There is no word {one_line(word)}: {hint}"
        if not self._looking.report.layers and word not in ("layers", "help", "quit"):
            return "There is no layer."
        try:
            return self._words[word](rest.strip())
        except Unclear as error:
            return paragraph(f"{error}.")

    def _overview(self) -> str:
        return overview(self._looking.session, self._looking.report)

    def _told(self, at: int) -> Iterator[str]:
        """A layer with the forward's source and the worst elements of each gradient that is wrong."""
        layer, folder = self._looking.layer(at), self._looking.session.folder
        yield layer_text(layer, folder)
        finding = self._looking.finding(self._looking.first_of(at))
        if finding is not None and finding.blame is not None:
            yield source_text("The forward", forward_excerpt(layer, self._looking.kept(at), finding), folder)
        for number, argument in enumerate(layer.arguments):
            if argument.wrong:
                yield self._of_gradient(Target(at, number))

    def _of_gradient(self, target: Target) -> str:
        argument = self._looking.argument(target)
        assert argument is not None
        leaf = self._looking.leaf(target)
        if leaf is None:
            told = [reported_element(each, argument.gradient_name) for each in argument.worst[:WORST]]
        elif leaf.why_no_map:
            told = [paragraph(leaf.why_no_map)]
        else:
            try:
                told = [element_text(leaf.facts(int(at)), leaf, leaf.heat.wrong) for at in leaf.heat.worst[:WORST]]
            except UserError as error:
                told = [paragraph(f"{error.message}.")]
        elsewhere = self._looking.layer(target.layer).arguments[target.argument]
        if elsewhere.wrong and not argument.wrong:
            told.append(f"It is wrong in draw {elsewhere.draw + 1}, which is not shown.")
        return "\n".join([gradient_line(argument), *told])

    def _leaf(self) -> Leaf:
        """The gradient that is looked at.

        Raises:
            Unclear: where its elements cannot be compared.
        """
        leaf = self._looking.leaf(self._target)
        if leaf is None:
            raise Unclear("no arrays were kept of this gradient")
        if leaf.why_no_map:
            raise Unclear(leaf.why_no_map.rstrip("."))
        return leaf

    def _shown(self, leaf: Leaf, position: int) -> str:
        self._position = position
        return element_text(leaf.facts(position), leaf, leaf.heat.wrong)

    def _next(self) -> str:
        leaf = self._leaf()
        worst = leaf.heat.worst
        if not worst.size:
            return f"No element of {one_line(leaf.kept.gradient_name)} is wrong."
        again = "The worst again.\n" if self._rank >= worst.size else ""
        self._rank %= worst.size
        self._rank += 1
        return again + self._shown(leaf, int(worst[self._rank - 1]))

    def _worst(self) -> str:
        self._leaf()
        return self._of_gradient(self._target)

    def _element(self, told: str) -> str:
        leaf = self._leaf()
        index = index_of(told, leaf.kept.shape, leaf.kept.dimensions)
        return self._shown(leaf, int(np.ravel_multi_index(index, leaf.kept.shape)) if index else 0)

    def _gradient(self, told: str) -> str:
        arguments = self._looking.layer(self._target.layer).arguments
        names = [name for argument in arguments for name in (argument.gradient_name, argument.name)]
        if told not in names:
            known = ", ".join(one_line(argument.gradient_name) for argument in arguments)
            return f"The gradients of this layer are {known or 'none'}."
        self._look(Target(self._target.layer, names.index(told) // 2))
        return self._of_gradient(self._target)

    def _layer(self, told: str) -> str:
        names = [layer.name for layer in self._looking.report.layers]
        number = int(told) - 1 if told.isdecimal() else names.index(told) if told in names else -1
        if not 0 <= number < len(names):
            return f"The layers are {', '.join(f'{at}. {one_line(name)}' for at, name in enumerate(names, 1))}."
        self._look(self._looking.first_of(number))
        return "\n\n".join(self._told(number))

    def _look(self, target: Target) -> None:
        self._target, self._rank, self._position = target, 0, None

    def _convention(self) -> str:
        layer, kept = self._looking.layer(self._target.layer), self._looking.kept(self._target.layer)
        rows = convention_rows(layer, kept)
        told = [f"  {name} {spoken(what)}{f': {comes}' if comes else ''}" for name, what, comes in rows]
        return "\n".join([f"What goes in, and what comes back: {one_line(layer.convention)}", *told])

    def _source(self) -> str:
        at, folder = self._target.layer, self._looking.session.folder
        layer, kept, finding = self._looking.layer(at), self._looking.kept(at), self._looking.finding(self._target)
        forward = source_text("The forward", forward_excerpt(layer, kept, finding), folder)
        return f"{forward}\n\n{source_text('The backward', backward_excerpt(layer, kept, finding), folder)}"

    def _dig(self) -> str:
        leaf, layer = self._leaf(), self._looking.layer(self._target.layer)
        worst = leaf.heat.worst
        position = self._position if self._position is not None else int(worst[0]) if worst.size else 0
        dug = self._looking.session.dig(layer, leaf.layer, leaf.position, position)
        facts = leaf.facts(position)
        return dug_text(dug, f"{one_line(leaf.kept.gradient_name)}{index_text(facts.index)}")

    def _script(self) -> str:
        script = self._looking.layer(self._target.layer).script
        return plain(script).rstrip() if script else "There is no script for this layer."

    def _check(self, told: str) -> str:
        session, at = self._looking.session, self._target.layer
        if not session.is_live:
            return self._why_not_live()
        answer = session.ask(self._question(told))
        said = paragraph(spoken(self._looking.take(answer).replace(" · ", "; ")))
        if answer.report is None:
            return said
        self._look(self._looking.first_of(at))
        return f"{said}\n\n{layer_text(answer.report, session.folder)}"

    def _why_not_live(self) -> str:
        session = self._looking.session
        return paragraph(f"{session.why_not_live}{': the word live checks it again' if session.at_hand else ''}.")

    def _go_live(self) -> str:
        """All layers of a saved run with the modules as they are now, in the order of the report."""
        session = self._looking.session
        if session.is_live:
            return "It is live: check does it again."
        if not session.at_hand:
            return self._why_not_live()
        told = [paragraph(f"{session.at_hand}.")]
        session.go_live()
        for at in range(len(session.report.layers)):
            answer = session.ask(self._looking.question(at))
            told.append(paragraph(spoken(self._looking.take(answer).replace(" · ", "; "))))
        self._look(self._looking.first)
        return "\n".join(told)

    def _question(self, told: str) -> Question:
        """The layer as it was asked last, and what is changed now.

        Raises:
            Unclear: where that cannot be asked.
        """
        at = self._target.layer
        question, kept = self._looking.question(at), self._looking.kept(at)
        found = list(_WHAT_IF.finditer(told))
        if told and "".join(each[0] for each in found) != re.sub(r"\s+", "", told):
            raise Unclear("write check, check seed=1, check N=5 or check x[0,1]=2.5")
        changes = {each["name"]: each["value"] for each in found}
        inputs = {} if kept is None else editable(kept)
        sizes = {} if kept is None else dict(kept.draw.dimensions)
        edits = {name: text for name, text in changes.items() if "[" in name}
        seed = changes.pop("seed", "" if question.seed is None else str(question.seed))
        plain_sizes = {name: text for name, text in changes.items() if name not in edits}
        for name in plain_sizes:
            if name not in sizes:
                raise Unclear(f"there is no size {name}: its sizes are {', '.join(sizes) or 'none'}")
        question = drawn_anew(question, seed, plain_sizes, sizes)
        for name, text in edits.items():
            close = next((each for each in inputs if name.startswith(f"{each}[")), None)
            if close is None:
                raise Unclear(
                    f"there is no input {name.partition('[')[0]}: its inputs are {', '.join(inputs) or 'none'}"
                )
            edit = edit_of(inputs[close], name[len(close) :], text)
            question = with_edit(question, edit, None if kept is None else kept.draw.index)
        return question

    def _back(self) -> str:
        at = self._target.layer
        if not self._looking.go_back(at):
            return "This layer was not checked again."
        self._look(self._looking.first_of(at))
        return layer_text(self._looking.layer(at), self._looking.session.folder)

    def _quit(self) -> str:
        self.is_over = True
        return ""
