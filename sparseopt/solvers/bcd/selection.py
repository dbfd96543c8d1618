"""Which block moves next: blind orders, and greedy rules kept by a heap or found by a scan."""

from __future__ import annotations

import numpy as np

from ..._ext._bcd import Heap, block_sums, top
from .hard_threshold import better_block
from .state import State

REFRESH = 10  # exact gradients every so many sweeps, against rounding drift


def make_selector(selection: str, state: State, update, delta: float = 0.25) -> Selector:
    """Return the selector of a rule that has been checked by `rules.check`."""
    if selection == "delta-gs-s":
        return Thrifty(state, update, delta)
    if selection in ("cyclic", "perm"):
        return Cyclic(state, shuffle=selection == "perm")
    if selection in ("random", "lipschitz"):
        return Random(state, weighted=selection == "lipschitz")
    if selection == "mi":
        return MaximumImprovement(state, update)
    if selection == "gsq":
        return QuadraticBlocks(state) if state.partition.fixed else QuadraticSubsets(state, update)
    return Greedy(state, selection, update)


class Selector:
    """Base: `next` returns (block, number of the block or None, score or None).

    Parameters
    ----------
    state : State
    """

    greedy = False

    def __init__(self, state: State) -> None:
        self.state = state
        self.partition = state.partition
        size = self.partition.block_size
        self.size = None if size is None else min(size, max(state.usable.size, 1))
        self.whole_trees = not self.partition.fixed and size is None
        self.alive = None
        if self.partition.fixed:  # blocks of empty columns cannot move
            usable = np.zeros(state.smooth.n, dtype=bool)
            usable[state.usable] = True
            self.alive = np.array([k for k, b in enumerate(self.partition.blocks) if np.any(usable[b])], dtype=np.intp)

    def next(self):
        """Choose."""
        raise NotImplementedError  # pragma: no cover - abstract

    def fixed(self, k, score=None):
        return self.partition.blocks[k], int(k), score


class Cyclic(Selector):
    """Blocks in turn; variable blocks are pieces of a fresh permutation in every sweep."""

    def __init__(self, state, shuffle=False):
        super().__init__(state)
        self.shuffle, self.at, self.order = shuffle, 0, None

    def next(self):
        if self.partition.fixed:
            if self.at == 0 and (self.shuffle or self.order is None):
                self.order = self.state.rng.permutation(self.alive) if self.shuffle else self.alive
            k = self.order[self.at]
            self.at = (self.at + 1) % self.order.size
            return self.fixed(k)
        usable = self.state.usable
        if self.at == 0:
            self.order = self.state.rng.permutation(usable)
        b = np.sort(self.order[self.at : self.at + self.size])
        self.at += self.size
        if self.at + self.size > usable.size:
            self.at = 0
        return b, None, None


class Random(Selector):
    """Uniform, or in proportion to Lipschitz constants; variable blocks without replacement; trees in random order."""

    def __init__(self, state, weighted=False):
        super().__init__(state)
        self.shares = None
        if weighted:
            constants = state.block_constants()[self.alive] if self.partition.fixed else state.smooth.curvature
            if not self.partition.fixed:
                constants = constants[state.usable]
            self.shares = constants / constants.sum()
            self.total = np.cumsum(self.shares)

    def next(self):
        rng, usable = self.state.rng, self.state.usable
        if self.partition.fixed:
            if self.shares is None:
                return self.fixed(self.alive[rng.randint(self.alive.size)])
            at = min(int(np.searchsorted(self.total, rng.random_sample(), side="right")), self.alive.size - 1)
            return self.fixed(self.alive[at])
        if self.whole_trees or self.state.tree_blocks:
            return self.state.dependencies.tree(rng.permutation(usable), self.partition.block_size), None, None
        if self.shares is None:
            return np.sort(rng.permutation(usable)[: self.size]), None, None
        return np.sort(rng.choice(usable, self.size, replace=False, p=self.shares)), None, None


class Greedy(Selector):
    """The best score: by a heap where steps change few of them, else by a scan.

    Parameters
    ----------
    state : State
    selection : str
    update : Update
        Whose constants of fixed blocks "gsl" divides by; those that it learns are taken as they are at each step.
    heap : bool, optional
        None: by cost. A key of the heap costs about as much as 200 scanned scores.
    """

    greedy = True

    def __init__(self, state, selection, update, heap=None):
        super().__init__(state)
        smooth = state.smooth
        self.rule, self.divide = {"gsl": "gs", "gsd-q": "gs-q"}.get(selection, selection), None
        curvature = smooth.curvature
        self.d = state.diagonal if selection in ("gsd", "gsd-q") else curvature
        if self.partition.fixed and selection in ("gsl", "gs-r", "gs-q"):
            if selection == "gsl":
                self.divide = update.constants()
            else:
                self.d = state.block_constants()[self.partition.of]
        elif selection == "gsl":
            self.rule = "gsd"
        elif selection in ("gs-r", "gs-q"):
            self.d = np.full(smooth.n, curvature.max(initial=0.0))
        self.d = np.ascontiguousarray(np.where(curvature > 0.0, self.d, 0.0))
        self.scores = np.empty(smooth.n)
        self.keys = np.empty(len(self.partition.blocks)) if self.partition.fixed else self.scores
        single = self.partition.fixed or self.size == 1
        if heap is None:
            width = smooth.n / len(self.partition)
            heap = smooth.touched_per_variable * width < self.keys.size / 200.0
        self.use_heap = heap and single and smooth.sparse_updates and not self.whole_trees
        self.heap = None
        self.last = None

    def _refresh(self):
        """Bring scores (and keys) up to date; return which keys changed, None: all."""
        touched = self.state.smooth.take_touched() if self.last is not None else None
        if touched is None:
            self.state.score(self.rule, self.d, self.scores)
            changed = None
        else:
            touched = np.concatenate([touched, self.last])
            self.state.score(self.rule, self.d, self.scores, touched)
            changed = touched
        if self.partition.fixed:
            if changed is not None:
                changed = np.unique(self.partition.of[changed])
            block_sums(self.scores, self.partition.members, self.partition.starts, self.keys, changed)
            if self.divide is not None:
                where = slice(None) if changed is None else changed
                self.keys[where] /= self.divide[where]
        return changed

    def next(self):
        changed = self._refresh()
        if self.use_heap:
            if self.heap is None or changed is None:
                self.heap = Heap(self.keys)
            else:
                self.heap.update(changed, self.keys)
            k, key = self.heap.best()
        elif self.partition.fixed or (self.size == 1 and not self.whole_trees):
            k = int(np.argmax(self.keys))
            key = self.keys[k]
        else:
            return self._subset()
        chosen = self.fixed(k, float(key)) if self.partition.fixed else (np.array([k]), None, float(key))
        self.last = chosen[0]
        return chosen

    def _subset(self):
        if self.state.tree_blocks:
            usable = self.state.usable
            order = usable[np.argsort(-self.scores[usable], kind="stable")]
            b = self.state.dependencies.tree(order, self.partition.block_size)
        else:
            b = top(self.scores, self.state.free(), self.size)
        self.last = b
        return b, None, float(np.sum(np.maximum(self.scores[b], 0.0)))


