"""Medians and percentiles, with their keys in `numbers.json`."""

import dataclasses
from typing import Self

import numpy as np


@dataclasses.dataclass(frozen=True)
class Summary:
    """Median and 95th percentile of quantities that should be small, such as errors."""

    median: float
    percentile_95: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Summarises values, float of any shape."""
        return cls(float(np.median(values)), float(np.quantile(values, 0.95)))


@dataclasses.dataclass(frozen=True)
class LowerSummary:
    """Median and 5th percentile of quantities that should be large, such as R2."""

    median: float
    percentile_5: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Summarises values, float of any shape."""
        return cls(float(np.median(values)), float(np.quantile(values, 0.05)))


@dataclasses.dataclass(frozen=True)
class Spread:
    """5th percentile, median and 95th percentile of quantities that should be neither small nor large."""

    percentile_5: float
    median: float
    percentile_95: float

    @classmethod
    def of(cls, values: np.ndarray) -> Self:
        """Summarises values, float of any shape."""
        return cls(*np.quantile(values, [0.05, 0.5, 0.95]).tolist())
