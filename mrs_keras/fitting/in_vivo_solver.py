"""Levenberg-Marquardt fit of one in-vivo spectrum: amplitudes >= 0, line shape, phases, shifts; baseline eliminated.

For given unknowns x, the penalised baseline that fits best is linear in the rest of the spectrum. It is eliminated:
with S the smoother of the splines, the fit minimises `|(I - S)^(1/2) (y - f(x))|^2`, plus the weak priors.
"""

import dataclasses

import numpy as np
import scipy.fft
import scipy.linalg

from mrs_keras.fitting.in_vivo_problem import NONLINEAR, Problem

SHAPES = len(NONLINEAR)
LOOSE, TIGHT = 3e-2, 1e-6
"""A fit has converged when the next step would lower chi^2 by less than this: while the smoothness is chosen, and at
the end."""

FIRST_DAMPING, MOST_DAMPING = 1e-3, 1e8


@dataclasses.dataclass(eq=False)
class Fit:
    """Fit of one spectrum: unknowns (amplitudes, `NONLINEAR`, shifts), penalty chosen, sigma of the misfit."""

    x: np.ndarray
    choice: int
    scale: float
    converged: bool
    steps: int


class Evaluator:
    """Model and derivatives of one spectrum.

    Args:
      problem: shared by all spectra.
      spectrum: complex128 (window_points,).
    """

    def __init__(self, problem: Problem, spectrum: np.ndarray):
        self.problem = problem
        self.spectrum = spectrum
        self.columns_count = len(problem.fids)
        self.members = [np.flatnonzero(problem.group_of == g) for g in range(len(problem.groups))]

    def model(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns spectra of the columns complex (columns, window) and their derivatives (SHAPES + groups, window)."""
        p, n = self.problem, self.columns_count
        c, (gamma, variance, eps, phi0, phi1), shifts = x[:n], x[n : n + SHAPES], x[n + SHAPES :]
        t = p.time_s
        envelope = np.exp(-(gamma + 1j * eps) * t - variance * t**2)
        phase = np.exp(-1j * (phi0 + phi1 * p.frequency_hz))
        if len(shifts):
            turned = envelope * np.exp(-1j * shifts[:, None] * t)
            signals = p.fids * turned[p.group_of]
            summed = np.stack([c[rows] @ signals[rows] for rows in self.members])
            total = summed.sum(axis=0)
        else:
            signals = p.fids * envelope
            total = c @ signals
            summed = np.zeros((0, len(t)), complex)
        stack = np.concatenate([signals, (-t * total)[None], (t**2 * -total)[None], -1j * t * summed])
        spectra = np.take(scipy.fft.fft(stack, overwrite_x=True), p.bins, axis=1) * phase
        columns, by_gamma, by_variance, by_shifts = np.split(spectra, [n, n + 1, n + 2])
        fitted = c @ columns
        by_phi0 = -1j * fitted
        derivatives = np.concatenate(
            [by_gamma, by_variance, 1j * by_gamma, by_phi0[None], (p.frequency_hz * by_phi0)[None], by_shifts]
        )
        return columns, derivatives

    def smoothed_away(self, rows: np.ndarray, penalty: float) -> np.ndarray:
        """Returns (I - S)^(1/2) of complex rows (..., window)."""
        p = self.problem
        kept = 1 - np.sqrt(1 - 1 / (1 + penalty * p.roughness))
        return rows - ((rows @ p.directions) * kept) @ p.directions.T

    def evaluate(self, x, penalty, scale, denominators):
        """Returns chi^2, gradient -J^T r (descent direction) and J^T J, in units of `scale`."""
        n = self.columns_count
        columns, derivatives = self.model(x)
        rows = np.concatenate([columns, derivatives, (self.spectrum - x[:n] @ columns)[None]])
        rows = self.smoothed_away(rows, penalty).view(np.float64) / scale
        jacobian, residual = rows[:-1], rows[-1]
        prior_jacobian, prior_residual = self.priors(x, denominators)
        self.misfit = residual @ residual
        cost = self.misfit + prior_residual @ prior_residual
        descent = jacobian @ residual + prior_jacobian.T @ prior_residual
        curvature = jacobian @ jacobian.T + prior_jacobian.T @ prior_jacobian
        return cost, descent, curvature

    def priors(self, x, denominators):
        """Returns rows J (priors, unknowns) and residual (priors,) of the weak priors, in standard deviations."""
        p, n = self.problem, self.columns_count
        count = len(p.ratios)
        jacobian = np.zeros((count + len(p.shift_deviations), len(x)))
        for row, (numerator, weights, mean, deviation) in enumerate(p.ratios):
            jacobian[row, :n] = -mean * weights
            jacobian[row, numerator] += 1.0
            jacobian[row] /= deviation * denominators[row]
        shifts = np.arange(len(p.shift_deviations))
        jacobian[count + shifts, n + SHAPES + shifts] = 1 / p.shift_deviations
        return jacobian, -(jacobian @ np.concatenate([x[:n], np.zeros(SHAPES), x[n + SHAPES :]]))

    def denominators(self, x) -> np.ndarray:
        """Returns the denominators of the ratios, which the priors then keep."""
        c = x[: self.columns_count]
        floor = 1e-3 * max(c.max(), 1e-12)
        return np.array([max(weights @ c, floor) for _, weights, _, _ in self.problem.ratios])


def bounded_step(matrix, descent, lowest, highest):
    """Minimises `step' matrix step / 2 - descent' step` with lowest <= step <= highest, by block pivoting.

    Unknowns outside are put on their bound, and those on a bound whose gradient points inside are freed, until neither
    changes (Kim and Park, SIAM J Sci Comput 33:3261-3281, 2011, doi 10.1137/110821172).
    """
    side = np.zeros(len(descent), int)
    step = np.zeros_like(descent)
    fewest, patience = len(descent) + 1, 3
    for _ in range(200):
        free = side == 0
        step = np.where(side < 0, lowest, np.where(side > 0, highest, 0.0))
        right = descent[free] - matrix[np.ix_(free, ~free)] @ step[~free]
        step[free] = scipy.linalg.solve(matrix[np.ix_(free, free)], right, assume_a="pos", check_finite=False)
        gradient = matrix @ step - descent
        tolerance = 1e-12 * np.abs(descent).max()
        below, above = free & (step < lowest), free & (step > highest)
        released = ((side < 0) & (gradient < -tolerance)) | ((side > 0) & (gradient > tolerance))
        wrong = below | above | released
        count = np.count_nonzero(wrong)
        if not count:
            return step
        if count < fewest:
            fewest, patience = count, 3
        elif patience:
            patience -= 1
        else:  # one at a time never cycles
            last = np.flatnonzero(wrong)[-1]
            keep = np.zeros_like(wrong)
            keep[last] = True
            below, above, released = below & keep, above & keep, released & keep
        side[below], side[above], side[released] = -1, 1, 0
    return np.clip(step, lowest, highest)


def minimise(evaluator, x, penalty, scale, denominators, tolerance, max_steps):
    """Returns the minimum near x, its chi^2, whether it converged, and the steps taken."""
    p = evaluator.problem
    cost, descent, curvature = evaluator.evaluate(x, penalty, scale, denominators)
    misfit = evaluator.misfit
    damping, growth = FIRST_DAMPING, 2.0
    for steps in range(max_steps):
        diagonal = np.maximum(np.diag(curvature), 1e-300)
        scaling = 1 / np.sqrt(diagonal)
        matrix = curvature * scaling[:, None] * scaling
        lowest, highest = (p.lower - x) / scaling, (p.upper - x) / scaling
        unknown = np.eye(len(x))
        undamped = bounded_step(matrix + 1e-9 * unknown, descent * scaling, lowest, highest)
        gain = 2 * undamped @ (descent * scaling) - undamped @ matrix @ undamped
        if gain < tolerance:
            return x, cost, misfit, True, steps
        step = bounded_step(matrix + damping * unknown, descent * scaling, lowest, highest)
        predicted = 2 * step @ (descent * scaling) - step @ matrix @ step
        trial = np.clip(x + step * scaling, p.lower, p.upper)
        new = evaluator.evaluate(trial, penalty, scale, denominators)
        achieved = cost - new[0]
        if achieved > 0:
            x, (cost, descent, curvature), misfit = trial, new, evaluator.misfit
            damping *= max(1 / 3, 1 - (2 * min(achieved / max(predicted, 1e-300), 1.0) - 1) ** 3)
            damping, growth = max(damping, 1e-9), 2.0
        else:
            damping, growth = damping * growth, growth * 2
            if damping > MOST_DAMPING:
                return x, cost, misfit, False, steps
    return x, cost, misfit, False, max_steps
