"""Single averages of generated spectra, as the coils of a scanner would receive them, with the truth about each."""

import dataclasses
import numbers
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count, check_positive
from mrs_keras.generation.blocks import Block
from mrs_keras.random_streams import GENERATED_TRANSIENTS
from mrs_keras.simulation import CoilArray, Drift, ReferenceTransients, Transients, channels_to_complex
from mrs_keras.simulation.coils import neighbour_correlation
from mrs_keras.simulation.keyed_random import Draws
from mrs_keras.simulation.transients import as_plain, water_fid

WATER_OVER_SIGNAL = (250.0, 350.0)
"""Unsuppressed water over the largest magnitude of the FID of a spectrum. A choice: near the brain at 3 T, TE 30 ms."""
WATER_GAMMA, WATER_SIGMA = (14.0, 24.0), (4.0, 14.0)
"""Decay rates of unsuppressed water, 1/s: T2 near 80 ms and a usual shim, 6 to 11 Hz full width at half maximum."""

STEP_OF_DRIFT_HZ, STEP_OF_DRIFT_RAD = 1 / 15, 0.3
"""Step of the random walk of frequency and phase, as a part of the largest linear drift."""

TRUTH_KEY = "SimulatedTransients"
"""Key of the header extension with what was done to each transient and coil."""

DESCRIBED = (
    "What was done to the generated spectrum for each transient and coil; mrs_keras.generation.transients has the "
    "formula: in Hz, rad, 1/s and the units of the spectrum. The real part of the noiseless spectrum is that of the "
    "model. snr: of the best combination of coils, aligned and averaged; its noise is NoiseSigma"
)

LARGEST_BYTES = 2**31
"""Of the FIDs of a scan, which are in memory at once: 64 coils x 2,048 transients of 2,048 points."""

BEFORE_ZERO_S = 0.03
"""Length of the end of a FID that may hold signal of negative times, s: a few times 1 / (width of the taper in Hz)."""

MOST_CORRELATED = 0.95
"""Largest correlation of the noise of neighbouring coils; near 1 the covariance cannot be inverted accurately."""

AT_ONCE = 8
"""Transients that are received at once; bounds the memory of a scan with many."""


@dataclasses.dataclass(frozen=True)
class TransientDesign:
    """The raw scan that is made of each generated spectrum.

    Args:
      transients: single averages of each scan. Defaults to `64`.
      coils: receiver coils; a single one has sensitivity 1. Defaults to `8`.
      drift_hz: largest linear drift of the frequency over a scan, Hz; that of a scan is uniform from -drift_hz to
        drift_hz, and a random walk with steps of a fifteenth of `drift_hz` is added. Defaults to `3.0`.
      drift_rad: largest linear drift of the phase over a scan, rad, likewise, with steps of 0.3 of it. Defaults to
        `0.2`.
      noise_correlation: of the noise of neighbouring coils, from 0 to 0.95. Defaults to `0.3`.
      motion_probability: of one or two transients of a scan being corrupted by motion. Defaults to `0.0`.
      reference_transients: transients of the water reference. Defaults to `2`.
      snr: signal-to-noise ratio of the spectrum, as `simulate` defines it, that the transients combine and average to.
        Defaults to `None`: the noise that the model predicts for the spectrum.

    Raises:
      ValueError: if an argument is out of range.
    """

    transients: int = 64
    coils: int = 8
    drift_hz: float = 3.0
    drift_rad: float = 0.2
    noise_correlation: float = 0.3
    motion_probability: float = 0.0
    reference_transients: int = 2
    snr: float | None = None

    def __post_init__(self):
        for name in ("transients", "coils", "reference_transients"):
            check_count(name, getattr(self, name), getattr(TransientDesign, name))
        if self.snr is not None:
            check_positive("snr", self.snr, 40.0)
        for name, largest, limit in (
            ("drift_hz", np.inf, "0, in Hz"),
            ("drift_rad", np.inf, "0, in rad"),
            ("noise_correlation", MOST_CORRELATED, f"0 and at most {MOST_CORRELATED}"),
            ("motion_probability", 1.0, "0 and at most 1"),
        ):
            value = getattr(self, name)
            if not (isinstance(value, numbers.Real) and np.isfinite(value) and 0 <= value <= largest):
                raise ValueError(
                    f"`{name}` must be a finite number of at least {limit}. Received: {name}={value!r}. "
                    f"Give for example {name}={getattr(TransientDesign, name)}."
                )

    def check_size(self, points: int) -> None:
        """Raises `ValueError` if a scan of so many points would be too large."""
        size = 8 * self.coils * self.transients * points
        if size > LARGEST_BYTES:
            raise ValueError(
                f"{self.transients:,} transients of {self.coils:,} coils and {points:,} points are {size / 2**30:,.1f} "
                f"GiB for each spectrum. Expected at most {LARGEST_BYTES / 2**30:g} GiB. Give fewer `transients` or "
                "`coils`."
            )

    @property
    def drift(self) -> Drift:
        """Drift: of frequency and phase."""
        steps = (STEP_OF_DRIFT_HZ * self.drift_hz, STEP_OF_DRIFT_RAD * self.drift_rad)
        return Drift(self.drift_hz, self.drift_rad, *steps)


