"""The number that trainings are compared by."""

import numpy as np
import pytest
from scipy.special import logsumexp
from scipy.stats import multivariate_normal, norm
from sklearn.mixture import GaussianMixture

from mrs_keras.evaluation.held_out import NOISE_STREAM, held_out_loss
from mrs_keras.models.latent_priors import GaussianMixturePrior
from mrs_keras.models.row_random import row_normal
from mrs_keras.random_streams import row_seeds
from tests.models.cvae_test import batches, examples, small_model


def mixture_log_density(weights, means, covariances, points):
    parts = [
        np.log(weight) + multivariate_normal(mean, covariance).logpdf(points)
        for weight, mean, covariance in zip(weights, means, covariances, strict=True)
    ]
    return logsumexp(parts, axis=0)


def test_the_latent_density_is_that_of_the_mixture_over_its_labels():
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, (600, 2))
    latents = rng.normal(size=(600, 3)) * [1.0, 0.5, 0.2] + labels @ rng.normal(size=(2, 3))
    density = GaussianMixturePrior(3, 2, 4)
    points = rng.normal(size=(50, 3)).astype(np.float32), rng.uniform(-1, 1, (50, 2)).astype(np.float32)
    np.testing.assert_allclose(density.log_prob(*points), norm.logpdf(points[0]).sum(axis=1), rtol=1e-5)
    density.fit(latents, labels, seed=0)
    # ln p(z | c) = ln p(z, c) - ln p(c), both of them from scikit-learn's parameters and SciPy's densities.
    both = GaussianMixture(4, reg_covar=1e-5, random_state=0).fit(np.concatenate([latents, labels], axis=1))
    joint = mixture_log_density(both.weights_, both.means_, both.covariances_, np.concatenate(points, axis=1))
    label = mixture_log_density(both.weights_, both.means_[:, 3:], both.covariances_[:, 3:, 3:], points[1])
    np.testing.assert_allclose(density.log_prob(*points), joint - label, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("mixture", [0, 2])
@pytest.mark.parametrize("variance", ["optimal", 0.01])
def test_the_loss_is_that_of_an_independent_calculation(mixture, variance):
    data = examples(100)
    latent_prior = {"kind": "mixture", "components": mixture} if mixture else "standard_normal"
    model = small_model(latent_prior=latent_prior, decoder_variance=variance)
    if mixture:
        model.fit_latent_density(data)
    posterior = model.encoder.predict(data, verbose=0)
    mean, deviation = posterior["z_mean"].astype(float), np.exp(posterior["z_log_var"].astype(float) / 2)
    z = mean + deviation * row_normal(row_seeds(3, 100), 4, stream=NOISE_STREAM).numpy()
    generated = model.generator.predict({"z": z, "concentrations": data["concentrations"]}, verbose=0)
    error = (data["spectrum"].astype(float) - generated) / model.spectrum_scale
    v = (error**2).mean() if variance == "optimal" else variance
    reconstruction = -norm.logpdf(error, scale=np.sqrt(v)).sum(axis=(1, 2)).mean()
    prior = model.log_prior(z.astype(np.float32), data["concentrations"]).numpy()
    if not mixture:
        np.testing.assert_allclose(prior, norm.logpdf(z).sum(axis=1), rtol=1e-5)
    latent = (norm.logpdf(z, mean, deviation).sum(axis=1) - prior).mean()
    found = held_out_loss(model, batches(data, 33), seed=3)
    assert found["reconstruction_loss"] == pytest.approx(reconstruction, rel=1e-5)
    assert found["latent_loss"] == pytest.approx(latent, rel=1e-3, abs=1e-3)
    assert found["loss"] == pytest.approx(reconstruction + latent, rel=1e-5)
    assert found["mean_squared_error"] == pytest.approx((error**2).mean(), rel=1e-5)
    assert held_out_loss(model, batches(data, 100), seed=3)["loss"] == pytest.approx(found["loss"], rel=1e-6)


def test_the_kl_weight_of_the_training_does_not_enter():
    data, losses = batches(examples(64)), []
    for weight in (0.1, 10.0):
        losses.append(held_out_loss(small_model(kl_weight=weight, latent_prior="standard_normal"), data)["loss"])
    assert losses[0] == losses[1]
