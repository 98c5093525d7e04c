"""Where boxes and the lines between them go: layers from left to right, nothing on top of anything else.

The method of K. Sugiyama, S. Tagawa and M. Toda (1981), as Gansner, Koutsofios, North and Vo describe it ("A technique
for drawing directed graphs", 1993): longest-path layers, items that long lines pass through, sweeps of barycentres for
the order within a layer. A line's label is such an item too, so that no two labels meet. Heights are least squares with
the order kept, which pooling adjacent violators solves exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gradcheck_cli.report.graph.order import ordered
from gradcheck_cli.report.graph.straighten import straightened

MOST_PASSED = 4_000
"""Items that long lines may pass through in all; the longest lines beyond that begin at a stub beside their target."""
_GAP = 14.0
_LEAST_STEP = 22.0
_SLOPE = 0.45
_LONG, _LIGHT = 4.0, 0.02
_MOST_STEP = 90.0


@dataclass(frozen=True)
class Box:
    """Something of this size; `is_round` where lines end on a circle."""

    width: float
    height: float
    is_round: bool = False


@dataclass(frozen=True)
class Link:
    """A line from one box to a later one.

    Attributes:
        source, target: positions among the boxes; the source comes first.
        bundle: lines from one source that share it run together as far as they can.
        label: its size.
        stub: the size of what stands for the source where the line would be too long.
    """

    source: int
    target: int
    bundle: int
    label: Box
    stub: Box


@dataclass(frozen=True)
class Place:
    """A box by its middle."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """A line: points from source to target, even ones begin a slope, odd ones end it; between slopes it is level."""

    points: tuple[tuple[float, float], ...]
    label: Place
    stub: Place | None = None


@dataclass(frozen=True)
class Layout:
    """Everything's place, from (0, 0) to (width, height)."""

    boxes: tuple[Place, ...]
    routes: tuple[Route, ...]
    width: float
    height: float


def layout(boxes: Sequence[Box], links: Sequence[Link]) -> Layout:
    """A place for each box and a route for each link.

    Args:
        boxes: sources before their targets.
    """
    if not boxes:
        return Layout((), (), 0.0, 0.0)
    return _Layout(boxes, links).placed()


@dataclass
class _Item:
    """A box, a label, or a place where a long line passes through a layer."""

    layer: int
    size: Box
    is_box: bool = False
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)


