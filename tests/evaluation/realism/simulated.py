"""Simulated brain spectra as stand-ins for real and for generated ones."""

import functools

import numpy as np

from mrs_keras.basis import basis_for
from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra
from mrs_keras.simulation import ExampleRecipe, Prior

LABELS = ("NAA", "Cr", "Ins")


@functools.cache
def recipe():
    prior = Prior.from_preset("brain_press_te30_uniform")
    return ExampleRecipe(prior, basis_for(prior.metabolites), seed=3)


ACQUISITION = recipe().basis.acquisition


@functools.lru_cache(maxsize=4)
def simulated(count, split="realism", clean=False):
    """Returns spectra complex (count, points), noise (count,) and labels (count, 3) of one distribution."""
    examples = recipe().draw(0, count, split)
    noiseless = recipe().simulate(examples, split=split, noise=False)
    noisy = recipe().simulate(examples, split=split)
    # As `simulate` defines the signal-to-noise ratio, without effects and baseline: found from the noise itself.
    sigma = np.sqrt((np.abs(noisy - noiseless) ** 2).mean(axis=1) / 2)
    columns = [examples.parameters.concentrations[:, recipe().prior.metabolites.index(name)] for name in LABELS]
    return (noiseless if clean else noisy), sigma, np.stack(columns, axis=1)


def real(rows, count=500, **changes):
    spectra, sigma, labels = simulated(count)
    numbers = np.arange(count)[rows]
    arguments = {
        "subjects": [f"sub-{number:03d}" for number in numbers],
        "sites": [f"site{number % 3}" for number in numbers],
        "labels": labels[rows],
        "label_names": LABELS,
    }
    return RealSpectra(spectra[rows], ACQUISITION, sigma[rows], **{**arguments, **changes})


def generated(rows, count=500, **changes):
    spectra, sigma, labels = simulated(count)
    arguments = {"spectra": spectra[rows], "noise_sigma": sigma[rows], "labels": labels[rows], **changes}
    return GeneratedSpectra(**arguments)
