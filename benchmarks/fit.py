"""Measures the fit of in-vivo spectra on one core, beside scipy's optimiser on the same model.

    python benchmarks/fit.py [--spectra 40] [--references 3]

The spectra are simulated: 17 metabolites, macromolecules and a baseline at 3 T, from -1 to 4.3 ppm.
"""

import argparse
import time

import numpy as np
import scipy.optimize
import threadpoolctl

from mrs_keras import Acquisition, simulate_press
from mrs_keras.basis import add_broad_signals
from mrs_keras.fitting import InVivoFits, InVivoModel, fit_spectra
from mrs_keras.simulation import SpectralParameters, forward_model

ACQUISITION = Acquisition(127.7, 2000.0, 2048, (-1.0, 4.3))
MM = {
    **dict.fromkeys(("Asc", "GPC", "Lac", "PE"), 1.0),
    "Asp": 1.5,
    "Cr": 4.2,
    "GABA": 1.3,
    "GSH": 1.3,
    "Gln": 2.6,
    "Glu": 9.5,
    "Ins": 6.0,
    "NAA": 10.0,
    "NAAG": 1.4,
    "PCho": 0.6,
    "PCr": 4.0,
    "sIns": 0.3,
    "Tau": 1.4,
    "MM09": 3.5,
    "MM14": 2.6,
    "MM20": 5.2,
    "MM40": 4.9,
}
BROAD = ("MM09", "MM14", "MM20", "MM40")


def simulated(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns spectra complex (count, window_points) with noise, and its sigma (count,)."""
    rng, one = np.random.default_rng(0), np.ones(count)
    basis = add_broad_signals(simulate_press([name for name in MM if name not in BROAD], ACQUISITION), BROAD).scaled()
    concentrations = np.array(list(MM.values())) * np.exp(0.1 * rng.normal(size=(count, len(MM))))
    parameters = SpectralParameters(concentrations, 8 * one, 6 * one, rng.uniform(-8, 8, count), 0.2 * one, 2e-4 * one)
    clean = forward_model(parameters, basis)[:, ACQUISITION.window]
    sigma = 0.005 * np.abs(clean).max(axis=1)
    baseline = 10 * sigma[:, None] * np.sin(2 * ACQUISITION.window_ppm_axis)
    return clean + baseline + sigma[:, None] * (rng.normal(size=(*clean.shape, 2)) @ [1, 1j]), sigma


def reference(spectrum: np.ndarray, fits: InVivoFits, row: int) -> tuple[float, float]:
    """Fits the same unknowns by `scipy.optimize.least_squares` with a numerical Jacobian, from near the minimum.

    Priors and the penalty of the baseline are left out; the baseline has as many splines.

    Returns:
      CPU seconds, and the residual over that of `fit_spectra`.
    """
    columns, groups = len(fits.columns), list(fits.groups)
    of = [next((k for k, g in enumerate(groups) if name in fits.groups[g]), 0) for name in fits.columns]
    regressors = fits.baseline_splines.regressors(ACQUISITION)

    def difference(x):
        c, gamma, sigma, eps, phi0, phi1, shifts, b = np.split(x, np.cumsum([columns, 1, 1, 1, 1, 1, len(groups)]))
        ones = np.ones((1, columns))
        parameters = SpectralParameters(
            c[None], gamma * ones, sigma * ones, eps + shifts[of][None], phi0, phi1 / 1000, b[None]
        )
        fitted = forward_model(parameters, fits.basis, baseline_regressors=regressors)[0, ACQUISITION.window]
        return (spectrum - fitted).view(np.float64)

    shape = [fits.gamma[row], fits.sigma[row], fits.eps[row], fits.phi0[row], 1000 * fits.phi1[row]]
    found = np.concatenate([fits.concentrations[row], shape, fits.shifts[row], fits.baseline[row]])
    start = found * 1.05 + 0.01
    lower = np.concatenate([np.zeros(columns + 2), np.full(len(start) - columns - 2, -np.inf)])
    began = time.process_time()
    result = scipy.optimize.least_squares(difference, start, bounds=(lower, np.inf), x_scale="jac", ftol=1e-6)
    seconds = time.process_time() - began
    return seconds, float(np.sqrt(2 * result.cost) / np.linalg.norm(fits.residual[row]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spectra", type=int, default=40)
    parser.add_argument("--references", type=int, default=3, help="spectra that scipy fits")
    options = parser.parse_args()
    spectra, sigma = simulated(options.spectra)
    basis = simulate_press([name for name in MM if name not in BROAD], ACQUISITION)
    with threadpoolctl.threadpool_limits(1):
        times = {}
        for title, model in (
            ("fit_spectra, all ingredients", InVivoModel()),
            ("fit_spectra, one smoothness", InVivoModel(baseline_freedom=4.0)),
        ):
            began = time.process_time()
            fits = fit_spectra(spectra, basis, model=model, noise_sigma=sigma, jobs=1)
            times[title] = (time.process_time() - began) / len(spectra)
        seconds, residuals = zip(
            *(reference(spectra[row], fits, row) for row in range(options.references)), strict=True
        )
    columns = len(fits.columns)
    print(
        f"{options.spectra} spectra of {ACQUISITION.window_points} points, {columns} signals, "
        f"{fits.baseline.shape[1]} coefficients of the baseline, one core;"
    )
    print("bounds and correlations included in fit_spectra\n")
    print(f"{'':34}{'CPU s each':>15}{'faster by':>11}")
    for title, each in times.items():
        print(f"{title:34}{each:15.3f}{np.median(seconds) / each:11.0f}")
    print(f"{'scipy.optimize.least_squares':34}{np.median(seconds):15.3f}{1:11.0f}")
    print(f"\nResidual of scipy over that of fit_spectra: {np.median(residuals):.4f} (it has no priors and no penalty)")


if __name__ == "__main__":
    main()
