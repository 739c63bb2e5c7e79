"""Simulated scans as a scanner would deliver them: raw coils and transients, a water reference, and the truth.

Times start at 0, as in a measured FID. (`Acquisition.time_axis_s`, that of the forward model, starts one point later.)
A FID is in units in which one proton at 1 mM has the amplitude 1, times the gain of the site.
"""

import dataclasses
import functools
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis import BROAD_SIGNALS, Basis, add_broad_signals, simulate_basis
from mrs_keras.measured.scan import Scan, ppm_axis, time_axis_s
from mrs_keras.measured.scan_design import (
    DRIFT_HZ,
    DRIFT_RAD,
    ECHO_TIME_MS,
    GAUSSIAN_WIDTH_OF_SITES,
    MOTION_PROBABILITY,
    PHASE_STEP_RAD,
    PRESET,
    RAW_EDDY_CURRENT,
    RAW_WATER,
    REPETITION_TIME_MS,
    SEQUENCE,
    SHIFT_STEP_HZ,
    SNR_OF_SITES,
    WATER_MM,
    WATER_T2_S,
    ScanDesign,
)
from mrs_keras.random_streams import MEASURED_EXAMPLE
from mrs_keras.simulation import Prior, apply_eddy_current, fid_to_spectrum, receive_with_coils, residual_water


@dataclasses.dataclass(frozen=True, eq=False)
class SimulatedScan:
    """A simulated scan and the truth about it.

    Attributes:
      site: index of the site.
      scan: raw coils and transients, with the water reference; `None` once it is written.
      concentrations: metabolite, macromolecule or lipid -> mM (of protons, for macromolecules and lipids).
      truth: plain JSON data: `gamma`, `sigma`, `snr`, and what was done to each transient and coil.
    """

    site: int
    scan: Scan | None
    concentrations: dict[str, float]
    truth: dict[str, Any]


def simulate_scan(participant: int, design: ScanDesign) -> SimulatedScan:
    """Simulates the scan of one participant.

    With m the sum of metabolites, macromolecules and lipids, w the residual water and e the phase of the eddy currents,
    coil c receives in transient j

        s_c e(t) a_j (m(t) exp(-g_j t) + h_j w(t)) exp(i (phase_j + 2 pi shift_j t)) + noise

    where a = 1, g = 0 and h = 1 unless the participant moved. Frequency and phase drift linearly and by a random walk
    (as in vivo: Near et al. 2015, doi 10.1002/mrm.25094). The noise is correlated between coils (Roemer et al. 1990,
    doi 10.1002/mrm.1910160203); the cables turn the phases of signal and noise alike, so that its covariance is
    complex. The reference has the same coils, noise and eddy currents.

    The signal-to-noise ratio is that of the best combination of coils, aligned and averaged, were no transient
    corrupted: height of the real spectrum, without noise, water and eddy currents, between 1.9 and 2.1 ppm (NAA, and
    what is under it), over the standard deviation of the real part of the noise.

    Args:
      participant: index k, from 0; the scan depends on (k, `design`) alone.
      design: number of coils, transients and so on.
    """
    acquisition, site = design.acquisition, participant % design.sites
    time = time_axis_s(acquisition.points, acquisition.bandwidth_hz)
    tissue, water, truth = _signals(participant, design, time)
    coils = _coils(participant, design, _naa_height(tissue, acquisition))
    motion = _transients(participant, design)
    eddy = (truth["eddy_amplitude_hz"], truth["eddy_time_constant_s"])
    common_hz = float(design.uniform("frequency", participant, -2.0, 2.0)[0])
    motion["shift_hz"] += common_hz

    lost = np.exp(-motion["extra_gamma"][:, None] * time)
    received = motion["amplitude"][:, None] * (tissue * lost + motion["water_factor"][:, None] * water)
    received = received * _turns(motion["phase_rad"], motion["shift_hz"], time)
    count = design.reference_transients
    steps = design.normal("reference", participant, 2 * count)
    reference_shift_hz = common_hz + SHIFT_STEP_HZ * steps[:count]
    reference_phase_rad = PHASE_STEP_RAD * steps[count:]
    reference = (tissue + _unsuppressed_water(truth, time)) * _turns(reference_phase_rad, reference_shift_hz, time)

    fids = [
        _received(apply_eddy_current(signal, time, *eddy), coils, design.seed, split, participant)
        for signal, split in ((received, MEASURED_EXAMPLE), (reference, f"{MEASURED_EXAMPLE}, reference"))
    ]
    settings = {
        "spectrometer_frequency_mhz": acquisition.spectrometer_frequency_mhz,
        "bandwidth_hz": acquisition.bandwidth_hz,
        "echo_time_ms": ECHO_TIME_MS,
        "repetition_time_ms": REPETITION_TIME_MS,
        "sequence": SEQUENCE,
    }
    concentrations = truth.pop("concentrations_mM")
    truth |= _plain(
        {**motion, **coils, "reference_shift_hz": reference_shift_hz, "reference_phase_rad": reference_phase_rad}
    )
    return SimulatedScan(
        site=site,
        scan=Scan(fids[0], **settings, reference=Scan(fids[1], **settings)),
        concentrations=concentrations,
        truth=truth,
    )


