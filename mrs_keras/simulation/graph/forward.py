"""The forward model as TensorFlow operations, for use inside a graph, with gradients."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.simulation.effects import combine_effects
from mrs_keras.simulation.forward import baseline_polynomials
from mrs_keras.simulation.graph import array_math
from mrs_keras.simulation.graph.array_math import polar


def tf_forward_model(
    parameters: Mapping[str, tf.Tensor],
    basis: Basis,
    effects: Mapping[str, tf.Tensor] | None = None,
    *,
    metabolite_groups: Sequence[int] | None = None,
    ppm_limits: tuple[float, float] | str | None = "window",
) -> tf.Tensor:
    """Computes noiseless spectra as `mrs_keras.simulation.forward` does, in single precision and differentiably.

    Args:
      parameters: tensors with the names, shapes and units of `SpectralParameters`: `concentrations` float32 (batch,
        metabolites) in mM; `gamma`, `sigma` in 1/s and `eps` in rad/s, (batch, groups) or (batch,); `phi0` in rad and
        `phi1` in rad/Hz, (batch,); and, if there is one, `baseline` (batch, 2 (order + 1)). They are not checked.
      basis: signals of the metabolites, not rescaled here: use `Basis.scaled` to get FSL-MRS's numbers.
      effects: tensors with the names, shapes and units of `Effects`, which act before the phase. Defaults to `None`.
      metabolite_groups: line-shape group of each metabolite, from 0. Defaults to `None`: as in `forward_model`.
      ppm_limits: (low, high) in ppm, `None` for the whole band. Defaults to the acquisition's window.

    Returns:
      complex64 (batch, points), rising ppm.
    """
    spectra = tf_spectra(
        parameters,
        tf_signals(basis),
        basis.acquisition,
        effects,
        metabolite_groups=metabolite_groups,
        ppm_limits=ppm_limits,
    )
    baseline = parameters.get("baseline")
    return spectra if baseline is None else spectra + tf_baseline(tf.cast(baseline, tf.float32), basis, ppm_limits)


def tf_signals(basis: Basis) -> np.ndarray:
    """Returns the signals of a basis as `tf_spectra` takes them: float32 (2, metabolites, points), real, imaginary."""
    fids = basis.fids.T / np.sqrt(basis.acquisition.points)
    fids[:, 0] /= 2
    return np.stack(_parts(fids)).astype(np.float32)


def tf_spectra(
    parameters: Mapping[str, tf.Tensor],
    signals: tf.Tensor | np.ndarray,
    acquisition: Acquisition,
    effects: Mapping[str, tf.Tensor] | None = None,
    *,
    metabolite_groups: Sequence[int] | None = None,
    ppm_limits: tuple[float, float] | str | None = "window",
) -> tf.Tensor:
    """Computes spectra without baseline from signals in a tensor, such as weights of a model.

    Args:
      parameters: as in `tf_forward_model`; a baseline is not added.
      signals: float32 (2, metabolites, points), from `tf_signals`.
      acquisition: of the signals.
      effects: as in `tf_forward_model`; likewise for the rest.
      metabolite_groups: as in `tf_forward_model`.
      ppm_limits: as in `tf_forward_model`.

    Returns:
      complex64 (batch, points), rising ppm.
    """
    points = _points(acquisition, ppm_limits)
    values = {name: tf.cast(value, tf.float32) for name, value in parameters.items() if value is not None}
    for name in ("gamma", "sigma", "eps"):
        values[name] = values[name] if values[name].shape.rank == 2 else values[name][:, None]
    groups, metabolites = values["gamma"].shape[-1], signals.shape[1]
    if metabolite_groups is None:
        metabolite_groups = range(metabolites) if groups == metabolites else [0] * metabolites

    time = tf.constant(acquisition.time_axis_s, tf.float32)
    signal = tf.zeros((), tf.complex64)
    for group in range(groups):
        members = np.flatnonzero(np.asarray(metabolite_groups) == group)
        gamma, sigma, eps = (values[name][:, group, None] for name in ("gamma", "sigma", "eps"))
        concentrations = tf.gather(values["concentrations"], members, axis=1)
        mixture = tf.complex(*(concentrations @ tf.gather(signals[part], members) for part in range(2)))
        signal += mixture * polar(tf.exp(-gamma * time - tf.square(sigma * time)), -eps * time)

    if effects:
        signal = _with_effects(signal, effects, time)
    nu = tf.constant(acquisition.frequency_axis_hz[points], tf.float32)
    phase = -(values["phi0"][:, None] + values["phi1"][:, None] * nu)
    return tf.signal.fftshift(tf.signal.fft(signal), axes=-1)[:, points] * polar(1.0, phase)


def _with_effects(signal: tf.Tensor, effects: Mapping[str, tf.Tensor], time: tf.Tensor) -> tf.Tensor:
    """Returns FIDs with their effects; the first point of each is halved, and all are divided by sqrt(points)."""
    columns = {name: value if value.shape.rank == 2 else value[:, None] for name, value in effects.items()}
    added, factor = combine_effects(columns, time, array_math)
    if tf.is_tensor(added):
        first_halved = np.where(np.arange(time.shape[0]) == 0, 0.5, 1.0) / np.sqrt(time.shape[0])
        signal += added * tf.constant(first_halved, tf.complex64)
    return signal * factor if tf.is_tensor(factor) else signal


def tf_baseline(
    coefficients: tf.Tensor,
    basis: Basis,
    ppm_limits: tuple[float, float] | str | None = "window",
    regressors: np.ndarray | None = None,
) -> tf.Tensor:
    """Computes the baseline that `tf_forward_model` adds.

    Args:
      coefficients: float32 (batch, 2 (order + 1)), real0, imag0, real1, imag1, ..., in the units of the spectrum.
      basis: defines the axes.
      ppm_limits: as in `tf_forward_model`.
      regressors: real or complex (points, order + 1), over the whole band. Defaults to `None`: polynomials.

    Returns:
      complex64 (batch, points).
    """
    points = _points(basis.acquisition, ppm_limits)
    if regressors is None:
        regressors = baseline_polynomials(basis.acquisition, coefficients.shape[-1] // 2 - 1)
    real, imaginary = (part[points].T.astype(np.float32) for part in _parts(regressors))
    return tf_weighted_sum(coefficients, real, imaginary if np.iscomplexobj(regressors) else None)


def tf_weighted_sum(coefficients: tf.Tensor, real: tf.Tensor, imaginary: tf.Tensor | None) -> tf.Tensor:
    """Returns the sum of regressors times complex coefficients, complex64 (batch, points).

    Args:
      coefficients: float32 (batch, 2 n), real0, imag0, real1, imag1, ...
      real: float32 (n, points), real parts of the regressors.
      imaginary: float32 (n, points), or `None` for real regressors.
    """
    of_real, of_imaginary = coefficients[:, 0::2], coefficients[:, 1::2]
    if imaginary is None:
        return tf.complex(of_real @ real, of_imaginary @ real)
    return tf.complex(
        of_real @ real - of_imaginary @ imaginary,
        of_real @ imaginary + of_imaginary @ real,
    )


def _points(acquisition: Acquisition, ppm_limits) -> slice:
    return acquisition.slice_of(acquisition.ppm_window if ppm_limits == "window" else ppm_limits)


def _parts(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return array.real, array.imag
