"""The physics of a dataset: simulates more of its spectra, and fits spectra over its ranges."""

import dataclasses
import functools
from collections.abc import Mapping

import numpy as np

from mrs_keras.basis import Basis, basis_for
from mrs_keras.data.description import DatasetDescription
from mrs_keras.evaluation.in_vivo_physics import fit_as_in_vivo
from mrs_keras.fitting import SpectralFit, fit_spectra
from mrs_keras.simulation import (
    Distribution,
    ExampleRecipe,
    Examples,
    Prior,
    SpectralParameters,
    UniformRange,
    channels_to_complex,
    complex_to_channels,
)

LINE_PARAMETERS = ("gamma", "sigma", "eps", "phi0")
"""Parameters of a spectrum that are one number each and that every fit recovers; phi1 is a nuisance of some."""

NOISE_SAMPLE = 256
"""Number of drawn examples whose median noise level a fit in vivo assumes for all spectra."""


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetPhysics:
    """The physical model of a dataset's spectra.

    Args:
      recipe: that the spectra were simulated by.
      peak_height: the tallest metabolite peak that the prior allows, in the units of the spectrum.
      fitted: number of spectra of a set that an evaluation fits. Defaults to `None`: see `fitted_spectra`.
    """

    recipe: ExampleRecipe
    peak_height: float
    fitted: int | None = None

    @classmethod
    def of(cls, description: DatasetDescription, basis: Basis | None = None) -> "DatasetPhysics | None":
        """Returns the physics of a dataset, or `None` if its prior or basis is not known.

        Args:
          description: of the dataset.
          basis: that the dataset was built from. Defaults to `None`: made again from its origin in the description,
            and if that is not known, this package's own.

        Raises:
          FileNotFoundError: if the dataset's basis came from a file that is missing.
          ValueError: if the basis lacks a metabolite, or is of another acquisition.
        """
        prior = description.prior
        if prior is None or (basis is None and description.basis is None):
            return None
        if basis is None:
            basis = description.own_basis() or basis_for(description.metabolites)
        recipe = description.recipe(basis)
        if recipe.basis.acquisition != description.acquisition:
            raise ValueError(
                "The spectra must be fitted with a basis of their acquisition. "
                f"Expected: {description.acquisition}. Received: {recipe.basis.acquisition}. "
                "Give the basis that the dataset was built from, as `evaluate(..., basis=read_basis(path))`."
            )
        return cls(recipe, description.spectrum_scale)

    @property
    def prior(self) -> Prior:
        """Prior that the parameters were drawn from."""
        return self.recipe.prior

    @property
    def basis(self) -> Basis:
        """Signals of the prior's metabolites, in their order."""
        return self.recipe.basis

    @property
    def noisy(self) -> bool:
        """Whether the spectra carry noise."""
        return self.recipe.noisy

    @property
    def exact(self) -> bool:
        """Whether the fit models the spectra exactly: they are without noise, effects and spline baseline."""
        return not self.noisy and not self.prior.effects and not self.in_vivo

    @property
    def in_vivo(self) -> bool:
        """Whether it takes the fit of in-vivo spectra: the prior has a spline baseline, a residual, or groups."""
        return not self.prior.has_polynomial_baseline or bool(self.prior.groups)

    @property
    def uniform(self) -> bool:
        """Whether each of `compared` has a uniform training range, which fitted values can be compared with."""
        names = (*LINE_PARAMETERS, "baseline")
        return not self.in_vivo and all(isinstance(self.range_of(name), UniformRange) for name in names)

    @property
    def compared(self) -> tuple[str, ...]:
        """Names of the fitted parameters that are compared, beside the concentrations.

        A fit in vivo has splines of its own, whose coefficients are not those of the prior.
        """
        if self.in_vivo:
            return (*LINE_PARAMETERS, "phi1")
        return (*LINE_PARAMETERS, "baseline") if self.uniform else LINE_PARAMETERS

    def range_of(self, name: str) -> Distribution:
        """Returns the training range of a parameter or of a metabolite's concentration."""
        return self.prior.leaf(name)

    def width_of(self, name: str) -> float:
        """Returns the width of a training range, that of `"baseline"` as a fraction of `peak_height`."""
        return self.range_of(name).high - self.range_of(name).low

    def fit(self, spectra: np.ndarray) -> SpectralFit:
        """Fits spectra, float (batch, points, 2), over the dataset's range of phi1 and order of the baseline.

        Those of a prior with a spline baseline or groups are fitted as in vivo, all with one noise level, so that no
        set of spectra has an advantage.
        """
        if self.in_vivo:
            return fit_as_in_vivo(channels_to_complex(spectra), self.prior, self.basis, self.typical_noise)
        return fit_spectra(channels_to_complex(spectra), self.basis, **self.fit_options)

    @functools.cached_property
    def typical_noise(self) -> float:
        """Median noise level; without noise, a small fraction of the tallest peak."""
        if not self.noisy:
            return 1e-3 * self.peak_height
        return float(np.median(self.recipe.noise_sigma(self.recipe.draw(0, NOISE_SAMPLE, "noise of fits"))))

    @property
    def fit_options(self) -> dict:
        """Arguments of `fit_spectra` that the prior sets."""
        phi1 = self.prior.phi1
        return {"baseline_order": self.prior.baseline_order, "phi1_limit": max(abs(phi1.low), abs(phi1.high))}

    def values(self, parameters: SpectralParameters) -> dict[str, np.ndarray]:
        """Returns the evaluated parameters: `compared` and each metabolite, mM, each (batch,).

        `"baseline"` is (batch, coefficients), as fractions of `peak_height`. Of line-shape groups, the first counts.
        """
        lines = [name for name in self.compared if name != "baseline"]
        values = {
            **{name: getattr(parameters, name).reshape(len(parameters), -1)[:, 0] for name in lines},
            **dict(zip(self.prior.metabolites, parameters.concentrations.T, strict=True)),
        }
        if "baseline" in self.compared:
            values["baseline"] = parameters.baseline / self.peak_height
        return values

    def true_parameters(self, examples: Mapping[str, np.ndarray]) -> SpectralParameters:
        """Returns the true parameters of examples of the dataset, as `load_arrays` gives them."""
        return self.recipe.examples_of(examples).parameters

    def draw(self, count: int, split: str) -> tuple[SpectralParameters, np.ndarray]:
        """Draws parameters from the prior and simulates their spectra: float32 (count, points, 2)."""
        examples = self.recipe.draw(0, count, split)
        return examples.parameters, self.simulate(examples, split)

    def simulate(self, examples: Examples, split: str, noise: bool = True) -> np.ndarray:
        """Simulates spectra: float32 (batch, points, 2).

        Args:
          examples: what they are simulated from.
          split: that their noise belongs to; it differs from spectrum to spectrum.
          noise: whether to add noise if the dataset has some. Defaults to `True`.
        """
        return complex_to_channels(self.recipe.simulate(examples, 0, split, noise))

    def noise_level(self, parameters: SpectralParameters, snr: np.ndarray | float) -> np.ndarray:
        """Returns the standard deviation of the noise, of the real part, in spectra of these parameters: (batch,)."""
        return self.recipe.noise_sigma(Examples(parameters, snr=snr))
