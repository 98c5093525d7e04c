"""What screens with a map have in common: the keys that move its cursor and choose what it shows."""

from __future__ import annotations

from gradcheck_cli.inspector.screens.hosted import HostedScreen
from gradcheck_cli.inspector.view import View
from gradcheck_cli.inspector.widgets.heat_map import HeatMap
from gradcheck_cli.inspector.words import worst_words


class MovingScreen(HostedScreen):
    """A screen with maps that move together."""

    def maps(self) -> list[HeatMap]:
        """The maps; the first one leads."""
        raise NotImplementedError

    @property
    def lead(self) -> HeatMap:
        """The map that leads."""
        return self.maps()[0]

    def has_map(self) -> bool:
        """Whether there are elements to be looked at; if not, it is said."""
        if self.lead.leaf is None:
            self.say("there are no elements to be looked at here")
        return self.lead.leaf is not None

    def look(self, view: View) -> None:
        """Show another part."""
        if self.lead.leaf is not None:
            for each in self.maps():
                each.look(view)

    def action_move(self, down: int, across: int) -> None:
        """So many cells."""
        self.look(self.lead.view.moved(down, across))

    def action_page(self, by: int) -> None:
        """A screenful of rows."""
        self.look(self.lead.view.moved(by * max(1, self.lead.cells[0] - 1), 0))

    def action_edge(self, to: int) -> None:
        """The first or the last of the row."""
        view = self.lead.view
        self.look(view.moved(0, to * view.shape[view.columns]))

    def action_worst(self, by: int) -> None:
        """The next of the worst elements."""
        leaf = self.lead.leaf
        if not self.has_map() or leaf is None:
            return
        worst = leaf.heat.worst
        if not worst.size:
            self.say("nothing is wrong here")
            return
        view = self.lead.view
        found = (worst == view.position).nonzero()[0]
        at = int(found[0]) + by if found.size else 0 if by > 0 else worst.size - 1
        if at in (-1, worst.size) and worst.size > 1:
            self.say(worst_words(worst.size, leaf.heat.wrong))
        self.look(view.at_position(int(worst[at % worst.size])))

    def action_step(self, by: int) -> None:
        """The next slice."""
        view = self.lead.view
        if not self.has_map():
            return
        if view.step is None:
            self.say("there are no other slices: both axes are shown")
        else:
            self.look(view.stepped(by))

    def action_next_step(self) -> None:
        """Step through another axis."""
        if not self.has_map():
            return
        if len(self.lead.view.others) < 2:
            self.say("there is no other axis to step through")
        else:
            self.look(self.lead.view.next_step())

    def action_axis(self, which: str) -> None:
        """Another axis down, or across."""
        view = self.lead.view
        if not self.has_map():
            return
        if not view.others:
            self.say("there are no other axes; t turns them")
        else:
            self.look(view.with_next(rows=which == "rows"))

    def action_transpose(self) -> None:
        """Rows across, columns down."""
        self.look(self.lead.view.transposed())

    def action_zoom(self, by: int) -> None:
        """Closer, or farther."""
        self.look(self.lead.view.zoomed(by))

    def action_fit(self) -> None:
        """All of it."""
        if self.lead.leaf is not None:
            self.lead.fit()
