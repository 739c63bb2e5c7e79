"""The recipe of an example: from its number to its parameters, and from these to its spectrum."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.simulation.effects import Effects
from mrs_keras.simulation.linewidth import voigt_fwhm_hz
from mrs_keras.simulation.parameters import LINE_SHAPE, SCALARS, SpectralParameters
from mrs_keras.simulation.priors import Prior
from mrs_keras.simulation.spectra import Backend, simulate


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """The inputs of the simulation of some spectra.

    Attributes:
      parameters: of the spectra.
      effects: of as many spectra, or `None`.
      snr: (batch,), signal-to-noise ratios as `simulate` defines them, or `None` for no noise.
    """

    parameters: SpectralParameters
    effects: Effects | None = None
    snr: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.parameters)

    def __getitem__(self, rows) -> "Examples":
        """Returns some of the examples; `rows` is a slice or an index array."""
        effects, snr = (None if values is None else values[rows] for values in (self.effects, self.snr))
        return Examples(self.parameters[rows], effects, snr)

    def features(self) -> dict[str, np.ndarray]:
        """Returns all numbers as the features of a dataset: name -> float32 (batch, ...)."""
        eps = self.parameters.eps
        columns = {
            "concentrations": self.parameters.concentrations,
            "baseline": self.parameters.baseline,
            # Line-shape groups differ in their shifts alone.
            **{name: getattr(self.parameters, name).reshape(len(self), -1)[:, 0] for name in SCALARS},
            **({} if eps.shape[1] == 1 else {"shifts": eps[:, 1:] - eps[:, :1]}),
            **({} if self.effects is None else self.effects.values()),
        }
        if self.snr is not None:
            fwhm_hz = voigt_fwhm_hz(self.parameters.gamma, self.parameters.sigma)
            columns |= {"snr": self.snr, "linewidth_hz": fwhm_hz[:, 0]}
        return {name: column.astype(np.float32) for name, column in columns.items()}


@dataclasses.dataclass(frozen=True, eq=False)
class ExampleRecipe:
    """Draws and simulates examples; example k of a split depends only on these arguments, the split and k.

    Args:
      prior: of the parameters, the effects and the signal-to-noise ratio.
      basis: signals of the prior's metabolites, in their order.
      seed: of all draws. Defaults to `0`.
      snr: the same signal-to-noise ratio for all examples. Defaults to `None`: that of the prior, and without one no
        noise.
      backend: that computes the spectra, as in `simulate`. Defaults to `"numpy"`.
    """

    prior: Prior
    basis: Basis
    seed: int = 0
    snr: float | None = None
    backend: Backend = "numpy"

    @property
    def noisy(self) -> bool:
        """Whether the spectra carry noise."""
        return self.snr is not None or self.prior.snr is not None

    def draw(self, start: int, stop: int, split: str = "train") -> Examples:
        """Draws the examples `start` to `stop - 1` of a split."""
        key: dict[str, Any] = {"seed": self.seed, "split": split}
        parameters = self.prior.draw(self.basis, start, stop, **key)
        effects = self.prior.draw_effects(self.basis, start, stop, **key)
        if self.snr is not None:
            return Examples(parameters, effects, np.full(stop - start, self.snr))
        return Examples(parameters, effects, self.prior.draw_snr(start, stop, **key))

    def examples_of(self, features: Mapping[str, np.ndarray]) -> Examples:
        """Returns the examples, without effects, that `Examples.features` or a dataset has the features of."""
        fields = {field.name for field in dataclasses.fields(SpectralParameters)}
        known = {name: values for name, values in features.items() if name in fields}
        if self.prior.groups:
            shapes = {name: features[name].reshape(len(features[name]), -1) for name in (*LINE_SHAPE, "shifts")}
            known |= self.prior.line_shape(shapes)
        parameters = SpectralParameters(**known)
        snr = None if self.snr is None else np.full(len(parameters), self.snr)
        return Examples(parameters, snr=features.get("snr", snr))

    def draw_pairs(self, varied: tuple[str, ...], start: int, stop: int, split: str = "test") -> Examples:
        """Draws pairs of examples that differ only in the `varied` parameters; effects and noise level are equal, too.

        Args:
          varied: names among `gamma`, `sigma`, `eps`, `phi0`, `phi1`; see `Prior.draw_pairs`.
          start: number of the first pair.
          stop: one past the number of the last pair.
          split: name of the split. Defaults to `"test"`.

        Returns:
          `2 (stop - start)` examples: both of the first pair, both of the second, and so on.
        """
        both = self.draw(start, stop, split)[np.repeat(np.arange(stop - start), 2)]
        parameters = self.prior.draw_pairs(self.basis, varied, start, stop, seed=self.seed, split=split)
        return dataclasses.replace(both, parameters=parameters)

    def simulate(self, examples: Examples, start: int = 0, split: str = "train", noise: bool = True) -> np.ndarray:
        """Simulates the spectra of examples.

        Args:
          examples: of this recipe.
          start: number of the first of them in its split, for the noise. Defaults to `0`.
          split: name of the split. Defaults to `"train"`.
          noise: whether to add noise if the examples have a signal-to-noise ratio. Defaults to `True`.

        Returns:
          complex64 (batch, window_points), rising ppm.
        """
        return simulate(
            examples.parameters,
            self.basis,
            examples.effects,
            snr=examples.snr if noise else None,
            seed=self.seed,
            split=split,
            start=start,
            backend=self.backend,
            metabolite_groups=self.prior.metabolite_groups,
            # FSL-MRS as a backend has its own polynomials.
            baseline_regressors=None
            if self.prior.has_polynomial_baseline
            else self.prior.baseline_regressors(self.basis.acquisition),
        )

    def noise_sigma(self, examples: Examples) -> np.ndarray:
        """Returns the standard deviation of the real part of the noise of each example: float64 (batch,).

        Raises:
          ValueError: if the examples have no signal-to-noise ratio.
        """
        if examples.snr is None:
            raise ValueError("The examples have no noise. Expected a prior, or a recipe, with a signal-to-noise ratio.")
        clean = simulate(
            dataclasses.replace(examples.parameters, baseline=None),
            self.basis,
            metabolite_groups=self.prior.metabolite_groups,
        )
        return np.abs(clean).max(axis=1) / examples.snr
