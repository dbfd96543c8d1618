"""Kernels on graphs: forests by union-find, colourings, and linear systems on forests by message passing.

A graph is a symmetric CSR pattern; entries on the diagonal are ignored.  A set of nodes induces a forest when no cycle
runs inside it.  A node may join as long as its neighbours in the set lie in different trees.
"""

import numpy as np


cdef inline Py_ssize_t find(Py_ssize_t* parent, Py_ssize_t i) noexcept nogil:
    """Root of i, with path halving."""
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


cdef class Graph:
    """A checked symmetric pattern, with workspaces, that the functions below share."""

    cdef readonly Py_ssize_t n
    cdef Py_ssize_t[::1] indptr, indices, parent, stamp, label, place
    cdef Py_ssize_t clock

    def __init__(self, indptr, indices):
        start = np.ascontiguousarray(indptr, dtype=np.intp)
        edges = np.ascontiguousarray(indices, dtype=np.intp)
        self.n = start.shape[0] - 1
        if self.n < 0 or start[0] != 0 or np.any(np.diff(start) < 0) or edges.shape[0] < start[self.n]:
            raise ValueError("the graph is broken: indptr must start at 0, not decrease, and end at the entries")
        if edges.size and (edges.min() < 0 or edges.max() >= self.n):
            raise ValueError(f"the graph is broken: nodes must lie in 0..{self.n - 1}")
        self.indptr = start
        self.indices = edges
        self.parent = np.empty(self.n, dtype=np.intp)
        self.stamp = np.zeros(self.n, dtype=np.intp)
        self.label = np.empty(self.n, dtype=np.intp)
        self.place = np.full(self.n, -1, dtype=np.intp)
        self.clock = 0

    cdef bint join(self, Py_ssize_t i, Py_ssize_t forest) noexcept nogil:
        """Put node i into a forest unless that closes a cycle; whether it was put."""
        cdef Py_ssize_t e, j, root
        self.clock += 1
        for e in range(self.indptr[i], self.indptr[i + 1]):
            j = self.indices[e]
            if j == i or self.label[j] != forest:
                continue
            root = find(&self.parent[0], j)
            if self.stamp[root] == self.clock:
                return False
            self.stamp[root] = self.clock
        self.label[i] = forest
        self.parent[i] = i
        for e in range(self.indptr[i], self.indptr[i + 1]):
            j = self.indices[e]
            if j != i and self.label[j] == forest:
                self.parent[find(&self.parent[0], j)] = i
        return True

    cdef void reset(self) noexcept nogil:
        cdef Py_ssize_t i
        for i in range(self.n):
            self.label[i] = -1

    def check(self, const Py_ssize_t[::1] nodes):
        """Raise when a node lies outside the graph."""
        cdef Py_ssize_t k
        for k in range(nodes.shape[0]):
            if not 0 <= nodes[k] < self.n:
                raise ValueError(f"node {nodes[k]} is outside 0..{self.n - 1}")

    def grow(self, const Py_ssize_t[::1] order, Py_ssize_t limit=-1):
        """Return (sorted) the nodes of the forest that takes nodes in this order, at most `limit`."""
        cdef Py_ssize_t k, count = 0
        self.check(order)
        chosen = np.empty(order.shape[0], dtype=np.intp)
        cdef Py_ssize_t[::1] out = chosen
        with nogil:
            self.reset()
            for k in range(order.shape[0]):
                if limit >= 0 and count >= limit:
                    break
                if self.label[order[k]] < 0 and self.join(order[k], 0):
                    out[count] = order[k]
                    count += 1
        return np.sort(chosen[:count])

    def is_forest(self, const Py_ssize_t[::1] nodes):
        """Whether distinct nodes induce a graph without cycles."""
        cdef Py_ssize_t k
        self.check(nodes)
        self.reset()
        for k in range(nodes.shape[0]):
            if not self.join(nodes[k], 0):
                return False
        return True

    def forests(self, const Py_ssize_t[::1] order):
        """Return the label of the first forest that accepts each node, taken in this order."""
        cdef Py_ssize_t k, forest
        self.check(order)
        with nogil:
            self.reset()
            for k in range(order.shape[0]):
                forest = 0
                while not self.join(order[k], forest):
                    forest += 1
        return np.array(self.label)

    def two_colours(self):
        """Return a colouring with two colours, or None where an odd cycle forbids it."""
        cdef Py_ssize_t i, j, e, head, tail, start
        cdef bint odd = False
        queue = np.empty(self.n, dtype=np.intp)
        cdef Py_ssize_t[::1] line = queue
        with nogil:
            self.reset()
            for start in range(self.n):
                if self.label[start] >= 0 or odd:
                    continue
                self.label[start] = 0
                head, tail = 0, 1
                line[0] = start
                while head < tail and not odd:
                    i = line[head]
                    head += 1
                    for e in range(self.indptr[i], self.indptr[i + 1]):
                        j = self.indices[e]
                        if j == i:
                            continue
                        if self.label[j] < 0:
                            self.label[j] = 1 - self.label[i]
                            line[tail] = j
                            tail += 1
                        elif self.label[j] == self.label[i]:
                            odd = True
                            break
        return None if odd else np.array(self.label)

    def colours(self, const Py_ssize_t[::1] order):
        """Return the first colour that no neighbour has, for nodes taken in this order."""
        cdef Py_ssize_t k, i, j, e, colour
        self.check(order)
        used = np.zeros(self.n + 1, dtype=np.intp)
        cdef Py_ssize_t[::1] seen = used
        with nogil:
            self.reset()
            for k in range(order.shape[0]):
                i = order[k]
                for e in range(self.indptr[i], self.indptr[i + 1]):
                    j = self.indices[e]
                    if j != i and self.label[j] >= 0:
                        seen[self.label[j]] = k + 1
                colour = 0
                while seen[colour] == k + 1:
                    colour += 1
                self.label[i] = colour
        return np.array(self.label)

    def solve(self, const double[::1] data, const Py_ssize_t[::1] nodes, double[:, ::1] rhs):
        """Solve A[nodes, nodes] X = rhs in place, where `data` holds the entries of A and the nodes induce a forest.

        Trees are rooted and eliminated from the leaves to the roots, then back: Gaussian elimination without fill-in.
        Takes time in proportion to the nodes and their edges.

        Raises
        ------
        ValueError
            When the nodes contain a cycle, or a pivot is not positive.
        """
        cdef Py_ssize_t m = nodes.shape[0], k, v, u, e, c, top, count, w = rhs.shape[1]
        cdef double t
        cdef int failed = 0
        self.check(nodes)
        if rhs.shape[0] != m or data.shape[0] < self.indptr[self.n]:
            raise ValueError("right-hand side, entries and graph do not fit each other")
        up_ = np.full(m, -1, dtype=np.intp)
        order_ = np.empty(m, dtype=np.intp)
        stack_ = np.empty(m, dtype=np.intp)
        seen_ = np.zeros(m, dtype=np.int8)
        link_ = np.zeros(m)
        pivot_ = np.zeros(m)
        cdef Py_ssize_t[::1] up = up_, order = order_, stack = stack_
        cdef signed char[::1] seen = seen_
        cdef double[::1] link = link_, pivot = pivot_
        with nogil:
            for k in range(m):
                self.place[nodes[k]] = k
            count = 0
            for k in range(m):
                if seen[k] or failed:
                    continue
                seen[k] = 1
                stack[0] = k
                top = 1
                while top > 0 and not failed:
                    top -= 1
                    v = stack[top]
                    order[count] = v
                    count += 1
                    for e in range(self.indptr[nodes[v]], self.indptr[nodes[v] + 1]):
                        u = self.place[self.indices[e]]
                        if u < 0:
                            continue
                        if u == v:
                            pivot[v] += data[e]
                        elif not seen[u]:
                            seen[u] = 1
                            up[u] = v
                            link[u] = data[e]
                            stack[top] = u
                            top += 1
                        elif up[v] != u:
                            failed = 1
                            break
            for k in range(m):
                self.place[nodes[k]] = -1
            if not failed:
                for k in range(m - 1, -1, -1):
                    v = order[k]
                    if not pivot[v] > 0.0:
                        failed = 2
                        break
                    u = up[v]
                    if u >= 0:
                        t = link[v] / pivot[v]
                        pivot[u] -= t * link[v]
                        for c in range(w):
                            rhs[u, c] -= t * rhs[v, c]
            if not failed:
                for k in range(m):
                    v = order[k]
                    u = up[v]
                    for c in range(w):
                        rhs[v, c] = (rhs[v, c] - (link[v] * rhs[u, c] if u >= 0 else 0.0)) / pivot[v]
        if failed == 1:
            raise ValueError("the nodes contain a cycle")
        if failed == 2:
            raise ValueError("a pivot is not positive: the matrix is not positive definite on these nodes")
