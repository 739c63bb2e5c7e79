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
    DRIFT,
    ECHO_TIME_MS,
    GAUSSIAN_WIDTH_OF_SITES,
    MOTION_PROBABILITY,
    PRESET,
    RAW_EDDY_CURRENT,
    RAW_WATER,
    REPETITION_TIME_MS,
    SEQUENCE,
    SNR_OF_SITES,
    WATER_MM,
    WATER_T2_S,
    ScanDesign,
)
from mrs_keras.random_streams import MEASURED_EXAMPLE
from mrs_keras.simulation import (
    CoilArray,
    Prior,
    ReferenceTransients,
    Transients,
    apply_eddy_current,
    fid_to_spectrum,
    residual_water,
)
from mrs_keras.simulation.coils import neighbour_correlation
from mrs_keras.simulation.transients import as_plain, water_fid


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
    time, draws = time_axis_s(acquisition.points, acquisition.bandwidth_hz), design.draws(participant)
    tissue, water, truth = _signals(participant, design, time)
    gain = 10 ** design.of_site("gain", site, -0.5, 0.5)
    height, snr = _naa_height(tissue, acquisition), _snr(participant, design)
    level = {"noise_sigma": height / snr, "naa_height": height, "snr": snr}
    coils = _coils(participant, design, gain, level["noise_sigma"])
    transients = Transients.draw(draws, design.transients, DRIFT, MOTION_PROBABILITY)
    references = ReferenceTransients.draw(draws, design.reference_transients, DRIFT)
    common_hz = float(draws.uniform("frequency", -2.0, 2.0)[0])
    transients = dataclasses.replace(transients, shift_hz=transients.shift_hz + common_hz)
    references = dataclasses.replace(references, reference_shift_hz=common_hz + references.reference_shift_hz)

    eddy = (truth["eddy_amplitude_hz"], truth["eddy_time_constant_s"])
    fids = [
        coils.receive(
            apply_eddy_current(signal, time, *eddy), seed=design.seed, split=split, start=participant * len(signal)
        )
        for signal, split in (
            (transients.apply(tissue, water, time), MEASURED_EXAMPLE),
            (references.apply(tissue + _unsuppressed_water(truth, time), time), f"{MEASURED_EXAMPLE}, reference"),
        )
    ]
    settings = {
        "spectrometer_frequency_mhz": acquisition.spectrometer_frequency_mhz,
        "bandwidth_hz": acquisition.bandwidth_hz,
        "echo_time_ms": ECHO_TIME_MS,
        "repetition_time_ms": REPETITION_TIME_MS,
        "sequence": SEQUENCE,
    }
    concentrations = truth.pop("concentrations_mM")
    truth |= {**as_plain(transients), "site_gain": gain, **as_plain(coils), **level, **as_plain(references)}
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
        "water_mM": float(design.draws(participant).uniform("water", *WATER_MM)[0]),
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
    return water_fid(time, amplitude, truth["gamma"] + 1 / WATER_T2_S, truth["sigma"])


def _naa_height(tissue: np.ndarray, acquisition: Acquisition) -> float:
    ppm = ppm_axis(acquisition.points, acquisition.bandwidth_hz, acquisition.spectrometer_frequency_mhz)
    return float(fid_to_spectrum(tissue).real[(ppm > 1.9) & (ppm < 2.1)].max())


def _snr(participant: int, design: ScanDesign) -> float:
    low, high = SNR_OF_SITES
    typical = design.of_site("snr", participant % design.sites, low, high)
    return float(np.clip(typical * design.draws(participant).uniform("snr of scan", 0.75, 1.25)[0], 30.0, 120.0))


def _coils(participant: int, design: ScanDesign, gain: float, noise_sigma: float) -> CoilArray:
    """Returns the coils; those of a site differ between participants in their fields alone."""
    site, coils, draws = participant % design.sites, design.coils, design.draws(participant)
    of_site = design.draws(site)
    deviation = of_site.uniform("coil noise", 0.8, 1.25, coils)
    correlation = neighbour_correlation(coils, design.of_site("noise correlation", site, 0.15, 0.45))
    return CoilArray.with_noise_of(
        gain * draws.uniform("coil amplitude", 0.3, 1.0, coils),
        draws.uniform("coil phase", -0.4, 0.4, coils),
        of_site.uniform("cable phase", -np.pi, np.pi, coils),
        np.outer(deviation, deviation) * correlation,
        sigma=noise_sigma,
        transients=design.transients,
    )
