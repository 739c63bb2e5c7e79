"""Augmented Lorentzian lines against their formulas, and the level of added noise."""

import numpy as np
import pytest
import scipy.stats
from scipy.special import voigt_profile

from mrs_keras.study.enrichment.augmentation import Augmentation, with_noise
from tests.fitting.fits_of_truth import ACQUISITION

POINTS = ACQUISITION.window_points
STEP_HZ = ACQUISITION.bandwidth_hz / ACQUISITION.points
"""Distance of two bins of the discrete Fourier transform of a FID."""

NOTHING = {"phase_rad": 0.0, "shift_hz": 0.0, "lorentzian_hz": 0.0, "gaussian_hz": 0.0, "baseline": 0.0}
BINS_HZ = STEP_HZ * (np.arange(POINTS) - POINTS // 2)
CENTRES_HZ, WIDTH_HZ = np.array([-31.3, 20.0, 77.7]), 25.0


def line(centre_hz, width_hz, half_first=False):
    """Spectrum of a decaying exponential of this width at half maximum, as the sum of a geometric series.

    Its bins begin at the lowest frequency, as a window's do.
    """
    decay = np.pi * np.asarray(width_hz)[..., None] - 2j * np.pi * (np.asarray(centre_hz)[..., None] - BINS_HZ)
    ratio = np.exp(-decay / (POINTS * STEP_HZ))
    spectrum = (1 - ratio**POINTS) / (1 - ratio)
    return spectrum - 0.5 * half_first


def lines(count):
    return np.tile(line(CENTRES_HZ, np.full(3, WIDTH_HZ)), (count // 3 + 1, 1))[:count]


def augmented(spectra, seed=0, stream="a stream", **amounts):
    return Augmentation(**{**NOTHING, **amounts})(spectra, ACQUISITION, seed, stream)


def at_first_times(spectra, others):
    """Logarithm of the ratio of two FIDs one step after their beginning."""
    first, second = (np.fft.ifft(each, axis=1)[:, 1] for each in (spectra, others))
    return np.log(second / first)


def assert_uniform(values, low, high):
    assert values.min() >= low - 1e-9
    assert values.max() <= high + 1e-9
    assert scipy.stats.kstest(values, scipy.stats.uniform(low, high - low).cdf).pvalue > 1e-3


def test_without_amounts_nothing_changes():
    np.testing.assert_allclose(augmented(lines(6)), lines(6), atol=1e-10)


def test_a_phase_turns_all_points_by_one_angle_of_either_sign():
    before = lines(300)
    after = augmented(before, phase_rad=0.2)
    angle = np.angle((after * before.conj()).sum(axis=1))
    np.testing.assert_allclose(after, np.exp(1j * angle)[:, None] * before, atol=1e-9)
    assert_uniform(angle, -0.2, 0.2)


def test_a_shift_moves_a_line_by_as_many_hertz():
    before = lines(300)
    after = augmented(before, shift_hz=3.0)
    shift = at_first_times(before, after).imag * POINTS * STEP_HZ / (2 * np.pi)
    expected = line(np.resize(CENTRES_HZ, 300) + shift, np.full(300, WIDTH_HZ))
    # The decay has 2e-9 of its beginning left at half of the time, where signed times begin.
    np.testing.assert_allclose(after, expected, atol=1e-6 * np.abs(before).max())
    assert_uniform(shift, -3.0, 3.0)


def test_lorentzian_broadening_adds_to_the_width_of_a_line():
    before = lines(300)
    after = augmented(before, lorentzian_hz=4.0)
    added = -at_first_times(before, after).real * POINTS * STEP_HZ / np.pi
    expected = line(np.resize(CENTRES_HZ, 300), WIDTH_HZ + added)
    np.testing.assert_allclose(after, expected, atol=1e-6 * np.abs(before).max())
    assert_uniform(added, 0.0, 4.0)


def test_gaussian_broadening_makes_a_voigt_line_of_that_width():
    before = np.tile(line(20.0, WIDTH_HZ, half_first=True), (300, 1))
    after = augmented(before, gaussian_hz=12.0)
    added = np.sqrt(np.maximum(-at_first_times(before, after).real, 0) * 4 * np.log(2)) * POINTS * STEP_HZ / np.pi
    assert_uniform(added, 0.0, 12.0)
    deviation = added[:, None] / (2 * np.sqrt(2 * np.log(2)))
    # Bins repeat after the width of the window.
    copies = [BINS_HZ - 20.0 + turn * POINTS * STEP_HZ for turn in range(-3, 4)]
    profile = sum(voigt_profile(each, deviation, WIDTH_HZ / 2) for each in copies)
    expected = profile * POINTS * STEP_HZ / 2
    np.testing.assert_allclose(after.real, expected, atol=0.01 * expected.max())


def test_a_baseline_is_a_polynomial_of_the_fourth_order_of_the_stated_height():
    before = lines(300)
    added = augmented(before, baseline=0.02) - before
    x = np.linspace(-1, 1, POINTS)
    legendre = np.stack([x**0, x, (3 * x**2 - 1) / 2, (5 * x**3 - 3 * x) / 2, (35 * x**4 - 30 * x**2 + 3) / 8])
    height = np.abs(before).max(axis=1)
    coefficients, *_ = np.linalg.lstsq(legendre.T, (added / height[:, None]).T, rcond=None)
    np.testing.assert_allclose(coefficients.T @ legendre, added / height[:, None], atol=1e-12)
    assert_uniform(np.concatenate([coefficients.real.ravel(), coefficients.imag.ravel()]), -0.02, 0.02)
    assert np.abs(np.corrcoef(np.concatenate([coefficients.real, coefficients.imag])) - np.eye(10)).max() < 0.25


def test_a_row_depends_on_seed_stream_and_number_alone():
    spectra, whole = lines(20), Augmentation()(lines(20), ACQUISITION, 3, "a stream")
    for few in (1, 7):  # a matrix product rounds differently with other numbers of rows
        np.testing.assert_allclose(Augmentation()(spectra[:few], ACQUISITION, 3, "a stream"), whole[:few], rtol=1e-13)
    others = spectra.copy()
    others[:6] = 0.1
    np.testing.assert_array_equal(Augmentation()(others, ACQUISITION, 3, "a stream")[6:], whole[6:])
    for seed, stream in ((4, "a stream"), (3, "another")):
        assert not np.isclose(Augmentation()(spectra, ACQUISITION, seed, stream), whole).all(axis=1).any()
    assert not np.isclose(whole[0], whole[3]).all()  # the same line, drawn again


def test_the_noise_of_a_row_depends_on_seed_stream_and_number_alone():
    carried, wanted = np.linspace(0, 0.5, 20), np.full(20, 1.5)
    whole = with_noise(lines(20), carried, wanted, 3, "noise")
    np.testing.assert_array_equal(with_noise(lines(20)[:7], carried[:7], wanted[:7], 3, "noise"), whole[:7])
    assert not np.isclose(with_noise(lines(20), carried, wanted, 4, "noise"), whole).any(axis=1).all()


@pytest.mark.parametrize("carried", [0.0, 0.6, 1.9])
def test_spectra_have_the_noise_that_was_asked_for_after_it_to_one_percent(carried):
    rng = np.random.default_rng(0)
    before = carried * (rng.normal(size=(150, 500)) + 1j * rng.normal(size=(150, 500)))
    after = with_noise(before, np.full(150, carried), np.full(150, 2.0), 0, "noise")
    # The standard error of 75,000 numbers is 0.26 %.
    np.testing.assert_allclose([after.real.std(), after.imag.std()], 2.0, rtol=0.01)
    added = (after - before) / np.sqrt(4.0 - carried**2)
    assert abs((added.real * added.imag).mean()) < 0.02
    assert abs((added[:, 1:] * added[:, :-1].conj()).mean()) < 0.03
    assert scipy.stats.kstest(added.view(float).ravel(), "norm").pvalue > 1e-3


def test_each_spectrum_gets_its_own_level_and_none_where_more_is_carried():
    before = lines(40)
    carried, wanted = np.full(40, 1.0), np.tile([0.5, 1.0, 3.0, 10.0], 10)
    added = with_noise(before, carried, wanted, 0, "noise") - before
    np.testing.assert_array_equal(added[wanted <= 1.0], 0)
    for level in (3.0, 10.0):
        deviation = added[wanted == level].view(float).std()
        assert deviation == pytest.approx(np.sqrt(level**2 - 1), rel=0.03)
