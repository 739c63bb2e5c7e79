"""Training on measured spectra, here on few tiny ones whose fits are the truth."""

import dataclasses
import json
import signal
import warnings

import numpy as np
import pytest

from mrs_keras import Labels, Prior, evaluate
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.models import load_trained
from mrs_keras.run_folder import read_history, read_notice
from mrs_keras.training.in_vivo import train_in_vivo, validation_rows
from mrs_keras.training.in_vivo_prior import factors_of
from tests.conftest import run_python
from tests.fitting.fits_of_truth import ACQUISITION, fits_of_truth

LABELS = Labels(("tNAA_over_tCr", "mI_over_tCr"), ((1.0, 2.0), (0.5, 1.0)), "", "concentration ratio")
FACTORS = (0.9, 1.3)
SMALL = {"latent_dim": 3, "hidden_units": (16,), "decoder": "free"}
QUICK = {"epochs": 2, "steps_per_epoch": 4, "batch_size": 8, "fine_tuning": {"steps_per_round": 2, "rounds": 3}}


def scans(subjects: int = 12):
    """Returns the arguments of `train_in_vivo` of some subjects; a tenth of the labels is missing."""
    rng = np.random.default_rng(0)
    fits = fits_of_truth(subjects, residual=5.0)
    noise = rng.normal(size=(2, *fits.fitted.shape)) * fits.noise_sigma[:, None]
    fits = dataclasses.replace(fits, residual=fits.residual + noise[0] + 1j * noise[1])
    naa, naag, cr, pcr, ins = fits.concentrations.T[:5]
    values = np.stack([(naa + naag) / (cr + pcr), ins / (cr + pcr)], axis=1) * FACTORS
    deviations = np.full(values.shape, 0.02)
    values[:: max(subjects // 3, 1), 1] = np.nan
    return {
        "spectra": fits.fitted + fits.residual,
        "noise_sigma": fits.noise_sigma,
        "fits": fits,
        "labels": LABELS,
        "values": values,
        "deviations": deviations,
    }


def quick(folder, data=None, **options):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The prior is made from|The fine-tuning stops")
        return train_in_vivo(
            **{**(data or scans()), "output_dir": folder, "changes": SMALL, "training": QUICK, **options}
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    path = tmp_path_factory.mktemp("in_vivo") / "run"
    return path, quick(path)


def test_a_run_holds_model_prior_basis_histories_and_notice(run):
    path, model = run
    names = {entry.name for entry in path.iterdir()}
    assert names >= {"model.keras", "prior.json", "basis.npz", "pretraining", "history.csv", "settings.json"}
    assert "measured spectra of 12 subjects" in read_notice(path)
    assert "as private as" in read_notice(path / "pretraining")
    assert len(read_history(path / "pretraining")["epoch"]) == 2
    assert {"val_loss", "val_mean_squared_error", "val_kl_loss"} <= set(read_history(path))
    # Two are held out from the prior and the tuning, not from the latents.
    assert Prior.load(path / "prior.json").fitted_to["subjects"] == 10
    assert np.isfinite(model.latent_prior.log_weights.numpy()).sum() == 12
    again = load_trained(path)
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_evaluation_says_that_it_needs_a_dataset(run):
    with pytest.raises(ValueError, match="needs a training on a dataset"):
        evaluate(run[0])


def test_the_model_generates_labelled_spectra_with_noise(run):
    made = run[1].generate(np.array([[1.4, 0.7], [1.6, 0.8]]), seed=0)["spectrum"]
    assert made.shape == (2, ACQUISITION.window_points, 2)
    assert np.isfinite(made).all()


def test_a_finished_run_is_loaded_and_other_data_are_refused(run):
    path, model = run
    np.testing.assert_array_equal(quick(path).get_weights()[0], model.get_weights()[0])
    data = scans()
    data["values"] = data["values"] + 0.1
    with pytest.raises(ValueError, match="holds a training with other settings: data"):
        quick(path, data)


def test_labels_of_the_simulations_have_the_scale_of_the_table(run):
    settings = json.loads((run[0] / "pretraining" / "settings.json").read_text())
    expected = dict(zip(LABELS.names, FACTORS, strict=True))
    assert settings["label_factors"] == pytest.approx(expected, rel=1e-9)


def test_validation_subjects_are_chosen_within_sites_and_depend_on_the_seed_alone():
    rows = np.zeros((40, 2))
    names = tuple(f"sub-{number // 2:02d}" for number in range(40))  # two spectra of each
    measured = MeasuredSpectra(np.ones((40, 4), complex), np.ones(40), rows, rows, names, names, ("A", "B") * 20)
    measured = dataclasses.replace(measured, sites=tuple("AB"[number // 20] for number in range(40)))
    chosen = validation_rows(measured, 0)
    assert len(chosen) == 6
    held_out = {names[row] for row in chosen}
    assert len(held_out) == 3
    assert {measured.sites[row] for row in chosen} == {"A", "B"}
    np.testing.assert_array_equal(chosen, validation_rows(measured, 0))
    assert any(not np.array_equal(chosen, validation_rows(measured, seed)) for seed in range(1, 4))


def test_a_label_that_few_spectra_have_keeps_the_scale_of_the_fits():
    data = scans()
    values = data["values"].copy()
    values[4:, 0] = np.nan
    names = tuple(map(str, range(12)))
    measured = MeasuredSpectra(data["spectra"], data["noise_sigma"], values, data["deviations"], names, names)
    np.testing.assert_allclose(factors_of(LABELS, measured, data["fits"]), (1.0, FACTORS[1]), rtol=1e-9)


def test_too_few_subjects_are_refused_and_nothing_is_trained(tmp_path):
    with pytest.raises(
        ValueError, match="at least 8 subjects. Received: 5 spectra of 5 subjects in 'train' of the spectra"
    ):
        quick(tmp_path / "run", scans(6))
    twice = scans()
    twice["fits"] = dataclasses.replace(twice["fits"], participants=("sub-00", *twice["fits"].participants[:-1]))
    with pytest.raises(ValueError, match="sub-00 in both 'train' and 'validation' of the spectra"):
        quick(tmp_path / "run", twice, validation=[0, 5, 7])
    assert not (tmp_path / "run").exists()


def test_fits_of_other_spectra_are_refused_before_anything_is_written(tmp_path):
    data = scans()
    with pytest.raises(ValueError, match="The fits are of other spectra"):
        quick(tmp_path / "run", {**data, "spectra": 2 * data["spectra"]})
    with pytest.raises(ValueError, match="names of the recipe.*Received: epoch, pationce"):
        quick(tmp_path / "run", data, training={"epoch": 1, "fine_tuning": {"pationce": 3}})
    with pytest.raises(ValueError, match=r"Unknown `preset`. Expected one of: 'invivo'"):
        quick(tmp_path / "run", data, preset="base")
    assert not (tmp_path / "run").exists()


KILLED = """
import os, sys
import mrs_keras.training.{module} as module
from mrs_keras.training import callbacks
class Killer(callbacks.EpochProgress):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == {epoch}:
            os.kill(os.getpid(), 9)
module.EpochProgress = Killer
from tests.training.in_vivo_test import longer
longer(sys.argv[1])
"""


def longer(folder):
    """A training with checkpoints in every stage, and a fine-tuning that becomes better after it was killed."""
    tuning = {"steps_per_round": 2, "rounds": 14, "learning_rate": 1e-3, "input_noise": 0.5}
    return quick(folder, training={**QUICK, "epochs": 4, "fine_tuning": tuning}, checkpoint_every=2)


@pytest.mark.slow
@pytest.mark.parametrize(("module", "epoch"), [("pretraining", 2), ("fine_tuning", 11)])
def test_a_run_killed_in_any_stage_resumes_to_the_same_bits(tmp_path, module, epoch):
    killed = run_python(KILLED.format(module=module, epoch=epoch), tmp_path / "killed", check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert not (tmp_path / "killed" / "model.keras").exists()
    resumed, uninterrupted = longer(tmp_path / "killed"), longer(tmp_path / "whole")
    for ours, theirs in zip(resumed.get_weights(), uninterrupted.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name, values in read_history(tmp_path / "whole").items():
        np.testing.assert_allclose(read_history(tmp_path / "killed")[name], values, rtol=1e-6)
