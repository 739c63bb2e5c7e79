"""The figure of a prior that is made from fits."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, new_figure, ppm_axis


def plot_fitted_prior(
    names: Sequence[str],
    drawn: np.ndarray,
    fitted: np.ndarray,
    spectra: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None,
    *,
    title: str = "",
) -> Figure:
    """Draws the correlations of the amplitudes, and drawn spectra over the range of the fitted ones.

    Args:
      names: of the amplitudes.
      drawn: (draws, names), amplitudes from the prior.
      fitted: (subjects, names), those that it is made from.
      spectra: chemical shifts (points,) in ppm, drawn spectra complex (draws, points), and fitted ones (subjects,
        points), in the same units. Defaults to `None`: not drawn.
      title: of the figure. Defaults to `""`.
    """
    figure = new_figure(12 if spectra is not None else 6.5, 5.5)
    widths = [1.3, 1.0] if spectra is not None else [1.0]
    panels = figure.subplots(1, len(widths), squeeze=False, width_ratios=widths)[0]
    if spectra is not None:
        _spectra(panels[0], *spectra)
    _correlations(panels[-1], figure, names, drawn, fitted)
    if title:
        figure.suptitle(title, fontsize=10)
    return figure


def _spectra(axes, ppm: np.ndarray, drawn: np.ndarray, fitted: np.ndarray) -> None:
    mean, deviation = fitted.real.mean(axis=0), fitted.real.std(axis=0, ddof=1)
    axes.fill_between(ppm, mean - deviation, mean + deviation, color="0.8", linewidth=0, label="fits, mean ± sd")
    axes.plot(ppm, mean, color="0.45", linewidth=1.0)
    for number, spectrum in enumerate(drawn):
        colour = COLOURS(0.1 + 0.8 * number / max(len(drawn) - 1, 1))
        axes.plot(ppm, spectrum.real, color=colour, linewidth=0.8, label="draws, no noise" if number == 0 else None)
    ppm_axis(axes)
    axes.legend(fontsize=8, loc="upper left")


def _correlations(axes, figure: Figure, names: Sequence[str], drawn: np.ndarray, fitted: np.ndarray) -> None:
    matrix = np.tril(_correlation(drawn), -1) + np.triu(_correlation(fitted), 1)
    np.fill_diagonal(matrix, np.nan)
    image = axes.imshow(matrix, cmap="RdBu_r", vmin=-1, vmax=1)
    axes.set_xticks(range(len(names)), names, rotation=90, fontsize=8)
    axes.set_yticks(range(len(names)), names, fontsize=8)
    axes.set_title("correlation of amplitudes: draws below, fits above the diagonal", fontsize=9)
    figure.colorbar(image, ax=axes, shrink=0.8)


def _correlation(values: np.ndarray) -> np.ndarray:
    """Returns the correlations of columns, 0 for a constant one."""
    deviations = values - values.mean(axis=0)
    norms = np.linalg.norm(deviations, axis=0)
    return deviations.T @ deviations / np.where(np.outer(norms, norms) > 0, np.outer(norms, norms), 1.0)
