"""What happens to a signal between the tissue and the file: effects on FIDs, each a pure function on a batch.

Frequencies follow `Basis`: a positive one raises the ppm. (`eps` of the forward model has the opposite sign and is in
rad/s.) All functions take the time axis of `Acquisition`, and none of them changes its input.
"""

import numpy as np
from numpy.typing import ArrayLike

from mrs_keras.checks import check_count, check_finite
from mrs_keras.simulation.keyed_random import keyed_normal


def apply_eddy_current(
    fid: np.ndarray, time_axis_s: np.ndarray, amplitude_hz: ArrayLike, time_constant_s: ArrayLike
) -> np.ndarray:
    """Applies the phase of a frequency offset that decays with the eddy currents.

    The field of an eddy current shifts all frequencies by A exp(-t / tau), which is a phase of

        phase(t) = 2 pi A tau (1 - exp(-t / tau))

    common to all signals; dividing by the phase of a water reference takes it out (Klose 1990,
    doi 10.1002/mrm.1910140104).

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
    phase = -2 * np.pi * amplitude_hz * time_constant_s * np.expm1(-time / time_constant_s)
    # By name: NumPy multiplies in place into a large temporary, and complex numbers then round otherwise.
    rotation = np.exp(1j * phase).astype(fid.dtype)
    return fid * rotation


def apply_frequency_drift(
    fid: np.ndarray, time_axis_s: np.ndarray, drift_hz: ArrayLike, transients: int = 64
) -> np.ndarray:
    """Averages transients whose frequency drifts linearly, without aligning them.

    Transient m = 0..M-1 is off by d (m / (M - 1) - 1/2) Hz, so that the mean frequency stays. The mean over the
    transients is the Dirichlet kernel

        sin(M x) / (M sin x),  x = pi d t / (M - 1)

    which broadens each line towards a box d Hz wide and lowers it. That is what spectral registration is there to undo
    (Near et al. 2015, doi 10.1002/mrm.25094).

    Args:
      fid: complex (batch, points).
      time_axis_s: float (points,), s.
      drift_hz: number or (batch,), d, Hz: frequency of the last transient less that of the first.
      transients: M, how many are averaged. Defaults to `64`.

    Returns:
      complex (batch, points), same precision.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or `transients` is no whole number of at least 1.

    Example:

    >>> apply_frequency_drift(np.ones((1, 2), complex), np.array([0.0, 0.1]), 10.0, transients=2).round(6)
    array([[ 1.+0.j, -1.+0.j]])
    """
    fid, time = _checked_fid(fid, time_axis_s)
    transients = check_count("transients", transients, 64)
    drift_hz = _column("drift_hz", drift_hz, len(fid))
    if transients == 1:
        return fid.copy()
    x = np.pi * drift_hz * time / (transients - 1)
    # numpy.sinc(y) = sin(pi y) / (pi y). Where sin(x) is 0 so is sin(Mx), and their ratio has the magnitude M; the
    # kernel is taken modulo the period pi, on which it is +-1 times its value near 0.
    period = np.round(x / np.pi)
    x = x - np.pi * period
    sign = np.where((period * (transients - 1)) % 2 == 0, 1.0, -1.0)
    kernel = sign * np.sinc(transients * x / np.pi) / np.sinc(x / np.pi)
    kernel = kernel.astype(fid.real.dtype)
    return fid * kernel


def residual_water(
    time_axis_s: np.ndarray,
    height: ArrayLike,
    shift_hz: ArrayLike,
    gamma: ArrayLike,
    sigma: ArrayLike,
    phase: ArrayLike,
) -> np.ndarray:
    """Makes the water that suppression leaves behind: a few Voigt lines near the spectrometer frequency.

    Imperfect suppression leaves lines of any phase, whose tails reach into the metabolites (a sum of damped
    exponentials describes them, which is how they are removed: Pijnappel et al. 1992,
    doi 10.1016/0022-2364(92)90241-X). Each line is

        A exp(i (phase + 2 pi shift t) - gamma t - sigma^2 t^2)

    with A such that the magnitude of its spectrum, as `fid_to_spectrum` transforms it, is `height` at the line's
    frequency.

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
    time = np.asarray(time_axis_s, np.float64)
    fid = np.zeros((shape[0], len(time)), np.complex128)
    for line in range(shape[1]):
        height, shift_hz, gamma, sigma, phase = (array[:, line, None] for array in arrays.values())
        envelope = np.exp(-gamma * time - (sigma * time) ** 2)
        # On resonance the spectrum of the envelope is its sum, the first point halved, over sqrt(points).
        on_resonance = (envelope.sum(axis=1) - envelope[:, 0] / 2)[:, None] / np.sqrt(len(time))
        envelope = envelope * (height / on_resonance)
        rotation = np.exp(1j * (phase + 2 * np.pi * shift_hz * time))  # by name: see `apply_eddy_current`
        fid += envelope * rotation
    return fid


