import dataclasses

import numpy as np
import pytest

from mrs_keras.study.enrichment.comparisons import comparisons_of, holm
from mrs_keras.study.enrichment.results import Cell
from tests.study.enrichment_predictions import noisy_arms, task_results

NOISE = {
    ("mean", ""): 0.4,
    ("real", "ridge"): 0.25,
    ("real", "perceptron"): 0.25,
    ("classical", "ridge"): 0.2,
    ("classical", "perceptron"): 0.2,
    ("classical_again", "ridge"): 0.2,
    ("simulations", "ridge"): 0.1,
    ("simulations", "perceptron"): 0.1,
}


@pytest.fixture(scope="module")
def results():
    found = noisy_arms(np.random.default_rng(0), NOISE, sizes=("8", "16"))
    second = found.truths["first"] + 0.1 * np.random.default_rng(1).normal(size=(70, 2))
    return dataclasses.replace(found, truths={"first": found.truths["first"], "second": second})


@pytest.fixture(scope="module")
def comparisons(results):
    return comparisons_of(results)


def pick(comparisons, arm, reference="classical", regressor="ridge", size="16", truth="first"):
    wanted = (arm, reference, regressor, size, truth)
    (found,) = [c for c in comparisons if (c.arm, c.reference, c.regressor, c.size, c.truth) == wanted]
    return found


def test_holm_is_that_of_a_worked_example():
    # Sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1: 0.02, 0.03, 0.06, 0.04, which may not fall: 0.06.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.9, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_holm_counts_only_tests_that_were_made():
    assert holm([0.02, float("nan"), 0.04]) == pytest.approx([0.04, float("nan"), 0.04], nan_ok=True)


def test_every_arm_is_compared_with_both_references(comparisons):
    for_ridge = {(c.arm, c.reference) for c in comparisons if c.regressor == "ridge"}
    arms = {arm for arm, regressor in NOISE if regressor != "perceptron"}
    references = ("classical", "simulations")
    assert for_ridge == {(arm, reference) for reference in references for arm in arms - {reference}}
    # Four others with ridge and three with the perceptron, two sizes, two truths.
    assert len(comparisons) == 2 * (4 + 3) * 2 * 2
    assert all(c.draws == 3 for c in comparisons)


def test_the_placebo_alone_is_compared_with_right_labels_outside_of_the_family():
    noise = {(arm, "ridge"): 0.2 for arm in ("classical", "cvae", "real")} | {("placebo", "ridge"): 0.5}
    found = comparisons_of(noisy_arms(np.random.default_rng(3), noise))
    others = [each for each in found if each.reference not in ("classical", "simulations")]
    assert {(each.arm, each.reference) for each in others} == {("placebo", "cvae"), ("placebo", "real")}
    assert {each.verdict for each in others} == {"worse"}
    assert np.isnan([each.p_holm for each in others]).all()
    family = [each for each in found if np.isfinite(each.p_holm)]
    assert {each.arm for each in family} == {"cvae", "real", "placebo"}


def test_one_draw_gets_no_verdict_and_is_not_in_the_family(results):
    one = {
        cell: value
        for cell, value in results.predictions.items()
        if cell.size == "16" and (cell.arm != "simulations" or cell.draw == 0)
    }
    found = comparisons_of(dataclasses.replace(results, predictions=one))
    single = [each for each in found if "simulations" in (each.arm, each.reference)]
    assert {each.draws for each in single} == {1}
    assert {each.verdict for each in single} == {"unresolved"}
    # Its limits do exclude 0.
    assert pick(found, "simulations").concordance.low > 0
    family = [each for each in found if np.isfinite(each.p_holm)]
    assert {each.arm for each in family} == {"real"}
    assert [each.p_holm for each in family] == pytest.approx(holm([each.p for each in family]))


def test_an_arm_without_regressor_is_compared_with_the_reference_of_each(comparisons):
    assert {c.regressor for c in comparisons if c.arm == "mean"} == {"ridge", "perceptron"}


def test_the_family_is_that_of_classical_at_the_main_size_by_the_first_truth(comparisons):
    family = {(c.arm, c.regressor) for c in comparisons if np.isfinite(c.p_holm)}
    assert family == {(arm, of) for arm in ("real", "simulations") for of in ("ridge", "perceptron")}
    assert all(
        (c.reference, c.size, c.truth) == ("classical", "16", "first") for c in comparisons if np.isfinite(c.p_holm)
    )
    members = [c for c in comparisons if np.isfinite(c.p_holm)]
    assert [c.p_holm for c in members] == pytest.approx(holm([c.p for c in members]))


def test_verdicts_find_arms_that_are_better_and_worse(comparisons):
    assert pick(comparisons, "simulations").verdict == "better"
    assert pick(comparisons, "mean").verdict == "worse"
    assert pick(comparisons, "classical", "simulations").verdict == "worse"


