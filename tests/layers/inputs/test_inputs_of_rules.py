"""What is drawn for `custom_vjp` and `custom_jvp` rules, as libraries write them: settings, weights, labels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from gradcheck_cli.layers.case import Specification
from gradcheck_cli.layers.discovery import find
from gradcheck_cli.layers.inputs.specification import specify
from gradcheck_cli.layers.loading import load
from gradcheck_cli.layers.options import InputOptions

Specified = Callable[[str], Specification]


@pytest.fixture
def specified(tmp_path: Path) -> Specified:
    """The specification of the first rule in a module."""

    def of(source: str) -> Specification:
        path = tmp_path / "rules.py"
        path.write_text("from functools import partial\nimport jax\nimport jax.numpy as jnp\n" + source)
        module = load(path)
        layer = find(module).layers[0]
        return specify(layer, module, layer.bind(module.namespace), InputOptions())

    return of


ROOTS = """
@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _root(x, power, n_iter, {clip}):
    return jnp.abs(x) ** power

@_root.defjvp
def _root_jvp(power, n_iter, clip, primals, tangents):
    return _root(primals[0], power, n_iter, clip), tangents[0]

def root(x, power={power}, *, n_iter=50):
    return _root(x, power, n_iter, None)

def block(x, chunk=4096): ...
"""


@pytest.mark.parametrize(("power", "kept"), [("0.5", True), ("jnp.e", False)])
def test_a_setting_has_the_default_of_the_public_function(specified: Specified, power: str, kept: bool) -> None:
    source = ROOTS.format(power=power, clip="clip: float | None")
    specification = specified(source)
    assert specification.shapes["n_iter"].values == (50,)
    assert (specification.shapes["power"].values == (0.5,)) is kept
    assert specification.shapes["clip"].values == (None,)


def test_a_setting_that_nobody_describes_keeps_the_usual_value(specified: Specified) -> None:
    specification = specified(
        ROOTS.format(power="0.5", clip="clip").replace("clip)", "chunk)").replace("clip,", "chunk,")
    )
    assert specification.shapes["chunk"].values == (2,), "4,096 is a size for real data"


CROSS_ENTROPY = """
@jax.custom_vjp
def loss(scores, targets, weights):
    found = jax.nn.logsumexp(scores, axis=-1) - jnp.take_along_axis(scores, targets[..., None], axis=-1)[..., 0]
    return found * weights

def loss_fwd(scores, targets, weights):
    return loss(scores, targets, weights), (scores, targets, weights)

def loss_bwd(kept, g):
    scores, targets, weights = kept
    d = jax.nn.softmax(scores) - jax.nn.one_hot(targets, scores.shape[-1])
    return d * (weights * g)[..., None], None, None

loss.defvjp(loss_fwd, loss_bwd)
"""


def test_weights_beside_labels_are_one_for_each_example_though_none_comes_back_for_them(specified: Specified) -> None:
    shapes = specified(CROSS_ENTROPY).shapes
    assert [shapes[name].dimensions for name in ("scores", "targets", "weights")] == [("N", "D"), ("N",), ("N",)]


def test_weights_that_a_product_takes_stay_a_matrix(specified: Specified) -> None:
    source = CROSS_ENTROPY.replace("scores, targets, weights)", "x, targets, weights)").replace(
        "    found =", "    scores = x @ weights\n    found ="
    )
    source = source.replace("found * weights", "found").replace("    d =", "    scores = scores @ weights\n    d =")
    source = source.replace("(weights * g)", "g").replace(
        "return d * g[..., None]", "return (d * g[..., None]) @ weights.T"
    )
    assert specified(source).shapes["weights"].dimensions == ("D", "M")


def test_labels_that_pick_rows_stay_below_the_number_of_rows(specified: Specified) -> None:
    source = """
@jax.custom_vjp
def score(x, w, labels):
    return jnp.sum(x * w[labels], axis=-1)

score.defvjp(
    lambda x, w, labels: (jnp.sum(x * w[labels], axis=-1), (x, w, labels)),
    lambda kept, g: (
        g[:, None] * kept[1][kept[2]], jnp.zeros_like(kept[1]).at[kept[2]].add(g[:, None] * kept[0]), None
    ),
)
"""
    shapes = specified(source).shapes
    assert shapes["labels"].values == ((shapes["w"].dimensions or ("",))[0],)


@pytest.mark.parametrize(("free", "fits"), [("'...'", True), ("'*other'", False)])
def test_an_ellipsis_is_what_another_array_calls_its_axes(specified: Specified, free: str, fits: bool) -> None:
    pytest.importorskip("jaxtyping")
    source = f"""
from jaxtyping import Array, Float

@jax.custom_jvp
def scaled(z: Float[Array, '*shape'], rate: Float[Array, {free}]):
    return z * rate

@scaled.defjvp
def scaled_jvp(primals, tangents):
    return scaled(*primals), tangents[0] * primals[1] + primals[0] * tangents[1]
"""
    if fits:
        assert dict(specified(source).derived) == {"batch_1": "shape_1", "batch_2": "shape_2"}
    else:
        with pytest.raises(Exception, match="does not run"):
            specified(source)


ROUTED = """
@partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def route(tokens, order, use_mosaic_kernel):
    if use_mosaic_kernel:
        raise ImportError("no such device")
    return {route}

route.defvjp(lambda tokens, *rest: (route(tokens, *rest), None), lambda *given: (given[-1],))
"""


def test_tokens_that_make_no_floating_output_are_activations_and_kernels_stay_off(specified: Specified) -> None:
    tokens = specified(ROUTED.format(route="tokens * 2")).shapes["tokens"]
    assert (tokens.kind, tokens.dimensions) == ("float", ("N", "D"))


def test_tokens_that_pick_embeddings_stay_integers(specified: Specified) -> None:
    source = ROUTED.format(route="table[tokens]").replace("tokens, order", "tokens, table").replace("(1, 2)", "(2,)")
    shapes = specified(source).shapes
    assert (shapes["tokens"].kind, shapes["table"].kind) == ("integer", "float")
