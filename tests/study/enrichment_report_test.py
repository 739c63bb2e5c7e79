"""The report of a study of enrichment: page, table and numbers of made-up tasks."""

import html
import json
import math

import pytest

from mrs_keras.study.enrichment.judged_task import with_limits
from mrs_keras.study.enrichment.page import TaskReport, enrichment_page, image_name, numbers_of, summary_table
from mrs_keras.study.enrichment.page_tables import comparison_table, fidelity_table, score_table, worth_table
from mrs_keras.study.enrichment.results import Interval
from mrs_keras.study.enrichment.task_figures import IMPORTANT, task_figures
from tests.study.enrichment_situations import LABELS, MadeUpWorth, changed_comparison, situation

FIDELITY = {"cvae": {f"{label} {name}": 0.9 for label in LABELS for name in ("correlation", "slope", "error")}}
WORTH = {("simulations", "ridge", "16"): MadeUpWorth(48.0, "at least"), ("cvae", "ridge", "16"): MadeUpWorth(math.nan)}


def report(**fields):
    return TaskReport(situation(**fields), WORTH)


def page(*reports, images=None, **rest):
    return enrichment_page("Study", reports, images or {}, "Three rotations.", **rest)


def test_all_numbers_survive_json_with_null_where_nothing_is_known():
    numbers = numbers_of(report(fidelity=FIDELITY, failures={"mixup": "it broke"}, networks={"hybrid": 2}))
    assert json.loads(json.dumps(numbers, allow_nan=False)) == numbers
    again = next(each for each in numbers["comparisons"] if each["arm"] == "classical_again")
    assert again["p_holm"] is None
    assert numbers["worth"][0] == {
        "arm": "simulations",
        "regressor": "ridge",
        "size": "16",
        "subjects": 48.0,
        "bound": "at least",
    }
    assert numbers["worth"][1]["subjects"] is None
    assert numbers["fidelity"] == FIDELITY
    assert numbers["failures"] == {"mixup": "it broke"}
    assert numbers["networks"] == {"hybrid": 2}
    assert numbers["details"][-1] == "Failed: mixup (it broke)."
    assert numbers["scores"][0]["concordance"].keys() == {"value", "low", "high"}


def test_numbers_name_no_subject():
    assert "sub-" not in json.dumps(numbers_of(report()))


def test_the_page_escapes_names():
    bad = "<script>alert(1)</script>"
    text = page(
        report(
            title=bad, failures={bad: bad}, truths=(bad, "Osprey"), sites=tuple(f"{bad}{row % 6}" for row in range(72))
        ),
        caveats=[bad],
    )
    assert "<script>" not in text
    assert text.count("&lt;script&gt;") >= 4


def test_the_page_begins_with_what_was_found_and_has_each_task_and_figure():
    first, second = report(fidelity=FIDELITY), report(title="Simulated", truths=("exact",))
    names = [image_name(1, name) for name in task_figures(first.task)]
    text = page(first, second, images=dict.fromkeys(names, b"png"), caveats=["Healthy adults alone."])
    assert text.count("<img ") == len(names) == 5
    found, design = text.index("What was found: In vivo"), text.index("Three rotations.")
    assert found < text.index("What was found: Simulated") < text.index("Healthy adults") < text.index("<img ") < design
    assert found < text.index("Details: In vivo") < text.index("What was found: Simulated")
    assert "at least 48" in text
    assert "Differences on the same draws" in text


def test_a_task_without_figures_fidelity_or_failures_has_no_empty_sections():
    text = page(report(truths=("LCModel",)))
    assert "labels of generated spectra" not in text
    assert "failures" not in text
    assert "Osprey" not in text


def test_the_table_says_words_verdicts_caveats_and_failures():
    text = summary_table([report(failures={"mixup": "ValueError: no pairs"})], ["Few sites."])
    assert "better" in text
    assert "ValueError: no pairs" in text
    assert "Few sites." in text
    assert "Differences from classical at n = 16\n" in text
    assert "Differences from simulations at n = 16, not corrected for the number of arms\n" in text
    paragraph, listed = text.split("\n\nDetails\n")
    assert "Controls: A/A found nothing" in paragraph
    assert "\n- No outside program" not in listed
    assert "\n- Predicting the mean has an error of 10.0 (9.0 to 11.0) %.\n" in listed
    assert max(map(len, listed.split("\n\n")[0].splitlines())) <= 120


