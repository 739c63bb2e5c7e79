"""What is good about a generator and what is not: each measure beside what is wanted, with limits over splits."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.stats import t

from mrs_keras.study.criteria import Criterion, criteria
from mrs_keras.study.cross_validation import CONTROLS, SplitResult


@dataclasses.dataclass(frozen=True)
class Verdict:
    """A measure of a generator, judged.

    Attributes:
      question: of the criterion.
      title: of the generator.
      wanted: the range in words.
      mean: over splits.
      limits: 95 % limits of the mean by `limits_of_mean`; `None` for one split.
      naive_limits: the same as if splits were independent, which they are not.
      beyond: how far the mean is outside of the range: 0 inside, above 0 too high, below 0 too low.
      uncertain: whether a bound of the range is inside the limits.
      signed: whether the mean is a difference.
    """

    question: str
    title: str
    wanted: str
    mean: float
    limits: tuple[float, float] | None
    naive_limits: tuple[float, float] | None
    beyond: float
    uncertain: bool
    signed: bool

    def __str__(self) -> str:
        sign = "+" if self.signed else ""
        number = f"{self.mean:{sign}.2f}"
        if self.limits is not None:
            number += f" ({self.limits[0]:{sign}.2f} to {self.limits[1]:{sign}.2f})"
        return f"{number}: {self.words}"

    @property
    def words(self) -> str:
        """The verdict in plain words."""
        size = f"{abs(self.beyond):.2f}" if abs(self.beyond) >= 0.005 else "less than 0.01"
        words = "good" if self.beyond == 0 else f"{size} too {'high' if self.beyond > 0 else 'low'}"
        return f"{words}, perhaps by chance" if self.uncertain else words


def limits_of_mean(
    values: np.ndarray, held_out_over_training: float = 0.0, level: float = 0.95
) -> tuple[float, float] | None:
    """Returns limits of a mean over splits by Student's t, widened since splits share their subjects.

    The variance of the mean is s^2 (1 / J + n_held_out / n_training) for J splits, that of the corrected resampled
    t-test (Nadeau and Bengio 2003, Mach Learn 52:239-281, doi 10.1023/A:1024068626366), instead of s^2 / J. It
    covers chance in what is held out. Of other subjects from other sites it says nothing.

    Args:
      values: float (splits,).
      held_out_over_training: ratio of their numbers. Defaults to `0.0`: as if splits were independent.
      level: share of such intervals that contain the mean. Defaults to `0.95`.

    Returns:
      Lower and upper limit, or `None` for fewer than two splits.

    Example:

    >>> low, high = limits_of_mean(np.array([0.1, 0.2, 0.3]), held_out_over_training=0.5)
    >>> print(f"{low:.2f} to {high:.2f}")
    -0.19 to 0.59
    """
    if len(values) < 2:
        return None
    variance = values.var(ddof=1) * (1 / len(values) + held_out_over_training)
    reach = t.ppf((1 + level) / 2, len(values) - 1) * np.sqrt(variance)
    return float(values.mean() - reach), float(values.mean() + reach)


def judge(results: Sequence[SplitResult], title: str, criterion: Criterion) -> Verdict | None:
    """Returns the verdict on a generator by a criterion, `None` if it was not measured in any split."""
    values = np.array([v for v in criterion.values(results, title) if v is not None and np.isfinite(v)], np.float64)
    if not len(values):
        return None
    mean = float(values.mean())
    low = -np.inf if criterion.low is None else criterion.low
    high = np.inf if criterion.high is None else criterion.high
    ratio = float(np.mean([each.held_out_over_training for each in results]))
    limits = limits_of_mean(values, ratio)
    return Verdict(
        question=criterion.question,
        title=title,
        wanted=criterion.wanted,
        mean=mean,
        limits=limits,
        naive_limits=limits_of_mean(values),
        beyond=min(mean - low, 0.0) + max(mean - high, 0.0),
        uncertain=limits is not None and any(limits[0] < bound < limits[1] for bound in (low, high)),
        signed=criterion.signed,
    )


def verdicts_on(results: Sequence[SplitResult], reference: str | None = None) -> list[Verdict]:
    """Returns all verdicts, one criterion after the other, on all generators but the controls.

    Args:
      results: of all splits.
      reference: title of the generator whose utility the others are compared with, beside that of the real spectra in
        the training. Defaults to `None`: none.
    """
    titles = [title for title in results[0].realism if title not in CONTROLS.values()]
    found = []
    for criterion in criteria(results, reference):
        of_each = [judge(results, title, criterion) for title in titles]
        found += [verdict for verdict in of_each if verdict is not None]
    return found
