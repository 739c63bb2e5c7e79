"""What a study of realism refuses, and on what its results depend."""

import dataclasses

import numpy as np
import pytest

from mrs_keras.evaluation.realism import RealSpectra
from mrs_keras.fitting import prior_from_fits
from mrs_keras.simulation import Prior
from mrs_keras.study import generators, study_realism
from tests.fitting.fits_of_truth import ACQUISITION, fits_of_truth


class Found:
    """A dataset that the fits are of."""

    def __init__(self, fits, subjects=None):
        self.name = "measured_mrs/mine"
        self.example_ids = fits.ids
        subjects = subjects or [f"sub-{row:02d}" for row in range(len(fits))]
        self.real = RealSpectra(fits.fitted + fits.residual, ACQUISITION, fits.noise_sigma, subjects)


@pytest.fixture
def fits():
    made = fits_of_truth(20)
    return dataclasses.replace(made, ids=tuple(f"scan{row}" for row in range(20)))


def test_fits_are_brought_to_the_order_of_the_dataset(fits):
    turned = fits[np.arange(20)[::-1]]
    np.testing.assert_array_equal(generators.fits_of_dataset(turned, Found(fits)).gamma, fits.gamma)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda fits: fits[np.arange(19)], "without 1 of 20 spectra"),
        (lambda fits: dataclasses.replace(fits, fitted=2 * fits.fitted), "of other spectra"),
    ],
)
def test_fits_of_other_spectra_are_refused(fits, change, message):
    with pytest.raises(ValueError, match=message):
        generators.fits_of_dataset(change(fits), Found(fits))


def test_several_spectra_of_a_subject_are_refused_before_the_work(fits):
    subjects = ["sub-00", *(f"sub-{row:02d}" for row in range(19))]
    with pytest.raises(ValueError, match="20 spectra of 19 subjects"):
        generators.fits_of_dataset(fits, Found(fits, subjects))


def key(fits, **options):
    return generators.fitted_generator(fits, Found(fits).real, options).key


@pytest.mark.parametrize("field", ["concentrations", "baseline", "residual", "noise_sigma", "converged"])
def test_results_of_other_fits_are_not_read(fits, field):
    changed = getattr(fits, field).copy()
    changed[3] = ~changed[3] if changed.dtype == bool else 1.01 * changed[3] + 0.01
    assert key(fits) == key(fits[:])
    assert key(fits) != key(dataclasses.replace(fits, **{field: changed}))


def test_results_of_another_basis_options_or_prior_are_not_read(fits):
    basis = dataclasses.replace(fits.basis, fids=fits.basis.fids * 1.01)
    assert key(fits) != key(dataclasses.replace(fits, basis=basis))
    assert key(fits) != key(fits, bandwidth=0.8)
    real, prior = Found(fits).real, Prior.from_preset("naa_pcr")
    wider = dataclasses.replace(prior, gamma=dataclasses.replace(prior.gamma, high=20.0))
    assert generators.published_generator(prior, real).key != generators.published_generator(wider, real).key


def test_a_prior_from_fits_is_not_a_published_one(fits, tmp_path):
    prior_from_fits(fits).save(tmp_path / "fitted.json")
    with pytest.raises(ValueError, match="Give the fits themselves"):
        study_realism("measured_mrs", priors=[tmp_path / "fitted.json"], output_dir=tmp_path / "out")


def test_priors_of_the_same_name_are_refused(tmp_path):
    Prior.from_preset("naa_pcr").save(tmp_path / "naa_pcr.json")
    for taken in ("copies", "controls", "fitted_prior"):
        Prior.from_preset("naa_pcr").save(tmp_path / f"{taken}.json")
    same_name = [tmp_path / f"{taken}.json" for taken in ("copies", "controls", "fitted_prior")]
    for priors in (["naa_pcr", tmp_path / "naa_pcr.json"], *([path] for path in same_name)):
        with pytest.raises(ValueError, match="a name of its own"):
            study_realism("measured_mrs", priors=priors, output_dir=tmp_path / "out")


@pytest.mark.parametrize("seeds", [(), (1, 1)])
def test_seeds_are_given_once(tmp_path, seeds):
    with pytest.raises(ValueError, match="`seeds` must be one or more"):
        study_realism("measured_mrs", priors=["naa_pcr"], seeds=seeds, output_dir=tmp_path / "out")


def test_nothing_to_judge_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="nothing to judge"):
        study_realism("measured_mrs", output_dir=tmp_path / "out")


def test_presets_are_at_the_field_of_the_dataset_and_files_as_they_are(fits, tmp_path):
    prior, real = Prior.from_preset("naa_pcr"), Found(fits).real
    assert generators.at_field("naa_pcr", prior, real).eps.high == pytest.approx(prior.eps.high * 127.7 / 123.2)
    assert generators.at_field(tmp_path / "mine.json", prior, real) is prior
