"""Plain NumPy forwards of every kind that dual arrays must follow. Each takes x of shape (3, 4), off every kink.

A module as a user writes it: the tests run it as it is, run its dual copy, and compare values and gradients.
"""

import math
import random
from math import exp, sqrt

import numpy
import numpy as np
import numpy.linalg as la
from numpy import add, zeros
from numpy.lib.stride_tricks import as_strided, sliding_window_view

TABLE = np.zeros((3, 4))
WEIGHTS = np.linspace(-1.0, 1.0, 12).reshape(4, 3)


# -- views that write through --------------------------------------------------------------------


def rows_of_a_buffer(x):
    out = np.zeros((3, 4))
    for i in range(3):
        row = out[i]
        row[...] = x[i] * 2
        row[0] = 1.0
    return out


def iterate_rows(x):
    out = np.empty_like(x)
    for row, source in zip(out, x):
        row[:] = source**2
    return out


def transpose_and_reshape_views(x):
    out = np.zeros((3, 4))
    out.T[0] = x[:, 1]
    out.reshape(-1)[5] = x[0, 0] ** 2
    out.ravel()[7] += x[1, 1] * 3
    np.swapaxes(out, 0, 1)[2, 1] = x[2, 3]
    return out


def diagonal_and_flat(x):
    out = np.ones((3, 3))
    out.flat[4] = x[1, 1]
    np.fill_diagonal(out[1:, 1:], x[0, 0] * x[0, 1])
    out[np.arange(3), np.arange(3)] *= x[:, 0]
    return out


def alias_of_the_input(x):
    y = x.copy()
    z = y[1:]
    z *= 2
    y[0] = z[0] + y[1]
    return y


def reversed_and_strided(x):
    y = x[::-1, ::2] * x[:, 1:3]
    z = np.flip(x, axis=1)
    return y.sum() + (z * x).sum(axis=1)


def split_views(x):
    out = np.zeros((3, 4))
    a, b = np.split(out, 2, axis=1)
    a[...] = x[:, 2:]
    b[...] = x[:, :2] ** 3
    return out


def module_level_buffer(x):
    buffer = TABLE.copy()
    buffer[1] = x[2]
    return buffer + TABLE


# -- indexing ------------------------------------------------------------------------------------


def fancy_boolean_newaxis_ellipsis(x):
    picked = x[[0, 2, 2], [1, 3, 3]]
    positive = x[x > 0]
    outer = x[:, None, :] * x[None, ..., :]
    return picked.sum() + positive.prod() + outer[..., 0].sum() + x[np.ix_([0, 1], [2, 3])].max()


def masked_assignment(x):
    y = x.copy()
    y[y < 0] *= 0.1
    y[(x > 0.5) & (x < 2)] = x[(x > 0.5) & (x < 2)] ** 2
    return y


def integer_rows(x):
    indices = np.array([2, 0, 2, 1])
    return x[indices] * np.arange(4)[:, None]


def take_and_put(x):
    order = np.argsort(x, axis=1)
    best = np.take_along_axis(x, order[:, -2:], axis=1)
    out = np.zeros((3, 4))
    np.put_along_axis(out, order[:, :2], best * 2, axis=1)
    np.put(out, [11], x[0, 0])
    return out + np.take(x, [3, 2, 1, 0], axis=1)


def list_assignment(x):
    out = np.zeros(3)
    out[:] = [x[0, 0], x[1, 1] * x[0, 0], 2.0]
    return out


# -- in-place operators, ufuncs with out= and where= -----------------------------------------------


def in_place_operators(x):
    y = x * 1
    y += x
    y *= x
    y -= 0.5
    y /= np.exp(x)
    y **= 2
    s = y[0, 0]
    s += 1.0  # a scalar: y stays as it is
    return y * s


def constants_written_over(x):
    total = np.zeros((3, 4))
    total += x
    total *= x
    counts = np.ones(3)
    np.add(counts, x[:, 0], out=counts)
    np.multiply(counts, counts, out=counts)
    return total * counts[:, None]


def lists_beside_arrays(x):
    best = np.concatenate([[-1.0], x[0, :-1], [x[1, 1], 2.0]])
    return np.stack([best[:4], [1.0, 2.0, x[0, 0], x[1, 1]]]).prod(axis=0)


def out_and_where(x):
    buffer = np.empty_like(x)
    np.exp(x, out=buffer)
    np.multiply(buffer, x, out=buffer, where=x > 0)
    np.add(buffer, 1.0, buffer)
    total = np.zeros(4)
    np.sum(buffer, axis=0, out=total)
    return total + np.log(np.abs(x), where=x > 0, out=np.ones_like(x)).sum(axis=0)


