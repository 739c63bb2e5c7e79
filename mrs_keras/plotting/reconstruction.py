"""Figures of reconstructed spectra."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, draw_medians, new_figure, percent_axis, ppm_axis


def plot_reconstruction(
    ppm: np.ndarray,
    spectra: np.ndarray,
    reconstructions: np.ndarray,
    model_errors: np.ndarray,
    pca_errors: np.ndarray,
    components: int,
) -> Figure:
    """Draws three reconstructions (best, median and 95th percentile of the error) and the distribution of the error.

    Args:
      ppm: (points,), chemical shifts.
      spectra: complex (batch, points).
      reconstructions: complex (batch, points), by the model.
      model_errors: (batch,), relative L2 error of the model.
      pca_errors: (batch,), relative L2 error of a principal component analysis.
      components: number of latents, and of principal components.
    """
    figure = new_figure(12, 3.7)
    *panels, histogram = figure.subplots(1, 4)
    order = np.argsort(model_errors)
    chosen = {"smallest error": 0, "median error": len(order) // 2, "95th percentile": int(0.95 * (len(order) - 1))}
    for axes, (name, rank) in zip(panels, chosen.items(), strict=True):
        row = order[rank]
        axes.plot(ppm, spectra[row].real, color="black", linewidth=2.5, alpha=0.35, label="spectrum")
        axes.plot(ppm, reconstructions[row].real, color=COLOURS(0.35), linewidth=1, label="reconstruction")
        axes.plot(ppm, (spectra[row] - reconstructions[row]).real, color="tab:red", linewidth=0.8, label="difference")
        axes.set_title(f"{name}: {100 * model_errors[row]:.2f} %", fontsize=10)
        ppm_axis(axes)
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside upper left", ncols=3)
    bins = np.geomspace(
        100 * min(model_errors.min(), pca_errors.min()), 100 * max(model_errors.max(), pca_errors.max())
    )
    for errors, label, colour in (
        (model_errors, f"cVAE, {components} latents", COLOURS(0.35)),
        (pca_errors, f"PCA, {components} components", "tab:orange"),
    ):
        histogram.hist(
            100 * errors, bins, alpha=0.7, color=colour, label=f"{label}\nmedian {100 * np.median(errors):.2f} %"
        )
    percent_axis(histogram)
    histogram.set(xlabel="relative L2 error (%)", ylabel="validation spectra")
    histogram.set_ylim(top=1.4 * histogram.get_ylim()[1])
    histogram.legend(fontsize=8)
    return figure


def plot_parameter_errors(
    errors: Mapping[str, Mapping[str, np.ndarray]],
    widths: Mapping[str, float],
    metabolites: Sequence[str],
    reference: str | None = None,
) -> Figure:
    """Draws the errors of the physical parameters recovered from spectra.

    Args:
      errors: label of a set of spectra -> parameter or metabolite -> float (batch,).
      widths: parameter -> width of its training range, in the unit of its errors.
      metabolites: names; their errors are relative.
      reference: label of the set that the others are compared with. Defaults to `None`: there is none.
    """
    figure = new_figure(11, 2.2 + 0.3 * max(len(widths), len(metabolites)))
    parameters, concentrations = figure.subplots(1, 2)
    for axes, names, label in (
        (parameters, list(widths), "error over the width of the training range (%)"),
        (concentrations, list(metabolites), "relative error of the concentration (%)"),
    ):
        summaries = {
            name_of_set: np.array([[np.median(values[name]), np.quantile(values[name], 0.95)] for name in names])
            / np.array([widths.get(name, 1.0) for name in names])[:, None]
            for name_of_set, values in errors.items()
        }
        draw_medians(axes, names, summaries, reference)
        axes.set_xlabel(label)
    figure.legend(*parameters.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
