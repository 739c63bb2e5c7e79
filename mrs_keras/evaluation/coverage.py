"""Whether generated spectra are spread as the data are: marginals, density and coverage, two-sample test."""

import numpy as np
import scipy.stats
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS, DatasetPhysics
from mrs_keras.simulation import SpectralParameters

COMPONENTS = 32
"""Principal components of the feature space; of the default dataset they leave out 5e-6 of the variance."""

NEIGHBOURS = 5
"""Neighbour that sets the radius of density and coverage."""


def feature_space(training: np.ndarray) -> PCA:
    """Fits the space in which sets of spectra are compared.

    Its coordinates are the first principal components of the training spectra, real and imaginary part side by side,
    each divided by its standard deviation.

    Args:
      training: float (examples, points, 2).
    """
    flat = training.reshape(len(training), -1)
    return PCA(min(COMPONENTS, *flat.shape), whiten=True, svd_solver="covariance_eigh").fit(flat.astype(np.float64))


def features_of(spectra: np.ndarray, space: PCA) -> np.ndarray:
    """Returns spectra, float (batch, points, 2), as points of a feature space, float64 (batch, components)."""
    return space.transform(spectra.reshape(len(spectra), -1).astype(np.float64))


def ks_statistics(parameters: SpectralParameters, physics: DatasetPhysics) -> dict[str, float]:
    """Returns the Kolmogorov-Smirnov statistic of recovered parameters against their uniform training range.

    It is the largest distance between the two cumulative distributions: 0 is best, 1 is worst. Samples of n spectra
    that follow the range stay below 1.36 / sqrt(n) in 95 of 100 cases.

    Args:
      parameters: recovered by a fit.
      physics: of the dataset.

    Returns:
      `LINE_PARAMETERS` and `"baseline"`, the largest statistic of its coefficients -> statistic.
    """
    values = physics.values(parameters)
    statistics = {name: _ks(values[name], physics.range_of(name)) for name in LINE_PARAMETERS}
    return {**statistics, "baseline": max(baseline_ks(parameters, physics))}


def baseline_ks(parameters: SpectralParameters, physics: DatasetPhysics) -> list[float]:
    """Returns the Kolmogorov-Smirnov statistic of each baseline coefficient; see `ks_statistics`."""
    return [_ks(column, physics.prior.baseline) for column in physics.values(parameters)["baseline"].T]


def shares_outside(parameters: SpectralParameters, physics: DatasetPhysics) -> dict[str, float]:
    """Returns the share of spectra whose recovered parameter lies outside its training range, from 0 to 1.

    Of the baseline, a coefficient outside is enough. Arguments and keys are those of `ks_statistics`. What lies beyond
    an end by less than 1 % of the width counts as inside: a fit of a good spectrum may be off by as much.
    """
    values, shares = physics.values(parameters), {}
    for name in (*LINE_PARAMETERS, "baseline"):
        limits = physics.range_of(name)
        margin = 0.01 * (limits.high - limits.low)
        outside = (values[name] < limits.low - margin) | (values[name] > limits.high + margin)
        shares[name] = float(outside.reshape(len(outside), -1).any(axis=1).mean())
    return shares


def _ks(values: np.ndarray, limits) -> float:
    return float(scipy.stats.kstest(values, scipy.stats.uniform(limits.low, limits.high - limits.low).cdf).statistic)


def density_and_coverage(real: np.ndarray, generated: np.ndarray, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Compares two sets of points by the neighbourhoods of the real ones (Naeem et al. 2020, arXiv 2002.09797).

    The neighbourhood of a real point is the ball that reaches to its k-th nearest real neighbour. Density is the number
    of balls that hold a generated point, over k, on average; coverage the share of balls that hold one at all.

    Args:
      real: (examples, features).
      generated: (batch, features).
      neighbours: k. Defaults to `5`.

    Returns:
      density, 1 where the sets are alike, and coverage, 1 - 2^-k there.
    """
    radii = NearestNeighbors(n_neighbors=neighbours).fit(real).kneighbors()[0][:, -1]
    inside = pairwise_distances(real, generated) < radii[:, None]
    return float(inside.sum(axis=0).mean() / neighbours), float(inside.any(axis=1).mean())


def classifier_two_sample_test(real: np.ndarray, generated: np.ndarray) -> tuple[float, float]:
    """Tests whether a classifier can tell two sets of points apart (Lopez-Paz and Oquab 2017, arXiv 1610.06545).

    An ensemble of extremely randomised trees learns on one half of all points and is asked about the other, and the
    other way round.

    Args:
      real: (examples, features).
      generated: (batch, features), of about as many points.

    Returns:
      share of right answers, 0.5 where the sets are alike and 1 where they never are, and its standard error,
      sqrt(accuracy (1 - accuracy) / points).
    """
    points, of_set = np.concatenate([real, generated]), np.repeat([0, 1], [len(real), len(generated)])
    trees = ExtraTreesClassifier(100, min_samples_leaf=3, random_state=0)
    halves = StratifiedKFold(2, shuffle=True, random_state=0)
    accuracy = float(np.mean(cross_val_predict(trees, points, of_set, cv=halves) == of_set))
    return accuracy, float(np.sqrt(accuracy * (1 - accuracy) / len(points)))


def coverage_numbers(
    parameters: SpectralParameters, features: np.ndarray, validation: np.ndarray, physics: DatasetPhysics
) -> dict:
    """Returns all numbers of this module for one set of spectra.

    Args:
      parameters: recovered from them.
      features: of them, as `features_of` returns them.
      validation: features of the validation spectra.
      physics: of the dataset.
    """
    density, coverage = density_and_coverage(validation, features)
    accuracy, error = classifier_two_sample_test(validation, features)
    return {
        "ks": ks_statistics(parameters, physics),
        "outside_range": shares_outside(parameters, physics),
        "density": density,
        "coverage": coverage,
        "classifier": {"accuracy": accuracy, "standard_error": error},
    }
