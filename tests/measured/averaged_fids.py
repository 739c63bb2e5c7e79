"""Simulated FIDs of brain of known truth, and the measured ones beside the checkout, for the tests of processing."""

import dataclasses
import functools

import numpy as np
import pytest

from mrs_keras.basis import basis_for
from mrs_keras.simulation import Effects, Prior, fid_to_spectrum, forward_model, spectrum_to_fid
from tests.conftest import SHARED_DATA

BIGGABA = SHARED_DATA / "invivo_biggaba" / "nifti"
PRIOR = Prior.from_preset("brain_press_te30_uniform")
BANDWIDTH_HZ, F0_MHZ, POINTS = 4000.0, 123.2, 2048
PPM = 4.65 + np.fft.fftshift(np.fft.fftfreq(POINTS, 1 / BANDWIDTH_HZ)) / F0_MHZ


@functools.cache
def simulated(start: int, stop: int, only_methyl: bool = False):
    """FIDs without phase, baseline and effects: complex (batch, points), their shifts in Hz, effects and noise.

    With `only_methyl` NAA is only its line at 2.007 ppm: water suppression takes that at 4.38 ppm, or most of it.
    """
    basis = basis_for(PRIOR.metabolites)
    parameters = PRIOR.draw(basis, start, stop, seed=3)
    shift_hz = -parameters.eps[:, 0] / (2 * np.pi)
    zero = np.zeros(stop - start)
    plain = dataclasses.replace(parameters, phi0=zero, phi1=zero, baseline=None)
    signals = basis.scaled()
    if only_methyl:
        line = np.exp((2j * np.pi * (2.00688 - 4.65) * F0_MHZ - 2 * np.pi) * np.arange(POINTS) / BANDWIDTH_HZ)
        fids, naa = signals.fids.copy(), signals.names.index("NAA")
        fids[:, naa] = line * (np.vdot(line, fids[:, naa]) / np.vdot(line, line))
        signals = dataclasses.replace(signals, fids=fids)
    spectra = forward_model(plain, signals)
    effects = PRIOR.draw_effects(basis, start, stop, seed=3)
    window = (PPM > 0.2) & (PPM < 4.2)
    sigma = np.abs(spectra[:, window]).max(axis=1) / PRIOR.draw_snr(start, stop, seed=3)
    random = np.random.default_rng(start)
    noise = sigma[:, None] * (random.normal(size=spectra.shape) + 1j * random.normal(size=spectra.shape))
    return spectrum_to_fid(spectra), shift_hz, effects, noise


def water_of(effects: Effects) -> np.ndarray:
    """The residual water alone: complex (batch, points)."""
    only = {name: value for name, value in effects.values().items() if name.startswith("water")}
    time = np.arange(1, POINTS + 1) / BANDWIDTH_HZ
    return Effects(**only).apply(np.zeros((len(effects), POINTS), complex), time)


def change_percent(difference: np.ndarray, fids: np.ndarray) -> np.ndarray:
    """Norm of the spectrum of a difference over that of FIDs, 0.5 to 4.0 ppm, %: (batch,)."""
    kept = (PPM > 0.5) & (PPM < 4.0)
    return 100 * np.divide(*(np.linalg.norm(fid_to_spectrum(f)[:, kept], axis=1) for f in (difference, fids)))


@functools.cache
def biggaba(step: int):
    """Every `step`-th scan of Big GABA: a list of (FID, water reference, bandwidth in Hz, f0 in MHz)."""
    if not BIGGABA.exists():
        pytest.skip("the in-vivo spectra of invivo_biggaba are not beside this checkout")
    from nifti_mrs.nifti_mrs import NIFTI_MRS

    scans = []
    for path in sorted(BIGGABA.glob("*_svs.nii.gz"))[::step]:
        scan, reference = (NIFTI_MRS(str(p)) for p in (path, path.with_name(path.name.replace("_svs", "_mrsref"))))
        f0 = float(np.ravel(scan.spectrometer_frequency)[0])
        scans.append((np.squeeze(scan[:]), np.squeeze(reference[:]), float(scan.bandwidth), f0))
    return scans
