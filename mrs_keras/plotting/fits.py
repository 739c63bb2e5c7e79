"""Figures of fits of spectra."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, new_figure

SMALLEST_PART = 1e-3
"""Parts below this fraction of the tallest are named, not drawn."""


def plot_fit(
    ppm: np.ndarray,
    spectrum: np.ndarray,
    fitted: np.ndarray,
    baseline: np.ndarray,
    parts: Mapping[str, np.ndarray],
    *,
    noise_sigma: float,
    title: str,
) -> Figure:
    """Draws a spectrum, its fit, baseline and residual above each other, and below them each part of the fit.

    Args:
      ppm: (points,), chemical shifts.
      spectrum: complex (points,).
      fitted: complex (points,), with the baseline.
      baseline: complex (points,).
      parts: name -> complex (points,), each signal of the fit.
      noise_sigma: standard deviation of the noise, drawn as a band around the residual.
      title: of the figure.
    """
    tallest = max(np.abs(part.real).max() for part in parts.values())
    drawn = {name: part.real for name, part in parts.items() if np.abs(part.real).max() > SMALLEST_PART * tallest}
    figure = new_figure(10, 5 + 0.24 * len(drawn))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[4.5, 0.5 + 0.24 * len(drawn)])
    height = spectrum.real.max() - min(spectrum.real.min(), 0.0)
    residual = (spectrum - fitted).real
    zero = spectrum.real.max() + 0.08 * height - residual.min()
    above.axhspan(zero - 2 * noise_sigma, zero + 2 * noise_sigma, color="0.85", linewidth=0, label="± 2 noise")
    above.plot(ppm, zero + residual, color="0.3", linewidth=0.7, label="residual")
    above.plot(ppm, spectrum.real, color="0.6", linewidth=1.6, label="data")
    above.plot(ppm, fitted.real, color="tab:red", linewidth=0.8, label="fit")
    above.plot(ppm, baseline.real, color=COLOURS(0.35), linewidth=1.0, label="baseline")
    above.set_ylabel("real part (units of the spectrum)")
    above.set_title(title, fontsize=10, loc="left")
    above.tick_params(labelbottom=False)
    step = 0.12 * height
    lowest, highest = 0.0, 0.0
    for place, (name, part) in enumerate(drawn.items()):
        gain = 1.0 if np.abs(part).max() > 0.05 * height else 4.0
        line = gain * part - place * step
        below.plot(ppm, line, color=COLOURS(0.35), linewidth=0.8)
        lowest, highest = min(lowest, line.min()), max(highest, line.max())
        label = name if gain == 1 else f"{gain:.0f} x {name}"
        below.annotate(label, (1.0, -place * step), (4, 0), ("axes fraction", "data"), "offset points", fontsize=7)
    below.set_ylim(lowest - 0.5 * step, highest + 0.5 * step)
    below.set_yticks([])
    below.set_ylabel("parts of the fit")
    below.set_xlabel("chemical shift (ppm)")
    below.set_xlim(ppm[-1], ppm[0])
    absent = [name for name in parts if name not in drawn]
    if absent:
        below.set_title(f"absent: {', '.join(absent)}", fontsize=7, loc="left")
    figure.legend(*above.get_legend_handles_labels(), loc="outside upper right", ncols=5, fontsize=8)
    return figure
