"""Linear algebra, implicit functions and transforms with hand-written rules in JAX."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.linalg import solve_triangular


@jax.custom_vjp
def fixed_point(w, u, x):
    """z with z = tanh(z w + x u), found by iteration, differentiated by the implicit function theorem.

    w: shape (H, H)
    u: shape (D, H)
    x: shape (N, D)
    """
    return _iterate(w, u, x)


def _iterate(w, u, x):
    drive = x @ u
    # a contraction: the spectral norm is at most the Frobenius norm
    weights = 0.5 * w / jnp.sqrt(jnp.sum(w**2))
    return jax.lax.fori_loop(0, 60, lambda _, z: jnp.tanh(z @ weights + drive), jnp.zeros_like(drive))


def fixed_point_fwd(w, u, x):
    z = _iterate(w, u, x)
    return z, (w, u, x, z)


def fixed_point_bwd(residuals, g):
    w, u, x, z = residuals
    norm = jnp.sqrt(jnp.sum(w**2))
    weights = 0.5 * w / norm
    slope = 1 - z**2
    adjoint = jax.lax.fori_loop(0, 60, lambda _, a: g + (a * slope) @ weights.T, jnp.zeros_like(g))
    da = adjoint * slope
    dweights = z.T @ da
    dw = 0.5 * (dweights - w * jnp.sum(dweights * w) / norm**2) / norm
    return dw, x.T @ da, da @ u.T


fixed_point.defvjp(fixed_point_fwd, fixed_point_bwd)


@jax.custom_jvp
def cubic_root(a, b):
    """The real root z of z³ + a z = b by Newton's method, for positive a.

    a: positive, shape (N,)
    b: shape (N,)
    """
    return jax.lax.fori_loop(0, 30, lambda _, z: z - (z**3 + a * z - b) / (3 * z**2 + a), b / (1 + a))


@cubic_root.defjvp
def cubic_root_jvp(primals, tangents):
    a, b = primals
    da, db = tangents
    z = cubic_root(a, b)
    return z, (db - z * da) / (3 * z**2 + a)


@jax.custom_vjp
def linear_solve(A, b):
    """x with A x = b.

    A: positive definite, shape (D, D)
    b: shape (D, M)
    """
    return jnp.linalg.solve(A, b)


def linear_solve_fwd(A, b):
    x = jnp.linalg.solve(A, b)
    return x, (A, x)


def linear_solve_bwd(residuals, g):
    A, x = residuals
    db = jnp.linalg.solve(A.T, g)
    return -db @ x.T, db


linear_solve.defvjp(linear_solve_fwd, linear_solve_bwd)


@jax.custom_vjp
def log_likelihood(covariance, y):
    """The Gaussian log-likelihood of columns y, without its constant, by a Cholesky factor.

    covariance: positive definite, shape (D, D)
    y: shape (D, M)
    """
    L = jnp.linalg.cholesky((covariance + covariance.T) / 2)
    white = solve_triangular(L, y, lower=True)
    return -0.5 * jnp.sum(white**2) - y.shape[1] * jnp.sum(jnp.log(jnp.diag(L)))


def log_likelihood_fwd(covariance, y):
    L = jnp.linalg.cholesky((covariance + covariance.T) / 2)
    white = solve_triangular(L, y, lower=True)
    out = -0.5 * jnp.sum(white**2) - y.shape[1] * jnp.sum(jnp.log(jnp.diag(L)))
    return out, (L, white)


def log_likelihood_bwd(residuals, g):
    L, white = residuals
    alpha = solve_triangular(L, white, lower=True, trans=1)
    half = solve_triangular(L, jnp.eye(len(L)), lower=True)
    inverse = half.T @ half
    return g * 0.5 * (alpha @ alpha.T - white.shape[1] * inverse), -g * alpha


log_likelihood.defvjp(log_likelihood_fwd, log_likelihood_bwd)


def triangular_inverse_forward(L):
    """The inverse of a lower-triangular matrix; the upper triangle is not read.

    L: shape (D, D)
    """
    out = solve_triangular(L, jnp.eye(len(L)), lower=True)
    return out, out


def triangular_inverse_backward(g, out):
    return -jnp.tril(out.T @ g @ out.T)


def triangular_inverse_inputs(rng):
    return {"L": (rng.normal(size=(4, 4)) + 3 * np.eye(4)).round(2)}


@jax.custom_vjp
def circular_convolution(x, kernel):
    """Circular convolution along the last axis by the Fourier transform.

    x: shape (N, 7)
    kernel: shape (7,)
    """
    return jnp.fft.irfft(jnp.fft.rfft(x) * jnp.fft.rfft(kernel), n=x.shape[-1])


def circular_convolution_fwd(x, kernel):
    return circular_convolution(x, kernel), (x, kernel)


def circular_convolution_bwd(residuals, g):
    x, kernel = residuals
    n = x.shape[-1]
    spectrum = jnp.fft.rfft(g)
    dx = jnp.fft.irfft(spectrum * jnp.conj(jnp.fft.rfft(kernel)), n=n)
    dkernel = jnp.fft.irfft(spectrum * jnp.conj(jnp.fft.rfft(x)), n=n)
    return dx, dkernel.sum(axis=0)


circular_convolution.defvjp(circular_convolution_fwd, circular_convolution_bwd)


class KernelRidge:
    """Values at queries that a Gaussian kernel interpolates, with a ridge.

    points: shape (P, D)
    values: shape (P,)
    """

    ridge = 0.5

    def __init__(self, points, values):
        self.points, self.values = points, values

    def forward(self, x):
        """
        x: shape (N, D)
        """
        self.x = x
        self.gram = self._kernel(self.points, self.points) + self.ridge * jnp.eye(len(self.points))
        self.weights = jnp.linalg.solve(self.gram, self.values)
        self.cross = self._kernel(x, self.points)
        return self.cross @ self.weights

    @staticmethod
    def _kernel(a, b):
        return jnp.exp(-0.5 * jnp.sum((a[:, None] - b[None]) ** 2, axis=2))

    def backward(self, dout):
        dcross = jnp.outer(dout, self.weights) * self.cross
        dweights = self.cross.T @ dout
        self.dvalues = jnp.linalg.solve(self.gram.T, dweights)
        dgram = -jnp.outer(self.dvalues, self.weights) * (self.gram - self.ridge * jnp.eye(len(self.points)))
        symmetric = dgram + dgram.T
        dx = dcross @ self.points - dcross.sum(axis=1)[:, None] * self.x
        self.dpoints = dcross.T @ self.x - dcross.sum(axis=0)[:, None] * self.points
        self.dpoints += symmetric @ self.points - symmetric.sum(axis=1)[:, None] * self.points
        return dx
