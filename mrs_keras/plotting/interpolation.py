"""Figures of interpolations in the latent space."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, SET_COLOURS, draw_medians, new_figure, ppm_axis


def plot_interpolation(
    ppm: np.ndarray,
    spectra: Mapping[str, Mapping[str, np.ndarray]],
    ends: Mapping[str, np.ndarray],
    recovered: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    true: Mapping[str, Mapping[str, np.ndarray]],
    distances: Mapping[str, Mapping[str, np.ndarray]],
    units: Mapping[str, str],
) -> Figure:
    """Draws Figure 3: the interpolated spectra of each test pair, and what the spectral fit recovers from them.

    Args:
      ppm: float (points,), chemical shifts.
      spectra: name of the pair -> label of the path -> complex (steps, points), at equal steps from one end to the
        other.
      ends: name of the pair -> complex (2, points), the test spectra.
      recovered: name of the pair -> label of the path -> parameter -> float (steps,).
      true: name of the pair -> parameter -> float (2,), of the test spectra.
      distances: name of the pair -> label of the path -> float (steps,), relative distance from the physical model.
      units: parameter -> unit.
    """
    sets = len(next(iter(spectra.values())))
    figure = new_figure(4.2 * (sets + 2), 3.8 * len(spectra))
    grid = figure.subplots(len(spectra), sets + 2, squeeze=False)
    for (*panels, changing, staying), name in zip(grid, spectra, strict=True):
        for curves, (label, path) in zip(panels, spectra[name].items(), strict=True):
            for coefficient, spectrum in zip(np.linspace(0, 1, len(path)), path, strict=True):
                curves.plot(ppm, spectrum.real, color=COLOURS(coefficient), linewidth=1)
            for end, style in zip(ends[name], ("--", ":"), strict=True):
                curves.plot(ppm, end.real, color="black", linestyle=style, linewidth=0.9)
            curves.set_title(
                f"over {name}, {label}: {len(path)} spectra\n"
                f"at most {100 * distances[name][label].max():.1f} % from the physical model",
                fontsize=10,
            )
            ppm_axis(curves)
        figure.colorbar(ScalarMappable(Normalize(0, 1), COLOURS), ax=panels[-1], label="interpolation coefficient")
        varied = [parameter for parameter, (first, last) in true[name].items() if first != last]
        kept = [parameter for parameter in true[name] if parameter not in varied]
        # One panel has one unit.
        kept = [parameter for parameter in kept if units[parameter] == units[kept[0]]]
        for axes, parameters, title in ((changing, varied, "what should change"), (staying, kept, "what should stay")):
            _draw_recovered(axes, recovered[name], true[name], parameters)
            axes.set_title(f"{title}\n(crosses: test spectra; lines: straight)", fontsize=10)
            axes.set(xlabel="interpolation coefficient", ylabel=f"{', '.join(parameters)} ({units[parameters[0]]})")
    return figure


def _draw_recovered(
    axes: Axes,
    recovered: Mapping[str, Mapping[str, np.ndarray]],
    true: Mapping[str, np.ndarray],
    parameters: Sequence[str],
) -> None:
    """Draws parameters along paths: a colour for each path, a marker for each parameter."""
    for (label, path), colour in zip(recovered.items(), SET_COLOURS, strict=False):
        for parameter, marker in zip(parameters, "os", strict=False):
            values = path[parameter]
            alpha = np.linspace(0, 1, len(values))
            axes.plot(alpha, values, marker, ms=4, color=colour, label=f"{parameter}, {label}")
    for parameter in parameters:
        axes.plot([0, 1], true[parameter], "x-", ms=9, color="black", linewidth=0.9)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.4 * (high - low))  # room for the legend
    axes.legend(fontsize=8, loc="upper left", ncols=2)


def plot_procedure(ppm: np.ndarray, ends: np.ndarray, z: np.ndarray, spectra: np.ndarray, name: str) -> Figure:
    """Draws Figure 2: how two test spectra are encoded, interpolated and decoded, with actual data.

    Args:
      ppm: float (points,), chemical shifts.
      ends: complex (2, points), the test spectra.
      z: float (steps, latents), at equal steps from one end to the other.
      spectra: complex (steps, points), decoded from them.
      name: of the pair.
    """
    figure = new_figure(13, 5)
    grid = figure.add_gridspec(2, 4, width_ratios=[1.1, 1.25, 1.25, 1.1])
    for row, (label, end) in enumerate(zip("ab", ends, strict=True)):
        axes = figure.add_subplot(grid[row, 0])
        axes.plot(ppm, end.real, color=COLOURS(float(row)))
        axes.set_title(f"1. test spectrum {label}", fontsize=10)
        ppm_axis(axes)
    latents = figure.add_subplot(grid[:, 1])
    positions = np.arange(z.shape[1])
    for row, label in enumerate("ab"):
        latents.plot(z[-row], positions, "o-", color=COLOURS(float(row)), label=f"z of spectrum {label}")
    latents.set(xlabel="posterior mean", ylabel="latent", title="2. encoded with its concentrations")
    latents.set_ylim(top=1.15 * positions[-1])
    latents.legend(loc="upper right", fontsize=8)
    path, alpha = figure.add_subplot(grid[:, 2]), np.linspace(0, 1, len(z))
    for position in np.argsort(-np.abs(z[-1] - z[0]))[:4]:
        path.plot(alpha, z[:, position], "o-", ms=3, label=f"latent {position}")
    path.set(
        xlabel="interpolation coefficient",
        ylabel="z",
        title="3. straight line in the latent space\n(4 latents that differ most)",
    )
    path.legend(fontsize=8)
    decoded = figure.add_subplot(grid[:, 3])
    for coefficient, spectrum in zip(alpha, spectra, strict=True):
        decoded.plot(ppm, spectrum.real, color=COLOURS(coefficient), linewidth=0.9)
    decoded.set_title("4. decoded by the generator", fontsize=10)
    ppm_axis(decoded)
    for axes in (latents, path):
        axes.title.set_fontsize(10)
    figure.suptitle(f"Latent space evaluation, pair '{name}'")
    return figure


def plot_random_pairs(
    paths: Mapping[str, Mapping[str, Mapping[str, np.ndarray]]],
    titles: Mapping[str, Mapping[str, str]],
    drifts: Mapping[str, Mapping[str, Mapping[str, tuple[float, float]]]],
    bounds: tuple[float, float],
    reference: str | None = None,
) -> Figure:
    """Draws the recovered parameters along the paths between random pairs, and how far the others drift.

    Args:
      paths: kind of pair -> parameter that varies -> label of a set of paths -> float (pairs, steps), 0 at the true
        first and 1 at the true last end of a path.
      titles: kind of pair -> parameter that varies -> title of the panel.
      drifts: kind of pair -> label of a set of paths -> parameter that should stay -> median and 95th percentile of
        its drift, as fractions of the training range.
      bounds: largest good median and 95th percentile.
      reference: label of the paths that the others are compared with. Defaults to `None`: there are none.
    """
    most = max(len(varied) for varied in paths.values())
    drifting = max(len(drift) for sets in drifts.values() for drift in sets.values())
    figure = new_figure(4 * (most + 1), len(paths) * max(3.6, 1.6 + 0.28 * drifting))
    grid = figure.subplots(len(paths), most + 1, squeeze=False)
    for row, (kind, varied) in zip(grid, paths.items(), strict=True):
        for axes, (name, values) in zip(row, varied.items(), strict=False):
            _draw_paths(axes, values, titles[kind][name], name)
        for axes in row[len(varied) + 1 :]:
            axes.set_axis_off()
        axes, names = row[len(varied)], list(next(iter(drifts[kind].values())))
        summaries = {label: np.array([drift[name] for name in names]) for label, drift in drifts[kind].items()}
        draw_medians(axes, names, summaries, reference)
        for name, bound, style in zip(("median", "95th percentile"), bounds, ("--", ":"), strict=True):
            axes.axvline(100 * bound, color="black", linestyle=style, linewidth=1, label=f"bound of the {name}")
        axes.set_title("what should stay as it is", fontsize=10)
        axes.set_xlabel("drift over the width of the training range (%)")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _draw_paths(axes: Axes, paths: Mapping[str, np.ndarray], title: str, name: str) -> None:
    for (label, values), colour in zip(paths.items(), SET_COLOURS, strict=False):
        alpha = np.linspace(0, 1, values.shape[1])
        axes.plot(alpha, values.T, color=colour, linewidth=0.5, alpha=0.15)
        axes.plot(alpha, np.median(values, axis=0), color=colour, linewidth=2, label=f"median, {label}")
    axes.plot([0, 1], [0, 1], "k--", linewidth=1.2, label="straight in the parameter")
    axes.set_title(title, fontsize=10)
    axes.set(xlabel="interpolation coefficient", ylabel=f"{name}, 0 and 1: its true ends")
    axes.legend(fontsize=8, loc="upper left")
