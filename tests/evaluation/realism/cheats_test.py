import numpy as np

from mrs_keras.evaluation.realism import copies, mixtures
from tests.evaluation.realism.simulated import real


def test_copies_are_the_training_spectra_each_as_often_as_any_other():
    training = real(slice(0, 30))
    made = copies(training, 100, seed=1)
    rows = [int(np.flatnonzero((training.spectra == each).all(axis=1))[0]) for each in made.spectra]
    assert set(np.bincount(rows)) == {3, 4}
    np.testing.assert_array_equal(made.labels, training.labels[rows])
    np.testing.assert_array_equal(made.noise_sigma, training.noise_sigma[rows])


def test_mixtures_lie_between_two_spectra_with_labels_to_match():
    training = real(slice(0, 30))
    made = mixtures(training, 200, seed=1)
    inverse = np.linalg.pinv(training.spectra)
    weights = (made.spectra @ inverse).real
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert np.all((np.abs(weights) > 1e-6).sum(axis=1) <= 2)
    assert weights.min() > -1e-6
    np.testing.assert_allclose(made.labels, weights @ training.labels, rtol=1e-5)
    expected = np.sqrt(weights**2 @ training.noise_sigma**2)
    np.testing.assert_allclose(made.noise_sigma, expected, rtol=1e-5)
    largest = weights.max(axis=1)
    # The larger of w and 1 - w, w uniform: uniform from 0.5 to 1.
    assert abs(largest.mean() - 0.75) < 4 * 0.144 / 200**0.5


def test_a_mixture_depends_on_seed_and_number_alone():
    training = real(slice(0, 30))
    np.testing.assert_array_equal(mixtures(training, 50, 2).spectra, mixtures(training, 90, 2).spectra[:50])
    assert not np.array_equal(mixtures(training, 50, 2).spectra, mixtures(training, 50, 3).spectra)
