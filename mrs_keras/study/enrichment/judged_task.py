"""A task with its scores and comparisons, which are found here by what they are of."""

import dataclasses
import math
from collections.abc import Sequence

from mrs_keras.study.enrichment.arm_names import AGAIN, ARMS, CLASSICAL, MEAN, OUTSIDE, RECALIBRATED
from mrs_keras.study.enrichment.comparisons import PLACEBO
from mrs_keras.study.enrichment.results import ALL, Comparison, Interval, Score, TaskResults

CONTROLS = (AGAIN, PLACEBO)
"""Arms that are there to be caught if the study finds what is not there."""

LEVELS = (MEAN, OUTSIDE, RECALIBRATED)
"""Arms that train nothing: the others are read against them."""


def title_of(arm: str) -> str:
    """Returns the title of an arm as in tables and figures."""
    return ARMS[arm].title if arm in ARMS else arm


@dataclasses.dataclass(frozen=True, eq=False)
class JudgedTask:
    """Attributes:
    results: of the task.
    scores: of all arms, sizes and truths.
    comparisons: of arms with reference arms.
    """

    results: TaskResults
    scores: Sequence[Score]
    comparisons: Sequence[Comparison]

    @property
    def truth(self) -> str:
        """Name of the primary labeller."""
        return next(iter(self.results.truths))

    @property
    def main(self) -> str:
        """Size at which arms are compared first."""
        return self.results.main_size

    @property
    def arms(self) -> list[str]:
        """Arms that have scores, in the order of tables."""
        found = {each.arm for each in self.scores}
        return [arm for arm in ARMS if arm in found] + sorted(found - set(ARMS))

    @property
    def tried(self) -> list[str]:
        """Arms that someone would use: neither controls, nor such as train nothing."""
        return [arm for arm in self.arms if arm not in (*CONTROLS, *LEVELS)]

    @property
    def regressors(self) -> list[str]:
        """Names of the regressors, without the `""` of arms that train none."""
        return list(dict.fromkeys(each.regressor for each in self.scores if each.regressor))

    def score(self, arm: str, regressor: str, size: str, truth: str | None = None) -> Score | None:
        """Returns the score of an arm, also of one that trains no regressor; `None` if there is none."""
        truth = truth or self.truth
        for each in self.scores:
            if (each.arm, each.size, each.truth) == (arm, size, truth) and each.regressor in (regressor, ""):
                return each if math.isfinite(each.concordance.value) else None
        return None

    def comparison(
        self, arm: str, reference: str, regressor: str, size: str, truth: str | None = None
    ) -> Comparison | None:
        """Returns a comparison, `None` if there is none."""
        wanted = (arm, reference, regressor, size, truth or self.truth)
        for each in self.comparisons:
            if (each.arm, each.reference, each.regressor, each.size, each.truth) == wanted:
                return each
        return None

    def compared(
        self, reference: str = CLASSICAL, size: str | None = None, truth: str | None = None
    ) -> list[Comparison]:
        """Returns all comparisons with a reference at a size, the main one if none is given, in the order of tables."""
        order = {arm: place for place, arm in enumerate(self.arms)}
        found = [
            each
            for each in self.comparisons
            if (each.reference, each.size, each.truth) == (reference, size or self.main, truth or self.truth)
        ]
        return sorted(found, key=lambda each: order.get(each.arm, len(order)))

    def told(self, reference: str = CLASSICAL, size: str | None = None) -> list[Comparison]:
        """Returns the comparisons that are worth words: of arms that someone would use, and not of an arm with itself.

        Two arms may be the same at a size, such as simulations of the n and of all scans, where the n are all scans.
        """
        return [
            each
            for each in self.compared(reference, size)
            if each.arm in self.tried and math.isfinite(each.concordance.value) and not is_identical(each)
        ]

    def sizes_of(self, arm: str) -> list[str]:
        """Returns the sizes at which an arm has scores by the primary truth, ascending."""
        found = {each.size for each in self.scores if (each.arm, each.truth) == (arm, self.truth)}
        return [size for size in self.results.sizes if size in found]

    def subjects(self, size: str) -> str:
        """Returns the size of a training set in words, such as `16 labelled subjects`."""
        if size != ALL:
            return f"{size} labelled subjects"
        number = self.results.labelled.get(ALL, math.nan)
        return "all labelled subjects" + (f" ({number:.0f} on average)" if math.isfinite(number) else "")


def is_identical(each: Comparison) -> bool:
    """Returns whether both arms predict the same, so that there is nothing to be found."""
    return each.concordance.value == 0 and each.p == 1


def ranked(found: Sequence[Comparison]) -> list[str]:
    """Returns the arms, that of the largest mean difference of concordance first."""
    values: dict[str, list[float]] = {}
    for each in found:
        values.setdefault(each.arm, []).append(each.concordance.value)
    return sorted(values, key=lambda arm: -sum(values[arm]) / len(values[arm]))


def holds_zero(interval: Interval) -> bool | None:
    """Returns whether 0 is inside the limits, `None` if there are no limits."""
    if not (math.isfinite(interval.low) and math.isfinite(interval.high)):
        return None
    return interval.low <= 0 <= interval.high


def with_limits(interval: Interval, sign: str = "", digits: int = 2, unit: str = "") -> str:
    """Returns an estimate with its limits, such as `0.61 (0.50 to 0.70)` or `-26 % (-35 to -15)`.

    Args:
      interval: to be written.
      sign: `"+"` for differences. Defaults to `""`.
      digits: after the point. Defaults to `2`.
      unit: after the estimate, such as `" %"`. Defaults to `""`.
    """
    if not math.isfinite(interval.value):
        return "not measured"
    # 0.0 is added since -0.001 would become -0.00.
    value, low, high = (round(each, digits) + 0.0 if math.isfinite(each) else each for each in interval)
    limits = "no limits" if holds_zero(interval) is None else f"{low:.{digits}f} to {high:.{digits}f}"
    return f"{value:{sign}.{digits}f}{unit} ({limits})"


def difference(each: Comparison, error: bool = True) -> str:
    """Returns a comparison with its limits: of the concordance, and of the error unless that is left out."""
    text = with_limits(each.concordance, "+")
    if error and math.isfinite(each.error.value):
        text += f", error {with_limits(each.error, '+', 0, ' %')}"
    return text


def with_regressor(regressor: str) -> str:
    """Returns `with the perceptron`, `with ridge`, or nothing."""
    if not regressor:
        return ""
    return f"with the {regressor}" if regressor == "perceptron" else f"with {regressor}"


def listed(parts: Sequence[str]) -> str:
    """Returns `a, b and c`."""
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)
