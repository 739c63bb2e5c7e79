"""An endless source of simulated spectra, for a training without a dataset on disk."""

import tensorflow as tf

from mrs_keras.basis.basis import Basis
from mrs_keras.basis.default import default_basis
from mrs_keras.checks import check_count, check_positive
from mrs_keras.simulation.priors import UniformPrior
from mrs_keras.simulation.tf_forward_model import tf_add_noise, tf_baseline, tf_draw, tf_forward_model


def simulated(
    prior: str | UniformPrior = "naa_pcr",
    basis: Basis | None = None,
    batch_size: int = 64,
    seed: int = 0,
    snr: float | None = None,
    first_batch: int = 0,
) -> tf.data.Dataset:
    """Returns batches without end, each spectrum seen once, simulated on all cores while a model trains.

    Batch n depends on the arguments and on n alone: a training that resumes at batch n sees what an uninterrupted one
    would see. The spectra are those of the dataset's distribution, not the dataset's examples.

    Args:
      prior: of the parameters, or the name of a preset. Defaults to `"naa_pcr"`.
      basis: signals that hold the prior's metabolites. Defaults to `None`: the embedded basis.
      batch_size: spectra per batch, over all replicas. Defaults to `64`.
      seed: integer. Defaults to `0`.
      snr: signal-to-noise ratio as `simulate` defines it. Defaults to `None`: no noise.
      first_batch: number of the batch to begin with. Defaults to `0`.

    Returns:
      Endless dataset of `{"spectrum": float32 (batch_size, points, 2), "concentrations": float32 (batch_size,
      metabolites)}`, metabolites in the order of the prior. `fit` needs `steps_per_epoch`, and `shuffle=False`.

    Raises:
      ValueError: if an argument is out of range, the basis lacks a metabolite, or the prior has effects that cannot be
        simulated inside a graph.

    Example:

    >>> model = CVAE.from_preset("base")
    >>> model.compile(keras.optimizers.Adam(1e-3))
    >>> source = simulated(batch_size=64, seed=0)
    >>> history = model.fit(source, steps_per_epoch=2, epochs=2, shuffle=False, verbose=0)
    """

    def batch_of(batch):
        examples = simulated_batch(batch, prior, basis, batch_size, seed=seed, snr=snr)
        return {name: examples[name] for name in ("spectrum", "concentrations")}

    numbers = tf.data.Dataset.counter(check_count("first_batch", first_batch, 0, at_least=0))
    # Threads share the work; the order of the batches stays.
    return numbers.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def simulated_batch(
    batch: int | tf.Tensor,
    prior: str | UniformPrior = "naa_pcr",
    basis: Basis | None = None,
    batch_size: int = 64,
    *,
    seed: int = 0,
    snr: float | None = None,
) -> dict[str, tf.Tensor]:
    """Simulates one batch of `simulated`, with all the parameters that it was simulated from.

    Args:
      batch: number of the batch, an integer or an int64 scalar of a graph.
      prior: as in `simulated`; so too the others.
      basis: as in `simulated`.
      batch_size: as in `simulated`.
      seed: as in `simulated`.
      snr: as in `simulated`.

    Returns:
      The features of the dataset `simulated_mrs` but for the id: name -> float32 tensor.
    """
    prior = UniformPrior.from_preset(prior) if isinstance(prior, str) else prior
    basis = prior.basis(default_basis() if basis is None else basis)
    batch = tf.convert_to_tensor(batch, tf.int64)
    parameters = tf_draw(prior, basis, batch_size, seed=seed, batch=batch)
    clean = tf_forward_model({**parameters, "baseline": None}, basis)
    spectra = clean + tf_baseline(parameters["baseline"], basis)
    if snr is not None:
        spectra = tf_add_noise(spectra, clean, check_positive("snr", snr, 30.0), seed=seed, batch=batch)
    return {"spectrum": tf.stack([tf.math.real(spectra), tf.math.imag(spectra)], axis=-1), **parameters}
