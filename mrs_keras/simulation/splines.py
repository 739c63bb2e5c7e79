"""Smooth baselines as sums of cubic B-splines."""

import dataclasses
import functools
import itertools

import numpy as np
from scipy.interpolate import BSpline

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count, check_finite

DEGREE = 3


@dataclasses.dataclass(frozen=True)
class SplineBaseline:
    """Cubic B-splines with evenly spaced knots, which a baseline is a sum of; clamped at both ends.

    They sum to 1 everywhere (de Boor, A Practical Guide to Splines, 2001, doi 10.1007/978-1-4612-6333-3).

    Args:
      low_ppm: lower end, ppm.
      high_ppm: upper end, ppm.
      splines: number of splines, at least 4.
      causal: whether each spline has the imaginary part that a signal which begins at t = 0 has: minus the Hilbert
        transform of its real part, as dispersion belongs to absorption; that of the first and the last spline, which
        end abruptly, is infinite there. Defaults to `False`: splines are real.

    Raises:
      ValueError: if the ends are not in rising order, or there are too few splines.

    Example:

    >>> SplineBaseline(-1.0, 4.3, 20).regressors(Acquisition(ppm_window=(-1.0, 4.3))).shape
    (2048, 20)
    """

    low_ppm: float
    high_ppm: float
    splines: int
    causal: bool = False

    def __post_init__(self):
        check_count("splines", self.splines, 20, at_least=DEGREE + 1)
        check_finite("low_ppm and high_ppm", [self.low_ppm, self.high_ppm])
        if not self.low_ppm < self.high_ppm:
            raise ValueError(
                "`low_ppm` must be below `high_ppm`. "
                f"Received: low_ppm={self.low_ppm}, high_ppm={self.high_ppm}. Give for example -1.0 and 4.3."
            )

    def regressors(self, acquisition: Acquisition) -> np.ndarray:
        """Returns the splines on the points of a spectrum: (points, splines), 0 outside the ends, read-only.

        They are float64, or complex128 if they are causal.

        Raises:
          ValueError: if the acquisition's window exceeds the ends by more than a point.
        """
        step_ppm = acquisition.bandwidth_hz / acquisition.points / acquisition.spectrometer_frequency_mhz
        low, high = acquisition.ppm_window
        if low < self.low_ppm - step_ppm or high > self.high_ppm + step_ppm:
            raise ValueError(
                f"The baseline is defined from {self.low_ppm:g} to {self.high_ppm:g} ppm. Expected a window inside. "
                f"Received: ppm_window=({low:g}, {high:g}). Give the acquisition a narrower `ppm_window`."
            )
        return _regressors(self, acquisition)

    @property
    def centres_ppm(self) -> np.ndarray:
        """Centres of the splines, ppm: float64 (splines,). The first and the last three are nearer to the ends."""
        spacing = (self.high_ppm - self.low_ppm) / (self.splines - DEGREE)
        return self.low_ppm + spacing * (np.arange(self.splines) - 1)

    def to_dict(self) -> dict:
        """Returns the arguments as plain data."""
        return {name: value for name, value in dataclasses.asdict(self).items() if name != "causal" or value}


@functools.lru_cache(maxsize=32)
def _regressors(baseline: SplineBaseline, acquisition: Acquisition) -> np.ndarray:
    spans = baseline.splines - DEGREE
    inner = np.linspace(baseline.low_ppm, baseline.high_ppm, spans + 1)
    knots = np.concatenate([[inner[0]] * DEGREE, inner, [inner[-1]] * DEGREE])
    ppm = acquisition.ppm_axis
    step = ppm[1] - ppm[0]
    inside = (ppm > baseline.low_ppm - 1.5 * step) & (ppm < baseline.high_ppm + 1.5 * step)
    regressors = np.zeros((acquisition.points, baseline.splines), complex if baseline.causal else float)
    clipped = np.clip(ppm[inside], baseline.low_ppm, baseline.high_ppm)
    regressors[inside] = BSpline.design_matrix(clipped, knots, DEGREE).toarray()
    if baseline.causal:
        regressors[inside] -= 1j * _hilbert_transforms(clipped, knots, baseline.splines)
    regressors.setflags(write=False)  # shared by all callers
    return regressors


def _hilbert_transforms(ppm: np.ndarray, knots: np.ndarray, splines: int) -> np.ndarray:
    """Returns the integral of B(y) / (pi (x - y)) over y, for each x and spline B: float64 (points, splines).

    Between two knots a spline is a cubic p, for which the integral is

        p(x) ln |(x - a) / (x - b)| - integral of (p(x) - p(y)) / (x - y) from a to b

    whose integrand is a polynomial of the second degree in y: two nodes of Gauss integrate it exactly.
    """
    nodes, weights = np.polynomial.legendre.leggauss(2)
    ends = np.unique(knots)
    # The logarithm is infinite at a knot, where the parts of both sides cancel.
    x = ppm + 1e-9 * (ends[1] - ends[0])
    inside = np.linspace(0.1, 0.9, DEGREE + 1)
    transforms = np.zeros((len(x), splines))
    for a, b in itertools.pairwise(ends):
        u = (x - a) / (b - a)
        values = BSpline.design_matrix(a + inside * (b - a), knots, DEGREE).toarray()
        cubics = np.linalg.solve(np.vander(inside, increasing=True), values)  # coefficients of powers of u
        at_x = np.vander(u, DEGREE + 1, increasing=True) @ cubics
        transforms += at_x * np.log(np.abs(u / (u - 1)))[:, None]
        for node, weight in zip(nodes, weights, strict=True):
            v = (1 + node) / 2
            transforms -= weight / 2 * (at_x - v ** np.arange(DEGREE + 1) @ cubics) / (u - v)[:, None]
    return transforms / np.pi
