"""Resampling of tones and noise, and the convention of FSL-MRS."""

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.measured.resampling import resample, resampled_noise
from mrs_keras.simulation import fid_to_spectrum
from tests.conftest import SHARED_DATA

RATES = [(12004.8, 4096, 2000.0, 1024), (12004.8, 4096, 2000.0, 600), (4000.0, 2048, 2000.0, 1024),
         (2000.0, 2048, 4000.0, 2048), (2500.0, 2048, 2000.0, 1024), (6000.0, 4096, 4000.0, 2048)]  # fmt: skip


@pytest.mark.parametrize(("old_hz", "old_points", "new_hz", "points"), RATES)
def test_tones_in_the_window_keep_their_spectrum(old_hz, old_points, new_hz, points):
    acquisition = Acquisition(123.2, new_hz, points)
    low, high = ((ppm - 4.65) * 123.2 for ppm in acquisition.ppm_window)
    frequencies = np.fft.fftshift(np.fft.fftfreq(points, 1 / new_hz))
    kept = (frequencies > low) & (frequencies < high)
    time = np.arange(old_points) / old_hz
    for tone_hz in np.linspace(low + 5, high - 5, 7):
        fid = np.exp((2j * np.pi * tone_hz - 15) * time - (8 * time) ** 2)
        # The sum over the FID as it was, at the frequencies of the new spectrum.
        halved = np.where(time < points / new_hz, fid, 0) * np.where(time == 0, 0.5, 1.0)
        expected = np.exp(-2j * np.pi * np.multiply.outer(frequencies[kept], time)) @ halved
        expected *= new_hz / old_hz / np.sqrt(points)
        spectrum = fid_to_spectrum(resample(fid, old_hz, acquisition))[kept]
        np.testing.assert_allclose(spectrum, expected, atol=1e-4 * np.abs(expected).max())


def test_water_outside_the_new_band_does_not_fold_into_it():
    time = np.arange(4096) / 12000.0
    fid = np.exp((2j * np.pi * 2700.0 - 10) * time)
    resampled = fid_to_spectrum(resample(fid, 12000.0, Acquisition(123.2, 4000.0, 1024)))
    assert np.abs(resampled).max() < 0.02 * np.abs(fid_to_spectrum(fid)).max()


@pytest.mark.parametrize(("old_hz", "old_points", "new_hz", "points"), [*RATES, (2000.0, 2048, 2000.0, 4096)])
def test_the_noise_is_the_one_announced(old_hz, old_points, new_hz, points):
    acquisition = Acquisition(123.2, new_hz, points)
    random = np.random.default_rng(0)
    noise = random.normal(size=(400, old_points)) + 1j * random.normal(size=(400, old_points))
    spectra = fid_to_spectrum(resample(noise, old_hz, acquisition))[:, acquisition.window]
    announced = resampled_noise(old_points, old_hz, acquisition)
    assert np.std(spectra.real) == pytest.approx(announced.factor, rel=0.02)
    neighbours = abs(np.mean(spectra[:, 1:] * spectra[:, :-1].conj())) / np.mean(np.abs(spectra) ** 2)
    assert (neighbours < 0.03) == announced.white


def test_the_same_acquisition_changes_nothing():
    fid = np.random.default_rng(0).normal(size=(2, 2048)) + 0j
    acquisition = Acquisition(123.2, 4000.0, 2048)
    np.testing.assert_array_equal(resample(fid, 4000.0, acquisition), fid)
    assert resampled_noise(2048, 4000.0, acquisition).factor == 1.0


def test_all_points_but_the_first_are_those_of_fsl_mrs():
    path = SHARED_DATA / "fsl_mrs_golden" / "golden.npz"
    if not path.exists():
        pytest.skip("the golden data of FSL-MRS are not beside this checkout")
    with np.load(path) as golden:
        raw = golden["basis_noTMS_raw"]
        raw = raw.conj() if golden["D_conj_basis"] else raw
        expected = golden["D_basis_scaled"] / golden["D_basis_scale"]
        f0 = float(golden["cf_MHz"])
    resampled = resample(raw.T, 4000.0, Acquisition(f0, 2000.0, 1024)).T
    np.testing.assert_allclose(resampled[1:], expected[1:], atol=1e-12 * np.abs(expected).max())
    # FSL-MRS does not halve the first point: a quarter of it is missing here after a crop to half of the band.
    np.testing.assert_allclose(expected[0] - resampled[0] / 2, raw[0] / 4, atol=1e-12 * np.abs(expected).max())


def test_a_receiver_band_narrower_than_the_window_is_refused():
    with pytest.raises(ValueError, match="receiver's band must contain 0.20 to 4.20 ppm.*wider band"):
        resample(np.ones(1024, complex), 900.0, Acquisition())
    with pytest.raises(ValueError, match="`fid` must be finite"):
        resample(np.full(1024, np.nan), 4000.0, Acquisition())
