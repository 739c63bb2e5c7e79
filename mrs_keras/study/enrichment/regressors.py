"""The regressions that predict labels from spectra: a perceptron and a ridge, tuned alike for every arm."""

import warnings
from collections.abc import Callable, Mapping

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neural_network import MLPRegressor

from mrs_keras.acquisition import Acquisition
from mrs_keras.random_streams import ENRICHMENT
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.study.enrichment.arms import Examples

WINDOW_PPM = (0.5, 4.2)
"""Window of the features, ppm."""

COMPONENTS = 64
"""Principal components of the training examples that the regressions see, at most."""

HIDDEN, BATCH = 128, 128
"""Units of the perceptron's hidden layer, and examples of a step."""

Make = Callable[[float, int, int], RegressorMixin]
"""(penalty, epochs, seed) -> regression."""


def _perceptron(penalty: float, epochs: int, seed: int) -> RegressorMixin:
    # No early stop: all arms have the same number of steps.
    return MLPRegressor(
        hidden_layer_sizes=(HIDDEN,),
        alpha=penalty,
        batch_size=BATCH,
        max_iter=epochs,
        n_iter_no_change=epochs,
        tol=0.0,
        random_state=seed,
    )


def _ridge(penalty: float, epochs: int, seed: int) -> RegressorMixin:
    del epochs, seed
    return Ridge(penalty)


REGRESSORS: Mapping[str, tuple[Make, tuple[float, ...]]] = {
    "perceptron": (_perceptron, (1e-3, 1e-1, 1.0, 10.0)),
    "ridge": (_ridge, (1e-2, 1.0, 10.0, 100.0)),
}
"""Name -> regression, and the penalties that are tried: as many for each arm."""


def features_of(spectra: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """Returns real and imaginary parts of each spectrum from 0.5 to 4.2 ppm, over its Euclidean norm.

    Returns:
      float32 (n, features): half the time, and far below the noise.
    """
    ppm = acquisition.window_ppm_axis
    inside = spectra[:, (ppm >= WINDOW_PPM[0]) & (ppm <= WINDOW_PPM[1])]
    inside = inside / np.linalg.norm(inside, axis=1, keepdims=True)
    return np.concatenate([inside.real, inside.imag], axis=1).astype(np.float32)


def tuned_predictions(
    examples: Examples,
    inner: tuple[np.ndarray, np.ndarray],
    test: np.ndarray,
    acquisition: Acquisition,
    *,
    folds: int,
    epochs: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Trains each regression with the penalty that is best in inner folds of the n subjects, and predicts.

    An inner fold holds out subjects with all examples of their spectra, and mixtures with these. What a generator made
    of all n stays: it favours small penalties there, if anything, and never touches the test.

    Args:
      examples: to train on.
      inner: spectra (n, points) of the n subjects with the noise of the task, and their labels (n, labels), to choose
        the penalty by.
      test: spectra (t, points) to predict.
      acquisition: of all spectra.
      folds: inner folds.
      epochs: of the perceptron.
      seed: of the folds, weights and orders.

    Returns:
      name of the regression -> float64 (t, labels).
    """
    train, (spectra, labels) = features_of(examples.spectra, acquisition), inner
    held, wanted = features_of(spectra, acquisition), features_of(test, acquisition)
    order = np.argsort(keyed_uniform(0, len(labels), 1, ENRICHMENT, seed, "inner folds")[:, 0])
    fold_of = np.empty(len(labels), int)
    fold_of[order] = np.arange(len(labels)) % min(folds, len(labels))
    errors = {name: np.zeros(len(penalties)) for name, (_, penalties) in REGRESSORS.items()}
    for fold in range(fold_of.max() + 1):
        out = np.flatnonzero(fold_of == fold)
        kept = ~np.isin(examples.parents, out).any(axis=1)
        fit = _Standardised(train[kept], examples.labels[kept], held[out], epochs, seed)
        for name, (make, penalties) in REGRESSORS.items():
            for trial, penalty in enumerate(penalties):
                error = (fit.predictions(make, penalty) - labels[out]) / fit.deviation
                errors[name][trial] += (error**2).sum()
    final = _Standardised(train, examples.labels, wanted, epochs, seed)
    return {
        name: final.predictions(make, penalties[int(errors[name].argmin())])
        for name, (make, penalties) in REGRESSORS.items()
    }


class _Standardised:
    """Principal components and standardised labels that the trials share."""

    def __init__(self, train: np.ndarray, labels: np.ndarray, test: np.ndarray, epochs: int, seed: int):
        components = min(COMPONENTS, len(train) - 1)
        pca = PCA(components, svd_solver="covariance_eigh").fit(train)
        self.train, self.test = pca.transform(train), pca.transform(test)
        scale = self.train.std()
        self.train, self.test = self.train / scale, self.test / scale
        self.mean, self.deviation = labels.mean(axis=0), labels.std(axis=0)
        # A label that does not vary is predicted as it is.
        self.deviation[self.deviation == 0] = 1.0
        self.labels = (labels - self.mean) / self.deviation
        self.epochs, self.seed = epochs, seed % 2**32

    def predictions(self, make: Make, penalty: float) -> np.ndarray:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the number of epochs is what ends it
            regression = make(penalty, self.epochs, self.seed).fit(self.train, self.labels.astype(np.float32))
        predicted = regression.predict(self.test).reshape(len(self.test), -1)
        return predicted * self.deviation + self.mean
