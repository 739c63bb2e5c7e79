"""The leaves of a prior: distributions of one parameter.

Each is a function of uniform random numbers, written once for NumPy and for TensorFlow.
"""

import dataclasses
import math
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from mrs_keras.checks import check_finite, check_positive
from mrs_keras.simulation import array_math

TAIL = 1e-3
"""Probability beyond each of the ends that describe an unbounded distribution."""

MOST_TRUNCATED = 0.9
"""Largest deviation over mean of a normal distribution truncated at 0: 1 is the limit, an exponential one."""


class Distribution:
    """A distribution of one parameter.

    Attributes:
      kind: its name in JSON.
      unit: of the parameter.
      source: reference of the distribution.
      low: lowest value; if unbounded, the value with a probability of 1 in 1,000 below it.
      high: highest value; likewise.
    """

    kind: ClassVar[str]
    low: float
    high: float
    unit: str
    source: str

    def quantile(self, fraction: Any, ops: Any = array_math) -> Any:
        """Returns the quantiles of the distribution at these fractions, from 0 to 1; same shape."""
        raise NotImplementedError

    def times(self, factor: float) -> "Distribution":
        """Returns the distribution of the parameter times a factor above 0."""
        raise NotImplementedError

    def to_plain(self) -> Any:
        """Returns the distribution as plain JSON data, without unit and source."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        kept = {name: value for name, value in fields.items() if name not in ("unit", "source") and value is not None}
        return {"distribution": self.kind, **{name: plain(value) for name, value in kept.items()}}


@dataclasses.dataclass(frozen=True)
class UniformRange(Distribution):
    """A uniform distribution from `low` to `high`, with its unit and reference.

    Raises:
      ValueError: if `low > high`, or an end is not finite.
    """

    kind: ClassVar = "uniform"
    low: float
    high: float
    unit: str = ""
    source: str = ""

    def __post_init__(self):
        if not (np.isfinite(self.low) and np.isfinite(self.high) and self.low <= self.high):
            raise ValueError(
                f"A prior range must be finite with low <= high. Received: low={self.low}, high={self.high} "
                f"{self.unit}. Give for example UniformRange(2.0, 25.0)."
            )

    def quantile(self, fraction, ops=array_math):
        """Returns `low + fraction (high - low)`: 0 gives the low end, 1 the high end."""
        return self.low + (self.high - self.low) * fraction

    def times(self, factor):
        return dataclasses.replace(self, low=self.low * factor, high=self.high * factor)

    def to_plain(self):
        """Returns `[low, high]`."""
        return [self.low, self.high]


@dataclasses.dataclass(frozen=True)
class Fixed(Distribution):
    """The same value for all spectra."""

    kind: ClassVar = "fixed"
    value: float
    unit: str = ""
    source: str = ""

    def __post_init__(self):
        check_finite("value", self.value)

    @property
    def low(self) -> float:
        return self.value

    @property
    def high(self) -> float:
        return self.value

    def quantile(self, fraction, ops=array_math):
        return self.value + 0.0 * fraction

    def times(self, factor):
        return dataclasses.replace(self, value=self.value * factor)


@dataclasses.dataclass(frozen=True)
class Normal(Distribution):
    """A normal distribution, truncated at `at_least` and `at_most` if given.

    Args:
      mean: of the distribution before truncation.
      deviation: standard deviation before truncation, above 0.
      at_least: lowest value. Defaults to `None`: none.
      at_most: highest value. Defaults to `None`: none.
      unit: of all of these.
      source: reference of the numbers.

    Raises:
      ValueError: if a number is not finite, the deviation is not above 0, or nothing is left between the ends.
    """

    kind: ClassVar = "normal"
    mean: float
    deviation: float
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""
    source: str = ""

    def __post_init__(self):
        check_finite("mean and deviation", [self.mean, self.deviation])
        first, last = self._fractions() if self.deviation > 0 else (1.0, 0.0)
        if not first < last:
            raise ValueError(
                "A normal distribution needs a deviation above 0, and some of it between `at_least` and `at_most`. "
                f"Received: {self}. Give for example Normal(8.0, 2.0, at_least=0.0)."
            )

    def _fractions(self) -> tuple[float, float]:
        low, high = (
            math.copysign(math.inf, sign) if end is None else (end - self.mean) / self.deviation
            for end, sign in ((self.at_least, -1), (self.at_most, 1))
        )
        return float(ndtr(low)), float(ndtr(high))

    def quantile(self, fraction, ops=array_math):
        first, last = self._fractions()
        return self.mean + self.deviation * ops.normal_quantile(first + (last - first) * inside(fraction))

    def times(self, factor):
        values = {name: getattr(self, name) for name in ("mean", "deviation", "at_least", "at_most")}
        return dataclasses.replace(self, **{name: v if v is None else v * factor for name, v in values.items()})

    @property
    def low(self) -> float:
        return self._end(self.at_least, TAIL)

    @property
    def high(self) -> float:
        return self._end(self.at_most, 1 - TAIL)

    def _end(self, end: float | None, fraction: float) -> float:
        if end is not None:
            return float(end)
        first, last = self._fractions()
        return float(self.mean + self.deviation * ndtri(first + (last - first) * fraction))


@dataclasses.dataclass(frozen=True)
class LogNormal(Distribution):
    """A log-normal distribution: values above 0, skewed to high ones.

    Args:
      median: above 0.
      log_deviation: standard deviation of the natural logarithm, above 0.
      unit: of the median.
      source: reference of the numbers.
    """

    kind: ClassVar = "log_normal"
    median: float
    log_deviation: float
    unit: str = ""
    source: str = ""

    def __post_init__(self):
        if not self.median > 0:
            raise ValueError(f"`median` must be above 0. Received: {self}. Give for example LogNormal(8.0, 0.2).")
        self._logarithm  # noqa: B018 - its own checks

    @property
    def _logarithm(self) -> Normal:
        return Normal(math.log(self.median), self.log_deviation)

    def quantile(self, fraction, ops=array_math):
        return ops.exp(self._logarithm.quantile(fraction, ops))

    def times(self, factor):
        return dataclasses.replace(self, median=self.median * factor)

    @property
    def low(self) -> float:
        return math.exp(self._logarithm.low)

    @property
    def high(self) -> float:
        return math.exp(self._logarithm.high)


def positive(mean: float, deviation: float, unit: str = "", source: str = "") -> Normal | LogNormal:
    """Returns the distribution of a quantity above 0 that is published as mean +- standard deviation.

    It is a normal distribution truncated at 0 that has this mean and deviation after truncation, or, since no truncated
    one deviates by more than its mean, a log-normal one where the deviation exceeds 0.9 of the mean.

    Args:
      mean: above 0.
      deviation: standard deviation, above 0.
      unit: of both.
      source: reference of the numbers.

    Raises:
      ValueError: if a number is not above 0.

    Example:

    >>> positive(2.27, 1.16)
    Normal(mean=2.1336, deviation=1.2865, at_least=0.0, at_most=None, unit='', source='')
    """
    ratio = check_positive("deviation", deviation, 1.0) / check_positive("mean", mean, 2.0)
    if ratio > MOST_TRUNCATED:
        log_variance = math.log1p(ratio**2)
        median = round(mean / math.exp(log_variance / 2), 4)
        return LogNormal(median, round(math.sqrt(log_variance), 4), unit, source)

    def moments(start: float) -> tuple[float, float]:
        """Returns mean and deviation of N(start, 1) truncated at 0."""
        hazard = math.exp(-(start**2) / 2) / math.sqrt(2 * math.pi) / float(ndtr(start))
        return start + hazard, math.sqrt(1 - hazard * (start + hazard))

    def excess(start: float) -> float:
        reached, width = moments(start)
        return width / reached - ratio

    # Beyond 1 / ratio + 1 truncation does not matter.
    start = brentq(excess, -2.5, 1 / ratio + 1)
    scale = mean / moments(start)[0]
    return Normal(round(start * scale, 4), round(scale, 4), at_least=0.0, unit=unit, source=source)


def inside(fraction: Any) -> Any:
    """Moves fractions from 0 to 1 slightly inwards: the quantiles of 0 and 1 are infinite for a normal distribution.

    The step is half of the smallest step of single-precision uniform numbers.
    """
    return 2.0**-25 + (1 - 2.0**-24) * fraction


def plain(value: Any) -> Any:
    """Returns arrays and tuples as lists, and anything else unchanged."""
    return value.tolist() if isinstance(value, np.ndarray) else list(value) if isinstance(value, tuple) else value
