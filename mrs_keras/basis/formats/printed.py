"""Numbers as printed in a file: the value, and the range that rounds to it."""

import dataclasses
import decimal
import re
from collections.abc import Iterable

import numpy as np

from mrs_keras.basis.formats.source_text import decimal_token

BANDWIDTH_TOLERANCE = 1e-4
FREQUENCY_TOLERANCE = 1e-3
"""Relative difference that is not a contradiction, if the printed digits are finer than that."""

_EDGE = 1 + 1e-9
"""Tolerance for rounding in the last bit at the ends of an interval."""


@dataclasses.dataclass(frozen=True)
class Printed:
    """A quantity from a file.

    A printed number means any value that rounds to it, within half a unit of the last digit: a dwell time of 0.000083 s
    means 0.0000825 to 0.0000835 s, which is 11,976 to 12,121 Hz.

    Attributes:
      value: as printed.
      low: lowest possible value.
      high: highest possible value.
      text: as the file prints it, with key and unit.
      coarse: whether the range exceeds the tolerance. A short number that gives a whole number of Hz, such as
        0.00025 s, is probably exact, and is not coarse.
    """

    value: float
    low: float
    high: float
    text: str
    coarse: bool = False

    def agrees(self, value: float, tolerance: float) -> bool:
        """Returns whether the file can mean `value`, within a tolerance."""
        return self.low / _EDGE <= value <= self.high * _EDGE or abs(value - self.value) <= tolerance * value

    def overlaps(self, other: "Printed") -> bool:
        """Returns whether two files can mean the same."""
        return max(self.low, other.low) <= min(self.high, other.high) * (1 + 1e-6)

    @property
    def width(self) -> float:
        """float: width of the range of possible values."""
        return self.high - self.low


def exactly(value: float, text: str) -> Printed:
    """Returns a quantity that its file stores with full precision."""
    return Printed(value, value, value, text)


def finest(quantities: Iterable[Printed]) -> Printed:
    """Returns the quantity that is printed with the most digits, the first of several."""
    return min(quantities, key=lambda printed: printed.width)


def printed_frequency(text: str, token: str, value_mhz: float, mhz_per_unit: float = 1.0) -> Printed:
    """Returns a spectrometer frequency, MHz.

    Args:
      text: how the file prints it, for messages.
      token: the printed number, in some unit.
      value_mhz: that number, MHz.
      mhz_per_unit: the unit in MHz. Defaults to `1.0`.
    """
    half = half_unit(token) * mhz_per_unit
    return Printed(
        value_mhz, max(value_mhz - half, 0.0), value_mhz + half, text, half > FREQUENCY_TOLERANCE * value_mhz
    )


def printed_bandwidth(text: str, token: str, dwell_s: float, s_per_unit: float = 1.0) -> Printed:
    """Returns a bandwidth, Hz, that a file prints as a dwell time.

    Args:
      text: how the file prints it, for messages.
      token: the printed number, in some unit.
      dwell_s: that number, s, above 0.
      s_per_unit: the unit in s. Defaults to `1.0`.
    """
    half, value = half_unit(token) * s_per_unit, 1 / dwell_s
    high = 1 / (dwell_s - half) if dwell_s > half else float("inf")
    coarse = half > BANDWIDTH_TOLERANCE * dwell_s and not probably_exact(token, value)
    return Printed(value, 1 / (dwell_s + half), high, text, coarse)


def probably_exact(token: str, bandwidth_hz: float) -> bool:
    """Returns whether a dwell time is exact: more than one digit, and `as_meant`.

    >>> probably_exact("2.5E-1", 4000.0), probably_exact("3E-1", 1 / 3e-4), probably_exact("0.000083", 1 / 83e-6)
    (True, False, False)
    """
    return len(_mantissa(token).replace(".", "").lstrip("+-0")) > 1 and as_meant(token, bandwidth_hz)


def as_meant(token: str, bandwidth_hz: float) -> bool:
    """Returns whether a dwell time gives a whole number of Hz, and was not printed with a fixed number of digits.

    >>> as_meant("0.0004", 2500.0), as_meant("0.000250", 4000.0), as_meant("0.000083", 1 / 83e-6)
    (True, False, False)
    """
    mantissa = _mantissa(token)
    filled_up = "." in mantissa and mantissa.endswith("0") and not mantissa.endswith(".0")
    return not filled_up and abs(bandwidth_hz - round(bandwidth_hz)) <= 1e-9 * bandwidth_hz


def _mantissa(token: str) -> str:
    return re.split("[eEdD]", token)[0]


def half_unit(token: str) -> float:
    """Returns half a unit of the last digit of a printed number, 0 if that is too small for a float.

    >>> half_unit("0.000083"), half_unit("2.5E-1"), half_unit("123"), half_unit("-0.83D-04")
    (5e-07, 0.005, 0.5, 5e-07)
    """
    try:
        exponent = decimal.Decimal(decimal_token(token)).as_tuple().exponent
        return float(decimal.Decimal((0, (5,), exponent - 1)))
    except (decimal.InvalidOperation, ValueError):  # an exponent with more digits than they accept
        return 0.0


def single_precision(value: float) -> float:
    """Returns the shortest number that rounds to `value` in single precision, if LCModel may have written it.

    >>> single_precision(0.000250000012), single_precision(123.261703), single_precision(0.00020000001)
    (0.00025, 123.2617, 0.00020000001)
    """
    with np.errstate(all="ignore"):
        rounded = np.float32(value)
    written_in_9_digits = float(f"{value:.9g}") == value
    return float(str(rounded)) if written_in_9_digits and f"{float(rounded):.9g}" == f"{value:.9g}" else value
