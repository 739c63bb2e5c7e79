import dataclasses

import numpy as np
import pytest

from mrs_keras.study.enrichment.results import Cell
from mrs_keras.study.enrichment.scores import scores_of
from mrs_keras.study.enrichment.worth import Worth, worth_in_subjects
from tests.study.enrichment_predictions import SIZES, task_results

TRUTH = 1 + 0.2 * np.random.default_rng(0).normal(size=(70, 1))
SITES = [f"S{row % 7}" for row in range(70)]
SLOPES = dict(zip(SIZES, (0.2, 0.4, 0.6), strict=True))


def concordance(slope):
    """Of predictions on a line through the mean: 2 b / (1 + b^2)."""
    return 2 * slope / (1 + slope**2)


def line(slope):
    return TRUTH.mean() + slope * (TRUTH - TRUTH.mean())


def worth(slope, *, arm="simulations", regressor="ridge", size="16", slopes=SLOPES, draws=1):
    predictions = {
        Cell("classical", "ridge", each, draw): line(of) for each, of in slopes.items() for draw in range(draws)
    }
    predictions[Cell(arm, regressor, size, 0)] = line(slope)
    results = task_results(predictions, TRUTH, SITES)
    return worth_in_subjects(scores_of(results), results)[arm, "ridge", size]


def test_worth_is_linear_in_the_logarithm_of_the_number_of_subjects():
    found = worth(0.5)
    share = (concordance(0.5) - concordance(0.4)) / (concordance(0.6) - concordance(0.4))
    assert found.bound == ""
    assert np.log2(found.subjects) == pytest.approx(4 + share)
    assert str(dataclasses.replace(found, subjects=23.4)) == "23"


def test_beyond_the_sizes_of_the_study_worth_is_a_bound():
    assert worth(0.9) == Worth(32, "at least")
    assert worth(0.1) == Worth(8, "at most")
    assert str(worth(0.9)) == "at least 32"


def test_the_first_crossing_of_a_curve_that_falls_counts():
    found = worth(0.5, slopes={"8": 0.4, "16": 0.6, "32": 0.45})
    assert 8 < found.subjects < 16
    assert worth(0.7, slopes={"8": 0.4, "16": 0.6, "32": 0.45}) == Worth(32, "at least")


def test_an_arm_without_regressor_is_worth_subjects_of_each_classical_one():
    assert worth(0.5, arm="mean", regressor="").subjects == pytest.approx(worth(0.5).subjects)


def test_draws_that_were_lucky_for_both_arms_are_worth_nothing():
    slopes = {draw: 0.7 if draw == 0 else 0.3 for draw in range(4)}
    predictions = {
        Cell("classical", "ridge", size, draw): line(slope + 0.1 * step)
        for step, size in enumerate(SIZES)
        for draw, slope in slopes.items()
    }
    predictions[Cell("simulations", "ridge", "16", 0)] = line(0.8)
    results = task_results(predictions, TRUTH, SITES)
    # On draw 0 as good as classical augmentation at the same size: 16 subjects, though its score is higher.
    scores = scores_of(results)
    assert worth_in_subjects(scores, results)["simulations", "ridge", "16"].subjects == pytest.approx(16)
    heights = {score.arm: score.concordance.value for score in scores if score.size == "16"}
    assert heights["simulations"] > heights["classical"] + 0.2


def test_without_classical_augmentation_at_a_size_nothing_is_said():
    predictions = {Cell("classical", "ridge", "8", 0): line(0.4), Cell("simulations", "ridge", "16", 0): line(0.5)}
    results = task_results(predictions, TRUTH, SITES)
    assert worth_in_subjects(scores_of(results), results) == {}
