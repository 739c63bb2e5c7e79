"""Each effect against a result on paper or a sum written out."""

import numpy as np
import pytest
import scipy.integrate
from hypothesis import given
from hypothesis import strategies as st

from mrs_keras import Acquisition
from mrs_keras.simulation import (
    apply_eddy_current,
    apply_frequency_drift,
    fid_to_spectrum,
    receive_with_coils,
    residual_water,
)

ACQUISITION = Acquisition()
TIME = ACQUISITION.time_axis_s
LINE = np.exp((2j * np.pi * 100 - 15) * TIME)[None]
COVARIANCE = np.array([[1.0, 0.3, 0.0], [0.3, 2.0, -0.4], [0.0, -0.4, 0.5]])
AMPLITUDE, PHASE = np.array([1.0, 0.6, 0.3]), np.array([0.2, -1.0, 2.5])


def test_eddy_current_phase_is_the_integral_of_the_decaying_frequency():
    shifted = apply_eddy_current(LINE, TIME, 8.0, 0.05)
    offsets_hz = 8.0 * np.exp(-np.concatenate([[0.0], TIME]) / 0.05)
    phase = 2 * np.pi * scipy.integrate.cumulative_simpson(offsets_hz, dx=1 / ACQUISITION.bandwidth_hz)
    # Simpson's rule at 0.25 ms is good to 1e-9 rad here.
    np.testing.assert_allclose(shifted[0] / LINE[0], np.exp(1j * phase), atol=1e-8)


def test_an_endless_eddy_current_is_a_shift_to_higher_ppm():
    shifted = apply_eddy_current(LINE, TIME, 8.0, 1e6)
    np.testing.assert_allclose(shifted[0], np.exp((2j * np.pi * 108 - 15) * TIME), atol=1e-5)
    spectra = np.abs(fid_to_spectrum(np.concatenate([LINE, shifted])))
    assert np.diff(ACQUISITION.ppm_axis[spectra.argmax(axis=1)])[0] == pytest.approx(8 / 123.2, abs=0.016)


def test_a_water_reference_takes_the_eddy_current_out():
    water = np.exp(-5 * TIME)[None].astype(complex)
    received, reference = (apply_eddy_current(fid, TIME, [6.0], [0.03]) for fid in (LINE, water))
    np.testing.assert_allclose(received * np.exp(-1j * np.angle(reference)), LINE, atol=1e-12)


@pytest.mark.parametrize("transients", [1, 2, 3, 64, 65])
@pytest.mark.parametrize("drift_hz", [0.0, 3.0, -10.0, 2000.0])
def test_drift_is_the_mean_of_the_shifted_transients(drift_hz, transients):
    offsets_hz = drift_hz * (np.linspace(-0.5, 0.5, transients) if transients > 1 else np.zeros(1))
    expected = np.mean([LINE * np.exp(2j * np.pi * offset * TIME) for offset in offsets_hz], axis=0)
    np.testing.assert_allclose(apply_frequency_drift(LINE, TIME, drift_hz, transients), expected, atol=1e-12)


def test_drift_over_many_transients_is_a_sinc():
    ones = np.ones((1, 2048), complex)
    drifted = apply_frequency_drift(ones, TIME, 10.0, transients=100_000)
    # The next term of the expansion is d t / M: 5e-5.
    np.testing.assert_allclose(drifted[0], np.sinc(10.0 * TIME), atol=1e-4)


@given(st.floats(-50, 50), st.integers(1, 200))
def test_drift_neither_changes_the_first_instant_nor_amplifies(drift_hz, transients):
    ones = np.ones((1, 2), complex)
    kernel = apply_frequency_drift(ones, np.array([0.0, 0.3]), drift_hz, transients)[0]
    assert kernel[0] == 1
    assert abs(kernel[1]) <= 1 + 1e-12


def water(**changes):
    values = {"height": 3.0, "shift_hz": 0.0, "gamma": 30.0, "sigma": 0.0, "phase": 0.0, **changes}
    return residual_water(TIME, **{name: np.array([[value]]) for name, value in values.items()})


@pytest.mark.parametrize("shape", [{}, {"gamma": 10.0, "sigma": 20.0}, {"gamma": 0.0, "sigma": 25.0}])
@pytest.mark.parametrize("shift_hz", [0.0, -40 * 4000 / 2048])
def test_residual_water_has_the_height_and_place_asked_for(shape, shift_hz):
    spectrum = fid_to_spectrum(water(shift_hz=shift_hz, phase=1.2, **shape))[0]
    # Zero frequency is the point 1024, and the shift a whole number of points.
    assert np.abs(spectrum).argmax() == 1024 + round(shift_hz * 2048 / 4000)
    assert np.abs(spectrum).max() == pytest.approx(3.0, rel=1e-12)
    # The first sample lies one dwell time after t = 0, which turns a line at f by 2 pi f / bandwidth.
    angle = np.angle(spectrum[np.abs(spectrum).argmax()])
    assert angle == pytest.approx(1.2 + 2 * np.pi * shift_hz / 4000, abs=1e-9)


def test_the_tail_of_residual_water_is_lorentzian():
    spectrum = np.abs(fid_to_spectrum(water())[0])
    offset_hz = np.arange(-1024, 1024) * 4000 / 2048
    expected = 3.0 * 30 / np.hypot(30, 2 * np.pi * offset_hz)
    near = np.abs(offset_hz) < 200
    # The sampled spectrum repeats itself at the bandwidth: at 200 Hz that is (pi 200 / 4000)^2 / 3, or 0.8 %.
    np.testing.assert_allclose(spectrum[near], expected[near], rtol=0.01)


