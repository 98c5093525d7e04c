"""Whitening without a singular value decomposition, and other layers with matrices inside, in NumPy."""

import numpy as np


def cholesky_whitening_forward(x, eps=0.1):
    """Decorrelates the features of a batch with the Cholesky factor of its covariance.

    - x: of shape (8, 3)
    """
    N, D = x.shape
    centered = x - x.mean(axis=0)
    covariance = centered.T @ centered / N + eps * np.eye(D)
    inverse = np.linalg.inv(np.linalg.cholesky(covariance))
    return centered @ inverse.T, (centered, inverse)


def cholesky_whitening_backward(dout, cache):
    centered, inverse = cache
    N, D = centered.shape
    dinverse = dout.T @ centered
    dL = -inverse.T @ dinverse @ inverse.T
    phi = np.tril(np.linalg.inv(inverse).T @ dL)
    phi[np.arange(D), np.arange(D)] *= 0.5
    S = inverse.T @ phi @ inverse
    dcentered = dout @ inverse + centered @ (S + S.T) / N
    return dcentered - dcentered.mean(axis=0)


class IterativeWhitening:
    """ZCA whitening by Newton-Schulz iterations for the inverse square root (Huang et al. 2019)."""

    iterations = 3

    def forward(self, x):
        """
        - x: of shape (7, 4)
        """
        N, D = x.shape
        self.centered = x - x.mean(axis=0)
        covariance = self.centered.T @ self.centered / N + 0.05 * np.eye(D)
        self.trace = np.trace(covariance)
        self.normalized = covariance / self.trace
        self.P = [np.eye(D)]
        for _ in range(self.iterations):
            P = self.P[-1]
            self.P.append(1.5 * P - 0.5 * P @ P @ P @ self.normalized)
        self.matrix = self.P[-1] / np.sqrt(self.trace)
        return self.centered @ self.matrix

    def backward(self, dout):
        N, D = self.centered.shape
        dmatrix = self.centered.T @ dout
        dP = dmatrix / np.sqrt(self.trace)
        dnormalized = np.zeros((D, D))
        for P in reversed(self.P[:-1]):
            cube = P @ P @ P
            dcube = -0.5 * dP @ self.normalized.T
            dnormalized += -0.5 * cube.T @ dP
            dP = 1.5 * dP + dcube @ (P @ P).T + P.T @ dcube @ P.T + (P @ P).T @ dcube
        dtrace = -np.sum(dnormalized * self.normalized) / self.trace
        dtrace -= 0.5 * np.sum(dmatrix * self.matrix) / self.trace
        dcovariance = dnormalized / self.trace + dtrace * np.eye(D)
        dcentered = dout @ self.matrix.T + self.centered @ (dcovariance + dcovariance.T) / N
        return dcentered - dcentered.mean(axis=0)


def sinkhorn_forward(scores, rounds=3):
    """Scores made nearly doubly stochastic: rows and columns are normalised in turn.

    - scores: of shape (D, D)
    """
    P = np.exp(scores)
    steps = []
    for k in range(2 * rounds):
        axis = 1 - k % 2
        total = P.sum(axis=axis, keepdims=True)
        P = P / total
        steps.append((axis, total, P))
    return P, (np.exp(scores), steps)


def sinkhorn_backward(dout, cache):
    start, steps = cache
    g = dout
    for axis, total, P in reversed(steps):
        g = (g - np.sum(g * P, axis=axis, keepdims=True)) / total
    return g * start


class KalmanStep:
    """Predict and update of a Kalman filter: returns the new mean and covariance of the state."""

    @staticmethod
    def forward(ctx, mean, covariance, observed, F, H, Q, R):
        """
        - mean: of shape (D,)
        - covariance: positive definite, of shape (D, D)
        - observed: of shape (M,)
        - F: of shape (D, D)
        - H: of shape (M, D)
        - Q: positive definite, of shape (D, D)
        - R: positive definite, of shape (M, M)
        """
        predicted = F @ mean
        P = F @ covariance @ F.T + Q
        residual = observed - H @ predicted
        S_inverse = np.linalg.inv(H @ P @ H.T + R)
        K = P @ H.T @ S_inverse
        ctx.save_for_backward(mean, covariance, F, H, predicted, P, residual, S_inverse, K)
        return predicted + K @ residual, P - K @ H @ P

    @staticmethod
    def backward(ctx, dmean, dcovariance):
        mean, covariance, F, H, predicted, P, residual, S_inverse, K = ctx.saved_tensors
        dK = np.outer(dmean, residual) - dcovariance @ P.T @ H.T
        dresidual = K.T @ dmean
        dP = dcovariance - (K @ H).T @ dcovariance
        dH = -K.T @ dcovariance @ P.T

        dP += dK @ S_inverse.T @ H
        dH += (P.T @ dK @ S_inverse.T).T
        dS = -S_inverse.T @ (H @ P.T @ dK) @ S_inverse.T
        dP += H.T @ dS @ H
        dH += dS @ H @ P.T + dS.T @ H @ P

        dpredicted = dmean - H.T @ dresidual
        dH -= np.outer(dresidual, predicted)
        dF = np.outer(dpredicted, mean) + dP @ F @ covariance.T + dP.T @ F @ covariance
        return F.T @ dpredicted, F.T @ dP @ F, dresidual, dF, dH, dP, dS
