"""The forward model, noise and draws from a prior as TensorFlow operations, for use inside a graph.

`mrs_keras.simulation` does not import this module: TensorFlow takes seconds to load.
"""

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_count
from mrs_keras.simulation.forward import baseline_polynomials
from mrs_keras.simulation.priors import UniformPrior

DRAWN = ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline")


def tf_forward_model(
    parameters: Mapping[str, tf.Tensor],
    basis: Basis,
    *,
    metabolite_groups: Sequence[int] | None = None,
    ppm_limits: tuple[float, float] | str | None = "window",
) -> tf.Tensor:
    """Computes noiseless spectra as `mrs_keras.simulation.forward` does, in single precision and differentiably.

    Args:
      parameters: tensors with the names, shapes and units of `SpectralParameters`: `concentrations` float32 (batch,
        metabolites) in mM; `gamma`, `sigma` in 1/s and `eps` in rad/s, (batch, groups) or (batch,); `phi0` in rad and
        `phi1` in rad/Hz, (batch,); and, if there is one, `baseline` (batch, 2 (order + 1)). They are not checked.
      basis: signals of the metabolites, used as they are: scale them with `Basis.scaled` to get FSL-MRS's numbers.
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
        signal += mixture * _polar(tf.exp(-gamma * time - tf.square(sigma * time)), -eps * time)

    nu = tf.constant(acquisition.frequency_axis_hz[points], tf.float32)
    phase = -(values["phi0"][:, None] + values["phi1"][:, None] * nu)
    spectra = tf.signal.fftshift(tf.signal.fft(signal), axes=-1)[:, points] * _polar(1.0, phase)
    return spectra + tf_baseline(values["baseline"], basis, ppm_limits) if "baseline" in values else spectra


def tf_baseline(
    coefficients: tf.Tensor, basis: Basis, ppm_limits: tuple[float, float] | str | None = "window"
) -> tf.Tensor:
    """Computes the baseline that `tf_forward_model` adds.

    Args:
      coefficients: float32 (batch, 2 (order + 1)), real0, imag0, real1, imag1, ..., in the units of the spectrum.
      basis: gives the axes.
      ppm_limits: as in `tf_forward_model`.

    Returns:
      complex64 (batch, points).
    """
    points = _points(basis, ppm_limits)
    polynomials = baseline_polynomials(basis.acquisition, coefficients.shape[-1] // 2 - 1)[points].T
    polynomials = tf.constant(polynomials, tf.float32)
    return tf.complex(coefficients[:, 0::2] @ polynomials, coefficients[:, 1::2] @ polynomials)


def tf_draw(prior: UniformPrior, basis: Basis, batch_size: int, *, seed: int, batch: tf.Tensor) -> dict[str, tf.Tensor]:
    """Draws the parameters of a batch of spectra, each from a stream of its own.

    Batch n depends on (seed, batch_size, n) alone. The distribution is `UniformPrior.draw`'s, the numbers are not.

    Args:
      prior: of the parameters.
      basis: signals that hold the prior's metabolites; they give the height of the baseline.
      batch_size: spectra.
      seed: integer.
      batch: int64 scalar, number of the batch.

    Returns:
      Parameters as `tf_forward_model` takes them, with one line-shape group.

    Raises:
      ValueError: if the prior has parameters that are not drawn here.
    """
    _check_prior(prior)
    batch_size = check_count("batch_size", batch_size, 64)

    def draw(name, *ranges, scale=1.0):
        uniform = tf.random.stateless_uniform((batch_size, len(ranges)), _key(seed, name, batch), alg="philox")
        low, high = (scale * np.array([getattr(limits, end) for limits in ranges]) for end in ("low", "high"))
        return tf.constant(low, tf.float32) + tf.constant(high - low, tf.float32) * uniform

    coefficients = [prior.baseline] * (2 * (prior.baseline_order + 1))
    return {
        "concentrations": draw("concentrations", *prior.concentrations.values()),
        **{name: draw(name, getattr(prior, name))[:, 0] for name in ("gamma", "sigma", "eps", "phi0", "phi1")},
        "baseline": draw("baseline", *coefficients, scale=prior.peak_height(basis)),
    }


def tf_add_noise(
    spectra: tf.Tensor, clean: tf.Tensor, snr: float | tf.Tensor, *, seed: int, batch: tf.Tensor
) -> tf.Tensor:
    """Adds white complex noise at a signal-to-noise ratio as `simulate` defines it.

    Args:
      spectra: complex64 (batch, points).
      clean: complex64 (batch, points), the same without baseline; its tallest point is the signal.
      snr: number or float32 (batch,), above 0.
      seed: integer.
      batch: int64 scalar, number of the batch.

    Returns:
      complex64 (batch, points).
    """
    sigma = tf.reduce_max(tf.abs(clean), axis=1) / snr
    noise = tf.random.stateless_normal((2, *spectra.shape), _key(seed, "noise", batch), alg="philox")
    return spectra + tf.complex(*tf.unstack(sigma[:, None] * noise))


def _points(basis: Basis, ppm_limits) -> slice:
    return basis.acquisition.slice_of(basis.acquisition.ppm_window if ppm_limits == "window" else ppm_limits)


def _parts(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return array.real, array.imag


def _polar(magnitude, angle: tf.Tensor) -> tf.Tensor:
    return tf.complex(magnitude * tf.cos(angle), magnitude * tf.sin(angle))


def _key(seed: int, name: str, batch: tf.Tensor) -> tf.Tensor:
    """Returns the seed of a stateless operation: a hash of what names the stream, and the number of the batch."""
    digest = hashlib.blake2b(f"graph\x1f{seed}\x1f{name}".encode(), digest_size=8).digest()
    return tf.stack([tf.constant(int.from_bytes(digest, "little", signed=True), tf.int64), tf.cast(batch, tf.int64)])


def _check_prior(prior: UniformPrior) -> None:
    """Raises `ValueError` where a prior says more than is drawn here: nothing of it is left out in silence."""
    known = {*DRAWN, "baseline_order", "description"}
    for field in dataclasses.fields(prior):
        if field.name not in known and getattr(prior, field.name) and field.default != getattr(prior, field.name):
            raise ValueError(
                f"The prior's `{field.name}` cannot be drawn inside a TensorFlow graph. Expected a prior of "
                f"{', '.join(DRAWN)} alone. Received: {field.name}={getattr(prior, field.name)}. "
                "Build a dataset from this prior, or take that part out with `dataclasses.replace`."
            )
