from __future__ import annotations

import json
from dataclasses import replace

import numpy as np

from gradcheck_cli.report.jacobian.json import MOST_ENTRIES, jacobians_json
from gradcheck_cli.report.jacobian.model import Jacobian, Jacobians
from tests.report.jacobian.made import LINEAR, square


def _document(*jacobians: Jacobian) -> dict[str, object]:
    text = jacobians_json(Jacobians("layer", "layers.py", 3, 7, jacobians, (("N", 2),), ("a note",)))
    assert text.endswith("}\n")
    found: dict[str, object] = json.loads(text)
    return found


def test_one_jacobian() -> None:
    document = _document(LINEAR)
    (found,) = document.pop("jacobians")  # type: ignore[misc]
    assert document == {
        "schema_version": 1,
        "kind": "jacobian",
        "name": "layer",
        "path": "layers.py",
        "line": 3,
        "seed": 7,
        "sizes": {"N": 2},
        "notes": ["a note"],
    }
    assert found["output"] == {"name": "z", "shape": [1, 2], "dimensions": ["", "N"]}
    assert (found["shape"], found["matrix"], found["entries"]) == ([2, 3], LINEAR.matrix.tolist(), None)
    assert found["structure"]["notation"] == "Wᵀ"
    assert (found["formula"], found["without"]) == (LINEAR.formula, list(LINEAR.without))
    assert found["block"] is None


def test_a_large_one_by_its_entries() -> None:
    size = int(MOST_ENTRIES**0.5) + 1
    (found,) = _document(square(size))["jacobians"]  # type: ignore[misc]
    assert found["matrix"] is None
    assert found["entries"][:3] == [[0, 0, 1.0], [0, 1, -0.25], [1, 1, 1.0]]
    assert found["block"]["rows"] == ["z[0]", "z[1]"]


def test_what_strict_parsers_cannot_read_is_a_string() -> None:
    (found,) = _document(replace(LINEAR, matrix=np.array([[np.nan, np.inf]])))["jacobians"]  # type: ignore[misc]
    assert found["matrix"] == [["NaN", "Infinity"]]
