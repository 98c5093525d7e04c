import numpy as np

from gradcheck_cli import layer


def cube(x):
    return x**3, x


def slope_of_cube(g, x):
    return 3 * g * x**2


cubed = layer(forward=cube, backward=slope_of_cube, inputs={"x": "N,D"})


def kernel_softplus(x):
    """Stands for a kernel in C: it works on plain memory, where nothing can be traced."""
    raw = np.frombuffer(np.ascontiguousarray(x).tobytes(), dtype=x.dtype)
    return np.array([np.log1p(np.exp(value)) for value in raw.tolist()]).reshape(x.shape), x


def kernel_softplus_gradient(g, x):
    return g / (1 + np.exp(-x))


softplus = layer(
    forward=kernel_softplus,
    backward=kernel_softplus_gradient,
    inputs={"x": "N,D"},
    reference=lambda x: np.logaddexp(x, 0),
)


def square_root_gradient(g, out):
    return g / (2 * out)


@layer(backward=square_root_gradient, inputs=lambda rng: {"x": rng.uniform(0.5, 2.0, size=(3, 4)).round(2)})
def square_root(x):
    out = np.sqrt(x)
    return out, out
