"""Whether a regression that learns from generated spectra predicts the labels of real ones."""

import numpy as np

from mrs_keras.evaluation.realism.canonical import CanonicalSpectra
from mrs_keras.evaluation.realism.draws import stratified_folds

ALPHAS = np.logspace(-2, 4, 13)
"""Penalties of the regression that are tried."""

TRAINED_ON = 3000
"""Generated spectra that the regression learns from."""

FOLDS = 5

FEWEST = 10
"""Fewest spectra with a label to train on, or to test on."""


def measure_utility(
    spectra: CanonicalSpectra, labels: np.ndarray, held_out: CanonicalSpectra, held_out_labels: np.ndarray
) -> np.ndarray:
    """Trains a ridge regression on spectra and their labels, and tests it on held-out real spectra.

    Its features are the real and imaginary parts of the canonical spectra, standardised. Of `ALPHAS`, each label gets
    the one with the smallest squared error in 5 folds of the training spectra.

    Args:
      spectra: to train on, generated or real.
      labels: float (m, labels), of them; NaN where missing.
      held_out: real spectra.
      held_out_labels: float (n, labels), of those, by a second labeller that made no label for the training; NaN where
        missing.

    Returns:
      float64 (labels,), the Pearson correlation of predictions with labels; NaN where fewer than 10 spectra have the
      label, or predictions or labels do not vary.
    """
    features = spectra.features
    mean, deviation = features.mean(axis=0), features.std(axis=0)
    deviation[deviation == 0] = 1
    train, test = ((each - mean) / deviation for each in (features, held_out.features))
    correlations = np.full(labels.shape[1], np.nan)
    known, tested = np.isfinite(labels), np.isfinite(held_out_labels)
    possible = (known.sum(axis=0) >= FEWEST) & (tested.sum(axis=0) >= FEWEST)
    # Labels that the same spectra have share the decompositions.
    for rows in {tuple(column) for column in known.T[possible]}:
        columns = np.flatnonzero(possible & (known == np.array(rows)[:, None]).all(axis=0))
        rows = np.array(rows)
        predicted = ridge_predictions(train[rows], labels[rows][:, columns], test)
        for position, column in enumerate(columns):
            valid = tested[:, column]
            pair = predicted[valid, position], held_out_labels[valid, column]
            if all(np.std(each) > 0 for each in pair):
                correlations[column] = np.corrcoef(*pair)[0, 1]
    return correlations


def ridge_predictions(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Predicts labels by ridge regression whose penalty is chosen for each label by cross-validation.

    Args:
      train: float (m, features).
      labels: float (m, labels).
      test: float (n, features).

    Returns:
      float64 (n, labels).
    """
    fold_of = stratified_folds(np.zeros(len(train)), FOLDS, "folds of a regression")
    errors = np.zeros((len(ALPHAS), labels.shape[1]))
    for fold in range(FOLDS):
        left_out = fold_of == fold
        predicted = _ridge(train[~left_out], labels[~left_out], train[left_out])
        errors += ((predicted - labels[left_out]) ** 2).sum(axis=1)
    best = errors.argmin(axis=0)
    return _ridge(train, labels, test)[best, :, np.arange(labels.shape[1])].T


def _ridge(train: np.ndarray, labels: np.ndarray, test: np.ndarray) -> np.ndarray:
    """Returns the predictions for all `ALPHAS`, with an intercept: float64 (alphas, n, labels)."""
    mean, mean_label = train.mean(axis=0), labels.mean(axis=0)
    train, labels = train - mean, labels - mean_label
    if len(train) < train.shape[1]:
        left, singular, axes = np.linalg.svd(train, full_matrices=False)
        squares, projected = singular**2, singular[:, None] * (left.T @ labels)
    else:
        squares, vectors = np.linalg.eigh(train.T @ train)
        squares, axes = np.maximum(squares, 0), vectors.T
        projected = axes @ (train.T @ labels)
    shrunk = projected / (squares[:, None] + ALPHAS[:, None, None])
    return ((test - mean) @ axes.T) @ shrunk + mean_label
