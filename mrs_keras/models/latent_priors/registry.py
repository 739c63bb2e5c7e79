"""The latent priors by name."""

from collections.abc import Mapping

from mrs_keras.checks import check_choice
from mrs_keras.models.latent_priors.flow import FlowPrior
from mrs_keras.models.latent_priors.kernel import KernelPrior
from mrs_keras.models.latent_priors.latent_prior import LatentPrior
from mrs_keras.models.latent_priors.mixture import GaussianMixturePrior
from mrs_keras.models.latent_priors.standard_normal import StandardNormalPrior

LATENT_PRIORS: dict[str, type[LatentPrior]] = {
    prior.kind: prior for prior in (StandardNormalPrior, GaussianMixturePrior, FlowPrior, KernelPrior)
}
"""`kind` -> class."""


def make_latent_prior(prior: str | Mapping, latent_dim: int, labels: int) -> LatentPrior:
    """Creates an unfitted latent prior.

    Args:
      prior: its kind, such as `"standard_normal"`, or its kind and arguments, such as
        `{"kind": "mixture", "components": 16}`.
      latent_dim: number of latents.
      labels: number of labels.

    Raises:
      ValueError: if the kind is unknown, or does not take these arguments.
    """
    arguments = {"kind": prior} if isinstance(prior, str) else dict(prior)
    kind = check_choice("latent_prior", arguments.pop("kind", None), LATENT_PRIORS)
    try:
        return LATENT_PRIORS[kind](latent_dim, labels, **arguments)
    except TypeError as error:
        raise ValueError(f"The latent prior {kind!r} does not take these arguments: {error}") from error
