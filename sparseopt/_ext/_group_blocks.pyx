"""Block coordinate descent over groups on a Gram matrix, each block solved exactly.

A group without an L1 part is solved in the eigenbasis of its block of G, where its norm is the root of a scalar equation
(`_group_math.secular`).  With an L1 part a few proximal-gradient steps are taken inside the block instead; coordinates and
groups become zero exactly, and Newton steps on what is left (`_gram_group`) do the rest.
"""

from libc.math cimport fabs, sqrt
from libc.string cimport memcpy, memset

import numpy as np

from sparseopt._ext._blas cimport gemm, symmetric_eigen
from sparseopt._ext._columns cimport Columns
from sparseopt._ext._dual cimport dual_value
from sparseopt._ext._group_math cimport gauge, secular, soft_norm
from sparseopt._ext._simd cimport so_simd, so_simd_choose

cdef so_simd SIMD = so_simd_choose()

cdef enum:
    PROX_STEPS = 5  # inside a block with an L1 part

cdef double NULL_SPACE = 1e-12  # eigenvalues below this share of the largest are zero


cdef double group_norm(Blocks* f, const double* x, Py_ssize_t g) noexcept nogil:
    """Norm of group g of x, over all outputs."""
    cdef Py_ssize_t t, j
    cdef double total = 0.0
    for t in range(f.n_outputs):
        for j in range(f.starts[g], f.starts[g + 1]):
            total += x[t * f.k + j] * x[t * f.k + j]
    return sqrt(total)


cdef bint active(Blocks* f, Py_ssize_t g) noexcept nogil:
    cdef Py_ssize_t t, j
    for t in range(f.n_outputs):
        for j in range(f.starts[g], f.starts[g + 1]):
            if f.w[t * f.k + j] != 0.0:
                return True
    return False


cdef bint violates(Blocks* f, Py_ssize_t g) noexcept nogil:
    """Whether group g, at zero, wants to leave it."""
    if f.l1 > 0.0:
        return soft_norm(f.starts[g + 1] - f.starts[g], f.q + f.starts[g], f.l1) > f.lam[g]
    return group_norm(f, f.q, g) > f.lam[g]


cdef double apply(Blocks* f, Py_ssize_t g, Py_ssize_t* flips) noexcept nogil:
    """Bring q and rr up to date with a change of group g from f.old; return how much q moved it: -2 x the decrease of fit."""
    cdef Py_ssize_t m = f.starts[g + 1] - f.starts[g], t, j, first = f.starts[g]
    cdef double d, linear = 0.0, moved = 0.0
    cdef double* w
    cdef double* q
    for t in range(f.n_outputs):
        w = f.w + t * f.k + first
        q = f.q + t * f.k
        for j in range(m):
            f.b[j] = q[first + j]
        for j in range(m):
            d = w[j] - f.old[t * m + j]
            if d != 0.0:
                SIMD.axpy_f64(-d, f.G + (first + j) * f.ld, q, f.k)
                if f.l1 > 0.0 and (w[j] == 0.0) != (f.old[t * m + j] == 0.0):
                    flips[0] += 1
        for j in range(m):
            d = w[j] - f.old[t * m + j]
            linear += d * (f.b[j] + q[first + j])
            moved += d * (f.b[j] - q[first + j])
    f.rr -= linear
    return moved


cdef void exact(Blocks* f, Py_ssize_t g) noexcept nogil:
    """Minimise over group g in its eigenbasis, given that it is active or violates; the old values are in f.old."""
    cdef Py_ssize_t first = f.starts[g], m = f.starts[g + 1] - first, t, i
    cdef const double* V = f.vectors + f.place[g]
    cdef const double* D = f.values + first
    cdef double total = 0.0, h, level = f.lam[g], x
    if m == 1:
        for t in range(f.n_outputs):
            f.v[t] = f.q[t * f.k + first] + D[0] * f.old[t]
    else:
        # rotate q and w of every output at once, then v = V'q + D V'w
        gemm(b"T", b"N", m, f.n_outputs, m, 1.0, V, m, f.q + first, f.k, 0.0, f.v, m)
        gemm(b"T", b"N", m, f.n_outputs, m, 1.0, V, m, f.old, m, 0.0, f.b, m)
        for t in range(f.n_outputs):
            for i in range(m):
                f.v[t * m + i] += D[i] * f.b[t * m + i]
    for i in range(m):
        x = 0.0
        for t in range(f.n_outputs):
            x += f.v[t * m + i] * f.v[t * m + i]
        f.squares[i] = x
        total += x
    if total <= level * level:
        for t in range(f.n_outputs):
            memset(f.w + t * f.k + first, 0, m * sizeof(double))
        return
    h = secular(m, D, f.squares, f.mu, level) if level > 0.0 else 0.0
    for i in range(m):
        if level > 0.0:
            x = h / ((D[i] + f.mu) * h + level)
        elif D[i] + f.mu > NULL_SPACE * (D[m - 1] + f.mu):
            x = 1.0 / (D[i] + f.mu)
        else:
            x = 0.0
        for t in range(f.n_outputs):
            f.v[t * m + i] *= x
    if m == 1:
        for t in range(f.n_outputs):
            f.w[t * f.k + first] = f.v[t]
    else:
        gemm(b"N", b"N", m, f.n_outputs, m, 1.0, V, m, f.v, m, 0.0, f.w + first, f.k)


