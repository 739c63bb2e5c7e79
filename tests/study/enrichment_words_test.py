"""What the study of enrichment says in words about made-up numbers."""

import dataclasses
import math
import re

import pytest

from mrs_keras.study.enrichment.results import Interval
from mrs_keras.study.enrichment.which_arm import advice
from mrs_keras.study.enrichment.words import in_words
from tests.study.enrichment_situations import changed_comparison, situation


def words(task):
    return in_words(task.results, task.scores, task.comparisons)


def advised(task):
    return advice(task.results, task.scores, task.comparisons)


def sentence(text, start):
    """Returns the sentence that begins so; points inside of numbers do not end it."""
    found = re.search(re.escape(start) + r".*?\.(?= |$)", text)
    return found.group() if found else ""


def test_arms_stand_in_the_sentence_of_their_verdict_with_limits():
    text = words(situation())
    better = sentence(text, "Better than classical augmentation")
    assert "simulations +0.24 (0.18 to 0.30), error -19 % (-25 to -13) with the perceptron" in better
    assert "cVAE of the n" not in better
    assert "real -0.10 (-0.16 to -0.04)" in sentence(text, "Worse than classical augmentation")
    assert "cVAE of the n -0.02 (-0.08 to 0.04)" in sentence(text, "Unresolved against classical augmentation")
    assert "Of 9 other arms: 5 better than that with every regressor, 2 worse, 2 neither." in text
    assert "WARNING" not in text


def test_an_arm_within_five_percent_is_said_with_the_interval_of_the_error():
    task = changed_comparison(situation(), {"verdict": "within 5 %", "error": Interval(1.0, -2.0, 4.0)}, arm="mixup")
    assert "mixup -0.01 (-0.07 to 0.05), error +1 % (-2 to 4)" in sentence(words(task), "With an error within 5 %")


def test_where_nothing_is_resolved_it_says_what_could_have_been():
    text = words(situation(reach=0.5, regressors=("ridge",)))
    assert "No arm was found to be better than classical augmentation with 16 labelled subjects." in text
    assert "Better than classical" not in text
    assert "power of 80 % is 0.70" in text
    assert "9 of 9 comparisons are unresolved" in text


def test_a_failed_a_a_comparison_comes_first_and_loudly():
    where = {"arm": "classical_again", "reference": "classical", "regressor": "ridge", "size": "8", "truth": "LCModel"}
    task = changed_comparison(situation(), {"concordance": Interval(0.05, 0.01, 0.09)}, **where)
    text = words(task)
    assert text.startswith("WARNING: THE A/A COMPARISON FAILED")
    assert "in 1 of 24 intervals: concordance +0.05 (0.01 to 0.09) (with ridge at n = 8)" in text
    assert "found nothing, as it must" not in text
    assert advised(task).startswith("A control failed")


def test_an_a_a_comparison_that_differs_in_the_error_alone_fails_too():
    task = changed_comparison(situation(), {"error": Interval(4.0, 1.0, 7.0)}, arm="classical_again", size="16")
    assert "error +4.0 % (1.0 to 7.0) (with the perceptron at n = 16)" in words(task)


def test_an_a_a_comparison_without_limits_proves_nothing():
    nothing = {"concordance": Interval(0.0, math.nan, math.nan), "error": Interval(0.0, math.nan, math.nan)}
    assert "A/A has no limits" in words(changed_comparison(situation(), nothing, arm="classical_again"))
    assert "A/A was not measured" in words(situation(changes={"classical_again": None}))


def test_a_placebo_that_is_not_caught_comes_first_and_loudly():
    text = words(situation(changes={"placebo": (0.18, 0.21, 0.50)}))
    assert text.startswith("WARNING: THE PLACEBO WAS NOT CAUGHT")
    assert "shuffled labels 0.50 (0.41 to 0.59), real 0.45 (0.36 to 0.54) with the perceptron" in text
    assert "was caught" not in text


def test_a_placebo_better_than_classical_augmentation_discredits_the_task():
    text = words(situation(changes={"placebo": (0.18, 0.55, 0.22)}))
    assert "SHUFFLED LABELS ARE JUDGED BETTER THAN CLASSICAL AUGMENTATION: +0.17 (0.11 to 0.23)" in text


def test_a_cvae_that_learns_nothing_from_few_subjects_is_no_failure_of_the_control():
    text = words(situation(changes={"cvae": (0.15, 0.36, 0.51)}))
    assert "WARNING" not in text
    assert "With fewer, the labels of the cVAE teach no more than shuffled ones" in text


def test_the_gain_falls_rises_or_has_no_trend_by_its_intervals():
    falls = words(situation(changes={"simulations": (0.60, 0.62, 0.60)}, reach=0.05))
    assert (
        "simulations with ridge 8: +0.30 (0.25 to 0.35), 16: +0.24 (0.19 to 0.29), all: +0.08 (0.03 to 0.13) (it falls)"
        in (falls)
    )
    rises = words(situation(changes={"simulations": (0.40, 0.62, 0.90)}, reach=0.05))
    assert "(it rises)" in rises
    assert "(no trend is resolved)" in words(situation(changes={"simulations": (0.55, 0.62, 0.76)}))


