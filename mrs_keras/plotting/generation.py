"""Figures of generated spectra: labels, distance from the physical model, and distributions."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from scipy.stats import ks_2samp

from mrs_keras.plotting.style import (
    COLOURS,
    SMALLEST_PERCENT,
    colours_of,
    draw_medians,
    new_figure,
    percent_axis,
    ppm_axis,
)

CLOUD = 5.0
"""Half-width of the panels of the feature space, in standard deviations."""

SCATTERED = 3
"""Number of metabolites whose concentrations have their own panel."""


def plot_labels(
    requested: Mapping[str, np.ndarray],
    recovered: Mapping[str, np.ndarray],
    errors: Mapping[str, np.ndarray],
    metabolites: Sequence[str],
    reference: str | None = None,
) -> Figure:
    """Draws the concentrations recovered from spectra against those requested, and their relative errors.

    Of more than three metabolites, those with the smallest, the median and the largest error have their own panels.

    Args:
      requested: label of a set of spectra -> float (batch, metabolites), mM; the default prior first.
      recovered: the same.
      errors: label -> float (metabolites, 2), median and 95th percentile of the relative error, as fractions.
      metabolites: names.
      reference: label of the set that the others are compared with. Defaults to `None`: there is none.
    """
    colours = colours_of(recovered, reference)
    order = np.argsort(next(iter(errors.values()))[:, 0])
    kept = np.unique(np.linspace(0, len(order) - 1, min(SCATTERED, len(order))).round().astype(int))
    figure = new_figure(4.2 * (1 + len(kept)), max(4.0, 1.5 + 0.3 * len(metabolites)))
    summary, *panels = figure.subplots(1, 1 + len(kept))
    draw_medians(summary, metabolites, errors, reference)
    summary.set_xlabel("relative error of the concentration (%)\ndot: median, bar: 95th percentile")
    for axes, column in zip(panels, order[kept], strict=True):
        for label in reversed(list(recovered)):
            x, y = requested[label][:, column], recovered[label][:, column]
            axes.plot(x, y, ".", markersize=2.5, alpha=0.5, color=colours[label], label=label)
        ends = [values[:, column] for values in requested.values()]
        line = [min(map(np.min, ends)), max(map(np.max, ends))]
        axes.plot(line, line, color="black", linewidth=0.9, label="as requested")
        name = metabolites[column]
        axes.set(xlabel=f"requested {name} (mM)", ylabel=f"recovered {name} (mM)")
    figure.legend(*summary.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_physicality(
    ppm: np.ndarray,
    spectra: np.ndarray,
    fitted: np.ndarray,
    distances: Mapping[str, np.ndarray],
    reference: str | None = None,
) -> Figure:
    """Draws distances from the physical model, and three generated spectra with their nearest physical ones.

    Args:
      ppm: (points,), chemical shifts.
      spectra: complex (batch, points), of the first set.
      fitted: complex (batch, points), the nearest physical spectra.
      distances: label of a set of spectra -> float (batch,), relative L2 distance.
      reference: as in `plot_labels`. Defaults to `None`.
    """
    colours = colours_of(distances, reference)
    figure = new_figure(14, 3.6)
    cumulative, *panels = figure.subplots(1, 4)
    for label, values in distances.items():
        percent = np.sort(np.maximum(100 * values, SMALLEST_PERCENT))
        cumulative.plot(percent, np.arange(1, len(percent) + 1) / len(percent), color=colours[label], label=label)
    percent_axis(cumulative)
    cumulative.set(xlabel="distance from the physical model (%)", ylabel="share of spectra below")
    cumulative.set_ylim(0, 1.02)
    cumulative.grid(color="0.9")
    first, values = next(iter(distances.items()))
    order = np.argsort(values)
    chosen = {"median": len(order) // 2, "95th percentile": int(0.95 * (len(order) - 1)), "farthest": len(order) - 1}
    for axes, (name, rank) in zip(panels, chosen.items(), strict=True):
        row = order[rank]
        axes.plot(ppm, spectra[row].real, color="black", linewidth=2.5, alpha=0.35, label="generated")
        axes.plot(ppm, fitted[row].real, color=COLOURS(0.35), linewidth=1, label="nearest physical")
        axes.plot(ppm, (spectra[row] - fitted[row]).real, color="tab:red", linewidth=0.8, label="difference")
        axes.set_title(f"{first}, {name}: {100 * values[row]:.2f} %", fontsize=10)
        ppm_axis(axes)
    panels[0].legend(fontsize=8)
    figure.legend(*cumulative.get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def plot_marginals(
    values: Mapping[str, Mapping[str, np.ndarray]],
    ranges: Mapping[str, tuple[float, float]],
    units: Mapping[str, str],
    statistics: Mapping[str, Mapping[str, float]],
    reference: str | None = None,
    drawn: Mapping[str, np.ndarray] | None = None,
) -> Figure:
    """Draws the distribution of each recovered parameter beside that of the training data.

    Args:
      values: label of a set of spectra -> parameter -> float (batch,).
      ranges: parameter -> lowest and highest value of the uniform training range.
      units: parameter -> unit.
      statistics: label -> parameter -> Kolmogorov-Smirnov statistic.
      reference: as in `plot_labels`. Defaults to `None`.
      drawn: in place of `ranges`, parameter -> float (batch,), recovered from spectra drawn from the prior. Defaults to
        `None`.
    """
    colours = colours_of(values, reference)
    names = list(drawn or ranges)
    figure = new_figure(3.1 * len(names), 3.9)
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        low, high = ranges[name] if drawn is None else np.quantile(drawn[name], [0.01, 0.99])
        width = max(high - low, 1e-12)
        edges = np.linspace(low - 0.25 * width, high + 0.25 * width, 37)

        def steps(of_set, edges=edges, axes=axes, **style):
            inside = np.clip(of_set, edges[0], edges[-1])
            axes.hist(inside, edges, weights=np.full(len(inside), 100 / len(inside)), histtype="step", **style)

        for label, columns in values.items():
            steps(columns[name], linewidth=1.3, color=colours[label], label=label)
        if drawn is None:
            level = 100 * (edges[1] - edges[0]) / width
            axes.plot([low, low, high, high], [0, level, level, 0], "k--", linewidth=1.2, label="training range")
        else:
            steps(drawn[name], linewidth=1.2, color="black", linestyle="--", label="spectra of the prior")
        listed = "\n".join(f"{label}: {of_set[name]:.3f}" for label, of_set in statistics.items())
        axes.set_title(f"Kolmogorov-Smirnov statistic\n{listed}", fontsize=8.5)
        axes.set(xlabel=f"{name}\n({units[name]})", ylabel="share of spectra (%)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def plot_coverage(
    features: Mapping[str, np.ndarray],
    validation: np.ndarray,
    scores: Mapping[str, tuple[float, float, float, float]],
    ideal_coverage: float,
    reference: str | None = None,
) -> Figure:
    """Draws generated and validation spectra in the feature space, and the numbers that compare them.

    All panels show the same two components: those whose distribution in the first set differs most from that of the
    validation spectra.

    Args:
      features: label of a set of spectra -> float (batch, components), the default prior first.
      validation: float (examples, components).
      scores: label -> density, coverage, and accuracy of the classifier with its standard error.
      ideal_coverage: of two sets from the same distribution.
      reference: as in `plot_labels`. Defaults to `None`.
    """
    figure = new_figure(3.8 * len(features) + 5.4, 4.0)
    *clouds, bars = figure.subplots(1, len(features) + 1, width_ratios=[*[1] * len(features), 1.35])
    pair = _most_different(next(iter(features.values())), validation)
    for axes, (label, points) in zip(clouds, features.items(), strict=True):
        axes.plot(*validation[:, pair].T, ".", markersize=2.5, color="0.7", label="validation")
        axes.plot(*points[:, pair].T, ".", markersize=2.5, alpha=0.6, color=COLOURS(0.35), label=label)
        axes.set_title(label, fontsize=10)
        axes.set(
            xlabel=f"principal component {pair[0] + 1} (standardised)",
            ylabel=f"principal component {pair[1] + 1} (standardised)",
            xlim=(-CLOUD, CLOUD),
            ylim=(-CLOUD, CLOUD),
        )
        axes.legend(fontsize=8, loc="upper right", markerscale=4)
    rows = {"density": 1.0, "coverage": ideal_coverage, "classifier\naccuracy": 0.5}
    colours = colours_of(features, reference)
    for place, (label, (*heights, error)) in enumerate(scores.items()):
        x = np.arange(3) + 0.26 * (place - (len(scores) - 1) / 2)
        bars.bar(x, heights, 0.24, yerr=[0, 0, 1.96 * error], color=colours[label], label=label, capsize=2)
    for place, best in enumerate(rows.values()):
        bars.plot(
            [place - 0.45, place + 0.45], [best, best], "k--", linewidth=1.2, label="best" if place == 0 else None
        )
    bars.set_xticks(range(3), list(rows))
    bars.set_ylim(0, 1.5 * max(1.0, *(density for density, *_ in scores.values())))
    bars.legend(fontsize=8, loc="upper right")
    return figure


def _most_different(points: np.ndarray, validation: np.ndarray) -> list[int]:
    """Returns the two components whose distributions differ most (Kolmogorov-Smirnov), the first ones first."""
    statistics = [ks_2samp(ours, theirs).statistic for ours, theirs in zip(points.T, validation.T, strict=True)]
    return sorted(np.argsort(statistics)[-2:].tolist())
