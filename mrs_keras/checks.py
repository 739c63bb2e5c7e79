"""Input checks that several modules share, for consistent error messages."""

import numbers
from collections.abc import Iterable

import numpy as np


def check_positive(name: str, value: float, example: float) -> float:
    """Returns `value` as a float, or raises `ValueError` unless it is finite and above 0.

    Args:
      name: argument name, with its unit, as the caller wrote it.
      value: the number received.
      example: a valid number, for the message.
    """
    if isinstance(value, numbers.Real) and np.isfinite(value) and value > 0:
        return float(value)
    raise ValueError(
        f"`{name}` must be a finite number above 0. Received: {name}={value!r}. Give for example {name}={example}."
    )


def check_count(name: str, value: int, example: int, at_least: int = 1) -> int:
    """Returns `value` as an int, or raises `ValueError` unless it is a whole number >= `at_least`."""
    if isinstance(value, numbers.Integral) and not isinstance(value, bool) and value >= at_least:
        return int(value)
    raise ValueError(
        f"`{name}` must be a whole number of at least {at_least}. Received: {name}={value!r}. "
        f"Give for example {name}={example}."
    )


def check_finite(name: str, value) -> np.ndarray:
    """Returns `value` as an array, or raises `ValueError` if it contains NaN or infinity."""
    array = np.asarray(value)
    bad = ~np.isfinite(array)
    if not bad.any():
        return array
    raise ValueError(
        f"`{name}` must be finite. Received {int(bad.sum())} NaN or infinite value(s) in an array of shape "
        f"{array.shape}, the first at index {tuple(int(i) for i in np.argwhere(bad)[0])}. "
        "Remove or repair these values."
    )


def check_choice(name: str, value: str, choices: Iterable[str]) -> str:
    """Returns `value`, or raises `ValueError` unless it is one of `choices`."""
    choices = list(choices)
    if value in choices:
        return value
    raise ValueError(f"Unknown `{name}`. Expected one of: {', '.join(map(repr, choices))}. Received: {name}={value!r}.")
