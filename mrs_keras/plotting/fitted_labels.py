"""Figure of labels that a program finds in generated spectra, against those that were requested."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, new_figure

COLUMNS = 4
"""Panels in a row."""


def plot_fitted_labels(
    requested: Mapping[str, np.ndarray],
    fitted: Mapping[str, np.ndarray],
    lines: Mapping[str, tuple[float, float]],
    titles: Mapping[str, str],
    program: str,
) -> Figure:
    """Draws fitted against requested labels, with the regression line and that of a perfect answer.

    Args:
      requested: label -> float (spectra,).
      fitted: label -> float (spectra,), in the same unit; the same labels.
      lines: label -> slope and intercept of the regression.
      titles: label -> what it is, with its unit.
      program: whose fits they are.
    """
    columns = min(COLUMNS, len(requested))
    rows = -(-len(requested) // columns)
    figure = new_figure(3.4 * columns, 0.5 + 3.3 * rows)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels[len(requested) :]:
        axes.set_axis_off()
    for axes, (label, x) in zip(panels, requested.items(), strict=False):
        ends = np.array([x.min(), x.max()])
        slope, intercept = lines[label]
        axes.plot(x, fitted[label], ".", markersize=4, alpha=0.6, color=COLOURS(0.35))
        axes.plot(ends, intercept + slope * ends, color="tab:orange", linewidth=1.4, label="regression")
        axes.plot(ends, ends, "k--", linewidth=0.9, label="as requested")
        axes.set(xlabel=f"requested {titles[label]}", ylabel=f"fitted by {program}")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
