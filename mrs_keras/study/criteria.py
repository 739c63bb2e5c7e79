"""What generators are judged by: each measure, and the range in which it is good."""

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from mrs_keras.evaluation.realism import Realism
from mrs_keras.evaluation.realism.quantities import QUANTITIES
from mrs_keras.evaluation.realism.table import lag1_difference, median_over_sites
from mrs_keras.study.cross_validation import CONTROLS, SplitResult

FLOOR = CONTROLS["floor"]

Values = Callable[[Sequence[SplitResult], str], Sequence[float | None]]
"""Function from the results of all splits and a title to a number for each split, `None` where not measured."""


@dataclasses.dataclass(frozen=True)
class Criterion:
    """A measure, and the range in which it is good.

    Attributes:
      question: that it answers, in plain words.
      values: what is judged.
      low: lowest good mean. Defaults to `None`: no bound.
      high: highest good mean. Defaults to `None`: no bound.
      wanted: the range in words.
      signed: whether values are differences. Defaults to `False`.
    """

    question: str
    values: Values
    low: float | None = None
    high: float | None = None
    wanted: str = ""
    signed: bool = False


def criteria(results: Sequence[SplitResult], reference: str | None = None) -> list[Criterion]:
    """Returns what generators are judged by.

    Where sites are left out, classifiers and distributions are not judged: spectra of one site differ from those of the
    others in any case, real or generated.

    Args:
      results: of all splits.
      reference: title of the generator whose utility the others are compared with, beside that of the real spectra in
        the training. Defaults to `None`: none.
    """
    by_site = results[0].split.site is not None
    labels = dict.fromkeys(label for each in results for label in each.realism[FLOOR].utility or {})
    nearest = (0.85, 1.3) if by_site else (0.95, 1.15)
    above = "at most {:+.2f} above real against real"
    told = [
        *(
            Criterion(question, _above_floor(read), None, high, above.format(high), signed=True)
            for question, high, read in (
                ("Are they told from real spectra? Support-vector machine", 0.08, lambda one: one.two_sample.svm),
                ("The same by a sharper measure: AUC", 0.18, lambda one: one.two_sample.auc),
                (
                    "Is fine structure or noise wrong? AUC of second differences",
                    0.15,
                    lambda one: one.two_sample.auc_second_differences,
                ),
            )
        ),
    ]
    distributions = [
        *(
            Criterion(
                f"Is the {QUANTITIES[name]} distributed as in scans? Kolmogorov-Smirnov",
                _above_floor(lambda one, name=name: one.quantities[name].ks),
                None,
                0.04,
                above.format(0.04),
                signed=True,
            )
            for name in JUDGED_QUANTITIES
        ),
        *(
            Criterion(
                f"Does the {QUANTITIES[name]} vary as much? Ratio of deviations",
                _each(lambda one, name=name: one.quantities[name].deviation_ratio),
                0.9,
                1.1,
                "0.9 to 1.1",
            )
            for name in JUDGED_QUANTITIES
        ),
    ]
    return [
        *([] if by_site else told),
        Criterion(
            "Are they copies (low), or unlike all scans (high)? Nearest-neighbour ratio",
            _each(lambda one: one.memorisation.nearest_ratio),
            *nearest,
            f"{nearest[0]} to {nearest[1]}",
        ),
        Criterion(
            "Do they tell who was in the training? Membership AUC",
            _each(lambda one: one.memorisation.membership),
            None,
            0.6,
            "at most 0.60",
        ),
        Criterion(
            "Does the loss of the model tell it? White-box membership AUC",
            _each(lambda one: one.memorisation.white_box),
            None,
            0.62,
            "at most 0.62",
        ),
        *([] if by_site else distributions),
        *(
            Criterion(question, values, 0.97, 1.03, "0.97 to 1.03")
            for question, values in (
                (
                    "Is the level of the noise that of the scans? Ratio, median of sites",
                    _each(lambda one: median_over_sites(one, "noise")),
                ),
                ("The same at the site where it is most wrong", _furthest_site("noise")),
                (
                    "The same of the noise found inside the window, median of sites",
                    _each(lambda one: median_over_sites(one, "noise_in_window")),
                ),
            )
        ),
        Criterion(
            "Is the noise as white as in scans? Lag-1 autocorrelation, difference",
            _each(lag1_difference),
            -0.03,
            0.03,
            "-0.03 to +0.03",
            signed=True,
        ),
        *(
            Criterion(
                f"Does a regression learn {label} from them? Correlation above that of {other}",
                _utility_above(label, other),
                0.0,
                None,
                "0 or more",
                signed=True,
            )
            for label in labels
            for other in (FLOOR, reference)
            if other is not None
        ),
        Criterion(
            "Are spectra never seen reconstructed? Error over that of 32 principal components",
            _each(lambda one: one.reconstruction and one.reconstruction.median / one.reconstruction.pca),
            None,
            1.0,
            "at most 1",
        ),
    ]


JUDGED_QUANTITIES = ("snr", "fwhm_naa_hz", "fwhm_cr_hz")
"""Quantities whose distribution is judged."""


def _each(read: Callable[[Realism], float | None]) -> Values:
    return lambda results, title: [read(each.realism[title]) for each in results]


def _above_floor(read: Callable[[Realism], float]) -> Values:
    """Differences from the floor of the same split."""
    return lambda results, title: [read(each.realism[title]) - read(each.realism[FLOOR]) for each in results]


def _utility_above(label: str, other: str) -> Values:
    """Differences from the utility of another generator, or of real spectra, in the same split."""

    def values(results: Sequence[SplitResult], title: str) -> list[float | None]:
        if title == other:
            return []
        pairs = [[(each.realism[name].utility or {}).get(label) for name in (title, other)] for each in results]
        return [None if None in pair else pair[0] - pair[1] for pair in pairs]

    return values


def _furthest_site(name: str) -> Values:
    """Ratios of the site whose mean over splits is furthest from 1."""

    def values(results: Sequence[SplitResult], title: str) -> list[float | None]:
        by_site: dict[str, list[float]] = {}
        for each in results:
            for site, agreement in each.realism[title].sites.items():
                if getattr(agreement, name) is not None:
                    by_site.setdefault(site, []).append(getattr(agreement, name))
        return max(by_site.values(), key=lambda ratios: abs(np.mean(ratios) - 1), default=[])

    return values
