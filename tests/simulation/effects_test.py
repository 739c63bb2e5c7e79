import dataclasses

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, Prior, SpectralParameters, simulate
from mrs_keras.basis import basis_for
from mrs_keras.simulation import Effects, simulate_with_effects

ACQUISITION = Acquisition()
TIME = ACQUISITION.time_axis_s
LINE_HZ = (2.0 - 4.65) * 123.2
SINGLET = Basis(["singlet"], np.exp(2j * np.pi * LINE_HZ * TIME)[:, None], ACQUISITION)
PARAMETERS = SpectralParameters(
    concentrations=[[2.0]],
    gamma=[10.0],
    sigma=[5.0],
    eps=[0.0],
    phi0=[0.0],
    phi1=[0.0],
    baseline=[[1.0, 2.0, 3.0, 4.0]],
)
EFFECTS = Effects(
    water_height=[[40.0]],
    water_shift_hz=[[3.0]],
    water_gamma=[[20.0]],
    water_sigma=[[0.0]],
    water_phase=[[1.0]],
    eddy_amplitude_hz=[4.0],
    eddy_time_constant_s=[0.05],
    drift_hz=[6.0],
    transients=8,
)
DOUBLE = {"dtype": np.complex128}
BRAIN = Prior.from_preset("brain_press_te30_uniform")
BRAIN_BASIS = basis_for(BRAIN.metabolites)


def test_spectra_with_effects_are_the_signal_written_out():
    tissue = 2 * SINGLET.scaled().fids[:, 0] * np.exp(-10 * TIME - (5 * TIME) ** 2)
    envelope = np.exp(-20 * TIME)
    water = 40 * np.sqrt(2048) / (envelope.sum() - envelope[0] / 2) * envelope * np.exp(1j + 6j * np.pi * TIME)
    eddy = np.exp(2j * np.pi * 4 * 0.05 * (1 - np.exp(-TIME / 0.05)))
    drift = np.mean([np.exp(2j * np.pi * 6 * (m / 7 - 0.5) * TIME) for m in range(8)], axis=0)
    fid = (tissue + water) * eddy * drift
    fid[0] /= 2
    expected = np.fft.fftshift(np.fft.fft(fid))[ACQUISITION.window] / np.sqrt(2048)
    silent = dataclasses.replace(PARAMETERS, concentrations=np.zeros((1, 1)))
    baseline = simulate(silent, SINGLET, **DOUBLE)[0]
    spectrum = simulate_with_effects(PARAMETERS, SINGLET, EFFECTS, **DOUBLE)[0]
    np.testing.assert_allclose(spectrum, expected + baseline, atol=1e-10 * np.abs(expected).max())


def test_effects_leave_the_noise_as_it_is():
    clean, noisy = (simulate_with_effects(PARAMETERS, SINGLET, EFFECTS, snr=snr, **DOUBLE) for snr in (None, 30.0))
    without = [simulate(PARAMETERS, SINGLET, snr=snr, **DOUBLE) for snr in (None, 30.0)]
    np.testing.assert_allclose(noisy - clean, without[1] - without[0], atol=1e-10)


@pytest.mark.parametrize("effects", [None, Effects()])
def test_without_effects_the_bytes_are_those_of_simulate(effects):
    spectra = simulate_with_effects(PARAMETERS, SINGLET, effects, snr=20.0)
    assert spectra.tobytes() == simulate(PARAMETERS, SINGLET, snr=20.0).tobytes()


def test_a_spectrum_with_effects_has_the_same_bytes_in_any_batch():
    parameters = BRAIN.draw(BRAIN_BASIS, 0, 70, seed=0)
    effects, snr = BRAIN.draw_effects(BRAIN_BASIS, 0, 70, seed=0), BRAIN.draw_snr(0, 70, seed=0)
    together = simulate_with_effects(parameters, BRAIN_BASIS, effects, snr=snr)
    # In blocks from one spectrum to many: NumPy takes other paths for large arrays.
    for size in (1, 7, 64):
        for start in range(0, 70, size):
            rows = slice(start, start + size)
            apart = simulate_with_effects(parameters[rows], BRAIN_BASIS, effects[rows], snr=snr[rows], start=start)
            assert apart.tobytes() == together[rows].tobytes()


def test_brain_spectra_have_their_peaks_and_proportions_where_a_brain_has_them():
    parameters = BRAIN.draw(BRAIN_BASIS, 0, 200, seed=1)
    effects = BRAIN.draw_effects(BRAIN_BASIS, 0, 200, seed=1)
    mean = simulate_with_effects(parameters, BRAIN_BASIS, effects).mean(axis=0).real
    ppm = ACQUISITION.window_ppm_axis

    def peak(low, high):
        inside = (ppm > low) & (ppm < high)
        return ppm[inside][mean[inside].argmax()], mean[inside].max()

    naa, creatine, choline = peak(1.9, 2.15), peak(2.95, 3.1), peak(3.15, 3.3)
    macromolecules = peak(0.8, 1.0)
    # Shifts are to the spacing of the points, 0.016 ppm, and the slopes of what lies below.
    for found, expected in ((naa, 2.01), (creatine, 3.03), (choline, 3.21), (macromolecules, 0.9)):
        assert found[0] == pytest.approx(expected, abs=0.03)
    assert naa[1] > creatine[1] > choline[1] > macromolecules[1]
    # The spectra of the fitting challenge that have macromolecules have 0.17 to 0.28.
    assert 0.15 < macromolecules[1] / naa[1] < 0.35
    assert np.abs(mean[ppm < 0.5]).max() < 0.1 * naa[1]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"water_height": [[1.0]]}, "needs all of its parameters.*Missing: water_shift_hz"),
        ({"eddy_amplitude_hz": [1.0]}, "Missing: eddy_time_constant_s"),
        ({"eddy_amplitude_hz": [1.0], "eddy_time_constant_s": [1.0, 2.0]}, "one number per spectrum.*Received"),
        ({"drift_hz": [[1.0]]}, "one number per spectrum"),
        ({"drift_hz": [np.nan]}, "`drift_hz` must be finite"),
    ],
)
def test_effects_that_make_no_sense_are_refused(fields, message):
    with pytest.raises(ValueError, match=message):
        Effects(**fields)


def test_effects_of_another_number_of_spectra_are_refused():
    with pytest.raises(ValueError, match="as many spectra as `parameters`. Expected: 1. Received: 2"):
        simulate_with_effects(PARAMETERS, SINGLET, Effects(drift_hz=[1.0, 2.0]))
