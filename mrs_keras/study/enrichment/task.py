"""A task of the study: spectra, labels, sites, and who may see what."""

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.fitting import InVivoFits
from mrs_keras.labels import Labels
from mrs_keras.measured.subjects import subject_of
from mrs_keras.study.enrichment.arm_data import ArmData
from mrs_keras.study.enrichment.augmentation import with_noise
from mrs_keras.study.enrichment.design import Rotation, drawn_subjects, rotations_of, seed_of, sizes_that_fit
from mrs_keras.study.enrichment.effort import Effort
from mrs_keras.study.enrichment.results import ALL
from mrs_keras.study.generators import digest_of_fits


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """Predict labels from spectra with added noise, at sites never seen.

    Args:
      title: of the task.
      key: of its files.
      scans: all spectra, with the labels that regressions are trained on, and sites.
      fits: of these spectra, in their order.
      labels: names, units and ranges.
      acquisition: of the spectra.
      noise_factor: noise of the task over that of a scan.
      sizes: numbers of labelled training subjects, beside all.
      main_size: at which arms are compared first.
      draws: of subjects and seeds.
      trained_draws: networks that are trained on simulations, for each rotation and arm.
      effort: other numbers.
      seed: of the study.
    """

    title: str
    key: str
    scans: MeasuredSpectra
    fits: InVivoFits
    labels: Labels
    acquisition: Acquisition
    noise_factor: float
    sizes: tuple[int, ...]
    main_size: int
    draws: int
    trained_draws: int
    effort: Effort
    seed: int = 0

    def __post_init__(self):
        if self.fits.participants is not None and tuple(self.fits.participants) != tuple(self.scans.participants):
            raise ValueError(
                "The fits are not those of the spectra, in their order. Give fits of the same participants."
            )

    @cached_property
    def labelled(self) -> np.ndarray:
        """bool (n,): spectra that have all labels."""
        return np.isfinite(self.scans.values).all(axis=1)

    @cached_property
    def rotations(self) -> list[Rotation]:
        return rotations_of(self.scans.sites or ("",) * len(self.scans), self.scans.participants)

    @cached_property
    def fitting_sizes(self) -> tuple[str, ...]:
        """The sizes that the data allow, and `"all"`."""
        return sizes_that_fit(self.sizes, self.rotations, self.labelled)

    @property
    def chosen_main_size(self) -> str:
        """The main size, or the largest smaller one that the data allow."""
        fitting = [size for size in self.fitting_sizes if size != ALL]
        return max((size for size in fitting if int(size) <= self.main_size), key=int, default=fitting[0])

    def network_of(self, draw: int) -> int:
        """Returns the number of the network of all scans that a draw uses: the draws share them in turn."""
        return draw % min(self.trained_draws, self.draws)

    def rows_of(self, rotation: Rotation, size: str, draw: int) -> np.ndarray:
        """Returns the rows of the labelled training subjects of a draw."""
        return drawn_subjects(rotation, self.labelled, size, seed_of(self.seed, draw, rotation.number))

    def data(self, rotation: Rotation, size: str, draw: int, folder: Path) -> ArmData:
        """Returns what an arm may see.

        Raises:
          AssertionError: if a subject or a site that is held out were among it.
        """
        rows, training = self.rows_of(rotation, size, draw), rotation.training
        held_out = {subject_of(self.scans.participants[row]) for row in rotation.test}
        seen = {subject_of(self.scans.participants[row]) for row in (*rows, *training)}
        sites = {self.scans.sites[row] for row in (*rows, *training)}
        if seen & held_out or sites & set(rotation.sites):
            # Raised, and not asserted: Python can leave assertions out.
            raise AssertionError(
                f"held out, and yet in training: {sorted(seen & held_out)}, {sorted(sites & set(rotation.sites))}"
            )
        labelled, scans = self.scans[rows], self.scans[training]
        nothing = np.full_like(scans.values, np.nan)
        ranges = zip(labelled.values.min(axis=0).tolist(), labelled.values.max(axis=0).tolist(), strict=True)
        return ArmData(
            labelled=labelled,
            fits=self.fits[rows],
            scans=dataclasses.replace(scans, values=nothing, deviations=nothing),
            fits_of_scans=self.fits[training],
            labels=dataclasses.replace(self.labels, ranges=tuple(ranges)),
            acquisition=self.acquisition,
            seed=seed_of(self.seed, draw, rotation.number),
            network_seed=seed_of(self.seed, self.network_of(draw), rotation.number),
            effort=self.effort,
            folder=folder,
        )

    def noisy(self, draw: int) -> np.ndarray:
        """Returns all spectra with the noise of the task, complex128 (n, points); another noise in each draw."""
        scans = self.scans
        return noisy_spectra(
            scans.spectra, scans.noise_sigma, self.noise_factor, seed=self.seed, draw=draw, key=self.key
        )

    @cached_property
    def digest(self) -> str:
        """Digest of all that results depend on, except for the numbers of sizes and draws."""
        about: list[object] = [
            self.key,
            self.labels.to_dict(),
            self.acquisition.to_dict(),
            self.noise_factor,
            self.seed,
            self.scans.participants,
            self.scans.sites,
            digest_of_fits(self.fits),
            self._plain_effort(),
        ]
        digest = hashlib.sha256(json.dumps(about).encode())
        for array in (self.scans.spectra, self.scans.noise_sigma, self.scans.values):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _plain_effort(self) -> Mapping:
        names = ("examples", "epochs", "inner_folds", "scratch_steps", "pretraining", "fidelity_rows")
        return {name: getattr(self.effort, name) for name in names}


def noisy_spectra(
    spectra: np.ndarray, noise_sigma: np.ndarray, noise_factor: float, *, seed: int, draw: int, key: str
) -> np.ndarray:
    """Returns spectra with the noise of a task, complex128 (n, points); that of row k depends on (seed, draw, key, k).

    Args:
      spectra: complex (n, points).
      noise_sigma: float (n,), standard deviation of the noise that each real number carries.
      noise_factor: noise of the task over that.
      seed: of the study.
      draw: number of the draw.
      key: of the task.
    """
    stream = f"noise of the task, {key}"
    return with_noise(spectra, noise_sigma, noise_factor * noise_sigma, seed_of(seed, draw, 0), stream)
