"""A model that a study trains on the training spectra of a split."""

import dataclasses

import numpy as np
import pytest

from mrs_keras.evaluation.realism import RealSpectra
from mrs_keras.labels import Labels
from mrs_keras.study import model_generator, study_realism, trained_models
from mrs_keras.study.trained_models import labels_in_range
from tests.fitting.fits_of_truth import ACQUISITION, fits_of_truth

SUBJECTS = 40
LABELS = Labels(("tNAA", "tCr"), ((0.0, 100.0), (0.0, 100.0)), "mM")
SHORT = {
    "epochs": 2,
    "steps_per_epoch": 20,
    "batch_size": 32,
    "fine_tuning": {"rounds": 2, "steps_per_round": 5},
}


@pytest.fixture(scope="module")
def fits():
    rng = np.random.default_rng(1)
    shape = SUBJECTS, ACQUISITION.window_points
    made = fits_of_truth(SUBJECTS, residual=rng.normal(size=shape) + 1j * rng.normal(size=shape))
    return dataclasses.replace(made, sites=tuple("AB"[row % 2] for row in range(SUBJECTS)))


@pytest.fixture(scope="module")
def real(fits):
    """Spectra whose labels are the truth, some of them missing."""
    columns = [fits.columns.index(name) for name in ("NAA", "NAAG", "Cr", "PCr")]
    truth = fits.concentrations[:, columns].reshape(SUBJECTS, 2, 2).sum(axis=2)
    truth[3, 0] = np.nan
    return RealSpectra(
        fits.fitted + fits.residual,
        ACQUISITION,
        fits.noise_sigma,
        fits.participants,
        fits.sites,
        labels=truth,
        second_labels=100 - truth,
        label_names=LABELS.names,
        label_deviations=0.1 + 0 * truth,
    )


def test_ranges_of_labels_are_those_of_the_training_spectra(real):
    rows = np.arange(20)
    ranges = labels_in_range(LABELS, real.select(rows)).ranges
    for column, (low, high) in enumerate(ranges):
        assert (low, high) == (np.nanmin(real.labels[rows, column]), np.nanmax(real.labels[rows, column]))


class StopError(Exception):
    """Ends a training before it begins."""


def test_the_training_gets_the_training_spectra_alone(fits, real, tmp_path, monkeypatch):
    given = {}

    def train(spectra, noise_sigma, fits, **options):
        given.update(spectra=spectra, noise_sigma=noise_sigma, fits=fits, **options)
        raise StopError

    monkeypatch.setattr(trained_models, "train_in_vivo", train)
    rows = np.arange(0, SUBJECTS, 2)
    with pytest.raises(StopError):
        model_generator("invivo", fits, real, LABELS, tmp_path).make(rows, 7)
    np.testing.assert_array_equal(given["spectra"], real.spectra[rows])
    np.testing.assert_array_equal(given["noise_sigma"], real.noise_sigma[rows])
    np.testing.assert_array_equal(given["values"], real.labels[rows])
    np.testing.assert_array_equal(given["deviations"], real.label_deviations[rows])
    assert given["fits"].participants == tuple(real.subjects[row] for row in rows)
    assert set(given["sites"]) == {"A"}
    assert given["seed"] == 7
    assert len(given["validation"]) == 0
    # Nothing else is handed over: no second labels, no held-out spectra to stop by.
    assert given.keys() == {
        *("spectra", "noise_sigma", "fits", "labels", "values", "deviations", "sites", "seed", "output_dir", "preset"),
        *("changes", "training", "prior_options", "validation"),
    }


def test_other_training_spectra_have_a_folder_of_their_own(fits, real, tmp_path, monkeypatch):
    folders = []

    def train(*data, output_dir, **options):
        folders.append(output_dir)
        raise StopError

    monkeypatch.setattr(trained_models, "train_in_vivo", train)
    # As of folds and of sites that are left out: the same seed, other spectra.
    for rows in (np.arange(20), np.arange(20), np.arange(1, 21)):
        with pytest.raises(StopError):
            model_generator("invivo", fits, real, LABELS, tmp_path).make(rows, 7)
    assert folders[0] == folders[1] != folders[2]


def test_results_of_another_recipe_are_not_read(fits, real, tmp_path):
    keys = {
        model_generator("invivo", fits, real, LABELS, tmp_path, **options).key
        for options in ({}, {"training": SHORT}, {"changes": {"latent_dim": 8}}, {"prior_options": {"bandwidth": 0.8}})
    }
    assert len(keys) == 4


def test_the_time_is_that_of_the_recipe(fits, real, tmp_path):
    whole, short = (
        model_generator("invivo", fits, real, LABELS, tmp_path, training=training).seconds for training in (None, SHORT)
    )
    assert short < 15 < whole


def test_models_need_fits(tmp_path):
    with pytest.raises(ValueError, match=r"Received: models=\['invivo'\], no fits"):
        study_realism("measured_mrs", models=["invivo"], output_dir=tmp_path)


@pytest.mark.slow
def test_a_model_that_was_trained_generates_reconstructs_and_has_a_loss(fits, real, tmp_path):
    rows = np.arange(30)
    generator = model_generator("invivo", fits, real, LABELS, tmp_path, training=SHORT)
    trained, again = (generator.make(rows, 7) for _ in range(2))
    generated = trained.generated
    np.testing.assert_array_equal(again.generated.spectra, generated.spectra)  # read, not trained again
    assert generated.spectra.shape == (3000, ACQUISITION.window_points)
    # Labels are those of training spectra, or inferred for the one that has none.
    known = real.labels[rows].astype(np.float32)
    assert np.isin(generated.labels[:, 1], known[:, 1]).all()
    assert np.isin(generated.labels[:, 0], known[:, 0]).mean() > 0.9
    # Noise of each spectrum: drawn with the latents, as strong as that of the training spectra.
    assert np.median(generated.noise_sigma) == pytest.approx(np.median(real.noise_sigma), rel=0.1)
    held_out = dataclasses.replace(real.select(np.arange(30, 40)), second_labels=None)
    losses, rebuilt = trained.losses(held_out), trained.reconstruct(held_out)
    assert losses.shape == (10,)
    assert np.isfinite(losses).all()
    assert rebuilt.shape == held_out.spectra.shape
    # After 40 steps: better than nothing.
    assert (
        np.median(np.linalg.norm(rebuilt - held_out.spectra, axis=1) / np.linalg.norm(held_out.spectra, axis=1)) < 0.7
    )
