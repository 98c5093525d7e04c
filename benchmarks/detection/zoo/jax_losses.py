"""Losses with hand-written gradients in JAX."""

import jax
import jax.numpy as jnp


@jax.custom_vjp
def cross_entropy(logits, labels):
    """Cross-entropy of each example with a penalty on the log-partition, as for large language models.

    logits: shape (N, C)
    labels: integers, shape (N,), where 0 <= labels[i] < C
    """
    log_total = jax.nn.logsumexp(logits, axis=1)
    return log_total - logits[jnp.arange(len(labels)), labels] + 0.1 * log_total**2


def cross_entropy_fwd(logits, labels):
    return cross_entropy(logits, labels), (logits, labels)


def cross_entropy_bwd(residuals, g):
    logits, labels = residuals
    log_total = jax.nn.logsumexp(logits, axis=1, keepdims=True)
    p = jnp.exp(logits - log_total)
    one_hot = jax.nn.one_hot(labels, logits.shape[1], dtype=logits.dtype)
    return g[:, None] * (p * (1 + 0.2 * log_total) - one_hot), None


cross_entropy.defvjp(cross_entropy_fwd, cross_entropy_bwd)


def mixture_logistic_forward(logits, means, y):
    """The negative log-likelihood of a mixture of unit logistic distributions, a value an example.

    logits: shape (N, K)
    means: shape (N, K)
    y: real targets, shape (N,)
    """
    z = y[:, None] - means
    joint = jax.nn.log_softmax(logits) - z - 2 * jax.nn.softplus(-z)
    out = -jax.nn.logsumexp(joint, axis=1)
    return out, (logits, z, joint, out)


def mixture_logistic_backward(g, cache):
    logits, z, joint, out = cache
    responsibility = jnp.exp(joint + out[:, None])
    dlogits = g[:, None] * (jax.nn.softmax(logits) - responsibility)
    dz = g[:, None] * responsibility * jnp.tanh(z / 2)
    return dlogits, -dz, dz.sum(axis=1)


def mixture_logistic_inputs(rng):
    return {
        "logits": rng.normal(size=(4, 3)).round(2),
        "means": rng.normal(size=(4, 3)).round(2),
        "y": rng.normal(size=4).round(2),
    }


def barlow_twins_loss(a, b):
    """The redundancy of two views: their cross-correlation should be the identity. The loss and its gradients.

    a: shape (5, D)
    b: shape (5, D)
    """
    N = a.shape[0]
    correlation = a.T @ b / N
    off = 0.05 * (1 - jnp.eye(len(correlation))) + jnp.eye(len(correlation))
    difference = correlation - jnp.eye(len(correlation))
    loss = jnp.sum(off * difference**2)
    dcorrelation = 2 * off * difference
    da = b @ dcorrelation.T / N
    db = a @ dcorrelation / N
    return loss, da, db


class QuantileLoss:
    """The pinball loss of three quantiles, smoothed as a Huber loss is."""

    levels = jnp.array([0.1, 0.5, 0.9])
    kappa = 0.4

    def forward(self, predicted, target):
        """
        predicted: shape (N, 3)
        target: real numbers, shape (N, 1)
        """
        self.error = target - predicted
        size = jnp.abs(self.error)
        huber = jnp.where(size <= self.kappa, 0.5 * self.error**2, self.kappa * (size - 0.5 * self.kappa))
        self.weight = jnp.abs(self.levels - (self.error < 0)) / self.kappa
        return jnp.mean(jnp.sum(self.weight * huber, axis=1))

    def backward(self, dloss=1.0):
        slope = jnp.clip(self.error, -self.kappa, self.kappa)
        derror = dloss * self.weight * slope / len(slope)
        return -derror, derror.sum(axis=1, keepdims=True)


def info_max_forward(logits):
    """The mutual information of examples and clusters: marginal entropy minus mean conditional entropy.

    logits: shape (N, K)
    """
    log_p = jax.nn.log_softmax(logits)
    p = jnp.exp(log_p)
    marginal = p.mean(axis=0)
    conditional = -(p * log_p).sum(axis=1).mean()
    return -(marginal * jnp.log(marginal)).sum() - conditional, (p, log_p, marginal)


def info_max_backward(g, cache):
    p, log_p, marginal = cache
    dp = g * (log_p - jnp.log(marginal)) / p.shape[0]
    return p * (dp - (p * dp).sum(axis=1, keepdims=True))