class Thrifty(Greedy):
    """GS-s among the blocks touched so far, unless another one is so much better: the point stays sparse.

    A new block is taken when `delta` times the best score of all is at least the best score of those touched (Fang,
    Fan, Sun and Friedlander, "Greed meets sparsity", AISTATS 2020). With `delta` = 1 this is GS-s.

    Parameters
    ----------
    state : State
    delta : float
        In (0, 1].
    """

    def __init__(self, state, update, delta):
        super().__init__(state, "gs-s", update, heap=False)
        self.delta = delta
        self.touched = np.zeros(self.keys.size, dtype=bool)
        moved = np.flatnonzero(state.smooth.x)
        self.touched[self.partition.of[moved] if self.partition.fixed else moved] = True

    def next(self):
        self._refresh()
        among = np.where(self.touched, self.keys, -1.0)
        if self.delta * self.keys.max() >= among.max():
            among = self.keys
        if self.partition.fixed or self.size == 1:
            k = int(np.argmax(among))
            self.touched[k] = True
            chosen = self.fixed(k, float(among[k])) if self.partition.fixed else (np.array([k]), None, float(among[k]))
            self.last = chosen[0]
            return chosen
        b = top(np.ascontiguousarray(among), self.state.free(), self.size)
        self.last = b = b[among[b] >= 0.0]
        self.touched[b] = True
        return b, None, float(np.sum(np.maximum(among[b], 0.0)))


class QuadraticBlocks(Selector):
    """GSQ over fixed blocks: g_b' H_b^-1 g_b, with the inverses of blocks of equal size stacked."""

    greedy = True

    def __init__(self, state):
        super().__init__(state)
        blocks = self.partition.blocks
        sizes = np.array([len(b) for b in blocks])
        self.stacks = []
        for size in np.unique(sizes):
            which = np.flatnonzero(sizes == size)
            inverse = np.array([_inverse(state.smooth.bound(blocks[k])) for k in which])
            self.stacks.append((which, np.array([blocks[k] for k in which]), inverse))
        self.keys = np.zeros(len(blocks))

    def next(self):
        g = self.state.smooth.gradient()
        for which, members, inverse in self.stacks:
            G = g[members]
            self.keys[which] = np.einsum("ki,kij,kj->k", G, inverse, G, optimize=True)
        k = int(np.argmax(self.keys))
        return self.fixed(k, float(self.keys[k]))


def _inverse(H):
    d = np.sqrt(np.where(np.diagonal(H) > 0.0, np.diagonal(H), 1.0))
    return np.linalg.pinv(H / np.outer(d, d), hermitian=True, rcond=1e-12) / np.outer(d, d)


class QuadraticSubsets(Greedy):
    """GSQ over variable blocks: hard thresholding from the GSD block, kept when the block it finds promises more."""

    def __init__(self, state, update):
        super().__init__(state, "gsd", update, heap=False)
        self.step = None

    def next(self):
        b, index, key = super().next()
        if b.size == 1 or key <= 0.0:
            return b, index, key
        smooth = self.state.smooth
        if self.step is None:
            self.root = np.sqrt(np.where(smooth.curvature > 0.0, smooth.curvature, 1.0))
            self.step = 1.0 / scaled_norm(smooth, self.root)
        self.last, key = better_block(smooth, b, self.root, self.step, self.state.usable)
        return self.last, None, key


def scaled_norm(smooth, root) -> float:
    """Return the largest eigenvalue of the Hessian bound scaled to unit diagonal, by power iteration."""
    v = np.random.RandomState(0).standard_normal(smooth.n)
    size = 1.0
    for _ in range(60):
        v = smooth.product(v / root) / root
        size = float(np.linalg.norm(v))
        if size == 0.0:
            return 1.0
        v /= size
    return 1.0001 * size


class MaximumImprovement(Selector):
    """Try the update on every block and take the best."""

    greedy = True

    def __init__(self, state, update):
        super().__init__(state)
        self.update = update

    def next(self):
        start = self.state.smooth.value
        gains = [start - self.update.propose(self.partition.blocks[k], int(k))[2] for k in self.alive]
        best = int(np.argmax(gains))
        return self.fixed(self.alive[best], float(gains[best]))
