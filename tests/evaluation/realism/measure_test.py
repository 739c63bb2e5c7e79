import dataclasses
import json

import numpy as np
import pytest

from mrs_keras.evaluation.realism import (
    measure_controls,
    measure_realism,
    realism_figures,
    realism_rows,
    realism_table,
)
from tests.conftest import run_python
from tests.evaluation.realism.simulated import generated, real

TRAINING, HELD_OUT, MADE = slice(0, 60), slice(60, 100), slice(150, 270)


@pytest.fixture(scope="module")
def controls():
    return measure_controls(real(HELD_OUT, labels=None, label_names=()), real(TRAINING, labels=None, label_names=()))


@pytest.fixture(scope="module")
def result():
    return measure_realism(generated(MADE), real(HELD_OUT), real(TRAINING))


def test_a_perfect_generator_is_not_told_and_repeats_nothing(result):
    assert result.two_sample.auc == pytest.approx(0.5, abs=0.25)
    assert result.memorisation.membership == pytest.approx(0.5, abs=0.2)
    assert all(agreement.ks < 0.35 for agreement in result.quantities.values())


@pytest.mark.slow
def test_the_floor_is_that_of_chance(controls):
    assert controls.floor.two_sample.auc == pytest.approx(0.48, abs=0.25)
    assert controls.floor.memorisation.nearest_ratio == pytest.approx(1, abs=0.2)
    assert controls.floor.memorisation.membership == pytest.approx(0.5, abs=0.2)


@pytest.mark.slow
def test_cheats_are_given_away(controls):
    assert controls.copies.memorisation.membership >= 0.95
    assert controls.copies.memorisation.nearest_ratio < 0.02
    assert controls.mixtures.memorisation.membership >= 0.9
    assert controls.mixtures.memorisation.nearest_ratio < 0.8


@pytest.mark.slow
def test_results_are_the_same_again(result):
    again = measure_realism(generated(MADE), real(HELD_OUT), real(TRAINING))
    assert again == result


def test_results_are_plain_data(result):
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["spectra"] == {"held_out": 40, "training": 60, "generated": 120}
    assert plain["memorisation"]["white_box"] is None
    assert plain["utility"].keys() == {"NAA", "Cr", "Ins"}
    assert all(len(each["medians"]) == 2 for each in plain["quantities"].values())


@pytest.mark.slow
def test_scale_and_phase_of_the_generated_spectra_do_not_matter(result):
    rotated = generated(MADE)
    rotated = dataclasses.replace(
        rotated, spectra=rotated.spectra * 7j, noise_sigma=rotated.noise_sigma * 7, labels=rotated.labels
    )
    again = measure_realism(rotated, real(HELD_OUT), real(TRAINING))
    assert again.two_sample.auc == pytest.approx(result.two_sample.auc, abs=0.02)
    assert again.memorisation.membership == pytest.approx(result.memorisation.membership, abs=0.02)


def test_without_training_spectra_memorisation_is_not_measured():
    assert measure_realism(generated(slice(150, 170), labels=None), real(HELD_OUT)).memorisation is None


def test_the_table_has_mean_and_deviation_of_several_splits(result):
    floor = dataclasses.replace(result, utility=None)
    header, rows = realism_rows({"model": [result, result], "floor": [floor]})
    assert header == ("measure", "model", "floor")
    cells = {name: values for name, *values in rows}
    assert cells["AUC"] == [f"{result.two_sample.auc:.2f} (0.00)", f"{floor.two_sample.auc:.2f}"]
    assert cells["utility, NAA: correlation"][1] == ""
    assert "membership AUC by the model's loss" not in cells
    text = realism_table({"model": [result], "floor": [floor]})
    assert len(text.splitlines()) == 1 + len(rows)


def test_figures_show_all_sets():
    figures = realism_figures(real(HELD_OUT), {"generated spectra": generated(MADE)})
    assert figures.keys() == {f"realism_{name}" for name in ("map", "mean", "noise", "quantities")}
    for figure in figures.values():
        texts = [text.get_text() for text in figure.legends[0].get_texts()]
        assert {"real spectra", "generated spectra"} <= set(texts)


def test_subjects_on_both_sides_are_refused():
    with pytest.raises(ValueError, match="not be both in `training` and in `held_out`.*5 that are, such as sub-055"):
        measure_realism(generated(MADE), real(slice(55, 100)), real(TRAINING))


def test_too_few_real_spectra_are_refused_and_few_give_a_warning():
    with pytest.raises(ValueError, match="`held_out` must be 10 or more real spectra. Received: 9"):
        measure_realism(generated(MADE), real(slice(60, 69)))
    with pytest.warns(UserWarning, match="`held_out` has 12 spectra, and below 20 chance moves"):
        measure_realism(generated(slice(150, 170), labels=None), real(slice(60, 72)))


def test_losses_need_training_spectra():
    with pytest.raises(ValueError, match="`losses` need the `training` spectra"):
        measure_realism(generated(MADE), real(HELD_OUT), losses=(np.zeros(60), np.zeros(40)))


def test_labels_of_other_columns_are_refused():
    with pytest.raises(ValueError, match=r"a column for each label. Expected: \(120, 3\). Received: \(120, 2\)"):
        measure_realism(generated(MADE, labels=np.zeros((120, 2))), real(HELD_OUT))


def test_no_tensorflow_is_loaded():
    code = (
        "import sys; from mrs_keras.evaluation.realism import measure_realism, realism_figures; "
        "assert not {'tensorflow', 'keras'} & set(sys.modules)"
    )
    run_python(code)
