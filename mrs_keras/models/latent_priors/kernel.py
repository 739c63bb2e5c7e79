"""A kernel density around the latents of few training spectra."""

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_choice, check_count
from mrs_keras.fitting.kernel_of_fits import farthest
from mrs_keras.models.latent_priors.components import chosen_component, log_density
from mrs_keras.models.latent_priors.latent_prior import LatentPrior
from mrs_keras.models.row_random import row_normal
from mrs_keras.random_streams import RowStream

OUTLIERS = 0.15
"""Fraction of the spectra that are centres, but do not widen the kernel: those farthest from the medians."""

FEWEST_OF_A_SITE = 4
"""Sites of fewer spectra share the mean of all."""

RIDGE = 1e-3
"""Added to the correlation matrix of the labels."""

LEAST = 1e-6
"""Least variance of a latent around its centre."""


@keras.saving.register_keras_serializable("mrs_keras")
class KernelPrior(LatentPrior):
    """The density of latents at given labels, from few spectra: a shrunken kernel; before `fit` it is N(0, I).

    With x_i the posterior mean of spectrum i joined with its labels, m the mean of the inliers of its site, and d a
    random combination of the deviations of the inliers from the means of their sites, a draw is

        x = m + sqrt(1 - h^2) (x_i - m) + h d,      z = its latents + a sample of the posterior around x_i

    as `mrs_keras.simulation.Kernel` draws parameters of fits (West 1993, doi 10.1111/j.2517-6161.1993.tb01911.x).
    Given labels c, the centre i is drawn with a probability that falls with the distance of its labels from c, and its
    latents follow the regression of latents on labels. An outlier is drawn as often as any other, but does not widen
    the others.

    Args:
      latent_dim: number of latents.
      labels: number of labels.
      bandwidth: h, from 0, the training spectra themselves, to 1, a normal distribution. Defaults to `0.95`.
      centres: largest number of spectra; of more, that many are chosen at random. Defaults to `512`.
      site_names: where the spectra are from; `fit` sets it. Defaults to none.
    """

    kind = "kernel"
    reported_as = "fitted"
    label = "fitted prior"

    def __init__(
        self,
        latent_dim: int,
        labels: int,
        bandwidth: float = 0.95,
        centres: int = 512,
        site_names: Sequence[str] = (),
        **kwargs,
    ):
        super().__init__(latent_dim, labels, **kwargs)
        if not 0 < bandwidth <= 1:
            raise ValueError(
                f"`bandwidth` must be above 0 and at most 1. Received: {bandwidth}. Give for example 0.95."
            )
        self.bandwidth, self.centres = float(bandwidth), check_count("centres", centres, 512)
        self.site_names = tuple(map(str, site_names))
        shapes = {
            "log_weights": (self.centres,),
            "means": (self.centres, latent_dim),
            "deviations": (self.centres, latent_dim),
            "label_means": (self.centres, labels),
            "slopes": (latent_dim, labels),
            "factor": (latent_dim, latent_dim),
            "label_whitening": (labels, labels),
            "sites": (self.centres,),
        }
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(shape=shape, initializer="zeros", name=name))
        self.factor.assign(np.eye(latent_dim))
        self.built = True

    def fit(
        self,
        latents: np.ndarray,
        labels: np.ndarray,
        seed: int = 0,
        checkpoints: Path | None = None,
        most_steps: int | None = None,
        *,
        deviations: np.ndarray | None = None,
        sites: Sequence[str] | None = None,
    ) -> None:
        """Fits the kernel.

        Args:
          latents: (spectra, latent_dim), means of the posteriors of the training spectra.
          labels: (spectra, labels), scaled.
          seed: of the choice among too many spectra. Defaults to `0`.
          checkpoints: not used; the fit takes no time.
          most_steps: not used.
          deviations: (spectra, latent_dim), of the posteriors. Defaults to `None`: 0.
          sites: name of the site of each spectrum. Defaults to `None`: not known.

        Raises:
          ValueError: if a number is not finite, or there are fewer than 4 spectra.
        """
        latents, labels = self._checked_examples(latents, labels, np.float64, at_least=4)
        deviations = np.zeros_like(latents) if deviations is None else np.asarray(deviations, np.float64)
        names, sites = np.unique([""] * len(latents) if sites is None else list(map(str, sites)), return_inverse=True)
        # A spectrum of an unknown site, whose name is "" and comes first, has the number -1.
        self.site_names = tuple(filter(None, names.tolist()))
        sites = sites - (len(names) - len(self.site_names))
        if len(latents) > self.centres:
            chosen = np.sort(np.random.default_rng([seed, self.centres]).permutation(len(latents))[: self.centres])
            latents, labels, deviations, sites = (each[chosen] for each in (latents, labels, deviations, sites))
        rows, count = np.concatenate([latents, labels], axis=1), len(latents)
        inlier = ~np.isin(np.arange(count), farthest(rows, OUTLIERS if count >= 8 else 0.0))
        means = np.broadcast_to(rows[inlier].mean(axis=0), rows.shape).copy()
        clusters = 1
        for site in np.unique(sites):
            of_site = sites == site
            if (of_site & inlier).sum() >= FEWEST_OF_A_SITE and not of_site.all():
                means[of_site], clusters = rows[of_site & inlier].mean(axis=0), clusters + 1
        spread = (rows - means)[inlier]
        covariance = self.bandwidth**2 * spread.T @ spread / max(inlier.sum() - clusters, 1)
        centres = means + np.sqrt(1 - self.bandwidth**2) * (rows - means)

        z, c = slice(None, self.latent_dim), slice(self.latent_dim, None)
        of_labels = covariance[c, c]
        of_labels = of_labels + RIDGE * np.diag(np.diag(of_labels)) + 1e-9 * np.eye(self.labels)
        precision = np.linalg.inv(of_labels)
        slopes = covariance[z, c] @ precision
        left, directions = np.linalg.eigh(covariance[z, z] - slopes @ covariance[c, z])
        padded = {
            "log_weights": np.zeros(count),
            "means": centres[:, z],
            "deviations": deviations,
            "label_means": centres[:, c],
            "sites": sites,
        }
        for name, values in padded.items():
            empty = np.full((self.centres, *values.shape[1:]), -np.inf if name == "log_weights" else 0.0)
            empty[:count] = values
            getattr(self, name).assign(empty)
        self.slopes.assign(slopes)
        self.factor.assign(directions * np.sqrt(np.maximum(left, 0.0)))
        self.label_whitening.assign(np.linalg.cholesky(precision))

    @property
    def is_fitted(self) -> bool:
        return bool(np.any(self.means.numpy()))

    def sample(self, seeds, labels, site: str | None = None):
        """Draws latents as the base class defines it; around spectra of one site only if it is named."""
        offsets, log_weights = self._at(labels, site)
        last = tf.reduce_sum(tf.cast(self.log_weights > -np.inf, tf.int32)) - 1
        centre = chosen_component(seeds, log_weights, last)
        mean = tf.gather(self.means, centre) + tf.gather(offsets, centre, batch_dims=1) @ tf.transpose(self.slopes)
        posterior = tf.gather(self.deviations, centre) * row_normal(seeds, self.latent_dim, RowStream.POSTERIOR)
        return mean + row_normal(seeds, self.latent_dim) @ tf.transpose(self.factor) + posterior

    def log_prob(self, latents, labels):
        offsets, log_weights = self._at(labels, None)
        means = self.means[None] + offsets @ tf.transpose(self.slopes)
        covariances = self.factor @ tf.transpose(self.factor) + tf.linalg.diag(tf.square(self.deviations) + LEAST)
        return log_density(latents, means, tf.linalg.cholesky(covariances), log_weights)

    def settings(self):
        return {"bandwidth": self.bandwidth, "centres": self.centres, "site_names": list(self.site_names)}

    def _at(self, labels, site):
        """Returns labels less those of the centres, (batch, centres, labels), and ln p(i | c) up to a constant."""
        offsets = labels[:, None, :] - self.label_means[None]
        distances = tf.reduce_sum(tf.square(offsets @ self.label_whitening), axis=-1)
        log_weights = self.log_weights[None] - 0.5 * distances
        if site is not None:
            number = float(self.site_names.index(check_choice("site", site, self.site_names)))
            log_weights = tf.where(self.sites[None] == number, log_weights, -np.inf)
        return offsets, log_weights
