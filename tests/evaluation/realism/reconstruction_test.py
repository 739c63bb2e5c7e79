import numpy as np
import pytest

from mrs_keras.evaluation.realism import measure_realism, measure_reconstruction
from tests.evaluation.realism.simulated import ACQUISITION, generated, real, simulated

TRAINING, HELD_OUT = slice(0, 60), slice(60, 100)


def test_a_reconstruction_of_the_signal_leaves_the_noise():
    clean = simulated(500, clean=True)[0][HELD_OUT]
    error = measure_reconstruction(real(TRAINING), real(HELD_OUT), clean)
    # Medians over 40 spectra of 380 points each: a deviation of well below 2 % of the level.
    assert error.median == pytest.approx(error.noise, rel=0.03)
    assert measure_reconstruction(real(TRAINING), real(HELD_OUT), real(HELD_OUT).spectra).median == 0


def test_errors_are_relative_and_inside_the_compared_window_alone():
    held_out = real(HELD_OUT)
    ppm = ACQUISITION.window_ppm_axis
    outside = (ppm < 0.2) | (ppm > 4.2)
    reconstructed = 0.9 * held_out.spectra
    reconstructed[:, outside] = 0
    assert measure_reconstruction(real(TRAINING), held_out, reconstructed).median == pytest.approx(0.1)


def test_the_reference_is_the_projection_on_32_components_of_the_training_spectra():
    training, held_out = real(TRAINING), real(HELD_OUT)
    ppm = ACQUISITION.window_ppm_axis
    inside = (ppm >= 0.2) & (ppm <= 4.2)
    known, new = (
        np.hstack([each.spectra.real, each.spectra.imag])[:, np.tile(inside, 2)] for each in (training, held_out)
    )
    mean = known.mean(axis=0)
    axes = np.linalg.svd(known - mean, full_matrices=False)[2][:32]
    left = (new - mean) - (new - mean) @ axes.T @ axes
    expected = np.median(np.linalg.norm(left, axis=1) / np.linalg.norm(new, axis=1))
    error = measure_reconstruction(training, held_out, held_out.spectra)
    assert error.pca == pytest.approx(expected)


def test_a_reconstruction_is_needed_of_each_held_out_spectrum():
    with pytest.raises(ValueError, match="a spectrum for each held-out one. Expected: 40. Received: 39"):
        measure_reconstruction(real(TRAINING), real(HELD_OUT), real(HELD_OUT).spectra[1:])
    with pytest.raises(ValueError, match="`reconstructed` need the `training` spectra"):
        measure_realism(generated(slice(150, 170)), real(HELD_OUT), reconstructed=real(HELD_OUT).spectra)
