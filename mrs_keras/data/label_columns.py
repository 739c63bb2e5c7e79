"""Labels of simulated spectra: sums and ratios of the columns of a prior."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from mrs_keras.basis.aliases import canonical_name
from mrs_keras.measured.tables.names import parts_of, split_ratio


@dataclasses.dataclass(frozen=True, eq=False)
class LabelColumns:
    """How labels follow from concentrations: `factors * (c numerators) / (c denominators)`.

    Args:
      names: of the labels, such as `tNAA_over_tCr` or `Ins`.
      numerators: float64 (columns, labels), 1 where a column is part of a label.
      denominators: float64 (columns, labels), the same for the denominator of a ratio, and 0 without one.
      factors: float64 (labels,), from these values to those of a table of another program.
    """

    names: tuple[str, ...]
    numerators: np.ndarray
    denominators: np.ndarray
    factors: np.ndarray

    @classmethod
    def of(cls, names: Sequence[str], columns: Sequence[str], factors: Sequence[float] | None = None) -> "LabelColumns":
        """Finds the columns of labels, by any of the names of metabolites and sums.

        Args:
          names: of the labels.
          columns: names of the columns of the concentrations.
          factors: of the labels. Defaults to `None`: 1.

        Raises:
          ValueError: if a label cannot be computed from the columns.

        Example:

        >>> labels = LabelColumns.of(["tNAA_over_tCr", "mI"], ["NAA", "NAAG", "Cr", "PCr", "Ins"])
        >>> labels(np.array([[10.0, 2.0, 5.0, 3.0, 6.0]]))
        array([[1.5, 6. ]])
        """
        known = [canonical_name(column) for column in columns]
        sides = [split_ratio(name) for name in names]
        wanted = [[parts_of(side) if side else () for side in pair] for pair in sides]
        lacking = [
            name
            for name, (above, below) in zip(names, wanted, strict=True)
            if not {*above, *below} <= {*known} or above == below
        ]
        if lacking:
            raise ValueError(
                f"The labels {', '.join(lacking)} cannot be computed from the signals of the basis. Expected all parts "
                f"of each label among: {', '.join(columns)}. Fit with a basis that has them, or build the dataset with "
                "other `label_names`."
            )
        weights = np.array([[np.isin(known, parts) for parts in pair] for pair in wanted], np.float64)
        weights = weights.reshape(len(names), 2, len(known))
        ones = np.ones(len(names)) if factors is None else np.asarray(factors, np.float64)
        return cls(tuple(names), weights[:, 0].T, weights[:, 1].T, ones)

    def __call__(self, concentrations: Any) -> Any:
        """Returns the labels of concentrations.

        Args:
          concentrations: (rows, columns), a NumPy array or a TensorFlow tensor of float32 or float64.

        Returns:
          (rows, labels), of the same kind. Where a denominator is 0, the ratio is not finite.
        """
        kind = getattr(concentrations.dtype, "as_numpy_dtype", concentrations.dtype)
        above, below, factors = (array.astype(kind) for array in (self.numerators, self.denominators, self.factors))
        without = (~self.denominators.any(axis=0)).astype(kind)
        return factors * (concentrations @ above) / (concentrations @ below + without)
