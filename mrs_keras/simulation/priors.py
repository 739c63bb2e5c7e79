"""Uniform priors over the physical parameters, and the draws from them."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_choice, check_count
from mrs_keras.simulation.effect_parameters import WATER, Effects, check_together
from mrs_keras.simulation.forward import forward_model
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.simulation.parameters import SpectralParameters

NOT_NEGATIVE = ("water_height", "water_gamma", "water_sigma")


@dataclasses.dataclass(frozen=True)
class UniformRange:
    """A uniform distribution from `low` to `high`, with its unit and where it comes from.

    Raises:
      ValueError: if `low > high`, or an end is not finite.
    """

    low: float
    high: float
    unit: str = ""
    source: str = ""

    def __post_init__(self):
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= self.high):
            raise ValueError(
                f"A prior range must be finite with low <= high. Received: low={self.low}, high={self.high} "
                f"{self.unit}. Give for example UniformRange(2.0, 25.0)."
            )

    def quantile(self, fraction):
        """Returns `low + fraction (high - low)`: 0 gives the low end, 1 the high end."""
        return self.low + (self.high - self.low) * fraction


@dataclasses.dataclass(frozen=True)
class UniformPrior:
    """Independent uniform ranges of all physical parameters of `SpectralParameters`, and of `Effects` where given.

    Args:
      concentrations: metabolite name -> range in mM.
      gamma: Lorentzian decay rate, 1/s.
      sigma: Gaussian decay rate, 1/s.
      eps: frequency shift, rad/s.
      phi0: zero-order phase, rad.
      phi1: first-order phase, rad/Hz.
      baseline: each baseline coefficient, as a fraction of `peak_height`: the tallest metabolite peak that the prior
        allows.
      baseline_order: order of the baseline polynomial, which has 2 (order + 1) real coefficients. Defaults to `4`.
      description: one line.
      effects: field of `Effects` -> range; `water_height` as a multiple of `peak_height`. Defaults to `{}`: none.
      water_lines: lines of residual water, each drawn from the same ranges. Defaults to `1`.
      snr: signal-to-noise ratio as `simulate` defines it. Defaults to `None`: the prior says nothing about noise.

    Example:

    >>> prior = UniformPrior.from_preset("naa_pcr")
    >>> prior.draw(default_basis(), 0, 8, seed=0).concentrations.shape
    (8, 2)
    """

    concentrations: Mapping[str, UniformRange]
    gamma: UniformRange
    sigma: UniformRange
    eps: UniformRange
    phi0: UniformRange
    phi1: UniformRange
    baseline: UniformRange
    baseline_order: int = 4
    description: str = ""
    effects: Mapping[str, UniformRange] = dataclasses.field(default_factory=dict)
    water_lines: int = 1
    snr: UniformRange | None = None

    def __post_init__(self):
        if not self.concentrations:
            raise ValueError("`concentrations` must name at least one metabolite. Received an empty mapping.")
        check_count("baseline_order", self.baseline_order, 4, at_least=0)
        check_count("water_lines", self.water_lines, 3)
        check_together(self.effects)
        positive = {name: self.effects[name] for name in NOT_NEGATIVE if name in self.effects}
        for name, smallest in {**self.concentrations, "gamma": self.gamma, "sigma": self.sigma, **positive}.items():
            if smallest.low < 0:
                raise ValueError(f"The prior of {name} must not be negative. Received: low={smallest.low}.")
        for name, smallest in {"snr": self.snr, **self.effects}.items():
            if name in ("snr", "eddy_time_constant_s") and smallest is not None and smallest.low <= 0:
                raise ValueError(f"The prior of {name} must be above 0. Received: low={smallest.low}.")

    @classmethod
    def from_preset(cls, name: str) -> "UniformPrior":
        """Returns a named prior of `PRIOR_PRESETS`.

        Raises:
          ValueError: if there is no such preset; the message lists them.
        """
        from mrs_keras.simulation.prior_presets import PRIOR_PRESETS

        return PRIOR_PRESETS[check_choice("preset", name, PRIOR_PRESETS)]

    @classmethod
    def from_dict(cls, content: Mapping) -> "UniformPrior":
        """Returns the prior that `to_dict` made plain, without the sources of its ranges.

        Raises:
          ValueError: if a range is not finite or out of order.
        """
        fields = {field.name for field in dataclasses.fields(cls)}
        content = {name: value for name, value in content.items() if name in fields}
        for name, value in content.items():
            if isinstance(value, Mapping):
                content[name] = {key: UniformRange(*limits) for key, limits in value.items()}
            elif isinstance(value, list | tuple):
                content[name] = UniformRange(*value)
        return cls(**content)

    @property
    def metabolites(self) -> tuple[str, ...]:
        """Names of the metabolites, in the order of the concentrations."""
        return tuple(self.concentrations)

    def basis(self, basis: Basis) -> Basis:
        """Returns the prior's metabolites from `basis`, scaled as FSL-MRS scales them."""
        return basis.select(self.metabolites).scaled()

    def peak_height(self, basis: Basis) -> float:
        """Returns the tallest metabolite peak that the prior allows, in the units of the spectrum.

        It is the largest magnitude, over metabolites and over frequency, of a metabolite's spectrum at its highest
        concentration and the narrowest line shape.

        Args:
          basis: signals that hold the prior's metabolites; scaled here.
        """
        highest = np.diag([limits.high for limits in self.concentrations.values()])
        size = len(highest)
        parameters = SpectralParameters(
            concentrations=highest,
            gamma=np.full(size, self.gamma.low),
            sigma=np.full(size, self.sigma.low),
            eps=np.zeros(size),
            phi0=np.zeros(size),
            phi1=np.zeros(size),
        )
        groups = [0] * size
        return float(np.abs(forward_model(parameters, self.basis(basis), metabolite_groups=groups)).max())

    def draw(self, basis: Basis, start: int, stop: int, *, seed: int, split: str = "train") -> SpectralParameters:
        """Draws the parameters of the examples `start` to `stop - 1` of a split.

        Example k depends on (seed, split, k) alone. Each parameter has a stream of its own: a change to one range
        leaves the draws of the others as they were.

        Args:
          basis: signals that hold the prior's metabolites; they give the height of the baseline.
          start: index of the first example.
          stop: one past the index of the last example.
          seed: integer.
          split: name of the split. Defaults to `"train"`.

        Returns:
          `SpectralParameters` of `stop - start` spectra, with one line-shape group.
        """

        def draw(name, *ranges):
            return _draw(ranges, start, stop, seed, split, name)

        coefficients = [self.baseline] * (2 * (self.baseline_order + 1))
        return SpectralParameters(
            concentrations=np.concatenate(
                [draw(f"concentration/{name}", limits) for name, limits in self.concentrations.items()], axis=1
            ),
            **{name: draw(name, getattr(self, name)) for name in ("gamma", "sigma", "eps")},
            **{name: draw(name, getattr(self, name))[:, 0] for name in ("phi0", "phi1")},
            baseline=draw("baseline", *coefficients) * self.peak_height(basis),
        )

    def draw_effects(self, basis: Basis, start: int, stop: int, *, seed: int, split: str = "train") -> Effects | None:
        """Draws the effects of the examples `start` to `stop - 1` of a split, as `draw` draws their parameters.

        Args:
          basis: signals that hold the prior's metabolites; they give the height of the water.
          start: as in `draw`.
          stop: as in `draw`.
          seed: as in `draw`.
          split: as in `draw`.

        Returns:
          `Effects` of `stop - start` spectra, or `None` if the prior has none.
        """
        if not self.effects:
            return None
        drawn = {}
        for name, limits in self.effects.items():
            columns = self.water_lines if name in WATER else 1
            values = _draw([limits] * columns, start, stop, seed, split, f"effect/{name}")
            drawn[name] = values if name in WATER else values[:, 0]
        if "water_height" in drawn:
            drawn["water_height"] *= self.peak_height(basis)
        return Effects(**drawn)

    def draw_snr(self, start: int, stop: int, *, seed: int, split: str = "train") -> np.ndarray | None:
        """Draws the signal-to-noise ratios of the examples `start` to `stop - 1` of a split, as `draw` does.

        Returns:
          float64 (stop - start,), or `None` if the prior has none.
        """
        return None if self.snr is None else _draw([self.snr], start, stop, seed, split, "snr")[:, 0]

    def draw_pairs(
        self, basis: Basis, varied: tuple[str, ...], start: int, stop: int, *, seed: int, split: str = "test"
    ) -> SpectralParameters:
        """Draws pairs of spectra that are alike but for the `varied` parameters.

        The first of a pair has the varied parameters at 10 % of their ranges, the second at 90 %.

        Args:
          basis: as in `draw`.
          varied: names among `gamma`, `sigma`, `eps`, `phi0`, `phi1`.
          start: index of the first pair.
          stop: one past the index of the last pair.
          seed: integer.
          split: name of the split. Defaults to `"test"`.

        Returns:
          `SpectralParameters` of `2 (stop - start)` spectra: both of the first pair, both of the second, and so on.
        """
        for name in varied:
            check_choice("varied", name, ("gamma", "sigma", "eps", "phi0", "phi1"))
        pairs = self.draw(basis, start, stop, seed=seed, split=split)
        parameters = pairs[np.repeat(np.arange(len(pairs)), 2)]
        ends = np.tile([0.1, 0.9], len(pairs))
        replaced = {}
        for name in varied:
            values = getattr(self, name).quantile(ends)
            replaced[name] = values.reshape(getattr(parameters, name).shape)
        return dataclasses.replace(parameters, **replaced)

    def to_dict(self) -> dict:
        """Returns the prior as plain JSON data: ranges as [low, high]."""

        def plain(limits):
            return [limits.low, limits.high]

        return {
            "concentrations": {name: plain(limits) for name, limits in self.concentrations.items()},
            **{
                field.name: plain(value)
                for field in dataclasses.fields(self)
                if isinstance(value := getattr(self, field.name), UniformRange)
            },
            "baseline_order": self.baseline_order,
            **(
                {
                    "effects": {name: plain(limits) for name, limits in self.effects.items()},
                    "water_lines": self.water_lines,
                }
                if self.effects
                else {}
            ),
        }


def _draw(ranges: Sequence[UniformRange], start: int, stop: int, *key: object) -> np.ndarray:
    """Draws one number per range and index: float64 (stop - start, ranges)."""
    start, stop = check_count("start", start, 0, at_least=0), check_count("stop", stop, 8, at_least=0)
    if stop < start:
        raise ValueError(f"`stop` must not be below `start`. Received: start={start}, stop={stop}.")
    check_count("seed", key[0], 0, at_least=0)
    uniform = keyed_uniform(start, stop, len(ranges), *key)
    return np.stack([limits.quantile(column) for limits, column in zip(ranges, uniform.T, strict=True)], axis=1)
