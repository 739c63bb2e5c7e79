"""The noise of measured spectra: its level, and whether it is white, against noise of known level."""

import numpy as np
import pytest

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, add_broad_signals
from mrs_keras.basis.spins.simulation import simulate_basis
from mrs_keras.measured.noise import measure_noise
from mrs_keras.simulation import UniformPrior, fid_to_spectrum
from tests.conftest import SHARED_DATA

ACQUISITIONS = {  # MHz, Hz, points
    "challenge": (123.2, 4000.0, 2048),
    "short": (123.2, 4000.0, 1024),
    "philips": (127.7, 2000.0, 2048),
    "narrow": (123.2, 1200.0, 1024),
}
SPECTRA = 50


def white(rng, *shape):
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


def brain_fids(spectra, f0, bandwidth_hz, points, water=10.0):
    """Returns noiseless FIDs of brains with residual water of up to three lines of 4 times the tallest metabolite."""
    prior = UniformPrior.from_preset("brain_press_te30_uniform")
    broad = [name for name in prior.metabolites if name in BROAD_SIGNALS]
    sharp = [name for name in prior.metabolites if name not in broad]
    basis = simulate_basis(sharp, Acquisition(f0, bandwidth_hz, points, (0.5, 4.1)))
    basis = add_broad_signals(basis, broad).select(prior.metabolites)
    drawn, effects = prior.draw(basis, 0, spectra, seed=1), prior.draw_effects(basis, 0, spectra, seed=1).values()
    time = np.arange(points) / bandwidth_hz
    fids = drawn.concentrations @ basis.fids.T
    fids = fids * np.exp(-(drawn.gamma + 1j * drawn.eps) * time - (drawn.sigma * time) ** 2)
    peaks = np.abs(fid_to_spectrum(fids)).max(axis=1)
    for line in range(3):
        columns = {name: value[:, line, None] for name, value in effects.items() if name.startswith("water_")}
        signal = np.exp(
            (2j * np.pi * columns["water_shift_hz"] - columns["water_gamma"]) * time
            - (columns["water_sigma"] * time) ** 2
            + 1j * columns["water_phase"]
        )
        height = water * columns["water_height"] * peaks[:, None]
        fids += signal * height / np.abs(fid_to_spectrum(signal)).max(axis=1, keepdims=True)
    return fids, peaks


@pytest.fixture(scope="module", params=ACQUISITIONS)
def noisy_brains(request):
    """The acquisition, noisy FIDs of signal-to-noise ratios of 20 to 150, and their sigma."""
    f0, bandwidth_hz, points = ACQUISITIONS[request.param]
    rng = np.random.default_rng(points + int(bandwidth_hz))
    fids, peaks = brain_fids(SPECTRA, f0, bandwidth_hz, points)
    sigma = peaks / rng.uniform(20, 150, SPECTRA)
    return (bandwidth_hz, f0), fids + sigma[:, None] * white(rng, SPECTRA, points), sigma


def test_sigma_of_spectra_with_residual_water_is_within_2_percent_on_average(noisy_brains, measured):
    acquisition, fids, sigma = noisy_brains
    bias = np.mean([measure_noise(fid, *acquisition).sigma for fid in fids] / sigma) - 1
    measured(f"sigma of {len(fids)} noisy brains at {acquisition}: bias {bias:+.2%} (tolerance 2 %)")
    assert abs(bias) < 0.02


def test_white_noise_is_called_white_in_99_of_100_spectra(noisy_brains):
    acquisition, fids, _ = noisy_brains
    noises = [measure_noise(fid, *acquisition) for fid in fids]
    assert sum(not noise.white for noise in noises) <= 0.01 * len(noises)
    assert abs(np.mean([noise.lag1 for noise in noises])) < 0.02
    assert all((noise.reason is None) == noise.white for noise in noises)


@pytest.mark.parametrize("shape", ["exponential", "gaussian"])
@pytest.mark.parametrize("fwhm_hz", [2.0, 10.0])
def test_apodised_fids_are_told(noisy_brains, shape, fwhm_hz):
    acquisition, fids, _ = noisy_brains
    time = np.arange(fids.shape[1]) / acquisition[0]
    decay = np.pi * fwhm_hz * time
    window = np.exp(-decay) if shape == "exponential" else np.exp(-(decay**2) / (4 * np.log(2)))
    noises = [measure_noise(fid * window, *acquisition) for fid in fids]
    assert sum(not noise.white for noise in noises) >= 0.99 * len(noises)
    assert "apodised" in noises[0].reason


@pytest.mark.parametrize("factor", [1.5, 2, 4])
def test_zero_filled_fids_are_told_and_their_sigma_is_that_of_the_filled_spectrum(noisy_brains, factor):
    acquisition, fids, sigma = noisy_brains
    points = fids.shape[1]
    filled = np.pad(fids, ((0, 0), (0, int((factor - 1) * points))))
    noises = [measure_noise(fid, *acquisition) for fid in filled]
    assert all(noise.reason.startswith("zero-filled") and not noise.white for noise in noises)
    # The same energy of the noise, on more points of an orthonormal spectrum.
    bias = np.mean([noise.sigma for noise in noises] / (sigma * factor**-0.5)) - 1
    assert abs(bias) < 0.02