cdef void descend(Blocks* f, Py_ssize_t g) noexcept nogil:
    """Proximal-gradient steps on group g with an L1 part (one output); the old values are in f.old."""
    cdef Py_ssize_t first = f.starts[g], m = f.starts[g + 1] - first, i, step
    cdef const double* V = f.vectors + f.place[g]
    cdef double curvature = f.values[first + m - 1] + f.mu, norm, shrink, z, moved, size
    cdef double* w = f.w + first
    if curvature <= 0.0:
        return
    memcpy(f.v, f.q + first, m * sizeof(double))  # X'r of the block as it moves
    for step in range(PROX_STEPS):
        norm = 0.0
        for i in range(m):
            z = w[i] + (f.v[i] - f.mu * w[i]) / curvature
            size = fabs(z) - f.l1 / curvature
            f.b[i] = (size if z > 0.0 else -size) if size > 0.0 else 0.0
            norm += f.b[i] * f.b[i]
        norm = sqrt(norm)
        shrink = 1.0 - f.lam[g] / (curvature * norm) if norm * curvature > f.lam[g] else 0.0
        moved = 0.0
        size = 0.0
        for i in range(m):
            z = shrink * f.b[i] - w[i]
            f.b[i] = z
            w[i] += z
            moved += z * z
            size += w[i] * w[i]
        if m == 1 or moved <= 1e-30 * size or step == PROX_STEPS - 1:
            break
        # v -= G b by the eigenbasis, so that no Gram matrix is needed
        gemm(b"T", b"N", m, 1, m, 1.0, V, m, f.b, m, 0.0, f.squares, m)
        for i in range(m):
            f.squares[i] *= f.values[first + i]
        gemm(b"N", b"N", m, 1, m, -1.0, V, m, f.squares, m, 1.0, f.v, m)


cdef void decompose(Blocks* f, Py_ssize_t g) noexcept nogil:
    """Find the eigenvalues and vectors of a group's block; most groups never need theirs."""
    cdef Py_ssize_t first = f.starts[g], m = f.starts[g + 1] - first, i
    if f.known[g]:
        return
    f.known[g] = True
    if symmetric_eigen(m, f.vectors + f.place[g], m, f.values + first, f.room, f.n_room) != 0:
        memset(f.values + first, 0, m * sizeof(double))  # the group stays as it is, and the certificate tells
    for i in range(m):
        if f.values[first + i] < 1e-15 * f.values[first + m - 1]:
            f.values[first + i] = 0.0


cdef void solve_block(Blocks* f, Py_ssize_t g) noexcept nogil:
    """Improve group g from f.q, leaving its old values in f.old; q and rr are not brought up to date."""
    cdef Py_ssize_t m = f.starts[g + 1] - f.starts[g], t
    decompose(f, g)
    for t in range(f.n_outputs):
        memcpy(f.old + t * m, f.w + t * f.k + f.starts[g], m * sizeof(double))
    if f.values[f.starts[g] + m - 1] <= 0.0:
        return
    if f.l1 > 0.0:
        descend(f, g)
    else:
        exact(f, g)


cdef Py_ssize_t update(Blocks* f, Py_ssize_t g, double* moved) noexcept nogil:
    """Improve group g; return how many zeros came or went (groups without an L1 part, else coordinates)."""
    cdef Py_ssize_t flips = 0
    cdef bint before = active(f, g), after
    solve_block(f, g)
    after = active(f, g)
    if not before and not after:
        return 0
    moved[0] += fabs(apply(f, g, &flips))
    return flips if f.l1 > 0.0 else before != after


cdef Py_ssize_t sweep(Blocks* f, bint only_active, double* moved) noexcept nogil:
    """Update groups in order, inactive ones only where they violate; return the number of changes between zero and not."""
    cdef Py_ssize_t g, flips = 0
    moved[0] = 0.0
    for g in range(f.n_groups):
        if active(f, g) or (not only_active and violates(f, g)):
            flips += update(f, g, moved)
    return flips


cdef double penalty(Blocks* f, const double* w) noexcept nogil:
    cdef Py_ssize_t g, i
    cdef double total = 0.0, l2 = 0.0, l1 = 0.0, norm
    for g in range(f.n_groups):
        norm = group_norm(f, w, g)
        if norm > 0.0:
            total += f.lam[g] * norm
            l2 += norm * norm
    if f.l1 > 0.0:
        for i in range(f.k):
            l1 += fabs(w[i])
    return total + 0.5 * f.mu * l2 + f.l1 * l1


