"""Sum-product on binary supports: chains, trees and grids.

Everywhere `llr` is log L(s_i = 1) / L(s_i = 0), evidence about node i from outside, and `ext` is what all the rest of
the graph says about node i, its own evidence left out; the posterior log-odds are their sum. Transition probabilities
are p01 = P(1 | 0) and p10 = P(0 | 1) along an edge. Chains and trees are exact, grids are loopy.

Predictions along a chain lie between p01 and 1 - p10, so that nothing over- or underflows however strong the evidence.
"""

from cython.parallel cimport prange
from libc.math cimport exp, log

cdef enum:  # columns of the statistics: expected transitions u -> v, and the logarithm of the normaliser
    N00, N01, N10, N11, LOG_Z, N_STATISTICS

cdef enum:
    GRAIN = 20000  # nodes that are worth a thread of their own

cdef double LIMIT = 60.0  # of log-odds: e^60 is as good as certain


cdef inline double clip(double z) noexcept nogil:
    return min(max(z, -LIMIT), LIMIT)


cdef inline double logistic(double z) noexcept nogil:
    return 1.0 / (1.0 + exp(-z))


cdef inline double log_ratio(double up, double down) noexcept nogil:
    """Return log(up / down), at most LIMIT in size, also where one of them is zero."""
    return clip(log(max(up, 1e-300) / max(down, 1e-300)))


cdef void one_chain(const double* llr, double* ext, double* post, Py_ssize_t length, Py_ssize_t step, double p01,
                    double p10, double first, double* stats) noexcept nogil:
    """Forward-backward; `ext` holds predictions and `post` exp(-|evidence|) on the way back."""
    cdef Py_ssize_t k, i
    cdef double z, small, yes, no, one, zero, total, forward = first, back = 0.5, next_one = 0.5, next_zero = 0.5
    cdef double x00, x01, x10, x11, t1, t0, linear = 0.0, product = 1.0
    for k in range(length):
        i = k * step
        z = clip(llr[i])
        small = exp(-abs(z))
        yes = 1.0 if z > 0.0 else small  # both likelihoods, over the larger one
        no = small if z > 0.0 else 1.0
        post[i] = small
        ext[i] = forward
        one = forward * yes
        zero = (1.0 - forward) * no
        total = one + zero
        linear += max(z, 0.0)
        product *= total
        if product < 1e-200:
            linear += log(product)
            product = 1.0
        forward = (one * (1.0 - p10) + zero * p01) / total
    stats[LOG_Z] += linear + log(product)
    for k in range(length - 1, -1, -1):
        i = k * step
        small = post[i]
        yes = 1.0 if llr[i] > 0.0 else small
        no = small if llr[i] > 0.0 else 1.0
        if k < length - 1:  # what the nodes behind say about this one
            t1 = p10 * next_zero + (1.0 - p10) * next_one
            t0 = (1.0 - p01) * next_zero + p01 * next_one
            one = ext[i] * yes
            zero = (1.0 - ext[i]) * no
            x00 = zero * (1.0 - p01) * next_zero
            x01 = zero * p01 * next_one
            x10 = one * p10 * next_zero
            x11 = one * (1.0 - p10) * next_one
            total = 1.0 / (x00 + x01 + x10 + x11)
            stats[N00] += x00 * total
            stats[N01] += x01 * total
            stats[N10] += x10 * total
            stats[N11] += x11 * total
            back = t1 / (t0 + t1)
        next_one = back * yes
        next_zero = (1.0 - back) * no
        one = ext[i] * back
        zero = (1.0 - ext[i]) * (1.0 - back)
        ext[i] = log_ratio(one, zero)
        one *= yes
        post[i] = one / (one + zero * no)


