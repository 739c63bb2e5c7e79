"""Fits of in-vivo spectra on all cores: start, choice of the baseline's smoothness, minimum, bounds."""

from collections.abc import Sequence

import joblib
import numpy as np
import threadpoolctl
from tqdm import tqdm

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_finite
from mrs_keras.fitting.cramer_rao import cramer_rao
from mrs_keras.fitting.in_vivo_fits import ARRAYS, InVivoFits
from mrs_keras.fitting.in_vivo_model import InVivoModel
from mrs_keras.fitting.in_vivo_problem import Problem, problem_of
from mrs_keras.fitting.in_vivo_solver import LOOSE, SHAPES, TIGHT, Evaluator, minimise
from mrs_keras.fitting.in_vivo_start import Start

CHUNK = 4
"""Number of spectra that a process fits at a time."""


def fit_in_vivo(
    spectra: np.ndarray,
    basis: Basis,
    model: InVivoModel,
    noise_sigma: float | np.ndarray,
    *,
    ids: Sequence[str] | None = None,
    participants: Sequence[str] | None = None,
    sessions: Sequence[str | None] | None = None,
    sites: Sequence[str] | None = None,
    jobs: int | None = None,
    progress: bool = False,
) -> InVivoFits:
    """Fits spectra in vivo; the result does not depend on the number of processes, nor on the other spectra.

    Args:
      spectra: complex (n, window_points), rising ppm.
      basis: of the metabolites, with the acquisition of the spectra; see `match_acquisition`.
      model: ingredients of the fit.
      noise_sigma: standard deviation of the real part of the noise of each point, one number or (n,).
      ids: name of each spectrum. Defaults to `None`.
      participants: `sub-...` of each spectrum. Defaults to `None`.
      sessions: `ses-...` of each spectrum. Defaults to `None`.
      sites: of each spectrum. Defaults to `None`.
      jobs: number of processes. Defaults to `None`: one for each core.
      progress: whether to draw a progress bar on standard error, if it is a terminal. Defaults to `False`.

    Raises:
      ValueError: if `noise_sigma` is not above 0, names are not one for each spectrum, the basis lacks a metabolite, or
        the window is too small.
    """
    problem = problem_of(basis, model)
    noise_sigma = _checked_noise(noise_sigma, len(spectra))
    names = {"ids": ids, "participants": participants, "sessions": sessions, "sites": sites}
    for name, values in names.items():
        if values is not None and len(values) != len(spectra):
            raise ValueError(
                f"`{name}` must be one for each spectrum. Expected: {len(spectra)}. Received: {len(values)}."
            )
    start = Start(problem)
    chunks = [slice(first, first + CHUNK) for first in range(0, len(spectra), CHUNK)]
    jobs = min(jobs or joblib.cpu_count(), len(chunks))
    work = joblib.Parallel(n_jobs=jobs, return_as="generator", batch_size=1)
    results = work(joblib.delayed(_fit_rows)(problem, start, spectra[rows], noise_sigma[rows]) for rows in chunks)
    rows = []
    with tqdm(total=len(spectra), desc="Fitting spectra", unit="spectrum", disable=None if progress else True) as bar:
        for result in results:
            rows += result
            bar.update(len(result))
    return InVivoFits(
        basis=problem.basis,
        groups=problem.groups,
        baseline_splines=problem.baseline,
        **{name: None if values is None else tuple(values) for name, values in names.items()},
        **{name: np.stack([row[name] for row in rows]) for name in ARRAYS},
    )


def _checked_noise(noise_sigma, count: int) -> np.ndarray:
    sigma = check_finite("noise_sigma", np.asarray(noise_sigma, np.float64))
    if sigma.shape not in ((), (count,)) or np.any(sigma <= 0):
        raise ValueError(
            "`noise_sigma` must be one number or one for each spectrum, above 0. "
            f"Expected shape () or ({count},). Received: shape {sigma.shape}, smallest value {sigma.min()}. "
            "`process_folder` measures it in the part of the spectrum without signal."
        )
    return np.broadcast_to(sigma, (count,))


def _fit_rows(problem: Problem, start: Start, spectra: np.ndarray, noise_sigma: np.ndarray) -> list[dict]:
    # One thread: the processes share the cores, and sums are rounded in the same order on any number of them.
    with threadpoolctl.threadpool_limits(1):
        return [_fit_one(problem, start, *one) for one in zip(spectra, noise_sigma, strict=True)]


def _fit_one(problem: Problem, start: Start, spectrum: np.ndarray, noise_sigma: float) -> dict:
    evaluator = Evaluator(problem, spectrum)
    most = problem.model.max_iterations
    x = _first(evaluator, start.of(spectrum), noise_sigma)
    middle = len(problem.penalties) // 2
    scale, denominators = _scales(evaluator, x, middle, noise_sigma)
    path, squares = [], []
    for choice, penalty in enumerate(problem.penalties):
        x = minimise(evaluator, x, penalty, scale, denominators, LOOSE, most)[0]
        path.append(x)
        residual = _residual(evaluator, x, choice)
        squares.append(np.vdot(residual, residual).real)
    criteria = np.log(squares) + problem.model.aic_factor * problem.freedom / len(spectrum)
    choice = int(np.argmin(criteria))
    x = path[choice]
    for _ in range(2):
        scale, denominators = _scales(evaluator, x, choice, noise_sigma)
        x, _, _, converged, _ = minimise(evaluator, x, problem.penalties[choice], scale, denominators, TIGHT, most)
    return _result(evaluator, x, choice, noise_sigma, denominators, converged)


