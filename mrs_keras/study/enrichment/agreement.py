"""Sums of truths and predictions by site and draw: all that the measures of agreement and their bootstrap need."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mrs_keras.study.enrichment.results import Cell, TaskResults

ROUNDING = 1e-12
"""A mean square below this share of the second moments is rounding, not spread."""


@dataclasses.dataclass(frozen=True, eq=False)
class AgreementSums:
    """Sums over subjects, of truth and predictions minus one constant per label, which keeps digits.

    All arrays are float (arms, sites, draws, labels), or (arms, replicates, draws, labels) after `pooled`; `arms` is 1
    where arms do not differ: they are compared on the same subjects.

    Attributes:
      count: number of subjects.
      truth, truth_squared: sums of the centred truth and of its square.
      prediction, prediction_squared, product: the same of the centred predictions, and of their product with the truth.
      percent_error: sum of 100 |prediction / truth - 1|, of those with a truth other than 0.
      percent_count: number of those.
      centre: the constant, float (labels,).
      labels: names of those that are compared.
    """

    count: np.ndarray
    truth: np.ndarray
    truth_squared: np.ndarray
    prediction: np.ndarray
    prediction_squared: np.ndarray
    product: np.ndarray
    percent_error: np.ndarray
    percent_count: np.ndarray
    centre: np.ndarray
    labels: tuple[str, ...]

    @property
    def sites(self) -> int:
        """Number of sites."""
        return self.count.shape[1]

    @property
    def draws(self) -> int:
        """Number of draws."""
        return self.count.shape[2]

    @property
    def sites_of_labels(self) -> np.ndarray:
        """Number of sites that have subjects for each label, int (labels,)."""
        return (self.count[0] > 0).any(axis=1).sum(axis=0)

    def pooled(self, weights: np.ndarray) -> "AgreementSums":
        """Pools the subjects of all sites.

        Args:
          weights: float (replicates, sites), how many times a site is in a replicate.
        """
        sums = {name: value for name, value in vars(self).items() if name not in ("centre", "labels")}
        return dataclasses.replace(
            self, **{name: np.einsum("bs,asdl->abdl", weights, value, optimize=True) for name, value in sums.items()}
        )

    def concordance(self) -> np.ndarray:
        """Lin's concordance correlation coefficient: 2 s_tp / (s_t^2 + s_p^2 + (mean t - mean p)^2).

        Variances and covariance divide by n, as in Lin (1989), Biometrics 45:255-268, doi 10.2307/2532051. It is 0 of
        a constant prediction, and where there is no spread at all; NaN without subjects. A prediction that is constant
        in each rotation of the held-out sites, but not over them, has a small one of either sign.

        Returns:
          float (arms, sites or replicates, draws, labels).
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            truth, prediction = self.truth / self.count, self.prediction / self.count
            moments = (self.truth_squared + self.prediction_squared) / self.count
            # s_t^2 + s_p^2 + (mean t - mean p)^2 = mean t^2 + mean p^2 - 2 mean t mean p
            scale = moments - 2 * truth * prediction
            found = 2 * (self.product / self.count - truth * prediction) / scale
        return np.where(scale <= ROUNDING * moments, 0.0, found)

    def error(self) -> np.ndarray:
        """Mean absolute percentage error, percent, shaped as `concordance`; subjects with a truth of 0 are left out."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self.percent_error / self.percent_count

    def slope(self) -> np.ndarray:
        """Slope of the least-squares line of the predictions on the truth; NaN where the truth has no spread."""
        with np.errstate(invalid="ignore", divide="ignore"):
            truth, square = self.truth / self.count, self.truth_squared / self.count
            covariance = self.product / self.count - truth * self.prediction / self.count
            variance = square - truth**2
            return np.where(variance > ROUNDING * square, covariance / variance, np.nan)

    def bias(self) -> np.ndarray:
        """Mean of predictions minus mean of truths, percent of the mean of truths."""
        with np.errstate(invalid="ignore", divide="ignore"):
            difference = (self.prediction - self.truth) / self.count
            return 100 * difference / (self.truth / self.count + self.centre)


def agreement_sums(
    results: TaskResults, truth: str, size: str, arms: Sequence[tuple[str, str]]
) -> AgreementSums | None:
    """Sums up the predictions of one arm, or of several on the same draws, subjects and labels.

    A subject counts for a label where the truth and the predictions of all arms are finite. Labels that no subject has
    are left out; draws that lack one of the others are too.

    Args:
      results: of a task.
      truth: name of the labeller.
      size: of the training set.
      arms: arm and regressor of each.

    Returns:
      The sums, sites in the order of their names, or `None` where nothing can be compared.
    """
    draws = common_draws(results, size, arms)
    if not draws:
        return None
    truths = np.asarray(results.truths[truth], np.float64)
    predictions = np.array(
        [[results.predictions[Cell(arm, regressor, size, draw)] for draw in draws] for arm, regressor in arms],
        np.float64,
    )
    known = np.isfinite(truths) & np.isfinite(predictions).all(axis=0)
    labels = known.any(axis=(0, 1))
    complete = known[..., labels].any(axis=1).all(axis=1)
    known, predictions = known[complete][..., labels], predictions[:, complete][..., labels]
    if not known.size:
        return None
    truths = truths[:, labels]
    of_site = np.array([[site == each for site in results.sites] for each in sorted(set(results.sites))])
    of_site = of_site[(of_site @ known.any(axis=(0, 2)))].astype(np.float64)

    def summed(values: np.ndarray, where: np.ndarray = known) -> np.ndarray:
        return np.einsum("sn,adnl->asdl", of_site, np.where(where, values, 0.0), optimize=True)

    centre = np.array([truths[rows, label].mean() for label, rows in enumerate(known.any(axis=0).T)])
    t, p = (truths - centre)[None, None], predictions - centre
    nonzero = known & (truths != 0)
    percent = 100 * np.abs(predictions / np.where(truths == 0, np.nan, truths) - 1)
    one = np.ones((1, 1, 1, 1))
    return AgreementSums(
        count=summed(one),
        truth=summed(t),
        truth_squared=summed(t**2),
        prediction=summed(p),
        prediction_squared=summed(p**2),
        product=summed(t * p),
        percent_error=summed(percent, nonzero),
        percent_count=summed(one, nonzero),
        centre=centre,
        labels=tuple(np.array(results.labels)[labels].tolist()),
    )


def common_draws(results: TaskResults, size: str, arms: Sequence[tuple[str, str]]) -> list[int]:
    """Returns the draws, ascending, that all of these arms and regressors have at a size."""
    of_each = [
        {cell.draw for cell in results.predictions if cell[:3] == (arm, regressor, size)} for arm, regressor in arms
    ]
    return sorted(set.intersection(*of_each))
