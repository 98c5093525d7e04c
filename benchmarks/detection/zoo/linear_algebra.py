"""Matrix functions in NumPy: solves, factors, determinants."""

import numpy as np


def triangular_solve_forward(L, b):
    """x with L x = b by forward substitution; only the lower triangle of L is read.

    - L: of shape (D, D)
    - b: of shape (D, M)
    """
    x = np.zeros_like(b)
    for i in range(len(b)):
        x[i] = (b[i] - L[i, :i] @ x[:i]) / L[i, i]
    return x, (L, x)


def triangular_solve_backward(dx, cache):
    L, x = cache
    db = np.zeros_like(x)
    for i in range(len(x) - 1, -1, -1):
        db[i] = (dx[i] - L[i + 1 :, i] @ db[i + 1 :]) / L[i, i]
    return -np.tril(db @ x.T), db


def triangular_solve_inputs(rng):
    L = np.tril(rng.normal(size=(4, 4))) + 3 * np.eye(4)
    return {"L": L.round(2), "b": rng.normal(size=(4, 3)).round(2)}


def cholesky_forward(A):
    """The Cholesky factor of a matrix that is made symmetric first.

    - A: positive definite, of shape (D, D)
    """
    L = np.linalg.cholesky((A + A.T) / 2)
    return L, L


def cholesky_backward(dL, L):
    phi = np.tril(L.T @ dL)
    phi[np.diag_indices(len(L))] /= 2
    inverse = np.linalg.inv(L)
    S = inverse.T @ phi @ inverse
    return (S + S.T) / 2


def cholesky_loops_forward(A):
    """The Cholesky factor column by column, from the lower triangle of A alone.

    - A: positive definite, of shape (4, 4)
    """
    L = np.zeros_like(A)
    for j in range(len(A)):
        L[j, j] = np.sqrt(A[j, j] - L[j, :j] @ L[j, :j])
        for i in range(j + 1, len(A)):
            L[i, j] = (A[i, j] - L[i, :j] @ L[j, :j]) / L[j, j]
    return L, L


def cholesky_loops_backward(dout, L):
    dL = np.tril(dout)
    dA = np.zeros_like(dL)
    for j in range(len(L) - 1, -1, -1):
        for i in range(len(L) - 1, j, -1):
            dA[i, j] = dL[i, j] / L[j, j]
            dL[j, j] -= dA[i, j] * L[i, j]
            dL[i, :j] -= dA[i, j] * L[j, :j]
            dL[j, :j] -= dA[i, j] * L[i, :j]
        dA[j, j] = 0.5 * dL[j, j] / L[j, j]
        dL[j, :j] -= 2 * dA[j, j] * L[j, :j]
    return dA


def inverse_forward(A):
    """The inverse of a batch of matrices.

    - A: of shape (N, 3, 3)
    """
    out = np.linalg.inv(A)
    return out, out


def inverse_backward(dout, out):
    transposed = out.transpose(0, 2, 1)
    return -transposed @ dout @ transposed


def inverse_inputs(rng):
    return {"A": (rng.normal(size=(2, 3, 3)) + 3 * np.eye(3)).round(2)}


class Solve:
    """x with A x = b, where A is a parameter."""

    def __init__(self, A):
        """
        - A: of shape (D, D)
        """
        self.A = A

    def forward(self, b):
        """
        - b: of shape (D, M)
        """
        self.x = np.linalg.solve(self.A, b)
        return self.x

    def backward(self, dx):
        db = np.linalg.solve(self.A.T, dx)
        self.dA = -db @ self.x.T
        return db


def Solve_inputs(rng):
    return {"A": (rng.normal(size=(4, 4)) + 3 * np.eye(4)).round(2), "b": rng.normal(size=(4, 2)).round(2)}


def log_determinant_forward(A):
    """log |det A| of each matrix of a batch.

    - A: of shape (N, 3, 3)
    """
    return np.linalg.slogdet(A)[1], A


def log_determinant_backward(dout, A):
    return dout[:, None, None] * np.linalg.inv(A).transpose(0, 2, 1)


def log_determinant_inputs(rng):
    return {"A": (rng.normal(size=(3, 3, 3)) + 2 * np.eye(3)).round(2)}


def gaussian_quadratic(x, mean, root):
    """-1/2 (x - m)' (R R')^-1 (x - m) - log |det R| a row, and its pull-back.

    - x: of shape (N, D)
    - mean: of shape (D,)
    - root: positive definite, of shape (D, D)
    """
    inverse = np.linalg.inv(root)
    whitened = (x - mean) @ inverse.T
    out = -0.5 * (whitened**2).sum(axis=1) - np.linalg.slogdet(root)[1]

    def backprop(dout):
        dwhitened = -whitened * dout[:, None]
        dx = dwhitened @ inverse
        dinverse = dwhitened.T @ (x - mean)
        droot = -inverse.T @ dinverse @ inverse.T - dout.sum() * inverse.T
        return dx, -dx.sum(axis=0), droot

    return out, backprop


def matrix_exponential_forward(A, order=8):
    """exp(A) by its power series; the terms are kept.

    - A: of shape (D, D)
    """
    terms = [np.eye(len(A))]
    for k in range(1, order + 1):
        terms.append(terms[-1] @ A / k)
    return sum(terms), (A, terms)


def matrix_exponential_backward(dout, cache):
    A, terms = cache
    dA = np.zeros_like(A)
    dterm = np.zeros_like(A)
    for k in range(len(terms) - 1, 0, -1):
        dterm = dterm + dout
        dA += terms[k - 1].T @ dterm / k
        dterm = dterm @ A.T / k
    return dA


def kronecker_forward(A, B):
    """The Kronecker product of two matrices.

    - A: of shape (P, Q)
    - B: of shape (R, S)
    """
    return np.kron(A, B), (A, B)


def kronecker_backward(dout, cache):
    A, B = cache
    blocks = dout.reshape(A.shape[0], B.shape[0], A.shape[1], B.shape[1])
    return np.einsum("prqs,rs->pq", blocks, B), np.einsum("prqs,pq->rs", blocks, A)
