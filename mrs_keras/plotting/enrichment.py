"""Figures of what training sets are worth to a regression: learning curves, differences, slopes, errors of labels."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mrs_keras.plotting.style import new_figure

COLOURS = ("#000000", "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#8C6D31")
"""Of important arms, by position: Okabe and Ito's, which colour-blind readers tell apart, and brown for yellow."""

MARKERS = "osD^vPX*"
"""Of important arms, by position: colour is not all that tells them apart."""

OTHER_COLOURS, OTHER_MARKERS, OTHER_LINES = ("0.5", "0.65"), "1234+x|_", ("-", "--", ":", "-.")
"""Of arms that matter less, such as controls."""

LEVEL_STYLES = (":", "--", "-.")
"""Of lines that other arms are compared with, by position."""

VERDICT_COLOURS = {"better": "#0072B2", "worse": "#D55E00", "within 5 %": "#009E73", "unresolved": "0.5"}

REGRESSOR_MARKERS = "oDsv"


def _styles(important: Sequence[str], titles: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Returns colour and marker of each title; those of important ones do not depend on which others there are."""
    others = [title for title in titles if title not in important]
    styles = {
        title: (COLOURS[place % len(COLOURS)], MARKERS[place % len(MARKERS)]) for place, title in enumerate(important)
    }
    return styles | {
        title: (OTHER_COLOURS[place % 2], OTHER_MARKERS[place % len(OTHER_MARKERS)])
        for place, title in enumerate(others)
    }


def plot_enrichment_curves(
    subjects: Sequence[float],
    curves: Mapping[str, Mapping[str, np.ndarray]],
    levels: Mapping[str, np.ndarray],
    important: Sequence[str],
    ticks: Sequence[str] | None = None,
) -> Figure:
    """Draws concordance against the number of labelled subjects, a panel for each regressor.

    Args:
      subjects: float (sizes,), ascending.
      curves: regressor -> title of an arm -> float (sizes, 3): concordance and its limits, NaN where not measured.
      levels: title -> float (sizes, 3), drawn as a line across all panels, such as those of another program.
      important: titles that get a colour and limits, in a fixed order; they may be missing from `curves`.
      ticks: of the subjects. Defaults to `None`: their numbers.
    """
    titles = list(dict.fromkeys(title for arms in curves.values() for title in arms))
    styles = _styles(important, titles)
    x = np.asarray(subjects, float)
    # Limits of arms stand side by side, over this much of the smallest step: over each other, nobody could read them.
    width = 0.4 * np.log([2.0, *(x[1:] / x[:-1])]).min()
    edges = x[0] * np.exp(-width), x[-1] * np.exp(width)
    lines = dict(zip((title for title in titles if title not in important), itertools.cycle(OTHER_LINES)))
    figure = new_figure(4.6 * len(curves) + 2.4, 5.2)
    panels = figure.subplots(1, len(curves), squeeze=False, sharey=True)[0]
    for axes, (regressor, arms) in zip(panels, curves.items(), strict=True):
        for style, (title, values) in zip(LEVEL_STYLES * len(levels), levels.items(), strict=False):
            known = np.isfinite(values[:, 0])
            if known.any():
                across = np.geomspace(*edges, 50)
                level = np.interp(np.log(across), np.log(x[known]), values[known, 0])
                axes.plot(across, level, style, color="0.25", linewidth=1.2, label=title)
        coloured = [title for title in important if title in arms]
        for title in [*(title for title in arms if title not in important), *coloured]:
            values, (colour, marker) = arms[title], styles[title]
            place = coloured.index(title) - (len(coloured) - 1) / 2 if title in coloured else 0.0
            moved = x * np.exp(width * place / max(len(coloured), 1))
            known = np.isfinite(values[:, 0])
            if title in coloured:
                axes.vlines(moved[known], *values[known, 1:].T, color=colour, linewidth=1, alpha=0.7)
            axes.plot(
                moved[known],
                values[known, 0],
                marker=marker,
                linestyle=lines.get(title, "-"),
                markersize=6 if title in coloured else 7,
                linewidth=1.5 if title in coloured else 0.8,
                color=colour,
                label=title,
            )
        axes.set_xscale("log")
        axes.set_xlim(*edges)
        axes.set_xticks(x, [f"{each:g}" for each in x] if ticks is None else ticks)
        axes.minorticks_off()
        axes.set(title=regressor, xlabel="labelled subjects")
        axes.grid(axis="y", color="0.92")
        axes.set_axisbelow(True)
    panels[0].set_ylabel("concordance with the truth (1: perfect)")
    entries = _entries(panels)
    order = [*levels, *(title for title in important if title in entries), *titles]
    order = [title for title in dict.fromkeys(order) if title in entries]
    figure.legend([entries[title] for title in order], order, loc="outside right upper", fontsize=9)
    return figure


def plot_differences(
    differences: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray, str]]], reference: str
) -> Figure:
    """Draws the differences between arms and a reference arm, with limits and verdicts.

    Limits that are much wider than the differences of all arms are cut off at the edge.

    Args:
      differences: title of an arm, from top to bottom -> regressor -> difference of concordance and its limits, float
        (3,), relative difference of the error and its limits, float (3,), percent, and the verdict.
      reference: title of the arm that they are compared with.
    """
    regressors = list(dict.fromkeys(name for arm in differences.values() for name in arm))
    step = 0.8 / max(len(regressors), 1)
    figure = new_figure(11, 1.5 + 0.24 * len(differences) * max(len(regressors), 1.5))
    panels = figure.subplots(1, 2, sharey=True)
    for row, arm in enumerate(differences.values()):
        for place, regressor in enumerate(regressors):
            if regressor not in arm:
                continue
            *measures, verdict = arm[regressor]
            y, colour = row + step * (place - (len(regressors) - 1) / 2), VERDICT_COLOURS.get(verdict, "black")
            for axes, (value, low, high) in zip(panels, measures, strict=True):
                axes.hlines(y, low, high, color=colour, linewidth=1.6)
                face = "white" if verdict == "unresolved" else colour
                marker = REGRESSOR_MARKERS[place % len(REGRESSOR_MARKERS)]
                axes.plot(value, y, marker, color=colour, markerfacecolor=face, markersize=6)
            words = f"{regressor}: {verdict}" if regressor else verdict
            panels[1].annotate(
                words,
                (1.02, y),
                xycoords=("axes fraction", "data"),
                va="center",
                fontsize=8,
                color=colour,
                annotation_clip=False,
            )
    names = ("difference of concordance", "difference of the error (percent of it)")
    for place, (axes, name) in enumerate(zip(panels, names, strict=True)):
        axes.set_xlim(_without_far_limits([arm[regressor][place] for arm in differences.values() for regressor in arm]))
        axes.locator_params(axis="x", nbins=6)
        axes.axvline(0, color="0.3", linewidth=1)
        axes.set_xlabel(f"{name}\nfrom {reference}")
        axes.grid(axis="x", color="0.92")
        axes.set_axisbelow(True)
    panels[1].axvspan(-5, 5, color="0.93", zorder=0)
    panels[0].set_title("better to the right", fontsize=9, loc="right")
    panels[1].set_title("better to the left; grey: within 5 %", fontsize=9, loc="left")
    _rows(panels[0], list(differences))
    for place, regressor in enumerate(regressors):
        marker = REGRESSOR_MARKERS[place % len(REGRESSOR_MARKERS)]
        panels[0].plot([], [], marker, color="0.3", label=regressor or "no regressor")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(regressors))
    return figure


def plot_slopes(slopes: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """Draws the slopes of predictions on the truth: 1 is right, 0 is that of predicting the mean.

    Args:
      slopes: label -> title of an arm, from top to bottom -> regressor -> slope.
    """
    arms = list(dict.fromkeys(title for each in slopes.values() for title in each))
    regressors = list(dict.fromkeys(name for each in slopes.values() for arm in each.values() for name in arm))
    regressors.sort(key=lambda name: name == "")  # arms that train none come last
    figure = new_figure(2.6 * len(slopes) + 1.8, 1.5 + 0.26 * len(arms))
    panels = figure.subplots(1, len(slopes), squeeze=False, sharex=True, sharey=True)[0]
    for axes, (label, values) in zip(panels, slopes.items(), strict=True):
        for place, regressor in enumerate(regressors):
            moved = 0.3 * (place - (sum(map(bool, regressors)) - 1) / 2) if regressor else 0.0
            y = [row for row, title in enumerate(arms) if regressor in values.get(title, {})]
            axes.plot(
                [values[arms[row]][regressor] for row in y],
                np.array(y) + moved,
                REGRESSOR_MARKERS[place % len(REGRESSOR_MARKERS)],
                color=COLOURS[(1, 4, 0, 3)[place % 4]],
                markerfacecolor="none",
                markersize=6,
                label=regressor or "no regressor",
            )
        axes.axvline(1, color="0.3", linewidth=1)
        axes.axvline(0, color="0.6", linewidth=1, linestyle=":")
        axes.set(title=label, xlabel="slope (1: right)")
        axes.grid(color="0.92")
        axes.set_axisbelow(True)
    _rows(panels[0], arms)
    entries = _entries(panels)
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=max(len(entries), 1))
    return figure


def plot_label_fidelity(
    panels: Mapping[str, Mapping[str, np.ndarray]],
    agreement: Mapping[str, float],
    labels: Sequence[str],
    important: Sequence[str],
) -> Figure:
    """Draws how far the labels of spectra are from what a judge, such as a fit, finds in them.

    Args:
      panels: what a panel shows -> title of an arm -> float (labels,), NaN where not measured.
      agreement: what a panel shows -> its value where the judge finds exactly the labels, drawn as a line.
      labels: from top to bottom.
      important: as in `plot_enrichment_curves`, so that arms have the same colours.
    """
    titles = list(dict.fromkeys(title for each in panels.values() for title in each))
    styles = _styles(important, titles)
    step = 0.7 / max(len(titles), 1)
    figure = new_figure(3.6 * len(panels) + 1, 1.7 + 0.14 * len(labels) * max(len(titles), 3))
    drawn = figure.subplots(1, len(panels), squeeze=False, sharey=True)[0]
    for axes, (name, values) in zip(drawn, panels.items(), strict=True):
        for title, each in values.items():
            y = np.arange(len(labels)) + step * (titles.index(title) - (len(titles) - 1) / 2)
            colour, marker = styles[title]
            axes.plot(each, y, marker, color=colour, markersize=6, label=title)
        axes.axvline(agreement[name], color="0.3", linewidth=1)
        axes.set_xlabel(name)
        axes.margins(x=0.08)
        axes.grid(axis="x", color="0.92")
        axes.set_axisbelow(True)
        for row in range(1, len(labels)):
            axes.axhline(row - 0.5, color="0.85", linewidth=0.8)
    _rows(drawn[0], labels)
    entries = _entries(drawn)
    figure.legend(entries.values(), entries.keys(), loc="outside upper center", ncols=4)
    return figure


def _without_far_limits(intervals: Sequence[np.ndarray]) -> tuple[float, float]:
    """Returns an axis with all values and 0, on which limits that are much wider than their spread are cut off."""
    values, lows, highs = np.array(intervals, float).T
    low, high = min(np.nanmin(values), 0.0), max(np.nanmax(values), 0.0)
    span = (high - low) or 1.0
    low = max(np.nanmin([*lows, low]), low - 1.5 * span)
    high = min(np.nanmax([*highs, high]), high + 1.5 * span)
    return low - 0.05 * (high - low), high + 0.05 * (high - low)


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.5, -0.5)


def _entries(panels: Sequence[Axes]) -> dict[str, object]:
    """Returns label -> handle of a legend of all panels, each once."""
    found: dict[str, object] = {}
    for axes in panels:
        found = {label: handle for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)} | found
    return found
