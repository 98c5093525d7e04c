"""Dynamic programs in NumPy: CTC, a linear-chain CRF, soft alignments, a hidden Markov model."""

import numpy as np


def _logsumexp(x, axis):
    top = x.max(axis=axis, keepdims=True)
    return np.squeeze(top, axis=axis) + np.log(np.exp(x - top).sum(axis=axis))


def ctc_forward(logits, labels):
    """Connectionist temporal classification of one sequence (Graves 2006), in logarithms; class 0 is the blank.

    - logits: of shape (7, 5)
    - labels: integers, of shape (3,), where 1 <= labels[i] < 5
    """
    log_probs = logits - _logsumexp(logits, axis=1)[:, None]
    extended = np.zeros(2 * len(labels) + 1, dtype=int)
    extended[1::2] = labels
    skips = np.zeros(len(extended), dtype=bool)
    skips[2:] = (extended[2:] != 0) & (extended[2:] != extended[:-2])
    emitted = log_probs[:, extended]

    none = np.array([-np.inf])
    alpha = np.full(emitted.shape, -np.inf)
    alpha[0, :2] = emitted[0, :2]
    for t in range(1, len(logits)):
        stay = alpha[t - 1]
        move = np.concatenate([none, stay[:-1]])
        skip = np.where(skips, np.concatenate([none, none, stay[:-2]]), -np.inf)
        alpha[t] = np.logaddexp(np.logaddexp(stay, move), skip) + emitted[t]
    log_likelihood = np.logaddexp(alpha[-1, -1], alpha[-1, -2])
    return -log_likelihood, (log_probs, extended, skips, emitted, alpha, log_likelihood)


def ctc_backward(dloss, cache):
    log_probs, extended, skips, emitted, alpha, log_likelihood = cache
    none = np.array([-np.inf])
    beta = np.full(alpha.shape, -np.inf)
    beta[-1, -2:] = 0.0
    for t in range(len(beta) - 2, -1, -1):
        stay = beta[t + 1] + emitted[t + 1]
        move = np.concatenate([stay[1:], none])
        skip = np.where(np.append(skips[2:], [False, False]), np.concatenate([stay[2:], none, none]), -np.inf)
        beta[t] = np.logaddexp(np.logaddexp(stay, move), skip)
    occupancy = np.exp(alpha + beta - log_likelihood)
    expected = np.zeros_like(log_probs)
    for s, label in enumerate(extended):
        expected[:, label] += occupancy[:, s]
    return dloss * (np.exp(log_probs) - expected)


class LinearChainCRF:
    """The negative log-likelihood of tag sequences, mean over the batch.

    - transitions: scores from a tag to the next, of shape (K, K)
    """

    def __init__(self, transitions):
        self.transitions = transitions

    def forward(self, emissions, tags):
        """
        - emissions: of shape (N, T, K)
        - tags: integers, of shape (N, T), where 0 <= tags[i] < K
        """
        N, T, _ = emissions.shape
        self.emissions, self.tags = emissions, tags
        self.alpha = [emissions[:, 0]]
        for t in range(1, T):
            scores = self.alpha[-1][:, :, None] + self.transitions
            self.alpha.append(_logsumexp(scores, axis=1) + emissions[:, t])
        self.log_partition = _logsumexp(self.alpha[-1], axis=1)
        rows, steps = np.arange(N)[:, None], np.arange(T)
        score = emissions[rows, steps, tags].sum(axis=1) + self.transitions[tags[:, :-1], tags[:, 1:]].sum(axis=1)
        return np.mean(self.log_partition - score)

    def backward(self, dloss=1.0):
        N, T, _ = self.emissions.shape
        rows, steps = np.arange(N)[:, None], np.arange(T)
        demissions = np.zeros_like(self.emissions)
        self.dtransitions = np.zeros_like(self.transitions)
        beta = np.zeros_like(self.alpha[-1])
        for t in range(T - 1, -1, -1):
            demissions[:, t] = np.exp(self.alpha[t] + beta - self.log_partition[:, None])
            if t == 0:
                break
            incoming = beta + self.emissions[:, t]
            pairwise = self.alpha[t - 1][:, :, None] + self.transitions + incoming[:, None, :]
            self.dtransitions += np.exp(pairwise - self.log_partition[:, None, None]).sum(axis=0)
            beta = _logsumexp(self.transitions + incoming[:, None, :], axis=2)
        demissions[rows, steps, self.tags] -= 1
        np.add.at(self.dtransitions, (self.tags[:, :-1], self.tags[:, 1:]), -1.0)
        self.dtransitions *= dloss / N
        return demissions * dloss / N


