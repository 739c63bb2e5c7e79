"""Trained models against measured datasets, here of simulated scans."""

import importlib
import json
import shutil

import numpy as np
import pytest

from mrs_keras import Acquisition, build_dataset, evaluate, train
from mrs_keras.cli import main
from mrs_keras.data import load_arrays, open_dataset
from mrs_keras.evaluation.real_spectra import open_real_spectra
from mrs_keras.measured import write_example
from mrs_keras.run_folder import read_settings

pytestmark = pytest.mark.slow

MODULE = importlib.import_module("mrs_keras.evaluation.against_real")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scans of 60 participants, as two datasets with other splits."""
    path = tmp_path_factory.mktemp("against")
    write_example(path / "scans", participants=60, coils=1, transients=2, progress=False)
    config = {"folder": str(path / "scans"), "labels": str(path / "scans" / "labels.tsv"), "validation": 0.34}
    for name, seed in (("scans", 0), ("other_split", 1)):
        build_dataset("measured_mrs", {"name": name, **config, "seed": seed}, path / "data")
    return path


@pytest.fixture(scope="module")
def run(folder):
    train(folder / "run", dataset="measured_mrs", config="scans", data_dir=folder / "data", epochs=20)
    return folder / "run"


@pytest.fixture(scope="module")
def alone(folder, run):
    return evaluate(run, data_dir=folder / "data", output_dir=folder / "alone")


@pytest.fixture(scope="module")
def judged(folder, run):
    path = folder / "judged"
    options = ["--data-dir", str(folder / "data"), "--against", "measured_mrs/scans", "--output", str(path)]
    assert main(["evaluate", "--run", str(run), *options]) == 0
    return path, json.loads((path / "numbers.json").read_text())


def test_all_other_numbers_stay_as_they_are(alone, judged):
    _, numbers = judged
    assert {name: value for name, value in numbers.items() if name != "realism"} == alone
    assert "realism" not in alone


def test_subjects_of_the_training_count_as_training_and_the_others_as_held_out(judged):
    realism = judged[1]["realism"]
    assert realism["dataset"] == "measured_mrs/scans"
    assert realism["generated"]["spectra"] == {"held_out": 20, "training": 40, "generated": 3000}
    assert realism["floor"]["spectra"] == {"held_out": 20, "training": 40, "generated": 40}
    assert realism["splits_of_controls"] == 1
    assert realism["copies"]["memorisation"]["membership"] >= 0.95
    assert 0 <= realism["generated"]["two_sample"]["auc"] <= 1
    assert set(realism["generated"]["utility"]) <= {f"{name}_over_tCr" for name in ("tNAA", "tCho", "mI", "Glx", "GSH")}


def test_table_figures_and_report_have_them(judged):
    path, numbers = judged
    table = (path / "table.txt").read_text()
    auc = numbers["realism"]["generated"]["two_sample"]["auc"]
    assert any(row.startswith("against real spectra: AUC ") and f"{auc:.3f}" in row for row in table.splitlines())
    page = (path / "report.html").read_text(encoding="utf-8")
    assert "Generated against real spectra" in page
    assert "drawn jointly: the labels of " in page
    for name in ("map", "mean", "noise", "quantities"):
        assert (path / f"realism_{name}.png").read_bytes().startswith(b"\x89PNG")


def test_another_split_of_the_same_scans_does_not_make_training_spectra_held_out(folder, run):
    found = open_real_spectra("measured_mrs/other_split", folder / "data", read_settings(run))
    trained = load_arrays(open_dataset("measured_mrs", "scans", folder / "data"), "train", with_unlabelled=True)
    assert set(found.training.subjects) == set(trained["participant_id"].astype(str))
    assert len(found.held_out) == 20
    assert not set(found.training.subjects) & set(found.held_out.subjects)


def test_subjects_of_the_model_that_a_training_began_with_are_not_held_out(folder, run):
    found, tuned = (
        open_real_spectra("measured_mrs/other_split", folder / "data", settings)
        for settings in (read_settings(run), {"init": str(run)})
    )
    np.testing.assert_array_equal(tuned.trained_on, found.trained_on)
    with pytest.warns(UserWarning, match="whose subjects are not known"):
        gone = open_real_spectra("measured_mrs/other_split", folder / "data", {"init": str(folder / "none")})
    assert gone.training is None


def test_a_model_of_another_sampling_without_noise_is_given_that_of_the_real_spectra(
    folder, run_dir, data_dir, tmp_path, monkeypatch
):
    shutil.copytree(data_dir, tmp_path / "data")
    shutil.copytree(folder / "data", tmp_path / "data", dirs_exist_ok=True)
    seen = {}
    monkeypatch.setattr(MODULE, "measure_realism", lambda *sets: seen.update(sets=sets) or measured_realism(*sets))
    measured_realism = importlib.import_module("mrs_keras.evaluation.realism").measure_realism
    numbers = evaluate(run_dir, data_dir=tmp_path / "data", output_dir=tmp_path / "out", against="measured_mrs/scans")
    realism = numbers["realism"]
    assert realism["generated"]["spectra"] == {"held_out": 60, "training": 0, "generated": 3000}
    assert realism["generated"]["memorisation"] is None
    assert realism["splits_of_controls"] == 3
    assert realism["generated"]["utility"] == {}
    assert "white noise that was added here" in realism["noise"]
    ratio, of_real = realism["generated"]["quantities"]["snr"]["medians"]
    assert ratio == pytest.approx(of_real, rel=0.1)
    level, _ = realism["generated"]["quantities"]["noise_level"]["medians"]
    assert level == pytest.approx(1, abs=0.1)
    # Only NAA and PCr: nothing is easier to tell.
    assert realism["generated"]["two_sample"]["auc"] > 0.95
    generated, real, _ = seen["sets"]
    assert generated.spectra.shape[1] == real.spectra.shape[1] == 252
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "cannot be computed from those of the model (NAA, PCr)" in page


def test_what_cannot_be_compared_is_refused_before_the_work(folder, run, run_dir, data_dir, tmp_path):
    with pytest.raises(ValueError, match="must name a measured dataset.*without participant_id, noise_sigma"):
        evaluate(run_dir, data_dir=data_dir, output_dir=tmp_path / "out", against="simulated_mrs/naa_pcr")
    with pytest.raises(FileNotFoundError, match="tfds build tfds_builders/measured_mrs"):
        evaluate(run_dir, data_dir=data_dir, output_dir=tmp_path / "out", against="measured_mrs/none")
    with pytest.raises(ValueError, match="Expected `against` beside them"):
        evaluate(run_dir, data_dir=data_dir, output_dir=tmp_path / "out", second_labels="fits.tsv")
    write_example(
        tmp_path / "philips",
        participants=31,
        coils=1,
        transients=2,
        progress=False,
        acquisition=Acquisition(127.737, 2000.0, 2048),
    )
    build_dataset("measured_mrs", {"name": "philips", "folder": str(tmp_path / "philips")}, folder / "data")
    with pytest.raises(ValueError, match=r"same field.*Expected: 127.737 MHz.*Received: 123.200 MHz"):
        evaluate(run, data_dir=folder / "data", output_dir=tmp_path / "out", against="measured_mrs/philips")
    assert not (tmp_path / "out").exists()


def test_too_few_spectra_that_the_model_has_not_seen_are_refused(folder, tmp_path):
    write_example(tmp_path / "few", participants=20, coils=1, transients=2, progress=False)
    build_dataset("measured_mrs", {"name": "few", "folder": str(tmp_path / "few")}, folder / "data")
    with pytest.raises(ValueError, match="Expected: 30 or more.*Received: 20. Add scans."):
        open_real_spectra("measured_mrs/few", folder / "data", {})


def test_a_second_labeller_is_matched_by_participant(folder, run):
    found = open_real_spectra(
        "measured_mrs/scans", folder / "data", read_settings(run), folder / "scans" / "labels.tsv"
    )
    known = np.isfinite(found.real.labels)
    np.testing.assert_allclose(found.real.second_labels[known], found.real.labels[known], rtol=1e-6)
    assert found.second_labeller.endswith("labels.tsv")
