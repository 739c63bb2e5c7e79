"""What simulated scans have in common: sites, coils, transients, acquisition, and how much each effect varies."""

import dataclasses

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count
from mrs_keras.random_streams import MEASURED_EXAMPLE
from mrs_keras.simulation import Drift
from mrs_keras.simulation.keyed_random import Draws

DEFAULT_ACQUISITION = Acquisition(spectrometer_frequency_mhz=123.2, bandwidth_hz=2000.0, points=2048)
PRESET = "brain_press_te30_uniform"
ECHO_TIME_MS, REPETITION_TIME_MS, SEQUENCE = 30.0, 2000.0, "press"

RESOLUTION_HZ = 5.0
"""Largest distance between the points of a spectrum: a coarser one does not show the lines."""

SNR_OF_SITES = (45.0, 100.0)
"""Lowest and highest typical SNR of a site; each scan is within 25 % of it, clipped to 30 to 120."""
GAUSSIAN_WIDTH_OF_SITES = (0.75, 1.25)
"""Factor on the Gaussian decay rate of the prior: how well a site shims."""

RAW_WATER = 5.0
"""Factor on the residual water of the prior, which is that of well-suppressed and processed spectra."""
RAW_EDDY_CURRENT = 3.0
"""Factor on the eddy current of the prior, which is that of corrected spectra."""

WATER_MM, WATER_T2_S = (33000.0, 38000.0), 0.08
"""Water in the voxel, mM, and its T2: choice of this package, near grey and white matter at 3 T."""

DRIFT = Drift(hz=3.0, rad=0.2, step_hz=0.2, step_rad=0.06)

MOTION_PROBABILITY = 0.4
"""Part of the scans in which one or two transients are corrupted."""


@dataclasses.dataclass(frozen=True)
class ScanDesign:
    """What all simulated scans have in common.

    Args:
      sites: number of sites; participant k is from site `k % sites`. Defaults to `2`.
      coils: receiver coils. Defaults to `4`.
      transients: transients of a scan. Defaults to `16`.
      reference_transients: transients of a water reference. Defaults to `2`.
      acquisition: field, bandwidth and points. Defaults to 123.2 MHz, 2000 Hz, 2048 points.
      seed: of all random numbers. Defaults to `0`.

    Raises:
      ValueError: if a number is not a whole number of at least 1 (the seed: 0), or the points of the spectrum are more
        than 5 Hz apart.
    """

    sites: int = 2
    coils: int = 4
    transients: int = 16
    reference_transients: int = 2
    acquisition: Acquisition = DEFAULT_ACQUISITION
    seed: int = 0

    def __post_init__(self):
        for name in ("sites", "coils", "transients", "reference_transients"):
            check_count(name, getattr(self, name), getattr(ScanDesign, name))
        check_count("seed", self.seed, 0, at_least=0)
        acquisition = self.acquisition
        if acquisition.bandwidth_hz > RESOLUTION_HZ * acquisition.points:
            raise ValueError(
                f"`acquisition` must resolve the lines. Expected at most {RESOLUTION_HZ:g} Hz between points of the "
                f"spectrum. Received: {acquisition.points} points over {acquisition.bandwidth_hz:g} Hz. Give at least "
                f"{int(np.ceil(acquisition.bandwidth_hz / RESOLUTION_HZ))} points."
            )

    def draws(self, index: int) -> Draws:
        """Returns the random numbers of a participant or site."""
        return Draws(self.seed, MEASURED_EXAMPLE, index)

    def of_site(self, name: str, site: int, low: float, high: float) -> float:
        """Draws a number for each site, spread out so that the first sites differ."""
        golden_ratio = 0.6180339887
        fraction = (self.draws(0).uniform(name, 0.0, 1.0)[0] + golden_ratio * site) % 1.0
        return float(low + (high - low) * fraction)
