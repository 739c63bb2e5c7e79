"""The table and the page of a study of realism."""

from collections.abc import Mapping, Sequence

import numpy as np

from mrs_keras.evaluation.against_real import CAPTIONS
from mrs_keras.evaluation.real_spectra import RealDataset
from mrs_keras.evaluation.realism import Realism, realism_rows, realism_table
from mrs_keras.plotting.html_page import Section, render_page, system_rows
from mrs_keras.study.cross_validation import CONTROLS, SplitResult, StudiedGenerator
from mrs_keras.study.figures import over_splits, panels_of_sites
from mrs_keras.study.verdicts import Verdict

FLOOR = CONTROLS["floor"]

HOW_TO_JUDGE = (
    "Means over splits, in brackets 95 % limits of the mean by Student's t, with the variance of the corrected "
    "resampled t-test (Nadeau and Bengio 2003): splits share their subjects, and limits as if they were independent "
    "would be two to three times too narrow. 'Perhaps by chance': a bound of the wanted range is inside the limits."
)

HOW_TO_READ = (
    "Means over splits, with standard deviations in brackets. The column 'real spectra' is the floor: real spectra of "
    "other subjects in the place of generated ones. Copies of the training spectra and mixtures of them are cheats: "
    "what they score well in proves nothing by itself. A good generator comes close to the floor in the first three "
    "rows, has a nearest-neighbour ratio near 1 (far below 1: copies; far above: novel by being unlike) and a "
    "membership AUC near 0.5, and a utility above that of the real spectra."
)

FIRST_SPLIT = "The generators of this figure are those of the first split."

FIGURE_TITLES = {
    "realism_maps": "Where generated and real spectra lie: each generator",
    "realism_map": "Where generated and real spectra lie: all together",
    "realism_mean": "Mean and spread",
    "realism_noise": "Noise",
    "realism_quantities": "Signal-to-noise ratio and linewidths",
}
"""Figure of the first split -> its title."""

MAPS_CAPTION = (
    "First two principal components of the real spectra, in canonical form. Dots should cover the circles of the "
    "held-out spectra as well as those of the training spectra, without lying upon the latter."
)

NEAREST_CAPTION = (
    "The six generated spectra that are nearest to a training spectrum, each with that one; real parts. A distance of "
    "1 is that of a new subject to the nearest one in the training: pairs far below 1 whose differences show no more "
    "than noise are copies. This figure shows spectra of single subjects: it belongs where the scans belong."
)

SITES_CAPTION = (
    "Dots are means over splits, lines run from the smallest to the largest. A distance of 1 says that generated "
    "spectra serve a site as well as the real scans of the training do; levels of noise should be 1. Spectra 'of a "
    "site' are those that were generated for it or, of a generator that knows no sites, those whose nearest training "
    "spectrum is of it."
)


def by_title(results: Sequence[SplitResult]) -> dict[str, list[Realism]]:
    """Returns title -> realism in each split."""
    return {title: [each.realism[title] for each in results] for title in results[0].realism}


def verdict_rows(verdicts: Sequence[Verdict]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns header and rows of a table: a row for each question, a column for each generator."""
    titles = list(dict.fromkeys(each.title for each in verdicts))
    wanted = {each.question: each.wanted for each in verdicts}
    cells = {(each.question, each.title): str(each) for each in verdicts}
    rows = [
        (question, text, *(cells.get((question, title), "") for title in titles)) for question, text in wanted.items()
    ]
    return ("question", "wanted", *titles), rows


def site_rows(results: Sequence[SplitResult]) -> tuple[tuple[str, ...], list[tuple[str, ...]]] | None:
    """Returns header and rows of the means over splits for each site and generator, `None` if there is one site."""
    sites = sorted({site for each in results for one in each.realism.values() for site in one.sites})
    rows = []
    for name, read in panels_of_sites(results).items():
        for title in results[0].realism:
            means = over_splits(results, title, sites, read)[:, 0]
            if np.isfinite(means).any():
                cells = ("" if np.isnan(mean) else f"{mean:.2f}" for mean in means)
                rows.append((f"{name.replace(chr(10), ' ')}: {title}", *cells))
    return (("mean over splits", *sites), rows) if sites else None


def summary_table(results: Sequence[SplitResult], verdicts: Sequence[Verdict]) -> str:
    """Returns verdicts and numbers of the study as text."""
    header, rows = verdict_rows(verdicts)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    return "\n".join(line.rstrip() for line in lines) + "\n\n" + realism_table(by_title(results))


def realism_page(
    found: RealDataset,
    results: Sequence[SplitResult],
    verdicts: Sequence[Verdict],
    generators: Mapping[str, StudiedGenerator],
    images: Mapping[str, bytes],
    options: Mapping[str, float],
) -> str:
    """Returns the report as an HTML page.

    Args:
      found: the real spectra.
      results: of all splits.
      verdicts: on all generators.
      generators: title -> generator.
      images: name of a figure -> PNG.
      options: of the fitted prior.
    """
    sites = site_rows(results)
    sections = [
        Section(
            "What is good, and what is not?", f"{_text(found, results, options)} {HOW_TO_JUDGE}", verdict_rows(verdicts)
        ),
        Section("Generators", "What is judged:", _generator_rows(generators)),
        Section("All numbers", HOW_TO_READ, realism_rows(by_title(results))),
    ]
    if sites is not None and "realism_sites" in images:
        sections.append(Section("Site by site", "", sites, "realism_sites", SITES_CAPTION))
    captions = {**CAPTIONS, "realism_maps": MAPS_CAPTION}
    titles = {**FIGURE_TITLES, **{name: "Nearest pairs" for name in images if name.startswith("realism_nearest_")}}
    sections += [
        Section(title, FIRST_SPLIT, figure=name, caption=captions.get(name, NEAREST_CAPTION))
        for name, title in titles.items()
        if name in images
    ]
    sections.append(Section("System", "Made with:", (("package", "version"), system_rows())))
    return render_page("mrs_keras: study of realism", sections, images)


def _generator_rows(generators: Mapping[str, StudiedGenerator]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    rows = [
        (FLOOR, "the training spectra in the place of generated ones: the floor"),
        (CONTROLS["copies"], "of the training spectra: a cheat"),
        (CONTROLS["mixtures"], "of pairs of training spectra (mixup): a cheat"),
    ]
    return ("title", "what it is"), rows + [(title, each.about) for title, each in generators.items()]


def _text(found: RealDataset, results: Sequence[SplitResult], options: Mapping[str, float]) -> str:
    """Returns what was judged by what."""
    real, splits = found.real, [each.split for each in results]
    held_out = sorted({int(split.held_out.sum()) for split in splits})
    seeds = f"seeds {', '.join(map(str, dict.fromkeys(split.seed for split in splits)))}"
    if splits[0].site is None:
        how = f"by subject within sites (folds {len({split.fold for split in splits})}, {seeds})"
    else:
        how = (
            f"by site, each left out as a whole ({seeds}). Few spectra are held out, so that single splits say little, "
            "and classifiers tell them from any others, also from real ones: they are not judged"
        )
    return (
        f"{len(real)} spectra of {len(set(real.subjects))} subjects and {len(set(real.sites))} sites of "
        f"'{found.name}'; {len(splits)} splits {how}; {' or '.join(map(str, held_out))} spectra held out. Nothing of a "
        "held-out subject is in a fitted prior, its mean residual or its kernel, nor in the training of a model. "
        f"Options of the fitted prior: {dict(options) or 'defaults'}. Utility is tested on the labels of "
        f"'{found.second_labeller or found.name}'."
    )
