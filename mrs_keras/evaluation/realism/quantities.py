"""Whether signal-to-noise ratio and linewidths of generated spectra are distributed as those of real ones."""

import dataclasses
from collections.abc import Mapping

import numpy as np
import scipy.stats

from mrs_keras.acquisition import Acquisition
from mrs_keras.evaluation.realism.canonical import CanonicalSpectra
from mrs_keras.evaluation.realism.noise import noise_level_and_lag1
from mrs_keras.measured.lines import fit_line
from mrs_keras.measured.quality import CR_PPM, NAA_PPM, SINGLET_HALF_WIDTH_PPM

QUANTITIES: Mapping[str, str] = {
    "snr": "SNR of NAA",
    "fwhm_naa_hz": "linewidth of NAA (Hz)",
    "fwhm_cr_hz": "linewidth of Cr (Hz)",
    "noise_level": "noise over its declared level",
    "noise_lag1": "lag-1 autocorrelation of the noise",
}
"""Quantity -> what it is, with its unit."""

MEASURED = 300
"""Generated spectra whose lines are fitted."""


@dataclasses.dataclass(frozen=True)
class QuantityAgreement:
    """A quantity of generated spectra beside that of held-out real ones.

    Attributes:
      ks: Kolmogorov-Smirnov statistic, the largest distance of the cumulative distributions; 0 is best.
      deviation_ratio: standard deviation of the generated over that of the real ones; 1 is best.
      medians: of the generated and of the real ones.
      not_measured: share of the generated and of the real spectra in which no such line is found.
    """

    ks: float
    deviation_ratio: float
    medians: tuple[float, float]
    not_measured: tuple[float, float]

    @classmethod
    def of(cls, generated: np.ndarray, real: np.ndarray) -> "QuantityAgreement":
        """Compares two samples; NaN where a quantity was not measured."""
        samples = [np.asarray(each, np.float64) for each in (generated, real)]
        known = [each[np.isfinite(each)] for each in samples]
        missing = tuple(1 - len(some) / len(each) for some, each in zip(known, samples, strict=True))
        if min(map(len, known)) < 2:
            return cls(1.0, np.nan, (np.nan, np.nan), missing)
        ratio = float(np.std(known[0], ddof=1) / np.std(known[1], ddof=1))
        medians = tuple(float(np.median(each)) for each in known)
        return cls(float(scipy.stats.ks_2samp(*known, method="asymp").statistic), ratio, medians, missing)


def quantities_of(spectra: CanonicalSpectra, acquisition: Acquisition) -> dict[str, np.ndarray]:
    """Measures signal-to-noise ratio and linewidths.

    The ratio is the height of NAA over the standard deviation of the noise. Widths are those of `measure_quality`: a
    Voigt line on a linear baseline, fitted to NAA and to Cr. Level and autocorrelation of the noise are those of
    `noise_power`, where the signal is over.

    Args:
      spectra: with their FIDs.
      acquisition: of the FIDs.

    Returns:
      name of `QUANTITIES` -> float64 (n,), NaN where no line is found.
    """
    widths = {
        name: [
            fit_line(
                fid, acquisition.bandwidth_hz, acquisition.spectrometer_frequency_mhz, ppm, SINGLET_HALF_WIDTH_PPM
            ).fwhm_hz
            for fid in spectra.fids
        ]
        for name, ppm in (("fwhm_naa_hz", NAA_PPM), ("fwhm_cr_hz", CR_PPM))
    }
    level, lag1 = noise_level_and_lag1(spectra, acquisition)
    widths = {name: np.array(values, np.float64) for name, values in widths.items()}
    return {"snr": spectra.snr, **widths, "noise_level": level, "noise_lag1": lag1}


def compared_quantities(
    generated: Mapping[str, np.ndarray], real: Mapping[str, np.ndarray]
) -> dict[str, QuantityAgreement]:
    """Returns name of `QUANTITIES` -> agreement of the generated with the real spectra."""
    return {name: QuantityAgreement.of(generated[name], real[name]) for name in QUANTITIES}
