"""Figures: each function draws from arrays and returns a `matplotlib.figure.Figure`; ppm runs from right to left."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from mrs_keras.simulation import UNITS

COLOURS = ListedColormap(colormaps["viridis"](np.linspace(0, 0.9, 256)))
"""From dark to light, without the yellow that vanishes on white."""


def _figure(width: float, height: float) -> Figure:
    return Figure(figsize=(width, height), layout="constrained", dpi=150)


def _ppm_axis(axes) -> None:
    axes.invert_xaxis()
    axes.margins(x=0)
    axes.set_xlabel("chemical shift (ppm)")
    axes.set_ylabel("real part (arbitrary units)")


def plot_learning_curves(history: Mapping[str, np.ndarray]) -> Figure:
    """Draws the history of a training.

    Args:
      history: name -> (epochs,), as `mrs_keras.training.read_history` gives it.
    """
    figure = _figure(10, 3.4)
    panels = {
        "mean_squared_error": "mean squared error\n(units of the tallest peak, squared)",
        "kl_loss": "KL divergence from N(0, I)\n(nats per spectrum)",
        "loss": "loss (nats per spectrum)",
    }
    epochs = history["epoch"] + 1
    for axes, (name, label) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        axes.plot(epochs, history[name], label="training (sampled z)", color=COLOURS(0.1))
        axes.plot(epochs, history[f"val_{name}"], label="validation (posterior mean)", color=COLOURS(0.7))
        axes.set(xlabel="epoch", ylabel=label)
        if name == "mean_squared_error":
            axes.set_yscale("log")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


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
    figure = _figure(12, 3.4)
    *panels, histogram = figure.subplots(1, 4)
    order = np.argsort(model_errors)
    chosen = {"smallest error": 0, "median error": len(order) // 2, "95th percentile": int(0.95 * (len(order) - 1))}
    for axes, (name, rank) in zip(panels, chosen.items(), strict=True):
        row = order[rank]
        axes.plot(ppm, spectra[row].real, color="black", linewidth=2.5, alpha=0.35, label="spectrum")
        axes.plot(ppm, reconstructions[row].real, color=COLOURS(0.35), linewidth=1, label="reconstruction")
        axes.plot(ppm, (spectra[row] - reconstructions[row]).real, color="tab:red", linewidth=0.8, label="difference")
        axes.set_title(f"{name}: {100 * model_errors[row]:.2f} %", fontsize=10)
        _ppm_axis(axes)
    panels[0].legend(fontsize=8)
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
    histogram.set(xscale="log", xlabel="relative L2 error (%)", ylabel="validation spectra")
    histogram.set_ylim(top=1.4 * histogram.get_ylim()[1])
    histogram.legend(fontsize=8)
    return figure


def plot_interpolation(ppm: np.ndarray, interpolations: Mapping[str, Mapping]) -> Figure:
    """Draws Figure 3: the interpolated spectra of each test pair, and what the spectral fit recovers from them.

    Args:
      ppm: (points,), chemical shifts.
      interpolations: name of the pair -> result of `mrs_keras.evaluation.evaluate_interpolation`.
    """
    figure = _figure(14, 3.8 * len(interpolations))
    grid = figure.subplots(len(interpolations), 3, squeeze=False, width_ratios=[1.6, 1, 1])
    for (spectra, recovered, distance), (name, result) in zip(grid, interpolations.items(), strict=True):
        alpha = result["alpha"]
        for coefficient, spectrum in zip(alpha, result["spectra"], strict=True):
            spectra.plot(ppm, spectrum.real, color=COLOURS(coefficient), linewidth=1)
        for end, style in zip(result["ends"], ("--", ":"), strict=True):
            spectra.plot(ppm, end.real, color="black", linestyle=style, linewidth=0.9)
        spectra.set_title(f"interpolation over {name}: {len(alpha)} spectra (black: the test spectra)", fontsize=10)
        _ppm_axis(spectra)
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


def plot_model(encoder: Sequence, generator: Sequence, latents: int) -> Figure:
    """Draws Figure 1: the layers of encoder and generator as they are connected.

    Args:
      encoder: layers as `mrs_keras.evaluation.layer_graph` gives them.
      generator: the same of the generator.
      latents: number of latents.
    """
    rows = 1 + max(layer.row for layer in (*encoder, *generator))
    figure = _figure(13, 0.75 * rows + 1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 13), ylim=(-rows + 0.5, 1.1))
    posterior = _draw_network(axes, encoder, "Encoder", 0.1, COLOURS(0.35))
    latent = _draw_network(axes, generator, "Generator", 7.8, COLOURS(0.75))["z"]
    middle = (6.5, posterior["z_mean"][1] - 0.8)
    axes.text(
        *middle,
        f"{latents} latents, prior N(0, I)\nz = z_mean + exp(z_log_var / 2) * noise",
        ha="center",
        va="center",
        fontsize=9,
        bbox={"boxstyle": "round", "fc": "white", "ec": "0.4"},
    )
    for name in ("z_mean", "z_log_var"):
        axes.add_patch(_arrow((posterior[name][0], posterior[name][1] - 0.31), (5.05, middle[1]), "arc3,rad=0.12"))
    axes.add_patch(_arrow((6.5, middle[1] + 0.3), (latent[0] - 1.2, latent[1]), "arc3,rad=-0.2"))
    return figure


def _draw_network(axes, layers: Sequence, title: str, left: float, colour) -> dict[str, tuple[float, float]]:
    """Draws the layers of one network in a column 5.1 wide; returns the middle of each box."""
    axes.text(left + 2.55, 0.75, title, ha="center", fontsize=13, weight="bold")
    middles = {}
    for layer in layers:
        beside = [other.name for other in layers if other.row == layer.row]
        x = left + 5.1 * (beside.index(layer.name) + 0.5) / len(beside)
        middles[layer.name] = (x, -layer.row)
        axes.add_patch(
            FancyBboxPatch(
                (x - 1.15, -layer.row - 0.29), 2.3, 0.58, boxstyle="round,pad=0.02", fc=(*colour[:3], 0.25), ec=colour
            )
        )
        axes.text(x, -layer.row + 0.11, layer.label, va="center", ha="center", fontsize=8.5)
        axes.text(x, -layer.row - 0.14, layer.shape, va="center", ha="center", fontsize=7.5, family="monospace")
    for layer in layers:
        x, y = middles[layer.name]
        for source in layer.inputs:
            axes.add_patch(_arrow((middles[source][0], middles[source][1] - 0.3), (x, y + 0.3)))
    return middles


def _arrow(start, end, connection: str = "arc3") -> FancyArrowPatch:
    return FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color="0.35", connectionstyle=connection)


def plot_procedure(ppm: np.ndarray, result: Mapping, name: str) -> Figure:
    """Draws Figure 2: how two test spectra are encoded, interpolated and decoded; every curve is a real one.

    Args:
      ppm: (points,), chemical shifts.
      result: of `mrs_keras.evaluation.evaluate_interpolation` for one pair.
      name: of the pair.
    """
    figure = _figure(13, 5)
    grid = figure.add_gridspec(2, 4, width_ratios=[1.1, 1.25, 1.25, 1.1])
    for row, (label, end) in enumerate(zip("ab", result["ends"], strict=True)):
        axes = figure.add_subplot(grid[row, 0])
        axes.plot(ppm, end.real, color=COLOURS(float(row)))
        axes.set_title(f"1. test spectrum {label}", fontsize=10)
        _ppm_axis(axes)
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
    _ppm_axis(decoded)
    for axes in (latents, path):
        axes.title.set_fontsize(10)
    figure.suptitle(f"Latent space evaluation, pair '{name}'")
    return figure
