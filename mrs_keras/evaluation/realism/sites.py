"""Generated beside real spectra, site by site: the level of the noise, and how near they come."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors

from mrs_keras.acquisition import Acquisition
from mrs_keras.evaluation.realism.canonical import CanonicalSpectra
from mrs_keras.evaluation.realism.memorisation import COMPONENTS, nearest
from mrs_keras.evaluation.realism.noise import noise_level_and_lag1
from mrs_keras.evaluation.realism.spectra import GeneratedSpectra, RealSpectra


@dataclasses.dataclass(frozen=True)
class SiteAgreement:
    """Generated spectra beside the real ones of a site.

    Attributes:
      held_out: number of held-out spectra of the site.
      generated: number of generated spectra of the site.
      nearest_ratio: median distance of its held-out spectra to the nearest of as many generated as training spectra,
        over that to the nearest training spectrum: 1 if the generated set serves the site as well as real scans do,
        above 1 if it lacks what the site looks like. `None` if no spectrum of the site is held out.
      noise: median declared level of the noise of generated over that of all real spectra of the site. `None` if none
        was generated, or none was in the training.
      noise_in_window: the same of the noise that is found inside the window, after the signal is over.
    """

    held_out: int
    generated: int
    nearest_ratio: float | None
    noise: float | None
    noise_in_window: float | None


Source = tuple[RealSpectra | GeneratedSpectra, CanonicalSpectra]
"""Spectra, and their canonical forms."""


def measure_sites(training: Source, held_out: Source, generated: Source) -> dict[str, SiteAgreement]:
    """Compares generated with real spectra for each site.

    Distances are in the first 20 principal components of the training spectra, as those of `measure_memorisation`. A
    generated spectrum without a site counts at that of its nearest training spectrum there. The noise inside the window
    is that of `noise_power`, in the units of the spectra.

    Args:
      training: real spectra that the generator was made from.
      held_out: real spectra that it has not seen.
      generated: of the generator.

    Returns:
      Site -> its agreement, by name; empty if the training and held-out spectra are all of one site.
    """
    (real, known), (unseen, new), (made, forms) = training, held_out, generated
    sites, new_sites = np.array(real.sites), np.array(unseen.sites)
    names = sorted({*real.sites, *unseen.sites})
    if len(names) < 2:
        return {}
    space = PCA(min(COMPONENTS, len(known) - 1), svd_solver="full").fit(known.features)
    in_known, in_new, in_made = (space.transform(each.features) for each in (known, new, forms))
    if len(made.sites):
        made_sites = np.array(made.sites)
    else:
        finder = NearestNeighbors(n_neighbors=1).fit(in_known)
        made_sites = sites[finder.kneighbors(in_made, return_distance=False)[:, 0]]
    to_made, to_known = nearest(in_new, in_made[: len(known)]), nearest(in_new, in_known)
    levels = _levels((training, held_out), real.acquisition), _levels((generated,), real.acquisition)
    real_sites = np.concatenate([sites, new_sites])
    result = {}
    for name in names:
        here = new_sites == name
        ratios = None, None
        if (sites == name).any() and (made_sites == name).any():
            medians = [
                np.median(each[of == name], axis=0) for each, of in zip(levels, (real_sites, made_sites), strict=True)
            ]
            ratios = tuple((medians[1] / medians[0]).tolist())
        near = float(np.median(to_made[here]) / np.median(to_known[here])) if here.any() else None
        result[name] = SiteAgreement(int(here.sum()), int((made_sites == name).sum()), near, *ratios)
    return result


def _levels(sources: Sequence[Source], acquisition: Acquisition) -> np.ndarray:
    """Returns the declared level of the noise, and the one found inside the window: float64 (n, 2)."""
    declared = np.concatenate([np.asarray(spectra.noise_sigma, np.float64) for spectra, _ in sources])
    height = np.median(declared * np.concatenate([forms.snr for _, forms in sources]))
    found = np.concatenate([noise_level_and_lag1(forms, acquisition)[0] for _, forms in sources])
    return np.stack([declared, declared * found], axis=1) / height
