"""Figures of several generators beside real spectra: a map of each, nearest pairs of spectra, and sites."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import REFERENCE_COLOUR, SET_COLOURS, colours_of, new_figure

COLUMNS = 3
"""Panels in a row."""


def plot_realism_maps(
    real: Mapping[str, np.ndarray], sets: Mapping[str, np.ndarray], shares: Sequence[float]
) -> Figure:
    """Draws a map of real spectra for each set of generated ones, which lies over it.

    Args:
      real: label of a set of real spectra -> float (n, 2), coordinates: those of the training, and those held out.
      sets: title of a generator -> float (n, 2).
      shares: of the variance of real spectra that each coordinate explains.
    """
    rows = -(-len(sets) // COLUMNS)
    figure = new_figure(11, 3.6 * rows)
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True).ravel()
    for axes in panels[len(sets) :]:
        axes.set_visible(False)
    for axes, (title, points) in zip(panels, sets.items(), strict=False):
        axes.plot(*points.T, ".", markersize=4, color=SET_COLOURS[0], alpha=0.4, label="generated")
        for (label, each), colour in zip(real.items(), (REFERENCE_COLOUR, SET_COLOURS[1]), strict=True):
            axes.plot(*each.T, "o", markersize=5, color=colour, markerfacecolor="none", label=label)
        x, y = (f"component {each + 1} ({100 * shares[each]:.0f} %)" for each in (0, 1))
        axes.set(title=title, xlabel=x, ylabel=y)
        axes.tick_params(labelbottom=True, labelleft=True)
    # One spectrum far from all others would leave no room for the rest.
    pooled = np.concatenate([*real.values(), *sets.values()])
    for set_limits, values in ((panels[0].set_xlim, pooled[:, 0]), (panels[0].set_ylim, pooled[:, 1])):
        low, high = np.percentile(values, (0.5, 99.5))
        set_limits(low - 0.1 * (high - low), high + 0.1 * (high - low))
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_nearest_pairs(
    ppm: np.ndarray, generated: np.ndarray, nearest: np.ndarray, distances: Sequence[float], title: str
) -> Figure:
    """Draws generated spectra over the training spectra that are nearest to them.

    Args:
      ppm: float (points,).
      generated: complex (n, points), canonical.
      nearest: complex (n, points), the training spectrum nearest to each, canonical.
      distances: of each pair, in multiples of the median distance of held-out spectra to their nearest training
        spectrum.
      title: of the generator.
    """
    rows = -(-len(generated) // COLUMNS)
    figure = new_figure(11, 3 * rows)
    panels = figure.subplots(rows, COLUMNS, squeeze=False, sharex=True, sharey=True)
    for axes, made, real, distance in zip(panels.ravel(), generated, nearest, distances, strict=False):
        axes.plot(ppm, real.real, color=REFERENCE_COLOUR, linewidth=1.4, label="nearest training spectrum")
        axes.plot(ppm, made.real, color=SET_COLOURS[0], linewidth=0.8, label=f"generated ({title})")
        axes.plot(ppm, (made - real).real - 0.3, color="black", linewidth=0.6, label="difference, moved down")
        axes.set_title(f"distance {distance:.2f}", fontsize=9)
    panels[0, 0].margins(x=0)
    panels[0, 0].invert_xaxis()
    for axes in panels[-1]:
        axes.set_xlabel("chemical shift (ppm)")
    for axes in panels[:, 0]:
        axes.set_ylabel("real part (height of NAA = 1)")
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_realism_sites(sites: Sequence[str], panels: Mapping[str, Mapping[str, np.ndarray]], reference: str) -> Figure:
    """Draws numbers of each site, with a line over splits from the smallest to the largest.

    Args:
      sites: from top to bottom.
      panels: what a panel shows -> title of a generator -> float (sites, 3): mean, smallest and largest over splits,
        NaN where not measured.
      reference: title of the real spectra.
    """
    figure = new_figure(3.9 * len(panels), 1.6 + 0.42 * len(sites))
    for axes, (name, values) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        colours, step = colours_of(values, reference), 0.7 / len(values)
        for place, (title, each) in enumerate(values.items()):
            y = np.arange(len(sites)) + step * (place - (len(values) - 1) / 2)
            axes.hlines(y, each[:, 1], each[:, 2], color=colours[title], linewidth=1.2)
            axes.plot(each[:, 0], y, "o", markersize=4, color=colours[title], label=title)
        axes.set_yticks(range(len(sites)), sites)
        axes.set_ylim(len(sites) - 0.5, -0.5)
        axes.set_xlabel(name)
        axes.grid(axis="x", color="0.9")
        axes.set_axisbelow(True)
    entries: dict[str, object] = {}
    for axes in figure.axes:
        entries |= {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=4)
    return figure
