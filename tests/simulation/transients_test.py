import json

import numpy as np
import pytest

from mrs_keras.simulation import CoilArray, Drift, ReferenceTransients, Transients
from mrs_keras.simulation.coils import neighbour_correlation
from mrs_keras.simulation.keyed_random import Draws
from mrs_keras.simulation.transients import as_plain, water_fid

DRIFT = Drift(hz=3.0, rad=0.2, step_hz=0.2, step_rad=0.06)
STILL = Drift(hz=0.0, rad=0.0, step_hz=0.0, step_rad=0.0)
TIME = np.arange(1024) / 2000.0


def drawn(index=0, count=64, drift=DRIFT, motion=0.0):
    return Transients.draw(Draws(0, "test", index), count, drift, motion)


def coils(sigma=1.0, transients=16):
    deviation = np.array([0.8, 1.0, 1.2])
    return CoilArray.with_noise_of(
        np.array([1.0, 0.6, 0.3]),
        np.array([0.1, -0.3, 0.2]),
        np.array([2.0, -1.0, 0.5]),
        np.outer(deviation, deviation) * neighbour_correlation(3, 0.4),
        sigma=sigma,
        transients=transients,
    )


def test_drift_has_the_size_that_was_asked_for():
    slopes, steps = [], []
    for index in range(400):
        shift = drawn(index).shift_hz
        assert shift[0] == 0
        slopes.append(shift[-1])
        steps.extend(np.diff(shift))
    # Uniform on +-3 Hz and 63 independent steps; 400 scans: the standard error of a deviation is 3.5 %.
    assert np.std(slopes) == pytest.approx(np.sqrt(3.0**2 / 3 + 63 * 0.2**2), rel=0.1)
    # A linear drift adds (3 / 63)^2 / 3 to the variance of a step.
    assert np.std(steps) == pytest.approx(np.sqrt(0.2**2 + (3 / 63) ** 2 / 3), rel=0.02)


def test_without_drift_and_motion_all_transients_are_the_signal():
    signal = np.exp((50j - 20) * TIME)
    np.testing.assert_allclose(drawn(drift=STILL).apply(signal, None, TIME), np.tile(signal, (64, 1)), rtol=1e-14)


def test_motion_corrupts_one_or_two_transients_and_never_more_than_a_quarter():
    counts = [len(drawn(index, motion=1.0).corrupted_transients) for index in range(50)]
    assert set(counts) == {1, 2}
    assert {len(drawn(index, count=4, motion=1.0).corrupted_transients) for index in range(50)} == {1}
    assert not any(len(drawn(index, count=3, motion=1.0).corrupted_transients) for index in range(50))
    moved = drawn(motion=1.0)
    good = np.setdiff1d(np.arange(64), moved.corrupted_transients)
    assert (moved.amplitude[moved.corrupted_transients] <= 0.7).all()
    np.testing.assert_array_equal(moved.shift_hz[good], drawn().shift_hz[good])


def test_a_positive_shift_raises_the_ppm_and_water_follows_its_factor():
    transients = Transients(
        shift_hz=np.array([0.0, 8.0]),
        phase_rad=np.array([0.0, 0.5]),
        amplitude=np.array([1.0, 0.5]),
        extra_gamma=np.array([0.0, 30.0]),
        water_factor=np.array([1.0, 10.0]),
        corrupted_transients=np.array([1]),
    )
    tissue, water = np.exp(-20.0 * TIME), 0.1 * np.exp(-60.0 * TIME)
    expected = 0.5 * (np.exp(-50.0 * TIME) + 1.0 * np.exp(-60.0 * TIME)) * np.exp(1j * (0.5 + 16 * np.pi * TIME))
    applied = transients.apply(tissue, water, TIME)
    np.testing.assert_allclose(applied[1], expected, atol=1e-12)
    np.testing.assert_allclose(applied[0], tissue + water, atol=1e-12)


def test_a_reference_is_near_the_frequency_of_the_first_transient():
    shifts = np.concatenate(
        [ReferenceTransients.draw(Draws(0, "test", k), 8, DRIFT).reference_shift_hz for k in range(100)]
    )
    assert np.std(shifts) == pytest.approx(0.2, rel=0.1)
    water = water_fid(TIME, 1000.0, 12.0, 10.0)
    assert water[0] == 1000.0
    np.testing.assert_allclose(water[200], 1000 * np.exp(-12 * 0.1 - 1.0))


def test_the_best_combination_of_the_mean_has_the_noise_that_was_asked_for():
    array = coils(sigma=2.5, transients=16)
    sensitivity = array.coil_amplitude * np.exp(1j * array.coil_phase_rad)
    # Roemer: no weights of gain 1 have less noise than 1 / sqrt(s^H C^-1 s), the cables included in s and C.
    inverse = np.linalg.inv(array.noise_covariance)
    variance = 1 / (sensitivity.conj() @ inverse @ sensitivity).real / 16
    assert np.sqrt(variance) == pytest.approx(2.5, rel=1e-12)
    for seed in range(5):
        draw = np.random.default_rng(seed)
        weights = draw.standard_normal(3) + 1j * draw.standard_normal(3)
        weights /= (weights.conj() @ sensitivity).conj()
        assert (weights.conj() @ array.noise_covariance @ weights).real / 16 > 2.5**2


def test_received_noise_has_the_complex_covariance_of_the_coils():
    array = coils()
    noise = array.receive(np.zeros((64, 1024), complex), seed=0, split="test", start=0).reshape(3, -1)
    sample = noise @ noise.conj().T / noise.shape[1] / 2
    # 65,536 complex samples: a relative standard error of 0.3 % per element.
    assert np.linalg.norm(sample - array.noise_covariance) < 0.015 * np.linalg.norm(sample)
    assert np.abs(array.noise_covariance.imag).max() > 0.1 * np.abs(array.noise_covariance).max()


def test_a_transient_is_the_same_in_any_batch():
    array, signal = coils(), np.ones((4, 64), complex)
    together = array.receive(signal, seed=1, split="test", start=8)
    alone = array.receive(signal[2:3], seed=1, split="test", start=10)
    np.testing.assert_array_equal(together[:, 2:3], alone)


def test_the_coils_are_read_back_from_plain_json():
    array = coils()
    truth = json.loads(json.dumps(as_plain(array)))
    np.testing.assert_array_equal(CoilArray.from_truth(truth).noise_covariance, array.noise_covariance)
