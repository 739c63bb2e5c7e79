"""Fits of in-vivo spectra against the forward model, and known truth."""

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.basis import add_broad_signals, simulate_press
from mrs_keras.fitting import InVivoFits, InVivoModel, fit_spectra
from mrs_keras.simulation import SpectralParameters, forward_model
from mrs_keras.simulation.splines import SplineBaseline

ACQUISITION = Acquisition(127.7, 2000.0, 2048, (-1.0, 4.3))
BASIS = simulate_press(["NAA", "Cr", "PCr", "GPC", "Ins", "Glu"], ACQUISITION)
MODEL = InVivoModel(broad=("MM09", "MM20"))


def spectra_of(count: int, noise_sigma: float, seed: int = 0) -> tuple[np.ndarray, SpectralParameters]:
    basis = add_broad_signals(BASIS, ["MM09", "MM20", "CrCH2"]).scaled()
    rng = np.random.default_rng(seed)
    splines = SplineBaseline(-1.0, 4.3, 10)
    parameters = SpectralParameters(
        concentrations=np.array([12, 5, 4, 1.5, 6, 9, 6, 8, 1]) * rng.uniform(0.8, 1.2, (count, 9)),
        gamma=rng.uniform(4, 10, count),
        sigma=rng.uniform(3, 8, count),
        eps=rng.uniform(-5, 5, count),
        phi0=rng.uniform(-0.5, 0.5, count),
        phi1=rng.uniform(-5e-4, 5e-4, count),
        baseline=rng.normal(size=(count, 20)),
    )
    clean = forward_model(parameters, basis, baseline_regressors=splines.regressors(ACQUISITION))
    noise = rng.normal(size=(2, *clean.shape)) * noise_sigma
    return (clean + noise[0] + 1j * noise[1])[:, ACQUISITION.window], parameters


@pytest.fixture(scope="module")
def fits() -> InVivoFits:
    spectra, _ = spectra_of(4, 0.1)
    return fit_spectra(spectra, BASIS, model=MODEL, noise_sigma=0.1, participants=list("abcd"), jobs=1)


def test_fitted_spectra_are_the_forward_model_at_the_reported_parameters(fits):
    regressors = fits.baseline_splines.regressors(ACQUISITION)
    again = forward_model(fits.parameters(), fits.basis, baseline_regressors=regressors)[:, ACQUISITION.window]
    np.testing.assert_allclose(again, fits.fitted, rtol=0, atol=1e-12 * np.abs(again).max())


def test_amplitudes_of_a_spectrum_that_the_model_explains_are_found(fits):
    _, truth = spectra_of(4, 0.1)
    assert fits.converged.all()
    assert fits.misfit == pytest.approx(1.0, abs=0.1)
    for columns in ([0], [1, 2], [3], [4], [5]):
        found, expected = (c[:, columns].sum(axis=1) for c in (fits.concentrations, truth.concentrations))
        np.testing.assert_allclose(found, expected, rtol=0.03)


def test_saved_fits_are_loaded_as_they_were(fits, tmp_path):
    fits.save(tmp_path / "fits.npz")
    loaded = InVivoFits.load(tmp_path / "fits.npz")
    assert loaded.columns == fits.columns
    assert loaded.participants == ("a", "b", "c", "d")
    assert loaded.groups == fits.groups
    assert loaded.baseline_splines == fits.baseline_splines
    np.testing.assert_array_equal(loaded.correlations, fits.correlations)
    assert loaded[1:].participants == ("b", "c", "d")
