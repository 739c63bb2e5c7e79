"""The physics of a dataset: simulates more of its spectra, and fits spectra as they ask for it."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mrs_keras.basis import Basis, basis_for
from mrs_keras.fitting.spectral_fit import SpectralFit, fit_spectra
from mrs_keras.simulation import (
    Effects,
    SpectralParameters,
    UniformPrior,
    UniformRange,
    channels_to_complex,
    complex_to_channels,
    simulate,
    simulate_with_effects,
)

LINE_PARAMETERS = ("gamma", "sigma", "eps", "phi0")
"""Parameters of a spectrum that are one number each and that a spectral fit recovers; phi1 is a nuisance of the fit."""


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetPhysics:
    """What the spectra of a dataset are made of.

    Args:
      prior: that the parameters were drawn from.
      basis: signals of the prior's metabolites, in their order.
      peak_height: the tallest metabolite peak that the prior allows, in the units of the spectrum.
      seed: of the dataset. Defaults to `0`.
      snr: the same signal-to-noise ratio for all spectra. Defaults to `None`: that of the prior, if any.
    """

    prior: UniformPrior
    basis: Basis
    peak_height: float
    seed: int = 0
    snr: float | None = None

    @classmethod
    def of(cls, metadata: Mapping, basis: Basis | None = None) -> "DatasetPhysics | None":
        """Returns the physics of a dataset, or `None` where it has no prior of all parameters or no basis.

        Args:
          metadata: of the dataset (`builder.info.metadata` of `simulated_mrs`).
          basis: that the dataset was built from. Defaults to `None`: this package's own.

        Raises:
          ValueError: if the basis lacks a metabolite, or is of another acquisition.
        """
        if "basis" not in metadata or "gamma" not in metadata.get("prior", {}):
            return None
        names = list(metadata["metabolites"])
        basis = basis_for(names) if basis is None else basis.select(names)
        if basis.acquisition.to_dict() != metadata["acquisition"]:
            raise ValueError(
                "The spectra must be fitted with a basis of their acquisition. "
                f"Expected: {metadata['acquisition']}. Received: {basis.acquisition.to_dict()}. "
                "Give the basis that the dataset was built from, as `evaluate(..., basis=read_basis(path))`."
            )
        prior = UniformPrior.from_dict(metadata["prior"])
        return cls(prior, basis, metadata["peak_height"], metadata["seed"], metadata["snr"])

    @property
    def noisy(self) -> bool:
        """Whether the spectra carry noise."""
        return self.snr is not None or self.prior.snr is not None

    @property
    def exact(self) -> bool:
        """Whether the spectra are those of the physical model and nothing else: no noise and no effects."""
        return not self.noisy and not self.prior.effects

    def range_of(self, name: str) -> UniformRange:
        """Returns the training range of a parameter or of a metabolite's concentration."""
        return self.prior.concentrations[name] if name in self.prior.concentrations else getattr(self.prior, name)

    def width_of(self, name: str) -> float:
        """Returns the width of a training range, that of `"baseline"` as a fraction of `peak_height`."""
        return self.range_of(name).high - self.range_of(name).low

    def fit(self, spectra: np.ndarray) -> SpectralFit:
        """Fits spectra, float (batch, points, 2), over the dataset's range of phi1 and order of the baseline."""
        return fit_spectra(channels_to_complex(spectra), self.basis, **self.fit_options)

    @property
    def fit_options(self) -> dict:
        """Arguments of `fit_spectra` that the prior sets."""
        phi1 = self.prior.phi1
        return {"baseline_order": self.prior.baseline_order, "phi1_limit": max(abs(phi1.low), abs(phi1.high))}

    def values(self, parameters: SpectralParameters) -> dict[str, np.ndarray]:
        """Returns what is judged: `LINE_PARAMETERS`, each (batch,), and a metabolite each (batch,), mM.

        Besides `"baseline"`, (batch, coefficients), as fractions of `peak_height`.
        """
        return {
            **{name: getattr(parameters, name).reshape(len(parameters)) for name in LINE_PARAMETERS},
            **dict(zip(self.prior.metabolites, parameters.concentrations.T, strict=True)),
            "baseline": parameters.baseline / self.peak_height,
        }

    def draw(self, count: int, split: str) -> tuple[SpectralParameters, np.ndarray]:
        """Draws parameters from the prior and simulates their spectra: float32 (count, points, 2)."""
        parameters = self.prior.draw(self.basis, 0, count, seed=self.seed, split=split)
        return parameters, self.simulate(parameters, np.arange(count), split)

    def simulate(self, parameters: SpectralParameters, rows: np.ndarray, split: str, noise: bool = True) -> np.ndarray:
        """Simulates spectra with the effects, and the signal-to-noise ratio, of some rows of a split.

        Args:
          parameters: of the spectra.
          rows: int (batch,), the row of the split whose effects and signal-to-noise ratio a spectrum takes; the noise
            itself differs from spectrum to spectrum.
          split: name of the split.
          noise: Defaults to `True`: where the dataset has some.

        Returns:
          float32 (batch, points, 2).
        """
        count = int(rows.max()) + 1
        effects: Effects | None = self.prior.draw_effects(self.basis, 0, count, seed=self.seed, split=split)
        snr = self.snr_of(count, split)
        spectra = simulate_with_effects(
            parameters,
            self.basis,
            None if effects is None else effects[rows],
            snr=snr[rows] if noise and snr is not None else None,
            seed=self.seed,
            split=split,
        )
        return complex_to_channels(spectra)

    def snr_of(self, count: int, split: str) -> np.ndarray | None:
        """Returns the signal-to-noise ratios of the first examples of a split, (count,), or `None` without noise."""
        if self.snr is not None:
            return np.full(count, self.snr)
        return self.prior.draw_snr(0, count, seed=self.seed, split=split)

    def noise_level(self, parameters: SpectralParameters, snr: np.ndarray | float) -> np.ndarray:
        """Returns the standard deviation of the noise, of the real part, in spectra of these parameters: (batch,)."""
        clean = simulate(dataclasses.replace(parameters, baseline=None), self.basis)
        return np.abs(clean).max(axis=1) / snr


def true_parameters(examples: Mapping[str, np.ndarray]) -> SpectralParameters:
    """Returns the true parameters of examples of the dataset, as `load_arrays` gives them."""
    fields = {field.name for field in dataclasses.fields(SpectralParameters)}
    return SpectralParameters(**{name: values for name, values in examples.items() if name in fields})
