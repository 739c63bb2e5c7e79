"""Physical parameters of spectra: a least-squares fit of the forward model by batched variable projection.

Concentrations and baseline are linear in the model, so they are solved for, not searched: Golub and Pereyra, SIAM J
Numer Anal 10:413-432 (1973), doi 10.1137/0710036, with the Jacobian of Kaufman, BIT 15:49-57 (1975), doi
10.1007/BF01932995. Levenberg-Marquardt searches the rest, `theta = (gamma, sigma^2, eps, phi0, phi1)`; sigma^2, because
the derivative with respect to sigma vanishes at 0.
"""

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import scipy.fft
from threadpoolctl import threadpool_limits

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_count, check_finite
from mrs_keras.fitting.in_vivo_fit import fit_in_vivo
from mrs_keras.fitting.in_vivo_fits import InVivoFits
from mrs_keras.fitting.in_vivo_model import InVivoModel
from mrs_keras.simulation.blocks import cores
from mrs_keras.simulation.forward import baseline_polynomials, forward_model
from mrs_keras.simulation.parameters import SpectralParameters

CHUNK = 64
"""Number of spectra fitted at a time, so that their signals fit in the processor's cache."""

WIDTH_LIMIT, EPS_LIMIT = 500.0, 200.0
"""Largest gamma and sigma (1/s) and |eps| (rad/s), far beyond in vivo spectra: keeps any fit finite."""

START_GAMMA, START_SIGMA, START_EPS = (1.0, 8.0, 20.0, 45.0), (3.0, 12.0, 24.0, 40.0), np.arange(-48.0, 49.0, 6.0)
"""Grid of starting points, 1/s, 1/s and rad/s; the steps of eps are below the width of the narrowest line."""

FIRST_DAMPING, LEAST_DAMPING, MOST_DAMPING = 1e-3, 1e-9, 1e9
"""Levenberg-Marquardt damping: initial, smallest, and the value at which a fit stops."""

RELATIVE_OFFSET, ABSOLUTE_OFFSET = 1e-5, 1e-11
"""A fit has converged when a Gauss-Newton step would move the fitted spectrum by no more than the first fraction of
the residual plus the second of the spectrum (Bates and Watts, Technometrics 23:179-183, 1981)."""


@dataclasses.dataclass(frozen=True, eq=False)
class SpectralFit:
    """Result of `fit_spectra`.

    Args:
      parameters: of the fitted spectra, with one line-shape group and the baseline coefficients.
      fitted: complex128 (batch, window_points), the physical spectrum nearest to each spectrum, in its units.
      residual: float64 (batch,), `||spectrum - fitted|| / ||spectrum||`: the distance from the physical model. 0 is a
        spectrum that the model reproduces exactly, 1 for one that it does not explain at all.
      converged: bool (batch,), whether the fit reached a minimum. If `False`, the best point found is returned.
    """

    parameters: SpectralParameters
    fitted: np.ndarray
    residual: np.ndarray
    converged: np.ndarray


