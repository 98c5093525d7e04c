"""Losses for classification and regression, in NumPy."""

import numpy as np


def _log_softmax(x):
    shifted = x - x.max(axis=1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))


def smoothed_cross_entropy_loss(logits, labels, smoothing=0.1):
    """Cross-entropy with label smoothing, mean over the batch; returns the loss and its gradient.

    - logits: of shape (N, C)
    - labels: integers, of shape (N,), where 0 <= labels[i] < C
    """
    N, C = logits.shape
    log_p = _log_softmax(logits)
    target = np.full((N, C), smoothing / C)
    target[np.arange(N), labels] += 1 - smoothing
    loss = -(target * log_p).sum() / N
    dlogits = (np.exp(log_p) - target) / N
    return loss, dlogits


def multiclass_hinge_loss(scores, y, margin=0.3):
    """Weston and Watkins' multi-class SVM loss, with a weight decay on the scores.

    - scores: of shape (N, C)
    - y: labels, of shape (N,), where 0 <= y[i] < C
    """
    N = len(y)
    rows = np.arange(N)
    margins = np.maximum(0, scores - scores[rows, y][:, None] + margin)
    margins[rows, y] = 0
    loss = margins.sum() / N + 0.01 * np.sum(scores**2)
    dscores = (margins > 0).astype(scores.dtype)
    dscores[rows, y] -= dscores.sum(axis=1)
    dscores = dscores / N + 0.02 * scores
    return loss, dscores


def focal_forward(logits, labels, gamma=2.0):
    """Focal loss, -(1 - p)^gamma log p of the true class, a value an example (Lin et al. 2017).

    - logits: of shape (N, C)
    - labels: integers, of shape (N,), where 0 <= labels[i] < C
    """
    log_p = _log_softmax(logits)
    rows = np.arange(len(labels))
    log_pt = log_p[rows, labels]
    pt = np.exp(log_pt)
    return -((1 - pt) ** gamma) * log_pt, (log_p, labels, pt, log_pt, gamma)


def focal_backward(dout, cache):
    log_p, labels, pt, log_pt, gamma = cache
    dlog_pt = -((1 - pt) ** gamma) + gamma * pt * (1 - pt) ** (gamma - 1) * log_pt
    one_hot = np.eye(log_p.shape[1])[labels]
    return (dout * dlog_pt)[:, None] * (one_hot - np.exp(log_p))


def binary_cross_entropy_forward(logits, targets, weight):
    """Weighted binary cross-entropy of logits, mean over all entries, without overflow.

    - logits: of shape (N, D)
    - targets: probabilities, of shape (N, D)
    - weight: of the positive class, positive, of shape (D,)
    """
    negative = np.logaddexp(0, logits)
    positive = np.logaddexp(0, -logits)
    loss = (weight * targets * positive + (1 - targets) * negative).mean()
    return loss, (logits, targets, weight, positive, negative)


def binary_cross_entropy_backward(dloss, cache):
    logits, targets, weight, positive, negative = cache
    scale = dloss / logits.size
    p = 1 / (1 + np.exp(-logits))
    dlogits = scale * ((1 - targets) * p - weight * targets * (1 - p))
    dtargets = scale * (weight * positive - negative)
    dweight = scale * (targets * positive).sum(axis=0)
    return dlogits, dtargets, dweight


class HuberLoss:
    """Quadratic near zero, linear beyond delta; mean over the batch, sum over the features."""

    delta = 0.8

    def forward(self, prediction, target):
        """
        - prediction: of shape (N, D)
        - target: of shape (N, D)
        """
        self.difference = prediction - target
        size = np.abs(self.difference)
        quadratic = 0.5 * size**2
        linear = self.delta * (size - 0.5 * self.delta)
        return np.where(size <= self.delta, quadratic, linear).sum() / len(prediction)

    def backward(self, dloss=1.0):
        slope = np.clip(self.difference, -self.delta, self.delta)
        dprediction = dloss * slope / len(slope)
        return dprediction, -dprediction


def kl_divergence_forward(p_logits, q_logits):
    """KL(p || q) of two categorical distributions, a value an example.

    - p_logits: of shape (N, C)
    - q_logits: of shape (N, C)
    """
    log_p, log_q = _log_softmax(p_logits), _log_softmax(q_logits)
    p = np.exp(log_p)
    out = (p * (log_p - log_q)).sum(axis=1)
    return out, (p, log_p, log_q, out)


def kl_divergence_backward(dout, cache):
    p, log_p, log_q, out = cache
    dp_logits = dout[:, None] * p * (log_p - log_q - out[:, None])
    dq_logits = dout[:, None] * (np.exp(log_q) - p)
    return dp_logits, dq_logits


def cosine_similarity_forward(a, b, eps=1e-8):
    """The cosine of the angle between rows.

    - a: of shape (N, D)
    - b: of shape (N, D)
    """
    length_a = np.sqrt((a * a).sum(axis=1) + eps)
    length_b = np.sqrt((b * b).sum(axis=1) + eps)
    out = (a * b).sum(axis=1) / (length_a * length_b)
    return out, (a, b, length_a, length_b, out)


def cosine_similarity_backward(dout, cache):
    a, b, length_a, length_b, out = cache
    product = (length_a * length_b)[:, None]
    da = dout[:, None] * (b / product - a * (out / length_a**2)[:, None])
    db = dout[:, None] * (a / product - b * (out / length_b**2)[:, None])
    return da, db


def triplet_forward(anchor, positive, negative, margin=1.0):
    """max(0, |a - p|² - |a - n|² + margin), mean over the batch.

    - anchor: of shape (N, D)
    - positive: of shape (N, D)
    - negative: of shape (N, D)
    """
    near, far = anchor - positive, anchor - negative
    violation = (near**2).sum(axis=1) - (far**2).sum(axis=1) + margin
    return np.maximum(violation, 0).mean(), (near, far, violation > 0)


def triplet_backward(dloss, cache):
    near, far, active = cache
    scale = 2 * dloss * active[:, None] / len(active)
    return scale * (near - far), -scale * near, scale * far


def info_nce(queries, keys, temperature=0.5):
    """The contrastive loss of matching rows, and its pull-back: each query's own key against all others.

    - queries: of shape (N, D)
    - keys: of shape (N, D)
    """
    log_p = _log_softmax(queries @ keys.T / temperature)
    N = len(queries)

    def backprop(dloss):
        dscores = dloss * (np.exp(log_p) - np.eye(N)) / (N * temperature)
        return dscores @ keys, dscores.T @ queries

    return -np.trace(log_p) / N, backprop


def dice_forward(logits, mask, smooth=1.0):
    """One minus the soft Dice coefficient of each image.

    - logits: of shape (N, H, W)
    - mask: probabilities, of shape (N, H, W)
    """
    p = 1 / (1 + np.exp(-logits))
    overlap = 2 * (p * mask).sum(axis=(1, 2)) + smooth
    total = p.sum(axis=(1, 2)) + mask.sum(axis=(1, 2)) + smooth
    return 1 - overlap / total, (p, mask, overlap, total)


def dice_backward(dout, cache):
    p, mask, overlap, total = cache
    doverlap = (-dout / total)[:, None, None]
    dtotal = (dout * overlap / total**2)[:, None, None]
    dp = 2 * doverlap * mask + dtotal
    return dp * p * (1 - p), 2 * doverlap * p + dtotal
