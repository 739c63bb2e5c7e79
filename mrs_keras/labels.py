"""The labels of spectra: names, units and ranges."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mrs_keras.checks import check_finite


@dataclasses.dataclass(frozen=True)
class Labels:
    """The labels of a spectrum, one column each.

    Args:
      names: of the labels, such as `NAA` or `tNAA_over_tCr`.
      ranges: (labels, 2), lowest and highest value in the training data, in their units.
      units: of each label, or one for all; `""` for ratios. Defaults to `"mM"`.
      quantity: name of the quantity. Defaults to `"concentration"`.

    Raises:
      ValueError: if a name occurs twice, or the ranges are not finite, reversed, or not one per name.

    Example:

    >>> labels = Labels(("NAA", "PCr"), ((7.5, 17.0), (3.0, 5.5)))
    >>> labels.ranges_in_words
    'NAA 7.5 to 17 mM, PCr 3 to 5.5 mM'
    """

    names: tuple[str, ...]
    ranges: tuple[tuple[float, float], ...]
    units: tuple[str, ...] | str = "mM"
    quantity: str = "concentration"

    def __post_init__(self):
        names = tuple(str(name) for name in self.names)
        if len(set(names)) < len(names):
            raise ValueError(f"The names of labels must differ from each other. Received: {', '.join(names)}.")
        units = (self.units,) * len(names) if isinstance(self.units, str) else tuple(map(str, self.units))
        ranges = check_finite("ranges", np.asarray(self.ranges, np.float64).reshape(-1, 2))
        if len(ranges) != len(names) or len(units) != len(names) or np.any(ranges[:, 0] > ranges[:, 1]):
            raise ValueError(
                "`ranges` must hold (low, high), low <= high, and `units` a unit, for each label. "
                f"Expected shape ({len(names)}, 2), for {', '.join(names)}. "
                f"Received: {ranges.tolist()}, units={units}."
            )
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "units", units)
        object.__setattr__(self, "ranges", tuple((float(low), float(high)) for low, high in ranges))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def low(self) -> np.ndarray:
        """float64 (labels,): lowest values."""
        return np.array([low for low, _ in self.ranges])

    @property
    def high(self) -> np.ndarray:
        """float64 (labels,): highest values."""
        return np.array([high for _, high in self.ranges])

    @property
    def ranges_in_words(self) -> str:
        """Each label with its range and unit, for messages."""
        return ", ".join(
            f"{name} {low:g} to {high:g} {unit}".rstrip()
            for name, (low, high), unit in zip(self.names, self.ranges, self.units, strict=True)
        )

    def out_of_range(self, values: np.ndarray) -> str | None:
        """Returns a description of the values outside the ranges, for a message, or `None` if there are none.

        Args:
          values: (rows, labels), compared in single precision, as models do.
        """
        values = np.asarray(values, np.float32)
        low, high = self.low.astype(np.float32), self.high.astype(np.float32)
        wrong = np.argwhere(~((values >= low) & (values <= high)))
        if not len(wrong):
            return None
        row, column = wrong[0]
        more = f", and {len(wrong) - 1} more" if len(wrong) > 1 else ""
        return f"{self.ranges_in_words}. Received: {self.names[column]}={values[row, column]:g} in row {row}{more}"

    def to_dict(self) -> dict:
        """Returns the labels as plain JSON data; `Labels.from_dict` reads it back."""
        return {
            "names": list(self.names),
            "ranges": [list(limits) for limits in self.ranges],
            "units": list(self.units),
            "quantity": self.quantity,
        }

    @classmethod
    def from_dict(cls, content: Mapping) -> "Labels":
        """Returns the labels from the output of `to_dict`."""
        return cls(**{field.name: content[field.name] for field in dataclasses.fields(cls)})
