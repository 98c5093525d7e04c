"""What `list`, `diff`, `trace`, `jacobian` and `train` write as JSON, and the schemas that say what it holds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.report.difference.json import difference_json, no_difference_json
from gradcheck_cli.report.graph.json import graph_json
from gradcheck_cli.report.jacobian.json import MOST_ENTRIES, jacobians_json
from gradcheck_cli.report.jacobian.model import Jacobians
from gradcheck_cli.report.listed import ListedArgument, ListedLayer, Listing
from gradcheck_cli.report.listing import listing_json
from gradcheck_cli.report.model import Finding
from gradcheck_cli.report.problem import Problem, empty_report_object
from gradcheck_cli.report.training.json import training_json
from tests.report.difference import test_showing as differences
from tests.report.graph import graphs
from tests.report.jacobian.made import LINEAR, square
from tests.report.schemas import DOCS, NAMES, complaints
from tests.report.training import made as trainings

PROBLEM = Problem("usage", "no such file", "x.py", None, "name another")


def listings() -> Iterator[str]:
    finding = Finding("GC501", "it does not load", "x.py", 3)
    layer = ListedLayer("affine", "x.py", 3, "function pair", (ListedArgument("x", "input", "float", "(N, D)"),))
    yield listing_json(
        Listing("0.1.0", (layer, ListedLayer("b", "x.py", 9, "class", error=finding)), (finding,), ("so",))
    )
    yield json.dumps(empty_report_object("0.1.0", 0, "cpu", PROBLEM))


def jacobians() -> Iterator[str]:
    side = int(MOST_ENTRIES**0.5) + 1
    for one in (LINEAR, square(4), square(side)):
        yield jacobians_json(Jacobians("layer", "layers.py", 3, 7, (one,), (("N", 2),), ("a note",)))
    full = square(2).__class__(LINEAR.output, LINEAR.argument, np.ones((side, side)), LINEAR.structure)
    yield jacobians_json(Jacobians("layer", "layers.py", 3, 7, (full,)))


def all_differences() -> Iterator[str]:
    yield difference_json(differences.difference(differences.mended(), differences.same(), notes=("a note",)))
    yield difference_json(differences.difference(differences.appeared(differences.mended().after)))  # type: ignore[arg-type]
    yield no_difference_json(PROBLEM)


WRITTEN = {
    "listing": list(listings()),
    "difference": list(all_differences()),
    "jacobian": list(jacobians()),
    "graph": [graph_json(made) for made in graphs.ALL.values()],
    "training": [training_json(made) for made in (trainings.PARTS, trainings.AGREES)],
}
CASES = [(name, number) for name, documents in WRITTEN.items() for number in range(len(documents))]


@pytest.mark.parametrize(("name", "number"), CASES)
def test_it_follows_the_schema(name: str, number: int) -> None:
    document = json.loads(WRITTEN[name][number])
    # a listing that never began is the report of a run that never began
    assert complaints(name, document, every_key="summary" not in document or name == "difference") == []


@pytest.mark.parametrize("name", WRITTEN)
def test_no_key_may_be_left_out_nor_be_of_another_kind(name: str) -> None:
    document = json.loads(WRITTEN[name][0])
    for way in ways(document):
        assert complaints(name, changed(document, way, None)) != [], way
        assert complaints(name, changed(document, way, object())) != [], way


def ways(document: Any) -> Iterator[tuple[Any, ...]]:
    """To every key of an object that has fixed keys, in the first of each list."""
    inner = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document[:1])
        if isinstance(document, list)
        else ()
    )
    for key, value in inner:
        if isinstance(document, dict) and key not in ("N",):
            yield (key,)
        yield from ((key, *way) for way in ways(value))


def changed(document: Any, way: tuple[Any, ...], value: Any) -> Any:
    """A copy without what lies there (None), or with another value there."""
    copy = json.loads(json.dumps(document))
    *path, last = way
    node = copy
    for key in path:
        node = node[key]
    if value is None:
        del node[last]
    else:
        node[last] = value
    return copy


def test_each_schema_is_named_where_json_is_explained() -> None:
    page = (DOCS / "json.md").read_text(encoding="utf-8")
    assert len(NAMES) == 7
    assert [name for name in NAMES if f"({name}.schema.json)" not in page] == []
