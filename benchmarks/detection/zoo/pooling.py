"""Pooling and resampling of images in NumPy."""

import numpy as np


def max_pool_forward(x):
    """Maxima of 2x2 windows that do not overlap.

    - x: images, of shape (N, C, 4, 6)
    """
    N, C, H, W = x.shape
    windows = x.reshape(N, C, H // 2, 2, W // 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H // 2, W // 2, 4)
    winner = windows.argmax(axis=-1)
    return np.take_along_axis(windows, winner[..., None], axis=-1)[..., 0], (winner, x.shape)


def max_pool_backward(dout, cache):
    winner, (N, C, H, W) = cache
    dwindows = np.zeros((N, C, H // 2, W // 2, 4), dtype=dout.dtype)
    np.put_along_axis(dwindows, winner[..., None], dout[..., None], axis=-1)
    return dwindows.reshape(N, C, H // 2, W // 2, 2, 2).transpose(0, 1, 2, 4, 3, 5).reshape(N, C, H, W)


def overlapping_max_pool_forward(x):
    """Maxima of windows of three that overlap, stride 2.

    - x: signals, of shape (N, C, 9)
    """
    steps = (x.shape[2] - 3) // 2 + 1
    windows = np.stack([x[:, :, 2 * t : 2 * t + 3] for t in range(steps)], axis=2)
    winner = windows.argmax(axis=3)
    return windows.max(axis=3), (winner, x.shape)


def overlapping_max_pool_backward(dout, cache):
    winner, shape = cache
    dx = np.zeros(shape, dtype=dout.dtype)
    for t in range(dout.shape[2]):
        window = dx[:, :, 2 * t : 2 * t + 3]
        window += dout[:, :, t, None] * (np.arange(3) == winner[:, :, t, None])
    return dx


class AveragePool:
    """Means of 3x2 windows that do not overlap."""

    def forward(self, x):
        """
        - x: images, of shape (N, C, 6, 4)
        """
        N, C, H, W = x.shape
        return x.reshape(N, C, H // 3, 3, W // 2, 2).mean(axis=(3, 5))

    def backward(self, dout):
        return np.repeat(np.repeat(dout, 3, axis=2), 2, axis=3) / 6


def global_average_pool(x):
    """The mean of each channel, and its pull-back.

    - x: images, of shape (N, C, H, W)
    """
    H, W = x.shape[2:]

    def pullback(dy):
        return np.broadcast_to(dy[:, :, None, None], x.shape) / (H * W)

    return x.mean(axis=(2, 3)), pullback


class GlobalMaxPool:
    @staticmethod
    def forward(ctx, x):
        """
        - x: sequences, of shape (N, T, D)
        """
        winner = x.argmax(axis=1)
        ctx.save_for_backward(winner)
        ctx.shape = x.shape
        return x.max(axis=1)

    @staticmethod
    def backward(ctx, dout):
        (winner,) = ctx.saved_tensors
        dx = np.zeros(ctx.shape, dtype=dout.dtype)
        batch, feature = np.indices(winner.shape)
        dx[batch, winner, feature] = dout
        return dx


def _bins(size, count):
    """The bounds of `count` bins that cover `size` cells; neighbours share a cell where it does not divide."""
    return [(i * size // count, -(-(i + 1) * size // count)) for i in range(count)]


def adaptive_average_pool_forward(x, count=3):
    """Means over `count` bins whatever the length.

    - x: signals, of shape (N, C, 7)
    """
    bins = _bins(x.shape[2], count)
    return np.stack([x[:, :, start:stop].mean(axis=2) for start, stop in bins], axis=2), (x.shape, bins)


def adaptive_average_pool_backward(dout, cache):
    shape, bins = cache
    dx = np.zeros(shape, dtype=dout.dtype)
    for i, (start, stop) in enumerate(bins):
        dx[:, :, start:stop] += dout[:, :, i, None] / (stop - start)
    return dx


def power_pool_forward(x, p=3.0):
    """Generalised-mean pooling, as for image retrieval: the p-th root of the mean of p-th powers.

    - x: positive activations, of shape (N, C, H, W)
    """
    mean = (x**p).mean(axis=(2, 3))
    out = mean ** (1 / p)
    return out, (x, mean, out, p)


def power_pool_backward(dout, cache):
    x, mean, out, p = cache
    weight = dout * out / (mean * x.shape[2] * x.shape[3])
    return weight[:, :, None, None] * x ** (p - 1)


def _interpolation_matrix(size, factor):
    """Rows that mix the two nearest cells, with half-pixel centres and clamped borders."""
    position = np.clip((np.arange(size * factor) + 0.5) / factor - 0.5, 0, size - 1)
    low = np.minimum(position.astype(int), size - 2)
    share = position - low
    matrix = np.zeros((size * factor, size))
    rows = np.arange(size * factor)
    matrix[rows, low] = 1 - share
    matrix[rows, low + 1] = share
    return matrix


def upsample_bilinear_forward(x):
    """Images made larger, twofold in height and threefold in width.

    - x: images, of shape (N, C, 4, 3)
    """
    vertical = _interpolation_matrix(x.shape[2], 2)
    horizontal = _interpolation_matrix(x.shape[3], 3)
    return np.einsum("ph,nchw,qw->ncpq", vertical, x, horizontal), (vertical, horizontal)


def upsample_bilinear_backward(dout, cache):
    vertical, horizontal = cache
    return np.einsum("ph,ncpq,qw->nchw", vertical, dout, horizontal)


def grid_sample_forward(image, points):
    """Bilinear reading of an image at given points, inside of it and off its pixels: (row, column).

    - image: of shape (5, 6, C)
    - points: of shape (P, 2)
    """
    corner = np.floor(points).astype(int)
    fraction = points - corner
    r, c = corner[:, 0], corner[:, 1]
    down, right = fraction[:, :1], fraction[:, 1:]
    values = (image[r, c], image[r, c + 1], image[r + 1, c], image[r + 1, c + 1])
    upper = values[0] * (1 - right) + values[1] * right
    lower = values[2] * (1 - right) + values[3] * right
    return upper * (1 - down) + lower * down, (image, r, c, down, right, values, upper, lower)


def grid_sample_backward(dout, cache):
    image, r, c, down, right, values, upper, lower = cache
    dimage = np.zeros_like(image)
    np.add.at(dimage, (r, c), dout * (1 - down) * (1 - right))
    np.add.at(dimage, (r, c + 1), dout * (1 - down) * right)
    np.add.at(dimage, (r + 1, c), dout * down * (1 - right))
    np.add.at(dimage, (r + 1, c + 1), dout * down * right)
    drow = (dout * (lower - upper)).sum(axis=1)
    slope = (values[1] - values[0]) * (1 - down) + (values[3] - values[2]) * down
    dcolumn = (dout * slope).sum(axis=1)
    return dimage, np.stack([drow, dcolumn], axis=1)


def grid_sample_inputs(rng):
    corners = rng.integers(0, [4, 5], size=(7, 2))
    corners[1] = corners[0]  # two points in one cell
    return {
        "image": rng.normal(size=(5, 6, 3)).round(2),
        "points": corners + rng.uniform(0.1, 0.9, size=(7, 2)).round(2),
    }
