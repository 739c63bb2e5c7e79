"""Decay rates as linewidths."""

import numpy as np
from numpy.typing import ArrayLike

from mrs_keras.checks import check_finite


def voigt_fwhm_hz(gamma: ArrayLike, sigma: ArrayLike) -> np.ndarray:
    """Converts the decay rates of a Voigt line to its linewidth.

    A decay exp(-gamma t - sigma^2 t^2) has a Lorentzian part of L = gamma / pi Hz and a Gaussian part of
    G = 2 sigma sqrt(ln 2) / pi Hz, together

        0.5346 L + sqrt(0.2166 L^2 + G^2)

    to 0.03 % (Olivero and Longbothum 1977, doi 10.1016/0022-4073(77)90161-3).

    Args:
      gamma: float array of any shape, Lorentzian decay rate, 1/s, >= 0.
      sigma: float array of that shape, Gaussian decay rate, 1/s, >= 0.

    Returns:
      float64, same shape, full width at half maximum, Hz.

    Raises:
      ValueError: if a decay rate is negative or not finite.

    Example:

    >>> voigt_fwhm_hz(0.0, 10.0).round(3)
    np.float64(5.3)
    """
    rates = {name: check_finite(name, np.float64(value)) for name, value in (("gamma", gamma), ("sigma", sigma))}
    for name, rate in rates.items():
        if np.any(rate < 0):
            raise ValueError(
                f"`{name}` is a decay rate and must not be negative. Received a smallest value of {rate.min()} 1/s."
            )
    lorentzian_hz = rates["gamma"] / np.pi
    gaussian_hz = 2 * rates["sigma"] * np.sqrt(np.log(2)) / np.pi
    return 0.5346 * lorentzian_hz + np.sqrt(0.2166 * lorentzian_hz**2 + gaussian_hz**2)