def test_lines_of_residual_water_add_up():
    lines = [{"shift_hz": 5.0}, {"height": 1.0, "gamma": 5.0, "phase": 2.0}]
    defaults = {"height": 3.0, "shift_hz": 0.0, "gamma": 30.0, "sigma": 0.0, "phase": 0.0}
    both = {name: np.array([[{**defaults, **line}[name] for line in lines]]) for name in defaults}
    np.testing.assert_allclose(residual_water(TIME, **both), water(**lines[0]) + water(**lines[1]), atol=1e-12)


def combine(received, noise_covariance):
    """The combination of unit gain with the least noise (Roemer 1990): s^H C^-1 / (s^H C^-1 s)."""
    weights = np.linalg.solve(noise_covariance, AMPLITUDE * np.exp(1j * PHASE)).conj()
    return received @ (weights / (weights @ (AMPLITUDE * np.exp(1j * PHASE))))


def test_coils_receive_the_signal_times_their_sensitivity():
    received = receive_with_coils(LINE, AMPLITUDE, PHASE)
    assert received.shape == (1, 2048, 3)
    np.testing.assert_allclose(received[0, :, 1], 0.6 * np.exp(-1j) * LINE[0], atol=1e-15)
    np.testing.assert_allclose(combine(received, COVARIANCE), LINE, atol=1e-14)
    each = receive_with_coils(np.repeat(LINE, 2, axis=0), [AMPLITUDE, 2 * AMPLITUDE], [PHASE, PHASE])
    np.testing.assert_allclose(each[1], 2 * each[0], atol=1e-15)


def test_combined_coils_have_the_noise_that_theory_gives_them():
    silence = np.zeros((50, 2048), complex)
    noise = receive_with_coils(silence, AMPLITUDE, PHASE, noise_covariance=COVARIANCE, seed=3)
    flat = noise.reshape(-1, 3)
    # 102,400 numbers: relative standard errors of 0.5 %.
    np.testing.assert_allclose(np.cov(flat.real.T), COVARIANCE, atol=0.03)
    np.testing.assert_allclose(np.cov(flat.imag.T), COVARIANCE, atol=0.03)
    sensitivity = AMPLITUDE * np.exp(1j * PHASE)
    variance = 1 / (sensitivity.conj() @ np.linalg.solve(COVARIANCE, sensitivity)).real
    assert combine(noise, COVARIANCE).real.var() == pytest.approx(variance, rel=0.03)
    assert variance < (COVARIANCE.diagonal() / AMPLITUDE**2).min()  # better than the best coil


def test_coil_noise_of_an_example_does_not_depend_on_the_batch():
    fids = np.repeat(LINE, 5, axis=0)
    together = receive_with_coils(fids, AMPLITUDE, PHASE, noise_covariance=COVARIANCE, seed=1)
    alone = receive_with_coils(fids[3:4], AMPLITUDE, PHASE, noise_covariance=COVARIANCE, seed=1, start=3)
    np.testing.assert_array_equal(together[3:4], alone)


def test_single_precision_stays_single():
    single = LINE.astype(np.complex64)
    assert apply_eddy_current(single, TIME, 1.0, 0.1).dtype == np.complex64
    assert apply_frequency_drift(single, TIME, 1.0).dtype == np.complex64
    assert receive_with_coils(single, AMPLITUDE, PHASE, noise_covariance=COVARIANCE).dtype == np.complex64


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: apply_eddy_current(LINE[0], TIME, 1.0, 0.1), r"`fid` must be complex .*Give one FID as fid\[None\]"),
        (lambda: apply_eddy_current(LINE.real, TIME, 1.0, 0.1), "`fid` must be complex"),
        (lambda: apply_eddy_current(LINE * np.nan, TIME, 1.0, 0.1), "`fid` must be finite"),
        (lambda: apply_eddy_current(LINE, TIME[:-1], 1.0, 0.1), "`time_axis_s` must have one time per point"),
        (lambda: apply_eddy_current(LINE, TIME, [1.0, 2.0], 0.1), r"`amplitude_hz`.*Expected shape \(\) or \(1,\)"),
        (lambda: apply_eddy_current(LINE, TIME, 1.0, 0.0), "`time_constant_s` must be .*above 0"),
        (lambda: apply_frequency_drift(LINE, TIME, np.inf), "`drift_hz` must be finite"),
        (lambda: apply_frequency_drift(LINE, TIME, 1.0, transients=0), "`transients` must be a whole number"),
        (lambda: water(height=-1.0), "`height` must not be negative"),
        (lambda: water(sigma=-1.0), "`sigma` must not be negative"),
        (lambda: residual_water(TIME, [[1.0]], [0.0], [[1.0]], [[1.0]], [[1.0]]), r"`shift_hz` must have the shape"),
        (lambda: receive_with_coils(LINE, [1.0], [0.0, 1.0]), "`amplitude` and `phase` must have the same shape"),
        (lambda: receive_with_coils(LINE, 1.0, 0.0), "one number per coil"),
        (
            lambda: receive_with_coils(LINE, [1.0, 1.0], [0.0, 0.0], noise_covariance=[[1.0, 2.0], [2.0, 1.0]]),
            "`noise_covariance` must be a symmetric, positive definite",
        ),
    ],
)
def test_input_that_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
