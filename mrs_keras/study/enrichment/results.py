"""What the study of enrichment measures: predictions, scores, and differences between arms."""

import dataclasses
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

ALL = "all"
"""Size of a training set that has all labelled subjects of the training sites."""


class Cell(NamedTuple):
    """One trained regressor for each rotation of the held-out sites.

    Attributes:
      arm: name of the arm, a key of `ARMS`.
      regressor: `"perceptron"` or `"ridge"`; `""` for arms that train none.
      size: number of labelled training subjects as text, such as `"16"`, or `"all"`.
      draw: number of the draw of subjects and seeds.
    """

    arm: str
    regressor: str
    size: str
    draw: int


@dataclasses.dataclass(frozen=True, eq=False)
class TaskResults:
    """All predictions of a task. Each subject is predicted once in each cell: when its site is held out.

    Attributes:
      title: of the task.
      labels: names, such as `tNAA_over_tCr`.
      truths: name of the labeller -> float (subjects, labels), NaN where missing. The first is the primary one.
      subjects: names.
      sites: of the subjects; they are resampled as wholes.
      sizes: ascending, such as `("8", "16", "all")`.
      labelled: size -> mean number of labelled training subjects.
      main_size: size at which arms are compared first; an arm that is expensive may exist at this one alone.
      predictions: float (subjects, labels) of each cell. Rows are NaN where a site is never held out.
      failures: arm -> what went wrong, for arms without predictions in some cells.
      fidelity: arm -> label error of its generated spectra, numbers by name.
      networks: arm -> number of trained networks for each rotation that its draws share; arms whose draws share none
        are left out.
    """

    title: str
    labels: tuple[str, ...]
    truths: Mapping[str, np.ndarray]
    subjects: tuple[str, ...]
    sites: tuple[str, ...]
    sizes: tuple[str, ...]
    labelled: Mapping[str, float]
    main_size: str
    predictions: Mapping[Cell, np.ndarray]
    failures: Mapping[str, str] = dataclasses.field(default_factory=dict)
    fidelity: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    networks: Mapping[str, int] = dataclasses.field(default_factory=dict)


class Interval(NamedTuple):
    """An estimate with its 95 % limits; NaN where it cannot be computed."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True, eq=False)
class Score:
    """How well an arm predicts one truth.

    Attributes:
      arm, regressor, size: as in `Cell`.
      truth: name of the labeller.
      draws: number of draws.
      concordance: Lin's concordance correlation coefficient, mean over labels and draws.
      error: mean absolute percentage error, percent, mean over labels and draws.
      by_label: label -> `concordance`, `error` (percent), `slope` (of the predictions on the truth), `bias` (percent of
        the mean of the truth), each the mean over draws.
    """

    arm: str
    regressor: str
    size: str
    truth: str
    draws: int
    concordance: Interval
    error: Interval
    by_label: Mapping[str, Mapping[str, float]]


@dataclasses.dataclass(frozen=True, eq=False)
class Comparison:
    """The difference between an arm and a reference arm, same regressor, size, truth and draws.

    Attributes:
      arm, reference, regressor, size, truth: what is compared.
      draws: number of draws that both have.
      concordance: arm minus reference, mean over labels.
      error: relative difference of the percentage errors, percent: 100 (arm / reference - 1).
      p: of the difference of concordance, two-sided.
      p_holm: after Holm, over the comparisons of its family; NaN outside of it.
      resolvable: smallest difference of concordance that would have been found with a power of 80 %.
      verdict: `better`, `worse`, `within 5 %` or `unresolved`, which it always is with one draw.
    """

    arm: str
    reference: str
    regressor: str
    size: str
    truth: str
    draws: int
    concordance: Interval
    error: Interval
    p: float
    p_holm: float
    resolvable: float
    verdict: str
