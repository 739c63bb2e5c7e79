"""Figures of measured spectra."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, new_figure, ppm_axis

BAND_PERCENTILES = (5, 95)

BAND_LABEL = "5th to 95th percentile of all"


def plot_over_band(ppm: np.ndarray, spectra: np.ndarray, titles: Sequence[str], band: np.ndarray) -> Figure:
    """Draws each spectrum over the band of all.

    Args:
      ppm: (points,), chemical shifts.
      spectra: float (spectra, points), real parts.
      titles: of each spectrum.
      band: float (2, points), lower and upper edge.
    """
    columns = 4
    rows = -(-len(spectra) // columns)
    figure = new_figure(14, 2.1 * rows + 0.7)
    panels = np.atleast_2d(figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False))
    low, high = band[0].min(), band[1].max()
    margin = 0.25 * (high - low)
    for number, axes in enumerate(panels.flat):
        if number >= len(spectra):
            axes.set_axis_off()
            continue
        axes.fill_between(ppm, *band, color="0.82", linewidth=0, label=BAND_LABEL)
        axes.plot(ppm, spectra[number], color=COLOURS(0.35), linewidth=0.8, label="this spectrum")
        axes.set_title(titles[number], fontsize=8)
        axes.set_yticks([])
        axes.tick_params(labelsize=7)
        if number + columns >= len(spectra):
            axes.set_xlabel("chemical shift (ppm)", fontsize=8)
            axes.tick_params(labelbottom=True)
    panels[0, 0].set(xlim=(ppm[-1], ppm[0]), ylim=(low - margin, high + margin))
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper left", ncols=2, fontsize=8)
    return figure


def plot_site_means(ppm: np.ndarray, means: Mapping[str, np.ndarray], band: np.ndarray) -> Figure:
    """Draws the mean spectrum of each site over the band of all spectra.

    Args:
      ppm: (points,), chemical shifts.
      means: label of the site -> float (points,), mean of the real parts.
      band: float (2, points), lower and upper edge.
    """
    figure = new_figure(10, 4)
    axes = figure.subplots()
    axes.fill_between(ppm, *band, color="0.85", linewidth=0, label=BAND_LABEL)
    for number, (site, mean) in enumerate(means.items()):
        colour = f"C{number}" if len(means) <= 10 else COLOURS(number / (len(means) - 1))
        axes.plot(ppm, mean, color=colour, linewidth=0.9, label=site)
    ppm_axis(axes)
    figure.legend(loc="outside right upper", fontsize=8)
    return figure


def plot_label_distributions(
    values: Mapping[str, np.ndarray], deviations: Mapping[str, np.ndarray], units: Mapping[str, str]
) -> Figure:
    """Draws a histogram of each label, and the median of its standard deviation as a bar.

    Args:
      values: label -> float (subjects,), NaN where it is missing.
      deviations: label -> float (subjects,), NaN where it is not known.
      units: label -> unit, `""` for none.
    """
    figure = new_figure(2.6 * len(values) + 0.6, 3.0)
    panels = figure.subplots(1, len(values), squeeze=False)[0]
    for axes, (name, column) in zip(panels, values.items(), strict=True):
        known = column[np.isfinite(column)]
        axes.hist(known, bins=min(20, max(5, len(known) // 4)), color=COLOURS(0.35), alpha=0.75)
        axes.set_xlabel(f"{name} ({units[name]})" if units[name] else name, fontsize=9)
        axes.yaxis.get_major_locator().set_params(integer=True)
        axes.set_ylabel("scans" if axes is panels[0] else "")
        axes.set_ylim(top=1.25 * axes.get_ylim()[1])
        spread = deviations[name][np.isfinite(deviations[name])]
        if len(spread) and len(known):
            middle, half = np.median(known), np.median(spread)
            height = 0.93 * axes.get_ylim()[1]
            axes.errorbar(middle, height, xerr=half, color="tab:red", capsize=3, marker="o", markersize=3)
            axes.set_title("red: ± median standard deviation", fontsize=7, color="tab:red")
    return figure


def plot_steps(ppm: np.ndarray, steps: Sequence[tuple[str, np.ndarray, np.ndarray]]) -> Figure:
    """Draws a scan before and after each processing step.

    Args:
      ppm: (points,), chemical shifts.
      steps: title, spectrum before and spectrum after it, complex (points,) each, in the order in which they run.
    """
    figure = new_figure(10, 2.3 * len(steps) + 0.6)
    panels = figure.subplots(len(steps), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (title, before, after) in zip(panels, steps, strict=True):
        axes.plot(ppm, before.real, color="0.6", linewidth=0.9, label="before")
        axes.plot(ppm, after.real, color=COLOURS(0.35), linewidth=0.9, label="after")
        axes.set_title(title, fontsize=9, loc="left")
        axes.set_yticks([])
        axes.set_ylabel("real part", fontsize=8)
    panels[-1].set_xlabel("chemical shift (ppm)")
    panels[0].set_xlim(ppm[-1], ppm[0])
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper right", ncols=2, fontsize=8)
    return figure
