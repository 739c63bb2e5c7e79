"""The signals of the forward model, for a block of spectra.

Four optimisations make it fast. Metabolites of a group are summed before their common line shape multiplies them. The
sampling times are a uniform grid, n = 64 a + b, so that exp(r t_n) is an outer product of two short tables instead of
an exponential per point. After the Fourier transform, only the requested points are computed. And each thread reuses
its memory for all blocks.

The arithmetic on a row never depends on the other rows: sums are elementwise, since a matrix product of BLAS rounds a
row differently in batches of different size.
"""

import functools
import threading
import weakref
from collections.abc import Sequence

import numpy as np
import scipy.fft

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.simulation.effects import Effects
from mrs_keras.simulation.parameters import SpectralParameters

TIME_GRID, FREQUENCY_GRID = 64, 32
"""Number of points of the finer of the two tables, in time and in frequency."""

_BUFFERS = threading.local()
_TRANSPOSED: weakref.WeakKeyDictionary[Basis, dict] = weakref.WeakKeyDictionary()


def metabolite_spectra(
    parameters: SpectralParameters,
    rows: slice,
    basis: Basis,
    groups: Sequence[int],
    points: slice,
    dtype: type,
) -> np.ndarray:
    """Computes selected points of the phased spectra of some rows, without baseline.

    Args:
      parameters: of `batch` spectra.
      rows: the spectra to compute.
      basis: signals of the metabolites, not rescaled.
      groups: line-shape group of each metabolite, from 0.
      points: the points to compute, in the order of rising ppm.
      dtype: `np.complex128` or `np.complex64`.

    Returns:
      complex (rows, points).
    """
    signals = metabolite_signals(parameters, rows, basis, groups, dtype)
    return phased_spectra(signals, parameters, rows, basis.acquisition, points)


def metabolite_signals(
    parameters: SpectralParameters, rows: slice, basis: Basis, groups: Sequence[int], dtype: type
) -> np.ndarray:
    """Computes the FIDs of some rows before their phase: the first point halved, all divided by sqrt(points).

    Args: as in `metabolite_spectra`.

    Returns:
      complex (rows, points), in memory of the thread that the next call overwrites.
    """
    acquisition, fids = basis.acquisition, _transposed(basis, dtype)
    concentrations = parameters.concentrations[rows].astype(fids.dtype)
    total, signal, scratch = _buffers((len(concentrations), fids.shape[1]), fids.dtype)
    for group in range(parameters.gamma.shape[-1]):
        target = total if group == 0 else signal
        members = np.flatnonzero(np.asarray(groups) == group)
        np.multiply(concentrations[:, members[0], None], fids[members[0]], out=target)
        for j in members[1:]:
            target += np.multiply(concentrations[:, j, None], fids[j], out=scratch)
        shape = (getattr(parameters, name)[rows, group] for name in ("gamma", "sigma", "eps"))
        _apply_line_shape(target, scratch, *shape, acquisition)
        if group:
            total += signal
    return total.view(dtype)[:, : acquisition.points]


def with_effects(signals: np.ndarray, effects: Effects, rows: slice, acquisition: Acquisition) -> np.ndarray:
    """Applies the effects of some rows to the FIDs of `metabolite_signals`; returns a new array."""
    added, factor = effects.added_and_factor(acquisition.time_axis_s, rows)
    # By name: NumPy multiplies in place into a large temporary, and complex numbers then round differently.
    received = signals.copy()
    if not np.isscalar(added):
        added = added / np.sqrt(acquisition.points)
        added[:, 0] /= 2
        received += added
    return np.multiply(received, factor, dtype=np.result_type(received, factor)).astype(signals.dtype)


def phased_spectra(
    signals: np.ndarray, parameters: SpectralParameters, rows: slice, acquisition: Acquisition, points: slice
) -> np.ndarray:
    """Transforms the FIDs of `metabolite_signals`, which it overwrites, to selected points of phased spectra."""
    spectra = _shifted(scipy.fft.fft(signals, overwrite_x=True), points)
    spectra *= _phase(parameters.phi0[rows], parameters.phi1[rows], acquisition, points, signals.dtype.type)
    return spectra


def add_baseline(spectra: np.ndarray, coefficients: np.ndarray, regressors: np.ndarray) -> None:
    """Adds polynomials to spectra in place.

    Args:
      spectra: complex (rows, points).
      coefficients: (rows, 2 (order + 1)), real0, imag0, real1, imag1, ...
      regressors: (points, order + 1), real or complex.
    """
    if np.iscomplexobj(regressors):
        for order, polynomial in enumerate(regressors.T):
            coefficient = coefficients[:, 2 * order] + 1j * coefficients[:, 2 * order + 1]
            spectra += (coefficient[:, None] * polynomial).astype(spectra.dtype)
        return
    polynomials = np.ascontiguousarray(regressors.T, spectra.real.dtype)
    scratch = np.empty(spectra.shape, polynomials.dtype)
    for first, part in ((0, spectra.real), (1, spectra.imag)):
        values = coefficients[:, first::2].astype(polynomials.dtype)
        total = values[:, 0, None] * polynomials[0]
        for order in range(1, len(polynomials)):
            total += np.multiply(values[:, order, None], polynomials[order], out=scratch)
        part += total


