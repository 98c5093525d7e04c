"""Functions along an axis whose pull-back is a formula of its own: softmax and its kin, sorting, running products."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import special

from gradcheck_cli.diagnose.gates.formulas import Formula, Pulled, is_close, of_one
from gradcheck_cli.diagnose.gates.reverse import Array

_Along = Callable[[Array, Array, int], Pulled | None]


def _over_axes(function: _Along) -> Callable[[Array, Array], Pulled | None]:
    """The first axis along which it is that function."""

    def along(x: Array, y: Array) -> Pulled | None:
        for axis in range(x.ndim):
            if x.shape[axis] > 1 and (pulled := function(x, y, axis)) is not None:
                return pulled
        return None

    return along


def _summed(array: Array, axis: int) -> Array:
    return np.asarray(array.sum(axis=axis, keepdims=True))


def _softmax_of(above: Array, p: Array, axis: int) -> Array:
    return np.asarray(p * (above - _summed(above * p, axis)))


def _softmax(x: Array, y: Array, axis: int) -> Pulled | None:
    if not _has_probabilities(x, y, axis) or not is_close(special.softmax(x, axis=axis), y):
        return None
    mend = "a softmax p has the gradient p * (dout - (dout * p).sum(axis, keepdims=True))"
    wrong = (
        Formula(
            "diagonal",
            of_one(lambda above: above * y * (1 - y)),
            "{takes} only the diagonal of the softmax's Jacobian at {place}",
            mend,
        ),
        Formula(
            "logarithm",
            of_one(lambda above: above - y * _summed(above, axis)),
            "{takes} the derivative of a softmax's logarithm for that of {place}",
            mend,
        ),
        Formula(
            "unweighted",
            of_one(lambda above: y * (above - _summed(above, axis))),
            "{leaves} out the probabilities in the sum that {place} hands back",
            mend,
        ),
    )
    return Pulled(f"softmax {axis}", of_one(lambda above: _softmax_of(above, y, axis)), wrong)


def _has_probabilities(x: Array, y: Array, axis: int) -> bool:
    return y.shape == x.shape and bool((y >= 0).all()) and is_close(y.sum(axis=axis), np.ones(y.sum(axis=axis).shape))


def _log_softmax(x: Array, y: Array, axis: int) -> Pulled | None:
    if y.shape != x.shape or (y > 0).any() or not is_close(special.log_softmax(x, axis=axis), y):
        return None
    p, mend = np.exp(y), "a softmax's logarithm has the gradient dout - p * dout.sum(axis, keepdims=True)"
    wrong = (
        Formula(
            "probabilities",
            of_one(lambda above: _softmax_of(above, p, axis)),
            "{takes} the derivative of the softmax for that of its logarithm, {place}",
            mend,
        ),
        Formula(
            "logarithms",
            of_one(lambda above: above - y * _summed(above, axis)),
            "{takes} {place}, a logarithm, for the probability",
            mend,
        ),
        Formula(
            "uniform",
            of_one(lambda above: above - _summed(above, axis) / x.shape[axis]),
            "{takes} all probabilities in {place} for equal",
            mend,
        ),
        Formula(
            "diagonal",
            of_one(lambda above: above * (1 - p)),
            "{takes} only the diagonal of the Jacobian at {place}",
            mend,
        ),
    )
    return Pulled(f"log-softmax {axis}", of_one(lambda above: above - p * _summed(above, axis)), wrong)


def _logsumexp(x: Array, y: Array, axis: int) -> Pulled | None:
    kept = tuple(1 if at == axis else size for at, size in enumerate(x.shape))
    if y.size != np.prod(kept) or y.shape not in (kept, (*x.shape[:axis], *x.shape[axis + 1 :])):
        return None
    if not is_close(special.logsumexp(x, axis=axis), y.reshape(x.shape[:axis] + x.shape[axis + 1 :])):
        return None
    top = x.max(axis=axis, keepdims=True)
    mend = "the logarithm of a sum of exponentials has the softmax for its derivative"
    weights = (
        ("maximum", np.exp(x - top), "the maximum were the logarithm of the sum"),
        ("exponential", np.exp(x), "the sum of the exponentials were one"),
        ("largest", (x == top) * 1.0, "it were the maximum"),
        ("uniform", np.full(x.shape, 1 / x.shape[axis]), "it were the mean"),
    )
    wrong = tuple(
        Formula(key, of_one(_times(weight, kept)), f"{{goes}} back through {{place}} as if {said}", mend)
        for key, weight, said in weights
    )
    return Pulled(f"logsumexp {axis}", of_one(_times(special.softmax(x, axis=axis), kept)), wrong)


def _times(weight: Array, kept: tuple[int, ...]) -> Callable[[Array], Array]:
    return lambda above: weight * above.reshape(kept)


def _sparsemax(x: Array, y: Array, axis: int) -> Pulled | None:
    """The projection on the simplex (Martins and Astudillo 2016)."""
    if not _has_probabilities(x, y, axis) or not (y == 0).any():
        return None
    support = (y > 0) * 1.0
    sizes = _summed(support, axis)
    threshold = (_summed(x * support, axis) - 1) / sizes
    if not is_close(np.maximum(x - threshold, 0), y):
        return None

    def mean(above: Array) -> Array:
        return _summed(above * support, axis) / sizes

    mend = "a sparsemax has the gradient support * (dout - the mean of dout over the support)"
    wrong = (
        Formula(
            "softmax",
            of_one(lambda above: _softmax_of(above, y, axis)),
            "{takes} the derivative of a softmax for that of {place}",
            mend,
        ),
        Formula(
            "support",
            of_one(lambda above: above - mean(above)),
            "{lets} the gradient through {place} also where that is 0",
            mend,
            code="GC212",
        ),
        Formula(
            "mean",
            of_one(lambda above: support * (above - _summed(above * support, axis) / x.shape[axis])),
            "{divides} the sum over the support of {place} by the size of the axis, where the support's is due",
            mend,
            code="GC206",
        ),
    )
    return Pulled(f"sparsemax {axis}", of_one(lambda above: support * (above - mean(above))), wrong)


def _sorted(x: Array, y: Array, axis: int) -> Pulled | None:
    if y.shape != x.shape or np.array_equal(x, y):
        return None
    order = np.argsort(x, axis=axis)
    if not np.array_equal(np.take_along_axis(x, order, axis), y):
        order = np.flip(order, axis)
        if not np.array_equal(np.take_along_axis(x, order, axis), y):
            return None
    back = np.argsort(order, axis=axis)
    wrong = (
        Formula(
            "not undone", of_one(np.asarray), "{leaves} the gradient of {place} in sorted order",
            "put it back where the numbers came from", code="GC213",
        ),
        Formula(
            "again", of_one(lambda above: np.take_along_axis(above, order, axis)),
            "{sorts} the gradient of {place} once more, where it must go back in the inverse order",
            "index with the argsort of the order", code="GC213",
        ),
    )  # fmt: skip
    return Pulled(f"sorted {axis}", of_one(lambda above: np.take_along_axis(above, back, axis)), wrong)


def _running_sum(array: Array, axis: int) -> Array:
    """From the end."""
    return np.flip(np.cumsum(np.flip(array, axis), axis), axis)


def _running_product(x: Array, y: Array, axis: int) -> Pulled | None:
    if y.shape != x.shape or not (x != 0).all() or not is_close(np.cumprod(x, axis), y):
        return None
    mend = "a running product y has the gradient s / x, where s is the running sum of dout * y from the end"
    wrong = (
        Formula("not summed", of_one(lambda above: above * y / x), "{leaves} out what {place} hands on", mend),
        Formula(
            "unweighted", of_one(lambda above: _running_sum(above, axis) * y / x),
            "{takes} the running sum for {place} of the upstream gradient alone", mend,
        ),
        Formula(
            "direction", of_one(lambda above: np.cumsum(above * y, axis) / x),
            "{runs} the sum of {place} in the forward's direction again", mend, code="GC213",
        ),
    )  # fmt: skip
    return Pulled(f"running product {axis}", of_one(lambda above: _running_sum(above * y, axis) / x), wrong)


ALONG_AN_AXIS = tuple(
    _over_axes(function) for function in (_softmax, _log_softmax, _logsumexp, _sparsemax, _sorted, _running_product)
)
