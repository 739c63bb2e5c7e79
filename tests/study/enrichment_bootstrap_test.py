import numpy as np
import pytest
import scipy.stats

from mrs_keras.study.enrichment.agreement import agreement_sums
from mrs_keras.study.enrichment.bootstrap import REPLICATES, bootstrap, resampled
from mrs_keras.study.enrichment.results import Cell
from tests.study.enrichment_predictions import crossed_effects, noisy_arms, task_results

PAIR = [("classical_again", "ridge"), ("classical", "ridge")]


def log_error_of(values):
    """Bootstraps percentage errors, (sites, draws), of a single subject per site."""
    truth = np.ones((len(values), 1))
    predictions = {Cell("real", "ridge", "16", draw): 1 + values[:, [draw]] / 100 for draw in range(values.shape[1])}
    results = task_results(predictions, truth, [f"S{row}" for row in range(len(values))])
    return bootstrap(agreement_sums(results, "first", "16", [("real", "ridge")])).log_error


def expected_variance(values):
    """Of the mean of (sites, draws) under independent multinomial weights of n - 1 among n of either."""

    def second_moment(units):
        mean = np.full((units, units), 1 / units**2)
        return mean + (np.eye(units) / units - mean) / (units - 1)

    sites, draws = values.shape
    return np.trace(values.T @ second_moment(sites) @ values @ second_moment(draws)) - values.mean() ** 2


@pytest.mark.parametrize("draws", [2, 10])
def test_the_standard_error_is_the_analytic_one_of_crossed_effects(draws):
    rng = np.random.default_rng(draws)
    effects = rng.normal(size=(7, 1)) + rng.normal(size=(1, draws)) + rng.normal(size=(7, draws))
    # Small around 50, so that the logarithm is linear: its derivative is 1 / 50.
    found = log_error_of(50 + 0.05 * effects).standard_error * 50 / 0.05
    # 2,000 replicates know a standard error to 1.6 %.
    assert found == pytest.approx(np.sqrt(expected_variance(effects)), rel=0.05)


def test_effects_of_sites_alone_have_the_standard_error_of_a_mean():
    effects = np.random.default_rng(0).normal(size=7)
    found = log_error_of(50 + 0.05 * np.tile(effects[:, None], 4)).standard_error * 50 / 0.05
    assert found == pytest.approx(scipy.stats.sem(effects), rel=0.05)


def test_degrees_of_freedom_are_those_of_sites_or_fewer_where_draws_dominate():
    sites, draws = np.linspace(-1, 1, 7)[:, None], np.array([[-1.0, 1.0]])
    assert log_error_of(50 + 0.05 * (sites + 0 * draws)).degrees == 6
    assert log_error_of(50 + 0.05 * (0 * sites + draws)).degrees == pytest.approx(1, rel=1e-6)
    of_sites, of_draws = np.var(sites, ddof=1) / 7, 1.0
    expected = (of_sites + of_draws) ** 2 / (of_sites**2 / 6 + of_draws**2 / 1)
    assert log_error_of(50 + 0.05 * (sites + draws)).degrees == pytest.approx(expected, rel=0.05)


def test_one_unit_fewer_is_drawn_and_each_as_often():
    weights = resampled("sites", 7)
    assert weights.shape == (REPLICATES, 7)
    assert set(weights.sum(axis=1)) == {6}
    assert weights.mean(axis=0) == pytest.approx(6 / 7, abs=0.08)  # four standard errors of 2,000
    assert set(map(tuple, resampled("draws", 2))) == {(1, 0), (0, 1)}
    assert (resampled("draws", 1) == 1).all()


def test_sites_and_draws_are_resampled_independently():
    sites, draws = resampled("sites", 7)[:, 0], resampled("draws", 7)[:, 0]
    assert abs(np.corrcoef(sites, draws)[0, 1]) < 4 / np.sqrt(REPLICATES)


@pytest.mark.parametrize(
    ("draws", "effects", "low", "high"),
    [
        (10, {"of_sites": 0.15, "of_draws": 0.1}, 0.91, 0.99),
        (2, {"of_sites": 0.15, "of_draws": 0.05}, 0.91, 0.99),
        # Limits are wide where each site has effects of the draw of its own: three times that variance.
        (10, {"of_both": 0.15}, 0.97, 1.0),
        (2, {"of_both": 0.15}, 0.97, 1.0),
        # Two draws hardly tell how much draws vary, where nothing else does: t of sites alone holds it in 84 %.
        (2, {"of_draws": 0.15}, 0.88, 0.96),
    ],
)
def test_limits_of_the_same_arm_twice_hold_0_as_often_as_they_say(draws, effects, low, high):
    rng, held = np.random.default_rng(draws), []
    for _ in range(400):
        sums = agreement_sums(crossed_effects(rng, draws=draws, **effects), "first", "16", PAIR)
        limits = bootstrap(sums).concordance.limits
        held.append(limits.low < 0 < limits.high)
    assert low <= np.mean(held) <= high


def test_one_draw_has_the_limits_of_sites_and_one_site_none():
    rng = np.random.default_rng(0)
    one_draw = bootstrap(agreement_sums(noisy_arms(rng, {PAIR[1]: 0.2}, draws=1), "first", "16", PAIR[1:]))
    assert one_draw.concordance.degrees == 6
    assert one_draw.concordance.standard_error > 0
    results = task_results({Cell(*PAIR[1], "16", 0): np.full((5, 1), 1.1)}, rng.normal(1, 0.1, (5, 1)), ["A"] * 5)
    one_site = bootstrap(agreement_sums(results, "first", "16", PAIR[1:]))
    assert np.isfinite(one_site.log_error.value)
    assert np.isnan([*one_site.log_error.limits[1:], one_site.log_error.p, one_site.log_error.resolvable]).all()


def test_t_limits_p_and_the_smallest_difference_agree():
    concordance = bootstrap(
        agreement_sums(noisy_arms(np.random.default_rng(1), {PAIR[0]: 0.15, PAIR[1]: 0.2}), "first", "16", PAIR)
    ).concordance
    value, error = concordance.value, concordance.standard_error
    assert concordance.limits[1:] == pytest.approx(scipy.stats.t.interval(0.95, 6, value, error))
    assert concordance._replace(value=concordance.limits.high - value).p == pytest.approx(0.05)
    # Of so large a true difference, 80 % of estimates are beyond the limits.
    beyond = concordance.resolvable - scipy.stats.t.ppf(0.975, 6) * error
    assert scipy.stats.t.cdf(beyond / error, 6) == pytest.approx(0.8)


def test_a_label_of_fewer_sites_lowers_the_degrees_of_freedom():
    rng = np.random.default_rng(2)
    truth = rng.normal(1, 0.2, (70, 2))
    truth[np.arange(70) % 7 > 2, 1] = np.nan
    predictions = {Cell(*PAIR[1], "16", draw): rng.normal(1, 0.2, (70, 2)) for draw in range(2)}
    results = task_results(predictions, truth, [f"S{row % 7}" for row in range(70)])
    assert bootstrap(agreement_sums(results, "first", "16", PAIR[1:])).concordance.degrees == 2
