import dataclasses

import numpy as np
import pytest
import scipy.stats

from mrs_keras.evaluation.realism import (
    Memorisation,
    QuantityAgreement,
    Realism,
    ReconstructionError,
    SiteAgreement,
    TwoSampleTest,
)
from mrs_keras.evaluation.realism.quantities import QUANTITIES
from mrs_keras.study import Criterion, Split, verdicts_on
from mrs_keras.study.cross_validation import SplitResult
from mrs_keras.study.realism_page import summary_table, verdict_rows
from mrs_keras.study.verdicts import judge, limits_of_mean

FLOOR = Realism(
    {"held_out": 27, "training": 53, "generated": 53},
    TwoSampleTest(0.45, 0.4, 0.5),
    Memorisation(1.0, 0.5),
    dict.fromkeys(QUANTITIES, QuantityAgreement(0.15, 1.0, (1.0, 1.0), (0.0, 0.0))),
    {"tNAA": 0.7},
    {"A": SiteAgreement(9, 30, 1.0, 1.0, 1.0), "B": SiteAgreement(9, 23, 1.0, 1.0, 1.0)},
)
MODEL = dataclasses.replace(
    FLOOR,
    two_sample=TwoSampleTest(0.5, 0.68, 0.55),
    memorisation=Memorisation(0.8, 0.55, 0.7),
    utility={"tNAA": 0.8},
    sites={"A": SiteAgreement(9, 300, 1.1, 1.0, 0.95), "B": SiteAgreement(9, 0, 1.2, 1.2, 1.1)},
    reconstruction=ReconstructionError(0.04, 0.025, 0.05),
)


def moved(realism, by):
    return dataclasses.replace(realism, two_sample=dataclasses.replace(realism.two_sample, auc=0.68 + by))


@pytest.fixture
def results():
    rows = np.arange(80) < 27
    prior = dataclasses.replace(FLOOR, utility={"tNAA": 0.85})
    return [
        SplitResult(
            Split(0, fold, rows, ~rows), {"real spectra": FLOOR, "fitted prior": prior, "model": moved(MODEL, by)}
        )
        for fold, by in enumerate((-0.1, 0.0, 0.1))
    ]


def found(verdicts, question, title="model"):
    return next(each for each in verdicts if each.question.startswith(question) and each.title == title)


def test_each_verdict_says_how_far_the_mean_is_outside_of_what_is_wanted(results):
    verdicts = verdicts_on(results)
    # 0.5 - 0.45 <= 0.08; 0.68 - 0.40 > 0.18 by 0.10; 0.8 < 0.95 by 0.15; 0.70 > 0.62 by 0.08.
    assert found(verdicts, "Are they told").words == "good"
    assert found(verdicts, "The same by a sharper").beyond == pytest.approx(0.10)
    assert found(verdicts, "Are they copies").words == "0.15 too low"
    assert found(verdicts, "Does the loss").words == "0.08 too high"
    assert found(verdicts, "Are spectra never seen").mean == pytest.approx(0.8)
    assert found(verdicts, "Is the level of the noise").mean == pytest.approx(1.1)
    assert found(verdicts, "The same at the site").mean == pytest.approx(1.2)


def test_what_a_generator_does_not_have_is_not_judged(results):
    titles = {each.title for each in verdicts_on(results) if each.question.startswith(("Does the loss", "Are spectra"))}
    assert titles == {"model"}


def test_utility_is_judged_beside_real_spectra_and_the_reference(results):
    verdicts = [each for each in verdicts_on(results, "fitted prior") if "regression learn tNAA" in each.question]
    words = {(each.title, each.question.split("above that of ")[1]): str(each) for each in verdicts}
    assert words == {
        ("fitted prior", "real spectra"): "+0.15 (+0.15 to +0.15): good",
        ("model", "real spectra"): "+0.10 (+0.10 to +0.10): good",
        ("model", "fitted prior"): "-0.05 (-0.05 to -0.05): 0.05 too low",
    }


def test_limits_are_those_of_students_t_and_wider_for_splits_that_overlap():
    values = np.array([0.1, 0.4, 0.3, 0.35, 0.2])
    independent = scipy.stats.t.interval(0.95, 4, values.mean(), scipy.stats.sem(values))
    assert limits_of_mean(values) == pytest.approx(independent)
    # The variance of the mean is s^2 (1/5 + 1/2) instead of s^2 / 5.
    low, high = limits_of_mean(values, 0.5)
    assert (high - low) / (independent[1] - independent[0]) == pytest.approx(np.sqrt(3.5))
    assert limits_of_mean(values[:1], 0.5) is None


def test_the_limits_cover_a_mean_over_folds_of_the_same_subjects():
    # What is measured in a split is the mean of its 27 held-out subjects plus what depends on its training subjects.
    rng, covered = np.random.default_rng(0), []
    for _ in range(400):
        subjects = rng.normal(size=81)
        folds = [rng.permutation(81).reshape(3, 27) for _ in range(3)]
        values = np.array([subjects[each].mean() for three in folds for each in three])
        low, high = limits_of_mean(values, 0.5)
        covered.append(low < 0 < high)
    # All subjects have a mean of their own, which every split shares: its deviation is 1/9, which the limits must span.
    assert np.mean(covered) > 0.9


def test_a_bound_inside_the_limits_is_called_chance(results):
    auc = found(verdicts_on(results), "The same by a sharper")
    assert auc.limits[0] < 0.18 < auc.limits[1]
    assert auc.words == "0.10 too high, perhaps by chance"
    assert auc.naive_limits[0] > auc.limits[0]


def test_one_split_has_no_limits(results):
    assert str(found(verdicts_on(results[1:2]), "The same by a sharper")) == "+0.28: 0.10 too high"


def test_a_mean_that_was_not_measured_is_no_verdict(results):
    assert judge(results, "model", Criterion("?", lambda *_: [None, float("nan")], 0.0)) is None


def test_sites_that_are_left_out_are_judged_by_what_they_do_not_differ_in(results):
    rows = np.arange(80) < 12
    left_out = [dataclasses.replace(each, split=Split(0, 0, rows, ~rows, "A")) for each in results]
    verdicts = verdicts_on(left_out)
    assert found(verdicts, "Are they copies").wanted == "0.85 to 1.3"
    asked = {each.question for each in verdicts_on(results)} - {each.question for each in verdicts}
    assert len(asked) == 9  # three classifiers, three distributions and their deviations


def test_the_table_has_a_row_for_each_question_and_the_numbers_below(results):
    verdicts = verdicts_on(results)
    header, rows = verdict_rows(verdicts)
    assert header == ("question", "wanted", "fitted prior", "model")
    assert len(rows) == len({each.question for each in verdicts})
    table = summary_table(results, verdicts)
    assert "0.15 too low" in table
    assert "membership AUC by the model's loss" in table
