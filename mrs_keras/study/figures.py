"""Figures of a study of realism: sets of spectra, nearest pairs, and sites."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from mrs_keras import plotting
from mrs_keras.evaluation.realism import GeneratedSpectra, Realism, RealSpectra, canonical_spectra, realism_figures
from mrs_keras.evaluation.realism.cheats import copies, mixtures
from mrs_keras.evaluation.realism.figures import DRAWN
from mrs_keras.evaluation.realism.memorisation import COMPONENTS, nearest
from mrs_keras.study.cross_validation import CONTROLS, SplitResult
from mrs_keras.study.parts import file_name
from mrs_keras.study.splits import Split

PAIRS = 6
"""Generated spectra that are nearest to a training spectrum, and are drawn with it."""

TRAINING, HELD_OUT = "training spectra", "held-out spectra"


def study_figures(
    real: RealSpectra,
    split: Split,
    generated: Mapping[str, GeneratedSpectra],
    results: Sequence[SplitResult],
) -> dict[str, Figure]:
    """Draws what generators that were made from the training spectra of a split generate, and all splits by site.

    Args:
      real: all real spectra.
      split: of the generators.
      generated: title -> what it generates.
      results: of all splits.

    Returns:
      Those of `realism_figures`, `realism_maps`, `realism_sites` if there are several sites, and
      `realism_nearest_TITLE` of each generator, which alone shows single spectra of subjects.
    """
    training, held_out = real.select(split.training), real.select(split.held_out)
    cheats = {CONTROLS[name]: cheat(training, DRAWN, 0) for name, cheat in (("copies", copies), ("mixtures", mixtures))}
    known, new = (_forms(each, real, split, name) for each, name in ((training, TRAINING), (held_out, HELD_OUT)))
    forms = {title: _forms(each, real, split, title) for title, each in {**generated, **cheats}.items()}
    plane = PCA(2, svd_solver="full").fit(np.concatenate([known.features, new.features]))
    figures = realism_figures(real, generated)
    figures["realism_maps"] = plotting.plot_realism_maps(
        {TRAINING: plane.transform(known.features), HELD_OUT: plane.transform(new.features)},
        {title: plane.transform(each.features) for title, each in forms.items()},
        plane.explained_variance_ratio_,
    )
    if sites := _sites(results):
        figures["realism_sites"] = sites
    space = PCA(min(COMPONENTS, len(known) - 1), svd_solver="full").fit(known.features)
    in_known = space.transform(known.features)
    unit = np.median(nearest(space.transform(new.features), in_known))
    for title in generated:
        points = space.transform(forms[title].features)
        distances = np.linalg.norm(points[:, None] - in_known, axis=2)
        first = np.argsort(distances.min(axis=1), kind="stable")[:PAIRS]
        figures[f"realism_nearest_{file_name(title)}"] = plotting.plot_nearest_pairs(
            known.ppm,
            forms[title].spectra[first],
            known.spectra[distances[first].argmin(axis=1)],
            distances[first].min(axis=1) / unit,
            title,
        )
    return figures


def _forms(spectra: RealSpectra | GeneratedSpectra, real: RealSpectra, split: Split, title: str):
    part = slice(DRAWN) if isinstance(spectra, GeneratedSpectra) else slice(None)
    return canonical_spectra(
        spectra.spectra[part], real.acquisition, spectra.noise_sigma[part], seed=split.seed, split=title
    )


def _sites(results: Sequence[SplitResult]) -> Figure | None:
    """Returns a figure of the numbers of each site, `None` if there is one site."""
    sites = sorted({site for each in results for one in each.realism.values() for site in one.sites})
    if not sites:
        return None
    titles = [title for title in results[0].realism if title not in (CONTROLS["copies"], CONTROLS["mixtures"])]
    panels = {
        name: {
            title: summary for title in titles if np.isfinite(summary := over_splits(results, title, sites, read)).any()
        }
        for name, read in panels_of_sites(results).items()
    }
    return plotting.plot_realism_sites(sites, {name: each for name, each in panels.items() if each}, CONTROLS["floor"])


def panels_of_sites(results: Sequence[SplitResult]) -> dict[str, Callable[[SplitResult, Realism, str], float | None]]:
    """Returns what is compared site by site -> what reads it from a split, a realism of it, and a site."""

    def of_site(name: str):
        return lambda split, realism, site: getattr(realism.sites[site], name) if site in realism.sites else None

    def left_out(read: Callable[[Realism], float]):
        return lambda split, realism, site: read(realism) if split.split.site == site else None

    panels = {
        "distance from held-out to generated\nover that to training spectra": of_site("nearest_ratio"),
        "level of the noise,\ngenerated over measured": of_site("noise"),
        "noise found in the window,\ngenerated over measured": of_site("noise_in_window"),
    }
    if results[0].split.site is None:
        return panels
    return {
        "AUC against the site left out": left_out(lambda one: one.two_sample.auc),
        "nearest-neighbour ratio": left_out(lambda one: one.memorisation.nearest_ratio),
        **panels,
    }


def over_splits(
    results: Sequence[SplitResult],
    title: str,
    sites: Sequence[str],
    read: Callable[[SplitResult, Realism, str], float | None],
) -> np.ndarray:
    """Returns mean, smallest and largest over the splits that have a number: float (sites, 3), else NaN."""
    rows = []
    for site in sites:
        values = [read(each, each.realism[title], site) for each in results]
        known = [value for value in values if value is not None and np.isfinite(value)]
        rows.append([np.mean(known), min(known), max(known)] if known else [np.nan] * 3)
    return np.array(rows)
