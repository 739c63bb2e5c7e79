"""What an arm may see, and what it makes of it: spectra with labels."""

import dataclasses
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.data import LabelColumns
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.fitting import InVivoFits
from mrs_keras.labels import Labels
from mrs_keras.simulation import ExampleRecipe
from mrs_keras.study.enrichment.effort import Effort
from mrs_keras.training.in_vivo_prior import factors_of, prior_of


@dataclasses.dataclass(frozen=True, eq=False)
class LabelledSpectra:
    """Spectra to train a regression on.

    Attributes:
      spectra: complex128 (m, window_points).
      carried: float64 (m,), standard deviation of the noise in each real number, 0 for none.
      level: float64 (m,), the same of a scan; that of the task is a multiple of it.
      labels: float64 (m, labels).
    """

    spectra: np.ndarray
    carried: np.ndarray
    level: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.spectra)

    def __getitem__(self, rows: np.ndarray | slice) -> "LabelledSpectra":
        """Returns some of the spectra."""
        return LabelledSpectra(*(getattr(self, field.name)[rows] for field in dataclasses.fields(self)))

    def __add__(self, other: "LabelledSpectra") -> "LabelledSpectra":
        """Returns these spectra and others."""
        pairs = ((getattr(self, field.name), getattr(other, field.name)) for field in dataclasses.fields(self))
        return LabelledSpectra(*(np.concatenate(pair) for pair in pairs))


@dataclasses.dataclass(frozen=True, eq=False)
class ArmData:
    """All that an arm may see: nothing of a held-out site or subject, and no label of a second labeller.

    Attributes:
      labelled: the n subjects, with their labels, all known.
      fits: of their spectra.
      scans: all spectra of the training sites, without labels.
      fits_of_scans: of these.
      labels: names, units and ranges of the labels of the n.
      acquisition: of all spectra.
      seed: of the draw.
      network_seed: of a network of all scans, which several draws share.
      effort: numbers of the study.
      folder: where trainings that several arms share are kept.
    """

    labelled: MeasuredSpectra
    fits: InVivoFits
    scans: MeasuredSpectra
    fits_of_scans: InVivoFits
    labels: Labels
    acquisition: Acquisition
    seed: int
    network_seed: int
    effort: Effort
    folder: Path

    @property
    def factors(self) -> np.ndarray:
        """Labels over those of fits, float64 (labels,): medians over the n."""
        return factors_of(self.labels, self.labelled, self.fits)

    def real(self, count: int) -> LabelledSpectra:
        """Returns the spectra of the n subjects, each as often as any other."""
        rows = np.arange(count) % len(self.labelled)
        sigma = self.labelled.noise_sigma[rows]
        return LabelledSpectra(self.labelled.spectra[rows], sigma, sigma, self.labelled.values[rows])

    def simulations(self, count: int, of_all_scans: bool = False, factors: np.ndarray | None = None) -> LabelledSpectra:
        """Simulates spectra of a prior from fits, without noise, with the labels of their own parameters.

        Args:
          count: of spectra.
          of_all_scans: whether the prior is made from the fits of all scans. Defaults to `False`: of the n.
          factors: of the labels. Defaults to `None`: `factors`.
        """
        fits = self.fits_of_scans if of_all_scans else self.fits
        prior = prior_of(fits, {})
        recipe = ExampleRecipe(prior, fits.basis, self.seed)
        examples = recipe.draw(0, count)
        columns = LabelColumns.of(self.labels.names, prior.metabolites, self.factors if factors is None else factors)
        return LabelledSpectra(
            recipe.simulate(examples, noise=False).astype(np.complex128),
            np.zeros(count),
            recipe.noise_sigma(examples),
            columns(examples.parameters.concentrations.astype(np.float64)),
        )
