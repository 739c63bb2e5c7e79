"""How numbers are written in a report."""

from collections.abc import Callable

from mrs_keras.evaluation.summaries import Summary


def percent(value: float) -> str:
    """Returns a fraction as percent with two digits."""
    return f"{100 * value:.2f} %"


def small_percent(value: float) -> str:
    """Returns a fraction as percent, tiny ones as an upper bound."""
    return percent(value) if value >= 5e-5 else "< 0.01 %"


def number(value: float, digits: int = 3) -> str:
    """Returns a number, tiny ones as an upper bound."""
    smallest = 10.0**-digits
    return f"{value:.{digits}f}" if value == 0 or abs(value) >= smallest / 2 else f"< {smallest:.{digits}f}"


def cells(summary: Summary, text: Callable[[float], str] = small_percent) -> tuple[str, str]:
    """Returns median and 95th percentile as two cells of a table."""
    return text(summary.median), text(summary.percentile_95)


def both(summary: Summary, text: Callable[[float], str] = small_percent) -> str:
    """Returns median and 95th percentile in one cell."""
    return " / ".join(cells(summary, text))
