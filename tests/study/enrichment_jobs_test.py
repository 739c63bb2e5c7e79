"""Jobs of a task, their files, and the words on those that failed."""

import dataclasses
import json

import numpy as np
import pytest

from mrs_keras.run_folder import MODEL_FILE
from mrs_keras.study.enrichment import jobs as jobs_module
from mrs_keras.study.enrichment.arm_names import TRAINED_ARMS
from mrs_keras.study.enrichment.collected import collect
from mrs_keras.study.enrichment.jobs import FIDELITY, PREDICT, TRAIN, Job, digest_of, jobs_of, result_of, run_job
from mrs_keras.study.enrichment.results import Cell
from tests.study.enrichment_tasks import EFFORT, measured_task

pytestmark = pytest.mark.filterwarnings("ignore:The prior is made from", "ignore:Got `batch_size`")
JOB = Job("in_vivo", PREDICT, "classical", "8", 1, 2)


@pytest.fixture(scope="module")
def task():
    return measured_task(45)


@pytest.fixture
def fake(monkeypatch):
    """Replaces the regressions by the draw's noisy spectra, and keeps what networks' folders arms were given."""
    folders = {}

    def examples(arm, data, noise_factor):
        folders.setdefault(arm, []).append(data.folder)
        return data

    def predictions(data, inner, test, acquisition, **options):
        return {"ridge": np.abs(test[:, :2])}

    def trained(arm, data, count):
        data.folder.mkdir(parents=True)
        (data.folder / MODEL_FILE).touch()

    monkeypatch.setattr(jobs_module, "generated_spectra", trained)
    monkeypatch.setattr(jobs_module, "training_examples", examples)
    monkeypatch.setattr(jobs_module, "tuned_predictions", predictions)
    return folders


def test_each_arm_is_measured_at_each_size_in_each_draw_of_each_rotation(task):
    effort = dataclasses.replace(EFFORT, arms=TRAINED_ARMS)
    many = dataclasses.replace(task, effort=effort, sizes=(8, 16), main_size=16, draws=3, trained_draws=2)
    jobs = jobs_of(many)
    assert len({job.name for job in jobs}) == len(jobs)
    kinds = [job.kind for job in jobs]
    assert kinds == sorted(kinds, key=(TRAIN, PREDICT, FIDELITY).index)
    of_arm = {arm: [job for job in jobs if (job.arm, job.kind) == (arm, PREDICT)] for arm in TRAINED_ARMS}
    places = {(size, draw, rotation) for size in ("8", "16", "all") for draw in range(3) for rotation in range(3)}
    for arm in set(TRAINED_ARMS) - {"cvae_of_simulations"}:
        assert {(job.size, job.draw, job.rotation) for job in of_arm[arm]} == places
    trained = {(size, draw, rotation) for size, draw, rotation in places if size == "16" and draw < 2}
    assert {(job.size, job.draw, job.rotation) for job in of_arm["cvae_of_simulations"]} == trained
    networks = [job for job in jobs if job.kind == TRAIN]
    assert {(job.arm, job.draw, job.rotation) for job in networks} == {("hybrid", d, r) for _, d, r in trained}
    judged = {"real", *TRAINED_ARMS[5:]} - {"mixup"} | {"placebo"}
    assert {job.arm for job in jobs if job.kind == FIDELITY} == judged


def test_without_hybrids_nothing_is_trained_first(task):
    assert {job.kind for job in jobs_of(task)} == {PREDICT, FIDELITY}
    assert {job.arm for job in jobs_of(task)} == {"classical", "simulations"}


def test_hybrids_of_all_sizes_and_arms_share_a_folder_and_other_networks_have_their_own(task, fake, tmp_path):
    many = dataclasses.replace(task, draws=4, trained_draws=2)
    for job in [Job("in_vivo", TRAIN, "hybrid", "8", draw, rotation) for draw in (0, 1) for rotation in range(3)]:
        run_job(job, many, tmp_path)
    for arm in ("hybrid", "simulations_and_hybrid", "cvae_of_simulations"):
        for size in ("8", "all"):
            for draw in range(4):
                for rotation in range(3):
                    run_job(Job("in_vivo", PREDICT, arm, size, draw, rotation), many, tmp_path)
    assert set(fake["hybrid"]) == set(fake["simulations_and_hybrid"])
    assert len(set(fake["hybrid"])) == 2 * 3
    assert len(set(fake["cvae_of_simulations"])) == 2 * 4 * 3
    assert {folder.parent for folders in fake.values() for folder in folders} == {tmp_path / "trainings"}


