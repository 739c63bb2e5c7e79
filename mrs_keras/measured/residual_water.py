"""Removal of residual water by a singular value decomposition of the FID."""

import dataclasses

import numpy as np

from mrs_keras.checks import check_finite, check_positive

HALF_WIDTH_PPM = 0.47
"""Half width of the band around 4.65 ppm that is taken to be water: 60 Hz at 3 T."""
MODEL_ORDERS = (12, 15, 20, 25)
"""Numbers of exponentials; what is removed is the mean over them."""
LONGEST_S, MOST_POINTS = 0.5, 1024
"""The part of the FID that is modelled: up to this time, and no more points than this."""
FEWEST_POINTS = 4 * MODEL_ORDERS[-1]


@dataclasses.dataclass(frozen=True, eq=False)
class WaterRemoval:
    """A FID without residual water, and the water that was removed.

    Args:
      fid: complex128 (points,).
      water: complex128 (points,); `fid + water` is the FID as it was.
    """

    fid: np.ndarray
    water: np.ndarray


def remove_residual_water(
    fid: np.ndarray, bandwidth_hz: float, spectrometer_frequency_mhz: float, half_width_hz: float | None = None
) -> WaterRemoval:
    """Removes the signals near 4.65 ppm from a FID by HSVD.

    The FID is modelled as a sum of K damped exponentials a_k z_k^n. The z_k come from the shift invariance of the K
    first left singular vectors of its Hankel matrix (Barkhuijsen et al. 1987, doi 10.1016/0022-2364(87)90023-0), which
    a Lanczos iteration finds without building the matrix (Pijnappel et al. 1992, doi 10.1016/0022-2364(92)90241-X;
    Laudadio et al. 2002, doi 10.1006/jmre.2002.2593); the a_k by linear least squares. Exponentials within the band
    are subtracted from the whole FID. This is done for each of `MODEL_ORDERS`, from the same singular vectors, and the
    mean is taken, as no single order is best for all spectra.

    Metabolite signals within the band are removed with the water, as far as the model can tell them from noise: NAA at
    4.38 ppm, glucose at 4.63 ppm and others. In simulated brain spectra at 3 T (SNR 20 to 150), whose residual water
    adds 3.5 % to the norm between 0.5 and 4.0 ppm, the removal leaves a change of 0.8 % (median) there, and of 0.5 % if
    NAA has no signal at 4.38 ppm, as under a wide water suppression.

    The first point is not used for the model: some scanners store half of it or less. If it is below 0.75 of the
    model's, the same part of the model is subtracted there.

    Args:
      fid: complex (points,), of the averaged scan, after eddy-current correction if there is a reference.
      bandwidth_hz: Hz.
      spectrometer_frequency_mhz: f0, MHz.
      half_width_hz: half width of the band around 4.65 ppm, Hz. Defaults to `None`: 0.47 ppm, 60 Hz at 3 T.

    Returns:
      `WaterRemoval`.

    Raises:
      ValueError: if the FID is not (points,), has fewer than 100 points, or a value is not finite.

    Example:

    >>> remove_residual_water(basis.fids.sum(axis=1), 4000.0, 123.2).fid.shape
    (2048,)
    """
    fid = check_finite("fid", np.asarray(fid, np.complex128))
    bandwidth_hz = check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
    f0 = check_positive("spectrometer_frequency_mhz", spectrometer_frequency_mhz, 127.7)
    half_width_hz = check_positive("half_width_hz", half_width_hz or HALF_WIDTH_PPM * f0, 60.0)
    if fid.ndim != 1 or len(fid) < FEWEST_POINTS:
        raise ValueError(
            f"`fid` must be one FID of at least {FEWEST_POINTS} points. Received: shape {fid.shape}. "
            "Give averaged FIDs one by one, or leave out the removal of residual water."
        )
    if not np.any(fid[1:]):
        return WaterRemoval(fid.copy(), np.zeros_like(fid))
    used = int(np.clip(LONGEST_S * bandwidth_hz, FEWEST_POINTS, min(len(fid), MOST_POINTS)))
    vectors = _left_singular_vectors(fid[1:used], MODEL_ORDERS[-1])
    orders = sorted({min(order, vectors.shape[1]) for order in MODEL_ORDERS})
    models = [_exponentials_near_zero(fid, vectors[:, :order], used, bandwidth_hz, half_width_hz) for order in orders]
    water, first = (np.mean(values, axis=0) for values in zip(*models, strict=True))
    if np.abs(fid[0]) < 0.75 * np.abs(first):
        water[0] *= np.abs(fid[0]) / np.abs(first)
    return WaterRemoval(fid - water, water)


def _left_singular_vectors(signal: np.ndarray, count: int) -> np.ndarray:
    """First left singular vectors of the (nearly) square Hankel matrix of a signal: complex (rows, count or fewer)."""
    import scipy.fft
    import scipy.sparse.linalg

    rows = len(signal) // 2
    columns = len(signal) - rows + 1
    size = scipy.fft.next_fast_len(len(signal) + columns)
    transformed, conjugate = scipy.fft.fft(signal, size), scipy.fft.fft(signal.conj(), size)

    def product(spectrum, vector, first, length):
        # A Hankel matrix times a vector is a convolution with the reversed vector.
        return scipy.fft.ifft(spectrum * scipy.fft.fft(np.ravel(vector)[::-1], size))[first : first + length]

    hankel = scipy.sparse.linalg.LinearOperator(
        (rows, columns),
        matvec=lambda vector: product(transformed, vector, columns - 1, rows),
        rmatvec=lambda vector: product(conjugate, vector, rows - 1, columns),
        dtype=np.complex128,
    )
    start = np.ones(rows, np.complex128)
    vectors, values, _ = scipy.sparse.linalg.svds(hankel, k=min(count, rows - 1), v0=start)
    # Without noise the rank can be lower; the vectors of singular values near 0 are arbitrary.
    return vectors[:, values > 1e-7 * values.max()][:, ::-1]


def _exponentials_near_zero(
    fid: np.ndarray, vectors: np.ndarray, used: int, bandwidth_hz: float, half_width_hz: float
) -> tuple[np.ndarray, complex]:
    """Models a FID by as many exponentials as there are vectors.

    Returns:
      The sum of those within `half_width_hz` of 0 Hz, complex (points,), and the first point of the sum of all.
    """
    shift = np.linalg.lstsq(vectors[:-1], vectors[1:], rcond=None)[0]
    poles = np.linalg.eigvals(shift)
    exponents = np.log(poles[np.abs(poles) > 1e-3])
    exponents = np.minimum(exponents.real, 0.0) + 1j * exponents.imag
    powers = np.exp(np.multiply.outer(np.arange(used), exponents))
    amplitudes = np.linalg.lstsq(powers[1:], fid[1:used], rcond=None)[0]
    near = np.abs(exponents.imag) * bandwidth_hz / (2 * np.pi) <= half_width_hz
    water = np.zeros_like(fid)
    water[:used] = powers[:, near] @ amplitudes[near]
    rest = np.exp(exponents[near] * used) * amplitudes[near]
    water[used:] = np.exp(np.multiply.outer(np.arange(len(fid) - used), exponents[near])) @ rest
    return water, amplitudes.sum()
