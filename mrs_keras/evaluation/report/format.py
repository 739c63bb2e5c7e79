"""How numbers are written in a report."""

from collections.abc import Mapping

SOURCES = {"fitted": "fitted prior", "standard_normal": "standard normal prior", "simulated": "simulated spectra"}
"""Where spectra come from -> what a reader sees."""


def percent(value: float) -> str:
    """Returns a fraction as percent with two digits."""
    return f"{100 * value:.2f} %"


def small_percent(value: float) -> str:
    """Returns a fraction as percent, tiny ones as what they are at most."""
    return percent(value) if value >= 5e-5 else "< 0.01 %"


def number(value: float, digits: int = 3) -> str:
    """Returns a number, tiny ones as what they are at most."""
    smallest = 10.0**-digits
    return f"{value:.{digits}f}" if value == 0 or abs(value) >= smallest / 2 else f"< {smallest:.{digits}f}"


def both(summary: Mapping[str, float], text=small_percent) -> str:
    """Returns median and 95th percentile in one cell."""
    return f"{text(summary['median'])} / {text(summary['percentile_95'])}"
