"""What the study of enrichment says in words about made-up numbers."""

import dataclasses
import math
import re

import pytest

from mrs_keras.study.enrichment.detail_words import details_in_words
from mrs_keras.study.enrichment.results import Interval
from mrs_keras.study.enrichment.which_arm import advice
from mrs_keras.study.enrichment.words import in_words
from tests.study.enrichment_situations import changed_comparison, situation

AGAIN = {"arm": "classical_again", "reference": "classical"}
AT_ALL = {"arm": "placebo", "size": "all", "truth": "LCModel"}


def words(task):
    return in_words(task.results, task.scores, task.comparisons)


def details(task):
    return " ".join(details_in_words(task.results, task.scores, task.comparisons))


def advised(task):
    return advice(task.results, task.scores, task.comparisons)


def sentence(text, start):
    """Returns the sentence that begins so; points inside of numbers do not end it."""
    found = re.search(re.escape(start) + r".*?\.(?= |$)", text)
    return found.group() if found else ""


def test_the_paragraph_has_four_sentences():
    text = words(situation())
    first, second, third, fourth = re.findall(r"\S.*?\.(?= |$)", text)
    assert first.startswith(
        "With 16 labelled subjects, simulations + hybrid with ridge has the highest concordance, 0.70 "
    )
    assert "differs from classical augmentation by +0.28 (0.22 to 0.34) with ridge (better)" in first
    assert "+0.24 (0.18 to 0.30), error -19 % (-25 to -13) with the perceptron (better)" in second
    assert third.startswith("Against simulations (not corrected for the number of arms): hybrid, all scans -0.02 (")
    assert "simulations + hybrid +0.04 (-0.02 to 0.10) with the perceptron (unresolved)" in third
    assert fourth == (
        "Controls: A/A found nothing after Holm's correction (none of 24 intervals of concordance and error exclude 0, "
        "about 1.2 expected by chance); the placebo (shuffled labels) was caught in 4 of 4 comparisons with right "
        "labels."
    )


def test_each_arm_stands_with_limits_and_verdict_in_the_details():
    text = details(situation())
    expected = (
        "simulations minus classical: +0.24 (0.18 to 0.30), error -19 % (-25 to -13) with the perceptron (better)"
    )
    assert expected in text
    assert "real minus classical: -0.10 (-0.16 to -0.04)" in text
    assert "cVAE of the n minus classical: -0.02 (-0.08 to 0.04)" in text
    assert "Of 9 other arms: 5 better than classical augmentation with every regressor, 2 worse, 2 neither." in text
    assert "Comparisons with simulations, and those at other sizes, are not corrected for the number of arms." in text
    assert "WARNING" not in words(situation()) + text


def test_where_nothing_is_resolved_it_says_what_could_have_been():
    task = situation(reach=0.5, regressors=("ridge",))
    assert "no arm was found to be better than classical augmentation." in words(task)
    assert "(better)" not in words(task) + details(task)
    assert "power of 80 % is 0.70" in details(task)
    assert "9 of 9 comparisons are unresolved" in details(task)


def test_an_arm_with_one_draw_has_no_verdict_and_that_is_said():
    one = {"draws": 1, "verdict": "unresolved", "p_holm": math.nan}
    task = changed_comparison(situation(), one, arm="cvae_of_simulations")
    text = details(task)
    assert "+0.17 (0.11 to 0.23), error -14 % (-20 to -8) with ridge (unresolved, one draw)" in text
    assert "One draw of cVAE of simulations: the limits know nothing of seeds, so that there is no verdict." in text
    every = changed_comparison(situation(), one)
    assert "One draw of all arms" in details(every)
    assert "A/A has one draw, and its limits know nothing of seeds" in words(every)
    assert "one draw tells nothing of other arms" in advised(every)
    assert "(it falls)" not in details(every)
    assert "Judged by" not in details(every)


