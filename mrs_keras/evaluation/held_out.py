"""How well a trained model explains held-out spectra, as one number."""

import math

import numpy as np
import tensorflow as tf

from mrs_keras.data.pipeline import finite_batches
from mrs_keras.models import CVAE
from mrs_keras.models.row_random import row_normal
from mrs_keras.random_streams import RowStream, row_seeds

NOISE_STREAM = RowStream.HELD_OUT


def held_out_loss(model: CVAE, batches: tf.data.Dataset, seed: int = 0) -> dict[str, float]:
    """Bounds the negative log-likelihood of held-out spectra, given their concentrations, under what `generate` draws.

    It is the negative evidence lower bound (Kingma and Welling, ICLR 2014, arXiv 1312.6114), with the density that
    latents are drawn from, p(z | c), instead of the standard normal prior, and with weight 1, whatever the KL weight of
    the training:

        loss = mean over (x, c) and z ~ q(z | x, c) of  - ln p(x | z, c) + ln q(z | x, c) - ln p(z | c)

    This makes models trained with different KL weights, latents or widths comparable: blurred spectra increase the
    loss, and so do latents that `generate` would not draw. The training loss is not comparable, since a lower KL weight
    lowers it, and the squared error ignores the generation. A difference of 1 nat per spectrum is a factor e of
    likelihood; a decoder variance that was `"optimal"` in training is the mean squared error of these spectra.

    Args:
      model: trained, with its latent density fitted if it has one.
      batches: finite dataset of batches of `"spectrum"` and `"concentrations"`.
      seed: of z, one draw for each spectrum. Defaults to `0`.

    Returns:
      dict of `"loss"`, `"reconstruction_loss"` (the first term) and `"latent_loss"` (the rest), nats per spectrum, and
      `"mean_squared_error"`, in units of the model's `spectrum_scale` squared.
    """
    size, first = 2 * model.acquisition.window_points, 0
    squared_error, variance, latent_loss = [], [], []
    for batch in map(model._checked_inputs, finite_batches(batches, "held_out_loss")):
        batch, _ = model._with_labels(batch)
        rows = len(batch["spectrum"])
        # Row k of the data gets the same noise in batches of any size.
        noise = row_normal(row_seeds(seed, first + rows)[first:], model.latent_dim, stream=NOISE_STREAM)
        first += rows
        errors, _, batch_variance, _ = model._terms(batch, noise, training=False)
        posterior = model.posterior(batch)
        z = posterior["z_mean"] + tf.exp(0.5 * posterior["z_log_var"]) * noise
        log_q = -0.5 * tf.reduce_sum(noise**2 + posterior["z_log_var"] + math.log(2 * math.pi), axis=1)
        latent_loss.append(log_q - model.log_prior(z, batch["concentrations"], batch.get("noise_sigma")))
        squared_error.append(errors)
        variance.append(batch_variance)
    squared_error, latent_loss = np.concatenate(squared_error).astype(float), np.concatenate(latent_loss).astype(float)
    if model.decoder_variance == "optimal":
        variance = squared_error.mean() / size
    elif model.decoder_variance in ("learned", "known"):
        variance = np.concatenate(variance).astype(float)
    else:
        variance = model.decoder_variance
    reconstruction = np.mean(squared_error / (2 * variance) + size / 2 * np.log(2 * np.pi * variance))
    return {
        "loss": float(reconstruction + latent_loss.mean()),
        "reconstruction_loss": float(reconstruction),
        "latent_loss": float(latent_loss.mean()),
        "mean_squared_error": float(squared_error.mean() / size),
    }