def chains(const double[::1] llr, double[::1] ext, double[::1] post, double[:, ::1] stats, Py_ssize_t length,
           Py_ssize_t step, double p01, double p10, double first, int n_threads=1):
    """Fill ext, post and stats for equally long chains.

    Chain c has the nodes ``(c // step) * length * step + c % step + k * step``, k < length: rows of a matrix in C order
    (step 1), or its columns (step the number of columns).

    Parameters
    ----------
    llr, ext, post : ndarray of shape (n,)
    stats : ndarray of shape (n / length, 5)
        One row for each chain: expected transitions 00, 01, 10, 11, and log sum_s p(s) exp(llr's).
    length, step : int
    p01, p10, first : float
        Transition probabilities, and the probability of the first node.
    n_threads : int
    """
    cdef Py_ssize_t n = llr.shape[0], count, c, at
    if length < 1 or step < 1 or n % (length * step) != 0:
        raise ValueError(f"{n} nodes are no chains of length {length} and step {step}")
    count = n // length
    if ext.shape[0] != n or post.shape[0] != n or stats.shape[0] != count or stats.shape[1] != N_STATISTICS:
        raise ValueError(f"ext and post must have {n} entries and stats shape ({count}, {<int> N_STATISTICS})")
    if n == 0:
        return
    stats[:, :] = 0.0
    n_threads = min(n_threads, <int> min(count, 1 + n // GRAIN))
    with nogil:
        for c in prange(count, schedule="static", num_threads=n_threads):
            at = (c // step) * length * step + c % step
            one_chain(&llr[at], &ext[at], &post[at], length, step, p01, p10, first, &stats[c, 0])


def tree(const double[::1] llr, const Py_ssize_t[::1] parent, const Py_ssize_t[::1] order, double[::1] ext,
         double[::1] post, double[::1] message, double[::1] stats, double p01, double p10, double first):
    """Fill ext, post and stats for a forest.

    Parameters
    ----------
    llr, ext, post, message : ndarray of shape (n,)
        `message` is filled with what each subtree says about its parent.
    parent : ndarray of shape (n,)
        Parent of each node, -1 for roots.
    order : ndarray of shape (n,)
        All nodes, parents before children.
    stats : ndarray of shape (5,)
    p01, p10, first : float
        Transition probabilities from parent to child, and the probability of roots.
    """
    cdef Py_ssize_t n = llr.shape[0], k, i, up
    cdef double below, above, f, total, x00, x01, x10, x11
    if parent.shape[0] != n or order.shape[0] != n or ext.shape[0] != n or post.shape[0] != n or message.shape[0] != n:
        raise ValueError(f"all arrays must have {n} entries")
    if stats.shape[0] != N_STATISTICS:
        raise ValueError(f"stats must have {<int> N_STATISTICS} entries")
    for k in range(n):
        if not (0 <= order[k] < n and -1 <= parent[k] < n):
            raise ValueError(f"nodes and parents must lie in 0..{n - 1}")
    stats[:] = 0.0
    with nogil:
        for i in range(n):
            ext[i] = 0.0  # for now: what the children say
        for k in range(n - 1, -1, -1):
            i = order[k]
            below = ext[i] + clip(llr[i])
            if parent[i] < 0:
                message[i] = 0.0
                stats[LOG_Z] += log_mix(first, below)
            else:
                message[i] = log_mix(1.0 - p10, below) - log_mix(p01, below)
                stats[LOG_Z] += log_mix(p01, below)
                ext[parent[i]] += message[i]
        for k in range(n):
            i = order[k]
            up = parent[i]
            if up < 0:
                f = first
            else:
                above = clip(ext[up] + clip(llr[up]) - message[i])
                f = logistic(above) * (1.0 - p10) + logistic(-above) * p01
                below = clip(ext[i] + clip(llr[i]))
                x00 = logistic(-above) * (1.0 - p01) * logistic(-below)
                x01 = logistic(-above) * p01 * logistic(below)
                x10 = logistic(above) * p10 * logistic(-below)
                x11 = logistic(above) * (1.0 - p10) * logistic(below)
                total = x00 + x01 + x10 + x11
                stats[N00] += x00 / total
                stats[N01] += x01 / total
                stats[N10] += x10 / total
                stats[N11] += x11 / total
            ext[i] += log_ratio(f, 1.0 - f)
            post[i] = logistic(clip(ext[i] + clip(llr[i])))


cdef inline double log_mix(double p, double z) noexcept nogil:
    """Return log(1 - p + p e^z)."""
    if z > 0.0:
        return z + log(p + (1.0 - p) * exp(-z))
    return log(1.0 - p + p * exp(z))


cdef inline double across(double cavity, double w11, double w10, double w00) noexcept nogil:
    """Message over an edge, from the log-odds of the sender without the receiver."""
    cdef double one = logistic(clip(cavity)), zero = logistic(-clip(cavity))
    return log_ratio(w11 * one + w10 * zero, w10 * one + w00 * zero)


def flood(const double[:, :, ::1] llr, double[:, :, :, ::1] old, double[:, :, :, ::1] new, double bias,
          const double[::1] weights, double damping, int n_threads=1):
    """One sweep of damped flooding on grids: all messages `new` from all messages `old`; return the largest change.

    Parameters
    ----------
    llr : ndarray of shape (batch, height, width)
    old, new : ndarray of shape (4, batch, height, width)
        Messages to each node from its left, right, upper and lower neighbour; zero where there is none.
    bias : float
        Log-odds of a node on its own.
    weights : ndarray of shape (3,)
        Factor of an edge where both ends are on, one is, none is.
    damping : float
        Share of the old message.
    n_threads : int
    """
    cdef Py_ssize_t batch = llr.shape[0], height = llr.shape[1], width = llr.shape[2], line, b, i, j, d, k
    cdef double worst = 0.0
    for k in range(4):
        if old.shape[k] != (4 if k == 0 else llr.shape[k - 1]) or new.shape[k] != old.shape[k]:
            raise ValueError("messages must have shape (4, batch, height, width)")
    if weights.shape[0] != 3:
        raise ValueError("weights must have 3 entries")
    n_threads = max(1, min(n_threads, <int> min(batch * height, 1 + batch * height * width // GRAIN)))
    with nogil:
        for line in prange(batch * height, schedule="static", num_threads=n_threads):
            for j in range(width):
                b = line // height
                i = line % height
                new[0, b, i, j] = 0.0 if j == 0 else damping * old[0, b, i, j] + (1.0 - damping) * across(
                    bias + llr[b, i, j - 1] + old[0, b, i, j - 1] + old[2, b, i, j - 1] + old[3, b, i, j - 1],
                    weights[0], weights[1], weights[2])
                new[1, b, i, j] = 0.0 if j == width - 1 else damping * old[1, b, i, j] + (1.0 - damping) * across(
                    bias + llr[b, i, j + 1] + old[1, b, i, j + 1] + old[2, b, i, j + 1] + old[3, b, i, j + 1],
                    weights[0], weights[1], weights[2])
                new[2, b, i, j] = 0.0 if i == 0 else damping * old[2, b, i, j] + (1.0 - damping) * across(
                    bias + llr[b, i - 1, j] + old[0, b, i - 1, j] + old[1, b, i - 1, j] + old[2, b, i - 1, j],
                    weights[0], weights[1], weights[2])
                new[3, b, i, j] = 0.0 if i == height - 1 else damping * old[3, b, i, j] + (1.0 - damping) * across(
                    bias + llr[b, i + 1, j] + old[0, b, i + 1, j] + old[1, b, i + 1, j] + old[3, b, i + 1, j],
                    weights[0], weights[1], weights[2])
        for d in range(4):
            for b in range(batch):
                for i in range(height):
                    for j in range(width):
                        worst = max(worst, abs(new[d, b, i, j] - old[d, b, i, j]))
    return worst