# === Signals ===


def _signals(participant: int, design: ScanDesign, time: np.ndarray) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Returns the FIDs of tissue and of residual water, complex128 (points,), and what they were made of."""
    prior, basis, proton = _prior_and_basis(design.acquisition)
    key = {"seed": design.seed, "split": MEASURED_EXAMPLE}
    drawn = prior.draw(basis, participant, participant + 1, **key)
    effects = prior.draw_effects(basis, participant, participant + 1, **key)[0:1].values()
    gamma = float(drawn.gamma[0, 0])
    width = design.of_site("Gaussian width", participant % design.sites, *GAUSSIAN_WIDTH_OF_SITES)
    sigma = float(drawn.sigma[0, 0]) * width
    # Elementwise: a matrix product of BLAS may round differently from machine to machine.
    tissue = (basis.fids * drawn.concentrations[0]).sum(axis=1) * np.exp(-gamma * time - (sigma * time) ** 2) / proton
    water_parameters = {name.removeprefix("water_"): value for name, value in effects.items() if "water" in name}
    water_parameters["height"] = water_parameters["height"] * (RAW_WATER / proton)
    water = residual_water(time, **water_parameters)[0]
    truth = {
        "concentrations_mM": dict(zip(basis.names, map(float, drawn.concentrations[0]), strict=True)),
        "gamma": gamma,
        "sigma": sigma,
        "water_mM": float(design.uniform("water", participant, *WATER_MM)[0]),
        "residual_water": {name: value[0].tolist() for name, value in water_parameters.items()},
        "eddy_amplitude_hz": RAW_EDDY_CURRENT * float(effects["eddy_amplitude_hz"][0]),
        "eddy_time_constant_s": float(effects["eddy_time_constant_s"][0]),
    }
    return tissue, water, truth


@functools.lru_cache(maxsize=4)
def _prior_and_basis(acquisition: Acquisition) -> tuple[Prior, Basis, float]:
    """Returns the prior, its basis, scaled as the prior expects it, and the amplitude of one proton at 1 mM in it."""
    prior = Prior.from_preset(PRESET)
    broad = [name for name in prior.metabolites if name in BROAD_SIGNALS]
    basis = simulate_basis([name for name in prior.metabolites if name not in broad], acquisition)
    unscaled = add_broad_signals(basis, broad).select(prior.metabolites)
    scaled = unscaled.scaled()
    return prior, scaled, float(np.abs(scaled.fids[0, 0] / unscaled.fids[0, 0]))


def _unsuppressed_water(truth: dict[str, Any], time: np.ndarray) -> np.ndarray:
    """Returns the FID of the water, complex128 (points,), on resonance: two protons, decaying with T2 and the shim."""
    amplitude = 2 * truth["water_mM"] * np.exp(-ECHO_TIME_MS / 1000 / WATER_T2_S)
    decay = np.exp(-(truth["gamma"] + 1 / WATER_T2_S) * time - (truth["sigma"] * time) ** 2)
    return amplitude * decay.astype(np.complex128)


def _naa_height(tissue: np.ndarray, acquisition: Acquisition) -> float:
    ppm = ppm_axis(acquisition.points, acquisition.bandwidth_hz, acquisition.spectrometer_frequency_mhz)
    return float(fid_to_spectrum(tissue).real[(ppm > 1.9) & (ppm < 2.1)].max())


# === Coils and transients ===


def _coils(participant: int, design: ScanDesign, naa_height: float) -> dict[str, Any]:
    """Returns sensitivities, phases and noise of the coils."""
    site, coils = participant % design.sites, design.coils
    gain = 10 ** design.of_site("gain", site, -0.5, 0.5)
    amplitude = gain * design.uniform("coil amplitude", participant, 0.3, 1.0, coils)
    head_rad = design.uniform("coil phase", participant, -0.4, 0.4, coils)
    cable_rad = design.uniform("cable phase", site, -np.pi, np.pi, coils)
    deviation = design.uniform("coil noise", site, 0.8, 1.25, coils)
    distance = np.abs(np.subtract.outer(np.arange(coils), np.arange(coils)))
    covariance = np.outer(deviation, deviation) * design.of_site("noise correlation", site, 0.15, 0.45) ** distance
    low, high = SNR_OF_SITES
    typical = design.of_site("snr", site, low, high)
    snr = float(np.clip(typical * design.uniform("snr of scan", participant, 0.75, 1.25)[0], 30.0, 120.0))
    # Noise of the best combination that has a gain of 1: 1 / sqrt(s^H C^-1 s), over the root of the transients.
    signal = amplitude * np.exp(1j * head_rad)
    unscaled = 1 / np.sqrt((signal.conj() @ np.linalg.solve(covariance, signal)).real * design.transients)
    level = naa_height / snr / unscaled
    return {
        "site_gain": gain,
        "coil_amplitude": amplitude,
        "coil_phase_rad": head_rad + cable_rad,
        "cable_phase_rad": cable_rad,
        "noise_covariance_before_cables": level**2 * covariance,
        "noise_sigma": naa_height / snr,
        "naa_height": naa_height,
        "snr": snr,
    }


def noise_covariance(truth: dict[str, Any]) -> np.ndarray:
    """Returns the true covariance of the noise, half of E[n_a conj(n_b)]: complex128 (coils, coils), Hermitian.

    Args:
      truth: of a `SimulatedScan`, or from the header of its file.
    """
    turn = np.exp(1j * np.asarray(truth["cable_phase_rad"]))
    return np.asarray(truth["noise_covariance_before_cables"]) * np.outer(turn, turn.conj())


def _transients(participant: int, design: ScanDesign) -> dict[str, np.ndarray]:
    """Returns what happens to each transient: arrays (transients,), and the indices of the corrupted ones."""
    count = design.transients
    fraction = np.arange(count) / max(count - 1, 1)
    walks = [np.cumsum(step) - step[0] for step in design.normal("walk", participant, 2 * count).reshape(2, count)]
    drift_hz = design.uniform("frequency drift", participant, -DRIFT_HZ, DRIFT_HZ)[0]
    drift_rad = design.uniform("phase drift", participant, -DRIFT_RAD, DRIFT_RAD)[0]
    transients = {
        "shift_hz": drift_hz * fraction + SHIFT_STEP_HZ * walks[0],
        "phase_rad": drift_rad * fraction + PHASE_STEP_RAD * walks[1],
        "amplitude": np.ones(count),
        "extra_gamma": np.zeros(count),
        "water_factor": np.ones(count),
    }
    moved, how_many = design.uniform("motion", participant, 0.0, 1.0, 2)
    # At most a quarter of the transients, so that the good ones are the majority.
    corrupted = min(1 + int(2 * how_many), count // 4) if moved < MOTION_PROBABILITY else 0
    order = np.argsort(design.uniform("moved transients", participant, 0.0, 1.0, count))
    chosen = np.sort(order[:corrupted])
    size = design.uniform("size of motion", participant, 0.0, 1.0, count)[chosen]
    side = np.where(design.uniform("side of motion", participant, -1.0, 1.0, count)[chosen] < 0, -1, 1)
    transients["shift_hz"][chosen] += side * (4 + 6 * size)
    transients["phase_rad"][chosen] += side * (0.8 + size)
    transients["amplitude"][chosen] = 0.7 - 0.3 * size
    transients["extra_gamma"][chosen] = 15 + 25 * size
    transients["water_factor"][chosen] = 5 + 10 * size
    return {**transients, "corrupted_transients": chosen}


def _turns(phase_rad: np.ndarray, shift_hz: np.ndarray, time: np.ndarray) -> np.ndarray:
    return np.exp(1j * (phase_rad[:, None] + 2 * np.pi * shift_hz[:, None] * time))


def _received(signal: np.ndarray, coils: dict[str, Any], seed: int, split: str, participant: int) -> np.ndarray:
    """Returns complex128 (coils, transients, points) of a signal (transients, points)."""
    received = receive_with_coils(
        signal,
        coils["coil_amplitude"],
        coils["coil_phase_rad"] - coils["cable_phase_rad"],
        noise_covariance=coils["noise_covariance_before_cables"],
        seed=seed,
        split=split,
        start=participant * len(signal),
    )
    return received.transpose(2, 0, 1) * np.exp(1j * coils["cable_phase_rad"])[:, None, None]


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    """Returns arrays as lists, for JSON."""
    return {name: np.asarray(value).tolist() for name, value in values.items()}
