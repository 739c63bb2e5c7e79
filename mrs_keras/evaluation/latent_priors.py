"""What a model can draw latents from."""

import dataclasses

from mrs_keras.models import CVAE


@dataclasses.dataclass(frozen=True)
class LatentPrior:
    """A distribution that latents can be drawn from.

    Attributes:
      name: argument `prior` of `CVAE.generate`, and key in `numbers.json`.
      label: what a reader sees.
    """

    name: str
    label: str


def latent_priors_of(model: CVAE) -> list[LatentPrior]:
    """Returns the latent priors of a trained model, its default first."""
    standard_normal = LatentPrior("standard_normal", "standard normal prior")
    return [LatentPrior("fitted", "fitted prior"), standard_normal] if model.has_fitted_density else [standard_normal]
