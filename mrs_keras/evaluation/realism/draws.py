"""Seeded orders and folds of the measures of realism, which depend on a key alone."""

import numpy as np

from mrs_keras.random_streams import REALISM
from mrs_keras.simulation.keyed_random import keyed_uniform


def shuffled(count: int, *key: object) -> np.ndarray:
    """Returns the integers below `count` in an order that depends on `key` alone: int (count,)."""
    return np.argsort(keyed_uniform(0, count, 1, REALISM, *key)[:, 0], kind="stable")


def stratified_folds(groups: np.ndarray, folds: int, *key: object) -> np.ndarray:
    """Divides examples into folds at random; each group is spread over all of them.

    Groups go on where the one before ended, so that the folds are of equal size to within one.

    Args:
      groups: (n,), the class, or the site, of each example.
      folds: their number.
      *key: of the draw.

    Returns:
      int (n,), from 0 to `folds - 1`.

    Example:

    >>> stratified_folds(np.array(["a"] * 6 + ["b"] * 3), 3, 0).tolist().count(0)
    3
    """
    groups = np.asarray(groups)
    order = shuffled(len(groups), *key)
    ordered = order[np.argsort(groups[order], kind="stable")]
    fold = np.empty(len(groups), int)
    fold[ordered] = np.arange(len(groups)) % folds
    return fold