def test_in_the_family_limits_that_exclude_0_are_not_enough():
    noise = {("classical", "ridge"): 0.2} | {(arm, "ridge"): 0.17 for arm in ("real", "noise", "mixup", "cvae")}
    pairs, lost = [], 0
    for seed in range(5):
        results = noisy_arms(np.random.default_rng(seed), noise)
        outside = dataclasses.replace(results, main_size="8")
        pairs += zip(comparisons_of(results), comparisons_of(outside), strict=True)
    for in_family, alone in pairs:
        excluded = in_family.concordance.low > 0
        assert (alone.verdict == "better") == excluded
        assert (in_family.verdict == "better") == (excluded and in_family.p_holm < 0.05)
        lost += excluded and in_family.p_holm >= 0.05
    assert lost > 0


def test_differences_are_of_the_means_over_labels_and_draws(results, comparisons):
    def mean_error(arm):
        truth = results.truths["first"]
        return np.mean([np.abs(results.predictions[Cell(*arm, "16", draw)] / truth - 1).mean() for draw in range(3)])

    found = pick(comparisons, "simulations")
    ratio = mean_error(("simulations", "ridge")) / mean_error(("classical", "ridge"))
    assert found.error.value == pytest.approx(100 * (ratio - 1), rel=1e-9)
    assert found.error.low < found.error.value < found.error.high
    assert pick(comparisons, "classical", "simulations").concordance.value == pytest.approx(-found.concordance.value)
    # The limits of a ratio and of its inverse are each other's inverse.
    inverse = pick(comparisons, "classical", "simulations").error
    assert (1 + inverse.low / 100) * (1 + found.error.high / 100) == pytest.approx(1, rel=1e-9)


def test_the_same_predictions_are_within_5_percent_and_nothing_is_found(results):
    predictions = {cell: value for cell, value in results.predictions.items() if cell.arm == "classical"}
    predictions |= {cell._replace(arm="real"): value for cell, value in predictions.items()}
    found = pick(comparisons_of(dataclasses.replace(results, predictions=predictions)), "real")
    assert (found.concordance, found.p, found.p_holm, found.resolvable) == ((0, 0, 0), 1, 1, 0)
    assert found.verdict == "within 5 %"


def test_concordance_catches_a_placebo_that_the_percentage_error_rewards():
    rng = np.random.default_rng(2)
    truth = 1 + 0.2 * rng.normal(size=(70, 2))
    sites = [f"S{row % 7}" for row in range(70)]
    predictions = {}
    for draw in range(10):
        # A weak regression, and the same shrunk towards the mean, with labels that tell nothing.
        predictions[Cell("classical", "ridge", "16", draw)] = truth + 0.3 * rng.normal(size=truth.shape)
        predictions[Cell("placebo", "ridge", "16", draw)] = 1 + 0.05 * rng.normal(size=truth.shape)
    found = pick(comparisons_of(task_results(predictions, truth, sites, sizes=("16",))), "placebo")
    assert found.error.high < 0
    assert found.verdict == "worse"


def test_draws_that_only_one_arm_has_do_not_count(results):
    few = {
        cell: value
        for cell, value in results.predictions.items()
        if cell.arm == "classical" or (cell.arm == "simulations" and cell.draw < 2)
    }
    some = {cell: value for cell, value in few.items() if cell.draw < 2}
    found, expected = (
        pick(comparisons_of(dataclasses.replace(results, predictions=each)), "simulations") for each in (few, some)
    )
    assert found.draws == 2
    assert found.concordance == pytest.approx(expected.concordance, abs=1e-12)
    assert found.error == pytest.approx(expected.error, rel=1e-9)


def test_sites_that_only_one_arm_predicts_do_not_count(results):
    known = np.array([site != "S0" for site in results.sites])
    predictions = {
        cell: np.where(known[:, None] | (cell.arm != "simulations"), value, np.nan)
        for cell, value in results.predictions.items()
        if cell.arm in ("classical", "simulations")
    }
    part = task_results(
        {cell: value[known] for cell, value in predictions.items()},
        {name: truth[known] for name, truth in results.truths.items()},
        np.array(results.sites)[known],
        sizes=results.sizes,
    )
    found = pick(comparisons_of(dataclasses.replace(results, predictions=predictions)), "simulations")
    expected = pick(comparisons_of(part), "simulations")
    assert found.concordance == pytest.approx(expected.concordance, abs=1e-12)
    assert found.p == pytest.approx(expected.p)


def test_one_site_leaves_everything_unresolved(results):
    found = comparisons_of(dataclasses.replace(results, sites=("A",) * 70))
    assert {each.verdict for each in found} == {"unresolved"}
    assert np.isnan([[each.p, each.p_holm, each.resolvable, each.error.low] for each in found]).all()
