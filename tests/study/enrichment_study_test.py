"""The study as a whole, on scans of known parameters: what it writes, and an arm that cannot be made."""

import json

import numpy as np
import pytest

from mrs_keras.study import study_enrichment
from mrs_keras.study.enrichment import study
from mrs_keras.study.enrichment.arms import SEED_OF_AGAIN
from mrs_keras.study.enrichment.design import seed_of
from tests.study.enrichment_tasks import EFFORT, NAMES, dataset_of, measured_task, run_study


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """A study half of whose fits did not converge: of eight there is no prior, of all there is."""
    folder, printed = tmp_path_factory.mktemp("study") / "out", []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(study, "print", printed.append, raising=False)
        numbers = run_study(folder, converged=np.arange(36) % 2 == 0)
    return folder, numbers, printed


def test_it_says_first_what_is_done_and_how_long_it_takes(done):
    fits, plan = done[2]
    assert fits.startswith("Fits of ")
    assert "36 spectra of 3 sites in 3 rotations, n = 8, all, 2 draws; 25 parts, of which 0 train a network" in plan
    assert plan.splitlines()[-1].startswith("About ")
    assert plan.splitlines()[-1].endswith("on 1 cores.")


def test_the_folder_has_report_table_numbers_and_figures(done):
    folder, numbers, _ = done
    assert json.loads((folder / "numbers.json").read_text()) == json.loads(json.dumps(numbers))
    assert (folder / "table.txt").read_text().strip()
    page = (folder / "report.html").read_text()
    assert page.count("<img") == len(list(folder.glob("*.png"))) > 0
    assert [task["title"] for task in numbers["tasks"]] == ["Measured scans of measured_mrs/mine", "Exact"]
    assert not [path for path in folder.rglob("*") if path.name.startswith(".")]


def test_an_arm_that_cannot_be_made_is_reported_and_the_others_are_there(done):
    folder, numbers, _ = done
    first, second = numbers["tasks"]
    assert list(first["failures"]) == ["simulations"]
    # Three rotations of two draws at n = 8, and the fidelity of its labels.
    text = first["failures"]["simulations"]
    assert text.startswith("7 of 13 parts failed, the first with ValueError: A prior needs fits that converged")
    assert second["failures"] == {}
    assert "did not converge" not in text
    assert "A prior needs fits" in (folder / "report.html").read_text()
    cells = {(score["arm"], score["size"]) for score in first["scores"]}
    assert {("classical", "8"), ("classical", "all"), ("mean", "8"), ("simulations", "all")} <= cells
    assert ("simulations", "8") not in cells


def test_numbers_are_those_of_labels_and_predictions_in_the_parts(done):
    folder, numbers, _ = done
    task = measured_task()
    truth = task.scans.values
    found = {}
    for draw in (0, 1):
        predicted = np.full_like(truth, np.nan)
        for rotation in task.rotations:
            path = folder / "parts" / "in_vivo" / f"predict_classical_all_draw{draw}_rotation{rotation.number}.json"
            predicted[rotation.test] = json.loads(path.read_text())["result"]["ridge"]
        apart = truth.var(axis=0) + predicted.var(axis=0) + (truth.mean(axis=0) - predicted.mean(axis=0)) ** 2
        found[draw] = (1 - ((truth - predicted) ** 2).mean(axis=0) / apart).mean()
    score = next(
        each
        for each in numbers["tasks"][0]["scores"]
        if (each["arm"], each["regressor"], each["size"]) == ("classical", "ridge", "all")
    )
    assert score["concordance"]["value"] == pytest.approx(np.mean(list(found.values())), abs=1e-9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_factor": float("nan")}, "`noise_factor` must be 1 or more"),
        ({"noise_factor": 0.5}, "`noise_factor` must be 1 or more.*Received: 0.5"),
        ({"seed": -1}, "`seed` must be a whole number of at least 0"),
        ({"seed": 53687}, "`seed` must be 53686 or less.*Received: seed=53687"),
        ({"workers": 0}, "`workers` must be a whole number of at least 1"),
        ({"arms": ["classical", "magic"]}, "`arms`.*magic"),
        ({"basis": "basis.npz"}, "Received `fits` and `basis`. Leave one of them out."),
        ({"label_names": ["GABA"]}, "has no label GABA"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_written(options, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        run_study(tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_the_largest_seed_has_seeds_that_numpy_takes_and_no_other_arm_has():
    last = seed_of(study.LARGEST_SEED, 999, 9)
    assert last < SEED_OF_AGAIN
    np.random.RandomState(last + SEED_OF_AGAIN)


def test_fits_of_other_scans_are_refused(tmp_path):
    with pytest.raises(ValueError, match="fits without 1 of 36 spectra"):
        run_study(tmp_path / "out", fits=measured_task().fits[np.arange(35)])


def test_answers_on_other_participants_are_refused(tmp_path):
    table = tmp_path / "fits.tsv"
    rows = "".join(f"sub-other{row}\t1.4\t0.7\n" for row in range(36))
    table.write_text("\t".join(["participant_id", *NAMES]) + "\n" + rows)
    with pytest.raises(ValueError, match="No scan has a row|of other participants"):
        run_study(tmp_path / "out", outside=table)
    assert not (tmp_path / "out").exists()


def test_classical_augmentation_is_always_measured(monkeypatch, tmp_path):
    efforts = []

    def task_in_vivo(found, fits, effort, **_):
        efforts.append(effort)
        raise ValueError("enough")

    monkeypatch.setattr(study, "task_in_vivo", task_in_vivo)
    monkeypatch.setattr(study, "read_real_dataset", lambda *_: dataset_of(measured_task()))
    with pytest.raises(ValueError, match="enough"):
        study_enrichment("mine", arms=["simulations"], effort=EFFORT, output_dir=tmp_path)
    assert efforts[0].arms == ("classical", "simulations")
