"""A highway block, x + h(x) · t(x), as a network of four layers. The product's backward is wrong."""

import numpy as np

from gradcheck_cli import Graph


def affine_forward(x, w, b):
    """
    - x: shape (N, D)
    - w: shape (D, M)
    - b: shape (M,)
    """
    return x @ w + b, (x, w)


def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def sigmoid_forward(x):
    """
    - x: shape (N, D)
    """
    y = 1 / (1 + np.exp(-x))
    return y, y


def sigmoid_backward(dout, y):
    return dout * y * (1 - y)


def product_forward(a, b):
    """
    - a: shape (N, D)
    - b: shape (N, D)
    """
    return a * b, (a, b)


def product_backward(dout, cache):
    a, b = cache
    return dout * b, dout * b


def add_forward(a, b):
    """
    - a: shape (N, D)
    - b: shape (N, D)
    """
    return a + b, None


def add_backward(dout, cache):
    return dout, dout


highway = Graph()
x = highway.input("x", "N,5")
h = highway.layer(affine_forward, name="value", inputs={"w": "5,5"})(x)
t = highway.layer(affine_forward, name="gate", inputs={"w": "5,5"})(x)
t = highway.layer(sigmoid_forward, name="open")(t)
h = highway.layer(product_forward, name="product")(h, t)
highway.output(highway.layer(add_forward, name="sum")(h, x))
