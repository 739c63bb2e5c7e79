"""What fits of measured spectra leave over in the mean."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from mrs_keras.checks import check_finite


@dataclasses.dataclass(frozen=True, eq=False)
class MeanResidual:
    """The mean residual of fits: the part of the spectra that the basis lacks.

    Args:
      low_ppm: chemical shift of the first value, ppm.
      high_ppm: that of the last; the values are evenly spaced.
      values: complex (values,), in units of the prior's `peak_height`.

    Raises:
      ValueError: if there are fewer than two values, one is not finite, or the ends are not in rising order.
    """

    low_ppm: float
    high_ppm: float
    values: np.ndarray

    def __post_init__(self):
        values = check_finite("values", np.asarray(self.values, np.complex128))
        if values.ndim != 1 or len(values) < 2 or not self.low_ppm < self.high_ppm:
            raise ValueError(
                "A mean residual must be at least two values at rising chemical shifts. "
                f"Received: shape {values.shape}, from {self.low_ppm} to {self.high_ppm} ppm."
            )
        object.__setattr__(self, "values", values)

    def at(self, ppm: np.ndarray) -> np.ndarray:
        """Returns the residual at chemical shifts, by linear interpolation: complex128, 0 outside its ends."""
        known = np.linspace(self.low_ppm, self.high_ppm, len(self.values))
        return np.interp(ppm, known, self.values, left=0, right=0)

    def to_dict(self) -> dict:
        """Returns the residual as plain data."""
        ends = {"low_ppm": self.low_ppm, "high_ppm": self.high_ppm}
        return {**ends, "real": self.values.real.tolist(), "imaginary": self.values.imag.tolist()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "MeanResidual":
        """Returns the residual from the output of `to_dict`."""
        values = np.asarray(content["real"]) + 1j * np.asarray(content["imaginary"])
        return cls(content["low_ppm"], content["high_ppm"], values)
