"""The generators that a study judges: a prior from fits of the training spectra, and published priors."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.data.basis_source import BasisSource
from mrs_keras.evaluation.compared_spectra import labels_of_real
from mrs_keras.evaluation.real_spectra import RealDataset
from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra
from mrs_keras.fitting import InVivoFits, prior_from_fits
from mrs_keras.fitting.in_vivo_fits import ARRAYS
from mrs_keras.labels import Labels
from mrs_keras.measured.subjects import subject_of
from mrs_keras.simulation import ExampleRecipe, FittedPrior, Prior
from mrs_keras.simulation.prior_presets import PRIOR_PRESETS
from mrs_keras.study.cross_validation import CONTROLS, CONTROLS_PART, StudiedGenerator
from mrs_keras.study.parts import file_name

GENERATED = 3000
"""Spectra of a generator in a split: all for the utility, the first 300 for the rest."""

SECONDS_TO_MEASURE = 10.0
"""Rough time to draw and to measure the spectra of a generator in a split, on one core."""

FITTED = "fitted prior"
"""Title of the prior from fits."""


def fitted_generator(fits: InVivoFits, real: RealSpectra, options: Mapping[str, float]) -> StudiedGenerator:
    """Returns a generator that makes a prior from the fits of the training spectra.

    Args:
      fits: of all real spectra, in their order.
      real: all real spectra.
      options: arguments of `prior_from_fits`.
    """

    def generate(rows: np.ndarray, seed: int) -> GeneratedSpectra:
        return spectra_of(ExampleRecipe(prior_from_fits(fits[rows], **options), fits.basis, seed), real)

    key = json.dumps([dict(options), digest_of_fits(fits), GENERATED])
    return StudiedGenerator(generate, key, SECONDS_TO_MEASURE, "made from the fits of the training spectra")


def published_generator(prior: Prior, real: RealSpectra) -> StudiedGenerator:
    """Returns a generator of the spectra of a prior with this package's own basis, in the acquisition of real ones."""
    basis = BasisSource().basis(prior.metabolites, real.acquisition)

    def generate(rows: np.ndarray, seed: int) -> GeneratedSpectra:
        del rows  # a published prior has not seen any
        return spectra_of(ExampleRecipe(prior, basis, seed), real)

    key = json.dumps([prior.to_dict(), GENERATED])
    return StudiedGenerator(generate, key, SECONDS_TO_MEASURE, "the same in every split")


def spectra_of(recipe: ExampleRecipe, real: RealSpectra, count: int = GENERATED) -> GeneratedSpectra:
    """Simulates spectra of a recipe with noise, and with the labels of real ones."""
    examples = recipe.draw(0, count)
    leaves = recipe.prior.concentrations.values()
    labels = Labels(recipe.prior.metabolites, tuple((leaf.low, leaf.high) for leaf in leaves), "mM")
    values, _ = labels_of_real(labels, examples.parameters.concentrations, real.label_names)
    return GeneratedSpectra(recipe.simulate(examples), recipe.noise_sigma(examples), values)


def fits_of_dataset(fits: InVivoFits, found: RealDataset) -> InVivoFits:
    """Returns the fits of the spectra of a dataset, in its order, or raises `ValueError` if one is missing."""
    rows = {} if fits.ids is None else {name: row for row, name in enumerate(fits.ids)}
    missing = [name for name in found.example_ids if name not in rows]
    if missing or fits.acquisition != found.real.acquisition:
        raise ValueError(
            f"The fits must be of the spectra of '{found.name}', in its acquisition. Received: fits without "
            f"{len(missing)} of {len(found.example_ids)} spectra, {fits.acquisition}. Run `mrs-keras measured fit` "
            "on the dataset."
        )
    if len(set(map(subject_of, found.real.subjects))) < len(found.real):
        raise ValueError(
            f"A prior from fits counts every subject once. Received: {len(found.real)} spectra of "
            f"{len(set(map(subject_of, found.real.subjects)))} subjects in '{found.name}'. Build a dataset of one "
            "spectrum of each subject, or leave out the fits."
        )
    fits = fits[np.array([rows[name] for name in found.example_ids])]
    fitted = fits.fitted + fits.residual
    if not np.allclose(fitted, found.real.spectra, rtol=1e-4, atol=1e-4 * np.abs(fitted).max()):
        raise ValueError(
            f"The fits are of other spectra than those of '{found.name}': processed in another way, or scaled. Run "
            "`mrs-keras measured fit` on the dataset."
        )
    return dataclasses.replace(fits, participants=found.real.subjects, sites=found.real.sites)


def published_priors(priors: Sequence[str | os.PathLike], taken: Sequence[str] = ()) -> dict[str, Prior]:
    """Returns title -> prior.

    Args:
      priors: names of presets, or files.
      taken: titles of other generators.

    Raises:
      ValueError: if two have the same title, or one is made from fits.
    """
    published: dict[str, Prior] = {}
    reserved = (FITTED, *CONTROLS.values(), CONTROLS_PART, *taken)
    for each in priors:
        title, prior = Path(each).stem, Prior.of(each)
        if file_name(title) in map(file_name, (*published, *reserved)):
            raise ValueError(
                f"Each prior must have a name of its own, and none of {', '.join(reserved)}. "
                f"Received: '{title}', of {', '.join(map(os.fspath, priors))}. Rename the file, or give it once."
            )
        if isinstance(prior, FittedPrior):
            raise ValueError(
                "`priors` must know nothing of the dataset, and are simulated with this package's basis. Received: "
                f"'{os.fspath(each)}', which is made from fits. Give the fits themselves (`fits`): a prior is made "
                "of the training subjects of each split."
            )
        published[title] = prior
    return published


def at_field(given: str | os.PathLike, prior: Prior, real: RealSpectra) -> Prior:
    """Returns a preset at the field of real spectra; a prior from a file is for that already, as in `simulated_mrs`."""
    return prior.for_frequency(real.acquisition.spectrometer_frequency_mhz) if given in PRIOR_PRESETS else prior


def digest_of_fits(fits: InVivoFits) -> str:
    """Returns a digest of all that a prior is made from."""
    splines = None if fits.baseline_splines is None else fits.baseline_splines.to_dict()
    about = [fits.columns, fits.basis.description, fits.groups, splines, fits.participants, fits.sites]
    digest = hashlib.sha256(json.dumps(about).encode())
    for array in (fits.basis.fids, *(getattr(fits, name) for name in ARRAYS)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