def ufunc_methods(x):
    a = np.add.reduce(x, axis=1) + np.multiply.reduce(x, axis=1) + np.maximum.reduce(x, axis=1)
    b = np.add.accumulate(x, axis=1)[:, -2] + np.logaddexp.reduce(x, axis=1)
    c = np.multiply.outer(x[0], x[1]).sum() + np.add.reduceat(x[2], [0, 2]).prod()
    return a + b + c


def add_at(x):
    out = np.zeros((4, 4))
    np.add.at(out, [0, 1, 1], x)
    np.subtract.at(out, ([0, 0], [1, 1]), x[0, :2])
    np.maximum.at(out, [3], x[:1])
    return out


def elementary_ufuncs(x):
    p = np.abs(x) + 0.1
    terms = [np.sin(x), np.cosh(x), np.arctan(x), np.log1p(p), np.expm1(x), np.cbrt(p), np.square(x), np.hypot(x, 2)]
    terms += [np.power(p, 1.5), np.float_power(p, x), np.arctan2(x, 2.0), np.logaddexp(x, 0), np.exp2(x), np.log2(p)]
    terms += [
        np.tanh(x),
        np.reciprocal(p),
        np.negative(x),
        np.sqrt(p),
        np.arcsinh(x),
        np.minimum(x, 0.3),
        np.fmax(x, 0),
    ]
    terms += [
        np.floor(x) * x,
        np.sign(x) * x,
        np.mod(x, 5.0),
        x // 10 + x % 7,
        np.heaviside(x, 0.5) * x,
        -x,
        +x,
        abs(x),
    ]
    return sum(terms)


# -- reductions, methods, functions ----------------------------------------------------------------


def reductions_and_methods(x):
    a = x.mean(axis=0, keepdims=True) + x.std(axis=0) + x.var(axis=0, ddof=1) + x.max(axis=0) - x.min(axis=0)
    b = x.cumsum(axis=1) * x.clip(-1.0, 1.0) + x.cumprod(axis=0) + x.T.dot(x).trace() + np.ptp(x)
    return a + b + x.reshape(2, 6).sum(axis=1).prod() + x.squeeze().repeat(2, axis=0)[::2] + x.take([0])


def concatenations(x):
    a, b = np.hsplit(x, 2)
    c, d, e = np.array_split(x, 3, axis=1)
    joined = np.concatenate([a, b * 2, c * d[:, :1]], axis=1)
    stacked = np.stack([row * (i + 1) for i, row in enumerate(joined)])
    return np.vstack((stacked, np.hstack([b, a, c])[:, :6])).sum(axis=0) + e.sum() + np.column_stack([x[:, 0]]).sum()


def arrays_of_lists(x):
    scalars = np.array([[x[0, 0], 1.0], [x[1, 1] * 2, x[2, 2]]])
    rows = np.array([row / row.sum() for row in x])
    return scalars.sum() + np.asarray([x[0], x[1]]).prod(axis=0) + rows


def padding_and_windows(x):
    padded = np.pad(x, ((1, 1), (2, 0)), mode="constant")
    windows = sliding_window_view(padded, (2, 2))
    strided = as_strided(padded, (3, 3, 2), (padded.strides[0], padded.strides[1], padded.strides[1]))
    return windows.sum(axis=(2, 3)).prod(axis=0).sum() + (strided**2).sum(axis=2) + np.pad(x, 1, mode="edge").sum()


def einsum_and_products(x):
    gram = np.einsum("ij,kj->ik", x, x, optimize=True)
    return (
        gram @ x
        + np.tensordot(x, WEIGHTS, axes=1) @ x
        + np.inner(x, x) @ x
        + np.outer(x[0], x[1])[:3]
        + np.dot(x, x.T) @ x
    )


def linear_algebra(x):
    a = x @ x.T + 3 * np.eye(3)
    norm = np.linalg.norm(x) + la.norm(x, axis=1).sum()
    return np.linalg.solve(a, x) + np.linalg.inv(a) @ x + np.linalg.det(a) + norm + np.linalg.cholesky(a) @ x


def where_and_select(x):
    a = np.where(x > 0, x, np.exp(x) - 1)
    b = np.select([x > 1, x > 0], [x**2, x * 3], default=0.0)
    c = np.piecewise(x, [x < 0, x >= 0], [lambda t: t * 0.1, lambda t: t**2])
    return a + b + c + np.maximum(0, x) + np.nan_to_num(x)


def sorting(x):
    y = x.copy()
    y.sort(axis=0)
    top = np.partition(x, 2, axis=1)[:, 2]
    return np.sort(x, axis=1) * np.arange(4) + top[:, None] * y + np.median(x, axis=0) + np.unique(x)[:4]


