"""Likelihoods, sampling and integration, in NumPy."""

import numpy as np


def gaussian_nll_forward(mean, log_variance, target):
    """The negative log-likelihood of a Gaussian with a log-variance an entry, mean over the batch.

    - mean: of shape (N, D)
    - log_variance: of shape (N, D)
    - target: of shape (N, D)
    """
    residual = target - mean
    precision = np.exp(-log_variance)
    loss = 0.5 * (np.log(2 * np.pi) + log_variance + residual**2 * precision).sum() / len(mean)
    return loss, (residual, precision)


def gaussian_nll_backward(dloss, cache):
    residual, precision = cache
    scale = dloss / len(residual)
    dmean = -scale * residual * precision
    dlog_variance = 0.5 * scale * (1 - residual**2 * precision)
    return dmean, dlog_variance, -dmean


def mixture_density_forward(logits, means, log_sigmas, y):
    """The negative log-likelihood of a mixture of Gaussians (Bishop 1994), a value an example.

    - logits: of shape (N, K)
    - means: of shape (N, K)
    - log_sigmas: of shape (N, K)
    - y: targets, real numbers of shape (N, 1)
    """
    standard = (y - means) * np.exp(-log_sigmas)
    log_weights = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    joint = log_weights - log_sigmas - 0.5 * standard**2 - 0.5 * np.log(2 * np.pi)
    top = joint.max(axis=1, keepdims=True)
    log_likelihood = top + np.log(np.exp(joint - top).sum(axis=1, keepdims=True))
    return -log_likelihood[:, 0], (standard, log_weights, log_sigmas, np.exp(joint - log_likelihood))


def mixture_density_backward(dout, cache):
    standard, log_weights, log_sigmas, responsibility = cache
    g = dout[:, None]
    dlogits = g * (np.exp(log_weights) - responsibility)
    dmeans = -g * responsibility * standard * np.exp(-log_sigmas)
    dlog_sigmas = g * responsibility * (1 - standard**2)
    return dlogits, dmeans, dlog_sigmas, -dmeans.sum(axis=1, keepdims=True)


def mixture_density_inputs(rng):
    return {name: rng.normal(size=(4, 3)).round(2) for name in ("logits", "means", "log_sigmas")} | {
        "y": rng.normal(size=(4, 1)).round(2)
    }


class Reparameterize:
    """A sample of a diagonal Gaussian from given noise, and its divergence from the standard Gaussian."""

    def forward(self, mean, log_variance, noise):
        """
        - mean: of shape (N, D)
        - log_variance: of shape (N, D)
        - noise: of shape (N, D)
        """
        self.mean, self.noise = mean, noise
        self.sigma = np.exp(0.5 * log_variance)
        divergence = 0.5 * (self.sigma**2 + mean**2 - 1 - log_variance).sum(axis=1)
        return mean + self.sigma * noise, divergence

    def backward(self, dsample, ddivergence):
        d = ddivergence[:, None]
        dmean = dsample + d * self.mean
        dlog_variance = 0.5 * dsample * self.sigma * self.noise + 0.5 * d * (self.sigma**2 - 1)
        return dmean, dlog_variance, dsample * self.sigma


def gumbel_softmax_forward(logits, noise, tau=0.7):
    """A relaxed categorical sample from given uniform noise (Jang et al. 2017).

    - logits: of shape (N, K)
    - noise: probabilities, of shape (N, K)
    """
    gumbel = -np.log(-np.log(noise))
    z = (logits + gumbel) / tau
    exp = np.exp(z - z.max(axis=1, keepdims=True))
    sample = exp / exp.sum(axis=1, keepdims=True)
    return sample, (sample, noise, tau)


def gumbel_softmax_backward(dout, cache):
    sample, noise, tau = cache
    dz = sample * (dout - np.sum(dout * sample, axis=1, keepdims=True))
    dlogits = dz / tau
    return dlogits, -dlogits / (noise * np.log(noise))


def gumbel_softmax_inputs(rng):
    return {"logits": rng.normal(size=(3, 5)).round(2), "noise": rng.uniform(0.1, 0.9, size=(3, 5)).round(2)}