def fit_spectra(
    spectra: np.ndarray,
    basis: Basis,
    *,
    baseline_order: int = 4,
    phi1_limit: float = 1e-5,
    max_iterations: int = 100,
    model: InVivoModel | None = None,
    **in_vivo,
) -> SpectralFit | InVivoFits:
    """Fits the forward model to spectra: the inverse of `simulate`. With `model`, fits spectra in vivo.

    Without `model`, it minimises `||spectrum - model||` in the window over gamma, sigma, eps, phi0, phi1,
    concentrations and baseline; all metabolites share a line shape. The fit starts from the best point of a grid over
    line shapes, with phi0 in closed form; it uses no true or expected values.

    Concentrations are real and may be negative. `phi0` and `phi0 + pi` with all concentrations negated give the same
    spectrum: the one with a positive sum of concentrations is returned. In noise `phi1` is a nuisance, mostly at its
    limit.

    Args:
      spectra: complex (batch, window_points), rising ppm, in the units of `simulate`.
      basis: signals of the metabolites to fit; scaled here as FSL-MRS scales them.
      baseline_order: order of the baseline polynomial. Defaults to `4`.
      phi1_limit: bound of |phi1|, rad/Hz; 0 keeps it at 0. Defaults to `1e-5`, the range of the preset prior.
      max_iterations: most Levenberg-Marquardt steps per spectrum. Defaults to `100`; a simulated spectrum takes 5.
      model: for spectra in vivo, with macromolecules, lipids, a smooth baseline and weak priors; the three options
        above are then those of the model. Defaults to `None`: simulated spectra.
      **in_vivo: with `model`, the arguments of `fit_in_vivo`: `noise_sigma`, which is needed, `ids`, `participants`,
        `sessions`, `sites`, `jobs`, `progress`.

    Returns:
      `SpectralFit` of `batch` spectra, with gamma and sigma from 0 to 500 1/s, eps within +-200 rad/s and phi0 from
      -pi to pi. With `model`, `InVivoFits`.

    Raises:
      ValueError: if `spectra` is not a finite complex array of that shape, holds a spectrum of zeros or none at all, an
        option is out of range, or the metabolites cannot be told apart.

    Example:

    >>> basis, prior = default_basis(), UniformPrior.from_preset("naa_pcr")
    >>> spectra = simulate(prior.draw(basis, 0, 8, seed=0), basis)
    >>> fit_spectra(spectra, basis).parameters.concentrations.shape
    (8, 2)
    """
    spectra = _checked_spectra(spectra, basis)
    if model is not None:
        if (baseline_order, phi1_limit, max_iterations) != (4, 1e-5, 100):
            raise ValueError(
                "With `model`, its own options count. Received also: "
                f"baseline_order={baseline_order}, phi1_limit={phi1_limit}, max_iterations={max_iterations}. "
                "Give these to `InVivoModel`, whose baseline has `splines_per_ppm`."
            )
        return fit_in_vivo(spectra, basis, model, **in_vivo)
    if in_vivo:
        raise ValueError(
            f"{', '.join(in_vivo)} are for spectra in vivo. Expected `model` with them. Received: model=None. "
            "Give `model=InVivoModel()`, or leave them out."
        )
    max_iterations = check_count("max_iterations", max_iterations, 100)
    chunks = [slice(first, first + CHUNK) for first in range(0, len(spectra), CHUNK)]
    # The matrices are small: threads inside the linear algebra would wait for each other, those over chunks do not.
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(min(cores(), len(chunks))) as pool:
        shared = _Model.of(basis, baseline_order, phi1_limit)
        grid, templates = _grid(shared)
        parts = pool.map(lambda chunk: _fit_chunk(spectra[chunk], shared, grid, templates, max_iterations), chunks)
        theta, concentrations, converged = (np.concatenate(part) for part in zip(*parts, strict=True))

    sign = np.where(concentrations.sum(axis=1) < 0, -1.0, 1.0)
    gamma, variance, eps, phi0, phi1 = theta.T
    lines = SpectralParameters(
        concentrations=concentrations * sign[:, None],
        gamma=gamma,
        sigma=np.sqrt(variance),
        eps=eps,
        phi0=np.angle(sign * np.exp(1j * phi0)),
        phi1=phi1,
    )
    together = [0] * len(basis.names)
    fitted = np.concatenate(
        [forward_model(lines[i], shared.basis, metabolite_groups=together)[:, basis.acquisition.window] for i in chunks]
    )
    coefficients = (spectra - fitted) @ np.linalg.pinv(shared.polynomials).T
    fitted += coefficients @ shared.polynomials.T
    return SpectralFit(
        parameters=dataclasses.replace(lines, baseline=coefficients.view(np.float64)),
        fitted=fitted,
        residual=np.linalg.norm(spectra - fitted, axis=1) / np.linalg.norm(spectra, axis=1),
        converged=converged,
    )