def structure(x):
    a = np.tile(x, (2, 1))[1:4] + np.roll(x, 1, axis=0) + np.rot90(x, 2) + np.moveaxis(x[None], 0, -1)[..., 0]
    b = np.triu(x) + np.broadcast_to(x[0], (3, 4)) * np.expand_dims(x[:, 0], 1) + np.repeat(x[:1], 3, axis=0)
    c = (
        np.insert(x, 0, 1.0, axis=1)[:, :4]
        + np.delete(x, 0, axis=1).sum()
        + np.append(x, x)[:4]
        + np.diff(x, axis=0).sum()
    )
    return a + b + c + np.atleast_3d(x)[..., 0] + np.kron(x[:1], np.ones((3, 1))) + np.meshgrid(x[0], x[0])[0][:3]


def vectorised_and_along_axis(x):
    bump = np.vectorize(lambda t: t**2 if t > 0 else -t)
    scaled = np.apply_along_axis(lambda row: row / np.sum(np.abs(row)), 1, x)
    return bump(x) + scaled


def generator_sums(x):
    first = sum(x[i, j] for i in range(3) for j in range(4))
    largest = max(x[i, 0] for i in range(3))
    total = np.sum([value**2 for value in x.flat])
    return first * largest + total + sum(v for _, v in np.ndenumerate(x))


def concatenator(x):
    return np.r_[x[0], 1.0, x[1]] * np.c_[x[:, 0], x[:, 1]].sum()


def fourier(x):
    spectrum = np.fft.fft(x, axis=1)
    return np.abs(spectrum) + spectrum.real * spectrum.imag


# -- Python numbers, branches, loops ---------------------------------------------------------------


def branches_on_values(x):
    total = 0.0
    for i in range(x.shape[0]):
        for j in range(x.shape[1]):
            if x[i, j] > 0:
                total += exp(x[i, j])
            elif x[i, j] > -0.5:
                total = total - math.sin(x[i, j])
            else:
                total += float(x[i, j]) ** 2 + sqrt(-x[i, j])
    return total


def loop_until_small(x):
    y = x
    while np.abs(y).max() > 0.5:
        y = y * 0.7 + 0.01
    return y


def dynamic_program(x):
    n, m = x.shape
    table = np.full((n + 1, m + 1), 0.0)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            best = max(table[i - 1, j], table[i, j - 1], table[i - 1, j - 1])
            table[i, j] = x[i - 1, j - 1] ** 2 + best
    return table[n, m]


def shapes_arithmetic(x):
    n, d = x.shape
    half = d // 2
    flat = x.reshape(x.shape[0], -1)
    return flat[:, :half] * (n / d) + flat[:, half:] * len(x) + x.size * x.ndim


def python_float_of_a_loss(x):
    loss = float(np.mean(x**2))
    return loss * x + np.float64(3) * x.sum().item()


def isinstance_checks(x):
    assert isinstance(x, np.ndarray)
    assert isinstance(np.zeros(3, dtype=float), numpy.ndarray)
    scale = 2.0 if isinstance(x.dtype, np.dtype) and x.dtype == np.float64 else 0.0
    return x.astype(float) * scale + np.asarray(x) + np.array(x, dtype=np.float64)


def narrow_buffers(x):
    out = np.empty((3, 4), dtype="f")
    for t in range(4):
        out[:, t] = np.tanh(x[:, t])
    return out


# -- randomness, from imports, fixed lists -----------------------------------------------------------


def dropout(x):
    mask = np.random.rand(*x.shape) < 0.7
    noise = np.random.randn(3, 4)
    noise[0] = x[1]
    return x * mask / 0.7 + noise * random.random()


def seeded_generator(x):
    rng = np.random.default_rng(7)
    weights = rng.normal(size=(4, 3))
    weights[0] = x[0, :3]
    return x @ weights + np.random.RandomState(3).rand(3)


def imported_names(x):
    out = zeros((3, 4))
    return add(out, x) * numpy.ones(4)


def one_hot_labels(x):
    labels = np.array([1, 0, 3])
    scores = x - np.max(x, axis=1, keepdims=True)
    probabilities = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    loss = -np.sum(np.log(probabilities[np.arange(3), labels])) / 3
    one_hot = np.zeros((3, 4))
    one_hot[np.arange(3), labels] = 1
    return loss + np.sum(one_hot * probabilities) + np.eye(4)[labels] * x


def convolution_with_loops(x):
    w = WEIGHTS[:2, :2]
    padded = np.pad(x, 1)
    out = np.zeros((4, 5))
    for i in range(4):
        for j in range(5):
            out[i, j] = np.sum(padded[i : i + 2, j : j + 2] * w) + 0.1
    return out


def pooling_with_argmax(x):
    out = np.zeros((1, 2))
    for j in range(2):
        window = x[0:2, 2 * j : 2 * j + 2]
        i, k = np.unravel_index(np.argmax(window), window.shape)
        out[0, j] = window[i, k] ** 2
    return out


def complex_inside(x):
    z = x + 1j * x[::-1]
    return (z * np.conj(z)).real + np.abs(z) + np.angle(z + 10)
