"""Fits that are exactly the truth that spectra were made of, and leave over what they are told to."""

import numpy as np

from mrs_keras import Acquisition
from mrs_keras.basis import add_broad_signals, simulate_press
from mrs_keras.fitting import InVivoFits
from mrs_keras.simulation import SplineBaseline, forward_model

ACQUISITION = Acquisition(127.7, 2000.0, 1024, (-1.0, 4.3))
BASIS = add_broad_signals(simulate_press(["NAA", "NAAG", "Cr", "PCr", "Ins"], ACQUISITION), ["MM09", "MM20"]).scaled()
SPLINES = SplineBaseline(-1.0, 4.3, 8)
GROUPS = {"tNAA": ("NAA", "NAAG"), "tCr": ("Cr", "PCr"), "Ins": ("Ins",), "MM": ("MM09", "MM20")}
MEAN = np.array([9.0, 1.5, 4.0, 3.0, 5.0, 6.0, 8.0])


def fits_of_truth(
    subjects: int, *, residual: float | np.ndarray = 0.0, seed: int = 0, converged: np.ndarray | None = None
) -> InVivoFits:
    """Returns fits that left over a line at 1.4 ppm, `residual` high in each fit's phase, or the given residuals."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=subjects)  # what concentrations and widths share
    concentrations = MEAN * (1 + 0.08 * common[:, None] + 0.05 * rng.normal(size=(subjects, 7)))
    arrays = {
        "concentrations": 0.7 * concentrations,
        "gamma": 5 + 0.8 * common + 0.3 * rng.normal(size=subjects),
        "sigma": rng.uniform(4, 6, subjects),
        "eps": rng.normal(size=subjects),
        "shifts": 0.3 * rng.normal(size=(subjects, 4)),
        "phi0": 0.1 * rng.normal(size=subjects),
        "phi1": 2e-5 * rng.normal(size=subjects),
        "baseline": 2 * rng.normal(size=(subjects, 16)),
        "noise_sigma": rng.uniform(0.8, 1.2, subjects),
        "converged": np.ones(subjects, bool) if converged is None else converged,
        **{name: np.zeros((subjects, 0)) for name in ("deviations", "correlations")},
        **{name: np.ones(subjects) for name in ("misfit", "lag1", "baseline_freedom")},
    }
    points = ACQUISITION.window_points
    fits = InVivoFits(
        basis=BASIS,
        groups=GROUPS,
        baseline_splines=SPLINES,
        participants=tuple(f"sub-{row:02d}" for row in range(subjects)),
        **{
            **arrays,
            "fitted": np.zeros((subjects, points), complex),
            "residual": np.zeros((subjects, points), complex),
        },
    )
    regressors = SPLINES.regressors(ACQUISITION)
    fits.fitted[:] = forward_model(fits.parameters(), BASIS, baseline_regressors=regressors)[:, ACQUISITION.window]
    if isinstance(residual, np.ndarray):
        fits.residual[:] = residual
        return fits
    line = np.exp(-(((ACQUISITION.window_ppm_axis - 1.4) / 0.03) ** 2))
    frequency_hz = ACQUISITION.frequency_axis_hz[ACQUISITION.window]
    phases = np.exp(-1j * (fits.phi0[:, None] + fits.phi1[:, None] * frequency_hz))
    fits.residual[:] = residual * (1 + 0.1 * rng.normal(size=subjects))[:, None] * phases * line
    return fits
