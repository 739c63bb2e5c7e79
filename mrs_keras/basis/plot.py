"""Drawing a basis."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.acquisition import PPM_REFERENCE

if TYPE_CHECKING:
    from mrs_keras.basis.basis import Basis

WIDTH_INCHES = 7.0
HEIGHT_INCHES_PER_METABOLITE = 0.4
MIN_HEIGHT_INCHES = 2.5


def plot_basis(basis: "Basis", ppm_window: tuple[float, float] | None = None) -> Figure:
    """Draws a basis; see `Basis.plot`."""
    acquisition = basis.acquisition
    frequencies_hz = np.fft.fftshift(np.fft.fftfreq(acquisition.points, 1 / acquisition.bandwidth_hz))
    ppm = frequencies_hz / acquisition.spectrometer_frequency_mhz + PPM_REFERENCE
    low, high = acquisition.ppm_window if ppm_window is None else ppm_window
    if not low < high or not ((ppm >= low) & (ppm <= high)).any():
        raise ValueError(
            f"`ppm_window` must be (low, high), and hold at least one point. Expected edges from {ppm[0]:.2f} to "
            f"{ppm[-1]:.2f} ppm. Received: ppm_window=({low}, {high})."
        )
    shown = (ppm >= low) & (ppm <= high)
    spectra = np.fft.fftshift(np.fft.fft(basis.fids, axis=0), axes=0).real[shown]
    heights = np.abs(spectra).max(axis=0)
    spectra = spectra / np.where(heights > 0, heights, 1)

    rows = len(basis.names)
    figure = Figure(
        (WIDTH_INCHES, max(MIN_HEIGHT_INCHES, HEIGHT_INCHES_PER_METABOLITE * rows + 1)), layout="constrained"
    )
    axes = figure.add_subplot()
    baselines = np.arange(rows)[::-1]  # the first metabolite on top
    for spectrum, baseline in zip(spectra.T, baselines, strict=True):
        axes.plot(ppm[shown], 0.9 * spectrum + baseline, color="black", linewidth=0.8)
    axes.set_xlim(high, low)  # from right to left
    axes.set_xlabel("chemical shift / ppm")
    axes.set_yticks(baselines, basis.names)
    axes.tick_params(axis="y", length=0)
    axes.spines[["top", "left", "right"]].set_visible(False)
    if basis.description:
        axes.set_title(basis.description, fontsize="small")
    return figure
