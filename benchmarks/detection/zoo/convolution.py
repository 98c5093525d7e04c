"""Convolutions in NumPy: by patches, by loops, transposed, dilated, depthwise, grouped."""

import numpy as np


def _patches(x, height, width, stride):
    """The windows of padded images, of shape (N, H', W', C, height, width)."""
    N, C, H, W = x.shape
    rows = (H - height) // stride + 1
    columns = (W - width) // stride + 1
    out = np.empty((N, rows, columns, C, height, width), dtype=x.dtype)
    for i in range(height):
        for j in range(width):
            window = x[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
            out[..., i, j] = window.transpose(0, 2, 3, 1)
    return out


def _scatter_patches(patches, shape, stride):
    """The transpose of `_patches`: overlapping windows add up in images of `shape`."""
    _, rows, columns, _, height, width = patches.shape
    x = np.zeros(shape, dtype=patches.dtype)
    for i in range(height):
        for j in range(width):
            window = x[:, :, i : i + stride * rows : stride, j : j + stride * columns : stride]
            window += patches[..., i, j].transpose(0, 3, 1, 2)
    return x


def conv_patches_forward(x, w, b):
    """Convolution as one matrix product over patches, with padding 1 and stride 2.

    - x: images, of shape (N, C, H, W)
    - w: kernels, of shape (F, C, 3, 3)
    - b: of shape (F,)
    """
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    patches = _patches(padded, 3, 3, stride=2)
    columns = patches.reshape(-1, w[0].size)
    out = columns @ w.reshape(len(w), -1).T + b
    return out.reshape(*patches.shape[:3], len(w)).transpose(0, 3, 1, 2), (padded.shape, patches.shape, columns, w)


def conv_patches_backward(dout, cache):
    padded_shape, patches_shape, columns, w = cache
    drows = dout.transpose(0, 2, 3, 1).reshape(-1, len(w))
    db = drows.sum(axis=0)
    dw = (drows.T @ columns).reshape(w.shape)
    dpatches = (drows @ w.reshape(len(w), -1)).reshape(patches_shape)
    dpadded = _scatter_patches(dpatches, padded_shape, stride=2)
    return dpadded[:, :, 1:-1, 1:-1], dw, db


def conv_loops_forward(x, w):
    """Convolution by loops over the output, without padding.

    - x: images, of shape (N, C, 4, 5)
    - w: kernels, of shape (F, C, 2, 3)
    """
    N, _, H, W = x.shape
    F, _, KH, KW = w.shape
    out = np.zeros((N, F, H - KH + 1, W - KW + 1), dtype=x.dtype)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            window = x[:, :, i : i + KH, j : j + KW]
            out[:, :, i, j] = np.tensordot(window, w, axes=([1, 2, 3], [1, 2, 3]))
    return out, (x, w)


def conv_loops_backward(dout, cache):
    x, w = cache
    _, _, KH, KW = w.shape
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(dout.shape[2]):
        for j in range(dout.shape[3]):
            g = dout[:, :, i, j]
            dx[:, :, i : i + KH, j : j + KW] += np.tensordot(g, w, axes=([1], [0]))
            dw += np.tensordot(g, x[:, :, i : i + KH, j : j + KW], axes=([0], [0]))
    return dx, dw


class ConvTranspose2d:
    """A transposed convolution with stride 2: every input pixel paints a kernel.

    - W: kernels, of shape (C, F, 3, 2)
    - b: of shape (F,)
    """

    stride = 2

    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        """
        - x: images, of shape (N, C, H, 3)
        """
        self.x = x
        N, _, H, W = x.shape
        _, F, KH, KW = self.W.shape
        s = self.stride
        out = np.zeros((N, F, s * (H - 1) + KH, s * (W - 1) + KW), dtype=x.dtype)
        for i in range(KH):
            for j in range(KW):
                painted = np.einsum("nchw,cf->nfhw", x, self.W[:, :, i, j])
                out[:, :, i : i + s * H : s, j : j + s * W : s] += painted
        return out + self.b[:, None, None]

    def backward(self, dout):
        _, _, H, W = self.x.shape
        s = self.stride
        dx = np.zeros_like(self.x)
        self.dW = np.zeros_like(self.W)
        for i in range(self.W.shape[2]):
            for j in range(self.W.shape[3]):
                painted = dout[:, :, i : i + s * H : s, j : j + s * W : s]
                dx += np.einsum("nfhw,cf->nchw", painted, self.W[:, :, i, j])
                self.dW[:, :, i, j] = np.einsum("nchw,nfhw->cf", self.x, painted)
        self.db = dout.sum(axis=(0, 2, 3))
        return dx


def dilated_conv1d_forward(x, w, dilation=2):
    """A causal convolution over time whose taps are `dilation` steps apart, as in WaveNet.

    - x: sequences, of shape (N, T, D)
    - w: one matrix a tap, of shape (3, D, M)
    """
    taps = w.shape[0]
    reach = (taps - 1) * dilation
    padded = np.pad(x, ((0, 0), (reach, 0), (0, 0)))
    T = x.shape[1]
    out = sum(padded[:, k * dilation : k * dilation + T] @ w[k] for k in range(taps))
    return out, (padded, w, dilation, reach)


def dilated_conv1d_backward(dout, cache):
    padded, w, dilation, reach = cache
    T = dout.shape[1]
    dpadded = np.zeros_like(padded)
    dw = np.empty_like(w)
    for k in range(w.shape[0]):
        start = k * dilation
        dpadded[:, start : start + T] += dout @ w[k].T
        dw[k] = np.einsum("ntd,ntm->dm", padded[:, start : start + T], dout)
    return dpadded[:, reach:], dw


class DepthwiseSeparable:
    """A depthwise 3x3 convolution, one kernel a channel, then a pointwise one that mixes the channels."""

    def __init__(self, depthwise, pointwise):
        """
        - depthwise: of shape (C, 3, 3)
        - pointwise: of shape (M, C)
        """
        self.params = [depthwise, pointwise]
        self.grads = [np.zeros_like(depthwise), np.zeros_like(pointwise)]

    def forward(self, x):
        """
        - x: images, of shape (N, C, H, W)
        """
        depthwise, pointwise = self.params
        H, W = x.shape[2:]
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        hidden = np.zeros_like(x)
        for i in range(3):
            for j in range(3):
                hidden += depthwise[:, i, j][:, None, None] * padded[:, :, i : i + H, j : j + W]
        self.cache = (padded, hidden)
        return np.einsum("mc,nchw->nmhw", pointwise, hidden)

    def backward(self, dout):
        depthwise, pointwise = self.params
        padded, hidden = self.cache
        _, _, H, W = hidden.shape
        self.grads[1][...] = np.einsum("nmhw,nchw->mc", dout, hidden)
        dhidden = np.einsum("mc,nmhw->nchw", pointwise, dout)
        dpadded = np.zeros_like(padded)
        for i in range(3):
            for j in range(3):
                self.grads[0][:, i, j] = np.sum(dhidden * padded[:, :, i : i + H, j : j + W], axis=(0, 2, 3))
                dpadded[:, :, i : i + H, j : j + W] += depthwise[:, i, j][:, None, None] * dhidden
        return dpadded[:, :, 1:-1, 1:-1]


def grouped_conv1d_forward(x, w):
    """A convolution over time in two groups of channels that do not see each other.

    - x: of shape (N, 6, T)
    - w: of shape (2, F, 3, K), where K is at most T
    """
    groups, F, channels, K = w.shape
    N, _, T = x.shape
    split = x.reshape(N, groups, channels, T)
    windows = np.stack([split[..., k : T - K + 1 + k] for k in range(K)], axis=-1)
    out = np.einsum("ngctk,gfck->ngft", windows, w)
    return out.reshape(N, groups * F, -1), (windows, w, x.shape)


def grouped_conv1d_backward(dout, cache):
    windows, w, shape = cache
    groups, F, channels, K = w.shape
    N, _, T = shape
    g = dout.reshape(N, groups, F, -1)
    dw = np.einsum("ngctk,ngft->gfck", windows, g)
    dwindows = np.einsum("gfck,ngft->ngctk", w, g)
    dsplit = np.zeros((N, groups, channels, T), dtype=dout.dtype)
    for k in range(K):
        dsplit[..., k : T - K + 1 + k] += dwindows[..., k]
    return dsplit.reshape(shape), dw


def grouped_conv1d_inputs(rng):
    return {"x": rng.normal(size=(3, 6, 7)).round(2), "w": rng.normal(size=(2, 4, 3, 5)).round(2)}
