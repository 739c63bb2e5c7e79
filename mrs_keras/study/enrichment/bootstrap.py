"""Standard errors by a bootstrap over sites and draws."""

import functools
from typing import NamedTuple

import numpy as np
from scipy.stats import t

from mrs_keras.random_streams import BOOTSTRAP
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.study.enrichment.agreement import AgreementSums
from mrs_keras.study.enrichment.results import Interval

REPLICATES = 2000


class Estimate(NamedTuple):
    """A number with its standard error.

    Attributes:
      value: from all sites and draws.
      standard_error: of the value; NaN with fewer than two sites.
      degrees: degrees of freedom of Student's t, at most sites - 1.
    """

    value: float
    standard_error: float
    degrees: float

    @property
    def limits(self) -> Interval:
        """The value with 95 % limits, value +- t standard_error."""
        reach = float(t.ppf(0.975, self.degrees)) * self.standard_error
        return Interval(self.value, self.value - reach, self.value + reach)

    @property
    def p(self) -> float:
        """Two-sided p of a value of 0; 1 where neither the value nor any replicate differs from 0."""
        if self.value == 0 and self.standard_error == 0:
            return 1.0
        with np.errstate(divide="ignore"):
            return float(2 * t.sf(np.abs(np.float64(self.value) / self.standard_error), self.degrees))

    @property
    def resolvable(self) -> float:
        """The smallest value that two-sided tests at 5 % find with a power of 80 %: (t.975 + t.80) standard_error."""
        return float((t.ppf(0.975, self.degrees) + t.ppf(0.8, self.degrees)) * self.standard_error)


class Agreement(NamedTuple):
    """Of an arm, or of an arm minus a reference arm.

    Attributes:
      concordance: mean over labels and draws.
      log_error: logarithm of the mean percentage error over labels and draws; minus that of the reference.
    """

    concordance: Estimate
    log_error: Estimate


@functools.cache
def resampled(of: str, units: int) -> np.ndarray:
    """Draws `units - 1` of the units with replacement, for each replicate.

    With n - 1 of n the bootstrap's variance of a mean is s^2 / n with the unbiased s^2 (Rao and Wu 1988, J Am Stat
    Assoc 83:231-241, doi 10.1080/01621459.1988.10478591). With n of n it is (n - 1) / n of that: 14 % too small for
    seven sites, half for two draws. Replicate b depends on (of, units, b) alone. A single unit is always drawn.

    Args:
      of: name of the units.
      units: their number.

    Returns:
      float (REPLICATES, units), how many times each is drawn.
    """
    if units == 1:
        return np.ones((REPLICATES, 1))
    uniform = keyed_uniform(0, REPLICATES, units - 1, 0, BOOTSTRAP, of, units)
    drawn = np.floor(uniform * units).astype(int)
    return (drawn[..., None] == np.arange(units)).sum(axis=1).astype(np.float64)


def bootstrap(sums: AgreementSums) -> Agreement:
    """Estimates the agreement of one arm, or the first arm's minus the second's, with its standard error.

    Sites and draws are crossed: each replicate resamples the sites, with all of their subjects, and the draws, of which
    each predicts all sites; both arms have the same. For components of variance of sites, of draws and of their
    interaction the variance of a mean is expected to be that of sites and of draws, plus three times the part of the
    interaction (Owen 2007, Ann Appl Stat 1:386-411, doi 10.1214/07-AOAS122): the limits are wide rather than narrow
    for what changes with the draw at each site on its own. Student's t has sites - 1 degrees of freedom, and fewer
    where draws dominate, down to draws - 1: those of Satterthwaite (1946), Biometrics Bulletin 2:110-114, for the sum
    of the variances of sites and of draws, each from a bootstrap of its own. In simulated studies of seven sites 95 %
    limits of a difference of 0 held it in 95 to 100 %, with ten draws and with two, but with two in 91 % where
    an effect of the draw that all sites share is the only one. With one draw its share of the variance is not known:
    the limits are those over sites alone, and too narrow as soon as seeds matter (83 to 42 %): `comparisons_of` gives
    no verdict by them.

    Args:
      sums: of one or of two arms, sites and draws not pooled yet.

    Returns:
      The estimates. Replicates without any subject for a label are left out. Without two sites for each label the
      standard errors are NaN.
    """
    values = agreement_of(sums)
    most = int(sums.sites_of_labels.min()) - 1
    errors, degrees = [np.nan] * 2, [most] * 2
    if most > 0:
        sites, draws = resampled("sites", sums.sites), resampled("draws", sums.draws)
        errors = _deviations(_contrasts(sums, sites, draws))
        if sums.draws > 1:
            of_sites = _deviations(_contrasts(sums, sites, np.ones((1, sums.draws))))
            of_draws = _deviations(_contrasts(sums, np.ones((1, sums.sites)), draws))
            degrees = [_satterthwaite(*each, most, sums.draws - 1) for each in zip(of_sites, of_draws, strict=True)]
    return Agreement(*(Estimate(*each) for each in zip(values, errors, degrees, strict=True)))


def _deviations(replicates: np.ndarray) -> list[float]:
    """Returns the standard deviation of the finite replicates of each measure."""
    finite = [each[np.isfinite(each)] for each in replicates]
    return [float(np.std(each, ddof=1)) if len(each) > 1 else np.nan for each in finite]


def _satterthwaite(of_sites: float, of_draws: float, sites: int, draws: int) -> float:
    """Returns the degrees of freedom of the sum of two squared standard errors that have `sites` and `draws`."""
    both = of_sites**2 + of_draws**2
    return min(float(sites), both**2 / (of_sites**4 / sites + of_draws**4 / draws)) if both > 0 else float(sites)


def agreement_of(sums: AgreementSums) -> tuple[float, float]:
    """Returns concordance and log error, as in `Agreement`, without standard errors."""
    concordance, log_error = _contrasts(sums, np.ones((1, sums.sites)), np.ones((1, sums.draws)))[:, 0].tolist()
    return concordance, log_error


def _contrasts(sums: AgreementSums, sites: np.ndarray, draws: np.ndarray) -> np.ndarray:
    """Returns concordance and log error, arm minus reference, float (2, replicates)."""
    pooled = sums.pooled(sites)
    share = draws / draws.sum(axis=1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        measures = np.stack([_averaged(pooled.concordance(), share), np.log(_averaged(pooled.error(), share))])
        return measures[:, 0] - measures[:, 1] if measures.shape[1] > 1 else measures[:, 0]


def _averaged(of_draws: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Averages (arms, replicates, draws, labels) over labels and, by their share, draws. One replicate fits any."""
    return (of_draws.mean(axis=3) * share).sum(axis=2)
