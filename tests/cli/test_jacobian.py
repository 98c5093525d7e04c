"""`gradcheck jacobian`, started as its users start it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.command import gradcheck

LECTURE = Path(__file__).parents[2] / "fixtures" / "graphs" / "lecture.py"


def test_a_relu_is_diagonal_with_zeros_and_ones():
    done = gradcheck("jacobian", f"{LECTURE}::relu", "--at", "x=1,-2,3")
    assert done.code == 0, done.err
    assert "diag(I[x > 0])" in done.out
    assert "∂out_j/∂x_i = I[j = i] I[x_i > 0]" in done.out
    assert "∂e/∂x = ∂e/∂out * I[x > 0]" in done.out


def test_a_linear_layer_has_its_matrix_transposed_and_the_lectures_formulas(tmp_path):
    file = tmp_path / "linear.json"
    done = gradcheck("jacobian", f"{LECTURE}::linear", "--output", str(file))
    assert (done.code, done.out) == (0, ""), done.err
    of_x, of_w = json.loads(file.read_text())["jacobians"]
    assert of_x["structure"]["name"] == "W transposed"
    assert of_x["formula"] == "∂out_j/∂x_i = W_ij"
    assert of_x["without"] == ["∂e/∂x = ∂e/∂out · Wᵀ"]
    assert "∂e/∂x (1×M) = ∂e/∂out (1×N) · ∂out/∂x (N×M)" in of_x["shapes"]
    assert of_w["formula"] == "∂out_k/∂W_ij = I[k = j] x_i"
    assert of_w["without"] == ["∂e/∂W = xᵀ · ∂e/∂out"]


def test_a_large_layer_is_refused_with_its_sizes_and_a_mend():
    done = gradcheck("jacobian", f"{LECTURE}::linear", "--dim", "M=5000")
    assert done.code == 2
    assert "5,000" in done.err
    assert "--dim" in done.err
    assert "Traceback" not in done.err
