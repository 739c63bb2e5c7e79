"""Figures of interpolations in the latent space."""

from collections.abc import Mapping

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, draw_medians, new_figure, ppm_axis
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


def plot_random_pairs(kinds: Mapping[str, Mapping], bounds: Mapping[str, float]) -> Figure:
    """Draws the recovered parameters along the paths between random pairs, and how far the others drift.

    Args:
      kinds: kind of pair -> result of `mrs_keras.evaluation.random_pairs.evaluate_random_pairs`.
      bounds: `"median"` and `"percentile_95"` of a drift that is still good, as fractions of the training range.
    """
    most = max(len(result["numbers"]["varied"]) for result in kinds.values())
    drifting = max(len(result["numbers"]["drift"]) for result in kinds.values())
    figure = new_figure(4 * (most + 1), len(kinds) * max(3.6, 1.6 + 0.28 * drifting))
    grid = figure.subplots(len(kinds), most + 1, squeeze=False)
    for row, (kind, result) in zip(grid, kinds.items(), strict=True):
        for axes in row:
            axes.set_axis_off()
        for axes, (name, numbers) in zip(row, result["numbers"]["varied"].items(), strict=False):
            axes.set_axis_on()
            first, last = result["true"][name][:, :1], result["true"][name][:, 1:]
            paths = (result["paths"][name] - first) / (last - first)
            axes.plot(result["alpha"], paths.T, color=COLOURS(0.35), linewidth=0.5, alpha=0.2)
            axes.plot(result["alpha"], np.median(paths, axis=0), color="tab:red", linewidth=2, label="median")
            axes.plot([0, 1], [0, 1], "k--", linewidth=1.2, label="straight line")
            axes.set_title(
                f"pairs over {kind}: {len(paths)} paths\nmonotone {100 * numbers['monotone']:.0f} %, "
                f"median R2 {numbers['r2']['median']:.3f}",
                fontsize=10,
            )
            axes.set(xlabel="interpolation coefficient", ylabel=f"{name}, 0 and 1: its true ends")
            axes.legend(fontsize=8, loc="upper left")
        drift = {"paths": result["numbers"]["drift"]}
        if "reference_numbers" in result:
            drift["simulated_paths"] = result["reference_numbers"]["drift"]
        names = list(drift["paths"])
        axes = row[len(result["numbers"]["varied"])]
        axes.set_axis_on()
        draw_medians(axes, names, {source: [values[name] for name in names] for source, values in drift.items()})
        for key, style in (("median", "--"), ("percentile_95", ":")):
            label = f"bound of the {'median' if key == 'median' else '95th percentile'}"
            axes.axvline(100 * bounds[key], color="black", linestyle=style, linewidth=1, label=label)
        axes.set_title("what should stay as it is", fontsize=10)
        axes.set_xlabel("drift over the width of the training range (%)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure
