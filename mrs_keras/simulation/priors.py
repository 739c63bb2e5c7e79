"""Priors over the physical parameters, and draws from them."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_choice, check_count, check_positive
from mrs_keras.files import replacing
from mrs_keras.simulation import array_math
from mrs_keras.simulation.distributions import Distribution, UniformRange
from mrs_keras.simulation.effects import EFFECT_PARAMETERS, Effects, check_together
from mrs_keras.simulation.forward import forward_model
from mrs_keras.simulation.joint_distributions import Member
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.simulation.parameters import LINE_SHAPE, PARAMETERS, SCALARS, SNR, Parameter, SpectralParameters
from mrs_keras.simulation.prior_presets import PRESETS_MHZ, PRIOR_PRESETS
from mrs_keras.simulation.priors_as_json import prior_from_plain, prior_to_plain

Uniform = Callable[[str, int], Any]
"""Function from the name of a stream and a number of columns to uniform numbers, (batch, columns)."""


@dataclasses.dataclass(frozen=True)
class Prior:
    """The distribution of all physical parameters of `SpectralParameters`, and of `Effects` if given.

    Its leaves are distributions: `UniformRange`, `Normal`, `LogNormal`, `Fixed`, and members of joint ones
    (`JointNormal`, `Empirical`). Leaves are independent, unless they are members of the same joint distribution.

    Args:
      concentrations: metabolite name -> distribution, mM.
      gamma: Lorentzian decay rate, 1/s.
      sigma: Gaussian decay rate, 1/s.
      eps: frequency shift, rad/s.
      phi0: zero-order phase, rad.
      phi1: first-order phase, rad/Hz.
      baseline: each baseline coefficient, as a fraction of `peak_height`: the tallest metabolite peak that the prior
        allows.
      baseline_order: order of the baseline polynomial, which has 2 (order + 1) real coefficients. Defaults to `4`.
      description: one line.
      effects: field of `Effects` -> distribution; `water_height` as a multiple of `peak_height`. Defaults to none.
      water_lines: lines of residual water, each drawn from the same distributions. Defaults to `1`.
      snr: signal-to-noise ratio as `simulate` defines it. Defaults to `None`: the prior does not define the noise.

    Raises:
      ValueError: if a distribution allows invalid values, or a parameter of an effect is missing.

    Example:

    >>> prior = Prior.from_preset("naa_pcr")
    >>> prior.draw(default_basis(), 0, 8, seed=0).concentrations.shape
    (8, 2)
    """

    concentrations: Mapping[str, Distribution]
    gamma: Distribution
    sigma: Distribution
    eps: Distribution
    phi0: Distribution
    phi1: Distribution
    baseline: Distribution
    baseline_order: int = 4
    description: str = ""
    effects: Mapping[str, Distribution] = dataclasses.field(default_factory=dict)
    water_lines: int = 1
    snr: Distribution | None = None

    def __post_init__(self):
        if not self.concentrations:
            raise ValueError("`concentrations` must name at least one metabolite. Received an empty mapping.")
        check_count("baseline_order", self.baseline_order, 4, at_least=0)
        check_count("water_lines", self.water_lines, 3)
        check_together(self.effects)
        for name, parameter in self._parameters().items():
            leaf = self.leaf(name)
            if leaf.low < parameter.at_least:
                raise ValueError(f"The prior of {name} must not be negative. Received: low={leaf.low}.")
            if leaf.low <= parameter.above:
                raise ValueError(f"The prior of {name} must be above {parameter.above:g}. Received: low={leaf.low}.")
            if isinstance(leaf, Member) and (self._columns(name) > 1 or parameter.in_peak_heights):
                raise ValueError(
                    f"`{name}` has {self._columns(name)} numbers per spectrum, and cannot be one parameter of a joint "
                    f"distribution. Received: a member of {leaf.joint.names}. Give it a distribution of its own."
                )

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
        growing = {name: factor for name, parameter in self._parameters().items() if parameter.grows_with_field}
        joints: dict[int, Any] = {}

        def converted(name: str, leaf: Distribution) -> Distribution:
            if not isinstance(leaf, Member):
                return leaf.times(factor) if name in growing else leaf
            if id(leaf.joint) not in joints:
                joints[id(leaf.joint)] = leaf.joint.times(growing)
            return dataclasses.replace(leaf, joint=joints[id(leaf.joint)])

        return dataclasses.replace(
            self,
            concentrations={name: converted(name, leaf) for name, leaf in self.concentrations.items()},
            effects={name: converted(name, leaf) for name, leaf in self.effects.items()},
            **{name: converted(name, getattr(self, name)) for name in (*SCALARS, "baseline")},
            snr=None if self.snr is None else converted("snr", self.snr),
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
        fields = {field.name: field for field in dataclasses.fields(cls)}
        needed = [name for name, field in fields.items() if field.default is field.default_factory]
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
    def metabolites(self) -> tuple[str, ...]:
        """Names of the metabolites, in the order of the concentrations."""
        return tuple(self.concentrations)

    def leaf(self, name: str) -> Distribution:
        """Returns the distribution of a concentration, of a parameter, of a parameter of an effect, or of the SNR."""
        for leaves in (self.concentrations, self.effects):
            if name in leaves:
                return leaves[name]
        return getattr(self, name)

    def _parameters(self) -> dict[str, Parameter]:
        """Returns name -> definition, for all parameters with a leaf."""
        return {
            **dict.fromkeys(self.concentrations, PARAMETERS["concentrations"]),
            **{name: PARAMETERS[name] for name in (*SCALARS, "baseline")},
            **{name: EFFECT_PARAMETERS[name] for name in self.effects},
            **({} if self.snr is None else {"snr": SNR}),
        }

    def _columns(self, name: str) -> int:
        if name == "baseline":
            return 2 * (self.baseline_order + 1)
        return self.water_lines if name in self.effects and EFFECT_PARAMETERS[name].per_line else 1

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

    def values(
        self, uniform: Uniform, peak_height: float, names: Iterable[str] | None = None, ops: Any = array_math
    ) -> dict[str, Any]:
        """Converts uniform random numbers to parameters, for NumPy and for TensorFlow.

        Args:
          uniform: returns the numbers of a stream. Each parameter and each joint distribution has its own stream, so a
            change to one leaf does not affect the draws of the others.
          peak_height: factor for fractions of the tallest peak.
          names: of the parameters. Defaults to `None`: all, and `"snr"` if there is one.
          ops: `mrs_keras.simulation.array_math` or its twin for tensors.

        Returns:
          Metabolite, parameter, parameter of an effect, or `"snr"` -> (batch, columns).
        """
        parameters, joints, values = self._parameters(), {}, {}
        for name in parameters if names is None else names:
            leaf = self.leaf(name)
            if isinstance(leaf, Member):
                joint = leaf.joint
                if id(joint) not in joints:
                    joints[id(joint)] = joint.values(uniform(f"joint/{','.join(joint.names)}", joint.width), ops)
                values[name] = joints[id(joint)][:, leaf.column : leaf.column + 1]
            else:
                fractions = uniform(self._stream(name), self._columns(name))
                scale = peak_height if parameters[name].in_peak_heights else None
                values[name] = leaf.quantile(fractions, ops) if scale is None else ops.scaled(leaf, fractions, scale)
        return values

    def _stream(self, name: str) -> str:
        """Returns the unique name of a parameter's stream."""
        if name in self.concentrations:
            return f"concentration/{name}"
        return f"effect/{name}" if name in self.effects else name

    def _drawn(self, names: Iterable[str], basis: Basis | None, start: int, stop: int, seed: int, split: str) -> dict:
        start, stop = check_count("start", start, 0, at_least=0), check_count("stop", stop, 8, at_least=0)
        if stop < start:
            raise ValueError(f"`stop` must not be below `start`. Received: start={start}, stop={stop}.")
        check_count("seed", seed, 0, at_least=0)
        names = list(names)
        scaled = any(self._parameters()[name].in_peak_heights for name in names)
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
          `SpectralParameters` of `stop - start` spectra, with one line-shape group.
        """
        drawn = self._drawn((*self.metabolites, *SCALARS, "baseline"), basis, start, stop, seed, split)
        return SpectralParameters(
            concentrations=np.concatenate([drawn[name] for name in self.metabolites], axis=1),
            **{name: drawn[name] if name in LINE_SHAPE else drawn[name][:, 0] for name in SCALARS},
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
            values = UniformRange(leaf.low, leaf.high).quantile(ends)
            replaced[name] = values.reshape(getattr(parameters, name).shape)
        return dataclasses.replace(parameters, **replaced)


UniformPrior = Prior
"""Former name of `Prior`, when all its leaves were uniform."""