@dataclasses.dataclass(frozen=True, eq=False)
class RawScan:
    """The single averages of one spectrum.

    Attributes:
      fids: complex64 (coils, transients, points), in the units of the spectrum.
      reference: complex64 (coils, reference_transients, points), the unsuppressed water of the same coils.
      truth: plain JSON data: what was done to each transient and coil, and the level of the noise.
    """

    fids: np.ndarray
    reference: np.ndarray
    truth: dict[str, Any]


def raw_scan(
    fid: np.ndarray,
    noise_sigma: float,
    design: TransientDesign,
    acquisition: Acquisition,
    *,
    seed: int,
    row: int,
    water: np.ndarray | None = None,
) -> RawScan:
    """Makes the single averages of one spectrum.

    With m the FID of the spectrum, made causal by `causal_fid`, and w that of the residual water, coil c receives in
    transient j

        s_c a_j (m(t) exp(-g_j t) + h_j w(t)) exp(i (phase_j + 2 pi shift_j t)) + noise

    where a = 1, g = 0 and h = 1 unless the participant moved (`mrs_keras.simulation.transients`), and t starts at 0.
    The sensitivities s of the coils have a root sum of squares of 1, so that usual combinations keep the units of the
    spectrum; a single coil has s = 1. The noise is white, drawn anew for each transient and coil, and correlated
    between coils. Its level is such that the best combination of the coils (Roemer et al. 1990, doi
    10.1002/mrm.1910160203), aligned and averaged, has the noise of the single spectrum, were no transient corrupted.

    The water reference has the same coils and noise, the spectrum, and one line at the spectrometer frequency, with
    phase 0. Shifts and phases are 0 on average, over the transients (corrupted ones not counted) as over those of the
    reference: combined with phases from the reference and aligned to their mean, transients have the frequency and the
    phase of the spectrum. There are no eddy currents.

    Args:
      fid: complex (points,), the spectrum without noise and residual water, first point at t = 0 and not halved.
      noise_sigma: standard deviation of the real part of each point of the single spectrum, in its units, above 0.
      design: number of transients, coils and so on.
      acquisition: of the spectrum.
      seed: of all random numbers, which depend on (seed, row) alone.
      row: index k of the spectrum.
      water: complex (points,), FID of the residual water. Defaults to `None`: there is none.
    """
    fid = causal_fid(np.asarray(fid, np.complex128), acquisition.bandwidth_hz)
    time = np.arange(acquisition.points) / acquisition.bandwidth_hz
    draws = Draws(seed, GENERATED_TRANSIENTS, row)
    coils = _coils(design, draws, noise_sigma)
    transients = _centred(Transients.draw(draws, design.transients, design.drift, design.motion_probability))
    references = ReferenceTransients.draw(draws, design.reference_transients, design.drift)
    references = ReferenceTransients(
        *(values - values.mean() for values in (references.reference_shift_hz, references.reference_phase_rad))
    )
    unsuppressed = {
        "water_amplitude": float(np.abs(fid).max() * draws.uniform("water", *WATER_OVER_SIGNAL)[0]),
        "water_gamma": float(draws.uniform("water gamma", *WATER_GAMMA)[0]),
        "water_sigma": float(draws.uniform("water sigma", *WATER_SIGMA)[0]),
    }
    reference = references.apply(fid + water_fid(time, *unsuppressed.values()), time)
    return RawScan(
        fids=_received(coils, transients.apply(fid, water, time), seed, GENERATED_TRANSIENTS, row),
        reference=_received(coils, reference, seed, f"{GENERATED_TRANSIENTS}, reference", row),
        truth={**as_plain(transients, coils, references), **unsuppressed},
    )