def _transposed(basis: Basis, dtype: type) -> np.ndarray:
    """Returns the basis signals prepared for summation: real (metabolites, 2 padded_points), real and imaginary part.

    The first point is halved, all are divided by sqrt(points), and the grid is padded with zeros.
    """
    made = _TRANSPOSED.setdefault(basis, {})
    if dtype not in made:
        points = basis.acquisition.points
        fids = np.zeros((len(basis.names), -(-points // TIME_GRID) * TIME_GRID), dtype)
        fids[:, :points] = basis.fids.T / np.sqrt(points)
        fids[:, 0] /= 2
        made[dtype] = fids.view(fids.real.dtype)
    return made[dtype]


def _buffers(shape: tuple[int, int], dtype: np.dtype) -> np.ndarray:
    """Returns three thread-local arrays of a shape: allocating memory for each block would cost as much as the FFT."""
    kept = getattr(_BUFFERS, "arrays", None)
    if kept is None or kept.dtype != dtype or kept.shape[2] != shape[1] or kept.shape[1] < shape[0]:
        kept = _BUFFERS.arrays = np.empty((3, *shape), dtype)
    return kept[:, : shape[0]]


def _apply_line_shape(signal, scratch, gamma, sigma, eps, acquisition: Acquisition) -> None:
    """Multiplies signals by exp(-(gamma + i eps) t - sigma^2 t^2), in place; real and imaginary part alternate."""
    dtype = np.result_type(signal.dtype, np.complex64)
    np.multiply(-(sigma[:, None] ** 2).astype(signal.dtype), _squared_time(acquisition, signal.dtype), out=scratch)
    signal *= np.exp(scratch, out=scratch)
    signal = signal.view(dtype).reshape(len(signal), -1, TIME_GRID)
    coarse = (1 + TIME_GRID * np.arange(signal.shape[1])) / acquisition.bandwidth_hz
    fine = np.arange(TIME_GRID) / acquisition.bandwidth_hz
    for time, axis in ((coarse, 2), (fine, 1)):
        decay, turn = np.exp(-gamma[:, None] * time), -eps[:, None] * time
        signal *= np.expand_dims(_polar(decay, turn, dtype), axis)


@functools.lru_cache(maxsize=8)
def _squared_time(acquisition: Acquisition, dtype: np.dtype) -> np.ndarray:
    """Returns t^2 of every point of the padded grid, twice each: (2 padded_points,)."""
    padded = -(-acquisition.points // TIME_GRID) * TIME_GRID
    return np.repeat((np.arange(1, padded + 1) / acquisition.bandwidth_hz) ** 2, 2).astype(dtype)


def _polar(magnitude, angle: np.ndarray, dtype: type) -> np.ndarray:
    """Returns magnitude exp(i angle), a new array."""
    result = np.empty(angle.shape, dtype)
    # Single precision is sufficient, and far faster, once whole turns are removed in double precision.
    angle = (angle - 2 * np.pi * np.rint(angle / (2 * np.pi))).astype(result.real.dtype)
    np.multiply(magnitude, np.cos(angle), out=result.real, casting="same_kind")
    np.multiply(magnitude, np.sin(angle), out=result.imag, casting="same_kind")
    return result


def _phase(phi0, phi1, acquisition: Acquisition, points: slice, dtype: type) -> np.ndarray:
    """Returns exp(-i (phi0 + phi1 nu)): complex (rows, points)."""
    first = points.start // FREQUENCY_GRID * FREQUENCY_GRID
    coarse = acquisition.frequency_axis_hz[first : points.stop : FREQUENCY_GRID]
    fine = np.arange(FREQUENCY_GRID) * (acquisition.bandwidth_hz / (acquisition.points - 1))
    coarse = _polar(1, -(phi0[:, None] + phi1[:, None] * coarse), dtype)
    fine = _polar(1, -phi1[:, None] * fine, dtype)
    whole = (coarse[:, :, None] * fine[:, None, :]).reshape(len(phi0), -1)
    return whole[:, points.start - first : points.stop - first]


def _shifted(spectra: np.ndarray, points: slice) -> np.ndarray:
    """Returns the `points` of `fftshift(spectra)`, as a new array."""
    total = spectra.shape[1]
    first = points.start - total // 2
    stop = points.stop - total // 2
    if first < 0 < stop:
        return np.concatenate([spectra[:, first:], spectra[:, :stop]], axis=1)
    return spectra[:, first % total : (stop - 1) % total + 1].copy()
