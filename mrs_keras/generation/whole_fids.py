"""FIDs of the whole band from spectra of a model's window: for the formats of the time domain."""

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.generation.causal_continuation import causal_continuation
from mrs_keras.random_streams import GENERATED, OUTSIDE_NOISE
from mrs_keras.simulation import spectrum_to_fid
from mrs_keras.simulation.keyed_random import keyed_normal

TAPER_PPM = 1.0
"""Default width of the taper beyond each edge of the window, ppm. Fitting programs misjudge sharp edges."""


def whole_fids(
    spectra: np.ndarray,
    acquisition: Acquisition,
    *,
    signal: np.ndarray | None = None,
    noise_sigma: np.ndarray | None = None,
    seed: int = 0,
    start: int = 0,
    taper_ppm: float | None = TAPER_PPM,
) -> np.ndarray:
    """Returns FIDs of the whole band whose spectra are the given ones inside the window.

    A model knows its window only. Beyond each edge, the value of the signal at the edge falls to zero as a cosine,
    0.5 (1 + cos(pi x / taper_ppm)) at x ppm from the edge; the taper ends early where the band does. Or the signal goes
    on as that of a causal FID, see `causal_continuation`. White noise of the same sigma as in the window is added at
    all frequencies outside. The transform is `spectrum_to_fid`: FSL-MRS, which halves the first point and divides the
    Fourier transform by sqrt(points), then shows exactly the given spectra inside the window. Since the first point is
    not halved, its noise has twice the sigma of the others.

    Args:
      spectra: complex64 (rows, window_points), rising ppm, with their noise.
      acquisition: of the spectra.
      signal: complex64 (rows, window_points), the spectra without noise, which goes on outside. Defaults to
        `None`: `spectra`.
      noise_sigma: float (rows,), standard deviation of the real, and of the imaginary part of each point of the
        spectrum; 0 for none. Defaults to `None`: no noise.
      seed: of the noise. That of row k depends only on (seed, k). Defaults to `0`.
      start: index k of the first row. Defaults to `0`.
      taper_ppm: width of the taper, ppm, at least 0. `None`: no taper but a causal continuation, for LCModel, which
        appends zeros to FIDs; a row is then bit-identical only in batches of the same size, since matrix products of
        another size round differently. Defaults to `1.0`.

    Returns:
      complex64 (rows, points); ppm = 4.65 + f / f0.

    Raises:
      ValueError: if shapes disagree or the width is negative.

    Example:

    >>> whole_fids(np.ones((3, 252), np.complex64), Acquisition(), noise_sigma=np.full(3, 0.1)).shape
    (3, 2048)
    """
    spectra = np.asarray(spectra, np.complex64)
    signal = spectra if signal is None else np.asarray(signal, np.complex64)
    rows, window = len(spectra), acquisition.window
    if spectra.shape != (rows, acquisition.window_points) or signal.shape != spectra.shape:
        raise ValueError(
            "`spectra` and `signal` must be complex of shape (rows, window_points). "
            f"Expected {acquisition.window_points} points. Received: {spectra.shape} and {signal.shape}."
        )
    if taper_ppm is not None and not taper_ppm >= 0:
        raise ValueError(f"`taper_ppm` must be at least 0. Received: taper_ppm={taper_ppm}. Give for example 1.0.")
    band = np.zeros((rows, acquisition.points), np.complex64)
    band[:, window] = spectra
    outside = np.delete(np.arange(acquisition.points), np.r_[window])
    if taper_ppm is None:
        band[:, outside] = causal_continuation(signal, acquisition)
    else:
        low, high = _taper(acquisition, taper_ppm)
        band[:, window.start - len(low) : window.start] = signal[:, :1] * low
        band[:, window.stop : window.stop + len(high)] = signal[:, -1:] * high
    if noise_sigma is not None and np.any(noise_sigma):
        noise = keyed_normal(start, start + rows, 2 * len(outside), seed, GENERATED, OUTSIDE_NOISE)
        noise *= np.asarray(noise_sigma, np.float32)[:, None]
        band[:, outside] += np.ascontiguousarray(noise).view(np.complex64)
    return spectrum_to_fid(band)


def _taper(acquisition: Acquisition, taper_ppm: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the factors of the points below and above the window, each float32 (points of the taper,), rising ppm."""
    window = acquisition.window
    step_ppm = acquisition.ppm_axis[1] - acquisition.ppm_axis[0]
    width = round(taper_ppm / step_ppm)
    fall = (0.5 * (1 + np.cos(np.pi * np.arange(1, width + 1) / (width + 1)))).astype(np.float32)
    return fall[: window.start][::-1], fall[: acquisition.points - window.stop]
