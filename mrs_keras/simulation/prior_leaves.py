"""The leaves of a prior: which there are, their checks, and their values."""

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count
from mrs_keras.simulation import array_math
from mrs_keras.simulation.distributions import Distribution
from mrs_keras.simulation.effects import EFFECT_PARAMETERS, check_together
from mrs_keras.simulation.forward import baseline_polynomials
from mrs_keras.simulation.joint_distributions import Member, Scaled
from mrs_keras.simulation.parameters import LINE_SHAPE, PARAMETERS, SCALARS, SHIFTS, SNR, Parameter
from mrs_keras.simulation.splines import SplineBaseline

Uniform = Callable[[str, int], Any]
"""Function from the name of a stream and a number of columns to uniform numbers, (batch, columns)."""


@dataclasses.dataclass(frozen=True)
class PriorLeaves:
    """The distributions that a `Prior` consists of; see there for the arguments."""

    concentrations: Mapping[str, Distribution]
    gamma: Distribution
    sigma: Distribution
    eps: Distribution
    phi0: Distribution
    phi1: Distribution
    baseline: Distribution | Sequence[Distribution]
    baseline_order: int = 4
    description: str = ""
    effects: Mapping[str, Distribution] = dataclasses.field(default_factory=dict)
    water_lines: int = 1
    snr: Distribution | None = None
    baseline_splines: SplineBaseline | None = None
    groups: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict)
    shifts: Mapping[str, Distribution] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        if not self.concentrations:
            raise ValueError("`concentrations` must name at least one metabolite. Received an empty mapping.")
        check_count("baseline_order", self.baseline_order, 4, at_least=0)
        check_count("water_lines", self.water_lines, 3)
        check_together(self.effects)
        if not isinstance(self.baseline, Distribution):
            object.__setattr__(self, "baseline", tuple(self.baseline))
            if len(self.baseline) != self.baseline_coefficients:
                raise ValueError(
                    "`baseline` must be one distribution, or one for each real coefficient. "
                    f"Expected: {self.baseline_coefficients}. Received: {len(self.baseline)}."
                )
        self._check_groups()
        for name, parameter in self.definitions().items():
            leaf = self.leaf(name)
            if leaf.low < parameter.at_least:
                raise ValueError(f"The prior of {name} must not be negative. Received: low={leaf.low}.")
            if leaf.low <= parameter.above:
                raise ValueError(f"The prior of {name} must be above {parameter.above:g}. Received: low={leaf.low}.")
            if isinstance(leaf, Member | Scaled) and self._columns(name) > 1:
                raise ValueError(
                    f"`{name}` has {self._columns(name)} numbers per spectrum, and cannot be one parameter of a joint "
                    f"distribution. Received: {leaf}. Give it a distribution of its own."
                )

    def _check_groups(self):
        grouped = [name for members in self.groups.values() for name in members]
        unknown = sorted(set(grouped) - set(self.concentrations))
        if set(self.groups) != set(self.shifts) or unknown or len(set(grouped)) < len(grouped):
            raise ValueError(
                "Each group must have a shift, and metabolites of the prior that are in no other. "
                f"Received: groups={dict(self.groups)}, shifts of {', '.join(self.shifts) or 'none'}"
                + (f"; not in the prior: {', '.join(unknown)}." if unknown else ".")
            )
        if self.groups and len(grouped) == len(self.concentrations):
            raise ValueError(
                "At least one metabolite must be in no group: `eps` is its shift, and those of the groups are relative "
                f"to it. Received: groups={dict(self.groups)}. Leave out one group."
            )

    @property
    def metabolites(self) -> tuple[str, ...]:
        """Names of the metabolites, in the order of the concentrations."""
        return tuple(self.concentrations)

    def leaf(self, name: str) -> Distribution:
        """Returns the distribution of a concentration, of a parameter, of a parameter of an effect, or of the SNR."""
        for leaves in (self.concentrations, self.effects):
            if name in leaves:
                return leaves[name]
        kind, _, of = name.partition("/")
        if of:  # such as "shift/NAAG" and "baseline/3"
            return self.shifts[of] if kind == "shift" else self.baseline[int(of)]
        return getattr(self, name)

    def leaves(self, name: str) -> tuple[Distribution, ...]:
        """Returns the distributions of a parameter that may have several: of the baseline, and of the `"shifts"`."""
        if name == "shifts":
            return tuple(self.shifts.values())
        leaf = self.leaf(name)
        return (leaf,) if isinstance(leaf, Distribution) else leaf

    @property
    def baseline_coefficients(self) -> int:
        """Number of real coefficients of the baseline."""
        if self.baseline_splines is not None:
            return 2 * self.baseline_splines.splines
        return 2 * (self.baseline_order + 1)

    @property
    def has_polynomial_baseline(self) -> bool:
        """Whether the baseline is a polynomial of the window."""
        return self.baseline_splines is None

    def baseline_regressors(self, acquisition: Acquisition) -> np.ndarray:
        """Returns what the baseline coefficients multiply: (points, coefficients / 2), 0 outside the window."""
        if self.baseline_splines is not None:
            return self.baseline_splines.regressors(acquisition)
        return baseline_polynomials(acquisition, self.baseline_order)

    @property
    def metabolite_groups(self) -> list[int] | None:
        """Line-shape group of each metabolite, 0 for those without a shift of their own; `None` without groups."""
        if not self.groups:
            return None
        group_of = {name: number for number, members in enumerate(self.groups.values(), 1) for name in members}
        return [group_of.get(name, 0) for name in self.metabolites]

    @property
    def baseline_names(self) -> tuple[str, ...]:
        one = isinstance(self.baseline, Distribution)
        return ("baseline",) if one else tuple(f"baseline/{number}" for number in range(len(self.baseline)))

    def definitions(self) -> dict[str, Parameter]:
        """Returns name -> definition, for all parameters with a leaf."""
        return {
            **dict.fromkeys(self.concentrations, PARAMETERS["concentrations"]),
            **{name: PARAMETERS[name] for name in SCALARS},
            **dict.fromkeys(self.baseline_names, PARAMETERS["baseline"]),
            **{name: EFFECT_PARAMETERS[name] for name in self.effects},
            **({} if self.snr is None else {"snr": SNR}),
            **dict.fromkeys(map(shift_name, self.groups), SHIFTS),
        }

    def _columns(self, name: str) -> int:
        if name == "baseline":
            return self.baseline_coefficients
        return self.water_lines if name in self.effects and EFFECT_PARAMETERS[name].per_line else 1

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
          Metabolite, parameter, parameter of an effect, `"snr"`, or `"shifts"` of all groups -> (batch, columns).
        """
        parameters, joints, values = self.definitions(), {}, {}

        def of_joint(leaf: Member) -> Any:
            joint = leaf.joint
            if id(joint) not in joints:
                joints[id(joint)] = joint.values(uniform(joint.stream, joint.width), ops)
            return joints[id(joint)][:, leaf.column : leaf.column + 1]

        for name in parameters if names is None else names:
            leaf, scale = self.leaf(name), peak_height if parameters[name].in_peak_heights else None
            if isinstance(leaf, Member):
                values[name] = of_joint(leaf) if scale is None else of_joint(leaf) * scale
            elif isinstance(leaf, Scaled):
                values[name] = of_joint(leaf.member) * leaf.factor.quantile(uniform(leaf.stream, 1), ops)
            else:
                fractions = uniform(self._stream(name), self._columns(name))
                values[name] = leaf.quantile(fractions, ops) if scale is None else ops.scaled(leaf, fractions, scale)
        return self._gathered(values, ops)

    def _gathered(self, values: dict[str, Any], ops: Any) -> dict[str, Any]:
        """Returns values with the columns of the baseline, and those of the shifts, in one array each."""
        for whole, parts in (("baseline", self.baseline_names), ("shifts", tuple(map(shift_name, self.groups)))):
            if parts and parts[0] != whole and parts[0] in values:
                values[whole] = ops.beside([values.pop(name) for name in parts])
        return values

    def line_shape(self, values: Mapping[str, Any], ops: Any = array_math) -> dict[str, Any]:
        """Returns gamma, sigma and eps of each line-shape group: name -> (batch, groups).

        Args:
          values: from `values`, each (batch, columns).
          ops: as in `values`.
        """
        if not self.groups:
            return {name: values[name] for name in LINE_SHAPE}
        eps, equal = values["eps"], 1 + len(self.groups)
        return {
            **{name: ops.beside([values[name]] * equal) for name in ("gamma", "sigma")},
            "eps": ops.beside([eps, eps + values["shifts"]]),
        }

    def _stream(self, name: str) -> str:
        """Returns the unique name of a parameter's stream."""
        if name in self.concentrations:
            return f"concentration/{name}"
        return f"effect/{name}" if name in self.effects else name


def shift_name(group: str) -> str:
    """Returns the name of the leaf of a group's shift."""
    return f"shift/{group}"