def test_the_table_names_shared_networks_and_says_why_one_draw_has_no_verdict():
    task = situation(networks={"hybrid": 2, "cvae_of_simulations": 1})
    one = {"draws": 1, "verdict": "unresolved"}
    rows = {row[0]: row for row in comparison_table(changed_comparison(task, one, arm="real"), "classical")[1]}
    assert rows["hybrid, all scans, ridge"][-2:] == ("2 (2 networks)", "better")
    assert rows["cVAE of simulations, ridge"][-2] == "2 (1 network)"
    assert rows["real, ridge"][-2:] == ("1", "unresolved (one draw: its limits know nothing of seeds)")
    assert rows["mixup, ridge"][-2:] == ("10", "unresolved")
    same = changed_comparison(task, {"concordance": Interval(0.0, 0.0, 0.0), "p": 1.0}, arm="mixup")
    assert comparison_table(same, "classical")[1][-1] == rows["outside, recalibrated, ridge"]
    assert {row[0]: row for row in comparison_table(same, "classical")[1]}["mixup, ridge"][-1] == "the same predictions"


def test_the_page_says_who_judges_the_labels_of_generated_spectra():
    task = report(fidelity=FIDELITY)
    figures = {image_name(1, "label_fidelity"): b"png"}
    text = html.unescape(page(task, images=figures))
    assert text.count("labels of generated spectra, judged by this package's own in-vivo fit</h2>") == 2
    assert "one factor for each label is taken out" in text
    assert "by construction" in text
    assert "the ceiling for all others" in text
    assert "not corrected for the number of arms" in text


def test_scores_stand_under_their_size_and_are_empty_where_an_arm_was_not_tried():
    header, rows = score_table(situation(), "concordance")
    assert header == ("", "n = 8", "n = 16", "all (48)")
    cells = {row[0]: row[1:] for row in rows}
    assert cells["hybrid, all scans, perceptron"] == ("", "0.60 (0.51 to 0.69)", "")
    assert cells["mean"][0] == "0.00 (-0.09 to 0.09)"


def test_worth_and_fidelity_stand_beside_their_arm():
    task = situation(fidelity=FIDELITY)
    assert ("simulations, ridge", "", "at least 48", "") in worth_table(task, WORTH)[1]
    header, rows = fidelity_table(task)
    assert header == ("arm", "label", "correlation", "slope", "error")
    real = situation(fidelity=FIDELITY | {"real": FIDELITY["cvae"]})
    assert ("real: the judge's own error", "mI_over_tCr", "0.90", "0.90", "0.9 %") in fidelity_table(real)[1]
    assert ("cVAE of the n", "mI_over_tCr", "0.90", "0.90", "0.9 %") in rows


@pytest.mark.parametrize(
    ("interval", "options", "expected"),
    [
        (Interval(0.614, 0.5, 0.7), {}, "0.61 (0.50 to 0.70)"),
        (Interval(-0.0004, -0.1, 0.1), {"sign": "+"}, "+0.00 (-0.10 to 0.10)"),
        (Interval(-26.2, -35.0, -15.4), {"sign": "+", "digits": 0, "unit": " %"}, "-26 % (-35 to -15)"),
        (Interval(0.6, math.nan, math.nan), {}, "0.60 (no limits)"),
        (Interval(math.nan, math.nan, math.nan), {}, "not measured"),
    ],
)
def test_an_estimate_is_written_with_its_limits(interval, options, expected):
    assert with_limits(interval, **options) == expected


@pytest.mark.parametrize("regressors", [("ridge",), ("perceptron", "ridge")])
def test_a_figure_has_a_panel_for_each_regressor_and_a_colour_for_each_important_arm(regressors):
    figures = task_figures(situation(regressors=regressors))
    assert figures.keys() == {"learning_curves", "differences_to_classical", "differences_to_simulations", "slopes"}
    panels = figures["learning_curves"].axes
    assert [axes.get_title() for axes in panels] == list(regressors)
    labels = {line.get_label() for line in panels[0].lines}
    assert labels >= {"mean", "outside program", "outside, recalibrated", *IMPORTANT}


def test_nothing_is_drawn_of_a_task_that_failed_altogether():
    failed = situation({}, failures={"real": "no basis"})
    assert task_figures(failed) == {}
    assert "no basis" in page(TaskReport(failed, {}))
    assert "no basis" in summary_table([TaskReport(failed, {})])
    assert numbers_of(TaskReport(failed, {}))["scores"] == []
