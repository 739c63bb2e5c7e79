"""The forward model as TensorFlow operations, for use inside a graph, with gradients."""

from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

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
    acquisition = basis.acquisition
    points = _points(basis, ppm_limits)
    values = {name: tf.cast(value, tf.float32) for name, value in parameters.items() if value is not None}
    for name in ("gamma", "sigma", "eps"):
        values[name] = values[name] if values[name].shape.rank == 2 else values[name][:, None]
    groups, metabolites = values["gamma"].shape[-1], len(basis.names)
    if metabolite_groups is None:
        metabolite_groups = range(metabolites) if groups == metabolites else [0] * metabolites

    fids = basis.fids.T / np.sqrt(acquisition.points)
    fids[:, 0] /= 2
    time = tf.constant(acquisition.time_axis_s, tf.float32)
    signal = tf.zeros((), tf.complex64)
    for group in range(groups):
        members = np.flatnonzero(np.asarray(metabolite_groups) == group)
        gamma, sigma, eps = (values[name][:, group, None] for name in ("gamma", "sigma", "eps"))
        concentrations = tf.gather(values["concentrations"], members, axis=1)
        mixture = tf.complex(*(concentrations @ tf.constant(part[members], tf.float32) for part in _parts(fids)))
        signal += mixture * polar(tf.exp(-gamma * time - tf.square(sigma * time)), -eps * time)

    if effects:
        signal = _with_effects(signal, effects, time)
    nu = tf.constant(acquisition.frequency_axis_hz[points], tf.float32)
    phase = -(values["phi0"][:, None] + values["phi1"][:, None] * nu)
    spectra = tf.signal.fftshift(tf.signal.fft(signal), axes=-1)[:, points] * polar(1.0, phase)
    return spectra + tf_baseline(values["baseline"], basis, ppm_limits) if "baseline" in values else spectra


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
    points = _points(basis, ppm_limits)
    if regressors is None:
        regressors = baseline_polynomials(basis.acquisition, coefficients.shape[-1] // 2 - 1)
    real, imaginary = (tf.constant(part[points].T, tf.float32) for part in _parts(regressors))
    of_real, of_imaginary = coefficients[:, 0::2], coefficients[:, 1::2]
    if not np.iscomplexobj(regressors):
        return tf.complex(of_real @ real, of_imaginary @ real)
    return tf.complex(
        of_real @ real - of_imaginary @ imaginary,
        of_real @ imaginary + of_imaginary @ real,
    )


def _points(basis: Basis, ppm_limits) -> slice:
    return basis.acquisition.slice_of(basis.acquisition.ppm_window if ppm_limits == "window" else ppm_limits)


def _parts(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return array.real, array.imag