def causal_fid(fid: np.ndarray, bandwidth_hz: float) -> np.ndarray:
    """Moves signal at negative times to positive ones, without a change of the real part of the spectrum.

    A scanner measures from t = 0 on. A model's spectrum need not be of such a signal: a polynomial baseline, or the
    taper at the edges of the window, also has signal just before t = 0, which is at the end of its FID. There, a
    frequency drift would turn it by the phase of the end of the FID, and it would pass for noise. The real part of the
    spectrum depends on x(t) + conj(x(-t)) alone, so that x(-t) is added to the positive times as its conjugate. For
    the lines of metabolites, which start at t = 0, the imaginary part hardly changes either.

    Args:
      fid: complex (points,), first point at t = 0 and not halved.
      bandwidth_hz: receiver bandwidth, Hz.

    Returns:
      complex (points,), whose last 0.03 s are zero.
    """
    count = min(round(BEFORE_ZERO_S * bandwidth_hz), len(fid) // 4)
    causal = fid.copy()
    causal[1 : count + 1] += fid[-1 : -count - 1 : -1].conj()
    causal[len(fid) - count :] = 0
    return causal


def transients_of(block: Block, start: int, *, design: TransientDesign, acquisition: Acquisition, seed: int) -> Block:
    """Returns the part of a block of one row that transients replace or add, see `Block`.

    Args:
      block: of one row; `"spectrum"`, `"fid"` and `"water"` without noise.
      start: index of the row.
      design: number of transients, coils and so on.
      acquisition: of the spectra.
      seed: of all random numbers.

    Raises:
      ValueError: if neither the model nor `design` has noise.
    """
    height, sigma = float(np.abs(channels_to_complex(block["spectrum"][0])).max()), float(block["noise_sigma"][0])
    if design.snr is not None:
        sigma = height / design.snr
    if sigma <= 0:
        raise ValueError(
            "Transients need noise, and this model generates spectra without it. Expected: a signal-to-noise ratio. "
            "Received: no `snr`. Give for example snr=40.0, on the command line --snr 40."
        )
    water = block["water"][0] if "water" in block else None
    scan = raw_scan(block["fid"][0], sigma, design, acquisition, seed=seed, row=start, water=water)
    truth = {"Description": DESCRIBED, "snr": height / sigma, **scan.truth}
    return {
        "fids": scan.fids[None],
        "reference_fids": scan.reference[None],
        "noise_sigma": np.array([sigma], np.float32),
        "truth": [{TRUTH_KEY: truth}],
    }


def _coils(design: TransientDesign, draws: Draws, sigma: float) -> CoilArray:
    count = design.coils
    amplitude, field_rad, cable_rad, deviation = np.ones(count), np.zeros(count), np.zeros(count), np.ones(count)
    if count > 1:
        amplitude = draws.uniform("coil amplitude", 0.3, 1.0, count)
        amplitude = amplitude / np.sqrt((amplitude**2).sum())
        field_rad = draws.uniform("coil phase", -0.4, 0.4, count)
        cable_rad = draws.uniform("cable phase", -np.pi, np.pi, count)
        deviation = draws.uniform("coil noise", 0.8, 1.25, count)
    covariance = np.outer(deviation, deviation) * neighbour_correlation(count, design.noise_correlation)
    return CoilArray.with_noise_of(
        amplitude, field_rad, cable_rad, covariance, sigma=sigma, transients=design.transients
    )


def _centred(transients: Transients) -> Transients:
    """Returns transients whose frequency and phase are on average those of the spectrum, corrupted ones not counted."""
    good = np.delete(np.arange(len(transients.shift_hz)), transients.corrupted_transients)
    shift_hz, phase_rad = transients.shift_hz, transients.phase_rad
    return dataclasses.replace(
        transients, shift_hz=shift_hz - shift_hz[good].mean(), phase_rad=phase_rad - phase_rad[good].mean()
    )


def _received(coils: CoilArray, signal: np.ndarray, seed: int, split: str, row: int) -> np.ndarray:
    """Returns complex64 (coils, transients, points) of a signal (transients, points)."""
    received = np.empty((len(coils.coil_amplitude), *signal.shape), np.complex64)
    for start in range(0, len(signal), AT_ONCE):
        part = signal[start : start + AT_ONCE]
        received[:, start : start + AT_ONCE] = coils.receive(
            part, seed=seed, split=split, start=row * len(signal) + start
        )
    return received
