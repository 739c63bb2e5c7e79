"""Who sees what: nothing of a subject or a site that is held out reaches an arm, to the last bit."""

import dataclasses

import numpy as np
import pytest

from mrs_keras.labels import Labels
from mrs_keras.study.enrichment import arms
from mrs_keras.study.enrichment.arm_data import ArmData
from mrs_keras.study.enrichment.arms import training_examples
from mrs_keras.study.enrichment.design import Rotation
from mrs_keras.study.enrichment.jobs import PREDICT, Job, result_of, run_job
from tests.study.enrichment_tasks import measured_task

pytestmark = pytest.mark.filterwarnings("ignore:The prior is made from", "ignore:Got `batch_size`")
CHEAP = ("real", "noise", "classical", "classical_again", "mixup", "simulations", "simulations_of_all")


@pytest.fixture(scope="module")
def task():
    return measured_task(45)


def changed(task, rows, *, spectra=True, labels=True):
    """The same task with other spectra, fits or labels in some rows."""
    scans, fits = task.scans, task.fits
    if spectra:
        others = scans.spectra.copy()
        others[rows] = 3 * others[rows][:, ::-1]
        sigma = scans.noise_sigma.copy()
        sigma[rows] *= 2
        arrays = {name: getattr(fits, name).copy() for name in ("concentrations", "baseline", "fitted", "gamma")}
        for array in arrays.values():
            array[rows] *= 1.7
        scans = dataclasses.replace(scans, spectra=others, noise_sigma=sigma)
        fits = dataclasses.replace(fits, **arrays)
    if labels:
        values = scans.values.copy()
        values[rows] = [[99.0, np.nan]]
        scans = dataclasses.replace(scans, values=values, deviations=2 * scans.deviations)
        scans.deviations[np.setdiff1d(np.arange(len(scans)), rows)] /= 2
    return dataclasses.replace(task, scans=scans, fits=fits)


