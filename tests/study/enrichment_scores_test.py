import dataclasses

import numpy as np
import pytest

from mrs_keras.study.enrichment.agreement import agreement_sums
from mrs_keras.study.enrichment.results import Cell
from mrs_keras.study.enrichment.scores import scores_of
from tests.study.enrichment_predictions import noisy_arms, task_results

# Peak expiratory flow by two meters, first readings, l/min: Bland and Altman (1986), Lancet 327:307-310, table 1.
WRIGHT = np.array([494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427.0])
MINI = np.array([512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451.0])


def score(truth, prediction, sites=None):
    truth, prediction = np.asarray(truth, float)[:, None], np.asarray(prediction, float)[:, None]
    results = task_results({Cell("real", "ridge", "16", 0): prediction}, truth, sites or ["A"] * len(truth))
    return scores_of(results)[0]


def direct_concordance(truth, prediction):
    """From the definition: 1 minus the mean squared difference over what it is without any correlation."""
    apart = np.var(truth) + np.var(prediction) + (truth.mean() - prediction.mean()) ** 2
    return 1 - np.mean((truth - prediction) ** 2) / apart


def test_concordance_is_that_of_published_measurements():
    found = score(WRIGHT, MINI).concordance.value
    # The paper prints r = 0.94. Of C_b = 2 / (v + 1 / v + u^2) little is missing: the means differ by 2 of 450.
    shift = (WRIGHT.mean() - MINI.mean()) ** 2 / (WRIGHT.std() * MINI.std())
    ratio = WRIGHT.std() / MINI.std()
    assert found == pytest.approx(np.corrcoef(WRIGHT, MINI)[0, 1] * 2 / (ratio + 1 / ratio + shift), abs=1e-12)
    assert found == pytest.approx(0.9427, abs=5e-5)


def test_variances_of_concordance_divide_by_the_number_of_subjects():
    # s_tp = s_t^2 = s_p^2 = 2/3 and the means differ by 1: 4/3 / (4/3 + 1). With n - 1 it would be 2/3.
    assert score([1, 2, 3], [2, 3, 4]).concordance.value == pytest.approx(4 / 7, abs=1e-12)


def test_all_measures_are_those_of_their_definitions_however_large_the_mean():
    rng = np.random.default_rng(0)
    truth = 1000 + rng.normal(size=40)
    prediction = 1000.5 + 0.6 * (truth - 1000) + 0.5 * rng.normal(size=40)
    found = score(truth, prediction)
    numbers = found.by_label["label 0"]
    assert numbers["concordance"] == pytest.approx(direct_concordance(truth, prediction), abs=1e-10)
    assert numbers["error"] == pytest.approx(100 * np.mean(np.abs(prediction - truth) / truth), rel=1e-10)
    assert numbers["slope"] == pytest.approx(np.polyfit(truth - 1000, prediction, 1)[0], abs=1e-8)
    assert numbers["bias"] == pytest.approx(100 * (prediction.mean() / truth.mean() - 1), rel=1e-8)
    assert (found.concordance.value, found.error.value) == pytest.approx((numbers["concordance"], numbers["error"]))


@pytest.mark.parametrize("constant", [1.0, 1.7, 1e4])
def test_a_constant_prediction_has_no_concordance_and_no_slope(constant):
    found = score([0.5, 1.0, 1.5], [constant] * 3)
    assert found.concordance.value == pytest.approx(0, abs=1e-12)
    assert found.by_label["label 0"]["slope"] == pytest.approx(0, abs=1e-6)


def test_without_any_spread_concordance_is_0_and_the_slope_unknown():
    found = score([1.1, 1.1, 1.1], [1.1, 1.1, 1.1])
    assert found.concordance.value == 0
    assert np.isnan(found.by_label["label 0"]["slope"])


def test_subjects_are_pooled_over_sites_and_labels_and_draws_are_averaged():
    results = noisy_arms(np.random.default_rng(1), {("real", "ridge"): 0.2}, draws=3, labels=2)
    truth = results.truths["first"]
    of_each = [
        direct_concordance(truth[:, label], prediction[:, label])
        for prediction in results.predictions.values()
        for label in range(2)
    ]
    (found,) = scores_of(results)
    assert found.draws == 3
    assert found.concordance.value == pytest.approx(np.mean(of_each), abs=1e-12)
    assert found.concordance.low < found.concordance.value < found.concordance.high


def test_missing_truths_and_predictions_and_truths_of_0_are_left_out():
    rng = np.random.default_rng(2)
    truth, prediction = rng.uniform(1, 2, (2, 30))
    truth[[3, 5]], prediction[7] = np.nan, np.nan
    known = np.isfinite(truth + prediction)
    found = score(truth, prediction)
    assert found.concordance.value == pytest.approx(direct_concordance(truth[known], prediction[known]), abs=1e-12)
    error = found.error.value
    assert score([*truth, 0.0], [*prediction, 1.0]).error.value == pytest.approx(error, rel=1e-12)


def test_a_label_without_truth_is_nan_and_not_in_the_mean():
    results = noisy_arms(np.random.default_rng(3), {("real", "ridge"): 0.2})
    truth = results.truths["first"].copy()
    truth[:, 1] = np.nan
    (found,) = scores_of(dataclasses.replace(results, truths={"first": truth}))
    assert found.concordance.value == pytest.approx(found.by_label["label 0"]["concordance"], abs=1e-12)
    assert np.isnan(found.by_label["label 1"]["concordance"])
    assert scores_of(dataclasses.replace(results, truths={"first": truth * np.nan})) == []


def test_scores_do_not_depend_on_the_order_of_the_subjects_or_cells():
    results = noisy_arms(np.random.default_rng(4), {("real", "ridge"): 0.2, ("classical", "ridge"): 0.1})
    order = np.random.default_rng(5).permutation(len(results.subjects))
    shuffled = dataclasses.replace(
        results,
        truths={"first": results.truths["first"][order]},
        subjects=tuple(results.subjects[row] for row in order),
        sites=tuple(results.sites[row] for row in order),
        predictions={cell: values[order] for cell, values in reversed(results.predictions.items())},
    )
    for one, other in zip(scores_of(results), scores_of(shuffled), strict=True):
        assert (one.arm, one.concordance) == (other.arm, pytest.approx(other.concordance, abs=1e-11))
        assert one.error == pytest.approx(other.error, rel=1e-11)


def test_the_same_results_have_the_same_bytes():
    results = noisy_arms(np.random.default_rng(6), {("real", "ridge"): 0.2})
    assert scores_of(results)[0].concordance == scores_of(results)[0].concordance


def test_arms_are_summed_up_on_the_subjects_and_draws_that_both_have():
    results = noisy_arms(np.random.default_rng(7), {("real", "ridge"): 0.2, ("outside", ""): 0.1})
    predictions = dict(results.predictions)
    del predictions[Cell("outside", "", "16", 1)]
    predictions[Cell("outside", "", "16", 0)] = np.where(np.arange(70)[:, None] < 10, np.nan, [1.0, 1.0])
    sums = agreement_sums(
        dataclasses.replace(results, predictions=predictions), "first", "16", [("real", "ridge"), ("outside", "")]
    )
    assert sums.count.sum(axis=1)[0].tolist() == [[60, 60], [70, 70]]
