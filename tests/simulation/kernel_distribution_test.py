"""Draws of the kernel density against the moments that its formula has."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from mrs_keras import Prior, UniformRange, default_basis
from mrs_keras.simulation import Kernel
from mrs_keras.simulation.graph import array_math as tensor_math

NAMES = ("NAA", "PCr", "gamma", "eps")
RNG = np.random.default_rng(5)
MIXING = RNG.normal(size=(4, 4))
ROWS = RNG.normal(size=(24, 4)) @ MIXING + np.array([30.0, 25.0, 20.0, 0.0])
FAR = 3, 11
ROWS[list(FAR)] += 40
SITES = tuple([0] * 10 + [1] * 14)
ROWS[10:, 3] += 9  # the sites differ

DRAWS = 20_000


def numbers(kernel: Kernel, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(size=(draws, kernel.width))


def drawn(kernel: Kernel, draws: int = DRAWS, seed: int = 0) -> np.ndarray:
    return kernel.values(numbers(kernel, draws, seed))


def inliers() -> np.ndarray:
    return np.setdiff1d(np.arange(len(ROWS)), FAR)


def within(rows: np.ndarray, sites: np.ndarray) -> np.ndarray:
    """The pooled covariance of rows within their sites."""
    scatter = sum(np.cov(rows[sites == s], rowvar=False, ddof=0) * (sites == s).sum() for s in set(sites.tolist()))
    return scatter / (len(rows) - len(set(sites.tolist())))


def assert_covariance(values: np.ndarray, expected: np.ndarray):
    # An entry of the covariance of n draws has a standard error of sqrt((s_ij^2 + s_ii s_jj) / n), a little more with
    # heavy tails.
    variances = np.diag(expected)
    error = np.sqrt((expected**2 + np.outer(variances, variances)) / len(values))
    assert np.all(np.abs(np.cov(values, rowvar=False) - expected) < 6 * error)


@pytest.mark.parametrize("bandwidth", [0.0, 0.6, 1.0])
def test_draws_have_the_mean_and_the_covariance_of_the_rows(bandwidth):
    kernel = Kernel(NAMES, ROWS, bandwidth=bandwidth)
    values = drawn(kernel)
    covariance = np.cov(ROWS, rowvar=False)
    expected = (1 - bandwidth**2) * covariance * (len(ROWS) - 1) / len(ROWS) + bandwidth**2 * covariance
    assert_covariance(values, expected)
    assert np.abs(values.mean(axis=0) - ROWS.mean(axis=0)).max() < 5 * np.sqrt(np.diag(expected).max() / DRAWS)


def test_within_sites_draws_have_the_covariance_of_the_inliers_and_sites_keep_their_means():
    sites, kept = np.array(SITES), inliers()
    kernel = Kernel(NAMES, ROWS, outliers=FAR, bandwidth=1.0, clusters=SITES)
    values, uniform = drawn(kernel), numbers(kernel)
    site = sites[(uniform[:, 0] * len(ROWS)).astype(int)]
    for number in (0, 1):
        of_site = values[site == number]
        mean = ROWS[kept][sites[kept] == number].mean(axis=0)
        assert np.abs(of_site.mean(axis=0) - mean).max() < 5 * of_site.std(axis=0).max() / np.sqrt(len(of_site))
        assert_covariance(of_site, within(ROWS[kept], sites[kept]))


def test_a_bandwidth_of_0_draws_the_rows():
    values = drawn(Kernel(NAMES, ROWS, outliers=FAR, bandwidth=0.0, clusters=SITES), 500)
    distances = np.abs(values[:, None] - ROWS).max(axis=2)
    assert distances.min(axis=1).max() < 1e-12
    assert set(distances.argmin(axis=1)) == set(range(len(ROWS)))


def test_outliers_are_centres_like_others_but_do_not_widen_the_density():
    kernel = Kernel(NAMES, ROWS, outliers=FAR, bandwidth=0.3)
    values = drawn(kernel)
    # An outlier stands sqrt(1 - h^2) of the way from the mean of the inliers.
    centre = ROWS[inliers()].mean(axis=0) + np.sqrt(1 - 0.3**2) * (ROWS[FAR[0]] - ROWS[inliers()].mean(axis=0))
    row = (numbers(kernel)[:, 0] * len(ROWS)).astype(int)
    assert np.bincount(row) / DRAWS == pytest.approx(1 / len(ROWS), rel=0.15)
    of_outlier = values[row == FAR[0]]
    assert np.abs(of_outlier.mean(axis=0) - centre).max() < 0.2
    assert_covariance(of_outlier, 0.09 * np.cov(ROWS[inliers()], rowvar=False))


@pytest.mark.parametrize("fraction", [0.4, 1.0])
def test_blocks_keep_their_covariance_and_lose_that_with_others(fraction):
    kernel = Kernel(NAMES, ROWS, bandwidth=1.0, blocks=(0, 0, 1, 1), block_fraction=fraction)
    expected = np.cov(ROWS, rowvar=False)
    expected[:2, 2:] *= 1 - fraction
    expected[2:, :2] *= 1 - fraction
    assert_covariance(drawn(kernel), expected)


def test_a_block_fraction_of_0_draws_as_without_blocks():
    blocks = Kernel(NAMES, ROWS, blocks=(0, 0, 1, 1), block_fraction=0.0)
    np.testing.assert_array_equal(drawn(blocks, 50), drawn(Kernel(NAMES, ROWS), 50))


def test_bounds_and_logarithms_hold():
    rows = np.abs(ROWS - ROWS.min(axis=0)) + 0.01
    kernel = Kernel(NAMES, rows, bandwidth=1.0, logarithmic=("gamma",), at_least_0=("NAA",))
    values = drawn(kernel)
    free = drawn(Kernel(NAMES, rows, bandwidth=1.0))
    assert values[:, 2].min() > 0
    np.testing.assert_array_equal(values[:, 0], np.maximum(free[:, 0], 0))
    assert (free[:, 0] < 0).any()
    assert_covariance(np.log(values[:, 2:3]), np.cov(np.log(rows[:, 2:3]), rowvar=False).reshape(1, 1))


def test_ends_of_a_parameter_are_its_outer_quantiles():
    kernel = Kernel(NAMES, ROWS, outliers=FAR, bandwidth=0.5, clusters=SITES)
    # By the density of the mixture, integrated numerically.
    leaf = kernel["eps"]
    sites, kept = np.array(SITES), inliers()
    means = np.stack([ROWS[kept][sites[kept] == s, 3].mean() for s in SITES])
    centres = means + np.sqrt(0.75) * (ROWS[:, 3] - means)
    deviation = 0.5 * np.sqrt(within(ROWS[kept], sites[kept])[3, 3])
    values = drawn(kernel)[:, 3]
    for end in (leaf.low, leaf.high):
        below = scipy.stats.norm.cdf(end, centres, deviation).mean()
        assert min(below, 1 - below) == pytest.approx(1e-3, rel=1e-6)
    assert np.mean((values < leaf.low) | (values > leaf.high)) == pytest.approx(2e-3, abs=5 * np.sqrt(2e-3 / DRAWS))
    bounded = Kernel(NAMES, np.abs(ROWS), bandwidth=1.0, at_least_0=("eps",))
    assert bounded["eps"].low == 0


def test_draws_in_a_graph_are_those_of_numpy():
    rows = np.abs(ROWS - ROWS.min(axis=0)) + 0.01
    kernel = Kernel(NAMES, rows, FAR, 0.7, SITES, (0, 0, 1, 1), 0.3, logarithmic=("gamma",), at_least_0=("NAA", "PCr"))
    uniform = numbers(kernel, 500).astype(np.float32)
    graph = tf.function(lambda fractions: kernel.values(fractions, tensor_math))(tf.constant(uniform)).numpy()
    np.testing.assert_allclose(graph, kernel.values(uniform.astype(np.float64)), rtol=1e-4, atol=1e-4)


def test_a_row_does_not_depend_on_its_batch():
    kernel = Kernel(NAMES, ROWS, outliers=FAR, clusters=SITES, blocks=(0, 1, 1, 0))
    uniform = numbers(kernel, 100)
    np.testing.assert_array_equal(kernel.values(uniform)[37:41], kernel.values(uniform[37:41]))
    np.testing.assert_array_equal(kernel.values(uniform)[99:], kernel.values(uniform[99:]))


def test_draws_times_factors_are_those_of_the_density_times_factors():
    kernel = Kernel(NAMES, np.abs(ROWS) + 1, FAR, clusters=SITES, logarithmic=("gamma",), at_least_0=("NAA",))
    factors = {"gamma": 2.5, "NAA": 3.0}
    each = np.array([factors.get(name, 1.0) for name in NAMES])
    np.testing.assert_allclose(drawn(kernel.times(factors), 200), drawn(kernel, 200) * each, rtol=1e-12)


def prior_of(kernel: Kernel) -> Prior:
    return dataclasses.replace(
        Prior.from_preset("naa_pcr"),
        concentrations={name: kernel[name] for name in ("NAA", "PCr")},
        gamma=kernel["gamma"],
        eps=kernel["eps"],
    )


def test_a_kernel_in_a_file_comes_back_with_the_same_draws():
    kernel = Kernel(NAMES, np.abs(ROWS), FAR, 0.8, SITES, (0, 0, 1, 1), 0.4, ("gamma",), ("NAA", "PCr"), "a test")
    prior = prior_of(kernel)
    again = Prior.from_dict(json.loads(json.dumps(prior.to_dict())))
    ours, theirs = (each.draw(default_basis(), 0, 50, seed=0) for each in (prior, again))
    for field in dataclasses.fields(ours):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))
    assert again.gamma.joint is again.concentrations["NAA"].joint
    assert again.gamma.source == "a test"


def test_parameters_of_a_prior_stay_joint_in_its_draws():
    prior = prior_of(Kernel(NAMES, np.abs(ROWS) + 5, bandwidth=0.9, at_least_0=("NAA", "PCr", "gamma")))
    draws = prior.draw(default_basis(), 0, 10_000, seed=0)
    values = np.column_stack([draws.concentrations, draws.gamma, draws.eps])
    # The correlation of n draws has a standard error of at most 1 / sqrt(n); that of rows counts n / (n - 1) alike.
    expected = np.corrcoef(np.abs(ROWS) + 5, rowvar=False)
    np.testing.assert_allclose(np.corrcoef(values, rowvar=False), expected, atol=0.05)


def test_two_kernels_of_as_many_rows_are_independent():
    concentrations = Kernel(("NAA", "PCr"), np.abs(ROWS[:, :2]), bandwidth=0.0)
    lines = Kernel(("gamma", "eps"), np.abs(ROWS[:, 2:]), bandwidth=0.0)
    prior = dataclasses.replace(
        Prior.from_preset("naa_pcr"),
        concentrations={name: concentrations[name] for name in ("NAA", "PCr")},
        gamma=lines["gamma"],
        eps=lines["eps"],
    )
    draws = prior.draw(default_basis(), 0, 2000, seed=0)
    first = np.abs(np.abs(ROWS[:, 0]) - draws.concentrations[:, :1]).argmin(axis=1)
    second = np.abs(np.abs(ROWS[:, 2]) - draws.gamma).argmin(axis=1)
    assert np.mean(first == second) < 0.1  # 1 / 24 by chance


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rows": ROWS[:, :3]}, r"`rows` must be \(rows, names\)"),
        ({"outliers": (24,)}, "`outliers` must be numbers of the 24 rows"),
        ({"clusters": (0, 1)}, "`clusters` must have a number for each row"),
        ({"blocks": (0, 1)}, "`blocks` must have a number for each name"),
        ({"outliers": tuple(range(21))}, "needs a row that is no outlier in each cluster"),
        ({"clusters": (1, *[0] * 23), "outliers": (0,)}, "needs a row that is no outlier in each cluster"),
        ({"bandwidth": 1.5}, "`bandwidth` must be from 0 to 1"),
        ({"block_fraction": -0.1}, "`block_fraction` must be from 0 to 1"),
        ({"at_least_0": ("eps",)}, "`eps` must be at least 0 in every row"),
        ({"logarithmic": ("eps",)}, "`eps` must be above 0 in every row"),
        ({"logarithmic": ("sigma",)}, "Unknown `name`"),
    ],
)
def test_kernels_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        Kernel(**{"names": NAMES, "rows": ROWS - [0, 0, 0, 100], **changes})


def test_a_column_cannot_be_several_numbers_of_a_spectrum():
    kernel = Kernel(("baseline", "gamma"), np.abs(ROWS[:, :2]))
    with pytest.raises(ValueError, match="`baseline` has 10 numbers per spectrum"):
        dataclasses.replace(Prior.from_preset("naa_pcr"), baseline=kernel["baseline"])
    assert isinstance(Prior.from_preset("naa_pcr").baseline, UniformRange)
