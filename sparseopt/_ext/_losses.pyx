"""Values and derivatives of the logistic and the softmax loss for whole arrays: one pass, vectorised exp and log."""

import numpy as np

cdef so_losses LOSSES = so_losses_choose()


cdef check(const double[::1] y, const double[::1] eta):
    if y.shape[0] != eta.shape[0]:
        raise ValueError(f"y has {y.shape[0]} entries, eta {eta.shape[0]}")


def logistic_value(const double[::1] y, const double[::1] eta):
    """Return log(1 + exp(-y eta)); y holds signs."""
    check(y, eta)
    result = np.empty(y.shape[0])
    cdef double[::1] out = result
    if y.shape[0]:
        with nogil:
            LOSSES.logistic_value(&y[0], &eta[0], &out[0], y.shape[0])
    return result


def logistic_slope(const double[::1] y, const double[::1] eta):
    """Return the derivative in eta."""
    check(y, eta)
    result = np.empty(y.shape[0])
    cdef double[::1] out = result
    if y.shape[0]:
        with nogil:
            LOSSES.logistic_slope(&y[0], &eta[0], &out[0], y.shape[0])
    return result


def logistic_bend(const double[::1] eta):
    """Return the second derivative in eta."""
    result = np.empty(eta.shape[0])
    cdef double[::1] out = result
    if eta.shape[0]:
        with nogil:
            LOSSES.logistic_bend(&eta[0], &out[0], eta.shape[0])
    return result


def logistic_conjugate(const double[::1] y, const double[::1] u):
    """Return the convex conjugate at u; inf outside the domain."""
    check(y, u)
    result = np.empty(y.shape[0])
    cdef double[::1] out = result
    if y.shape[0]:
        with nogil:
            LOSSES.logistic_conjugate(&y[0], &u[0], &out[0], y.shape[0])
    return result


cdef check_classes(const Py_ssize_t[::1] codes, const double[:, ::1] eta):
    cdef Py_ssize_t i
    if codes.shape[0] != eta.shape[0] or eta.shape[1] == 0:
        raise ValueError(f"{codes.shape[0]} class numbers for predictions {eta.shape[0]} x {eta.shape[1]}")
    for i in range(codes.shape[0]):
        if codes[i] < 0 or codes[i] >= eta.shape[1]:
            raise ValueError(f"class number {codes[i]} is outside 0..{eta.shape[1] - 1}")


def softmax(const double[:, ::1] eta):
    """Return exp(eta_k) / sum_m exp(eta_m), row by row."""
    cdef Py_ssize_t n = eta.shape[0], K = eta.shape[1], i, k
    cdef double top, total
    result = np.empty((n, K))
    cdef double[:, ::1] out = result
    if n == 0 or K == 0:
        return result
    with nogil:
        for i in range(n):
            top = eta[i, 0]
            for k in range(1, K):
                top = max(top, eta[i, k])
            for k in range(K):
                out[i, k] = eta[i, k] - top
        LOSSES.exponential(&out[0, 0], &out[0, 0], n * K)
        for i in range(n):
            total = 0.0
            for k in range(K):
                total += out[i, k]
            for k in range(K):
                out[i, k] /= total
    return result


def softmax_value(const Py_ssize_t[::1] codes, const double[:, ::1] eta):
    """Return log sum_k exp(eta_k - eta_own), row by row; small losses keep their digits."""
    cdef Py_ssize_t n = eta.shape[0], K = eta.shape[1], i, k
    cdef double top
    check_classes(codes, eta)
    away = np.empty((n, K))
    cdef double[:, ::1] e = away
    others, result = np.zeros(n), np.empty(n)
    cdef double[::1] rest = others
    cdef double[::1] out = result
    cdef double[::1] shift = np.empty(n)
    if n == 0:
        return result
    with nogil:
        for i in range(n):
            top = eta[i, 0]
            for k in range(1, K):
                top = max(top, eta[i, k])
            shift[i] = top - eta[i, codes[i]]
            for k in range(K):
                e[i, k] = eta[i, k] - top
        LOSSES.exponential(&e[0, 0], &e[0, 0], n * K)
        for i in range(n):  # all but one term of 1: the own one, or the largest
            for k in range(K):
                if k != codes[i]:
                    rest[i] += e[i, k]
            if shift[i] > 0.0:
                rest[i] += e[i, codes[i]] - 1.0
        LOSSES.log_plus_one(&rest[0], &out[0], n)
        for i in range(n):
            out[i] += shift[i]
    return result


def softmax_conjugate(const Py_ssize_t[::1] codes, const double[:, ::1] u):
    """Return the convex conjugate of the softmax loss at u, row by row; inf outside the domain.

    With shares pi, u is pi - e_own: the conjugate is sum pi log pi, its own term computed from u_own = pi_own - 1.
    """
    cdef Py_ssize_t n = u.shape[0], K = u.shape[1], i, k
    cdef double total, share
    check_classes(codes, u)
    each = np.empty((n, K))
    cdef double[:, ::1] e = each
    result = np.zeros(n)
    cdef double[::1] out = result
    cdef double[::1] own = np.empty(n)
    if n == 0:
        return result
    with nogil:
        for i in range(n):
            total = 0.0
            for k in range(K):
                share = u[i, k]
                total += share
                if k == codes[i]:
                    if not share >= -1.0 - 1e-12:
                        out[i] = INFINITE
                    own[i] = min(max(-share, 0.0), 1.0)
                    e[i, k] = 0.0
                else:
                    if not share >= -1e-12:
                        out[i] = INFINITE
                    e[i, k] = max(share, 0.0)
            if not -1e-9 <= total <= 1e-9:
                out[i] = INFINITE
        LOSSES.entropy(&e[0, 0], &e[0, 0], n * K)
        LOSSES.entropy_below_one(&own[0], &own[0], n)
        for i in range(n):
            for k in range(K):
                out[i] += e[i, k]
            out[i] += own[i]
    return result


cdef double INFINITE = np.inf
