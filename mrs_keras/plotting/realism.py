"""Figures of generated beside real spectra: a map, mean and spread, noise, and distributions of quantities."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import colours_of, new_figure

BINS = 20
"""Bins of a histogram."""


def plot_realism_map(points: Mapping[str, np.ndarray], shares: Sequence[float], reference: str) -> Figure:
    """Draws sets of spectra as points of a map.

    Args:
      points: label of a set -> float (n, 4), coordinates; the reference among them.
      shares: of the variance of the reference that each coordinate explains.
      reference: label of the real spectra.
    """
    colours = colours_of(points, reference)
    figure = new_figure(11, 5)
    for axes, (x, y) in zip(figure.subplots(1, 2), ((0, 1), (2, 3)), strict=True):
        for label, each in _reference_last(points, reference):
            real = label == reference
            axes.plot(
                *each[:, [x, y]].T,
                linestyle="",
                marker="o" if real else ".",
                markersize=6 if real else 4,
                color=colours[label],
                markerfacecolor="none" if real else colours[label],
                alpha=1 if real else 0.4,
                label=label,
            )
        names = (
            f"component {each + 1} ({100 * shares[each]:.0f} % of the variance of real spectra)" for each in (x, y)
        )
        axes.set(**dict(zip(("xlabel", "ylabel"), names, strict=True)))
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def plot_mean_spectra(ppm: np.ndarray, spectra: Mapping[str, np.ndarray], reference: str) -> Figure:
    """Draws mean, and standard deviation between spectra, of sets of canonical spectra.

    Args:
      ppm: float (points,).
      spectra: label of a set -> complex (n, points); the reference among them.
      reference: label of the real spectra.
    """
    colours = colours_of(spectra, reference)
    figure = new_figure(11, 7.5)
    panels = figure.subplots(2, 2, sharex=True)
    for column, (part, values) in enumerate((("real part", np.real), ("imaginary part", np.imag))):
        for label, each in _reference_last(spectra, reference):
            mean, deviation = values(each).mean(axis=0), values(each).std(axis=0)
            panels[0, column].fill_between(
                ppm, mean - deviation, mean + deviation, color=colours[label], alpha=0.25, linewidth=0
            )
            panels[0, column].plot(ppm, mean, color=colours[label], linewidth=1, label=label)
            panels[1, column].plot(ppm, deviation, color=colours[label], linewidth=1)
        panels[0, column].set_ylabel(f"{part}: mean ± standard deviation\n(multiples of the height of NAA)")
        panels[1, column].set(ylabel=f"{part}: standard deviation", xlabel="chemical shift (ppm)")
        panels[1, column].set_ylim(bottom=0)
    panels[0, 0].margins(x=0)
    panels[0, 0].invert_xaxis()
    figure.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def plot_realism_noise(
    times_s: np.ndarray, power: Mapping[str, np.ndarray], lag1: Mapping[str, np.ndarray], reference: str
) -> Figure:
    """Draws the noise of sets of spectra: its power along time, and the correlation of neighbouring points.

    Args:
      times_s: float (points,).
      power: label of a set -> float (n, points), in multiples of that of white noise of the declared level.
      lag1: label of a set -> float (n,), lag-1 autocorrelation along ppm.
      reference: label of the real spectra.
    """
    colours = colours_of(power, reference)
    figure = new_figure(11, 4.2)
    spectrum, correlation = figure.subplots(1, 2)
    for label, each in _reference_last(power, reference):
        low, middle, high = np.percentile(each, (25, 50, 75), axis=0)
        spectrum.fill_between(times_s, low, high, color=colours[label], alpha=0.2, linewidth=0)
        spectrum.plot(times_s, middle, color=colours[label], linewidth=1, label=label)
    # The power of complex white noise is exponential: ln 2 is its median.
    spectrum.axhline(np.log(2), color="black", linestyle="--", linewidth=0.9, label="white noise of the declared level")
    spectrum.set(
        yscale="log", xlabel="time (s)", ylabel="power (noise of the declared level = 1),\nmedian and quartiles"
    )
    spectrum.margins(x=0)
    _histograms(correlation, lag1, colours)
    correlation.axvline(0, color="black", linestyle="--", linewidth=0.9)
    correlation.set(xlabel="lag-1 autocorrelation of the noise along ppm (white noise: 0)", ylabel="density")
    figure.legend(*spectrum.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def plot_realism_quantities(
    quantities: Mapping[str, Mapping[str, np.ndarray]], names: Mapping[str, str], reference: str
) -> Figure:
    """Draws the distributions of quantities of sets of spectra.

    Args:
      quantities: label of a set -> quantity -> float (n,), NaN where not measured.
      names: quantity -> what it is, with its unit; one panel each.
      reference: label of the real spectra.
    """
    colours = colours_of(quantities, reference)
    figure = new_figure(3.7 * len(names), 3.8)
    for axes, (name, title) in zip(figure.subplots(1, len(names), squeeze=False)[0], names.items(), strict=True):
        _histograms(axes, {label: values[name] for label, values in quantities.items()}, colours)
        axes.set(xlabel=title, ylabel="density")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=4)
    return figure


def _reference_last(sets: Mapping[str, np.ndarray], reference: str) -> list[tuple[str, np.ndarray]]:
    """Returns the sets in the order in which they are drawn: the reference on top."""
    return sorted(sets.items(), key=lambda item: item[0] == reference)


def _histograms(axes, samples: Mapping[str, np.ndarray], colours: Mapping[str, object]) -> None:
    """Draws densities on common bins, between the 1st and 99th percentiles of all; values beyond count at the ends."""
    known = {label: values[np.isfinite(values)] for label, values in samples.items()}
    pooled = np.concatenate([np.percentile(values, (1, 99)) for values in known.values() if len(values)] or [[0, 1]])
    low, high = pooled.min(), pooled.max()
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    for label, values in known.items():
        axes.hist(
            np.clip(values, edges[0], edges[-1]),
            edges,
            density=True,
            histtype="step",
            linewidth=1.6,
            color=colours[label],
            label=label,
        )