def content(value, path="data"):
    """All that is in an object, name -> bytes or text."""
    if dataclasses.is_dataclass(value):
        parts = {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
        return {key: each for name, part in parts.items() for key, each in content(part, f"{path}.{name}").items()}
    return {path: value.tobytes() if isinstance(value, np.ndarray) else repr(value)}


def test_content_shows_any_change(task, tmp_path):
    data = task.data(task.rotations[0], "8", 0, tmp_path)
    found = content(data)
    assert {"data.labelled.spectra", "data.fits_of_scans.baseline", "data.labels.ranges", "data.seed"} <= set(found)
    data.fits_of_scans.phi1[3] += 1e-12
    assert {key for key, each in content(data).items() if each != found[key]} == {"data.fits_of_scans.phi1"}


@pytest.mark.parametrize("size", ["8", "all"])
@pytest.mark.parametrize("what", ["spectra", "labels"])
def test_another_spectrum_or_label_of_a_held_out_subject_changes_nothing_that_arms_see(task, size, what, tmp_path):
    for rotation in task.rotations:
        other = changed(task, rotation.test, spectra=what == "spectra", labels=what == "labels")
        before = task.data(rotation, size, 1, tmp_path)
        after = other.data(other.rotations[rotation.number], size, 1, tmp_path)
        assert content(after) == content(before)


@pytest.mark.parametrize("arm", CHEAP)
def test_training_examples_are_the_same_to_the_last_bit_whatever_is_held_out(arm, task, tmp_path):
    rotation = task.rotations[1]
    other = changed(task, rotation.test)
    before, after = (
        content(training_examples(arm, each.data(each.rotations[1], "8", 0, tmp_path), 3.0)) for each in (task, other)
    )
    assert after == before


def test_a_change_of_a_training_subject_is_seen(task, tmp_path):
    """The other side of the tests above: they can fail."""
    rotation = task.rotations[0]
    row = task.rows_of(rotation, "8", 0)[2]
    other = changed(task, np.array([row]), labels=False)
    data = [each.data(each.rotations[0], "8", 0, tmp_path) for each in (task, other)]
    for arm in CHEAP:
        one, two = (training_examples(arm, each, 3.0) for each in data)
        assert one.spectra.tobytes() != two.spectra.tobytes()


def test_predictions_of_others_do_not_depend_on_the_label_of_a_held_out_subject(task, tmp_path):
    row = task.rotations[0].test[:1]
    other = changed(task, row, spectra=False)
    job = Job("in_vivo", PREDICT, "classical", "8", 0, 0)
    results = []
    for number, each in enumerate((task, other)):
        run_job(job, each, tmp_path / str(number))
        results.append(result_of(job, each, tmp_path / str(number)))
    assert results[0] == results[1]


def test_an_arm_sees_the_labels_of_the_n_and_no_other(task, tmp_path):
    for size in task.fitting_sizes:
        data = task.data(task.rotations[2], size, 0, tmp_path)
        rows = task.rows_of(task.rotations[2], size, 0)
        np.testing.assert_array_equal(data.labelled.values, task.scans.values[rows])
        assert np.isnan(data.scans.values).all()
        assert np.isnan(data.scans.deviations).all()
        assert data.labels.low.tolist() == task.scans.values[rows].min(axis=0).tolist()
        assert data.labels.high.tolist() == task.scans.values[rows].max(axis=0).tolist()
        assert len(data.fits) == len(rows)
        assert len(data.fits_of_scans) == len(data.scans) == len(task.rotations[2].training)


def test_all_fields_of_what_an_arm_sees_are_known_to_these_tests():
    """A new field could carry what is held out: it needs a thought, and perhaps a test."""
    names = {field.name for field in dataclasses.fields(ArmData)}
    assert names == {
        *("labelled", "fits", "scans", "fits_of_scans", "labels"),
        *("acquisition", "seed", "network_seed", "effort", "folder"),
    }


def test_a_held_out_subject_among_the_training_is_caught(task, tmp_path):
    right = task.rotations[0]
    wrong = dataclasses.replace(right, training=np.append(right.training, right.test[0]))
    with pytest.raises(
        AssertionError, match=f"held out, and yet in training: .*{task.scans.participants[wrong.test[0]]}"
    ):
        task.data(wrong, "8", 0, tmp_path)


def test_another_session_of_a_held_out_subject_is_caught(task, tmp_path):
    right = task.rotations[0]
    names = list(task.scans.participants)
    names[right.training[0]] = f"{names[right.test[0]]}_ses-2"
    scans, fits = (dataclasses.replace(each, participants=tuple(names)) for each in (task.scans, task.fits))
    other = dataclasses.replace(task, scans=scans, fits=fits)
    other.data(other.rotations[0], "8", 0, tmp_path)
    with pytest.raises(AssertionError, match="held out, and yet in training"):
        other.data(right, "8", 0, tmp_path)


def test_a_held_out_site_among_the_training_is_caught(task, tmp_path):
    right = task.rotations[0]
    rows = np.append(right.training, right.test[0])
    wrong = Rotation(0, right.sites, right.test[1:], rows)
    with pytest.raises(AssertionError, match=f"held out, and yet in training: .*{right.sites[0]}"):
        task.data(wrong, "8", 0, tmp_path)


def test_subjects_without_all_labels_are_scans_without_labels(task, tmp_path):
    values = task.scans.values.copy()
    values[::2, 1] = np.nan
    other = dataclasses.replace(task, scans=dataclasses.replace(task.scans, values=values))
    data = other.data(other.rotations[0], "all", 0, tmp_path)
    assert np.isfinite(data.labelled.values).all()
    assert len(data.labelled) == sum(row % 2 for row in other.rotations[0].training)
    assert len(data.scans) == 30


def test_networks_of_all_scans_are_shared_by_draws_in_turn(task, tmp_path):
    many = dataclasses.replace(task, draws=5, trained_draws=2)
    assert [many.network_of(draw) for draw in range(5)] == [0, 1, 0, 1, 0]
    seeds = [many.data(many.rotations[1], "8", draw, tmp_path) for draw in range(5)]
    assert seeds[4].network_seed == seeds[2].network_seed == seeds[0].seed != seeds[1].network_seed
    assert len({each.seed for each in seeds}) == 5


def test_the_noise_of_the_task_is_of_its_level_and_another_in_each_draw(task):
    sigma = task.scans.noise_sigma[:, None]
    noise = [(task.noisy(draw) - task.scans.spectra) / sigma for draw in (0, 1)]
    # 3 in all, of which the scan carries 1.
    np.testing.assert_allclose([each.std() / np.sqrt(2) for each in noise], np.sqrt(8), rtol=0.02)
    assert abs(np.vdot(*noise)) / np.linalg.norm(noise) ** 2 < 0.02


def test_the_main_size_is_the_largest_that_the_data_allow(task):
    sizes = (8, 16, 32)
    assert dataclasses.replace(task, sizes=sizes, main_size=16).chosen_main_size == "16"
    assert dataclasses.replace(task, sizes=(8, 32), main_size=16).chosen_main_size == "8"
    assert dataclasses.replace(task, sizes=(20, 25), main_size=16).chosen_main_size == "20"


def test_the_digest_changes_with_all_that_results_depend_on(task):
    rows = np.array([3])
    others = {
        "noise": dataclasses.replace(task, noise_factor=2.0),
        "seed": dataclasses.replace(task, seed=1),
        "key": dataclasses.replace(task, key="exact"),
        "labels": dataclasses.replace(task, labels=Labels(("a", "b"), task.labels.ranges, "", "ratio")),
        "spectrum": changed(task, rows, labels=False),
        "values": changed(task, rows, spectra=False),
        "examples": dataclasses.replace(task, effort=dataclasses.replace(task.effort, examples=128)),
        "recipe": dataclasses.replace(task, effort=dataclasses.replace(task.effort, pretraining={"epochs": 9})),
        "fits": dataclasses.replace(task, fits=dataclasses.replace(task.fits, phi0=task.fits.phi0 + 1e-9)),
        "sites": dataclasses.replace(task, scans=dataclasses.replace(task.scans, sites=task.scans.sites[::-1])),
    }
    digests = {task.digest, *(each.digest for each in others.values())}
    assert len(digests) == 1 + len(others)
    assert dataclasses.replace(task, draws=9, sizes=(16,)).digest == task.digest


def test_arms_import_no_second_truth():
    """What arms are made from has no place for one: it is an argument of what is collected afterwards alone."""
    assert not [name for name in (*vars(arms), *ArmData.__annotations__) if "truth" in name or "second" in name]
