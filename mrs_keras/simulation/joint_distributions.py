"""Joint distributions of several parameters of a prior."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtri

from mrs_keras.checks import check_choice, check_finite
from mrs_keras.simulation import array_math
from mrs_keras.simulation.distributions import TAIL, Distribution, inside, plain


class Joint:
    """A joint distribution of several parameters; `joint["gamma"]` is the leaf of one of them.

    Attributes:
      kind: its name in JSON.
      names: of the parameters: metabolites, and names of `SpectralParameters` and `Effects`, one number per spectrum.
      width: number of uniform random numbers per draw.
    """

    kind: ClassVar[str]
    names: tuple[str, ...]
    source: str

    @property
    def width(self) -> int:
        raise NotImplementedError

    @property
    def stream(self) -> str:
        """Name of its stream of random numbers."""
        return f"joint/{','.join(self.names)}"

    def values(self, fractions: Any, ops: Any = array_math) -> Any:
        """Returns the parameters, (batch, names), for uniform random numbers (batch, width)."""
        raise NotImplementedError

    def ends_of(self, column: int) -> tuple[float, float]:
        """Returns the lowest and the highest value of a parameter, as `Distribution` has them."""
        raise NotImplementedError

    def times(self, factors: Mapping[str, float]) -> "Joint":
        """Returns the joint distribution of the parameters times factors above 0.

        Args:
          factors: name -> factor; parameters that are left out are unchanged.
        """
        raise NotImplementedError

    def __getitem__(self, name: str) -> "Member":
        return Member(self, check_choice("name", name, self.names))

    def to_plain(self) -> dict:
        """Returns the distribution as plain JSON data."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {"distribution": self.kind, **{name: plain(value) for name, value in fields.items()}}


@dataclasses.dataclass(frozen=True, eq=False)
class JointNormal(Joint):
    """A multivariate normal distribution over named parameters.

    Args:
      names: of the parameters.
      mean: (names,), in their units; of the logarithm for those of `logarithmic`.
      covariance: (names, names), of the same.
      logarithmic: names of parameters whose logarithm is normal, so that they are above 0.
      source: where the numbers come from.

    Raises:
      ValueError: if shapes disagree, or the covariance is not symmetric and positive semi-definite.
    """

    kind: ClassVar = "joint_normal"
    names: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray
    logarithmic: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self):
        names, size = tuple(self.names), len(self.names)
        mean = check_finite("mean", np.asarray(self.mean, np.float64))
        covariance = check_finite("covariance", np.asarray(self.covariance, np.float64))
        if mean.shape != (size,) or covariance.shape != (size, size) or len(set(names)) < size or not size:
            raise ValueError(
                "`names` must differ, with a mean each and a covariance for each two. "
                f"Expected shapes ({size},) and ({size}, {size}), for {names}. "
                f"Received: {mean.shape} and {covariance.shape}."
            )
        values, vectors = np.linalg.eigh(covariance)
        if not np.allclose(covariance, covariance.T) or values[0] < -1e-9 * max(values[-1], 1e-300):
            raise ValueError(
                "`covariance` must be symmetric and positive semi-definite. "
                f"Received a smallest eigenvalue of {values[0]:g}. Give for example np.cov(values, rowvar=False)."
            )
        for name in self.logarithmic:
            check_choice("logarithmic", name, names)
        for name, value in (("names", names), ("logarithmic", tuple(self.logarithmic))):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "mean", mean)
        object.__setattr__(self, "covariance", covariance)
        # Not the Cholesky factor, which requires full rank.
        object.__setattr__(self, "_factor", (vectors * np.sqrt(np.maximum(values, 0))).T)

    @property
    def width(self) -> int:
        return len(self.names)

    def values(self, fractions, ops=array_math):
        normal = ops.product(ops.normal_quantile(inside(fractions)), self._factor) + ops.constant(self.mean)
        if not self.logarithmic:
            return normal
        chosen = np.array([name in self.logarithmic for name in self.names])
        # The exponential of the others is not used, and must not overflow.
        return ops.where(chosen, ops.exp(ops.where(chosen, normal, 0.0 * normal)), normal)

    def ends_of(self, column):
        deviation = math.sqrt(max(self.covariance[column, column], 0.0))
        ends = self.mean[column] + deviation * np.array([ndtri(TAIL), ndtri(1 - TAIL)])
        low, high = np.exp(ends) if self.names[column] in self.logarithmic else ends
        return float(low), float(high)

    def times(self, factors):
        each = np.array([factors.get(name, 1.0) for name in self.names])
        chosen = np.array([name in self.logarithmic for name in self.names])
        linear = np.where(chosen, 1.0, each)
        mean = self.mean * linear + np.where(chosen, np.log(each), 0.0)
        return dataclasses.replace(self, mean=mean, covariance=self.covariance * np.outer(linear, linear))


@dataclasses.dataclass(frozen=True, eq=False)
class Empirical(Joint):
    """The rows of a table, with equal probability: the parameters of a row are drawn together.

    Args:
      names: of the columns.
      rows: (rows, names), in the units of the parameters.
      source: where the rows come from.

    Raises:
      ValueError: if there is no row, or not one column per name.
    """

    kind: ClassVar = "empirical"
    names: tuple[str, ...]
    rows: np.ndarray
    source: str = ""

    def __post_init__(self):
        rows = check_finite("rows", np.asarray(self.rows, np.float64))
        names = tuple(self.names)
        if rows.ndim != 2 or rows.shape[1] != len(names) or not len(rows) or len(set(names)) < len(names):
            raise ValueError(
                f"`rows` must be (rows, names), at least one row. Expected {len(names)} columns, for {names}. "
                f"Received: shape {rows.shape}."
            )
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "rows", rows)

    @property
    def width(self) -> int:
        return 1

    def values(self, fractions, ops=array_math):
        return ops.rows_of(self.rows, fractions)

    def ends_of(self, column):
        return float(self.rows[:, column].min()), float(self.rows[:, column].max())

    def times(self, factors):
        return dataclasses.replace(self, rows=self.rows * np.array([factors.get(name, 1.0) for name in self.names]))


@dataclasses.dataclass(frozen=True, eq=False)
class Member(Distribution):
    """One parameter of a joint distribution."""

    kind: ClassVar = "member"
    joint: Joint
    name: str
    unit: str = ""

    @property
    def source(self) -> str:
        return self.joint.source

    @property
    def column(self) -> int:
        """Its column in the values of the joint distribution."""
        return self.joint.names.index(self.name)

    @property
    def low(self) -> float:
        return self.joint.ends_of(self.column)[0]

    @property
    def high(self) -> float:
        return self.joint.ends_of(self.column)[1]


@dataclasses.dataclass(frozen=True, eq=False)
class Scaled(Distribution):
    """A member of a joint distribution, times a factor that is independent of it.

    Args:
      member: of the joint distribution.
      factor: distribution of the factor, above 0.
      of: name of the factor: members that are scaled by one of the same name share it.
    """

    kind: ClassVar = "scaled"
    member: Member
    factor: Distribution
    of: str
    unit: str = ""

    @property
    def source(self) -> str:
        return self.member.source

    @property
    def stream(self) -> str:
        """Name of the factor's stream of random numbers."""
        return f"factor/{self.of}"

    @property
    def low(self) -> float:
        return self.member.low * (self.factor.low if self.member.low > 0 else self.factor.high)

    @property
    def high(self) -> float:
        return self.member.high * (self.factor.high if self.member.high > 0 else self.factor.low)
