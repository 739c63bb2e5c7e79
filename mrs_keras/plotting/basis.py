"""Figure of a basis: a row for each metabolite."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

WIDTH_INCHES = 7.0
HEIGHT_INCHES_PER_METABOLITE = 0.4
MIN_HEIGHT_INCHES = 2.5


def plot_basis(
    spectra: np.ndarray, ppm: np.ndarray, names: Sequence[str], *, ppm_window: tuple[float, float], title: str = ""
) -> Figure:
    """Draws spectra above each other, each scaled to its maximum, chemical shift from right to left.

    Args:
      spectra: real (points, metabolites).
      ppm: (points,), rising.
      names: of the metabolites, from top to bottom.
      ppm_window: lowest and highest chemical shift to draw, ppm.
      title: of the figure. Defaults to `""`.

    Raises:
      ValueError: if the window is empty.
    """
    low, high = ppm_window
    shown = (ppm >= low) & (ppm <= high)
    if not low < high or not shown.any():
        raise ValueError(
            f"`ppm_window` must be (low, high), with at least one point. Expected edges from {ppm[0]:.2f} to "
            f"{ppm[-1]:.2f} ppm. Received: ppm_window=({low}, {high})."
        )
    spectra = spectra[shown]
    heights = np.abs(spectra).max(axis=0)
    spectra = spectra / np.where(heights > 0, heights, 1)

    rows = len(names)
    figure = Figure(
        (WIDTH_INCHES, max(MIN_HEIGHT_INCHES, HEIGHT_INCHES_PER_METABOLITE * rows + 1)), layout="constrained"
    )
    axes = figure.add_subplot()
    baselines = np.arange(rows)[::-1]  # the first metabolite on top
    for spectrum, baseline in zip(spectra.T, baselines, strict=True):
        axes.plot(ppm[shown], 0.9 * spectrum + baseline, color="black", linewidth=0.8)
    axes.set_xlim(high, low)  # from right to left
    axes.set_xlabel("chemical shift / ppm")
    axes.set_yticks(baselines, names)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "left", "right"]].set_visible(False)
    if title:
        axes.set_title(title, fontsize="small")
    return figure
