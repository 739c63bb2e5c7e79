"""Batches of spectra, ready for a dataset."""

import dataclasses
import weakref
from collections.abc import Sequence
from typing import Literal, get_args

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_choice, check_finite
from mrs_keras.random_streams import NOISE
from mrs_keras.simulation.blocks import for_each_block
from mrs_keras.simulation.effects import Effects
from mrs_keras.simulation.forward import checked_groups, checked_regressors
from mrs_keras.simulation.fsl_mrs_backend import simulate_with_fsl_mrs
from mrs_keras.simulation.keyed_random import keyed_normal
from mrs_keras.simulation.line_shapes import add_baseline, metabolite_signals, phased_spectra, with_effects
from mrs_keras.simulation.parameters import SpectralParameters

Backend = Literal["numpy", "fsl_mrs"]
"""Backends that compute the spectra: this package, or FSL-MRS if installed."""

_SCALED: weakref.WeakKeyDictionary[Basis, Basis] = weakref.WeakKeyDictionary()


def simulate(
    parameters: SpectralParameters,
    basis: Basis,
    effects: Effects | None = None,
    *,
    noise_sigma: float | np.ndarray | None = None,
    snr: float | np.ndarray | None = None,
    seed: int = 0,
    split: str = "train",
    start: int = 0,
    dtype: type = np.complex64,
    backend: Backend = "numpy",
    metabolite_groups: Sequence[int] | None = None,
    baseline_regressors: np.ndarray | None = None,
) -> np.ndarray:
    """Simulates the spectra of `parameters` in the acquisition's ppm window.

    Effects act on metabolites, macromolecules and lipids before the phase of the receiver, but not on the baseline,
    which describes the spectrum as acquired, nor on the noise. Noise is white and complex; real and imaginary part of
    each point are independently N(0, noise_sigma^2), in the FID as in the spectrum (the transform is orthonormal).
    Noise of example k depends only on (seed, split, k). Spectra are computed in blocks on all cores; a spectrum is
    bit-identical in any batch.

    Args:
      parameters: of `batch` spectra.
      basis: signals of the same metabolites, in the same order; scaled here as FSL-MRS scales them.
      effects: residual water, eddy currents and drift, of the same number of spectra. Defaults to `None`: none.
      noise_sigma: standard deviation of the real part of each point, a number or (batch,), in the units of the
        spectrum. Defaults to `None`: no noise.
      snr: alternative to `noise_sigma`: the signal-to-noise ratio, a number or (batch,): height of the tallest point of
        the magnitude spectrum in the window, without baseline and effects, over the standard deviation of the real part
        of the noise; a tall water line does not raise it. Defaults to `None`.
      seed: of the noise. Defaults to `0`.
      split: name of the split that the noise belongs to. Defaults to `"train"`.
      start: index of the first spectrum in its split. Defaults to `0`.
      dtype: `np.complex64` or `np.complex128`. Defaults to `np.complex64`.
      backend: `"numpy"`, or `"fsl_mrs"` to have FSL-MRS compute spectra and noise; see `simulate_with_fsl_mrs` for the
        differences. Defaults to `"numpy"`.
      metabolite_groups: line-shape group of each metabolite; see `forward_model`. Defaults to `None`.
      baseline_regressors: (points, coefficients / 2), what the baseline coefficients multiply, such as
        `prior.baseline_regressors(basis.acquisition)`. Defaults to `None`: polynomials of the window.

    Returns:
      complex (batch, window_points), rising ppm.

    Raises:
      ValueError: if the parameters do not fit the basis or the effects, both kinds of noise are given, one is out of
        range, or the backend is unknown.
      ModuleNotFoundError: if the backend is `"fsl_mrs"` and FSL-MRS is not installed.

    Example:

    >>> basis, prior = default_basis(), UniformPrior.from_preset("naa_pcr")
    >>> simulate(prior.draw(basis, 0, 8, seed=0), basis.select(prior.metabolites)).shape
    (8, 252)
    """
    check_choice("backend", backend, get_args(Backend))
    if noise_sigma is not None and snr is not None:
        raise ValueError(f"Give `noise_sigma` or `snr`, not both. Received: noise_sigma={noise_sigma}, snr={snr}.")
    basis = _scaled(basis)
    batch, points = len(parameters), basis.acquisition.window
    groups = checked_groups(parameters, basis, metabolite_groups)
    if parameters.baseline is not None:
        regressors = checked_regressors(parameters, basis.acquisition, baseline_regressors)[points]
    if snr is not None:
        snr = _per_spectrum("snr", snr, batch, above_zero=True)
    if noise_sigma is not None:
        noise_sigma = _per_spectrum("noise_sigma", noise_sigma, batch)
    if effects is not None and not effects.values():
        effects = None
    if effects is not None and len(effects) != batch:
        raise ValueError(
            f"`effects` must be of as many spectra as `parameters`. Expected: {batch}. Received: {len(effects)}."
        )
    if backend == "fsl_mrs":
        if metabolite_groups is not None or baseline_regressors is not None:
            raise ValueError(
                "FSL-MRS simulates polynomial baselines and one line shape for all. Received groups of metabolites or "
                'other regressors. Use `backend="numpy"`.'
            )
        clean = dataclasses.replace(parameters, baseline=None)
        if snr is not None:
            noise_sigma = np.abs(simulate(clean, basis, dtype=dtype)).max(axis=1) / snr
        key = {"seed": seed, "split": split, "start": start}
        spectra = simulate_with_fsl_mrs(parameters, basis, noise_sigma=noise_sigma, **key).astype(dtype)
        if effects is not None:
            # FSL-MRS has no effects: the change that they cause is added.
            spectra += simulate(clean, basis, effects, dtype=dtype) - simulate(clean, basis, dtype=dtype)
        return spectra
    spectra = np.empty((batch, basis.acquisition.window_points), dtype)

    def work(rows):
        signals = metabolite_signals(parameters, rows, basis, groups, dtype)
        received = signals if effects is None else with_effects(signals, effects, rows, basis.acquisition)
        block = phased_spectra(received, parameters, rows, basis.acquisition, points)
        sigma = None if noise_sigma is None else noise_sigma[rows]
        if snr is not None:
            clean = block if effects is None else phased_spectra(signals, parameters, rows, basis.acquisition, points)
            sigma = np.abs(clean).max(axis=1) / snr[rows]
        if parameters.baseline is not None:
            add_baseline(block, parameters.baseline[rows], regressors)
        if sigma is not None:
            # Drawn only for the window: the transform is orthonormal, so white noise is white in both domains.
            noise = keyed_normal(start + rows.start, start + rows.stop, 2 * block.shape[1], seed, split, NOISE)
            noise *= sigma.astype(np.float32)[:, None]
            block += noise.view(np.complex64)
        spectra[rows] = block

    for_each_block(work, batch, spectra.itemsize * basis.acquisition.points)
    return spectra


