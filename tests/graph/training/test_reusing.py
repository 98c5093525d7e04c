"""A trace is used again only where the forward looks at no values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck_cli.checking.contents import contents_of
from gradcheck_cli.checking.traces import Traces
from gradcheck_cli.checking.training.training import trained
from gradcheck_cli.graph.networks.drawing import Drawing, Forwarded
from gradcheck_cli.graph.training.differentiating import by_autodiff
from gradcheck_cli.graph.training.reusing import ReusedTraces
from gradcheck_cli.graph.training.running import Runner
from gradcheck_cli.layers.layer import Layer
from gradcheck_cli.layers.options import InputOptions
from gradcheck_cli.tracing.jax_setup import start
from tests.checking.training.modules import CLASSES, MLP


def network(folder: Path, source: str, name: str) -> tuple[Layer, Forwarded, ReusedTraces]:
    start()
    path = folder / "module.py"
    path.write_text(source)
    module, contents = contents_of(path)
    assert module is not None
    layer = next(layer for layer in contents.layers if layer.name == name)
    assert layer.network is not None
    forwarded, traces = Drawing(layer.network, InputOptions()).take(0), Traces("cpu")
    net = layer.network

    def trace(position: int, ran: Any) -> Any:
        return traces.trace(net.node_of(net.uses[position]).module, ran.case, ran.result)

    return layer, forwarded, ReusedTraces(trace)


def moved(forwarded: Forwarded, size: float) -> Forwarded:
    parameters = trained(forwarded)
    values = {one.name: one.start + size for one in parameters}
    return Runner(forwarded, parameters).run(values, forwarded.inputs)


def test_what_looks_at_nothing_is_traced_twice_at_first_and_then_no_more(tmp_path):
    _, forwarded, tracer = network(tmp_path, MLP, "net")
    by_autodiff(forwarded, tracer)
    first = tracer.followed
    assert first == 2 * len(forwarded.uses)
    for size in (0.5, -0.5, 3.0):
        by_autodiff(moved(forwarded, size), tracer)
    assert tracer.followed == first


def test_a_mask_is_traced_anew(tmp_path):
    _, forwarded, tracer = network(tmp_path, CLASSES, "net")
    by_autodiff(forwarded, tracer)
    first = tracer.followed
    by_autodiff(moved(forwarded, 0.5), tracer)
    masks = sum(use.name.startswith("ReLU") for use in forwarded.network.uses)
    assert tracer.followed == first + masks


@pytest.mark.parametrize(("source", "name"), [(MLP, "net"), (CLASSES, "net")], ids=["pairs", "classes"])
def test_gradients_from_used_traces_are_those_of_new_ones(tmp_path, source, name):
    _, forwarded, tracer = network(tmp_path, source, name)
    by_autodiff(forwarded, tracer)
    for size in (0.25, -1.0):
        there = moved(forwarded, size)
        _, _, new = network(tmp_path, source, name)
        for used, anew in zip(by_autodiff(there, tracer), by_autodiff(there, new)):
            for one, other in zip(used or (), anew or ()):
                np.testing.assert_array_equal(one, other)


def test_a_trace_that_does_not_give_the_forwards_values_is_made_anew(tmp_path):
    # the branch is taken at values that no probe meets
    source = MLP.replace("return np.maximum(x, 0), x", "return (np.maximum(x, 0) if x.max() < 50 else 2 * x), x")
    _, forwarded, tracer = network(tmp_path, source, "net")
    by_autodiff(forwarded, tracer)
    far = moved(forwarded, 100.0)
    _, _, new = network(tmp_path, source, "net")
    for used, anew in zip(by_autodiff(far, tracer), by_autodiff(far, new)):
        for one, other in zip(used or (), anew or ()):
            np.testing.assert_array_equal(one, other)
