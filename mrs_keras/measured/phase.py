"""Zero-order phase from the singlets of NAA, creatine and choline."""

import functools

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.checks import check_finite
from mrs_keras.measured.referencing import SINGLETS_PPM, check_band, checked_fid
from mrs_keras.measured.scan import ppm_axis
from mrs_keras.simulation.forward import fid_to_spectrum

HALF_WIDTH_PPM = 0.12
"""Distance from a singlet up to which the spectrum is fitted, ppm."""
WEIGHTS = np.array([0.2, 1.0, 1.0])
"""Of the amplitudes of NAA, Cr and Cho in the phase."""


def find_phase(fid: np.ndarray, bandwidth_hz: float, spectrometer_frequency_mhz: float) -> float:
    """Finds the zero-order phase of a spectrum, for `apply_phase`, which makes NAA, Cr and Cho absorptive.

    Three Voigt lines of equal widths are fitted to the complex spectrum within 0.12 ppm of the singlets, with a complex
    straight line around NAA and one around Cr and Cho for what is below them. Positions and widths are found by
    Levenberg-Marquardt, and the complex amplitudes by linear least squares at each step (variable projection, Golub and
    Pereyra 2003, doi 10.1088/0266-5611/19/2/201). The phase is that of the sum of the amplitudes, NAA with a fifth of
    its weight: what overlaps the lines (NAAG and Glu on one side of NAA, GABA and GSH on one side of Cr) shifts their
    phases by +16, -11 and +13 degrees in simulated brain spectra, and with these weights by about 2 in the sum.

    Args:
      fid: complex (points,), referenced (`find_shift`) and without residual water.
      bandwidth_hz: Hz.
      spectrometer_frequency_mhz: f0, MHz.

    Returns:
      Phase in rad, from -pi to pi. 0 if the FID is all 0.

    Raises:
      ValueError: if the FID is not (points,), a value is not finite, or the receiver's band does not contain the peaks.

    Example:

    >>> fid = basis.fids.sum(axis=1)
    >>> round(find_phase(fid * np.exp(0.3j), 4000.0, 123.2) - find_phase(fid, 4000.0, 123.2), 3)
    0.3
    """
    import scipy.optimize

    fid, bandwidth_hz, f0 = checked_fid(fid, bandwidth_hz, spectrometer_frequency_mhz)
    places = np.array(list(SINGLETS_PPM.values()))
    check_band(bandwidth_hz, f0, places.min() - HALF_WIDTH_PPM, places.max() + HALF_WIDTH_PPM)
    if not np.any(fid):
        return 0.0
    kept, frequency_hz, background = _regions(len(fid), bandwidth_hz, f0)
    spectrum = fid_to_spectrum(fid)[kept]
    spectrum /= np.linalg.norm(spectrum)
    centres = (places - PPM_REFERENCE) * f0

    def amplitudes(values):
        lines = [_voigt(frequency_hz - centre, *np.exp(values[3:])) for centre in centres + values[:3]]
        lines = np.concatenate([np.stack(lines, axis=1), background], axis=1)
        solved = np.linalg.lstsq(lines, spectrum, rcond=None)[0]
        return solved, lines @ solved - spectrum

    def misfit(values):
        return amplitudes(values)[1].view(np.float64)

    farthest = 0.04 * f0
    limits = [(-farthest, farthest)] * 3 + [(np.log(1.0), np.log(80.0)), (np.log(1.0), np.log(60.0))]
    start = np.array([0.0, 0.0, 0.0, np.log(8.0), np.log(10.0)])
    low, high = np.transpose(limits)
    fit = scipy.optimize.least_squares(misfit, start, bounds=(low, high), max_nfev=12, xtol=1e-4, ftol=1e-4)
    return float(np.angle(WEIGHTS @ amplitudes(fit.x)[0][:3]))


def apply_phase(fid: np.ndarray, phase_rad: float) -> np.ndarray:
    """Removes a zero-order phase: multiplies a FID by exp(-i phase_rad).

    Args:
      fid: complex (..., points).
      phase_rad: rad, as `find_phase` returns it.

    Returns:
      complex128 (..., points).

    Example:

    >>> apply_phase(np.array([1j]), np.pi / 2).round(6)
    array([1.+0.j])
    """
    return np.asarray(fid, np.complex128) * np.exp(-1j * check_finite("phase_rad", phase_rad))


@functools.lru_cache(maxsize=16)
def _regions(points: int, bandwidth_hz: float, f0: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Points near the singlets, their frequencies in Hz, and a straight line for each region (points, 4)."""
    ppm = ppm_axis(points, bandwidth_hz, f0)
    naa, cr, cho = SINGLETS_PPM.values()
    first = np.abs(ppm - naa) < HALF_WIDTH_PPM
    second = (ppm > cr - HALF_WIDTH_PPM) & (ppm < cho + HALF_WIDTH_PPM)
    kept = np.flatnonzero(first | second)
    columns = [mask[kept] * (ppm[kept] - centre) ** power for mask, centre in ((first, naa), (second, (cr + cho) / 2))
               for power in (0, 1)]  # fmt: skip
    return kept, (ppm[kept] - PPM_REFERENCE) * f0, np.stack(columns, axis=1)


def _voigt(offset_hz: np.ndarray, gamma: float, sigma: float) -> np.ndarray:
    """Complex Voigt line: the integral of exp(-gamma t - sigma^2 t^2 - 2 pi i offset_hz t) over t > 0, in s.

    It is sqrt(pi) / (2 sigma) w(i a / (2 sigma)) with a = gamma + 2 pi i offset_hz and the Faddeeva function w.
    """
    import scipy.special

    a = gamma + 2j * np.pi * offset_hz
    return np.sqrt(np.pi) / (2 * sigma) * scipy.special.wofz(1j * a / (2 * sigma))