def simulate_with_effects(
    parameters: SpectralParameters, basis: Basis, effects: Effects | None, **options
) -> np.ndarray:
    """Simulates spectra with effects: `simulate(parameters, basis, effects, **options)`.

    Example:

    >>> parameters = prior.draw(basis, 0, 8, seed=0)
    >>> simulate_with_effects(parameters, basis, Effects(drift_hz=np.full(8, 5.0)), snr=40.0).shape
    (8, 252)
    """
    return simulate(parameters, basis, effects, **options)


def _scaled(basis: Basis) -> Basis:
    """Returns `basis.scaled()`, the same object for the same basis."""
    if basis not in _SCALED:
        _SCALED[basis] = basis.scaled()
    return _SCALED[basis]


def _per_spectrum(name: str, value, batch: int, above_zero: bool = False) -> np.ndarray:
    array = check_finite(name, np.asarray(value, dtype=np.float64))
    if array.shape not in ((), (batch,)) or np.any(array < 0) or (above_zero and np.any(array == 0)):
        raise ValueError(
            f"`{name}` must be one number or one per spectrum, {'above' if above_zero else 'at least'} 0. "
            f"Expected shape () or ({batch},). Received: shape {array.shape}, smallest value {array.min()}."
        )
    return np.broadcast_to(array, (batch,))


def complex_to_channels(spectra: np.ndarray) -> np.ndarray:
    """Converts complex (..., points) to the disk and wire format: float32 (..., points, 2), real and imaginary part."""
    return np.stack([spectra.real, spectra.imag], axis=-1).astype(np.float32)


def channels_to_complex(channels: np.ndarray) -> np.ndarray:
    """Converts float (..., points, 2) to complex64 (..., points); the inverse of `complex_to_channels`."""
    channels = np.asarray(channels)
    return (channels[..., 0] + 1j * channels[..., 1]).astype(np.complex64)
