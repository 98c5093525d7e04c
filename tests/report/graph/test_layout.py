from __future__ import annotations

import itertools
import time

import pytest

from gradcheck_cli.report.graph.layout import Box, Layout, Link, Place, layout
from gradcheck_cli.report.graph.model import Graph
from gradcheck_cli.report.graph.order import crossings, ordered
from gradcheck_cli.report.graph.straighten import rising
from tests.report.graph import graphs

LABEL, STUB = Box(50, 40), Box(30, 40)


def laid(graph: Graph) -> tuple[Layout, list[Link]]:
    """Without the drawing: each wire's source and each gate a box."""
    position = {number: place for place, number in enumerate(graph.inputs)}
    boxes = [Box(30, 40) for _ in position]
    links = []
    for gate in graph.shown():
        wires = [port.wire for port in gate.inputs if port.wire is not None]
        links += [Link(position[wire], len(boxes), wire, LABEL, STUB) for wire in wires]
        position.update(dict.fromkeys(gate.outputs, len(boxes)))
        boxes.append(Box(40, 40, is_round=True) if len(wires) < 3 else Box(70, 40))
    return layout(boxes, links), links


def overlapping(places: list[Place]) -> list[tuple[Place, Place]]:
    found, open_ = [], []
    for place in sorted(places, key=lambda one: one.x - one.width / 2):
        open_ = [one for one in open_ if one.x + one.width / 2 > place.x - place.width / 2 + 1e-6]
        found += [(one, place) for one in open_ if abs(one.y - place.y) < (one.height + place.height) / 2 - 1e-6]
        open_.append(place)
    return found


SOME = {name: graph for name, graph in graphs.ALL.items() if name != "long"}
SOME |= {f"random {seed}": graphs.random(50, seed) for seed in range(2, 10)}


@pytest.mark.parametrize("name", SOME)
def test_no_box_and_no_label_lies_on_another(name: str) -> None:
    found, _ = laid(SOME[name])
    stubs = [route.stub for route in found.routes if route.stub is not None]
    everything = [*found.boxes, *(route.label for route in found.routes), *stubs]
    assert overlapping(everything) == []
    assert all(one.x - one.width / 2 + 1e-6 >= 0 and one.x + one.width / 2 <= found.width + 1e-6 for one in everything)
    assert all(one.y - one.height / 2 > -1e-6 and one.y + one.height / 2 <= found.height + 1e-6 for one in everything)


@pytest.mark.parametrize("name", SOME)
def test_lines_go_from_left_to_right_from_box_to_box(name: str) -> None:
    found, links = laid(SOME[name])
    for link, route in zip(links, found.routes):
        assert all(here[0] < there[0] + 1e-6 for here, there in itertools.pairwise(route.points))
        source, target = route.stub or found.boxes[link.source], found.boxes[link.target]
        for (x, y), place in ((route.points[0], source), (route.points[-1], target)):
            assert abs(x - place.x) <= place.width / 2 + 1e-6
            assert abs(y - place.y) <= place.height / 2 + 1e-6
        level = [(here, there) for here, there in zip(route.points[1::2], route.points[2::2])]
        assert all(here[1] == there[1] for here, there in level)
        assert any(here[0] <= route.label.x <= there[0] and here[1] == route.label.y for here, there in level)


def crossed(found: Layout, links: list[Link]) -> list[tuple[int, int]]:
    """Lines whose level parts run through a box."""
    return [
        (number, position)
        for number, route in enumerate(found.routes)
        for here, there in zip(route.points[1::2], route.points[2::2])
        for position, box in enumerate(found.boxes)
        if abs(box.y - here[1]) < box.height / 2 and here[0] < box.x < there[0]
    ]


@pytest.mark.parametrize("name", SOME)
def test_no_line_runs_through_a_box(name: str) -> None:
    assert crossed(*laid(SOME[name])) == []


def test_an_overlap_would_be_seen() -> None:
    assert overlapping([Place(0, 0, 10, 10), Place(9, 9, 10, 10)]) != []
    assert overlapping([Place(0, 0, 10, 10), Place(10, 0, 10, 10)]) == []


def test_a_tree_has_no_crossing_and_its_operands_in_order() -> None:
    found, _ = laid(graphs.neuron())
    w, x, _, _, first, _, _, second, *_ = found.boxes
    assert first.y < second.y
    assert w.x == x.x


def test_a_chain_is_level() -> None:
    boxes = [Box(40, 40)] * 6
    found = layout(boxes, [Link(number, number + 1, number, LABEL, STUB) for number in range(5)])
    assert {round(box.y, 6) for box in found.boxes} == {20.0}


def test_a_loop_that_takes_the_same_weight_does_not_go_aslant() -> None:
    found, _ = laid(graphs.chain(100))
    assert found.height < 400


def test_2000_gates_take_under_5_seconds() -> None:
    graph = graphs.random(2000, 0)
    begun = time.process_time()
    found, _ = laid(graph)
    assert time.process_time() - begun < 5
    assert found.height < 20_000


def test_lines_that_are_too_long_begin_at_a_stub() -> None:
    found, _ = laid(graphs.chain(300))
    stubbed = [route for route in found.routes if route.stub is not None]
    assert 0 < len(stubbed) < 300
    assert all(route.stub is not None and route.label.x - route.stub.x < 200 for route in stubbed)


def test_a_box_before_its_source_is_refused() -> None:
    with pytest.raises(ValueError, match="box 0 comes before box 1"):
        layout([Box(1, 1)] * 2, [Link(1, 0, 0, LABEL, STUB)])


def test_nothing_is_laid_out_as_nothing() -> None:
    assert layout([], []) == Layout((), (), 0.0, 0.0)


def test_crossings_are_counted_as_by_hand() -> None:
    after = [[3, 4], [2], [], [], []]
    assert crossings([[0, 1], [2, 3, 4]], after) == 2
    assert crossings([[1, 0], [2, 3, 4]], after) == 0
    before = [[], [], [1], [0], [0]]
    assert crossings(ordered([0, 0, 1, 1, 1], before, after), after) == 0


def test_rising_is_the_nearest_sequence_that_never_falls() -> None:
    assert rising([1, 2, 3], [1, 1, 1]) == [1, 2, 3]
    assert rising([3, 1, 2], [1, 1, 1]) == [2, 2, 2]
    assert rising([2, 1], [3, 1]) == [1.75, 1.75]
