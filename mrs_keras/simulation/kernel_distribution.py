"""The distribution of fitted parameters: a robust, shrunken kernel density."""

import dataclasses
import functools
import math
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr

from mrs_keras.checks import check_choice, check_finite
from mrs_keras.simulation import array_math
from mrs_keras.simulation.distributions import TAIL, inside
from mrs_keras.simulation.joint_distributions import Joint


@dataclasses.dataclass(frozen=True, eq=False)
class Kernel(Joint):
    """A kernel density over the rows of a table, shrunken so that its covariance is that of the rows.

    A draw is

        x = m + sqrt(1 - h^2) (x_i - m) + h d,   d = sum_j n_j (x_j - m) / sqrt(inliers - 1),

    where x_i is a row, m the mean of the inliers and n_j are standard normal (West 1993, J R Stat Soc B 55:409-422,
    doi 10.1111/j.2517-6161.1993.tb01911.x). The sum runs over the inliers alone: an outlier is drawn as often as any
    other row, but does not widen the others. d has exactly the empirical covariance of the inliers, with no shrinkage
    towards a diagonal one: parameters that a fit cannot tell apart, such as baseline and macromolecules, stay
    correlated, which keeps their sum right.

    Args:
      names: of the columns.
      rows: (rows, names), in the units of the parameters.
      outliers: numbers of the rows that are outliers. Defaults to none.
      bandwidth: h, from 0, the rows themselves, to 1, a normal distribution. Defaults to `0.8`.
      logarithmic: names of parameters above 0 whose logarithm is drawn in this way.
      at_least_0: names of parameters whose draws below 0 are set to 0.
      source: where the rows come from.

    Raises:
      ValueError: if shapes disagree, fewer than 3 rows are inliers, the bandwidth is out of range, or a value is
        outside the range of its parameter.
    """

    kind: ClassVar = "kernel"
    names: tuple[str, ...]
    rows: np.ndarray
    outliers: tuple[int, ...] = ()
    bandwidth: float = 0.8
    logarithmic: tuple[str, ...] = ()
    at_least_0: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self):
        rows, names = check_finite("rows", np.asarray(self.rows, np.float64)), tuple(self.names)
        if rows.ndim != 2 or rows.shape[1] != len(names) or len(set(names)) < len(names):
            raise ValueError(
                f"`rows` must be (rows, names). Expected {len(names)} columns, for {len(set(names))} different names. "
                f"Received: shape {rows.shape}."
            )
        outliers = tuple(sorted({int(row) for row in self.outliers}))
        if len(rows) - len(outliers) < 3 or any(not 0 <= row < len(rows) for row in outliers):
            raise ValueError(
                "A kernel density needs at least 3 rows that are not outliers. "
                f"Received: {len(rows)} rows, outliers={outliers}."
            )
        if not 0 <= self.bandwidth <= 1:
            raise ValueError(f"`bandwidth` must be from 0 to 1. Received: bandwidth={self.bandwidth}. Give 0.8.")
        for name, bound in (*((n, "above") for n in self.logarithmic), *((n, "at least") for n in self.at_least_0)):
            column = rows[:, names.index(check_choice("name", name, names))]
            if column.min() < 0 or (bound == "above" and column.min() == 0):
                raise ValueError(
                    f"`{name}` must be {bound} 0 in every row. Received a smallest value of {column.min():g}."
                )
        set_ = functools.partial(object.__setattr__, self)
        set_("names", names)
        set_("rows", rows)
        set_("outliers", outliers)
        set_("logarithmic", tuple(self.logarithmic))
        set_("at_least_0", tuple(self.at_least_0))
        logarithmic = np.isin(names, self.logarithmic)
        values = np.where(logarithmic, np.log(np.where(logarithmic, rows, 1.0)), rows)
        inliers = np.delete(values, outliers, axis=0)
        centre = inliers.mean(axis=0)
        set_("_logarithmic", logarithmic)
        set_("_centres", centre + math.sqrt(1 - self.bandwidth**2) * (values - centre))
        set_("_directions", self.bandwidth / math.sqrt(len(inliers) - 1) * (inliers - centre))

    @property
    def width(self) -> int:
        return 1 + len(self._directions)

    @property
    def stream(self) -> str:
        # Not the names of all coefficients of a baseline.
        return f"kernel/{len(self.rows)}"

    def values(self, fractions: Any, ops: Any = array_math) -> Any:
        drawn = ops.rows_of(self._centres, fractions[:, :1])
        drawn = drawn + ops.product(ops.normal_quantile(inside(fractions[:, 1:])), self._directions)
        if self.logarithmic:
            # The exponential of the others is not used, and must not overflow.
            drawn = ops.where(self._logarithmic, ops.exp(ops.where(self._logarithmic, drawn, 0.0 * drawn)), drawn)
        if self.at_least_0:
            bounded = np.isin(self.names, self.at_least_0)
            drawn = ops.where(bounded & (drawn < 0), 0.0 * drawn, drawn)
        return drawn

    def ends_of(self, column: int) -> tuple[float, float]:
        centres = self._centres[:, column]
        deviation = float(np.linalg.norm(self._directions[:, column]))
        reach = 8 * deviation + 1e-12 * max(1.0, np.abs(centres).max())

        def quantile(fraction):
            def below(value):
                return float(ndtr((value - centres) / max(deviation, 1e-300)).mean()) - fraction

            return brentq(below, centres.min() - reach, centres.max() + reach, xtol=1e-12 * max(1.0, reach))

        ends = np.array([quantile(TAIL), quantile(1 - TAIL)])
        if self._logarithmic[column]:
            ends = np.exp(ends)
        elif self.names[column] in self.at_least_0:
            ends = np.maximum(ends, 0.0)
        return float(ends[0]), float(ends[1])

    def times(self, factors):
        return dataclasses.replace(self, rows=self.rows * np.array([factors.get(name, 1.0) for name in self.names]))
