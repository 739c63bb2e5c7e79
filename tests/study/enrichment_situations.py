"""Tasks of the study of enrichment whose scores are made up, for tests of what the report says about them."""

import dataclasses
import math

import numpy as np

from mrs_keras.study.enrichment.arm_names import CLASSICAL
from mrs_keras.study.enrichment.comparisons import PLACEBO, PLACEBO_REFERENCES, REFERENCES
from mrs_keras.study.enrichment.judged_task import LEVELS, JudgedTask
from mrs_keras.study.enrichment.results import Comparison, Interval, Score, TaskResults

TRAINED_ON_SIMULATIONS = ("cvae_of_simulations", "hybrid", "simulations_and_hybrid")

LABELS = ("tNAA_over_tCr", "tCho_over_tCr", "mI_over_tCr", "GSH_over_tCr")

CONCORDANCES = {
    "mean": (0.0, 0.0, 0.0),
    "real": (0.20, 0.28, 0.45),
    "noise": (0.24, 0.31, 0.46),
    "classical": (0.30, 0.38, 0.52),
    "classical_again": (0.305, 0.376, 0.521),
    "placebo": (0.18, 0.21, 0.22),
    "mixup": (0.29, 0.37, 0.50),
    "cvae": (0.28, 0.36, 0.51),
    "simulations": (0.55, 0.62, 0.66),
    "cvae_of_simulations": (None, 0.55, None),
    "simulations_of_all": (0.60, 0.64, 0.66),
    "hybrid": (None, 0.60, None),
    "simulations_and_hybrid": (None, 0.66, None),
    "outside": (0.74, 0.74, 0.74),
    "outside_recalibrated": (0.77, 0.80, 0.82),
}
"""Arm -> concordance at 8, 16 and all subjects; `None`: not tried."""


def situation(
    concordances=CONCORDANCES,
    *,
    changes=None,
    regressors=("perceptron", "ridge"),
    reach=0.06,
    truths=("LCModel", "Osprey"),
    **fields,
):
    """Returns a task: limits are `reach` above and below, errors fall as concordances rise, ridge is 0.04 better.

    Args:
      concordances: arm -> concordance at each size.
      changes: further concordances, or `None` for an arm that is left out. Defaults to `None`.
      regressors: names.
      reach: of the limits of differences.
      truths: names of the labellers.
      fields: of `TaskResults`.
    """
    concordances = {arm: each for arm, each in (concordances | (changes or {})).items() if each is not None}
    results = TaskResults(
        **{
            "title": "In vivo",
            "labels": LABELS,
            "truths": {truth: np.ones((72, len(LABELS))) for truth in truths},
            "subjects": tuple(f"sub-{row:02d}" for row in range(72)),
            "sites": tuple(f"S{row % 6}" for row in range(72)),
            "sizes": ("8", "16", "all"),
            "labelled": {"8": 8.0, "16": 16.0, "all": 48.0},
            "main_size": "16",
            "predictions": {},
        }
        | fields
    )
    scores = []
    for arm, values in concordances.items():
        for regressor in ("",) if arm in LEVELS else regressors:
            for size, value in zip(results.sizes, values, strict=True):
                if value is not None:
                    value += 0.04 * (regressor == "ridge")
                    scores += [_score(arm, regressor, size, truth, value, reach) for truth in truths]
    return JudgedTask(results, scores, list(_comparisons(scores, reach)))


def changed_comparison(task, change, **where):
    """Returns the task with other values in all comparisons that have the attributes of `where`."""
    comparisons = [
        dataclasses.replace(each, **change)
        if all(getattr(each, name) == value for name, value in where.items())
        else each
        for each in task.comparisons
    ]
    return dataclasses.replace(task, comparisons=comparisons)


def _error(concordance):
    return 10 - 6 * concordance


def _score(arm, regressor, size, truth, value, reach):
    by_label = {
        label: {"concordance": value + 0.05 * place, "error": 5.0 + place, "slope": value + 0.1, "bias": place - 1.5}
        for place, label in enumerate(LABELS)
    }
    draws = 2 if arm in TRAINED_ON_SIMULATIONS else 10
    error = _error(value)
    return Score(
        arm=arm,
        regressor=regressor,
        size=size,
        truth=truth,
        draws=draws,
        concordance=Interval(value, value - 1.5 * reach, value + 1.5 * reach),
        error=Interval(error, 0.9 * error, 1.1 * error),
        by_label=by_label,
    )


def _comparisons(scores, reach):
    for reference in (*REFERENCES, *PLACEBO_REFERENCES):
        for other in (each for each in scores if each.arm == reference):
            for each in scores:
                if each.arm == reference or each.regressor not in ("", other.regressor):
                    continue
                if reference in PLACEBO_REFERENCES and each.arm != PLACEBO:
                    continue
                if (each.size, each.truth) == (other.size, other.truth):
                    yield _comparison(each, other, reach)


def _comparison(each, other, reach):
    value = each.concordance.value - other.concordance.value
    error = 100 * (each.error.value / other.error.value - 1)
    interval = Interval(value, value - reach, value + reach)
    verdict = "better" if interval.low > 0 else "worse" if interval.high < 0 else "unresolved"
    first = other.arm == CLASSICAL and each.size == "16" and each.arm != "classical_again"
    return Comparison(
        arm=each.arm,
        reference=other.arm,
        regressor=other.regressor,
        size=each.size,
        truth=each.truth,
        draws=min(each.draws, other.draws),
        concordance=interval,
        error=Interval(error, error - 100 * reach, error + 100 * reach),
        p=0.001 if verdict != "unresolved" else 0.4,
        p_holm=(0.01 if verdict != "unresolved" else 1.0) if first else math.nan,
        resolvable=1.4 * reach,
        verdict=verdict,
    )


@dataclasses.dataclass(frozen=True)
class MadeUpWorth:
    """As the study says how many subjects an arm is worth."""

    subjects: float
    bound: str = ""

    def __str__(self):
        return f"{self.bound} {self.subjects:.0f}".strip()
