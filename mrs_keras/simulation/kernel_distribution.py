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
    """A kernel density over the rows of a table, shrunken so that its covariance stays that of the rows.

    A draw is

        x = m + sqrt(1 - h^2) (x_i - m) + h d,   d = sum_j n_j (x_j - m_j) / sqrt(inliers - clusters),

    where x_i is a row, m the mean of the inliers of its cluster, m_j that of row j's, and n_j are standard normal (West
    1993, J R Stat Soc B 55:409-422, doi 10.1111/j.2517-6161.1993.tb01911.x). The sum runs over the inliers alone: an
    outlier is drawn as often as any other row, but does not widen the others. d has exactly the empirical covariance of
    the inliers, with no shrinkage towards a diagonal one: parameters that a fit cannot tell apart, such as baseline and
    macromolecules, stay correlated, which keeps their sum right.

    With blocks, d is sqrt(1 - b) of one such sum plus sqrt(b) of one sum for each block with numbers of its own: the
    covariance of parameters of one block stays, that of parameters of two blocks is multiplied by 1 - b. From few rows
    this gives more different draws: shrinkage towards a block-diagonal covariance (compare Ledoit and Wolf 2004, doi
    10.1016/S0047-259X(03)00096-4).

    Args:
      names: of the columns.
      rows: (rows, names), in the units of the parameters.
      outliers: numbers of the rows that are outliers. Defaults to none.
      bandwidth: h, from 0, the rows themselves, to 1, a normal distribution. Defaults to `0.95`.
      clusters: number of each row's cluster, such as the site. Defaults to none: all rows are one cluster.
      blocks: number of each name's block. Defaults to none: all names are one block.
      block_fraction: b, from 0 to 1. Defaults to `0.5`.
      logarithmic: names of parameters above 0 whose logarithm is drawn in this way.
      at_least_0: names of parameters whose draws below 0 are set to 0.
      source: where the rows come from.

    Raises:
      ValueError: if shapes disagree, a cluster has no inlier or there are fewer than 3 more of them than clusters, a
        fraction is out of range, or a value is outside the range of its parameter.
    """

    kind: ClassVar = "kernel"
    names: tuple[str, ...]
    rows: np.ndarray
    outliers: tuple[int, ...] = ()
    bandwidth: float = 0.95
    clusters: tuple[int, ...] = ()
    blocks: tuple[int, ...] = ()
    block_fraction: float = 0.5
    logarithmic: tuple[str, ...] = ()
    at_least_0: tuple[str, ...] = ()
    source: str = ""

    def __post_init__(self):
        set_ = functools.partial(object.__setattr__, self)
        set_("rows", check_finite("rows", np.asarray(self.rows, np.float64)))
        for name in ("names", "logarithmic", "at_least_0"):
            set_(name, tuple(getattr(self, name)))
        for name in ("outliers", "clusters", "blocks"):
            set_(name, tuple(int(number) for number in getattr(self, name)))
        self._check()
        logarithmic = np.isin(self.names, self.logarithmic)
        values = np.where(logarithmic, np.log(np.where(logarithmic, self.rows, 1.0)), self.rows)
        inlier = ~np.isin(np.arange(len(values)), self.outliers)
        cluster = np.array(self.clusters or [0] * len(values))
        means = {number: values[inlier & (cluster == number)].mean(axis=0) for number in set(cluster.tolist())}
        means = np.stack([means[number] for number in cluster.tolist()])
        deviations = (values - means)[inlier] / math.sqrt(inlier.sum() - len(set(cluster.tolist())))
        set_("_logarithmic", logarithmic)
        set_("_centres", means + math.sqrt(1 - self.bandwidth**2) * (values - means))
        set_("_directions", self.bandwidth * self._by_block(deviations))

    def _by_block(self, deviations: np.ndarray) -> np.ndarray:
        """Returns the deviations jointly, and after them those of each block: (deviations (1 + blocks), names)."""
        if not self.blocks or self.block_fraction == 0:
            return deviations
        blocks = np.array(self.blocks)
        apart = [deviations * (blocks == block) for block in sorted(set(self.blocks))]
        joint = [] if self.block_fraction == 1 else [math.sqrt(1 - self.block_fraction) * deviations]
        return np.concatenate([*joint, *(math.sqrt(self.block_fraction) * part for part in apart)])

    def _check(self):
        rows, names = self.rows, self.names
        if rows.ndim != 2 or rows.shape[1] != len(names) or len(set(names)) < len(names):
            raise ValueError(
                f"`rows` must be (rows, names). Expected {len(names)} columns, for {len(set(names))} different names. "
                f"Received: shape {rows.shape}."
            )
        if any(not 0 <= row < len(rows) for row in self.outliers):
            raise ValueError(f"`outliers` must be numbers of the {len(rows)} rows. Received: {self.outliers}.")
        for name, of, size in (("clusters", "row", len(rows)), ("blocks", "name", len(names))):
            if len(getattr(self, name)) not in (0, size):
                raise ValueError(
                    f"`{name}` must have a number for each {of}. Expected: {size}. "
                    f"Received: {len(getattr(self, name))}."
                )
        of_inliers = [c for row, c in enumerate(self.clusters or [0] * len(rows)) if row not in set(self.outliers)]
        if set(of_inliers) != set(self.clusters or [0]) or len(of_inliers) < 3 + len(set(of_inliers)):
            raise ValueError(
                "A kernel density needs a row that is no outlier in each cluster, and 3 more such rows than clusters. "
                f"Received: {len(rows)} rows, outliers={self.outliers}, clusters={self.clusters}."
            )
        for name in ("bandwidth", "block_fraction"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"`{name}` must be from 0 to 1. Received: {name}={getattr(self, name)}. Give 0.5.")
        for name in (*self.logarithmic, *self.at_least_0):
            lowest = rows[:, names.index(check_choice("name", name, names))].min()
            if lowest < 0 or (lowest == 0 and name in self.logarithmic):
                bound = "above" if name in self.logarithmic else "at least"
                raise ValueError(f"`{name}` must be {bound} 0 in every row. Received a smallest value of {lowest:g}.")

    @property
    def width(self) -> int:
        return 1 + len(self._directions)

    @property
    def stream(self) -> str:
        # Fits have hundreds of names, because of the coefficients of the baseline.
        of_fits = any(name.startswith("baseline/") for name in self.names)
        return f"kernel/{len(self.rows)}" if of_fits else super().stream

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
