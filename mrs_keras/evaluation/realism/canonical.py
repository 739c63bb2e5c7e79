"""The canonical form of a spectrum, in which real and generated ones are compared."""

import dataclasses

import numpy as np
import scipy.fft

from mrs_keras.acquisition import Acquisition
from mrs_keras.evaluation.realism.spectra import WINDOW_PPM, checked_noise, checked_spectra
from mrs_keras.random_streams import CANONICAL_NOISE
from mrs_keras.simulation.keyed_random import keyed_normal

NAA_PPM = 2.01
"""Where the tallest line is moved to, ppm."""

NAA_SEARCH_PPM = (1.7, 2.4)
"""Where it is searched, ppm."""

PHASE_PPM = (2.9, 3.35)
"""Creatine and choline, whose sum becomes real and positive, ppm."""

HEIGHT_PPM = (1.9, 2.1)
"""Where the tallest real point becomes 1, ppm."""

ZERO_FILLING = 4
"""Times the points of the FID, for the position of NAA."""

BLOCK = 256
"""Spectra that are transformed at a time: 32 MB."""


@dataclasses.dataclass(frozen=True, eq=False)
class CanonicalSpectra:
    """Spectra in their canonical form.

    Attributes:
      spectra: complex128 (n, points), the native points from 0.2 to 4.2 ppm.
      ppm: float64 (points,).
      noise_sigma: float64 (n,), of the canonical spectra: the reciprocal of the signal-to-noise ratio of NAA.
      fids: complex128 (n, acquisition.points), the whole band in the time domain, in the convention of
        `fid_to_spectrum`; `None` unless asked for.
    """

    spectra: np.ndarray
    ppm: np.ndarray
    noise_sigma: np.ndarray
    fids: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.spectra)

    @property
    def features(self) -> np.ndarray:
        """float64 (n, 2 points): real parts, then imaginary parts."""
        return np.concatenate([self.spectra.real, self.spectra.imag], axis=1)

    @property
    def snr(self) -> np.ndarray:
        """float64 (n,): height of NAA, the tallest real point, over the standard deviation of the noise."""
        return 1 / self.noise_sigma

    def select(self, rows: np.ndarray | slice) -> "CanonicalSpectra":
        """Returns some of the spectra."""
        fids = None if self.fids is None else self.fids[rows]
        return CanonicalSpectra(self.spectra[rows], self.ppm, self.noise_sigma[rows], fids)


def canonical(
    spectra: np.ndarray,
    acquisition: Acquisition,
    noise_sigma: np.ndarray,
    *,
    seed: int = 0,
    split: str = "real",
    start: int = 0,
    with_fids: bool = False,
) -> CanonicalSpectra:
    """Brings spectra, real or generated, to the form in which they are compared.

    Each spectrum is put into a full band of white noise of its own level. In the spectrum of that, zero-filled to four
    times the points, NAA is the largest magnitude from 1.7 to 2.4 ppm; it is moved to 2.01 ppm. The sum from 2.9 to
    3.35 ppm becomes real and positive, and the tallest real point from 1.9 to 2.1 ppm becomes 1 (of a spectrum that has
    no positive one, as no brain does, the tallest magnitude). So frequency, phase
    and scale, which processing decides on, tell nobody where a spectrum comes from, and neither does the noise outside
    of a generator's window.

    Time runs from minus to plus half of the duration of the FID, zeros are filled in between: a spectrum that is cut to
    a window has a part just before t = 0, and a shift by a fraction of a point must leave both sides of t = 0 together.

    Args:
      spectra: complex (n, acquisition.window_points), with their noise.
      acquisition: of the spectra. Its window is what they are given in: those compared must have the same.
      noise_sigma: float (n,), standard deviation of the real part of the noise of a point.
      seed: of the noise outside of the window. Defaults to `0`.
      split: that noise belongs to, such as `"real"` or `"generated"`. Defaults to `"real"`.
      start: index of the first spectrum: noise of spectrum k depends on (seed, split, start + k) alone. Defaults to
        `0`.
      with_fids: whether to return the whole band as FIDs, for linewidths. Defaults to `False`.

    Returns:
      `CanonicalSpectra`.

    Raises:
      ValueError: if spectra or noise are not finite or of the wrong shape.

    Example:

    >>> noisy = np.ones((3, 252)) + 0.1 * np.random.default_rng(0).normal(size=(3, 252, 2)) @ [1, 1j]
    >>> canonical(noisy, Acquisition(), np.full(3, 0.1)).features.shape
    (3, 504)
    """
    spectra = checked_spectra("spectra", spectra, acquisition)
    sigma = checked_noise("noise_sigma", noise_sigma, len(spectra))
    kept = acquisition.slice_of(WINDOW_PPM)
    ppm = acquisition.ppm_axis
    blocks = []
    for first in range(0, len(spectra), BLOCK):
        rows = slice(first, min(first + BLOCK, len(spectra)))
        band = in_full_band(spectra[rows], acquisition, sigma[rows], seed=seed, split=split, start=start + first)
        band = _moved(band, acquisition)
        band *= np.exp(-1j * np.angle(band[:, _within(ppm, PHASE_PPM)].sum(axis=1)))[:, None]
        near_naa = band[:, _within(ppm, HEIGHT_PPM)]
        height = near_naa.real.max(axis=1)
        height = np.where(height > 0, height, np.abs(near_naa).max(axis=1))
        band /= height[:, None]
        # The time domain's first point is halved by `fid_to_spectrum`.
        fids = _double_first(_fids(band)) if with_fids else None
        blocks.append((band[:, kept], sigma[rows] / height, fids))
    if not blocks:
        blocks = [(np.empty((0, kept.stop - kept.start), complex), np.empty(0), None)]
    parts = list(zip(*blocks, strict=True))
    fids = None if parts[2][0] is None else np.concatenate(parts[2])
    return CanonicalSpectra(np.concatenate(parts[0]), ppm[kept], np.concatenate(parts[1]), fids)