cdef double gap(Blocks* f) noexcept nogil:
    """Duality gap restricted to these columns, at the best multiple of the residual (with a ridge part, itself too).

    What single steps on groups without any penalty would gain goes on top: until they are fitted no dual point is
    feasible.
    """
    cdef double yr = f.rr, cap = 0.0, size, primal = 0.5 * f.rr + penalty(f, f.w), over = 0.0
    cdef Py_ssize_t g, i, j
    cdef bint free = False
    for i in range(f.k * f.n_outputs):
        yr += f.w[i] * f.q[i]
    for g in range(f.n_groups):
        if f.l1 > 0.0:
            size = gauge(f.starts[g + 1] - f.starts[g], f.q + f.starts[g], f.l1, f.lam[g])
            cap = max(cap, size)
            continue
        size = group_norm(f, f.q, g)
        if f.lam[g] <= 0.0:
            free = True
            if f.mu == 0.0:
                decompose(f, g)
                for i in range(f.n_outputs):
                    for j in range(f.starts[g], f.starts[g + 1]):
                        yr -= max(f.w[i * f.k + j] * f.q[i * f.k + j], 0.0)  # see _gram_lasso.pyx
                        if f.values[f.starts[g + 1] - 1] > 0.0:
                            primal += 0.5 * f.q[i * f.k + j] * f.q[i * f.k + j] / f.values[f.starts[g + 1] - 1]
        elif size > cap * f.lam[g]:
            cap = size / f.lam[g]
        if size > f.lam[g]:
            over += (size - f.lam[g]) * (size - f.lam[g])
    return primal - dual_value(yr, f.rr, cap, over, f.mu, free)


cdef class GroupBlocks:
    """Sizes of groups of columns and their blocks of G, which grow at the end and are decomposed when they are needed."""

    def __init__(self):
        self.starts, self.place = np.zeros(1, dtype=np.intp), np.zeros(1, dtype=np.intp)
        self.values, self.vectors, self.room = np.empty(0), np.empty(0), np.empty(40)
        self.known = np.empty(0, dtype=np.int8)
        self.largest = 1

    def extend(self, const Py_ssize_t[::1] sizes, const double[::1] packed):
        """Append groups of the given sizes, with their blocks of G one after the other."""
        old = np.diff(np.asarray(self.starts))
        every = np.concatenate([old, sizes]).astype(np.intp)
        starts = np.concatenate([[0], np.cumsum(every)]).astype(np.intp)
        place = np.concatenate([[0], np.cumsum(every * every)]).astype(np.intp)
        if np.any(every < 1) or packed.shape[0] != (every * every).sum() - self.vectors.shape[0]:
            raise ValueError(f"{packed.shape[0]} entries do not fill the blocks of {sizes.shape[0]} groups")
        if not np.all(np.isfinite(packed)):
            raise ValueError("the products of a group's columns are not finite; X holds extreme values")
        self.values = np.concatenate([self.values, np.zeros(np.sum(sizes))])
        self.known = np.concatenate([self.known, np.zeros(sizes.shape[0], dtype=np.int8)])
        self.vectors = np.concatenate([self.vectors, packed])
        self.starts, self.place = starts, place
        self.largest = np.max(every, initial=1)
        self.room = np.empty(40 * self.largest)

    def extend_columns(self, Columns X, const Py_ssize_t[::1] cols, const Py_ssize_t[::1] sizes, s):
        """Append groups of the given sizes with these columns of X, weighted by s (None: ones)."""
        cdef Py_ssize_t g, m, at = 0, first = 0, failed = 0
        cdef const double[::1] weights = s
        cdef const double* w = NULL
        X.check_columns(cols)
        if np.sum(sizes) != cols.shape[0] or np.any(np.less(sizes, 1)):
            raise ValueError(f"{cols.shape[0]} columns do not make groups of sizes {list(sizes)}")
        if s is not None and weights.shape[0] != X.n_rows:
            raise ValueError(f"X has {X.n_rows} rows, s {weights.shape[0]}")
        if s is not None and X.n_rows:
            w = &weights[0]
        blocks = np.zeros(np.sum(np.square(sizes)))
        cdef double[::1] packed = blocks
        with nogil:
            for g in range(sizes.shape[0]):
                m = sizes[g]
                failed += X.form_gram(&cols[first], 0, m, w, &packed[at], m, 1) != 0
                first += m
                at += m * m
        if failed:
            raise MemoryError("no memory for the working arrays of a Gram block")
        self.extend(sizes, blocks)

    cdef void lend(self, Blocks* f, double* scratch) noexcept:
        """Fill in what `Blocks` needs of this; scratch has room for largest x (3 outputs + 1) numbers."""
        f.starts, f.place = &self.starts[0], &self.place[0]
        f.values, f.vectors, f.known = &self.values[0], &self.vectors[0], &self.known[0]
        f.room, f.n_room = &self.room[0], self.room.shape[0]
        f.b = scratch
        f.v = f.b + self.largest * f.n_outputs
        f.old = f.v + self.largest * f.n_outputs
        f.squares = f.old + self.largest * f.n_outputs
