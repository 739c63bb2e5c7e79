"""Generators that must not pass: copies and mixtures of the training spectra."""

import numpy as np

from mrs_keras.evaluation.realism.draws import shuffled
from mrs_keras.evaluation.realism.spectra import GeneratedSpectra, RealSpectra
from mrs_keras.random_streams import REALISM
from mrs_keras.simulation.keyed_random import keyed_uniform


def copies(training: RealSpectra, count: int, seed: int = 0) -> GeneratedSpectra:
    """Repeats the training spectra with their noise, labels and all, each as often as any other to within one."""
    rounds = -(-count // len(training))
    rows = np.concatenate([shuffled(len(training), seed, "copies", number) for number in range(rounds)])[:count]
    labels = None if training.labels is None else training.labels[rows]
    sites = tuple(training.sites[row] for row in rows)
    return GeneratedSpectra(training.spectra[rows], training.noise_sigma[rows], labels, sites)


def mixtures(training: RealSpectra, count: int, seed: int = 0) -> GeneratedSpectra:
    """Mixes the training spectra (mixup, Zhang et al. 2018, doi 10.48550/arXiv.1710.09412).

    Each result is w a + (1 - w) b of two different training spectra drawn at random, with w uniform from 0 to 1
    (Beta(1, 1)); so are its labels. The noise is mixed with the spectra and no other is added: of levels s and t,
    sqrt(w^2 s^2 + (1 - w)^2 t^2) is left, and it is handed on as such.

    Args:
      training: two or more spectra.
      count: of mixtures.
      seed: Defaults to `0`.
    """
    uniform = keyed_uniform(0, count, 3, REALISM, seed, "mixtures")
    first = (uniform[:, 0] * len(training)).astype(int)
    second = (first + 1 + (uniform[:, 1] * (len(training) - 1)).astype(int)) % len(training)
    w = uniform[:, 2]

    def mixed(values):
        return (values[first].T * w + values[second].T * (1 - w)).T

    sigma = training.noise_sigma
    noise = np.hypot(w * sigma[first], (1 - w) * sigma[second])
    return GeneratedSpectra(mixed(training.spectra), noise, None if training.labels is None else mixed(training.labels))