def in_full_band(
    spectra: np.ndarray,
    acquisition: Acquisition,
    noise_sigma: np.ndarray,
    *,
    seed: int = 0,
    split: str = "real",
    start: int = 0,
) -> np.ndarray:
    """Puts spectra of a window into a full band of white noise of their own level; arguments as in `canonical`.

    Returns:
      complex128 (n, acquisition.points), rising ppm.
    """
    noise = keyed_normal(start, start + len(spectra), 2 * acquisition.points, seed, split, CANONICAL_NOISE)
    band = noise.astype(np.float64).view(np.complex128) * np.asarray(noise_sigma)[:, None]
    band[:, acquisition.window] = spectra
    return band


def _within(ppm: np.ndarray, limits: tuple[float, float]) -> np.ndarray:
    return (ppm >= limits[0]) & (ppm <= limits[1])


def _fids(band: np.ndarray) -> np.ndarray:
    """Transforms spectra of the whole band, rising ppm, to the time domain, t = 0 first."""
    return scipy.fft.ifft(scipy.fft.ifftshift(band, axes=-1), norm="ortho")


def _double_first(fids: np.ndarray) -> np.ndarray:
    fids[:, 0] *= 2
    return fids


def _moved(band: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """Returns spectra of the whole band with NAA moved to 2.01 ppm."""
    points = acquisition.points
    fids = _fids(band)
    ahead = (points + 1) // 2
    filled = np.zeros((len(band), ZERO_FILLING * points), np.complex128)
    filled[:, :ahead] = fids[:, :ahead]
    filled[:, ahead - points :] = fids[:, ahead:]
    fine = scipy.fft.fftshift(scipy.fft.fft(filled, overwrite_x=True), axes=-1)
    # Fine point m is at point m / 4 of the spectrum, less what the shift of an odd number of points rounds off.
    position = (np.arange(ZERO_FILLING * points) - ZERO_FILLING * points // 2) / ZERO_FILLING + points // 2
    ppm = acquisition.ppm_axis
    spacing = ppm[1] - ppm[0]
    searched = np.flatnonzero(_within(ppm[0] + spacing * position, NAA_SEARCH_PPM))
    tallest = searched[np.abs(fine[:, searched]).argmax(axis=1)]
    points_to_move = (NAA_PPM - ppm[0]) / spacing - position[tallest]
    time = scipy.fft.fftfreq(points)  # signed, of one duration
    fids *= np.exp(2j * np.pi * points_to_move[:, None] * time)
    return scipy.fft.fftshift(scipy.fft.fft(fids, norm="ortho", overwrite_x=True), axes=-1)
