"""Which labels a study can ask for, and what it says of those that it leaves out."""

import dataclasses

import numpy as np
import pytest

from mrs_keras.study.enrichment.tasks import task_in_vivo
from tests.study.enrichment_tasks import EFFORT, NAMES, dataset_of, measured_task

LARGER = dataclasses.replace(EFFORT, sizes=(8, 16, 32), main_size=16)


@pytest.fixture(scope="module")
def task():
    return measured_task(45)


def asked(found, task, effort=EFFORT, label_names=None):
    return task_in_vivo(found, lambda scans: task.fits, effort, label_names=label_names, noise_factor=3.0, seed=0)


def never(scans):
    raise AssertionError("scans are fitted before all else is checked")


def refused(found, label_names=None):
    with pytest.raises(ValueError, match="Expected|Received") as caught:
        task_in_vivo(found, never, EFFORT, label_names=label_names, noise_factor=3.0, seed=0)
    return str(caught.value)


def test_spectra_labels_and_sites_are_those_of_the_dataset(task):
    made, second, warned = asked(dataset_of(task), task)
    np.testing.assert_array_equal(made.scans.spectra, task.scans.spectra)
    np.testing.assert_array_equal(made.scans.values, task.scans.values)
    assert (made.scans.sites, made.scans.participants) == (task.scans.sites, task.scans.participants)
    assert (made.labels.names, second, warned) == (NAMES, None, [])


def test_a_second_truth_is_kept_apart(task):
    second = 2 * task.scans.values
    plain, _, _ = asked(dataset_of(task), task)
    made, kept, _ = asked(dataset_of(task, second_labels=second), task, label_names=NAMES[1:])
    np.testing.assert_array_equal(kept, second[:, 1:])
    both, _, _ = asked(dataset_of(task, second_labels=second), task)
    assert both.digest == plain.digest != made.digest


def test_a_second_table_of_other_scans_is_refused(task):
    second = task.scans.values.copy()
    second[:30] = np.nan
    text = refused(dataset_of(task, second_labels=second))
    assert "'second.tsv' is not of these scans. Expected the labels tNAA_over_tCr, mI_over_tCr of half" in text
    assert "Received: 15." in text


def test_only_labels_that_were_asked_for_are_predicted(task):
    made, _, _ = asked(dataset_of(task), task, label_names=["mI_over_tCr"])
    assert made.labels.names == ("mI_over_tCr",)
    np.testing.assert_array_equal(made.scans.values[:, 0], task.scans.values[:, 1])


def test_a_label_that_the_dataset_lacks_is_named(task):
    text = refused(dataset_of(task), ["tNAA_over_tCr", "GABA_over_tCr"])
    assert "has no label GABA_over_tCr. Expected some of: tNAA_over_tCr, mI_over_tCr." in text
    assert "Received: tNAA_over_tCr, GABA_over_tCr." in text


def test_a_dataset_without_labels_says_how_to_build_one(task):
    text = refused(dataset_of(task, labels=None, label_names=(), label_deviations=None))
    assert "without. Build it with `labels`, a table of fits." in text


def test_a_label_without_spread_against_its_uncertainty_cannot_be_learned(task):
    deviations = task.scans.deviations.copy()
    deviations[:, 1] = task.scans.values[:, 1].std()
    with pytest.warns(UserWarning, match="mI_over_tCr varies by .* no network can learn it"):
        made, _, warned = asked(dataset_of(task, label_deviations=deviations), task)
    assert made.labels.names == ("tNAA_over_tCr",)
    assert len(warned) == 1
    deviations[:, 0] = 1.0
    with pytest.warns(UserWarning, match="no network can learn it"):
        text = refused(dataset_of(task, label_deviations=deviations))
    assert "No label of 'measured_mrs/mine' can be learned" in text
    assert text.count("no network can learn it") == 2
    assert "Give another table of labels." in text


def test_a_label_that_never_varies_cannot_be_learned_whatever_its_uncertainty(task):
    values = task.scans.values.copy()
    values[:, 0] = 1.5
    with pytest.warns(UserWarning, match="tNAA_over_tCr varies by 0 between subjects"):
        made, _, _ = asked(dataset_of(task, labels=values, label_deviations=None), task)
    assert made.labels.names == ("mI_over_tCr",)


def test_a_label_that_is_missing_for_most_is_left_out(task):
    values = task.scans.values.copy()
    values[:23, 1] = np.nan
    with pytest.warns(UserWarning, match="mI_over_tCr is known for 22 of 45 spectra only: left out"):
        made, _, warned = asked(dataset_of(task, labels=values), task)
    assert (made.labels.names, len(warned)) == (("tNAA_over_tCr",), 1)
    values[:23] = np.nan
    with pytest.warns(UserWarning, match="known for 22 of 45"):
        assert "known for half of the spectra" in refused(dataset_of(task, labels=values))


def test_labels_without_known_uncertainty_are_taken_as_they_are(task):
    made, _, warned = asked(dataset_of(task, label_deviations=None), task)
    assert (made.labels.names, warned) == (NAMES, [])


def test_one_site_and_too_few_subjects_are_refused_before_anything_is_fitted(task):
    assert "scans of two or more sites. Received: 45 of one, 'here'" in refused(dataset_of(task, sites=["here"] * 45))
    assert "scans of two or more sites" in refused(dataset_of(task, sites=()))
    few = measured_task(10, sites=2)
    assert "too few labelled subjects. Expected 8 or more" in refused(dataset_of(few))


def test_sizes_that_the_data_do_not_allow_are_left_out_and_named(task):
    made, _, warned = asked(dataset_of(task), task, LARGER)
    assert made.fitting_sizes == ("8", "16", "all")
    assert warned == ["There are too few labelled subjects outside of the held-out sites for n = 32: left out."]


def test_a_subject_with_several_spectra_is_refused_before_anything_is_fitted(task):
    names = [*task.scans.participants[:-1], task.scans.participants[0]]
    text = refused(dataset_of(task, subjects=names))
    assert "counts every subject once. Received: 45 spectra of 44 subjects in 'measured_mrs/mine'" in text
