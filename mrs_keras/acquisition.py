"""The acquisition parameters of a spectrum, and its axes."""

import dataclasses
import functools

import numpy as np

from mrs_keras.checks import check_count, check_positive

PPM_REFERENCE = 4.65
"""Chemical shift in ppm of the spectrometer frequency (water at body temperature)."""


@dataclasses.dataclass(frozen=True)
class Acquisition:
    """How a spectrum was sampled, and which window of it is kept.

    The axes are those of FSL-MRS (Clarke et al. 2021, doi 10.1002/mrm.28630): time starts at one dwell time, and the
    frequency axis includes both ends of the band. A peak at frequency f (Hz) above the spectrometer frequency f0 (MHz)
    is at `4.65 + f / f0` ppm.

    Args:
      spectrometer_frequency_mhz: f0, MHz. Defaults to `123.2` (the proton frequency of the 2016 ISMRM fitting
        challenge, a 3 T scanner).
      bandwidth_hz: receiver bandwidth, Hz. Defaults to `4000.0`.
      points: complex points per FID. Defaults to `2048`.
      ppm_window: lowest and highest chemical shift, ppm, of the part of the spectrum that datasets and models use.
        Defaults to `(0.2, 4.2)`, which is 252 points.

    Raises:
      ValueError: if a number is not positive, or the window is empty or extends beyond the spectrum.

    Example:

    >>> acquisition = Acquisition()
    >>> acquisition.window_ppm_axis.shape
    (252,)
    """

    spectrometer_frequency_mhz: float = 123.2
    bandwidth_hz: float = 4000.0
    points: int = 2048
    ppm_window: tuple[float, float] = (0.2, 4.2)

    def __post_init__(self):
        set_ = functools.partial(object.__setattr__, self)
        set_(
            "spectrometer_frequency_mhz",
            check_positive("spectrometer_frequency_mhz", self.spectrometer_frequency_mhz, 123.2),
        )
        set_("bandwidth_hz", check_positive("bandwidth_hz", self.bandwidth_hz, 4000.0))
        set_("points", check_count("points", self.points, 2048, at_least=2))
        set_("ppm_window", self._checked_window(self.ppm_window))

    def _checked_window(self, window) -> tuple[float, float]:
        try:
            low, high = (float(edge) for edge in window)
        except (TypeError, ValueError):
            raise ValueError(
                "`ppm_window` must be two numbers, (low, high) in ppm. "
                f"Received: ppm_window={window!r}. Give for example ppm_window=(0.2, 4.2)."
            ) from None
        first, last = self.ppm_axis[0], self.ppm_axis[-1]
        if not first <= low < high <= last:
            raise ValueError(
                "`ppm_window` must be (low, high) with low < high, inside the spectrum. "
                f"Expected edges from {first:.2f} to {last:.2f} ppm. Received: ppm_window=({low}, {high}). "
                "Give for example ppm_window=(0.2, 4.2)."
            )
        within = self.slice_of((low, high))
        if within.start == within.stop:
            raise ValueError(
                f"`ppm_window` must contain at least one point. Received: ppm_window=({low}, {high}), while points are "
                f"{self.ppm_axis[1] - first:.4f} ppm apart. Give a wider window."
            )
        return low, high

    @functools.cached_property
    def time_axis_s(self) -> np.ndarray:
        """float64 (points,): sampling times in s, `(n + 1) / bandwidth_hz`."""
        return np.arange(1, self.points + 1) / self.bandwidth_hz

    @functools.cached_property
    def frequency_axis_hz(self) -> np.ndarray:
        """float64 (points,): frequencies in Hz from `-bandwidth_hz / 2` to `+bandwidth_hz / 2`, both included."""
        return np.linspace(-self.bandwidth_hz / 2, self.bandwidth_hz / 2, self.points)

    @functools.cached_property
    def ppm_axis(self) -> np.ndarray:
        """float64 (points,): chemical shifts in ppm, rising."""
        return self.frequency_axis_hz / self.spectrometer_frequency_mhz + PPM_REFERENCE

    @property
    def window(self) -> slice:
        """slice: the points of the spectrum that `ppm_window` keeps; see `slice_of`."""
        return self.slice_of(self.ppm_window)

    @property
    def window_points(self) -> int:
        """int: number of points in the window."""
        return self.window.stop - self.window.start

    @property
    def window_ppm_axis(self) -> np.ndarray:
        """float64 (window_points,): chemical shifts in ppm of the window, rising."""
        return self.ppm_axis[self.window]

    def slice_of(self, ppm_limits: tuple[float, float] | None) -> slice:
        """Returns the points from the one nearest to `low` ppm (included) to the one nearest to `high` ppm (excluded).

        FSL-MRS interprets ppm limits in this way. `None` gives all points.
        """
        if ppm_limits is None:
            return slice(0, self.points)
        first, stop = (int(np.argmin(np.abs(self.ppm_axis - limit))) for limit in ppm_limits)
        return slice(first, stop)

    def to_dict(self) -> dict:
        """Returns the settings as plain numbers, for JSON; `Acquisition(**d)` reads them back."""
        return {**dataclasses.asdict(self), "ppm_window": list(self.ppm_window)}
