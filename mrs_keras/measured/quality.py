"""Numbers that say how good a measured spectrum is: signal-to-noise ratio, linewidths, residual water."""

import dataclasses

import numpy as np

from mrs_keras.measured.lines import NO_LINE, Line, fit_line
from mrs_keras.measured.noise import Noise, check_fid
from mrs_keras.measured.scan import ppm_axis
from mrs_keras.simulation.forward import fid_to_spectrum

NAA_PPM, CR_PPM, WATER_PPM = 2.01, 3.03, 4.65
"""Where the methyl lines of NAA and of creatine, and water, are expected, ppm."""

SINGLET_HALF_WIDTH_PPM, WATER_HALF_WIDTH_PPM = 0.12, 0.2
"""Half of the window of a fit, ppm: of a methyl line, and of the water of a reference."""

RESIDUAL_WATER_PPM = (4.4, 4.9)
"""Where the residual water is looked for, ppm."""

DETECTED = 3.0
"""Height of a line over the noise below which it counts as not measured."""


@dataclasses.dataclass(frozen=True)
class Quality:
    """Quality of an averaged spectrum; NaN where a number cannot be measured.

    The signal-to-noise ratio is that of the frequency domain: the height of a line over the standard deviation of the
    noise of the real part (once, not twice), of the spectrum as acquired: neither apodised nor zero-filled (Kreis et
    al. 2020, doi 10.1002/nbm.4347; Near et al. 2021, doi 10.1002/nbm.4257). The height is that of the fitted line in
    the absorption spectrum, above its local baseline: unlike the tallest point, it needs no phase, does not grow with
    the noise, and depends neither on where the points of the spectrum lie nor on macromolecules below the line.

    Attributes:
      snr: height of the methyl line of NAA (2.01 ppm) over `Noise.sigma`.
      snr_cr: height of the methyl line of creatine and phosphocreatine (3.03 ppm) over `Noise.sigma`.
      fwhm_naa_hz: full width at half maximum of the line of NAA, Hz, as it stands in the spectrum: NAAG at 2.04 ppm and
        glutamate make it wider than that of NAA alone, by 15 to 20 % in simulated brains at 3 T. `fwhm_cr_hz` is the
        better measure of the shim.
      fwhm_cr_hz: that of the line of creatine, Hz.
      fwhm_water_hz: that of the water of the reference, Hz.
    """

    snr: float
    snr_cr: float
    fwhm_naa_hz: float
    fwhm_cr_hz: float
    fwhm_water_hz: float


def measure_quality(
    fid: np.ndarray,
    bandwidth_hz: float,
    spectrometer_frequency_mhz: float,
    noise: Noise,
    reference: np.ndarray | None = None,
) -> Quality:
    """Measures signal-to-noise ratio and linewidths, independent of the phase of the spectrum.

    Lines are fits of a Voigt line on a linear baseline; see `fit_line`. They are looked for within 0.1 ppm of where
    they should be: reference the spectrum to NAA, creatine and choline before.

    Args:
      fid: complex (points,), averaged, coils combined, after eddy-current correction, with or without residual water;
        with the receiver's own bandwidth and points.
      bandwidth_hz: receiver bandwidth, Hz.
      spectrometer_frequency_mhz: f0, MHz.
      noise: of this FID: `measure_noise(fid, bandwidth_hz, spectrometer_frequency_mhz)`.
      reference: complex (points of its own,), water reference of the same bandwidth, averaged, coils combined. Its
        width is measured as it is given, so before or after eddy-current correction. Defaults to `None`: there is none,
        and `fwhm_water_hz` is NaN.

    Returns:
      `Quality`. A line of less than 3 times the noise counts as not measured.

    Raises:
      ValueError: if a FID is not complex (points,), not finite or zero, or a line is outside the band.

    Example:

    >>> noise = measure_noise(fid, 2000.0, 127.7)  # doctest: +SKIP
    >>> measure_quality(fid, 2000.0, 127.7, noise).fwhm_cr_hz  # doctest: +SKIP
    5.62
    """
    axis = {"bandwidth_hz": bandwidth_hz, "spectrometer_frequency_mhz": spectrometer_frequency_mhz}
    naa, cr = (
        _detected(fit_line(fid, ppm=ppm, half_width_ppm=SINGLET_HALF_WIDTH_PPM, **axis), noise)
        for ppm in (NAA_PPM, CR_PPM)
    )
    water = NO_LINE
    if reference is not None:
        reference = check_fid(reference, "reference")
        water = fit_line(reference, ppm=WATER_PPM, half_width_ppm=WATER_HALF_WIDTH_PPM, **axis)
    sigma = noise.sigma if noise.sigma > 0 else np.nan
    return Quality(
        snr=naa.height / sigma,
        snr_cr=cr.height / sigma,
        fwhm_naa_hz=naa.fwhm_hz,
        fwhm_cr_hz=cr.fwhm_hz,
        fwhm_water_hz=water.fwhm_hz,
    )


def residual_water_ratio(fid_before: np.ndarray, bandwidth_hz: float, spectrometer_frequency_mhz: float) -> float:
    """Measures the residual water of a spectrum against its NAA.

    Args:
      fid_before: complex (points,), averaged, coils combined, before water removal.
      bandwidth_hz: receiver bandwidth, Hz.
      spectrometer_frequency_mhz: f0, MHz.

    Returns:
      float, largest magnitude of the spectrum from 4.4 to 4.9 ppm over the height of the methyl line of NAA; NaN if
      there is no such line.

    Raises:
      ValueError: as in `measure_quality`.
    """
    naa = fit_line(fid_before, bandwidth_hz, spectrometer_frequency_mhz, NAA_PPM, SINGLET_HALF_WIDTH_PPM)
    ppm = ppm_axis(len(fid_before), bandwidth_hz, spectrometer_frequency_mhz)
    water = (ppm >= RESIDUAL_WATER_PPM[0]) & (ppm <= RESIDUAL_WATER_PPM[1])
    return float(np.abs(fid_to_spectrum(np.asarray(fid_before))[water]).max() / naa.height)


def _detected(line: Line, noise: Noise) -> Line:
    return line if line.height >= DETECTED * noise.sigma else NO_LINE