def test_arms_whose_draws_share_networks_are_named():
    text = details(situation(networks={"hybrid": 2, "cvae_of_simulations": 1, "not_measured": 1}))
    assert "All draws of hybrid, all scans share 2 networks for each group of sites that is held out" in text
    assert "All draws of cVAE of simulations share 1 network " in text
    assert "limits know little of how networks differ" not in details(situation())


def test_nothing_is_said_of_arms_that_predict_the_same():
    same = {"concordance": Interval(0.0, 0.0, 0.0), "error": Interval(0.0, 0.0, 0.0), "p": 1.0, "resolvable": 0.0}
    same["verdict"] = "within 5 %"
    task = changed_comparison(situation(), same, arm="hybrid", reference="simulations")
    task = changed_comparison(task, same, arm="mixup", reference="classical")
    text = words(task) + details(task) + advised(task)
    assert "mixup" not in text
    assert "hybrid, all scans minus simulations" not in text
    assert "hybrid, all scans +0.00" not in text
    assert "power of 80 % is 0.08" in text
    assert "Of 8 other arms" in text


def test_an_a_a_difference_that_holms_correction_leaves_comes_first_and_loudly():
    change = {"concordance": Interval(0.05, 0.02, 0.08), "p": 0.001}
    task = changed_comparison(situation(), change, **AGAIN, regressor="ridge", size="8", truth="LCModel")
    text = words(task)
    assert text.startswith("WARNING: THE A/A COMPARISON FAILED")
    assert "in 1 of 12 comparisons: +0.05 (0.02 to 0.08) (with ridge at n = 8)" in text
    assert "found nothing" not in text + details(task)
    assert advised(task).startswith("A control failed")


def test_a_a_intervals_that_exclude_0_by_chance_are_counted_and_no_alarm():
    change = {"concordance": Interval(0.05, 0.01, 0.09), "p": 0.02, "error": Interval(4.0, 1.0, 7.0)}
    task = changed_comparison(situation(), change, **AGAIN, regressor="ridge", size="8", truth="LCModel")
    assert "WARNING" not in words(task)
    assert "(2 of 24 intervals of concordance and error exclude 0, about 1.2 expected by chance)" in words(task)
    excluded = "concordance +0.05 (0.01 to 0.09) (with ridge at n = 8); error +4.0 % (1.0 to 7.0) (with ridge at n = 8)"
    assert excluded in details(task)
    assert not advised(task).startswith("A control failed")


def test_an_a_a_comparison_without_limits_proves_nothing():
    nothing = {"concordance": Interval(0.0, math.nan, math.nan), "error": Interval(0.0, math.nan, math.nan)}
    nothing["p"] = math.nan
    task = changed_comparison(situation(), nothing, arm="classical_again")
    assert "A/A has no limits" in words(task)
    assert "nothing shows that chance is not taken for an effect here" in details(task)
    assert "A/A was not measured" in words(situation(changes={"classical_again": None}))


def test_a_placebo_that_is_better_than_right_labels_comes_first_and_loudly():
    task = situation(changes={"placebo": (0.18, 0.21, 0.60)})
    text = words(task)
    assert text.startswith("WARNING: THE PLACEBO WAS NOT CAUGHT")
    assert "minus real +0.15 (0.09 to 0.21), error " in text
    assert "was caught in none of 4 comparisons" in text
    assert advised(task).startswith("A control failed")


def test_a_placebo_that_is_below_or_above_right_labels_by_chance_is_neither_caught_nor_an_alarm():
    task = situation(changes={"placebo": (0.18, 0.21, 0.48)})
    assert "WARNING" not in words(task)
    assert "was caught in none of 4 comparisons" in words(task)
    below = sentence(details(task), "Shuffled labels are below right ones, but that is not resolved")
    above = sentence(details(task), "Shuffled labels are not below right ones, but that is not resolved either")
    assert "minus cVAE of the n -0.03 (-0.09 to 0.03)" in below
    assert "minus real" not in below
    assert "minus real +0.03 (-0.03 to 0.09)" in above
    assert "was caught" not in details(task)