def _checked_spectra(spectra, basis: Basis) -> np.ndarray:
    points = basis.acquisition.window_points
    spectra = np.asarray(spectra)
    if not np.iscomplexobj(spectra) or spectra.ndim != 2 or spectra.shape[1] != points or not len(spectra):
        raise ValueError(
            "`spectra` must be a complex array (batch, window_points) of at least one spectrum. "
            f"Expected shape: (batch, {points}), the window of `basis.acquisition`. "
            f"Received: shape {spectra.shape}, dtype {spectra.dtype}. "
            "Convert (batch, points, 2) with `channels_to_complex`; give one spectrum as `spectrum[None]`."
        )
    spectra = np.ascontiguousarray(check_finite("spectra", spectra), dtype=np.complex128)
    zeros = ~spectra.any(axis=1)
    if zeros.any():
        raise ValueError(
            "`spectra` must not hold a spectrum of zeros: it has no phase and no line shape. "
            f"Received {int(zeros.sum())}, the first at index {int(np.argmax(zeros))}. Remove these."
        )
    return spectra


@dataclasses.dataclass(frozen=True, eq=False)
class _Model:
    """Data shared by all spectra of a fit.

    Args:
      basis: scaled.
      fids: complex128 (metabolites, points), of the scaled basis, first point halved.
      bins: int (window_points,), FFT bins of the window.
      polynomials: float64 (window_points, order + 1), of the baseline.
      orthonormal: float64 (window_points, order + 1), an orthonormal basis of the polynomials.
      lower: float64 (5,), lower bounds of theta.
      upper: float64 (5,), upper bounds of theta.
    """

    basis: Basis
    fids: np.ndarray
    bins: np.ndarray
    polynomials: np.ndarray
    orthonormal: np.ndarray
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of(cls, basis: Basis, baseline_order: int, phi1_limit: float) -> "_Model":
        order = check_count("baseline_order", baseline_order, 4, at_least=0)
        phi1_limit = float(check_finite("phi1_limit", phi1_limit))
        if phi1_limit < 0:
            raise ValueError(
                f"`phi1_limit` must be at least 0 rad/Hz. Received: phi1_limit={phi1_limit}. Give for example 1e-5."
            )
        basis, acquisition = basis.scaled(), basis.acquisition
        unknowns = 5 + len(basis.names) + 2 * (order + 1)
        if unknowns > 2 * acquisition.window_points:
            raise ValueError(
                f"The window is too small for the fit. Expected at least {-(-unknowns // 2)} points, for {unknowns} "
                f"unknowns. Received: {acquisition.window_points} points. Lower `baseline_order` or widen `ppm_window`."
            )
        polynomials = baseline_polynomials(acquisition, order)[acquisition.window]
        model = cls(
            basis=basis,
            fids=basis.fids.T * np.where(np.arange(acquisition.points) == 0, 0.5, 1.0),
            bins=(np.arange(acquisition.points) - acquisition.points // 2)[acquisition.window] % acquisition.points,
            polynomials=polynomials,
            orthonormal=np.linalg.qr(polynomials)[0],
            lower=np.array([0.0, 0.0, -EPS_LIMIT, -np.inf, -phi1_limit]),
            upper=np.array([WIDTH_LIMIT, WIDTH_LIMIT**2, EPS_LIMIT, np.inf, phi1_limit]),
        )
        left = np.linalg.svd(model.project(model.window_spectrum(model.fids.copy())).view(np.float64), compute_uv=False)
        if left[-1] < 1e-10 * left[0]:
            raise ValueError(
                "The metabolites of the basis must differ from each other and from the baseline inside the window. "
                f"Received: {basis.names}, of which some combination leaves nothing in {acquisition.ppm_window} ppm. "
                "Leave one out with `Basis.select`."
            )
        return model

    def project(self, spectra: np.ndarray) -> np.ndarray:
        """Removes the baseline from complex (..., window_points).

        Real and imaginary part have separate baselines of the same form: this is the projection of the two stacked.
        """
        return spectra - (spectra @ self.orthonormal) @ self.orthonormal.T

    def window_spectrum(self, fids: np.ndarray) -> np.ndarray:
        """Transforms FIDs (..., points), which are overwritten, to their spectra in the window."""
        return scipy.fft.fft(fids, norm="ortho", overwrite_x=True)[..., self.bins]

    def columns(self, theta: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Returns metabolite spectra (batch, metabolites, window_points), envelope and phase (batch, points or window).

        The spectra are those of 1 mM each, including the part that overlaps with the baseline.
        """
        gamma, variance, eps, phi0, phi1 = theta.T[:, :, None]
        acquisition = self.basis.acquisition
        time = acquisition.time_axis_s
        envelope = np.exp(-(gamma + 1j * eps) * time - variance * time**2)
        phase = np.exp(-1j * (phi0 + phi1 * acquisition.frequency_axis_hz[acquisition.window]))
        # One metabolite at a time: the signals of all would not fit in the cache.
        return np.stack([phase * self.window_spectrum(fid * envelope) for fid in self.fids], axis=1), envelope, phase


def _grid(model: _Model) -> tuple[np.ndarray, np.ndarray]:
    """Creates starting points theta (grid, 5) and their templates complex (grid, metabolites, window_points).

    The templates of a point are its metabolites' spectra without baseline, made orthonormal as real vectors.
    """
    gamma, sigma, eps = (axis.ravel() for axis in np.meshgrid(START_GAMMA, START_SIGMA, START_EPS))
    theta = np.stack([gamma, sigma**2, eps, 0 * eps, 0 * eps], axis=1)
    q = np.linalg.qr(model.project(model.columns(theta)[0]).view(np.float64).swapaxes(1, 2))[0]
    return theta, np.ascontiguousarray(q.swapaxes(1, 2)).view(np.complex128)


def _start(targets: np.ndarray, grid: np.ndarray, templates: np.ndarray) -> np.ndarray:
    """Selects for each target, complex (batch, window_points) without baseline, the grid point that explains it best.

    With u the products of the target and the templates, phi0 makes the energy `sum Re(exp(i phi0) u)^2` explained. It
    is largest, `(sum |u|^2 + |sum u^2|) / 2`, where exp(2 i phi0) cancels the phase of `sum u^2`.
    """
    u = (targets @ templates.reshape(-1, targets.shape[1]).conj().T).reshape(len(targets), *templates.shape[:2])
    squares = (u**2).sum(axis=2)
    best = np.argmax((np.abs(u) ** 2).sum(axis=2) + np.abs(squares), axis=1)
    theta = grid[best]
    theta[:, 3] = -np.angle(squares[np.arange(len(u)), best]) / 2
    return theta


def _fit_chunk(spectra, model, grid, templates, max_iterations) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns theta (batch, 5), concentrations (batch, metabolites) and converged (batch,)."""
    targets = model.project(spectra)
    theta = _start(targets, grid, templates)
    state = (theta, *_evaluate(theta, targets, model))
    _, cost, concentrations, descent, curvature = state  # rows of these are replaced below
    damping = np.full(len(theta), FIRST_DAMPING)
    converged = np.zeros(len(theta), bool)
    tolerance = ABSOLUTE_OFFSET * np.linalg.norm(spectra, axis=1)
    active = np.arange(len(theta))
    for _ in range(max_iterations):
        offset = _offset(theta[active], descent[active], curvature[active], model)
        converged[active] = offset <= RELATIVE_OFFSET * np.sqrt(cost[active]) + tolerance[active]
        active = active[~converged[active] & (damping[active] < MOST_DAMPING)]
        if not len(active):
            break
        now, slope, hessian = theta[active], descent[active], curvature[active]
        step = _bounded_step(hessian, slope, damping[active], model.lower - now, model.upper - now)
        trial = np.clip(now + step, model.lower, model.upper)
        trial_state = (trial, *_evaluate(trial, targets[active], model))
        achieved = cost[active] - trial_state[1]
        # Damping by Nielsen's rule (Madsen, Nielsen and Tingleff, Methods for Non-Linear Least Squares Problems, 2004):
        # a step that overshoots raises it even if it helps. Otherwise, steps in high noise alternate forever.
        predicted = 2 * (step * slope).sum(axis=1) - np.einsum("bi,bij,bj->b", step, hessian, step)
        gain = np.clip(achieved / np.maximum(predicted, 1e-300), 0.0, 1.0)
        damping[active] *= np.where(gain > 0, np.maximum(1 - (2 * gain - 1) ** 3, 0.1), 4.0)
        damping = np.maximum(damping, LEAST_DAMPING)
        for array, values in zip(state, trial_state, strict=True):
            array[active[achieved > 0]] = values[achieved > 0]
    return theta, concentrations, converged


def _evaluate(theta: np.ndarray, targets: np.ndarray, model: _Model) -> tuple[np.ndarray, ...]:
    """Solves the linear part at theta and linearises the rest.

    Args:
      theta: (batch, 5).
      targets: complex (batch, window_points), spectra without baseline.
      model: the fit's model.

    Returns:
      cost (batch,), the squared norm of the residual; concentrations (batch, metabolites); J^T residual (batch, 5); and
      J^T J (batch, 5, 5), J being the derivative of the fitted spectrum with respect to theta, without what the
      concentrations and the baseline make up for.
    """
    columns, envelope, phase = model.columns(theta)
    q, r = np.linalg.qr(model.project(columns).view(np.float64).swapaxes(1, 2))
    y = targets.view(np.float64)[:, :, None]
    qy = q.swapaxes(1, 2) @ y
    residual = y - q @ qy
    concentrations = np.linalg.solve(r, qy)

    acquisition = model.basis.acquisition
    weighted = (concentrations[:, :, 0] @ model.fids) * envelope * -acquisition.time_axis_s
    by_variance = phase * model.window_spectrum(weighted * acquisition.time_axis_s)
    by_gamma = phase * model.window_spectrum(weighted)
    by_phi0 = -1j * (concentrations * columns).sum(axis=1)
    by_phi1 = acquisition.frequency_axis_hz[acquisition.window] * by_phi0
    derivatives = np.stack([by_gamma, by_variance, 1j * by_gamma, by_phi0, by_phi1], axis=1)
    jacobian = model.project(derivatives).view(np.float64)
    jacobian -= (jacobian @ q) @ q.swapaxes(1, 2)
    return (
        (residual**2).sum(axis=(1, 2)),
        concentrations[:, :, 0],
        (jacobian @ residual)[:, :, 0],
        jacobian @ jacobian.swapaxes(1, 2),
    )


def _offset(theta, descent, curvature, model) -> np.ndarray:
    """Returns the change of the fitted spectrum by a Gauss-Newton step, as an L2 norm (batch,).

    Parameters at a bound that would leave their range are fixed.
    """
    inside = ((theta > model.lower) | (descent > 0)) & ((theta < model.upper) | (descent < 0))
    descent, reach = np.where(inside, descent, 0.0), np.where(inside, np.inf, 0.0)
    step = _bounded_step(curvature, descent, np.full(len(theta), LEAST_DAMPING), -reach, reach)
    return np.sqrt(np.maximum((descent * step).sum(axis=1), 0.0))


def _bounded_step(curvature, descent, damping, lowest, highest) -> np.ndarray:
    """Solves `(curvature + damping diag(curvature)) step = descent` with lowest <= step <= highest: (batch, 5).

    Parameters that would leave their range are set to its end, and the system is solved again for the others.
    """
    scale = np.sqrt(np.einsum("bii->bi", curvature))
    scale = np.where(scale > 0, scale, 1.0)
    matrix = curvature / (scale[:, :, None] * scale[:, None, :]) + damping[:, None, None] * np.eye(5)
    descent, lowest, highest = descent / scale, lowest * scale, highest * scale
    step, free = np.zeros_like(descent), np.ones(descent.shape, bool)
    while True:
        held = np.where(free, 0.0, step)
        right = np.where(free, descent - np.einsum("bij,bj->bi", matrix, held), held)
        among_free = free[:, :, None] & free[:, None, :]
        step = np.linalg.solve(np.where(among_free, matrix, np.eye(5)), right[:, :, None])[:, :, 0]
        outside = free & ((step < lowest) | (step > highest))
        if not outside.any():
            return step / scale
        step = np.clip(step, lowest, highest)
        free &= ~outside
