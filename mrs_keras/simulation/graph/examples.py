"""The recipe of `mrs_keras.simulation.examples` as TensorFlow operations, for batches inside a graph."""

import hashlib

import tensorflow as tf

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_count
from mrs_keras.random_streams import NOISE
from mrs_keras.simulation.effects import EFFECT_PARAMETERS
from mrs_keras.simulation.examples import ExampleRecipe
from mrs_keras.simulation.graph import array_math
from mrs_keras.simulation.graph.forward import tf_baseline, tf_forward_model
from mrs_keras.simulation.parameters import LINE_SHAPE, SCALARS
from mrs_keras.simulation.priors import Prior


def tf_examples(recipe: ExampleRecipe, batch_size: int, batch: int | tf.Tensor) -> dict[str, tf.Tensor]:
    """Draws and simulates a batch of examples.

    Batch n depends only on (recipe, batch_size, n). The distribution is that of the recipe's own examples, the numbers
    are not.

    Args:
      recipe: defines prior, basis, seed and signal-to-noise ratio.
      batch_size: spectra.
      batch: number of the batch, an integer or an int64 scalar of a graph.

    Returns:
      `"spectrum"`, float32 (batch_size, points, 2), and the inputs of its simulation: the parameters, the effects and,
      with noise, `"snr"`, with the names of the features of `simulated_mrs`, float32 (batch_size, ...). With noise also
      `"noise_sigma"`, float32 (batch_size,), its standard deviation in each real number.
    """
    batch = tf.convert_to_tensor(batch, tf.int64)
    drawn = tf_draw(recipe.prior, recipe.basis, batch_size, seed=recipe.seed, batch=batch)
    snr = drawn.pop("snr", None) if recipe.snr is None else tf.fill((batch_size,), float(recipe.snr))
    drawn.pop("snr", None)
    effects = {name: value for name, value in drawn.items() if name in EFFECT_PARAMETERS}
    basis, groups = recipe.basis.scaled(), recipe.prior.metabolite_groups
    columns = {name: drawn[name][:, None] if name in LINE_SHAPE else drawn[name] for name in drawn}
    parameters = {
        **{name: drawn[name] for name in ("concentrations", "phi0", "phi1")},
        **recipe.prior.line_shape(columns, array_math),
    }
    regressors = recipe.prior.baseline_regressors(basis.acquisition)
    spectra = tf_forward_model(parameters, basis, effects, metabolite_groups=groups)
    spectra += tf_baseline(drawn["baseline"], basis, regressors=regressors)
    if snr is not None:
        clean = tf_forward_model(parameters, basis, metabolite_groups=groups)
        sigma = tf.reduce_max(tf.abs(clean), axis=1) / snr
        spectra = tf_add_noise(spectra, sigma, seed=recipe.seed, batch=batch)
        drawn |= {"snr": snr, "noise_sigma": sigma}
    return {"spectrum": tf.stack([tf.math.real(spectra), tf.math.imag(spectra)], axis=-1), **drawn}


def tf_draw(prior: Prior, basis: Basis, batch_size: int, *, seed: int, batch: tf.Tensor) -> dict[str, tf.Tensor]:
    """Draws the parameters of a batch of spectra, each from its own stream.

    Batch n depends only on (seed, batch_size, n). The distribution is that of `Prior.draw`, the numbers are not.

    Args:
      prior: of the parameters.
      basis: signals of the prior's metabolites; they set the height of the baseline.
      batch_size: spectra.
      seed: integer.
      batch: int64 scalar, number of the batch.

    Returns:
      The features of `simulated_mrs`: concentrations, parameters with one number each, baseline, effects, `"shifts"` of
      the groups and `"snr"`, if the prior has them: float32 (batch_size, ...).
    """
    batch_size = check_count("batch_size", batch_size, 64)

    def uniform(stream, columns):
        return tf.random.stateless_uniform((batch_size, columns), _key(seed, stream, batch), alg="philox")

    # All concentrations share one stream here.
    of_metabolites = uniform("concentrations", len(prior.metabolites))
    numbers = {f"concentration/{name}": number for number, name in enumerate(prior.metabolites)}

    def stream_of(stream, columns):
        if stream in numbers:
            return of_metabolites[:, numbers[stream] : numbers[stream] + 1]
        return uniform(stream, columns)

    drawn = prior.values(stream_of, prior.peak_height(basis), ops=array_math)
    concentrations = tf.concat([drawn.pop(name) for name in prior.metabolites], axis=1)
    scalars = {*SCALARS, "snr", *(name for name, parameter in EFFECT_PARAMETERS.items() if not parameter.per_line)}
    drawn = {name: value[:, 0] if name in scalars else value for name, value in drawn.items()}
    return {"concentrations": concentrations, **drawn}


def tf_add_noise(spectra: tf.Tensor, sigma: tf.Tensor, *, seed: int, batch: tf.Tensor) -> tf.Tensor:
    """Adds white complex noise.

    Args:
      spectra: complex64 (batch, points).
      sigma: float32 (batch,), standard deviation of the real and of the imaginary part.
      seed: integer.
      batch: int64 scalar, number of the batch.

    Returns:
      complex64 (batch, points).
    """
    noise = tf.random.stateless_normal((2, *spectra.shape), _key(seed, NOISE, batch), alg="philox")
    return spectra + tf.complex(*tf.unstack(sigma[:, None] * noise))


def _key(seed: int, name: str, batch: tf.Tensor) -> tf.Tensor:
    """Returns the seed of a stateless operation: a hash of the stream's name, and the number of the batch."""
    digest = hashlib.blake2b(f"graph\x1f{seed}\x1f{name}".encode(), digest_size=8).digest()
    return tf.stack([tf.constant(int.from_bytes(digest, "little", signed=True), tf.int64), tf.cast(batch, tf.int64)])