def test_the_highest_concordance_is_named_for_each_size_without_controls_and_outside_programs():
    text = sentence(words(situation(changes={"placebo": (0.1, 0.9, 0.1)})), "Highest concordance")
    assert "8: simulations, all scans 0.60 (0.51 to 0.69) with the perceptron" in text
    assert "16: simulations + hybrid 0.66" in text
    assert "shuffled" not in text
    assert "outside" not in text


def test_the_outside_program_is_beaten_by_nobody_or_by_those_who_are_named():
    assert "No arm reaches that with 16 labelled subjects." in words(situation())
    text = words(situation(changes={"outside": (0.5, 0.5, 0.5), "outside_recalibrated": (0.6, 0.68, 0.7)}))
    assert "Above that with 16 labelled subjects: simulations + hybrid with ridge, 0.70 (0.61 to 0.79)." in text
    alone = words(situation(changes={"outside": None, "outside_recalibrated": None}))
    assert "No outside program was compared." in alone


def test_a_second_truth_that_changes_a_finding_is_quoted():
    where = {"arm": "simulations", "reference": "classical", "truth": "Osprey", "size": "16", "regressor": "ridge"}
    text = words(changed_comparison(situation(), {"concordance": Interval(0.05, -0.01, 0.11)}, **where))
    assert "Judged by Osprey instead, limits are on the same side of 0 or hold it in 17 of 18 comparisons" in text
    assert "(not so: simulations with ridge +0.05 (-0.01 to 0.11) instead of +0.24 (0.18 to 0.30))" in text
    assert "Judged by" not in words(situation(truths=("exact",)))


def test_a_second_truth_without_holms_correction_is_not_taken_for_another_finding():
    task = changed_comparison(situation(), {"verdict": "unresolved"}, arm="simulations", truth="LCModel")
    assert "in 18 of 18 comparisons" in words(task)


def test_holms_correction_that_takes_a_verdict_away_is_said():
    change = {"verdict": "unresolved", "p_holm": 0.08}
    text = words(changed_comparison(situation(), change, arm="real", reference="classical", truth="LCModel"))
    assert "without it, 2 more would have limits that exclude 0" in text


def test_arms_that_are_missing_or_failed_are_no_obstacle():
    task = situation(changes={"classical": None}, failures={"classical": "no basis"})
    task = dataclasses.replace(task, comparisons=[])
    assert "Classical augmentation was not measured with 16 labelled subjects" in words(task)
    assert "Failed: classical (no basis)." in words(task)
    assert advised(task).startswith("No advice")
    nothing = situation({}, failures={"real": "no spectra"})
    assert words(nothing) == "Nothing was measured in this task. Failed: real (no spectra)."
    assert advised(nothing).startswith("No advice")
    little = situation({"classical": (0.3, 0.4, 0.5)}, regressors=("perceptron",))
    assert "reached a concordance of 0.40 (0.31 to 0.49) with the perceptron" in words(little)
    assert "The placebo (shuffled labels) was not compared." in words(little)


def test_no_difference_stands_without_limits():
    """Every number with a sign is an estimate or one of its limits."""
    text = words(situation()) + advised(situation())
    for match in re.finditer(r"[+-]\d\S*(?: %)?", text):
        after, before = text[match.end() :], text[: match.start()]
        assert after.startswith(" (") or before.endswith(("(", " to ")), text[match.start() - 40 : match.end() + 20]


def test_simulations_are_advised_unless_another_arm_is_found_to_be_better_than_they_are():
    assert "With 16 labelled subjects: simulations, with" in advised(situation())
    better = advised(situation(changes={"simulations_and_hybrid": (None, 0.75, None)}))
    assert "With 16 labelled subjects: simulations + hybrid, with a concordance of 0.75 (0.66 to 0.84)" in better
    assert "gain over classical augmentation is +0.37 (0.31 to 0.43)" in better


def test_classical_augmentation_is_advised_where_nothing_is_found_to_be_better():
    text = advised(situation(reach=0.5))
    assert "With 8 labelled subjects: classical augmentation, with a concordance of 0.30" in text
    assert "smallest difference of concordance that could have been found: 0.70" in text
    assert "not told from 0" in text


@pytest.mark.parametrize(("outside", "said"), [(0.9, True), (0.1, False)])
def test_the_outside_program_is_advised_where_it_is_nearer_to_the_truth(outside, said):
    text = advised(situation(changes={"outside": None, "outside_recalibrated": (outside,) * 3}))
    assert ("The outside program, recalibrated on the same subjects, has a higher concordance, 0.90" in text) == said


def test_an_arm_that_harms_one_regressor_is_not_advised():
    where = {"reference": "classical", "regressor": "ridge", "size": "16"}
    task = changed_comparison(situation(), {"verdict": "worse"}, **where)
    assert "With 16 labelled subjects: classical augmentation" in advised(task)