def test_without_its_network_a_hybrid_fails_at_once_and_the_training_is_not_done(task, fake, tmp_path):
    training, prediction = (Job("in_vivo", kind, "hybrid", "8", 0, 0) for kind in (TRAIN, PREDICT))
    with pytest.raises(RuntimeError, match="its training failed, or it was removed"):
        run_job(prediction, task, tmp_path)
    run_job(training, task, tmp_path)
    assert result_of(training, task, tmp_path) == {"trained": True}
    run_job(prediction, task, tmp_path)
    (fake["hybrid"][0] / MODEL_FILE).unlink()
    assert result_of(training, task, tmp_path) is None
    assert result_of(prediction, task, tmp_path) is not None


def test_a_result_is_read_again_and_that_of_something_else_is_not(task, fake, tmp_path):
    assert result_of(JOB, task, tmp_path) is None
    run_job(JOB, task, tmp_path)
    expected = np.abs(task.noisy(1)[task.rotations[2].test][:, :2])
    np.testing.assert_array_equal(result_of(JOB, task, tmp_path)["ridge"], expected)
    more_draws = dataclasses.replace(task, draws=7)
    assert result_of(JOB, more_draws, tmp_path) == result_of(JOB, task, tmp_path)
    for other in (
        dataclasses.replace(task, noise_factor=2.0),
        dataclasses.replace(task, scans=dataclasses.replace(task.scans, values=1.1 * task.scans.values)),
        dataclasses.replace(task, effort=dataclasses.replace(task.effort, epochs=9)),
    ):
        assert result_of(JOB, other, tmp_path) is None


def test_no_two_jobs_have_the_same_digest(task):
    jobs = jobs_of(task)
    assert len({digest_of(job, task) for job in jobs}) == len(jobs)


@pytest.mark.parametrize("wrong", ["an error", {1, 2}])
def test_what_fails_leaves_no_file(wrong, task, fake, monkeypatch, tmp_path):
    def fails(*_, **__):
        if isinstance(wrong, str):
            raise RuntimeError(wrong)
        return {"ridge": np.array(wrong)}  # not JSON

    monkeypatch.setattr(jobs_module, "tuned_predictions", fails)
    with pytest.raises((RuntimeError, TypeError)):
        run_job(JOB, task, tmp_path)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    assert result_of(JOB, task, tmp_path) is None


def test_cells_without_all_rotations_are_left_out_and_failures_say_how_many(task, fake, tmp_path):
    jobs = jobs_of(task)
    failed = {job: "ValueError: no" for job in jobs if (job.size, job.rotation, job.arm) == ("8", 1, "simulations")}
    for job in jobs:
        if job.kind == PREDICT and job not in failed:
            run_job(job, task, tmp_path)
    results = collect(task, jobs, tmp_path, failed=failed)
    cells = {cell[::2] for cell in results.predictions if cell.regressor}
    assert cells == {("classical", "8"), ("classical", "all"), ("simulations", "all")}
    # Two draws; 12 predictions and one of fidelity.
    assert results.failures == {"simulations": "2 of 13 parts failed, the first with ValueError: no"}
    for cell in results.predictions:
        assert np.isfinite(results.predictions[cell]).all()


def test_no_more_parts_fail_than_there_are(task, tmp_path):
    many = dataclasses.replace(task, effort=dataclasses.replace(EFFORT, arms=("classical", "hybrid")))
    jobs = jobs_of(many)
    failed = {job: "ValueError: no" for job in jobs if job.arm == "hybrid"}
    text = collect(many, jobs, tmp_path, failed=failed).failures["hybrid"]
    # Three trainings, 12 predictions, and one of fidelity.
    assert text == "16 of 16 parts failed, the first with ValueError: no"


def test_the_mean_is_that_of_the_n_and_answers_stay_as_they_are(task, tmp_path):
    outside = 2 * task.scans.values
    results = collect(task, [], tmp_path, failed={}, outside=outside, second_truth=outside, second_name="other")
    cell = Cell("mean", "", "8", 1)
    for rotation in task.rotations:
        rows = task.rows_of(rotation, "8", 1)
        expected = task.scans.values[rows].mean(axis=0)
        np.testing.assert_allclose(results.predictions[cell][rotation.test], [expected] * len(rotation.test))
    np.testing.assert_array_equal(results.predictions[Cell("outside", "", "8", 0)], outside)
    recalibrated = results.predictions[Cell("outside_recalibrated", "", "8", 0)]
    np.testing.assert_allclose(recalibrated, task.scans.values, rtol=1e-9)
    assert list(results.truths) == ["label table", "other"]
    assert results.labelled == {"8": 8.0, "all": 30.0}


def test_a_file_holds_digest_and_result_alone(task, fake, tmp_path):
    run_job(JOB, task, tmp_path)
    (path,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert path == tmp_path / "parts" / "in_vivo" / "predict_classical_8_draw1_rotation2.json"
    assert set(json.loads(path.read_text())) == {"digest", "result"}