def test_zeros_that_went_through_single_precision_transforms_are_told():
    fid = white(np.random.default_rng(0), 1024)
    fid[0] += 1000
    spectrum = np.fft.fft(np.pad(fid, (0, 1024))).astype(np.complex64)
    back = np.fft.ifft(spectrum).astype(np.complex64)
    assert np.any(back[1024:])
    assert measure_noise(back, 2000.0, 127.7).reason.startswith("zero-filled: the last 1024 of 2048")


def test_lag1_is_the_correlation_of_the_points_of_the_spectrum():
    rng = np.random.default_rng(4)
    time = np.arange(2048) / 2000
    window = np.exp(-2 * np.pi * time)
    # The expectation over many draws, by Wiener and Khinchin.
    expected = np.sum(window**2 * np.cos(2 * np.pi * np.arange(2048) / 2048)) / np.sum(window**2)
    lags = [measure_noise(white(rng, 2048) * window, 2000.0, 127.7).lag1 for _ in range(40)]
    np.testing.assert_allclose(np.mean(lags), expected, atol=0.04)
    filled = measure_noise(np.pad(white(rng, 1024), (0, 1024)), 2000.0, 127.7)
    assert abs(filled.lag1) < 0.01
    assert not filled.white


def test_noise_that_a_filter_has_shaped_is_told():
    spectrum = np.fft.fft(white(np.random.default_rng(2), 2048))
    frequency = np.abs(np.fft.fftfreq(2048))
    fid = np.fft.ifft(spectrum * np.where(frequency > 0.38, 0.3, 1))
    assert measure_noise(fid, 2000.0, 127.7).reason.startswith("filtered")


def test_spurious_lines_and_water_do_not_raise_sigma():
    rng = np.random.default_rng(3)
    time = np.arange(2048) / 2000
    fid = white(rng, 2048)
    clean = measure_noise(fid, 2000.0, 127.7)
    lines = 7 * np.exp(2j * np.pi * 700 * time) + 30 * np.exp(2j * np.pi * -760.3 * time - 5 * time)
    water = 1e4 * np.exp(2j * np.pi * 3 * time - 12 * time)
    disturbed = measure_noise(fid + lines + water, 2000.0, 127.7)
    assert disturbed.white
    assert disturbed.sigma == pytest.approx(clean.sigma, rel=0.03)


def test_sigma_is_in_the_units_of_the_signal_and_does_not_depend_on_phase():
    fid = white(np.random.default_rng(5), 2048)
    noise = measure_noise(fid, 2000.0, 127.7)
    turned = measure_noise(1e-6j * fid, 2000.0, 127.7)
    assert turned.sigma == pytest.approx(1e-6 * noise.sigma, rel=1e-9)
    assert turned.lag1 == pytest.approx(noise.lag1, abs=1e-9)


def test_a_fid_without_noise_is_not_called_white():
    time = np.arange(2048) / 2000
    assert not measure_noise(np.exp(-40 * time + 0j), 2000.0, 127.7).white
    blanked = white(np.random.default_rng(7), 2048) * ((time < 0.3) | (time > 0.6))
    assert measure_noise(blanked, 2000.0, 127.7).reason.startswith("no noise")


def test_the_input_is_not_changed():
    fid = white(np.random.default_rng(6), 2048)
    before = fid.copy()
    measure_noise(fid, 2000.0, 127.7)
    np.testing.assert_array_equal(fid, before)


@pytest.mark.parametrize(
    ("fid", "bandwidth_hz", "message"),
    [
        (np.ones(2048), 2000.0, "complex of shape"),
        (np.ones((2, 2048), complex), 2000.0, "Combine and average"),
        (np.zeros(2048, complex), 2000.0, "all 0"),
        (np.full(2048, np.nan + 0j), 2000.0, "finite"),
        (np.ones(2048, complex), 0.0, "bandwidth_hz"),
        (np.ones(512, complex), 500.0, "before resampling"),
        (np.ones(1, complex), 2000.0, "at least 100 points"),
        (np.eye(1, 2048)[0] + 0j, 2000.0, "at least 16 points without signal.* of 1 "),
    ],
)
def test_bad_input_is_named(fid, bandwidth_hz, message):
    with pytest.raises(ValueError, match=message):
        measure_noise(fid, bandwidth_hz, 127.7)


def test_all_80_scans_in_vivo_have_white_noise_although_their_signal_reaches_into_the_region(measured):
    folder = SHARED_DATA / "invivo_biggaba" / "nifti"
    if not folder.exists():
        pytest.skip("the in-vivo scans (shared/data/invivo_biggaba) are not beside this checkout")
    from nifti_mrs.nifti_mrs import NIFTI_MRS

    noises = []
    for path in sorted(folder.glob("*_svs.nii.gz")):
        scan = NIFTI_MRS(str(path))
        noises.append(measure_noise(scan[:].squeeze(), float(scan.bandwidth), float(scan.spectrometer_frequency[0])))
    measured(f"white noise: {sum(noise.white for noise in noises)} of {len(noises)} scans in vivo")
    assert len(noises) == 80
    # At a false-positive rate of 1 %, more than 4 of 80 are rarer than 1 in 700.
    assert sum(noise.white for noise in noises) >= 76
    assert max(abs(noise.lag1) for noise in noises) < 0.12
