"""A joint distribution of parameters that are not normal themselves."""

import dataclasses
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from mrs_keras.checks import check_finite
from mrs_keras.simulation import array_math
from mrs_keras.simulation.distributions import Distribution, inside
from mrs_keras.simulation.joint_distributions import Joint


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianCopula(Joint):
    """Parameters with any distributions, correlated by a Gaussian copula.

    Each is the quantile of its own distribution at the probability of a normal number, and these are correlated
    (Nelsen, An Introduction to Copulas, 2006, doi 10.1007/0-387-28678-0). So parameters that cannot be negative, and
    whose deviation is of the order of their mean, can be strongly anticorrelated, which log-normal ones cannot.

    Args:
      names: of the parameters.
      leaves: the distribution of each, of a single parameter.
      correlation: (names, names), of the normal numbers; that of the parameters is somewhat weaker.
      source: where the numbers come from.

    Raises:
      ValueError: if numbers disagree, or the correlations are not those of normal numbers, none of which is determined
        by the others.
    """

    kind: ClassVar = "gaussian_copula"
    names: tuple[str, ...]
    leaves: Sequence[Distribution]
    correlation: np.ndarray
    source: str = ""

    def __post_init__(self):
        names, leaves, size = tuple(self.names), tuple(self.leaves), len(self.names)
        correlation = check_finite("correlation", np.asarray(self.correlation, np.float64))
        if correlation.shape != (size, size) or len(leaves) != size or len(set(names)) < size or not size:
            raise ValueError(
                "`names` must differ, with a leaf each and a correlation for each two. "
                f"Expected {size} leaves and shape ({size}, {size}), for {names}. "
                f"Received: {len(leaves)} and {correlation.shape}."
            )
        smallest = np.linalg.eigvalsh(correlation)[0]
        if not np.allclose(correlation, correlation.T) or not np.allclose(np.diag(correlation), 1) or smallest < 1e-9:
            raise ValueError(
                "`correlation` must be symmetric and positive definite, with ones on its diagonal. "
                f"Received: {correlation.tolist()}, smallest eigenvalue {smallest:g}. "
                "Give for example [[1.0, 0.5], [0.5, 1.0]]."
            )
        for name, value in (("names", names), ("leaves", leaves), ("correlation", correlation)):
            object.__setattr__(self, name, value)
        object.__setattr__(self, "_factor", np.linalg.cholesky(correlation).T)

    @property
    def width(self) -> int:
        return len(self.names)

    def values(self, fractions, ops=array_math):
        normal = ops.product(ops.normal_quantile(inside(fractions)), self._factor)
        probability = ops.normal_probability(normal)
        return ops.beside(
            [leaf.quantile(probability[:, column : column + 1], ops) for column, leaf in enumerate(self.leaves)]
        )

    def ends_of(self, column):
        return self.leaves[column].low, self.leaves[column].high

    def times(self, factors):
        pairs = zip(self.names, self.leaves, strict=True)
        return dataclasses.replace(self, leaves=tuple(leaf.times(factors.get(name, 1.0)) for name, leaf in pairs))

    def to_plain(self) -> dict[str, Any]:
        """Returns the distribution as plain JSON data."""
        return {**super().to_plain(), "leaves": [leaf.to_plain() for leaf in self.leaves]}
