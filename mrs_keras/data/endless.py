"""An endless source of simulated spectra, for a training without a dataset on disk."""

import tensorflow as tf

from mrs_keras.basis.basis import Basis
from mrs_keras.basis.default import basis_for
from mrs_keras.checks import check_count, check_positive
from mrs_keras.data.label_columns import LabelColumns
from mrs_keras.simulation.examples import ExampleRecipe
from mrs_keras.simulation.graph.examples import tf_examples
from mrs_keras.simulation.priors import Prior


def simulated(
    prior: str | Prior = "naa_pcr",
    basis: Basis | None = None,
    batch_size: int = 64,
    seed: int = 0,
    snr: float | None = None,
    first_batch: int = 0,
    labels: LabelColumns | None = None,
) -> tf.data.Dataset:
    """Returns endless batches, each spectrum seen once, simulated on the fly on all cores while a model trains.

    Batch n depends only on the arguments and on n: a training that resumes at batch n sees the same data as an
    uninterrupted one. The spectra follow the distribution of the dataset, including effects and noise of the prior, but
    are not its examples.

    Args:
      prior: of the parameters, or the name of a preset. Defaults to `"naa_pcr"`. For another field than 3 T, give
        `Prior.from_preset(name, spectrometer_frequency_mhz)`.
      basis: signals of the prior's metabolites; also sets the acquisition. Defaults to `None`: this package's own.
      batch_size: spectra per batch, over all replicas. Defaults to `64`.
      seed: integer. Defaults to `0`.
      snr: signal-to-noise ratio as `simulate` defines it. Defaults to `None`: that of the prior, and without one no
        noise.
      first_batch: number of the batch to start with. Defaults to `0`.
      labels: of the metabolites of the prior, such as sums and ratios. Defaults to `None`: the concentrations.

    Returns:
      Endless dataset of `{"spectrum": float32 (batch_size, points, 2), "concentrations": float32 (batch_size,
      metabolites)}`, metabolites in the order of the prior, or the `labels`. With noise also `"noise_sigma"`: float32
      (batch_size,), its standard deviation in each real number. `fit` needs `steps_per_epoch`, and `shuffle=False`.

    Raises:
      ValueError: if an argument is out of range, or the basis lacks a metabolite.

    Example:

    >>> model = CVAE.from_preset("base")
    >>> model.compile(keras.optimizers.Adam(1e-3))
    >>> source = simulated(batch_size=64, seed=0)
    >>> history = model.fit(source, steps_per_epoch=2, epochs=2, shuffle=False, verbose=0)
    """
    recipe = _recipe(prior, basis, seed, snr)
    batch_size = check_count("batch_size", batch_size, 64)

    def batch_of(batch):
        examples = tf_examples(recipe, batch_size, batch)
        batch = {name: examples[name] for name in ("spectrum", "concentrations", "noise_sigma") if name in examples}
        return batch if labels is None else {**batch, "concentrations": labels(batch["concentrations"])}

    numbers = tf.data.Dataset.counter(check_count("first_batch", first_batch, 0, at_least=0))
    # Threads share the work; the order of the batches does not change.
    return numbers.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def simulated_batch(
    batch: int | tf.Tensor,
    prior: str | Prior = "naa_pcr",
    basis: Basis | None = None,
    batch_size: int = 64,
    *,
    seed: int = 0,
    snr: float | None = None,
) -> dict[str, tf.Tensor]:
    """Simulates one batch of `simulated`, with all the parameters that it was simulated from.

    Args:
      batch: number of the batch, an integer or an int64 scalar of a graph.
      prior: as in `simulated`; likewise for the rest.
      basis: as in `simulated`.
      batch_size: as in `simulated`.
      seed: as in `simulated`.
      snr: as in `simulated`.

    Returns:
      The features of the dataset `simulated_mrs`, except for the id and the linewidth, and with noise also
      `"noise_sigma"`: name -> float32 tensor.
    """
    return tf_examples(_recipe(prior, basis, seed, snr), batch_size, batch)


def _recipe(prior: str | Prior, basis: Basis | None, seed: int, snr: float | None) -> ExampleRecipe:
    prior = Prior.of(prior)
    basis = basis_for(prior.metabolites) if basis is None else basis.select(prior.metabolites)
    return ExampleRecipe(prior, basis, seed, snr if snr is None else check_positive("snr", snr, 30.0))
