"""Transients: single averages of a scan, between which frequency and phase drift and the participant may move.

Times start at 0, as in a measured FID. (`Acquisition.time_axis_s`, that of the forward model, starts one point later.)
"""

import dataclasses

import numpy as np

from mrs_keras.simulation.keyed_random import Draws


@dataclasses.dataclass(frozen=True)
class Drift:
    """How much frequency and phase vary between the transients of a scan.

    Both drift linearly and by a random walk, as in vivo (Near et al. 2015, doi 10.1002/mrm.25094).

    Args:
      hz: largest linear drift of the frequency over a scan, Hz; that of a scan is uniform from -hz to hz.
      rad: largest linear drift of the phase, rad, likewise.
      step_hz: standard deviation of the steps of the random walk from one transient to the next, Hz.
      step_rad: the same for the phase, rad.
    """

    hz: float
    rad: float
    step_hz: float
    step_rad: float


@dataclasses.dataclass(frozen=True, eq=False)
class Transients:
    """What happens to each transient of a scan.

    Attributes:
      shift_hz: float64 (transients,), of the frequency, Hz. Positive moves the signal to higher ppm.
      phase_rad: float64 (transients,), rad.
      amplitude: float64 (transients,), factor on the signal: 1 without motion.
      extra_gamma: float64 (transients,), additional Lorentzian decay rate, 1/s: 0 without motion.
      water_factor: float64 (transients,), factor on the residual water: 1 without motion.
      corrupted_transients: int (corrupted,), indices of those in which the participant moved.
    """

    shift_hz: np.ndarray
    phase_rad: np.ndarray
    amplitude: np.ndarray
    extra_gamma: np.ndarray
    water_factor: np.ndarray
    corrupted_transients: np.ndarray

    @classmethod
    def draw(cls, draws: Draws, count: int, drift: Drift, motion_probability: float) -> "Transients":
        """Draws what happens to the transients of a scan.

        Args:
          draws: the random numbers of the scan.
          count: number of transients.
          drift: of frequency and phase.
          motion_probability: of one or two corrupted transients in the scan, from 0 to 1. Not more than a quarter of
            the transients are corrupted, so that the good ones are the majority.
        """
        fraction = np.arange(count) / max(count - 1, 1)
        walks = [np.cumsum(step) - step[0] for step in draws.normal("walk", 2 * count).reshape(2, count)]
        drift_hz = draws.uniform("frequency drift", -drift.hz, drift.hz)[0]
        drift_rad = draws.uniform("phase drift", -drift.rad, drift.rad)[0]
        moved, how_many = draws.uniform("motion", 0.0, 1.0, 2)
        corrupted = min(1 + int(2 * how_many), count // 4) if moved < motion_probability else 0
        chosen = np.sort(np.argsort(draws.uniform("moved transients", 0.0, 1.0, count))[:corrupted])
        transients = cls(
            shift_hz=drift_hz * fraction + drift.step_hz * walks[0],
            phase_rad=drift_rad * fraction + drift.step_rad * walks[1],
            amplitude=np.ones(count),
            extra_gamma=np.zeros(count),
            water_factor=np.ones(count),
            corrupted_transients=chosen,
        )
        size = draws.uniform("size of motion", 0.0, 1.0, count)[chosen]
        side = np.where(draws.uniform("side of motion", -1.0, 1.0, count)[chosen] < 0, -1, 1)
        transients.shift_hz[chosen] += side * (4 + 6 * size)
        transients.phase_rad[chosen] += side * (0.8 + size)
        transients.amplitude[chosen] = 0.7 - 0.3 * size
        transients.extra_gamma[chosen] = 15 + 25 * size
        transients.water_factor[chosen] = 5 + 10 * size
        return transients

    def apply(self, tissue: np.ndarray, water: np.ndarray | None, time_s: np.ndarray) -> np.ndarray:
        """Returns the signal of each transient: complex128 (transients, points).

        With m the signal of the tissue and w the residual water, that of transient j is

            a_j (m(t) exp(-g_j t) + h_j w(t)) exp(i (phase_j + 2 pi shift_j t))

        with a the amplitude, g the additional decay rate and h the factor on the water.

        Args:
          tissue: complex (points,), FID of metabolites, macromolecules and lipids.
          water: complex (points,), FID of the residual water. `None`: there is none.
          time_s: float (points,), from 0, s.
        """
        signal = tissue * np.exp(-self.extra_gamma[:, None] * time_s)
        if water is not None:
            signal = signal + self.water_factor[:, None] * water
        received = self.amplitude[:, None] * signal
        return received * turns(self.phase_rad, self.shift_hz, time_s)


@dataclasses.dataclass(frozen=True, eq=False)
class ReferenceTransients:
    """Frequency and phase of each transient of a water reference, too short to drift.

    Attributes:
      reference_shift_hz: float64 (transients,), Hz.
      reference_phase_rad: float64 (transients,), rad.
    """

    reference_shift_hz: np.ndarray
    reference_phase_rad: np.ndarray

    @classmethod
    def draw(cls, draws: Draws, count: int, drift: Drift) -> "ReferenceTransients":
        """Draws the transients of a reference, with steps of `drift` around 0."""
        steps = draws.normal("reference", 2 * count)
        return cls(drift.step_hz * steps[:count], drift.step_rad * steps[count:])

    def apply(self, fid: np.ndarray, time_s: np.ndarray) -> np.ndarray:
        """Returns the signal of each transient, complex128 (transients, points), of a FID complex (points,)."""
        return fid * turns(self.reference_phase_rad, self.reference_shift_hz, time_s)


def turns(phase_rad: np.ndarray, shift_hz: np.ndarray, time_s: np.ndarray) -> np.ndarray:
    """Returns exp(i (phase + 2 pi shift t)): complex128 (transients, points)."""
    return np.exp(1j * (phase_rad[:, None] + 2 * np.pi * shift_hz[:, None] * time_s))


def water_fid(time_s: np.ndarray, amplitude: float, gamma: float, sigma: float) -> np.ndarray:
    """Returns the FID of unsuppressed water, complex128 (points,), on resonance: one Voigt line.

    Args:
      time_s: float (points,), from 0, s.
      amplitude: at t = 0, in the units of the FID.
      gamma: Lorentzian decay rate, T2 included, 1/s.
      sigma: Gaussian decay rate, 1/s.
    """
    return amplitude * np.exp(-gamma * time_s - (sigma * time_s) ** 2).astype(np.complex128)


def as_plain(*values: object) -> dict:
    """Returns the fields of dataclasses of arrays as lists, for JSON."""
    return {
        field.name: np.asarray(getattr(value, field.name)).tolist()
        for value in values
        for field in dataclasses.fields(value)
    }
