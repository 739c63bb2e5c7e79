"""What all figures share: size, colours, the axis of chemical shifts, and rows of medians."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

COLOURS = ListedColormap(colormaps["viridis"](np.linspace(0, 0.9, 256)))
"""From dark to light, without the yellow that vanishes on white."""

SOURCES = {
    "fitted": ("fitted prior", COLOURS(0.35)),
    "standard_normal": ("standard normal prior", "tab:orange"),
    "simulated": ("simulated, as a perfect generator would", "0.45"),
    "model": ("reconstructions", COLOURS(0.35)),
    "data": ("the data themselves", "0.45"),
    "paths": ("generated paths", COLOURS(0.35)),
    "simulated_paths": ("simulated paths", "0.45"),
}
"""Where spectra come from -> label and colour."""

SMALLEST_PERCENT = 1e-3
"""Lower end of logarithmic axes in percent: what is below is nothing."""


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of that size in inches, whose panels make room for their labels."""
    return Figure(figsize=(width, height), layout="constrained", dpi=150)


def ppm_axis(axes: Axes) -> None:
    """Labels a panel of spectra; ppm runs from right to left."""
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


def draw_medians(axes: Axes, rows: Sequence[str], summaries: Mapping[str, Sequence[Mapping[str, float]]]) -> None:
    """Draws a dot at the median, and a line to the 95th percentile, in percent, a row for each name.

    Args:
      axes: to draw on.
      rows: names, from top to bottom.
      summaries: name of `SOURCES` -> `"median"` and `"percentile_95"` of each row, as fractions.
    """
    step = 0.8 / len(summaries)
    for place, (source, values) in enumerate(summaries.items()):
        label, colour = SOURCES[source]
        y = np.arange(len(rows)) + step * (place - (len(summaries) - 1) / 2)
        ends = {key: [max(100 * value[key], SMALLEST_PERCENT) for value in values] for key in values[0]}
        axes.hlines(y, ends["median"], ends["percentile_95"], color=colour, linewidth=1.6)
        axes.plot(ends["percentile_95"], y, "|", color=colour, markersize=6)
        axes.plot(ends["median"], y, "o", color=colour, markersize=5, label=label)
    percent_axis(axes)
    axes.set_yticks(range(len(rows)), rows)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.grid(axis="x", color="0.9")
    axes.set_axisbelow(True)