def test_a_placebo_that_is_caught_by_some_comparisons_is_said_with_them():
    one = {"concordance": Interval(-0.03, -0.09, 0.03), "verdict": "unresolved"}
    task = changed_comparison(situation(), one, **AT_ALL, reference="real", regressor="ridge")
    assert "was caught in 3 of 4 comparisons" in words(task)
    caught = sentence(details(task), "The placebo was caught")
    assert caught.count("minus cVAE of the n") == 2
    assert caught.count("minus real") == 1


def test_a_placebo_better_than_classical_augmentation_discredits_the_task():
    text = words(situation(changes={"placebo": (0.18, 0.55, 0.22)}))
    assert "SHUFFLED LABELS ARE JUDGED BETTER THAN CLASSICAL AUGMENTATION: +0.17 (0.11 to 0.23)" in text


def test_a_cvae_that_learns_nothing_from_few_subjects_is_no_failure_of_the_control():
    task = situation(changes={"cvae": (0.15, 0.36, 0.51)})
    assert "WARNING" not in words(task)
    # At n = 8 shuffled labels are neither below the cVAE nor, with certainty, below real spectra, by two regressors.
    assert "With fewer subjects, shuffled labels are not told from right ones in 4 of 8 comparisons." in details(task)


def test_the_gain_falls_rises_or_has_no_trend_by_its_intervals():
    falls = details(situation(changes={"simulations": (0.60, 0.62, 0.60)}, reach=0.05))
    assert (
        "simulations minus classical with ridge by labelled subjects: 8: +0.30 (0.25 to 0.35), 16: +0.24 (0.19 to "
        "0.29), all: +0.08 (0.03 to 0.13) (it falls)." in falls
    )
    rises = details(situation(changes={"simulations": (0.40, 0.62, 0.90)}, reach=0.05))
    assert "(it rises)" in rises
    assert "(no trend is resolved)" in details(situation(changes={"simulations": (0.55, 0.62, 0.76)}))


def test_the_highest_concordance_is_named_for_each_size_without_controls_and_outside_programs():
    text = sentence(details(situation(changes={"placebo": (0.1, 0.9, 0.1)})), "Highest concordance")
    assert "8: simulations, all scans 0.60 (0.51 to 0.69) with the perceptron" in text
    assert "16: simulations + hybrid 0.66" in text
    assert "shuffled" not in text
    assert "outside" not in text


def test_the_outside_program_is_beaten_by_nobody_or_by_those_who_are_named():
    assert "No arm reaches that with 16 labelled subjects." in details(situation())
    text = details(situation(changes={"outside": (0.5, 0.5, 0.5), "outside_recalibrated": (0.6, 0.68, 0.7)}))
    assert "Above that with 16 labelled subjects: simulations + hybrid with ridge, 0.70 (0.61 to 0.79)." in text
    alone = details(situation(changes={"outside": None, "outside_recalibrated": None}))
    assert "No outside program was compared." in alone


def test_a_second_truth_that_changes_a_finding_is_quoted():
    where = {"arm": "simulations", "reference": "classical", "truth": "Osprey", "size": "16", "regressor": "ridge"}
    text = details(changed_comparison(situation(), {"concordance": Interval(0.05, -0.01, 0.11)}, **where))
    assert "Judged by Osprey instead, limits are on the same side of 0 or hold it in 17 of 18 comparisons" in text
    assert "(not so: simulations with ridge +0.05 (-0.01 to 0.11) instead of +0.24 (0.18 to 0.30))" in text
    assert "Judged by" not in details(situation(truths=("exact",)))


def test_a_second_truth_without_holms_correction_is_not_taken_for_another_finding():
    task = changed_comparison(situation(), {"verdict": "unresolved"}, arm="simulations", truth="LCModel")
    assert "in 18 of 18 comparisons" in details(task)


def test_holms_correction_that_takes_a_verdict_away_is_said():
    change = {"verdict": "unresolved", "p_holm": 0.08}
    text = details(changed_comparison(situation(), change, arm="real", reference="classical", truth="LCModel"))
    assert "without it, 2 more would have limits that exclude 0" in text


