"""Slips on plain arrays: each is named with its code and its numbers, in two cases of other sizes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest

from gradcheck_cli.diagnose.cause import Cause
from gradcheck_cli.diagnose.hypotheses.failing import Failing, Output

from .arrays import SIZES, Array, Gradients, affine, cases, causes, gradient

LAYER = {"x": ("N", "D"), "w": ("D", "M"), "b": ("M",)}


def only(slip: Callable[[Gradients], Mapping[str, Array]], **given: object) -> Cause:
    """The only cause."""
    (cause,) = causes(*cases(LAYER, slip, **given))  # type: ignore[arg-type]
    return cause


FACTORS: dict[str, tuple[Callable[[Gradients], Mapping[str, Array]], str, str, str | None]] = {
    "twice": (lambda g: {"w": 2 * g["w"]}, "GC202", "your `dw` is 2 times the gradient", "divide it by 2"),
    "half": (lambda g: {"w": g["w"] / 2}, "GC202", "your `dw` is 1/2 times the gradient", "multiply it by 2"),
    "a size of its own": (
        lambda g: {"w": g["w"] / len(g["w"])},
        "GC202",
        "`dw` is 1/D times the gradient (D = 6)",
        "multiply it by D",
    ),
    "a root": (
        lambda g: {"w": g["w"] / np.sqrt(len(g["w"]))},
        "GC202",
        "`dw` is 1/√D times the gradient (D = 6)",
        "multiply it by √D",
    ),
    "a mean for a sum": (
        lambda g: {"b": g["b"] / len(g["x"])},
        "GC206",
        "`db` is 1/N times the gradient (N = 4): a mean over N where the sum belongs",
        "multiply it by N",
    ),
    "a sum for a mean": (
        lambda g: {"b": g["b"] * len(g["x"])},
        "GC206",
        "`db` is N times the gradient (N = 4): a sum over N where the mean belongs",
        "divide it by N",
    ),
    "over two dimensions": (
        lambda g: {"b": g["b"] / g["x"].size},
        "GC206",
        "`db` is 1/(N·D) times the gradient (N = 4, D = 6): a mean over N and D where the sum belongs",
        "multiply it by N·D",
    ),
    "a sign": (lambda g: {"w": -g["w"]}, "GC203", "your `dw` has the wrong sign", "turn its sign"),
    "any number": (lambda g: {"w": 1.37 * g["w"]}, "GC202", "your `dw` is 1.37 times the gradient", None),
}


@pytest.mark.parametrize("what", FACTORS)
def test_a_factor_is_named(what: str) -> None:
    slip, code, says, mend = FACTORS[what]
    cause = only(slip)
    assert (cause.code, cause.mend) == (code, mend)
    assert says in cause.claim
    assert cause.explains == pytest.approx(1)


def test_a_setting_is_named() -> None:
    cause = only(lambda g: {"x": g["x"] * 0.7}, numbers={"p": 0.3})
    assert cause.claim == "your `dx` is (1 - p) times the gradient (p = 0.3)"
    assert cause.mend == "divide it by (1 - p)"


def test_a_factor_of_all_is_one_cause() -> None:
    cause = only(lambda g: {name: g[name] / 2 for name in g})
    assert cause.gradients == ("x", "w", "b")
    assert cause.claim == "your `dx`, `dw` and `db` are 1/2 times their gradients: a factor that all have in common"


def test_different_factors_are_a_cause_each() -> None:
    found = causes(*cases(LAYER, lambda g: {"x": 2 * g["x"], "w": -g["w"]}))
    assert {cause.gradients: cause.code for cause in found} == {("x",): "GC202", ("w",): "GC203"}


SQUARE = {"a": ("D", "D"), "h": ("N", "D", "D"), "b": ("D",)}

MOVED: dict[str, tuple[str, Callable[[Array], Array], str, str]] = {
    "transposed": ("a", lambda a: a.T, "GC204", "the gradient transposed"),
    "half of it, transposed": ("a", lambda a: a.T / 2, "GC204", "1/2 times the gradient transposed"),
    "minus it, transposed": ("a", lambda a: -a.T, "GC204", "minus the gradient transposed"),
    "transposed in each example": ("h", lambda h: h.transpose(0, 2, 1), "GC204", "with axis 1 and axis 2 swapped"),
    "reshaped": ("h", lambda h: h.transpose(1, 0, 2).reshape(h.shape), "GC204", "read in the order of"),
    "flipped": ("h", lambda h: h[:, ::-1], "GC213", "flipped along axis 1"),
    "flipped along two": ("h", lambda h: h[:, ::-1, ::-1], "GC213", "flipped along axis 1 and axis 2"),
    "rolled": ("h", lambda h: np.roll(h, 1, 0), "GC213", "rolled by +1 along N"),
    "shifted": ("h", lambda h: np.concatenate([0 * h[:1], h[:-1]]), "GC213", "shifted by +1 along N, with zeros"),
    "halves swapped": ("b", lambda b: np.roll(b, len(b) // 2), "GC213", "the two halves along D swapped"),
    "twice, flipped": ("b", lambda b: 2 * b[::-1], "GC213", "2 times the gradient flipped along D"),
    "summed too far": ("h", lambda h: 0 * h + h.sum(0), "GC206", "the sum of the gradient along N, everywhere"),
    "averaged too far": ("h", lambda h: 0 * h + h.mean(0), "GC206", "1/N times the sum of the gradient along N"),
    "a running sum": ("b", np.cumsum, "GC206", "the running sum of the gradient along D"),
}


@pytest.mark.parametrize("what", MOVED)
def test_numbers_in_other_places_are_named(what: str) -> None:
    leaf, apply, code, says = MOVED[what]
    (cause,) = causes(*cases(SQUARE, lambda g: {leaf: apply(g[leaf])}))
    assert (cause.code, cause.gradients) == (code, (leaf,))
    assert says in cause.claim


def test_rows_in_another_order_are_named() -> None:
    def shuffled(right: Gradients) -> Gradients:
        order = np.random.default_rng(len(right["x"])).permutation(len(right["x"]))
        return {"x": right["x"][order]}

    cause = only(shuffled, sizes=({"N": 8, "D": 5, "M": 3}, {"N": 7, "D": 4, "M": 6}))
    assert cause.code == "GC213"
    assert "mixed up" in cause.claim


def test_two_gradients_in_each_others_place_are_one_cause() -> None:
    shapes = {"u": ("N", "D"), "v": ("N", "D"), "b": ("D",)}
    (cause,) = causes(*cases(shapes, lambda g: {"u": g["v"], "v": g["u"]}))
    assert (cause.code, cause.gradients) == ("GC205", ("u", "v"))
    assert cause.claim == "your `du` and `dv` are in each other's place"


def test_three_gradients_in_a_circle_are_one_cause() -> None:
    shapes = {"u": ("N", "D"), "v": ("N", "D"), "t": ("N", "D")}
    (cause,) = causes(*cases(shapes, lambda g: {"u": g["v"], "v": g["t"], "t": g["u"]}))
    assert (cause.code, set(cause.gradients)) == ("GC205", {"u", "v", "t"})
    assert "your `du` is the gradient of `v`" in cause.claim


def test_a_gradient_that_is_anothers_is_named() -> None:
    shapes = {"u": ("N", "D"), "v": ("N", "D")}
    (cause,) = causes(*cases(shapes, lambda g: {"u": g["v"]}))
    assert (cause.code, cause.gradients) == ("GC205", ("u",))


def without_last(g: Array) -> Array:
    """The upstream gradient with a last row of zeros."""
    left = g.copy()
    left[-1] = 0
    return left


def inside(g: Array) -> Array:
    """The upstream gradient with a first and a last row of zeros."""
    return without_last(without_last(g)[::-1])[::-1]


UPSTREAM: dict[str, tuple[Callable[[Array], Array], str, str]] = {
    "the last example left out": (without_last, "GC211", "without the last of `dout` along N"),
    "the last example alone": (lambda g: g - without_last(g), "GC206", "of the last of `dout` along N alone"),
    "the border left out": (inside, "GC211", "without the border of `dout` along N"),
    "the mean of the batch": (lambda g: 0 * g + g.mean(0), "GC206", "for the mean of `dout` along N"),
    "ones": (np.ones_like, "GC207", "for ones in place of `dout`"),
    "the square": (np.square, "GC207", "for the square of `dout`"),
    "flipped": (lambda g: g[::-1], "GC213", "for `dout` flipped along N"),
    "reshaped": (lambda g: g.T.reshape(g.shape), "GC204", "for `dout` with its numbers read in the order of M and N"),
}


@pytest.mark.parametrize("what", UPSTREAM)
def test_another_upstream_gradient_is_one_cause(what: str) -> None:
    apply, code, says = UPSTREAM[what]

    def wrong(x: Array, w: Array, g: Array) -> Mapping[str, Array]:
        return {"x": apply(g) @ w.T, "w": x.T @ apply(g)}

    (cause,) = causes(affine(0, wrong), affine(1, wrong))
    assert (cause.code, cause.gradients) == (code, ("x", "w"))
    assert says in cause.claim


def test_weights_that_are_not_transposed_are_named() -> None:
    def wrong(x: Array, w: Array, g: Array) -> Mapping[str, Array]:
        return {"x": g @ w}

    (cause,) = causes(affine(0, wrong, is_square=True), affine(1, wrong, is_square=True))
    assert (cause.code, cause.gradients) == ("GC204", ("x",))
    assert cause.claim == "your `dx` is the gradient for `w` transposed"


def changed(g: Array, region: object, value: object) -> Array:
    """A copy with other numbers in a region."""
    left = g.copy()
    left[region] = value if not callable(value) else value(left[region])  # type: ignore[index]
    return left


REGIONS: dict[str, tuple[object, object, str]] = {
    "first row": (0, 0.0, "only in the first place along N, where it is zero"),
    "last column": (
        (..., -1),
        lambda part: 2 * part,
        "only in the last place along D, where it is 2 times the gradient",
    ),
    "last row": (-1, lambda part: -part, "only in the last place along N, where it has the wrong sign"),
    "every other column": ((..., slice(None, None, 2)), lambda part: part + 1, "only in every other place along D"),
    "last element": ((-1, -1), lambda part: part + 1, "only in the very last element"),
}


@pytest.mark.parametrize("what", REGIONS)
def test_a_region_is_named(what: str) -> None:
    region, value, says = REGIONS[what]
    cause = only(lambda g: {"x": changed(g["x"], region, value)}, sizes=({"N": 7, "D": 6, "M": 3},) * 2)
    assert cause.code == "GC211"
    assert says in cause.claim


def channels(number: int, wrong: Callable[[Array], Array]) -> Failing:
    """`w * b` with one factor a channel, for an output (N, C, L); L is one in the second case."""
    sizes = ({"N": 2, "C": 6, "L": 5}, {"N": 3, "C": 8, "L": 1})[number]
    rng = np.random.default_rng(20 + number)
    upstream, w = rng.normal(size=tuple(sizes.values())), rng.normal(size=tuple(sizes.values()))

    def each(several: Sequence[Sequence[Array]], changed: Mapping[str, Array]) -> list[Gradients]:
        return [{"b": (g * w).sum(axis=(0, 2))} for (g,) in several]

    right = each([[upstream]], {})[0]["b"]
    gradients = (gradient("b", ("C",), wrong(upstream * w), right),)
    inputs = {"b": np.ones(sizes["C"])}
    outputs = (Output("dout", ("N", "C", "L"), upstream),)
    return Failing(gradients, sizes, inputs=inputs, given=inputs, outputs=outputs, pulled=each)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda terms: terms[-1, :, -1], "the gradient of the last of `dout` along N and L alone"),
        (lambda terms: terms[0, :, 0], "the gradient of the first of `dout` along N and L alone"),
        (lambda terms: terms[0].sum(axis=1), "the gradient of the first of `dout` along N alone"),
        (lambda terms: terms[0, :, 0] + terms[1, :, -1], ""),
    ],
)
def test_a_loop_that_assigns_where_it_should_add(wrong: Callable[[Array], Array], says: str) -> None:
    found = causes(channels(0, wrong), channels(1, wrong))
    assert [says in cause.claim for cause in found] == ([True] if says else [])
    assert [cause.code for cause in found] == (["GC206"] if says else [])


@pytest.mark.parametrize(("factor", "codes"), [(1 + 3e-8, []), (1.001, ["GC202"])])
def test_once_the_gradient_is_no_factor(factor: float, codes: list[str]) -> None:
    found = causes(*cases(LAYER, lambda g: {"w": factor * g["w"]}))
    assert [cause.code for cause in found] == codes


def _symmetric(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    drawn = rng.normal(size=shape)
    return drawn + drawn.T


def _unmade(matrix: Array, *, also: float = 0.0) -> Array:
    """A matrix with this symmetric part, and `also` more on its diagonal."""
    return 2 * np.triu(matrix, 1) + np.diag(np.diag(matrix) * (1 + also))


def test_what_is_not_made_symmetric_is_named() -> None:
    shapes = {"a": ("D", "D")}
    (cause,) = causes(*cases(shapes, lambda g: {"a": _unmade(g["a"])}, drawn=_symmetric))
    assert (cause.code, cause.mend) == ("GC209", "make it symmetric: `(S + S.T) / 2`")
    assert (
        "`da` is the gradient before it is made symmetric, as the forward reads only the symmetric part of `a`"
        in cause.claim
    )
    (negative,) = causes(*cases(shapes, lambda g: {"a": -_unmade(g["a"])}, drawn=_symmetric))
    assert negative.claim.startswith("your `da` is minus the gradient before it is made symmetric")
    wrong_besides = causes(*cases(shapes, lambda g: {"a": _unmade(g["a"], also=0.1)}, drawn=_symmetric))
    of_another_matrix = causes(*cases(shapes, lambda g: {"a": (g["a"] + g["a"].T) / 2}))
    assert not [one for one in (*wrong_besides, *of_another_matrix) if "symmetric" in one.claim]


def _three_outputs(number: int, weights: Sequence[float]) -> Failing:
    """A leaf that three outputs are made of, and a backward that takes what comes from each so many times."""
    sizes = SIZES[number]
    n, d, m = sizes.values()
    rng = np.random.default_rng(number)
    matrices = [rng.normal(size=(d, m)) for _ in weights]
    upstreams = [rng.normal(size=(n, m)) for _ in weights]

    def pulled(above: Sequence[Array]) -> Gradients:
        return {"x": sum(g @ matrix.T for g, matrix in zip(above, matrices))}  # type: ignore[dict-item]

    outputs = tuple(Output(f"dout[{k}]", ("N", "M"), one) for k, one in enumerate(upstreams))
    yours = pulled([weight * one for weight, one in zip(weights, upstreams)])["x"]
    gradients = (gradient("x", ("N", "D"), yours, pulled(upstreams)["x"]),)
    inputs = {"x": np.zeros((n, d))}
    return Failing(
        gradients, sizes, inputs=inputs, outputs=outputs, pulled=lambda several, _: [pulled(above) for above in several]
    )


@pytest.mark.parametrize(
    ("weights", "said"),
    [
        ((1, 0, 0), ["your `dx` is the gradient without what comes from `dout[1]` and `dout[2]`"]),
        ((1, 0, 1), ["your `dx` is the gradient without what comes from `dout[1]`"]),
        ((1, 0.3, 0), []),
    ],
)
def test_outputs_that_are_only_logged_are_named_together(weights: Sequence[float], said: list[str]) -> None:
    named = causes(*(_three_outputs(number, weights) for number in (0, 1)))
    assert [cause.claim for cause in named] == said