def soft_dtw_forward(x, y, gamma=0.5):
    """Soft dynamic time warping of two sequences (Cuturi and Blondel 2017).

    - x: of shape (4, D)
    - y: of shape (3, D)
    """
    n, m = len(x), len(y)
    difference = x[:, None, :] - y[None, :, :]
    distance = (difference**2).sum(axis=2)
    R = np.full((n + 1, m + 1), np.inf)
    R[0, 0] = 0.0
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            before = np.stack([R[i - 1, j - 1], R[i - 1, j], R[i, j - 1]])
            least = before.min()
            R[i, j] = distance[i - 1, j - 1] + least - gamma * np.log(np.exp((least - before) / gamma).sum())
    return R[n, m], (difference, distance, R, gamma)


def soft_dtw_backward(dout, cache):
    difference, distance, R, gamma = cache
    n, m = distance.shape
    E = np.zeros((n + 2, m + 2))
    E[n, m] = dout
    for i in range(n, 0, -1):
        for j in range(m, 0, -1):
            # Each later cell hands back the share that this one had in its soft minimum.
            for di, dj in ((1, 0), (0, 1), (1, 1)):
                if i + di <= n and j + dj <= m:
                    later = R[i + di, j + dj] - distance[i + di - 1, j + dj - 1]
                    E[i, j] += E[i + di, j + dj] * np.exp((later - R[i, j]) / gamma)
    ddifference = 2 * difference * E[1 : n + 1, 1 : m + 1, None]
    return ddifference.sum(axis=1), -ddifference.sum(axis=0)


def soft_edit_distance_forward(cost, insert, delete):
    """An edit distance whose minima are soft: costs of substitution by pair, of insertion and deletion by symbol.

    - cost: of shape (3, 4)
    - insert: of shape (4,)
    - delete: of shape (3,)
    """
    n, m = cost.shape
    D = np.zeros((n + 1, m + 1))
    D[1:, 0] = np.cumsum(delete)
    D[0, 1:] = np.cumsum(insert)
    for i in range(1, n + 1):
        for j in range(1, m + 1):
            options = [D[i - 1, j - 1] + cost[i - 1, j - 1], D[i - 1, j] + delete[i - 1], D[i, j - 1] + insert[j - 1]]
            D[i, j] = -np.log(np.exp(-np.stack(options)).sum())
    return D[n, m], (D, cost, insert, delete)


def soft_edit_distance_backward(dout, cache):
    D, cost, insert, delete = cache
    n, m = cost.shape
    dcost, dinsert, ddelete = np.zeros_like(cost), np.zeros_like(insert), np.zeros_like(delete)
    dD = np.zeros_like(D)
    dD[n, m] = dout
    for i in range(n, 0, -1):
        for j in range(m, 0, -1):
            substituted = dD[i, j] * np.exp(D[i, j] - D[i - 1, j - 1] - cost[i - 1, j - 1])
            deleted = dD[i, j] * np.exp(D[i, j] - D[i - 1, j] - delete[i - 1])
            inserted = dD[i, j] * np.exp(D[i, j] - D[i, j - 1] - insert[j - 1])
            dcost[i - 1, j - 1] += substituted
            ddelete[i - 1] += deleted
            dinsert[j - 1] += inserted
            dD[i - 1, j - 1] += substituted
            dD[i - 1, j] += deleted
            dD[i, j - 1] += inserted
    # The borders are running sums: a cost is in every border cell from its own on.
    ddelete += np.cumsum(dD[:0:-1, 0])[::-1]
    dinsert += np.cumsum(dD[0, :0:-1])[::-1]
    return dcost, dinsert, ddelete


def hmm_forward(initial, transition, emission):
    """The log-likelihood of a hidden Markov model by the scaled forward algorithm.

    - initial: probabilities, of shape (K,)
    - transition: positive, of shape (K, K)
    - emission: positive likelihoods of what was seen, of shape (T, K)
    """
    alpha, scale = [], []
    state = initial * emission[0]
    for t in range(len(emission)):
        if t > 0:
            state = (alpha[-1] @ transition) * emission[t]
        scale.append(state.sum())
        alpha.append(state / scale[-1])
    return np.log(np.stack(scale)).sum(), (initial, transition, emission, alpha, scale)


def hmm_backward(dout, cache):
    initial, transition, emission, alpha, scale = cache
    dtransition, demission = np.zeros_like(transition), np.zeros_like(emission)
    beta = np.ones_like(initial)
    for t in range(len(emission) - 1, 0, -1):
        predicted = alpha[t - 1] @ transition
        demission[t] = predicted * beta / scale[t]
        weighted = beta * emission[t] / scale[t]
        dtransition += np.outer(alpha[t - 1], weighted)
        beta = transition @ weighted
    demission[0] = initial * beta / scale[0]
    dinitial = emission[0] * beta / scale[0]
    return dout * dinitial, dout * dtransition, dout * demission