def test_arms_that_are_missing_or_failed_are_no_obstacle():
    task = situation(changes={"classical": None}, failures={"classical": "no basis"})
    task = dataclasses.replace(task, comparisons=[])
    assert "classical augmentation was not measured: nothing is compared with it." in words(task)
    assert "Failed: classical (no basis)." in details(task)
    assert advised(task).startswith("No advice")
    nothing = situation({}, failures={"real": "no spectra"})
    assert words(nothing) == "Nothing was measured in this task. Failed: real (no spectra)."
    assert details(nothing) == ""
    assert advised(nothing).startswith("No advice")
    little = situation({"classical": (0.3, 0.4, 0.5)}, regressors=("perceptron",))
    assert "reached a concordance of 0.40 (0.31 to 0.49) with the perceptron" in details(little)
    assert "The placebo (shuffled labels) was not compared." in details(little)


def test_no_difference_stands_without_limits():
    """Every number with a sign is an estimate or one of its limits."""
    text = words(situation()) + details(situation()) + advised(situation())
    for match in re.finditer(r"[+-]\d\S*(?: %)?", text):
        after, before = text[match.end() :], text[: match.start()]
        assert after.startswith(" (") or before.endswith(("(", " to ")), text[match.start() - 40 : match.end() + 20]


def test_simulations_are_advised_unless_another_arm_is_found_to_be_better_than_they_are():
    assert "With 16 labelled subjects: simulations with ridge, with a concordance of 0.66" in advised(situation())
    better = advised(situation(changes={"simulations_and_hybrid": (None, 0.75, None)}))
    assert (
        "With 16 labelled subjects: simulations + hybrid with ridge, with a concordance of 0.79 (0.70 to 0.88)"
        in better
    )
    assert "augmentation is 0.42 (0.33 to 0.51) with ridge, and the gain is +0.37 (0.31 to 0.43)" in better


def test_classical_augmentation_is_advised_where_nothing_is_found_to_be_better():
    text = advised(situation(reach=0.5))
    assert "With 8 labelled subjects: classical augmentation with ridge, with a concordance of 0.34" in text
    assert "smallest difference of concordance that could have been found: 0.70" in text
    assert "not told from 0" in text


@pytest.mark.parametrize(("outside", "said"), [(0.9, True), (0.1, False)])
def test_the_outside_program_is_advised_where_it_is_nearer_to_the_truth(outside, said):
    text = advised(situation(changes={"outside": None, "outside_recalibrated": (outside,) * 3}))
    assert ("The outside program, recalibrated on the same subjects, has a higher concordance, 0.90" in text) == said


@pytest.mark.parametrize("verdict", ["worse", "unresolved"])
def test_an_arm_that_helps_the_worse_regression_alone_is_not_advised(verdict):
    where = {"reference": "classical", "regressor": "ridge", "size": "16"}
    task = changed_comparison(situation(), {"verdict": verdict}, **where)
    assert "With 16 labelled subjects: classical augmentation with ridge" in advised(task)


def test_an_arm_that_helps_the_better_regression_alone_is_advised_with_the_regression_to_use():
    where = {"reference": "classical", "regressor": "perceptron", "size": "16"}
    task = changed_comparison(situation(), {"verdict": "worse"}, **where)
    assert "With 16 labelled subjects: simulations with ridge" in advised(task)
    # Classical augmentation is best with ridge, but simulations with the perceptron.
    scores = [
        dataclasses.replace(each, concordance=Interval(0.9, 0.85, 0.95))
        if (each.arm, each.regressor, each.size) == ("simulations", "perceptron", "16")
        else each
        for each in situation().scores
    ]
    text = advised(dataclasses.replace(situation(), scores=scores))
    assert (
        "With 16 labelled subjects: simulations with the perceptron, with a concordance of 0.90 (0.85 to 0.95)" in text
    )
