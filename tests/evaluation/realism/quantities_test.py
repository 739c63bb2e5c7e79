import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras import Acquisition
from mrs_keras.evaluation.realism import QuantityAgreement, canonical, quantities_of
from mrs_keras.evaluation.realism.noise import noise_power

ACQUISITION = Acquisition(127.737, 2000.0, 2048, (-1.0, 4.3))


def forms(noise_of, count=12, fwhm_hz=6.0, snr=200.0, declared=1.0):
    """NAA, Cr and Cho of a known width and SNR; `noise_of` changes unit white noise."""
    time = np.arange(ACQUISITION.points) / ACQUISITION.bandwidth_hz
    fid = sum(
        height * np.exp((2j * np.pi * (ppm - 4.65) * ACQUISITION.spectrometer_frequency_mhz - np.pi * fwhm_hz) * time)
        for ppm, height in ((2.01, 1.0), (3.03, 0.7), (3.21, 0.5))
    )
    fid[0] /= 2
    spectrum = np.fft.fftshift(np.fft.fft(fid, norm="ortho"))
    sigma = np.abs(spectrum).max() / snr
    noise = np.random.default_rng(1).normal(size=(count, ACQUISITION.points, 2)) @ [1, 1j]
    spectra = (spectrum + sigma * noise_of(noise))[:, ACQUISITION.window]
    return canonical(spectra, ACQUISITION, np.full(count, sigma * declared), with_fids=True)


def white(noise):
    return noise


def test_known_snr_and_widths_are_found():
    found = quantities_of(forms(white), ACQUISITION)
    # The tallest of several noisy points is a little above the height.
    assert np.median(found["snr"]) == pytest.approx(200, rel=0.03)
    for name in ("fwhm_naa_hz", "fwhm_cr_hz"):
        assert np.median(found[name]) == pytest.approx(6.0, rel=0.02)


def test_white_noise_of_the_declared_level_has_level_one_and_no_correlation():
    found = quantities_of(forms(white, 40), ACQUISITION)
    assert found["noise_level"].mean() == pytest.approx(1, abs=0.03)
    assert found["noise_lag1"].mean() == pytest.approx(0, abs=0.03)
    _, power = noise_power(forms(white, 40), ACQUISITION)
    late = power[:, power.shape[1] // 2 : -30]
    assert late.mean() == pytest.approx(1, abs=0.03)


def test_noise_below_its_declared_level_is_seen():
    found = quantities_of(forms(lambda noise: 0.1 * noise), ACQUISITION)
    assert found["noise_level"].mean() == pytest.approx(0.1, rel=0.1)


def test_noise_that_was_apodised_is_seen_as_correlated():
    def apodised(noise):
        fids = np.fft.ifft(np.fft.ifftshift(noise, axes=-1))
        return np.fft.fftshift(np.fft.fft(fids * np.exp(-3 * np.arange(2048) / 2000)), axes=-1)

    assert quantities_of(forms(apodised), ACQUISITION)["noise_level"].mean() < 0.3
    assert quantities_of(forms(apodised), ACQUISITION)["noise_lag1"].mean() < -0.1


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.floats(-5, 5), min_size=2, max_size=30),
    st.lists(st.floats(-5, 5), min_size=2, max_size=30),
)
def test_the_statistic_is_the_largest_distance_of_the_distributions(first, second):
    first, second = np.array(first), np.array(second)
    points = np.concatenate([first, second])
    expected = max(abs((first <= x).mean() - (second <= x).mean()) for x in points)
    with np.errstate(divide="ignore", invalid="ignore"):  # of deviations of 0
        assert QuantityAgreement.of(first, second).ks == pytest.approx(expected)


def test_spectra_without_a_line_are_counted():
    agreement = QuantityAgreement.of(np.array([1.0, 2.0, np.nan, np.nan]), np.array([1.0, 3.0]))
    assert agreement.not_measured == (0.5, 0.0)
    assert agreement.deviation_ratio == pytest.approx(0.5)
    assert agreement.medians == (1.5, 2.0)
    assert QuantityAgreement.of(np.full(3, np.nan), np.array([1.0, 3.0])).ks == 1