def receive_with_coils(
    fid: np.ndarray,
    amplitude: ArrayLike,
    phase: ArrayLike,
    *,
    noise_covariance: ArrayLike | None = None,
    seed: int = 0,
    split: str = "train",
    start: int = 0,
) -> np.ndarray:
    """Receives FIDs with several coils, each with its sensitivity, and noise that is correlated between them.

    Coil c receives `fid * amplitude_c * exp(i phase_c)`, as FSL-MRS simulates it (doi 10.1002/mrm.28630), and noise
    whose real and imaginary parts each have the covariance `noise_covariance` between coils (Roemer et al. 1990,
    doi 10.1002/mrm.1910160203). Noise of example k depends on (seed, split, k) alone.

    Args:
      fid: complex (batch, points).
      amplitude: (coils,) or (batch, coils), sensitivities, no unit.
      phase: (coils,) or (batch, coils), rad.
      noise_covariance: (coils, coils), symmetric and positive definite, in the squared units of the FID: half of
        E[n_a conj(n_b)]. Defaults to `None`: no noise.
      seed: of the noise. Defaults to `0`.
      split: name of the split that the noise belongs to. Defaults to `"train"`.
      start: index of the first FID in its split. Defaults to `0`.

    Returns:
      complex (batch, points, coils): coils after time, as in NIfTI-MRS.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or the covariance is not one.

    Example:

    >>> receive_with_coils(np.ones((2, 5), complex), [1.0, 0.5, 0.2], [0.0, 1.0, 2.0]).shape
    (2, 5, 3)
    """
    fid = _checked_batch(fid)
    amplitude = check_finite("amplitude", np.asarray(amplitude, np.float64))
    phase = check_finite("phase", np.asarray(phase, np.float64))
    coils = amplitude.shape[-1] if amplitude.ndim else 0
    if amplitude.shape not in ((coils,), (len(fid), coils)) or phase.shape != amplitude.shape or not coils:
        raise ValueError(
            "`amplitude` and `phase` must have the same shape, one number per coil, or per spectrum and coil. "
            f"Expected (coils,) or ({len(fid)}, coils). Received: amplitude.shape={amplitude.shape}, "
            f"phase.shape={phase.shape}."
        )
    sensitivity = np.broadcast_to(amplitude * np.exp(1j * phase), (len(fid), coils)).astype(fid.dtype)
    received = fid[:, :, None] * sensitivity[:, None, :]
    if noise_covariance is None:
        return received
    factor = _cholesky(noise_covariance, coils)
    points = fid.shape[1]
    white = keyed_normal(start, start + len(fid), 2 * points * coils, seed, split, "coil_noise")
    white = white.reshape(len(fid), points, coils, 2)
    return received + np.einsum("cd,bpd->bpc", factor, white[..., 0] + 1j * white[..., 1]).astype(fid.dtype)


def _cholesky(covariance: ArrayLike, coils: int) -> np.ndarray:
    """Returns the lower factor L of the covariance L L^T: float64 (coils, coils)."""
    covariance = check_finite("noise_covariance", np.asarray(covariance, np.float64))
    if covariance.shape == (coils, coils) and np.allclose(covariance, covariance.T):
        try:
            return np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            pass
    raise ValueError(
        "`noise_covariance` must be a symmetric, positive definite matrix of one row and column per coil. "
        f"Expected shape: ({coils}, {coils}). Received: noise_covariance={covariance.tolist()}. "
        "Give for example np.eye(coils)."
    )


def _checked_batch(fid: np.ndarray) -> np.ndarray:
    fid = np.asarray(fid)
    if fid.ndim != 2 or not np.iscomplexobj(fid):
        raise ValueError(
            f"`fid` must be complex of shape (batch, points). Received: shape {fid.shape}, dtype {fid.dtype}. "
            "Give one FID as fid[None]."
        )
    return check_finite("fid", fid)


def _checked_fid(fid: np.ndarray, time_axis_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    fid = _checked_batch(fid)
    time = check_finite("time_axis_s", np.asarray(time_axis_s, np.float64))
    if time.shape != fid.shape[1:]:
        raise ValueError(
            "`time_axis_s` must have one time per point. "
            f"Expected shape: {fid.shape[1:]}. Received: {time.shape}. Give `acquisition.time_axis_s`."
        )
    return fid, time


def _column(name: str, value: ArrayLike, batch: int, above: float | None = None) -> np.ndarray:
    """Returns one number per spectrum: float64 (batch, 1)."""
    array = check_finite(name, np.asarray(value, np.float64))
    if array.shape not in ((), (batch,)) or (above is not None and np.any(array <= above)):
        raise ValueError(
            f"`{name}` must be one number or one per spectrum{'' if above is None else f', above {above:g}'}. "
            f"Expected shape () or ({batch},). Received: shape {array.shape}, smallest value {array.min()}."
        )
    return np.broadcast_to(array, (batch,))[:, None]
