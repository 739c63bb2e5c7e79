"""The table and the page of a study of realism."""

from collections.abc import Mapping, Sequence

import numpy as np
from scipy.stats import t

from mrs_keras.evaluation.against_real import CAPTIONS
from mrs_keras.evaluation.real_spectra import RealDataset
from mrs_keras.evaluation.realism import Realism, realism_rows, realism_table
from mrs_keras.plotting.html_page import Section, render_page, system_rows
from mrs_keras.study.cross_validation import CONTROLS, SplitResult

FLOOR = CONTROLS["floor"]

ABOVE_FLOOR = {
    "SVM, balanced accuracy": lambda realism: realism.two_sample.svm,
    "AUC": lambda realism: realism.two_sample.auc,
    "AUC of second differences": lambda realism: realism.two_sample.auc_second_differences,
    "membership AUC": lambda realism: realism.memorisation.membership,
}
"""Numbers whose excess over the floor is what counts."""

HOW_TO_READ = (
    "Means over splits, with standard deviations in brackets. The column 'real spectra' is the floor: real spectra of "
    "other subjects in the place of generated ones. Copies of the training spectra and mixtures of them are cheats: "
    "what they score well in proves nothing by itself. A good generator comes close to the floor in the first three "
    "rows, has a nearest-neighbour ratio near 1 (far below 1: copies; far above: novel by being unlike) and a "
    "membership AUC near 0.5, and a utility above that of the real spectra."
)


def by_title(results: Sequence[SplitResult]) -> dict[str, list[Realism]]:
    """Returns title -> realism in each split."""
    return {title: [each.realism[title] for each in results] for title in results[0].realism}


def above_floor_rows(results: Sequence[SplitResult]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns header and rows of the differences from the floor of the same split, with 95 % limits.

    The limits are those of Student's t over splits. Splits of the same subjects are not independent: the true limits
    are wider.
    """
    titles = [title for title in results[0].realism if title not in CONTROLS.values()]
    rows = []
    for name, read in ABOVE_FLOOR.items():
        cells = []
        for title in titles:
            excess = np.array([read(each.realism[title]) - read(each.realism[FLOOR]) for each in results])
            reach = t.ppf(0.975, len(excess) - 1) * excess.std(ddof=1) / np.sqrt(len(excess))
            cells.append(f"{excess.mean():+.2f} ({excess.mean() - reach:+.2f} to {excess.mean() + reach:+.2f})")
        rows.append((name, *cells))
    return ("above real against real", *titles), rows


def summary_table(results: Sequence[SplitResult]) -> str:
    """Returns the numbers of the study as text."""
    header, rows = above_floor_rows(results)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (header, *rows)]
    return realism_table(by_title(results)) + "\n\n" + "\n".join(line.rstrip() for line in lines)


def realism_page(
    found: RealDataset, results: Sequence[SplitResult], images: Mapping[str, bytes], options: Mapping[str, float]
) -> str:
    """Returns the report as an HTML page.

    Args:
      found: the real spectra.
      results: of all splits.
      images: name of a figure -> PNG.
      options: of the fitted prior.
    """
    real = found.real
    sizes = [each.realism[FLOOR].spectra for each in results]
    held_out = sorted({size["held_out"] for size in sizes})
    text = (
        f"{len(real)} spectra of {len(set(real.subjects))} subjects and {len(set(real.sites))} sites of "
        f"'{found.name}'; {len(results)} splits by subject within sites (folds {len({each.fold for each in results})}, "
        f"seeds {', '.join(map(str, dict.fromkeys(each.seed for each in results)))}), "
        f"{' or '.join(map(str, held_out))} spectra held out. Nothing of a held-out subject is in a fitted prior, its "
        f"mean residual or its kernel. Options of the fitted prior: {dict(options) or 'defaults'}. "
        f"Utility is tested on the labels of '{found.second_labeller or found.name}'. {HOW_TO_READ}"
    )
    limits = "Differences from the floor of the same split, with 95 % limits over splits."
    sections = [
        Section("Are they told from real spectra, and are they copies?", text, realism_rows(by_title(results))),
        Section("Above the floor", limits, above_floor_rows(results)),
        *(
            Section(
                caption_title,
                "The generators of this figure are made from all spectra." if number == 0 else "",
                figure=name,
                caption=CAPTIONS.get(name, ""),
            )
            for number, (name, caption_title) in enumerate(FIGURE_TITLES.items())
            if name in images
        ),
        Section("System", "Made with:", (("package", "version"), system_rows())),
    ]
    return render_page("mrs_keras: study of realism", sections, images)


FIGURE_TITLES = {
    "realism_map": "Where generated and real spectra lie",
    "realism_mean": "Mean and spread",
    "realism_noise": "Noise",
    "realism_quantities": "Signal-to-noise ratio and linewidths",
}
"""Figure -> its title."""
