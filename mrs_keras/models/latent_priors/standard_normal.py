"""The standard normal prior."""

import math

import keras
import tensorflow as tf

from mrs_keras.models.latent_priors.latent_prior import LatentPrior
from mrs_keras.models.row_random import row_normal


@keras.saving.register_keras_serializable("mrs_keras")
class StandardNormalPrior(LatentPrior):
    """N(0, I), independent of the labels: the prior that the KL term pulls the posteriors towards in training."""

    kind = "standard_normal"
    reported_as = "standard_normal"
    label = "standard normal prior"

    @property
    def needs_fit(self):
        return False

    @property
    def is_fitted(self):
        return True

    def sample(self, seeds, labels):
        return row_normal(seeds, self.latent_dim)

    def log_prob(self, latents, labels):
        return -0.5 * tf.reduce_sum(tf.square(latents) + math.log(2 * math.pi), axis=1)
