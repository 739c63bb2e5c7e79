"""Simulated spectra like those in vivo, of known truth, for the tests of their fits."""

import functools

import numpy as np

from mrs_keras import Acquisition, Basis
from mrs_keras.basis import add_broad_signals, simulate_press
from mrs_keras.fitting.in_vivo_model import BROAD_COLUMNS
from mrs_keras.simulation import SpectralParameters, forward_model
from mrs_keras.simulation.splines import SplineBaseline

ACQUISITION = Acquisition(127.7, 2000.0, 2048, (-1.0, 4.3))
METABOLITES_MM = {
    "Asc": 1.0,
    "Asp": 1.5,
    "Cr": 4.2,
    "GABA": 1.3,
    "GPC": 1.0,
    "GSH": 1.3,
    "Gln": 2.6,
    "Glu": 9.5,
    "Ins": 6.0,
    "Lac": 0.6,
    "NAA": 10.0,
    "NAAG": 1.4,
    "PCho": 0.6,
    "PCr": 4.0,
    "PE": 1.3,
    "sIns": 0.3,
    "Tau": 1.4,
}
"""Typical concentrations in the brain, mM (de Graaf, In Vivo NMR Spectroscopy, 2019, table 2.1)."""

BROAD_MM = {
    "MM09": 3.5,
    "MM12": 1.1,
    "MM14": 2.6,
    "MM17": 1.3,
    "MM20": 5.2,
    "MM37": 3.1,
    "MM40": 4.9,
    "Lip09": 0.1,
    "Lip13a": 0.4,
    "Lip13b": 0.1,
    "Lip20": 0.1,
    "CrCH2": 0.8,
}
"""Macromolecules at the mean ratios of the fit's weak priors."""

SUMS = {"tNAA": ("NAA", "NAAG"), "tCr": ("Cr", "PCr"), "tCho": ("GPC", "PCho"), "mI": ("Ins",)}
NOISE_TO_NAA = 0.005
"""Noise of the real part over the NAA peak, as in spectra of 64 averages from 27 ml at 3 T."""


@functools.cache
def metabolite_basis() -> Basis:
    return simulate_press(tuple(METABOLITES_MM), ACQUISITION, te1_ms=12.0, te2_ms=23.0)


def simulate_in_vivo(count: int, seed: int = 0, repeats: int = 1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spectra (count repeats, window_points), noise sigma, and true concentrations in the columns of the fit.

    Each of `count` truths is repeated with other noise; the baseline is of 12 random splines in each of real and
    imaginary part.
    """
    columns = add_broad_signals(metabolite_basis(), (*BROAD_COLUMNS, "CrCH2")).scaled()
    names, rng = columns.names, np.random.default_rng(seed)
    typical = np.array([*METABOLITES_MM.values(), *BROAD_MM.values()])
    spread = np.array([0.08] * len(METABOLITES_MM) + [0.2] * len(BROAD_MM))
    group = {"NAA": 0, "NAAG": 1, "Cr": 2, "PCr": 2, "CrCH2": 2, "GPC": 3, "PCho": 3, "Ins": 4, "Glu": 5, "Gln": 5}
    group_of = [group.get(name, 7 if name in BROAD_COLUMNS else 6) for name in names]
    rad_per_ppm = 2 * np.pi * ACQUISITION.spectrometer_frequency_mhz
    shifts = rng.normal(size=(count, 8)) * rad_per_ppm * np.array([0.004] * 7 + [0.01])
    ones = np.ones((count, len(names)))
    parameters = SpectralParameters(
        concentrations=typical * np.exp(spread * rng.normal(size=ones.shape)),
        gamma=rng.uniform(6, 12, (count, 1)) * ones,
        sigma=rng.uniform(3, 9, (count, 1)) * ones,
        eps=rng.uniform(-8, 8, (count, 1)) + shifts[:, group_of],
        phi0=rng.uniform(-0.3, 0.3, count),
        phi1=rng.uniform(-5e-4, 5e-4, count),
    )
    clean = forward_model(parameters, columns)[:, ACQUISITION.window]
    naa = np.abs(clean).max(axis=1)
    regressors = SplineBaseline(-1.0, 4.3, 12).regressors(ACQUISITION)[ACQUISITION.window]
    coefficients = rng.normal(size=(count, 12, 2)) @ [1, 1j]
    clean = np.repeat(clean + 0.03 * naa[:, None] * (coefficients @ regressors.T), repeats, axis=0)
    sigma = np.repeat(NOISE_TO_NAA * naa, repeats)
    noise = rng.normal(size=(*clean.shape, 2)) @ [1, 1j]
    return clean + sigma[:, None] * noise, sigma, np.repeat(parameters.concentrations, repeats, axis=0)