def affine_coupling_forward(x, W, U):
    """A step of a normalising flow: half of x is scaled and moved by functions of the other; log-determinant beside it.

    - x: of shape (N, 6)
    - W: of shape (3, 3)
    - U: of shape (3, 3)
    """
    kept, moved = x[:, :3], x[:, 3:]
    log_scale = np.tanh(kept @ W)
    scale = np.exp(log_scale)
    out = np.concatenate([kept, moved * scale + kept @ U], axis=1)
    return out, log_scale.sum(axis=1), (kept, moved, W, U, log_scale, scale)


def affine_coupling_backward(dout, dlogdet, cache):
    kept, moved, W, U, log_scale, scale = cache
    dkept, dchanged = dout[:, :3], dout[:, 3:]
    dlog_scale = dchanged * moved * scale + dlogdet[:, None]
    da = dlog_scale * (1 - log_scale**2)
    dkept = dkept + da @ W.T + dchanged @ U.T
    return np.concatenate([dkept, dchanged * scale], axis=1), kept.T @ da, kept.T @ dchanged


def rk4_step_forward(y, W, h=0.2):
    """One Runge-Kutta step of y' = tanh(y W).

    - y: of shape (N, D)
    - W: of shape (D, D)
    """
    k1 = np.tanh(y @ W)
    k2 = np.tanh((y + h / 2 * k1) @ W)
    k3 = np.tanh((y + h / 2 * k2) @ W)
    k4 = np.tanh((y + h * k3) @ W)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4), (y, W, h, k1, k2, k3, k4)


def rk4_step_backward(dout, cache):
    y, W, h, k1, k2, k3, k4 = cache

    da4 = h / 6 * dout * (1 - k4**2)
    dy4 = da4 @ W.T
    da3 = (h / 3 * dout + h * dy4) * (1 - k3**2)
    dy3 = da3 @ W.T
    da2 = (h / 3 * dout + h / 2 * dy3) * (1 - k2**2)
    dy2 = da2 @ W.T
    da1 = (h / 6 * dout + h / 2 * dy2) * (1 - k1**2)
    dy1 = da1 @ W.T

    dW = y.T @ da1 + (y + h / 2 * k1).T @ da2 + (y + h / 2 * k2).T @ da3 + (y + h * k3).T @ da4
    return dout + dy1 + dy2 + dy3 + dy4, dW


def leapfrog_forward(q, p, W, h=0.3, steps=3):
    """Leapfrog integration of a pendulum-like system with the force -sin(q W).

    - q: positions, of shape (N, D)
    - p: momenta, of shape (N, D)
    - W: of shape (D, D)
    """
    positions = [q]
    p = p - h / 2 * np.sin(q @ W)
    for step in range(steps):
        q = q + h * p
        positions.append(q)
        p = p - (h if step < steps - 1 else h / 2) * np.sin(q @ W)
    return q, p, (positions, W, h)


def leapfrog_backward(dq, dp, cache):
    positions, W, h = cache
    dW = np.zeros_like(W)
    last = len(positions) - 1
    for step in range(last, -1, -1):
        q = positions[step]
        kick = h / 2 if step in (0, last) else h
        da = -kick * dp * np.cos(q @ W)
        dW += q.T @ da
        dq = dq + da @ W.T
        if step > 0:
            dp = dp + h * dq
    return dq, dp, dW


def spectral_filter_forward(x, gain):
    """Filters a signal in the frequency domain with a real gain for each frequency.

    - x: of shape (N, 8)
    - gain: of shape (5,)
    """
    spectrum = np.fft.rfft(x, axis=1)
    return np.fft.irfft(spectrum * gain, n=x.shape[1], axis=1), (spectrum, gain)


def spectral_filter_backward(dout, cache):
    spectrum, gain = cache
    n = dout.shape[1]
    dspectrum = np.fft.rfft(dout, axis=1)
    weight = np.full(len(gain), 2.0 / n)
    weight[[0, -1]] = 1.0 / n  # the mean and the highest frequency have no mirror image
    dgain = weight * np.real(np.conj(spectrum) * dspectrum).sum(axis=0)
    return np.fft.irfft(dspectrum * gain, n=n, axis=1), dgain