class _Layout:
    def __init__(self, boxes: Sequence[Box], links: Sequence[Link]) -> None:
        self.boxes, self.links = boxes, links
        ranks = _ranks(len(boxes), links)
        self.items = [_Item(2 * rank, box, is_box=True) for rank, box in zip(ranks, boxes)]
        self.chains: list[list[int]] = []
        self.stubs: list[int | None] = []
        stubbed = _too_long(ranks, links)
        passing: dict[tuple[int, int, int], int] = {}
        for number, link in enumerate(links):
            self._chain(link, number in stubbed, passing)

    def _chain(self, link: Link, is_stubbed: bool, passing: dict[tuple[int, int, int], int]) -> None:
        last = self.items[link.target].layer
        source, stub = link.source, None
        if is_stubbed:
            source = stub = self._new(last - 2, link.stub)
        chain = [source]
        for layer in range(self.items[source].layer + 1, last - 1):
            key = (source, link.bundle, layer)
            if key not in passing:
                passing[key] = self._new(layer, Box(0.0, 0.0))
                self._join(chain[-1], passing[key])
            chain.append(passing[key])
        chain.append(self._new(last - 1, link.label))
        self._join(chain[-2], chain[-1])
        self._join(chain[-1], link.target)
        self.chains.append([*chain, link.target])
        self.stubs.append(stub)

    def _new(self, layer: int, size: Box) -> int:
        self.items.append(_Item(layer, size))
        return len(self.items) - 1

    def _join(self, first: int, second: int) -> None:
        self.items[first].after.append(second)
        self.items[second].before.append(first)

    def placed(self) -> Layout:
        items = self.items
        before, after = [item.before for item in items], [item.after for item in items]
        layers = ordered([item.layer for item in items], before, after)
        heights = [item.size.height + _GAP for item in items]
        ys = straightened(layers, heights, before, after, self._pulls())
        top = min(y - item.size.height / 2 for y, item in zip(ys, items))
        ys = [y - top for y in ys]
        xs, width = self._columns(layers, ys)
        places = [Place(x, y, item.size.width, item.size.height) for x, y, item in zip(xs, ys, items)]
        widest = {item.layer: 0.0 for item in items}
        for item in items:
            widest[item.layer] = max(widest[item.layer], item.size.width)
        routes = self._routes(places, widest)
        height = max(place.y + place.height / 2 for place in places)
        return Layout(tuple(places[: len(self.boxes)]), tuple(routes), width, height)

    def _pulls(self) -> list[float]:
        """Long lines bend last. What many gates take from an input bends first: else a loop would go aslant."""
        pulls = [_LONG if not item.is_box and item.size.height == 0 else 1.0 for item in self.items]
        uses = Counter(chain[0] for chain in self.chains)
        for chain, stub in zip(self.chains, self.stubs):
            if stub is not None or (uses[chain[0]] > 1 and not self.items[chain[0]].before):
                pulls[chain[-2]] = _LIGHT
        return pulls

    def _columns(self, layers: list[list[int]], ys: list[float]) -> tuple[list[float], float]:
        """Layers are as far apart as their steepest line needs."""
        xs = [0.0] * len(self.items)
        right = 0.0
        for number, layer in enumerate(layers):
            wide = max((self.items[item].size.width for item in layer), default=0.0)
            if number:
                steep = max((abs(ys[b] - ys[item]) for item in layer for b in self.items[item].before), default=0.0)
                right += min(_LEAST_STEP + _SLOPE * steep, _MOST_STEP)
            for item in layer:
                xs[item] = right + wide / 2
            right += wide
        return xs, right

    def _routes(self, places: list[Place], widest: dict[int, float]) -> list[Route]:
        arriving = _slots(places, [(link.target, number, chain[-2]) for number, (link, chain) in self._numbered()])
        leaving = _slots(places, [(chain[0], link.bundle, chain[1]) for _, (link, chain) in self._numbered()])
        routes = []
        for number, (link, chain) in self._numbered():
            first, label, end, stub = chain[0], chain[-2], chain[-1], self.stubs[number]
            points = [_on_the_edge(self.items[first].size, places[first], leaving[first, link.bundle], 1)]
            for item in chain[1:-1]:
                half = widest[self.items[item].layer] / 2  # level through the layer: it passes the boxes there
                points += [(places[item].x - half, places[item].y), (places[item].x + half, places[item].y)]
            points.append(_on_the_edge(self.items[end].size, places[end], arriving[end, number], -1))
            routes.append(Route(tuple(points), places[label], None if stub is None else places[stub]))
        return routes

    def _numbered(self) -> list[tuple[int, tuple[Link, list[int]]]]:
        return list(enumerate(zip(self.links, self.chains)))


def _ranks(count: int, links: Sequence[Link]) -> list[int]:
    """The longest path to each box."""
    ranks = [0] * count
    incoming: list[list[int]] = [[] for _ in range(count)]
    for link in links:
        if link.source >= link.target:
            raise ValueError(f"box {link.target} comes before box {link.source}, from which it takes")
        incoming[link.target].append(link.source)
    for number, sources in enumerate(incoming):
        ranks[number] = max((ranks[source] + 1 for source in sources), default=0)
    return ranks


def _too_long(ranks: Sequence[int], links: Sequence[Link]) -> set[int]:
    """The longest links, so that all others together pass through at most `MOST_PASSED` layers."""
    passed, found = 0, set()
    spans = sorted((ranks[link.target] - ranks[link.source], number) for number, link in enumerate(links))
    for span, number in spans:
        passed += 2 * (span - 1)
        if passed > MOST_PASSED and span > 1:
            found.add(number)
    return found


def _slots(places: Sequence[Place], ends: Sequence[tuple[int, int, int]]) -> dict[tuple[int, int], float]:
    """Where on a box's side lines end, from -1 (top) to 1, in the order of where they come from or go.

    Args:
        ends: box, line or bundle of lines, the item next to the box there.
    """
    heights: dict[int, dict[int, list[float]]] = {}
    for box, line, item in ends:
        heights.setdefault(box, {}).setdefault(line, []).append(places[item].y)
    found = {}
    for box, lines in heights.items():
        in_order = sorted(lines, key=lambda line: (sum(lines[line]) / len(lines[line]), line))
        found.update({(box, line): (2 * place + 1) / len(lines) - 1 for place, line in enumerate(in_order)})
    return found


def _on_the_edge(size: Box, place: Place, slot: float, side: int) -> tuple[float, float]:
    """A point on the left (-1) or the right (1) side of a box, or of a circle."""
    half = place.height / 2
    y = slot * half * (0.9 if not size.is_round else 1.0)
    if not size.is_round:
        return place.x + side * place.width / 2, place.y + y
    return place.x + side * (half * half - y * y) ** 0.5, place.y + y
