"""Eddy-current correction of simulated eddy currents of known truth."""

import numpy as np
import pytest

from mrs_keras.measured.eddy_currents import correct_eddy_currents, reference_phase
from mrs_keras.simulation import apply_eddy_current
from tests.measured.averaged_fids import BANDWIDTH_HZ, POINTS, change_percent, simulated

TIME = np.arange(1, POINTS + 1) / BANDWIDTH_HZ
AMPLITUDE_HZ, CONSTANT_S = np.linspace(-9, 9, 20), np.linspace(0.1, 0.01, 20)


def references(noise: float, gamma: float = 15.0, sigma: float = 10.0) -> np.ndarray:
    water = np.tile(np.exp(-gamma * TIME - (sigma * TIME) ** 2), (20, 1)).astype(complex)
    random = np.random.default_rng(1)
    received = apply_eddy_current(water, TIME, AMPLITUDE_HZ, CONSTANT_S)
    return received + noise * (random.normal(size=water.shape) + 1j * random.normal(size=water.shape))


def test_eddy_currents_are_removed_to_a_hundredth_of_a_percent_without_noise():
    fids = simulated(0, 20)[0]
    received = apply_eddy_current(fids, TIME, AMPLITUDE_HZ, CONSTANT_S)
    assert np.median(change_percent(received - fids, fids)) > 20
    corrected = [correct_eddy_currents(*pair) for pair in zip(received, references(0.0), strict=True)]
    assert change_percent(corrected - fids, fids).max() < 0.01


@pytest.mark.parametrize(
    ("noise", "gamma", "sigma", "percent"), [(1e-3, 15, 10, 0.1), (2e-4, 15, 10, 0.03), (2e-4, 30, 25, 1)]
)
def test_the_noise_of_the_reference_stays_out_of_the_spectrum(noise, gamma, sigma, percent, measured):
    fids = simulated(0, 20)[0]
    received = apply_eddy_current(fids, TIME, AMPLITUDE_HZ, CONSTANT_S)
    noisy = references(noise, gamma, sigma)
    corrected = [correct_eddy_currents(*pair) for pair in zip(received, noisy, strict=True)]
    left = np.median(change_percent(corrected - fids, fids))
    direct = np.median(change_percent(received * np.exp(-1j * np.angle(noisy)) - fids, fids))
    measured(
        f"eddy currents left, reference with noise {noise:g}: {left:.3f} %; with the phase as measured {direct:.3f} %"
    )
    assert left < percent
    assert left < direct / 2


def test_the_tail_of_the_phase_is_smooth_where_the_reference_has_decayed():
    steps = np.diff([reference_phase(reference, POINTS) for reference in references(1e-3)], axis=1)
    # Noise alone has steps of 1.8 rad rms; the frequency of the water is 0 within 1 Hz (1.6 mrad per point).
    assert np.sqrt(np.mean(steps[:, -500:] ** 2)) < 2 * np.pi * 1 / BANDWIDTH_HZ


def test_a_shorter_reference_keeps_its_frequency_and_a_longer_one_is_cut():
    fid = simulated(0, 20)[0][0]
    reference = references(0.0)[0]
    whole = correct_eddy_currents(fid, reference)
    short = correct_eddy_currents(fid, reference[:1024])
    assert change_percent((short - whole)[None], whole[None])[0] < 0.1
    np.testing.assert_allclose(correct_eddy_currents(fid[:1024], reference), whole[:1024], atol=1e-4 * abs(fid[0]))


def test_magnitudes_and_inputs_stay_and_transients_are_corrected_alike():
    fids, reference = simulated(0, 20)[0][:3], references(1e-3)[0]
    before = fids.copy(), reference.copy()
    corrected = correct_eddy_currents(fids, reference)
    np.testing.assert_allclose(np.abs(corrected), np.abs(fids))
    np.testing.assert_array_equal(corrected[1], correct_eddy_currents(fids[1], reference))
    np.testing.assert_array_equal(fids, before[0])
    np.testing.assert_array_equal(reference, before[1])


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        (np.zeros(2048, complex), "cannot be used for eddy-current correction.*largest magnitude 0"),
        (np.ones(8, complex), "at least 16 points"),
        (np.ones((2, 2048), complex), "shape \\(2, 2048\\)"),
        (np.full(2048, np.nan + 0j), "`reference` must be finite"),
    ],
)
def test_a_reference_without_signal_is_refused(reference, message):
    with pytest.raises(ValueError, match=message):
        correct_eddy_currents(np.ones(2048, complex), reference)


def test_a_zero_filled_reference_works():
    reference = references(1e-3)[0]
    reference[1024:] = 0
    assert np.all(np.isfinite(reference_phase(reference, POINTS)))
    fid = simulated(0, 20)[0][:1]
    received = apply_eddy_current(fid, TIME, AMPLITUDE_HZ[:1], CONSTANT_S[:1])
    assert change_percent(correct_eddy_currents(received, reference) - fid, fid)[0] < 0.5
