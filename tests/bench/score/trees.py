"""The trees that bench-score wrote (trees.rs tells how), and their probabilities by nothing but numpy: the oracle."""

from dataclasses import dataclass

import numpy as np

FEATURES, CLASSES = 40, 8


@dataclass
class Tree:
    """Of each node: its feature, or -1; what goes left; its children, or -1; what it holds, or zeros."""

    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    values: np.ndarray


@dataclass
class Trees:
    trees: list
    base: np.ndarray

    @property
    def boosted(self):
        return len(self.base) > 0


def read_trees(folder):
    def column(name):
        return np.fromfile(folder / name, "<i4" if name.endswith("i32") else "<f4")

    feature, threshold, left = column("feature.i32"), column("threshold.f32"), column("left.i32")
    base = column("base.f32")
    is_leaf = feature < 0
    values = np.zeros((len(feature), 1 if len(base) else CLASSES), np.float32)
    values[is_leaf] = column("values.f32").reshape(-1, values.shape[1])
    right = np.where(is_leaf, -1, left + 1)
    ends = np.cumsum(column("nodes.i32"))
    trees = [Tree(*(part[start:end] for part in (feature, threshold, left, right, values)))
             for start, end in zip([0, *ends[:-1]], ends, strict=True)]
    return Trees(trees, base)


def predict(trees, rows):
    scores = np.zeros((len(rows), CLASSES)) + (trees.base if trees.boosted else 0)
    everyone = np.arange(len(rows))
    for number, tree in enumerate(trees.trees):
        at = np.zeros(len(rows), int)
        while (tree.feature[at] >= 0).any():
            goes_left = rows[everyone, tree.feature[at]] <= tree.threshold[at]
            at = np.where(tree.feature[at] < 0, at, np.where(goes_left, tree.left[at], tree.right[at]))
        if trees.boosted:
            scores[:, number % CLASSES] += tree.values[at, 0]
        else:
            scores += tree.values[at]
    if trees.boosted:
        scores = np.exp(scores - scores.max(1, keepdims=True))
    return scores / scores.sum(1, keepdims=True)
