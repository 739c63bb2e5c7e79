"""The sets of spectra that are compared with the data: generated with each latent prior, and simulated."""

import dataclasses

import numpy as np

from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.diverged import check_finite_output
from mrs_keras.evaluation.scope import set_size
from mrs_keras.models import CVAE, LatentPrior
from mrs_keras.random_streams import EVALUATED_LABELS
from mrs_keras.simulation import UniformRange
from mrs_keras.simulation.keyed_random import keyed_uniform


@dataclasses.dataclass(frozen=True, eq=False)
class SpectrumSet:
    """Spectra from one source, each with the requested concentrations.

    Attributes:
      name: key in `numbers.json`: the name of the latent prior, or `"simulated"`.
      label: in tables and figures.
      spectra: float32 (batch, points, 2), in the units of the data.
      requested: float64 (batch, metabolites), mM.
    """

    name: str
    label: str
    spectra: np.ndarray
    requested: np.ndarray


def generated_set(model: CVAE, prior: LatentPrior, physics: DatasetPhysics | None) -> SpectrumSet:
    """Generates spectra at the concentrations of `requested_concentrations`.

    Raises:
      RuntimeError: if a spectrum is not finite.
    """
    requested = requested_concentrations(model, physics)
    spectra = model.generate(requested, seed=0, prior=prior.name)["spectrum"]
    check_finite_output(f"generated spectra, {prior.label}", spectra)
    return SpectrumSet(prior.name, prior.label, spectra, requested)


def simulated_set(physics: DatasetPhysics | None) -> SpectrumSet | None:
    """Simulates as many spectra as are generated, as a perfect generator would do; `None` without physics."""
    if physics is None:
        return None
    parameters, spectra = physics.draw(set_size(physics), "reference")
    return SpectrumSet("simulated", "simulated spectra", spectra, parameters.concentrations)


def spectra_of_prior(physics: DatasetPhysics) -> np.ndarray:
    """Simulates more spectra, as many as in a set, that others are compared with: float32 (batch, points, 2)."""
    return physics.draw(set_size(physics), "compared with")[1]


def requested_concentrations(model: CVAE, physics: DatasetPhysics | None) -> np.ndarray:
    """Returns the concentrations that spectra are generated at: float64 (batch, metabolites), mM.

    Uniformly drawn from the trained ranges if these are all that is known, or all that the prior has; else drawn from
    the prior, in which they depend on each other, and moved into the trained ranges, which unbounded distributions
    exceed in 1 of 1,000 cases at each end.
    """
    count = set_size(physics)
    if physics is None or all(isinstance(leaf, UniformRange) for leaf in physics.prior.concentrations.values()):
        return uniform_concentrations(model, count)
    drawn = physics.recipe.draw(0, count, EVALUATED_LABELS).parameters.concentrations
    return np.clip(drawn, model.labels.low, model.labels.high)


def uniform_concentrations(model: CVAE, count: int, seed: int = 0) -> np.ndarray:
    """Returns concentrations drawn uniformly from the trained ranges: float64 (count, metabolites), mM."""
    low, high = model.labels.low, model.labels.high
    return low + (high - low) * keyed_uniform(0, count, len(low), seed, EVALUATED_LABELS)
