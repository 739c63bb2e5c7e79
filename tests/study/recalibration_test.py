import numpy as np
import pytest
import scipy.stats

from mrs_keras.study.enrichment.recalibration import recalibrated


@pytest.fixture
def answers():
    return np.random.default_rng(0).normal(1.4, 0.1, (40, 1))


def test_a_factor_is_found_by_any_number_of_subjects(answers):
    for rows in (np.arange(2), np.arange(8)):
        np.testing.assert_allclose(recalibrated(answers, 1.3 * answers, rows), 1.3 * answers, rtol=1e-12)


def test_a_slope_is_that_of_theil_and_sen_drawn_towards_proportionality(answers):
    noise = 0.02 * np.random.default_rng(1).normal(size=answers.shape)
    truth = 0.5 * answers + 1.0 + noise
    rows = np.arange(3, 11)
    found = recalibrated(answers, truth, rows)
    own = scipy.stats.theilslopes(truth[rows, 0], answers[rows, 0]).slope
    expected = (8 * own + 16 * np.median(truth[rows]) / np.median(answers[rows])) / 24
    np.testing.assert_allclose(np.polyfit(answers[:, 0], found[:, 0], 1)[0], expected, rtol=1e-9)
    assert np.median(truth[rows] - found[rows]) == pytest.approx(0, abs=1e-12)


def test_a_wrong_answer_hardly_changes_the_line(answers):
    truth = 1.1 * answers
    wrong = answers.copy()
    wrong[2] = 0.0
    found = recalibrated(wrong, truth, np.arange(8))
    np.testing.assert_allclose(found[8:], truth[8:], rtol=0.03)
    least_squares = np.polyval(np.polyfit(wrong[:8, 0], truth[:8, 0], 1), answers[8:, 0])
    assert np.abs(least_squares / truth[8:, 0] - 1).max() > 0.1


def test_only_the_truth_of_the_labelled_is_used(answers):
    rows = np.array([1, 5, 7, 9])
    hidden = np.full_like(answers, np.nan)
    hidden[rows] = 1.2 * answers[rows]
    np.testing.assert_array_equal(recalibrated(answers, hidden, rows), recalibrated(answers, 1.2 * answers, rows))


def test_without_an_answer_the_median_of_the_labelled_stands_in(answers):
    answers[20], answers[3] = np.nan, np.nan
    truth = np.linspace(1, 2, 40)[:, None]
    found = recalibrated(answers, truth, np.arange(8))
    assert np.isfinite(found).all()
    assert found[20, 0] == np.median(truth[:8])
    assert recalibrated(np.full((4, 1), np.nan), truth[:4], np.arange(3))[3, 0] == truth[1, 0]


def test_answers_that_are_all_the_same_keep_the_factor():
    found = recalibrated(np.full((5, 1), 2.0), np.linspace(1, 2, 5)[:, None], np.arange(5))
    np.testing.assert_allclose(found, 1.5)
