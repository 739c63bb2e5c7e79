"""The splits of a study: by subject within sites, or whole sites that are left out."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mrs_keras.evaluation.realism import RealSpectra, subject_folds
from mrs_keras.evaluation.realism.spectra import FEWEST_SPECTRA
from mrs_keras.measured.subjects import subject_of


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """What is held out, and what generators are made from.

    Attributes:
      seed: of the folds, and of the draws.
      fold: number of the fold.
      held_out: bool (n,), the spectra that are held out.
      training: bool (n,), the spectra that generators are made from; none of a subject that is held out.
      site: that is left out; `None` for folds of subjects.
    """

    seed: int
    fold: int
    held_out: np.ndarray
    training: np.ndarray
    site: str | None = None

    @property
    def name(self) -> str:
        """Name of the folder of its results."""
        return f"seed{self.seed}_fold{self.fold}" if self.site is None else f"seed{self.seed}_site{self.fold}"

    @property
    def draw_seed(self) -> int:
        """Seed of the draws: one for each fold, since folds that shared their draws would look more alike."""
        return 1000 * self.seed + self.fold


def splits_by_subject(real: RealSpectra, seeds: Sequence[int], folds: int) -> list[Split]:
    """Divides the subjects into folds, within sites, once for each seed: each fold is held out once."""
    splits = []
    for seed in seeds:
        held_out_in = subject_folds(real.subjects, real.sites, folds=folds, seed=seed)
        splits += [Split(seed, fold, held_out_in == fold, held_out_in != fold) for fold in range(folds)]
    return splits


def splits_by_site(real: RealSpectra, seeds: Sequence[int]) -> list[Split]:
    """Holds out all spectra of each site, once for each seed.

    Sites with fewer than 10 spectra are never held out: no classifier could be tested on them. Scans of a held-out
    subject at another site are left out of the training.

    Raises:
      ValueError: if there are not two sites, or none has 10 spectra.
    """
    sites, subjects = np.array(real.sites), np.array([subject_of(subject) for subject in real.subjects])
    counts = {site: int((sites == site).sum()) for site in sorted(set(real.sites))}
    enough = [site for site, count in counts.items() if count >= FEWEST_SPECTRA]
    if len(counts) < 2 or not enough:
        received = ", ".join(f"{count} of site '{site}'" for site, count in counts.items())
        raise ValueError(
            f"Sites can be left out if there are two or more, and one has {FEWEST_SPECTRA} spectra. "
            f"Received: {received}. Split by subject, or build a dataset of more sites."
        )
    splits = []
    for seed in seeds:
        for fold, site in enumerate(enough):
            held_out = sites == site
            training = ~held_out & ~np.isin(subjects, subjects[held_out])
            splits.append(Split(seed, fold, held_out, training, site))
    return splits
