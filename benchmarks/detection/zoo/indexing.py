"""Layers that gather and scatter, in NumPy: embeddings, bags, segments, graphs, permutations."""

import numpy as np


class Embedding:
    """Rows of a table by index; an index may occur many times.

    - W: of shape (V, D)
    """

    def __init__(self, W):
        self.W = W

    def forward(self, ids):
        """
        - ids: integers, of shape (N, T), where 0 <= ids[i] < V
        """
        self.ids = ids
        return self.W[ids]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        np.add.at(self.dW, self.ids, dout)


def _bag_of_each(offsets, size):
    return np.searchsorted(offsets, np.arange(size), side="right") - 1


def embedding_bag_forward(table, ids, offsets):
    """Sums of embeddings: bag k holds ids[offsets[k] : offsets[k + 1]].

    - table: of shape (V, D)
    - ids: integers, of shape (K,)
    - offsets: integers, of shape (B,)
    """
    bag = _bag_of_each(offsets, len(ids))
    out = np.zeros((len(offsets), table.shape[1]), dtype=table.dtype)
    np.add.at(out, bag, table[ids])
    return out, (table.shape, ids, bag)


def embedding_bag_backward(dout, cache):
    shape, ids, bag = cache
    dtable = np.zeros(shape, dtype=dout.dtype)
    np.add.at(dtable, ids, dout[bag])
    return dtable


def embedding_bag_inputs(rng):
    return {
        "table": rng.normal(size=(5, 3)).round(2),
        "ids": np.array([1, 4, 1, 1, 0, 2, 4]),
        "offsets": np.array([0, 3, 4]),
    }


def mean_bag_forward(table, ids, offsets):
    """Means of weighted embeddings, one bag after another.

    - table: of shape (V, D)
    - ids: integers, of shape (K,)
    - offsets: integers, of shape (B,)
    """
    bag = _bag_of_each(offsets, len(ids))
    count = np.bincount(bag, minlength=len(offsets))
    total = np.zeros((len(offsets), table.shape[1]), dtype=table.dtype)
    np.add.at(total, bag, table[ids])
    return total / count[:, None], (table.shape, ids, bag, count)


def mean_bag_backward(dout, cache):
    shape, ids, bag, count = cache
    dtable = np.zeros(shape, dtype=dout.dtype)
    share = dout / count[:, None]
    np.add.at(dtable, ids, share[bag])
    return dtable


def mean_bag_inputs(rng):
    return {
        "table": rng.normal(size=(6, 4)).round(2),
        "ids": np.array([5, 0, 5, 2, 2, 2, 3]),
        "offsets": np.array([0, 2, 6]),
    }


def segment_softmax(scores, segment):
    """A softmax within each segment, as over a node's edges, and its pull-back.

    - scores: of shape (E,)
    - segment: integers, of shape (E,), where 0 <= segment[i] < 3
    """
    same = segment[:, None] == segment[None, :]
    exp = np.exp(scores - scores.max())
    weights = exp / (same @ exp)

    def backprop(dweights):
        pulled = dweights * weights
        return pulled - weights * (same @ pulled)

    return weights, backprop


def graph_conv_forward(h, w, source, target):
    """Each node receives the mean of its neighbours' features, and adds its own.

    - h: node features, of shape (V, D)
    - w: of shape (D, M)
    - source: integers, of shape (E,), where 0 <= source[i] < V
    - target: integers, of shape (E,), where 0 <= target[i] < V
    """
    degree = np.maximum(np.bincount(target, minlength=len(h)), 1)[:, None]
    received = np.zeros_like(h)
    np.add.at(received, target, h[source])
    mixed = h + received / degree
    return mixed @ w, (mixed, w, source, target, degree)


def graph_conv_backward(dout, cache):
    mixed, w, source, target, degree = cache
    dw = mixed.T @ dout
    dmixed = dout @ w.T
    dh = dmixed.copy()
    np.add.at(dh, source, (dmixed / degree)[target])
    return dh, dw


class NormalizedGraphConv:
    """Kipf and Welling's graph convolution, D^-1/2 (A + I) D^-1/2 x W, over a given adjacency."""

    def __init__(self, W):
        """
        - W: of shape (F, M)
        """
        self.W = W

    def forward(self, x, edges):
        """
        - x: node features, of shape (V, F)
        - edges: integers, of shape (V, V), where 0 <= edges[i] < 2
        """
        adjacency = (edges + np.eye(len(edges))).astype(x.dtype)
        degree = adjacency.sum(axis=1)
        self.propagate = adjacency / np.sqrt(np.outer(degree, degree))
        self.gathered = self.propagate @ x
        return self.gathered @ self.W

    def backward(self, dout):
        self.dW = self.gathered.T @ dout
        return self.propagate.T @ (dout @ self.W.T)


def top_two_forward(x):
    """The two largest entries of each row, the larger first.

    - x: of shape (N, D)
    """
    order = np.argsort(-x, axis=1)[:, :2]
    return np.take_along_axis(x, order, axis=1), (order, x.shape)


def top_two_backward(dout, cache):
    order, shape = cache
    dx = np.zeros(shape, dtype=dout.dtype)
    np.put_along_axis(dx, order, dout, axis=1)
    return dx


def pixel_shuffle_forward(x, factor=2):
    """Channels moved into space, as for super-resolution.

    - x: of shape (N, 8, H, W)
    """
    N, C, H, W = x.shape
    out = x.reshape(N, C // factor**2, factor, factor, H, W).transpose(0, 1, 4, 2, 5, 3)
    return out.reshape(N, C // factor**2, H * factor, W * factor), (x.shape, factor)


def pixel_shuffle_backward(dout, cache):
    (N, C, H, W), factor = cache
    dx = dout.reshape(N, C // factor**2, H, factor, W, factor).transpose(0, 1, 3, 5, 2, 4)
    return dx.reshape(N, C, H, W)
