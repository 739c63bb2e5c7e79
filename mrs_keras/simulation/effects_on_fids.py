"""The effects of `mrs_keras.simulation.effects`, each as a pure function on a batch of FIDs.

Frequencies follow `Basis`: a positive one raises the ppm. (`eps` of the forward model has the opposite sign and is in
rad/s.) All functions take the time axis of `Acquisition`, and none of them changes its input.
"""

import numpy as np
from numpy.typing import ArrayLike

from mrs_keras.checks import check_count, check_finite
from mrs_keras.simulation import array_math
from mrs_keras.simulation.effects import EddyCurrent, FrequencyDrift, ResidualWater


def apply_eddy_current(
    fid: np.ndarray, time_axis_s: np.ndarray, amplitude_hz: ArrayLike, time_constant_s: ArrayLike
) -> np.ndarray:
    """Applies the phase of a frequency offset that decays with the eddy currents.

    `EddyCurrent` has the formula and its source.

    Args:
      fid: complex (batch, points).
      time_axis_s: float (points,), s.
      amplitude_hz: number or (batch,), offset A at t = 0, Hz. Positive moves the signal to higher ppm.
      time_constant_s: number or (batch,), tau, s, above 0.

    Returns:
      complex (batch, points), same precision.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or a time constant is not above 0.

    Example:

    >>> time_axis_s = Acquisition().time_axis_s
    >>> apply_eddy_current(np.ones((3, 2048), complex), time_axis_s, 5.0, [0.02, 0.05, 0.1]).shape
    (3, 2048)
    """
    fid, time = _checked_fid(fid, time_axis_s)
    amplitude_hz = _column("amplitude_hz", amplitude_hz, len(fid))
    time_constant_s = _column("time_constant_s", time_constant_s, len(fid), above=0.0)
    return _multiplied(fid, EddyCurrent.compute(time, array_math, amplitude_hz, time_constant_s))


def apply_frequency_drift(
    fid: np.ndarray, time_axis_s: np.ndarray, drift_hz: ArrayLike, transients: int = 64
) -> np.ndarray:
    """Averages transients whose frequency drifts linearly, without aligning them.

    `FrequencyDrift` has the formula and its source.

    Args:
      fid: complex (batch, points).
      time_axis_s: float (points,), s.
      drift_hz: number or (batch,), d, Hz: frequency of the last transient less that of the first.
      transients: M, number of averaged transients. Defaults to `64`.

    Returns:
      complex (batch, points), same precision.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or `transients` is not a whole number of at least 1.

    Example:

    >>> apply_frequency_drift(np.ones((1, 2), complex), np.array([0.0, 0.1]), 10.0, transients=2).round(6)
    array([[ 1.+0.j, -1.+0.j]])
    """
    fid, time = _checked_fid(fid, time_axis_s)
    transients = check_count("transients", transients, 64)
    drift_hz = _column("drift_hz", drift_hz, len(fid))
    return _multiplied(fid, FrequencyDrift.compute(time, array_math, drift_hz, transients))


def residual_water(
    time_axis_s: np.ndarray,
    height: ArrayLike,
    shift_hz: ArrayLike,
    gamma: ArrayLike,
    sigma: ArrayLike,
    phase: ArrayLike,
) -> np.ndarray:
    """Simulates residual water after suppression: a few Voigt lines near the spectrometer frequency.

    `ResidualWater` has the formula and its source.

    Args:
      time_axis_s: float (points,), s.
      height: (batch, lines), of each line in the magnitude spectrum, >= 0, in the units of the spectrum.
      shift_hz: (batch, lines), Hz from the spectrometer frequency (4.65 ppm). Positive is higher ppm.
      gamma: (batch, lines), Lorentzian decay rate, 1/s, >= 0: gamma / pi Hz full width at half maximum.
      sigma: (batch, lines), Gaussian decay rate, 1/s, >= 0: alone 0.5300 sigma Hz full width at half maximum.
      phase: (batch, lines), rad.

    Returns:
      complex128 (batch, points), the FID of the water, to be added to that of the metabolites.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or a height or decay rate is negative.

    Example:

    >>> one = np.ones((4, 2))
    >>> residual_water(Acquisition().time_axis_s, 2 * one, 0 * one, 20 * one, 0 * one, 0 * one).shape
    (4, 2048)
    """
    values = {"height": height, "shift_hz": shift_hz, "gamma": gamma, "sigma": sigma, "phase": phase}
    arrays = {name: check_finite(name, np.asarray(value, np.float64)) for name, value in values.items()}
    shape = arrays["height"].shape
    for name, array in arrays.items():
        if array.ndim != 2 or array.shape != shape:
            raise ValueError(
                f"`{name}` must have the shape (batch, lines) of `height`. Expected: {shape}. Received: "
                f"{name}.shape={array.shape}. Give one number per spectrum and line."
            )
        if name in ("height", "gamma", "sigma") and np.any(array < 0):
            raise ValueError(
                f"`{name}` must not be negative. Received a smallest value of {array.min()}. "
                "Give magnitudes, and the phase as `phase`."
            )
    return ResidualWater.compute(np.asarray(time_axis_s, np.float64), array_math, *arrays.values())


def checked_fids(fid: np.ndarray) -> np.ndarray:
    fid = np.asarray(fid)
    if fid.ndim != 2 or not np.iscomplexobj(fid):
        raise ValueError(
            f"`fid` must be complex of shape (batch, points). Received: shape {fid.shape}, dtype {fid.dtype}. "
            "Give one FID as fid[None]."
        )
    return check_finite("fid", fid)


def _checked_fid(fid: np.ndarray, time_axis_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fid = checked_fids(fid)
    time = check_finite("time_axis_s", np.asarray(time_axis_s, np.float64))
    if time.shape != fid.shape[1:]:
        raise ValueError(
            "`time_axis_s` must have one time per point. "
            f"Expected shape: {fid.shape[1:]}. Received: {time.shape}. Give `acquisition.time_axis_s`."
        )
    return fid, time


def _multiplied(fid: np.ndarray, factor: np.ndarray) -> np.ndarray:
    # By name: NumPy multiplies in place into a large temporary, and complex numbers then round differently.
    factor = factor.astype(fid.dtype if np.iscomplexobj(factor) else fid.real.dtype)
    return fid * factor


def _column(name: str, value: ArrayLike, batch: int, above: float | None = None) -> np.ndarray:
    """Returns one number per spectrum: float64 (batch, 1)."""
    array = check_finite(name, np.asarray(value, np.float64))
    if array.shape not in ((), (batch,)) or (above is not None and np.any(array <= above)):
        raise ValueError(
            f"`{name}` must be one number or one per spectrum{'' if above is None else f', above {above:g}'}. "
            f"Expected shape () or ({batch},). Received: shape {array.shape}, smallest value {array.min()}."
        )
    return np.broadcast_to(array, (batch,))[:, None]
