"""English sentences that come with installed packages: first sentences of docstrings, and their word pieces."""

import ast
import re
import unicodedata
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np

PACKAGES = ("sklearn", "scipy", "numpy", "joblib", "click")


def sentences(n, seed=0):
    """Return n different sentences of 40 to 160 characters, drawn from docstrings of packages."""
    found = set()
    for folder in _folders():
        for path in sorted(folder.rglob("*.py")):
            if "tests" not in path.parts[len(folder.parts) :]:
                found.update(_first_lines(path))
    return [str(text) for text in np.random.default_rng(seed).permutation(sorted(found))[:n]]


def _folders():
    for name in PACKAGES:
        spec = find_spec(name)
        if spec is not None and spec.submodule_search_locations:
            yield Path(spec.submodule_search_locations[0])


def _first_lines(path):
    try:
        tree = ast.parse(path.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)):
            text = " ".join((ast.get_docstring(node) or "").strip().partition("\n\n")[0].split())
            plain = text.isascii() and text.endswith(".") and ">>>" not in text
            if 40 < len(text) < 160 and plain and text[0].isupper():
                yield text


class WordPieces:
    """The tokenizer of uncased BERT: lower case, accents off, words and punctuation, then the longest pieces known."""

    def __init__(self, vocabulary):
        pieces = Path(vocabulary).read_text("utf-8").split("\n")
        self.ids = {piece: number for number, piece in enumerate(pieces) if piece}
        self.word = cache(self._word)

    def __call__(self, text, longest=32):
        text = unicodedata.normalize("NFD", text.lower())
        text = "".join(c for c in text if unicodedata.category(c) != "Mn")
        pieces = [piece for word in re.findall(r"\w+|[^\w\s]", text) for piece in self.word(word)]
        return [self.ids["[CLS]"], *pieces[: longest - 2], self.ids["[SEP]"]]

    def _word(self, word):
        start, pieces = 0, []
        while start < len(word):
            end = len(word)
            while end > start and (("##" if start else "") + word[start:end]) not in self.ids:
                end -= 1
            if end == start:
                return [self.ids["[UNK]"]]
            pieces.append(self.ids[("##" if start else "") + word[start:end]])
            start = end
        return pieces


def batches(texts, size=64):
    """Group token lists of similar length: (ids, mask) arrays, and the order in which the texts come."""
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
    found = []
    for at in range(0, len(order), size):
        part = [texts[i] for i in order[at : at + size]]
        ids = np.zeros((len(part), max(map(len, part))), dtype=np.int64)
        for row, text in zip(ids, part, strict=True):
            row[: len(text)] = text
        found.append((ids, np.arange(ids.shape[1]) < np.array([len(text) for text in part])[:, None]))
    return found, order
