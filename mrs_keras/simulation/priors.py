"""Priors over the physical parameters, and draws from them."""

import dataclasses
import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_choice, check_count, check_positive
from mrs_keras.files import replacing
from mrs_keras.simulation.distributions import Distribution, UniformRange
from mrs_keras.simulation.effects import EFFECT_PARAMETERS, Effects
from mrs_keras.simulation.forward import forward_model
from mrs_keras.simulation.joint_distributions import Member, Scaled
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.simulation.parameters import LINE_SHAPE, SCALARS, SpectralParameters
from mrs_keras.simulation.prior_leaves import PriorLeaves, shift_name
from mrs_keras.simulation.prior_presets import PRESETS_MHZ, PRIOR_PRESETS
from mrs_keras.simulation.priors_as_json import prior_from_plain, prior_to_plain

FITTED_KEY = "fitted_to"
"""Key that tells a fitted prior in JSON."""

NOTICE_KEY = "notice"
"""Key of `Prior.notice` in JSON; it is written for readers, and not read back."""


@dataclasses.dataclass(frozen=True)
class Prior(PriorLeaves):
    """The distribution of all physical parameters of `SpectralParameters`, and of `Effects` if given.

    Its leaves are distributions: `UniformRange`, `Normal`, `LogNormal`, `Fixed`, and members of joint ones
    (`JointNormal`, `GaussianCopula`, `Empirical`, `Kernel`). Leaves are independent, unless they are members of the
    same joint distribution.

    Args:
      concentrations: metabolite name -> distribution, mM.
      gamma: Lorentzian decay rate, 1/s.
      sigma: Gaussian decay rate, 1/s.
      eps: frequency shift, rad/s.
      phi0: zero-order phase, rad.
      phi1: first-order phase, rad/Hz.
      baseline: each baseline coefficient, as a fraction of `peak_height`: the tallest metabolite peak that the prior
        allows. One distribution for all, or one for each real coefficient (real0, imag0, real1, imag1, ...).
      baseline_order: order of the baseline polynomial, which has 2 (order + 1) real coefficients. Defaults to `4`.
      description: one line.
      effects: field of `Effects` -> distribution; `water_height` as a multiple of `peak_height`. Defaults to none.
      water_lines: lines of residual water, each drawn from the same distributions. Defaults to `1`.
      snr: signal-to-noise ratio as `simulate` defines it. Defaults to `None`: the prior does not define the noise.
      baseline_splines: makes the baseline a sum of splines, with 2 real coefficients each. Defaults to `None`: it is a
        polynomial.
      groups: name -> metabolites that share a frequency shift of their own; the others have none. Defaults to none.
      shifts: name of each group -> its frequency shift, rad/s, beside `eps`. Defaults to none.

    Raises:
      ValueError: if a distribution allows invalid values, a parameter of an effect is missing, or groups overlap, lack
        a shift or leave no metabolite.

    Example:

    >>> prior = Prior.from_preset("naa_pcr")
    >>> prior.draw(default_basis(), 0, 8, seed=0).concentrations.shape
    (8, 2)
    """

    @classmethod
    def from_preset(cls, name: str, spectrometer_frequency_mhz: float = PRESETS_MHZ) -> "Prior":
        """Returns a named prior of `PRIOR_PRESETS`.

        Args:
          name: of the preset.
          spectrometer_frequency_mhz: of the spectra, MHz; see `for_frequency`. Defaults to `123.2`, for which the
            presets are written.

        Raises:
          ValueError: if there is no such preset, with a list of them, or the frequency is not positive.
        """
        prior = cls(**PRIOR_PRESETS[check_choice("preset", name, PRIOR_PRESETS)])
        return prior.for_frequency(spectrometer_frequency_mhz)

    def for_frequency(self, spectrometer_frequency_mhz: float, of_mhz: float = PRESETS_MHZ) -> "Prior":
        """Returns the prior for another spectrometer frequency (choice of this package).

        What is constant in ppm is multiplied by the ratio of the frequencies: shifts and drift (`eps`,
        `water_shift_hz`, `drift_hz`), and line widths (`gamma`, `sigma`, `water_gamma`, `water_sigma`): in vivo,
        differences of magnetic susceptibility widen lines in proportion to the field (on shimming see Juchem et al.
        2021, doi 10.1002/nbm.4350). The rest is unchanged: concentrations, phases, heights relative to the metabolites,
        the SNR, `phi1` (a delay of the receiver), and eddy currents, whose field comes from the gradients.

        Args:
          spectrometer_frequency_mhz: of the new prior, MHz.
          of_mhz: frequency that this prior is for, MHz. Defaults to `123.2`, that of the presets.

        Raises:
          ValueError: if a frequency is not positive.

        Example:

        >>> Prior.from_preset("naa_pcr").for_frequency(246.4).eps.high
        40.0
        """
        new_mhz = check_positive("spectrometer_frequency_mhz", spectrometer_frequency_mhz, 297.2)
        factor = new_mhz / check_positive("of_mhz", of_mhz, PRESETS_MHZ)
        if factor == 1:
            return self
        growing = {name: factor for name, parameter in self.definitions().items() if parameter.grows_with_field}
        joints: dict[int, Any] = {}

        def converted(name: str, leaf: Distribution) -> Distribution:
            if isinstance(leaf, Scaled):
                return dataclasses.replace(leaf, member=converted(name, leaf.member))
            if not isinstance(leaf, Member):
                return leaf.times(factor) if name in growing else leaf
            if id(leaf.joint) not in joints:
                joints[id(leaf.joint)] = leaf.joint.times(growing)
            return dataclasses.replace(leaf, joint=joints[id(leaf.joint)])

        return dataclasses.replace(
            self,
            concentrations={name: converted(name, leaf) for name, leaf in self.concentrations.items()},
            effects={name: converted(name, leaf) for name, leaf in self.effects.items()},
            **{name: converted(name, getattr(self, name)) for name in SCALARS},
            baseline=converted("baseline", self.baseline)
            if isinstance(self.baseline, Distribution)
            else tuple(converted(name, self.leaf(name)) for name in self.baseline_names),
            snr=None if self.snr is None else converted("snr", self.snr),
            shifts={name: converted(shift_name(name), leaf) for name, leaf in self.shifts.items()},
        )

    @classmethod
    def of(cls, prior: "str | Mapping | Prior") -> "Prior":
        """Returns a prior from a `Prior`, the name of a preset, a file that `save` wrote, or the output of `to_dict`.

        Raises:
          ValueError: if it is none of these; the message lists the presets.
        """
        if isinstance(prior, Prior):
            return prior
        if isinstance(prior, Mapping):
            return cls.from_dict(prior)
        # A preset takes precedence over a file of that name.
        return cls.load(prior) if prior not in PRIOR_PRESETS and Path(prior).exists() else cls.from_preset(prior)

    @classmethod
    def from_dict(cls, content: Mapping) -> "Prior":
        """Returns the prior from the output of `to_dict`, without the units and references of its leaves.

        Raises:
          ValueError: if a field is missing, unknown or invalid.
        """
        if cls is Prior and FITTED_KEY in content:
            from mrs_keras.simulation.fitted_prior import FittedPrior  # a prior itself

            cls = FittedPrior
        fields = {field.name: field for field in dataclasses.fields(cls)}
        needed = [name for name, field in fields.items() if field.default is field.default_factory]
        content = {name: value for name, value in content.items() if name != NOTICE_KEY}
        unknown = sorted(set(content) - set(fields) - {"joints"})
        missing = [name for name in needed if name not in content]
        if unknown or missing:
            raise ValueError(
                f"A prior must have {', '.join(needed)}; it may have {', '.join(set(fields) - set(needed))}. "
                f"Missing: {', '.join(missing) or 'none'}. Unknown: {', '.join(unknown) or 'none'}. "
                "`Prior.from_preset('naa_pcr').save('prior.json')` writes one to start from."
            )
        return cls(**prior_from_plain(content))

    def to_dict(self) -> dict:
        """Returns the prior as plain JSON data: uniform ranges as [low, high]."""
        return prior_to_plain(self)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Prior":
        """Reads a prior that was written by `save` or by hand.

        Raises:
          FileNotFoundError: if there is no such file.
          ValueError: if it is not valid JSON, or not a prior.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError, AttributeError, KeyError, IndexError) as error:
            raise ValueError(f"The file '{os.fspath(path)}' is not a valid prior: {error}") from error

    def save(self, path: str | os.PathLike) -> None:
        """Writes the prior as JSON; `load` reads it back."""
        with replacing(Path(path)) as partial:
            partial.write_text(json.dumps(self.to_dict(), indent=2) + "\n", encoding="utf-8")

    # === Contents ===

    @property
    def notice(self) -> str:
        """What users must know who pass the prior on, or what is drawn from it; `""` if there is nothing."""
        return ""

    def without(self, names: Iterable[str]) -> "Prior":
        """Returns the prior without some of its metabolites, such as those that a basis lacks.

        Raises:
          ValueError: if no metabolite is left that is in no group: `eps` is the shift of those.
        """
        kept = {name: leaf for name, leaf in self.concentrations.items() if name not in set(names)}
        groups = {group: tuple(name for name in members if name in kept) for group, members in self.groups.items()}
        groups = {group: members for group, members in groups.items() if members}
        if groups and set(kept) <= {name for members in groups.values() for name in members}:
            own = [name for name, group in zip(self.metabolites, self.metabolite_groups, strict=True) if group == 0]
            raise ValueError(
                f"The prior needs one of {', '.join(own)}: the shifts of all others are relative to theirs. "
                f"Received a prior without all of them. Keep one, or give a basis that has it."
            )
        shifts = {group: self.shifts[group] for group in groups}
        return dataclasses.replace(self, concentrations=kept, groups=groups, shifts=shifts)

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
        highest = np.diag([leaf.high for leaf in self.concentrations.values()])
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

    # === Draws ===

    def _drawn(self, names: Iterable[str], basis: Basis | None, start: int, stop: int, seed: int, split: str) -> dict:
        start, stop = check_count("start", start, 0, at_least=0), check_count("stop", stop, 8, at_least=0)
        if stop < start:
            raise ValueError(f"`stop` must not be below `start`. Received: start={start}, stop={stop}.")
        check_count("seed", seed, 0, at_least=0)
        names = list(names)
        scaled = any(self.definitions()[name].in_peak_heights for name in names)
        return self.values(
            lambda stream, columns: keyed_uniform(start, stop, columns, seed, split, stream),
            self.peak_height(basis) if scaled else 1.0,
            names,
        )

    def draw(self, basis: Basis, start: int, stop: int, *, seed: int, split: str = "train") -> SpectralParameters:
        """Draws the parameters of the examples `start` to `stop - 1` of a split.

        Example k depends only on (seed, split, k).

        Args:
          basis: signals of the prior's metabolites; they set the height of the baseline.
          start: index of the first example.
          stop: one past the index of the last example.
          seed: integer.
          split: name of the split. Defaults to `"train"`.

        Returns:
          `SpectralParameters` of `stop - start` spectra, with one line-shape group, and one more for each of `groups`.
        """
        names = (*self.metabolites, *SCALARS, *self.baseline_names, *map(shift_name, self.groups))
        drawn = self._drawn(names, basis, start, stop, seed, split)
        return SpectralParameters(
            concentrations=np.concatenate([drawn[name] for name in self.metabolites], axis=1),
            **self.line_shape(drawn),
            **{name: drawn[name][:, 0] for name in SCALARS if name not in LINE_SHAPE},
            baseline=drawn["baseline"],
        )

    def draw_effects(self, basis: Basis, start: int, stop: int, *, seed: int, split: str = "train") -> Effects | None:
        """Draws the effects of the examples `start` to `stop - 1` of a split; arguments as in `draw`.

        Returns:
          `Effects` of `stop - start` spectra, or `None` if the prior has none.
        """
        if not self.effects:
            return None
        drawn = self._drawn(self.effects, basis, start, stop, seed, split)
        return Effects(
            **{name: drawn[name] if EFFECT_PARAMETERS[name].per_line else drawn[name][:, 0] for name in self.effects}
        )

    def draw_snr(self, start: int, stop: int, *, seed: int, split: str = "train") -> np.ndarray | None:
        """Draws the signal-to-noise ratios of the examples `start` to `stop - 1` of a split, as `draw` does.

        Returns:
          float64 (stop - start,), or `None` if the prior has none.
        """
        return None if self.snr is None else self._drawn(["snr"], None, start, stop, seed, split)["snr"][:, 0]

    def draw_pairs(
        self, basis: Basis, varied: tuple[str, ...], start: int, stop: int, *, seed: int, split: str = "test"
    ) -> SpectralParameters:
        """Draws pairs of spectra that differ only in the `varied` parameters.

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
            check_choice("varied", name, SCALARS)
        pairs = self.draw(basis, start, stop, seed=seed, split=split)
        parameters = pairs[np.repeat(np.arange(len(pairs)), 2)]
        ends = np.tile([0.1, 0.9], len(pairs))
        replaced = {}
        for name in varied:
            leaf = self.leaf(name)
            values, drawn = UniformRange(leaf.low, leaf.high).quantile(ends), getattr(parameters, name)
            # Groups keep their distance from the first.
            replaced[name] = values if drawn.ndim == 1 else values[:, None] + (drawn - drawn[:, :1])
        return dataclasses.replace(parameters, **replaced)


UniformPrior = Prior
"""Former name of `Prior`, when all its leaves were uniform."""
