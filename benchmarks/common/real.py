"""Real data: what scikit-learn carries with it, and the files of a folder the user names."""

import os
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_sample_image,
    load_svmlight_file,
)
from sklearn.preprocessing import PolynomialFeatures

from .simulated import standardize

DATA_VARIABLE = "SPARSEOPT_DATA"
FOLDER_FILES = {
    "golub": "golub.npz",
    "riboflavin": "riboflavin.npz",
    "srbct": "srbct.npz",
    "bardet": "bardet.npz",
    "w8a": "w8a.svm.bz2",
}


def expand(X, degree):
    """All monomials of the columns of X up to ``degree``, standardised, constant ones dropped."""
    X = standardize(np.array(X, dtype=np.float64))
    if degree > 1:
        X = PolynomialFeatures(degree, include_bias=False).fit_transform(X)
    X = standardize(np.asfortranarray(X))
    return np.asfortranarray(X[:, np.abs(X).max(axis=0) > 0])


def patches(image, size, step):
    """Flattened square patches of an image, one a column."""
    windows = np.lib.stride_tricks.sliding_window_view(image, (size, size), axis=(0, 1))
    windows = windows[::step, ::step]
    return windows.reshape(windows.shape[0] * windows.shape[1], -1).T.astype(np.float64)


def bundled(name, degree):
    """Data sets inside scikit-learn, as regressions.

    ``diabetes``: disease progression on monomials of ten measurements. ``breast-cancer``:
    malignant or not (-1, 1) on monomials of thirty. ``digits``: is the image an eight, on pixels
    and their products. ``patches``: one patch of a photograph written with the patches of another
    (sparse coding); here ``degree`` is the spacing of the dictionary's patches.
    """
    if name == "diabetes":
        X, y = load_diabetes(return_X_y=True)
        X = expand(X, degree)
    elif name == "breast-cancer":
        X, y = load_breast_cancer(return_X_y=True)
        X, y = expand(X, degree), np.where(y == 1, 1.0, -1.0)
    elif name == "digits":
        X, y = load_digits(return_X_y=True)
        X, y = expand(X, degree), np.where(y == 8, 1.0, -1.0)
    elif name == "patches":
        X = standardize(np.asfortranarray(patches(load_sample_image("china.jpg"), 12, degree)))
        y = patches(load_sample_image("flower.jpg"), 12, 50)[:, 40]
    else:
        raise ValueError(f"no bundled data set is called {name!r}")
    return X, (y - y.mean()).astype(np.float64)


def digit_classes():
    """Pixels of handwritten digits, and which digit it is."""
    X, y = load_digits(return_X_y=True)
    return expand(X, 1), y.astype(np.float64)


def folder():
    """The folder given by ``--data`` (or by the environment variable), or None."""
    value = os.environ.get(DATA_VARIABLE)
    return Path(value) if value else None


def folder_has(name):
    """Whether the file of this data set is in the folder."""
    return folder() is not None and (folder() / FOLDER_FILES[name]).is_file()


def from_folder(name):
    """Gene expression (X standardised) and web pages (X sparse, as stored); y is centred.

    Classes become -1 and 1; of several classes, the first against the rest.
    """
    if not folder_has(name):
        raise FileNotFoundError(
            f"{FOLDER_FILES[name]} not found: give its folder with --data (or ${DATA_VARIABLE})"
        )
    path = folder() / FOLDER_FILES[name]
    if path.suffix == ".bz2":
        X, y = load_svmlight_file(str(path))
        X = sparse.csc_matrix(X)
        X.sort_indices()
    else:
        with np.load(path, allow_pickle=False) as stored:
            X, y = stored["X"], stored["y"]
        X = standardize(np.asfortranarray(X, dtype=np.float64))
        X = np.asfortranarray(X[:, np.abs(X).max(axis=0) > 0])
    if np.issubdtype(y.dtype, np.integer) and name != "w8a":
        y = np.where(y == np.unique(y)[0], 1.0, -1.0)
    return X, y.astype(np.float64) - y.mean()
