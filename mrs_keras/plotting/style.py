"""Common elements of all figures: size, colours, axes, and rows of medians."""

import itertools
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

COLOURS = ListedColormap(colormaps["viridis"](np.linspace(0, 0.9, 256)))
"""From dark to light, without yellow, which is invisible on white."""

SET_COLOURS = (COLOURS(0.35), "tab:orange", "tab:green", "tab:purple")
"""Colours of the sets of spectra in a figure, by position: the first is for the default prior or the only one."""

REFERENCE_COLOUR = "0.45"
"""Colour of the set that the others are compared with."""

SMALLEST_PERCENT = 1e-3
"""Lower end of logarithmic axes in percent; smaller values are negligible."""


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of that size in inches, with a layout that leaves room for labels."""
    return Figure(figsize=(width, height), layout="constrained", dpi=150)


def ppm_axis(axes: Axes) -> None:
    """Labels a panel of spectra; ppm increases from right to left."""
    axes.invert_xaxis()
    axes.margins(x=0)
    axes.set_xlabel("chemical shift (ppm)")
    axes.set_ylabel("real part (arbitrary units)")


def percent_axis(axes: Axes) -> None:
    """Makes the horizontal axis logarithmic, in percent, from one power of ten to another."""
    axes.set_xscale("log")
    low, high = np.log10(axes.get_xlim())
    axes.set_xlim(0.7 * 10 ** max(np.floor(low), np.log10(SMALLEST_PERCENT)), 10 ** np.ceil(high))
    axes.xaxis.set_major_formatter(lambda value, _: f"{'≤ ' if value <= SMALLEST_PERCENT else ''}{value:g}")
    axes.xaxis.set_minor_formatter("")


def colours_of(labels: Iterable[str], reference: str | None = None) -> dict[str, object]:
    """Returns the colour of each set of spectra.

    Args:
      labels: of the sets, in order.
      reference: the label of the set that the others are compared with. Defaults to `None`: there is none.
    """
    others = [label for label in labels if label != reference]
    colours = dict(zip(others, itertools.cycle(SET_COLOURS)))
    return colours if reference is None else {**colours, reference: REFERENCE_COLOUR}


def draw_medians(
    axes: Axes, rows: Sequence[str], summaries: Mapping[str, np.ndarray], reference: str | None = None
) -> None:
    """Draws a dot at the median and a line to the 95th percentile, in percent, one row for each name.

    Args:
      axes: to draw on.
      rows: names, from top to bottom.
      summaries: label -> float (rows, 2), median and 95th percentile, as fractions.
      reference: as in `colours_of`. Defaults to `None`.
    """
    step = 0.8 / len(summaries)
    colours = colours_of(summaries, reference)
    for place, (label, values) in enumerate(summaries.items()):
        y = np.arange(len(rows)) + step * (place - (len(summaries) - 1) / 2)
        median, percentile_95 = np.maximum(100 * np.asarray(values), SMALLEST_PERCENT).T
        axes.hlines(y, median, percentile_95, color=colours[label], linewidth=1.6)
        axes.plot(percentile_95, y, "|", color=colours[label], markersize=6)
        axes.plot(median, y, "o", color=colours[label], markersize=5, label=label)
    percent_axis(axes)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
