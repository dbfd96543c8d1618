"""Data sets shared by the regression topics, as benchopt classes.

A topic lists one in ``datasets/`` by a two-line subclass. ``label`` is the name people read.
"""

import numpy as np
from benchopt import BaseDataset

from . import real, simulated


def thousands(number):
    """2000 -> '2000', 40000 -> '40k'."""
    return f"{number // 1000}k" if number >= 10_000 and number % 1000 == 0 else str(number)


class Base(BaseDataset):
    """What the runner asks of a data set beyond benchopt's own methods."""

    requirements = ["scikit-learn"]

    @property
    def label(self):
        return str(self)

    def missing(self):
        """Why the data cannot be read here, or None."""
        return None

    def get_data(self):
        X, y = self.load()
        return dict(X=X, y=y)


class Tiny(Base):
    parameters = {"layout": ["dense", "sparse"], "seed": [0]}

    @property
    def label(self):
        return f"tiny {self.layout}"

    def load(self):
        return simulated.tiny(self.layout, self.seed)


class Dense(Base):
    """Correlated Gaussian columns."""

    parameters = {
        "n_samples, n_features, rho": [(100, 10_000, 0.6), (500, 5000, 0.9), (2000, 2000, 0.6)],
        "seed": [0],
    }

    @property
    def label(self):
        shape = f"{thousands(self.n_samples)} x {thousands(self.n_features)}"
        return f"dense {shape}, rho {self.rho:g}"

    def load(self):
        return simulated.dense(self.n_samples, self.n_features, self.rho, self.seed)


class Sparse(Base):
    """Uniformly scattered non-zeros (about 36.8k columns are left of 50k)."""

    parameters = {"n_samples, n_features, density": [(5000, 50_000, 1e-3)], "seed": [0]}

    @property
    def label(self):
        return f"sparse {self.n_samples} x {thousands(self.n_features)}, {self.density:g}"

    def load(self):
        return simulated.sparse_uniform(self.n_samples, self.n_features, self.density, self.seed)


class Toeplitz(Base):
    """Wide and strongly correlated; tall."""

    parameters = {
        "n_samples, n_features, rho, snr": [(500, 10_000, 0.95, 5.0), (100_000, 500, 0.5, 1.0)],
        "seed": [0],
    }

    @property
    def label(self):
        kind = "wide" if self.n_samples < self.n_features else "tall"
        shape = f"{thousands(self.n_samples)} x {thousands(self.n_features)}"
        return f"{kind} {shape}, rho {self.rho:g}"

    def load(self):
        return simulated.toeplitz(self.n_samples, self.n_features, self.rho, self.snr, self.seed)


class Genotype(Base):
    """Blocks of linked markers."""

    parameters = {"n_samples, n_features": [(400, 50_000)], "seed": [0]}

    @property
    def label(self):
        return f"genotype {self.n_samples} x {thousands(self.n_features)}"

    def load(self):
        return simulated.genotype(self.n_samples, self.n_features, self.seed)


class Text(Base):
    """Bags of words with the shapes of two well-known collections."""

    parameters = {
        "n_samples, n_features, words, decay": [
            (20_000, 47_000, 75, 1.0),
            (4000, 300_000, 400, 0.85),
        ],
        "seed": [0],
    }

    @property
    def label(self):
        return f"text {thousands(self.n_samples)} x {thousands(self.n_features)}"

    def load(self):
        return simulated.text(self.n_samples, self.n_features, self.words, self.decay, self.seed)


class Bundled(Base):
    """Real data inside scikit-learn, raw or with products of columns."""

    parameters = {
        "data, degree": [
            ("diabetes", 2),
            ("diabetes", 5),
            ("breast-cancer", 2),
            ("breast-cancer", 3),
            ("digits", 2),
            ("patches", 6),
        ]
    }

    @property
    def label(self):
        return self.data if self.data == "patches" else f"{self.data}, degree {self.degree}"

    def load(self):
        return real.bundled(self.data, self.degree)


class Folder(Base):
    """Real data read from the folder given with ``--data``."""

    parameters = {"data": list(real.FOLDER_FILES)}

    @property
    def label(self):
        return self.data

    def missing(self):
        return None if real.folder_has(self.data) else f"{self.data}: needs --data DIR"

    @classmethod
    def is_installed(cls, *args, **kwargs):
        # benchopt then says "not installed" instead of failing at each file
        return real.folder() is not None and super().is_installed(*args, **kwargs)

    def load(self):
        return real.from_folder(self.data)


class Grouped(Base):
    """Consecutive groups of ten columns, a few of them in the model: correlated columns, bags of words."""

    parameters = {
        "kind, n_samples, n_features": [("dense", 1000, 10_000), ("text", 5000, 20_000)],
        "seed": [0],
    }

    @property
    def label(self):
        return f"groups, {self.kind} {thousands(self.n_samples)} x {thousands(self.n_features)}"

    def load(self):
        return simulated.grouped(self.kind, self.n_samples, self.n_features, self.seed)


class Classes(Base):
    """Several classes: handwritten digits, or four parts of the target of the simulated data."""

    parameters = {
        "kind, n_samples, n_features": [("digits", 1797, 64), ("dense", 200, 5000), ("text", 5000, 20_000)],
        "seed": [0],
    }

    @property
    def label(self):
        return f"classes, {self.kind} {thousands(self.n_samples)} x {thousands(self.n_features)}"

    def load(self):
        if self.kind == "digits":
            return real.digit_classes()
        make = {"dense": (simulated.dense, 0.6), "text": (simulated.text, 80, 1.0)}[self.kind]
        X, y = make[0](self.n_samples, self.n_features, *make[1:], self.seed)
        return X, np.digitize(y, np.quantile(y, [0.25, 0.5, 0.75])).astype(np.float64)
