"""The numbers of spectra in an evaluation."""

import dataclasses
from typing import Self

from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.topic import Split, Topic
from mrs_keras.simulation import UNITS

GENERATED = 2000
"""Number of spectra generated with each latent prior, and simulated as a reference."""

FITTED_WITH_NOISE = 300
"""Number of spectra of a set that are fitted if the data have noise or effects, which limit the fit."""


def fitted_spectra(physics: DatasetPhysics | None) -> int:
    """Returns how many spectra of a set are fitted."""
    if physics is None:
        return 0
    if physics.fitted is not None:
        return physics.fitted
    return GENERATED if physics.exact else FITTED_WITH_NOISE


def set_size(physics: DatasetPhysics | None) -> int:
    """Returns how many spectra are generated with each latent prior, and simulated: enough for the fits."""
    return max(GENERATED, fitted_spectra(physics))


@dataclasses.dataclass(frozen=True)
class Scope(Topic):
    """The numbers of spectra, and the units of the results.

    Attributes:
      validation: spectra of the validation split.
      fitted: spectra of a set that are fitted.
      generated: spectra generated with each latent prior.
    """

    validation: int
    fitted: int
    generated: int

    @classmethod
    def measure(cls, physics: DatasetPhysics | None, validation: Split) -> Self:
        """Counts the spectra."""
        return cls(len(validation["spectrum"]), fitted_spectra(physics), set_size(physics))

    def numbers(self) -> dict:
        return {
            "spectra": {"validation": self.validation, "generated": self.generated, "fitted": self.fitted},
            "units": {**UNITS, "linewidth": "Hz"},
        }
