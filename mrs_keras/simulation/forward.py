"""The FSL-MRS forward model: from physical parameters to complex spectra.

Clarke, Stagg and Jbabdi, Magn Reson Med 85:2950-2964 (2021), doi 10.1002/mrm.28630, Voigt line shapes. With the basis
signals m_j (points, scaled as `Basis.scaled` does), t_n the time axis and nu_k the frequency axis of `Acquisition`:

    x_n = sum_j c_j m_j[n] exp(-(i eps + gamma) t_n - sigma^2 t_n^2),   x_0 halved
    S_k = exp(-i (phi0 + phi1 nu_k)) FFT(x)_k / sqrt(points) + sum_o (b_2o + i b_2o+1) P_o[k]

Every function is pure and works on a batch; a spectrum has the same bytes in any batch.
"""

import functools
from collections.abc import Sequence

import numpy as np
import scipy.fft

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_count
from mrs_keras.simulation.blocks import for_each_block
from mrs_keras.simulation.line_shapes import add_baseline, metabolite_spectra
from mrs_keras.simulation.parameters import SpectralParameters


def forward_model(
    parameters: SpectralParameters,
    basis: Basis,
    *,
    metabolite_groups: Sequence[int] | None = None,
    baseline_regressors: np.ndarray | None = None,
    dtype: type = np.complex128,
) -> np.ndarray:
    """Computes noiseless spectra over the whole band.

    Args:
      parameters: of `batch` spectra.
      basis: signals of the metabolites, not rescaled here: use `Basis.scaled` to get FSL-MRS's numbers.
      metabolite_groups: line-shape group of each metabolite, from 0. Defaults to `None`: all in group 0, or, if the
        parameters have as many groups as there are metabolites, each metabolite in its own.
      baseline_regressors: real or complex (points, order + 1), the P_o. Defaults to `None`: the polynomials of the
        acquisition's window.
      dtype: `np.complex128` or `np.complex64`. Defaults to `np.complex128`.

    Returns:
      complex (batch, points), rising ppm, arbitrary units in which the mean basis signal has an L2 norm of 100.

    Raises:
      ValueError: if the parameters do not fit the basis.
    """
    groups = checked_groups(parameters, basis, metabolite_groups)
    whole = slice(0, basis.acquisition.points)
    if parameters.baseline is not None:
        baseline_regressors = checked_regressors(parameters, basis.acquisition, baseline_regressors)
    spectra = np.empty((len(parameters), basis.acquisition.points), dtype)

    def work(rows):
        spectra[rows] = metabolite_spectra(parameters, rows, basis, groups, whole, dtype)
        if parameters.baseline is not None:
            add_baseline(spectra[rows], parameters.baseline[rows], baseline_regressors)

    for_each_block(work, len(parameters), spectra.itemsize * basis.acquisition.points)
    return spectra


def fid_to_spectrum(fid: np.ndarray) -> np.ndarray:
    """Transforms FIDs to spectra: first point halved, FFT divided by sqrt(points), zero frequency in the middle.

    Args:
      fid: complex (..., points).

    Returns:
      complex (..., points), same precision. `spectrum_to_fid` is its inverse.
    """
    fid = fid.copy()
    fid[..., 0] /= 2
    return scipy.fft.fftshift(scipy.fft.fft(fid, norm="ortho", overwrite_x=True), axes=-1)


def spectrum_to_fid(spectrum: np.ndarray) -> np.ndarray:
    """Transforms spectra over the whole band to FIDs; the inverse of `fid_to_spectrum`.

    Args:
      spectrum: complex (..., points).

    Returns:
      complex (..., points), same precision.
    """
    fid = scipy.fft.ifft(scipy.fft.ifftshift(spectrum, axes=-1), norm="ortho")
    fid[..., 0] *= 2
    return fid


def baseline_polynomials(
    acquisition: Acquisition, order: int, ppm_limits: tuple[float, float] | str | None = "window"
) -> np.ndarray:
    """Computes the baseline polynomials of FSL-MRS, by an exact QR decomposition.

    P_o is x^o made orthogonal to the lower orders over all points and then cut to the limits, where x is from -1 to 1
    inside the limits and is 0 outside. (FSL-MRS itself uses a pseudo-inverse, which is off by up to 2e-3.)

    Args:
      acquisition: defines the axes.
      order: highest order, >= 0.
      ppm_limits: (low, high) in ppm, or `None` for the whole band. Defaults to the acquisition's window.

    Returns:
      float64 (points, order + 1), read-only.

    Raises:
      ValueError: if the order is negative.
    """
    order = check_count("order", order, 4, at_least=0)
    limits = acquisition.ppm_window if ppm_limits == "window" else ppm_limits
    return _baseline_polynomials(acquisition, order, None if limits is None else tuple(limits))


@functools.lru_cache(maxsize=32)
def _baseline_polynomials(acquisition: Acquisition, order: int, ppm_limits: tuple[float, float] | None) -> np.ndarray:
    inside = acquisition.slice_of(ppm_limits)
    x = np.zeros(acquisition.points)
    x[inside] = np.linspace(-1, 1, inside.stop - inside.start)
    q, r = np.linalg.qr(x[:, None] ** np.arange(order + 1))
    polynomials = np.zeros_like(q)
    polynomials[inside] = (q * np.diag(r))[inside]
    polynomials.setflags(write=False)  # shared by all callers
    return polynomials


def checked_groups(
    parameters: SpectralParameters, basis: Basis, metabolite_groups: Sequence[int] | None = None
) -> np.ndarray:
    """Returns the line-shape group of each metabolite, int (metabolites,), or raises `ValueError` if one is missing."""
    metabolites = len(basis.names)
    groups_given = parameters.gamma.shape[-1]
    if parameters.concentrations.shape[-1] != metabolites:
        raise ValueError(
            "`parameters` must have one concentration per metabolite of the basis. "
            f"Expected: {metabolites} ({', '.join(basis.names)}). "
            f"Received: concentrations.shape={parameters.concentrations.shape}."
        )
    if metabolite_groups is None:
        metabolite_groups = range(metabolites) if groups_given == metabolites else [0] * metabolites
    groups = np.asarray(metabolite_groups)
    if groups.shape != (metabolites,) or set(groups.tolist()) != set(range(groups_given)):
        raise ValueError(
            "`metabolite_groups` must give each metabolite a line-shape group that the parameters have. "
            f"Expected {metabolites} integers that cover 0 to {groups_given - 1}. "
            f"Received: metabolite_groups={groups.tolist()}, gamma.shape={parameters.gamma.shape}."
        )
    return groups


def checked_regressors(
    parameters: SpectralParameters, acquisition: Acquisition, regressors: np.ndarray | None = None
) -> np.ndarray:
    """Returns what the baseline coefficients multiply, (points, coefficients / 2), or raises `ValueError`.

    Without `regressors`, these are polynomials.
    """
    half = parameters.baseline.shape[-1] // 2
    if regressors is None:
        return baseline_polynomials(acquisition, half - 1)
    regressors = np.asarray(regressors)
    if regressors.shape != (acquisition.points, half):
        raise ValueError(
            "`baseline_regressors` must have a row for each point and a column for each two coefficients. "
            f"Expected shape ({acquisition.points}, {half}). Received: {regressors.shape}."
        )
    return regressors
