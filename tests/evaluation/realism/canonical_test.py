import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras import Acquisition
from mrs_keras.evaluation.realism import canonical
from tests.evaluation.realism.simulated import ACQUISITION, simulated

QUIET = 1e-9
"""Noise over the tallest point with which only the signal counts."""

WIDE = Acquisition(127.737, 2000.0, 2048, (-1.0, 4.3))


PLACE = (np.arange(WIDE.points) - WIDE.points // 2)[WIDE.window]
TRANSFORM = np.exp(-2j * np.pi * np.outer(PLACE, np.arange(WIDE.points)) / WIDE.points)
"""The discrete Fourier transform to the points of the window, written out."""


def lines(shift_hz=0.0):
    """NAA, Cr and Cho of 5 Hz."""
    time = np.arange(WIDE.points) / WIDE.bandwidth_hz
    fid = 0
    for ppm, height in ((2.01, 1.0), (3.03, 0.7), (3.21, 0.5)):
        hz = (ppm - 4.65) * WIDE.spectrometer_frequency_mhz + shift_hz
        fid = fid + height * np.exp((2j * np.pi * hz - 5 * np.pi) * time)
    fid[0] /= 2
    return (TRANSFORM @ fid)[None]


def canonical_of(spectra, acquisition=WIDE, noise=QUIET, **options):
    spectra = np.atleast_2d(spectra)
    return canonical(spectra, acquisition, noise * np.abs(spectra).max(axis=1), **options)


def test_naa_is_at_its_place_real_and_of_height_one():
    form = canonical_of(lines(shift_hz=7.3) * 40 * np.exp(1.1j))
    (spectrum,) = form.spectra
    tallest = np.abs(spectrum).argmax()
    assert form.ppm[tallest] == pytest.approx(2.01, abs=0.75 * (form.ppm[1] - form.ppm[0]))
    near = (form.ppm >= 1.9) & (form.ppm <= 2.1)
    assert spectrum.real[near].max() == pytest.approx(1)
    between = (form.ppm >= 2.9) & (form.ppm <= 3.35)
    assert abs(np.angle(spectrum[between].sum())) < 1e-6
    assert form.ppm[0] == pytest.approx(0.2, abs=0.01)
    assert form.ppm[-1] == pytest.approx(4.2, abs=0.01)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-3, 1e3), phase=st.floats(-np.pi, np.pi))
def test_scale_and_phase_do_not_matter(scale, phase):
    spectra = simulated(500)[0][:4]
    expected = canonical_of(spectra, ACQUISITION, noise=1e-6).spectra
    found = canonical_of(spectra * scale * np.exp(1j * phase), ACQUISITION, noise=1e-6).spectra
    # The noise around the window is not rotated with the spectrum: it reaches inside at its level.
    np.testing.assert_allclose(found, expected, atol=2e-5)


@settings(max_examples=15, deadline=None)
@given(shift_hz=st.floats(-15.0, 15.0))
def test_a_small_shift_does_not_matter(shift_hz):
    # NAA is found on a grid of a quarter of a point; what is left is a shift by an eighth at most.
    expected, found = (canonical_of(lines(shift)).spectra[0] for shift in (0.0, shift_hz))
    eighth = np.abs(np.diff(expected)).max() / 8
    assert np.abs(found - expected).max() < 2.5 * eighth


def test_a_shift_by_whole_points_changes_next_to_nothing():
    expected, found = (canonical_of(lines(points * 2000 / 2048)).spectra[0] for points in (0, 9))
    inside = slice(20, -20)  # the edges of the window of the input have moved
    np.testing.assert_allclose(found[inside], expected[inside], atol=2e-3)


def test_spectrum_k_depends_on_seed_split_and_k_alone():
    spectra, sigma, _ = simulated(500)
    whole = canonical(spectra[:300], ACQUISITION, sigma[:300], seed=1, split="generated")
    part = canonical(spectra[280:300], ACQUISITION, sigma[280:300], seed=1, split="generated", start=280)
    np.testing.assert_array_equal(whole.spectra[280:], part.spectra)
    other = canonical(spectra[280:300], ACQUISITION, sigma[280:300], seed=2, split="generated", start=280)
    assert not np.array_equal(part.spectra, other.spectra)


def test_the_noise_of_the_canonical_spectrum_is_its_noise_sigma():
    clean = np.repeat(lines(), 200, axis=0)
    sigma = 0.01 * np.abs(clean[0]).max()
    noise = np.random.default_rng(0).normal(size=(*clean.shape, 2)) @ [1, 1j]
    form = canonical(clean + sigma * noise, WIDE, np.full(200, sigma))
    quiet = form.ppm < 1.0
    spread = form.spectra[:, quiet].real.std(axis=0).mean()
    assert spread == pytest.approx(form.noise_sigma.mean(), rel=0.03)
    np.testing.assert_allclose(form.snr, 1 / form.noise_sigma)
    assert form.snr.mean() == pytest.approx(100, rel=0.05)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"spectra": np.ones((2, 5), complex)}, r"shape \(n, 252\)"),
        ({"spectra": np.full((2, 252), np.nan + 0j)}, "finite"),
        ({"spectra": np.ones((2, 252, 2))}, "become complex by"),
        ({"noise_sigma": np.zeros(2)}, "spectra without noise cannot be compared"),
        ({"noise_sigma": np.ones(3)}, "for each of the 2 spectra"),
    ],
)
def test_spectra_that_cannot_be_compared_are_refused(change, message):
    arguments = {"spectra": np.ones((2, 252), complex), "acquisition": Acquisition(), "noise_sigma": np.ones(2)}
    with pytest.raises(ValueError, match=message):
        canonical(**{**arguments, **change})


def test_a_spectrum_that_is_no_brain_keeps_a_positive_scale():
    upside_down = lines() * np.where(np.linspace(-1.0, 4.3, WIDE.window_points) > 2.5, 1, -1)
    form = canonical_of(upside_down)
    assert form.noise_sigma[0] > 0
    assert form.spectra.real.min() < -0.5
