"""Figures of interpolations in the latent space."""

from collections.abc import Mapping

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, new_figure, ppm_axis
from mrs_keras.simulation import UNITS


def plot_interpolation(ppm: np.ndarray, interpolations: Mapping[str, Mapping]) -> Figure:
    """Draws Figure 3: the interpolated spectra of each test pair, and what the spectral fit recovers from them.

    Args:
      ppm: (points,), chemical shifts.
      interpolations: name of the pair -> result of `mrs_keras.evaluation.evaluate_interpolation`.
    """
    figure = new_figure(14, 3.8 * len(interpolations))
    grid = figure.subplots(len(interpolations), 3, squeeze=False, width_ratios=[1.6, 1, 1])
    for (spectra, recovered, distance), (name, result) in zip(grid, interpolations.items(), strict=True):
        alpha = result["alpha"]
        for coefficient, spectrum in zip(alpha, result["spectra"], strict=True):
            spectra.plot(ppm, spectrum.real, color=COLOURS(coefficient), linewidth=1)
        for end, style in zip(result["ends"], ("--", ":"), strict=True):
            spectra.plot(ppm, end.real, color="black", linestyle=style, linewidth=0.9)
        spectra.set_title(f"interpolation over {name}: {len(alpha)} spectra (black: the test spectra)", fontsize=10)
        ppm_axis(spectra)
        figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), ax=spectra, label="interpolation coefficient")
        for parameter, colour in zip(result["varied"], (COLOURS(0.35), COLOURS(0.75)), strict=False):
            recovered.plot(
                alpha, result["recovered"][parameter], "o", ms=4, color=colour, label=f"{parameter}, recovered"
            )
            recovered.plot(
                alpha, result["straight_line"][parameter], color=colour, linewidth=0.9, label="straight line"
            )
            recovered.plot([0, 1], result["true"][parameter], "x", ms=9, color=colour, label="test spectra (true)")
        unit = UNITS[result["varied"][0]]
        recovered.set(xlabel="interpolation coefficient", ylabel=f"{', '.join(result['varied'])} ({unit})")
        recovered.legend(fontsize=8)
        distance.plot(alpha, 100 * result["residual"], "o-", ms=4, color="tab:red")
        distance.set(xlabel="interpolation coefficient", ylabel="distance from the physical model (%)")
        distance.set_ylim(bottom=0)
    return figure


def plot_procedure(ppm: np.ndarray, result: Mapping, name: str) -> Figure:
    """Draws Figure 2: how two test spectra are encoded, interpolated and decoded; every curve is a real one.

    Args:
      ppm: (points,), chemical shifts.
      result: of `mrs_keras.evaluation.evaluate_interpolation` for one pair.
      name: of the pair.
    """
    figure = new_figure(13, 5)
    grid = figure.add_gridspec(2, 4, width_ratios=[1.1, 1.25, 1.25, 1.1])
    for row, (label, end) in enumerate(zip("ab", result["ends"], strict=True)):
        axes = figure.add_subplot(grid[row, 0])
        axes.plot(ppm, end.real, color=COLOURS(float(row)))
        axes.set_title(f"1. test spectrum {label}", fontsize=10)
        ppm_axis(axes)
    latents = figure.add_subplot(grid[:, 1])
    positions = np.arange(result["z"].shape[1])
    for row, label in enumerate("ab"):
        latents.plot(result["z"][-row], positions, "o-", color=COLOURS(float(row)), label=f"z of spectrum {label}")
    latents.set(xlabel="posterior mean", ylabel="latent", title="2. encoded with its concentrations")
    latents.set_ylim(top=1.15 * positions[-1])
    latents.legend(loc="upper right", fontsize=8)
    path = figure.add_subplot(grid[:, 2])
    varied = np.argsort(-np.abs(result["z"][-1] - result["z"][0]))[:4]
    for position in varied:
        path.plot(result["alpha"], result["z"][:, position], "o-", ms=3, label=f"latent {position}")
    path.set(
        xlabel="interpolation coefficient",
        ylabel="z",
        title="3. straight line in the latent space\n(4 latents that differ most)",
    )
    path.legend(fontsize=8)
    decoded = figure.add_subplot(grid[:, 3])
    for alpha, spectrum in zip(result["alpha"], result["spectra"], strict=True):
        decoded.plot(ppm, spectrum.real, color=COLOURS(alpha), linewidth=0.9)
    decoded.set_title("4. decoded by the generator", fontsize=10)
    ppm_axis(decoded)
    for axes in (latents, path):
        axes.title.set_fontsize(10)
    figure.suptitle(f"Latent space evaluation, pair '{name}'")
    return figure