def _first(evaluator: Evaluator, theta: np.ndarray, noise_sigma: float) -> np.ndarray:
    """Returns the better of the fits from both signs of the spectrum, without priors on ratios."""
    problem = evaluator.problem
    penalty = problem.penalties[len(problem.penalties) // 2]
    without = np.full(len(problem.ratios), np.inf)
    found = []
    for turn in (0.0, np.pi):
        x = np.concatenate([np.zeros(len(problem.fids)), theta, np.zeros(len(problem.groups))])
        x[len(problem.fids) + 3] += turn
        scale = 2 * noise_sigma  # spectra in vivo are never explained to the noise
        found.append(minimise(evaluator, x, penalty, scale, without, LOOSE, problem.model.max_iterations))
    return min(found, key=lambda result: result[1])[0]


def _scales(evaluator: Evaluator, x, choice, noise_sigma) -> tuple[float, np.ndarray]:
    """Returns the standard deviation of the misfit, at least that of the noise, and the denominators of the ratios."""
    return max(noise_sigma, _misfit(evaluator, x, choice)), evaluator.denominators(x)


def _misfit(evaluator, x, choice) -> float:
    freedom = 2 * len(evaluator.spectrum) - evaluator.problem.freedom[choice] - len(x)
    return float(np.linalg.norm(_residual(evaluator, x, choice)) / np.sqrt(freedom))


def _coefficients(evaluator, x, choice) -> tuple[np.ndarray, np.ndarray]:
    """Returns the coefficients of the baseline complex (splines,) and the spectrum without it (window,)."""
    problem = evaluator.problem
    columns, _ = evaluator.model(x)
    fitted = x[: len(columns)] @ columns
    shrunk = 1 / (1 + problem.penalties[choice] * problem.roughness)
    return problem.to_coefficients @ (shrunk * (problem.directions.T @ (evaluator.spectrum - fitted))), fitted


def _residual(evaluator, x, choice) -> np.ndarray:
    coefficients, fitted = _coefficients(evaluator, x, choice)
    return evaluator.spectrum - fitted - evaluator.problem.splines @ coefficients


def _lag1(residual: np.ndarray) -> float:
    """Returns the correlation of neighbouring points."""
    return float(np.vdot(residual[:-1], residual[1:]).real / np.vdot(residual, residual).real)


def _result(evaluator, x, choice, noise_sigma, denominators, converged) -> dict:
    problem = evaluator.problem
    n = len(problem.fids)
    coefficients, fitted = _coefficients(evaluator, x, choice)
    fitted = fitted + problem.splines @ coefficients
    residual = evaluator.spectrum - fitted
    gamma, variance, eps, phi0, phi1 = x[n : n + SHAPES]
    sigma = np.sqrt(variance)
    columns, derivatives = evaluator.model(x)
    splines = np.stack([problem.splines.T, 1j * problem.splines.T], axis=1).reshape(-1, len(fitted))
    jacobian = np.ascontiguousarray(np.concatenate([columns, derivatives, splines])).view(np.float64)
    weak, _ = evaluator.priors(x, denominators)
    information = np.zeros((len(jacobian), len(jacobian)))
    information[: len(x), : len(x)] = weak.T @ weak
    bent = np.diff(np.eye(problem.splines.shape[1]), 2, axis=0) if len(splines) else np.zeros((0, 0))
    penalty = np.kron(bent.T @ bent, np.eye(2)) * (problem.penalties[choice] / noise_sigma**2)
    information[len(x) :, len(x) :] = penalty
    known = np.concatenate([problem.lower == problem.upper, np.zeros(len(splines), bool)])
    deviations, correlations = cramer_rao(jacobian, noise_sigma, information, known)
    # d sigma = d sigma^2 / (2 sigma); at 0, the deviation of sigma is the root of that of sigma^2.
    deviations[n + 1] = min(deviations[n + 1] / max(2 * sigma, 1e-300), np.sqrt(deviations[n + 1]))
    return {
        "concentrations": x[:n],
        "gamma": gamma,
        "sigma": sigma,
        "eps": eps,
        "shifts": x[n + SHAPES :],
        "phi0": np.angle(np.exp(1j * phi0)),
        "phi1": phi1,
        "baseline": coefficients.view(np.float64),
        "fitted": fitted,
        "residual": residual,
        "noise_sigma": noise_sigma,
        "converged": converged,
        "deviations": deviations,
        "correlations": correlations.astype(np.float32),
        "misfit": _misfit(evaluator, x, choice) / noise_sigma,
        "lag1": _lag1(residual),
        "baseline_freedom": problem.freedom[choice],
    }
