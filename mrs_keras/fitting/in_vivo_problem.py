"""The fit of in-vivo spectra as arrays, the same for all spectra: columns, priors, baseline, starting points."""

import dataclasses

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.optimize

from mrs_keras.basis.aliases import canonical_name, find_metabolite
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.check import TOLERANCE_PPM, check_basis
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, add_broad_signals, creatine_per_proton
from mrs_keras.checks import check_choice
from mrs_keras.fitting.in_vivo_model import BROAD, REST, InVivoModel
from mrs_keras.simulation.forward import fid_to_spectrum
from mrs_keras.simulation.splines import SplineBaseline

WIDTH_LIMIT, SHIFT_LIMIT_PPM = 60.0, 0.15
"""Largest gamma and sigma, 1/s, and largest common shift, ppm."""

GROUP_LIMIT = 5.0
"""Largest shift of a group, in standard deviations of its prior."""

LEAST_INSIDE = 0.1
"""Smallest part of a signal inside the window, by the L2 norm; dispersive tails reach far."""

NONLINEAR = ("gamma", "variance", "eps", "phi0", "phi1")
"""Unknowns after the amplitudes and before the shifts; variance is sigma^2."""


@dataclasses.dataclass(frozen=True, eq=False)
class Problem:
    """What all spectra of a fit share.

    Args:
      basis: with all columns, scaled.
      fids: complex128 (columns, points), of the scaled basis, first point halved, divided by sqrt(points).
      bins: int (window_points,), FFT bins of the window.
      time_s: float64 (points,).
      frequency_hz: float64 (window_points,).
      groups: group -> columns.
      group_of: int (columns,), group of each column.
      lower: float64 (unknowns,), lower bounds: amplitudes, `NONLINEAR`, shifts.
      upper: float64 (unknowns,).
      shift_deviations: float64 (groups,), of the prior, rad/s.
      ratios: (numerator column, float64 (columns,) weights of the denominator, mean, deviation) of each weak prior.
      baseline: the splines, or `None`.
      splines: float64 (window_points, splines).
      directions: float64 (window_points, splines), orthonormal; smoothing shrinks each by itself.
      roughness: float64 (splines,), penalty of each direction.
      to_coefficients: float64 (splines, splines), from the directions to spline coefficients.
      penalties: float64 (choices,), smoothing parameters, from stiff to flexible.
      freedom: float64 (choices,), degrees of freedom of the complex baseline for each.
    """

    model: InVivoModel
    basis: Basis
    fids: np.ndarray
    bins: np.ndarray
    time_s: np.ndarray
    frequency_hz: np.ndarray
    groups: dict[str, tuple[str, ...]]
    group_of: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    shift_deviations: np.ndarray
    ratios: tuple
    baseline: SplineBaseline | None
    splines: np.ndarray
    directions: np.ndarray
    roughness: np.ndarray
    to_coefficients: np.ndarray
    penalties: np.ndarray
    freedom: np.ndarray


def problem_of(basis: Basis, model: InVivoModel) -> Problem:
    """Returns the arrays of a fit.

    Raises:
      ValueError: if the basis does not have a metabolite, a name is unknown, or the window is too small.
    """
    basis = with_columns(basis, model)
    acquisition = basis.acquisition
    points = acquisition.points
    groups, group_of = _groups(basis.names, model)
    rad_per_ppm = 2 * np.pi * acquisition.spectrometer_frequency_mhz
    deviations = rad_per_ppm * np.array([model.broad_shift_ppm if g == BROAD else model.shift_ppm for g in groups])
    limit = SHIFT_LIMIT_PPM * rad_per_ppm
    sigma_limit = WIDTH_LIMIT**2 if model.gaussian else 0.0
    upper = [WIDTH_LIMIT, sigma_limit, limit, np.inf, model.phi1_limit, *(GROUP_LIMIT * deviations)]
    lower = [0.0, 0.0, -limit, -np.inf, -model.phi1_limit, *(-GROUP_LIMIT * deviations)]
    columns = len(basis.names)
    _check_signals(basis, model, columns + len(upper))
    baseline, smoothing = _baseline(basis, model)
    window = acquisition.window
    return Problem(
        model=model,
        basis=basis,
        fids=basis.fids.T * np.where(np.arange(points) == 0, 0.5, 1.0) / np.sqrt(points),
        bins=(np.arange(points) - points // 2)[window] % points,
        time_s=acquisition.time_axis_s,
        frequency_hz=acquisition.frequency_axis_hz[window],
        groups=groups,
        group_of=group_of,
        lower=np.concatenate([np.zeros(columns), lower]),
        upper=np.concatenate([np.full(columns, np.inf), upper]),
        shift_deviations=deviations,
        ratios=_ratios(basis.names, model),
        baseline=baseline,
        **smoothing,
    )


def with_columns(basis: Basis, model: InVivoModel) -> Basis:
    """Returns the scaled basis with exactly the columns of the fit."""
    chosen = basis.names if model.metabolites is None else [*model.metabolites, *model.measured_broad]
    basis = basis.select([*dict.fromkeys(chosen)])
    for name in model.measured_broad:
        check_choice("measured_broad", name, basis.names)
    if model.align_basis:
        basis = aligned(basis)
    added = [check_choice("broad", name, BROAD_SIGNALS) for name in model.broad]
    added += ["CrCH2"] if model.creatine_ch2 else []
    added = [name for name in added if name not in basis.names]
    if added:
        basis = add_broad_signals(basis, added, creatine_per_proton(basis))
    return basis.scaled()


def aligned(basis: Basis) -> Basis:
    """Returns the basis with NAA and creatine where `check_basis` expects them, or as it is if it cannot tell."""
    check = check_basis(basis)
    shift_ppm = check.shift_ppm
    if shift_ppm is None or abs(shift_ppm) <= TOLERANCE_PPM:
        return basis
    acquisition = basis.acquisition
    turn = -shift_ppm * acquisition.spectrometer_frequency_mhz / acquisition.bandwidth_hz
    fids = basis.fids * np.exp(2j * np.pi * turn * np.arange(acquisition.points))[:, None]
    # The file that it was read from has other signals: a prior from fits tells the two apart by their descriptions.
    moved = ", ".join(filter(None, (basis.description, f"shifted by {-shift_ppm:+.3f} ppm")))
    return dataclasses.replace(basis, fids=fids, description=moved, reading=None)


def is_broad(name: str, model: InVivoModel) -> bool:
    return name in model.measured_broad or name.startswith(("MM", "Lip"))


def _check_signals(basis: Basis, model: InVivoModel, unknowns: int) -> None:
    """Raises `ValueError` if the window has too few points, misses a signal, or holds two that are the same there."""
    acquisition = basis.acquisition
    data = 2 * acquisition.window_points
    if unknowns + 4 > data:
        raise ValueError(
            f"The window is too small for the fit. Expected at least {-(-(unknowns + 4) // 2)} points, for {unknowns} "
            f"unknowns and a baseline. Received: {acquisition.window_points} points in {acquisition.ppm_window} ppm. "
            "Widen `ppm_window`, or leave signals out with `metabolites` and `broad`."
        )
    signals = fid_to_spectrum(basis.fids.T)
    inside = signals[:, acquisition.window]
    norms = np.linalg.norm(inside, axis=1)
    outside = [
        name
        for name, norm, whole in zip(basis.names, norms, np.linalg.norm(signals, axis=1), strict=True)
        if norm < LEAST_INSIDE * whole
    ]
    if outside:
        raise ValueError(
            f"The fit needs signals inside the window. Received: {', '.join(outside)}, of which only tails are in "
            f"{acquisition.ppm_window} ppm. Leave them out with `metabolites` and `broad`, or widen `ppm_window`."
        )
    alike = np.abs(np.triu(np.real((inside / norms[:, None]) @ (inside / norms[:, None]).conj().T), 1)) > 1 - 1e-9
    if alike.any():
        first, second = (basis.names[place] for place in np.argwhere(alike)[0])
        raise ValueError(
            f"The signals of a fit must differ from each other. Received: {first} and {second}, which are the same in "
            f"{acquisition.ppm_window} ppm. Leave one of them out with `metabolites` or `Basis.select`."
        )


def _groups(names, model) -> tuple[dict[str, tuple[str, ...]], np.ndarray]:
    if not model.groups:
        return {}, np.full(len(names), -1)
    of = {canonical_name(signal): group for group, signals in model.groups.items() for signal in signals}
    chosen = [of.get(canonical_name(name), BROAD if is_broad(name, model) else REST) for name in names]
    groups = {
        group: tuple(name for name, one in zip(names, chosen, strict=True) if one == group)
        for group in [*model.groups, REST, BROAD]
        if group in chosen
    }
    order = list(groups)
    return groups, np.array([order.index(group) for group in chosen])


def _ratios(names, model) -> tuple:
    """Returns the weak priors whose numerator, and part of whose denominator, are in the basis."""
    found = []
    for ratio in model.ratios:
        numerator = find_metabolite(ratio.signal, names)
        weights = np.zeros(len(names))
        for signal, weight in ratio.over.items():
            column = find_metabolite(signal, names)
            if column is not None:
                weights[column] = weight
        if numerator is not None and weights.any():
            found.append((numerator, weights, ratio.mean, ratio.deviation))
    return tuple(found)


def _baseline(basis: Basis, model: InVivoModel) -> tuple[SplineBaseline | None, dict[str, np.ndarray]]:
    """Returns the splines and the directions of their smoothing (Demmler and Reinsch, doi 10.1007/BF01437407).

    A fit by splines B with the penalty `lambda |D b|^2` on second differences shrinks each direction by
    `1 / (1 + lambda roughness)`.
    """
    acquisition = basis.acquisition
    low, high = acquisition.ppm_window
    count = round(model.splines_per_ppm * (high - low)) + 3
    if model.splines_per_ppm == 0:
        empty = np.zeros((acquisition.window_points, 0))
        zero = np.zeros(1)
        return None, {
            "splines": empty, "directions": empty, "roughness": np.zeros(0), "to_coefficients": np.zeros((0, 0)),
            "penalties": zero, "freedom": zero,
        }  # fmt: skip
    baseline = SplineBaseline(low, high, count)
    splines = baseline.regressors(acquisition)[acquisition.window]
    differences = np.diff(np.eye(count), 2, axis=0)
    q, r = np.linalg.qr(splines)
    inverse = np.linalg.inv(r)
    bent = differences @ inverse
    roughness, turn = np.linalg.eigh(bent.T @ bent)
    roughness = np.maximum(roughness, 0.0)
    roughness[:2] = 0.0  # straight lines

    def freedom(penalty):
        return (1 / (1 + penalty * roughness)).sum()

    penalties = []
    for per_ppm in sorted(np.atleast_1d(model.baseline_freedom)):
        wanted = np.clip(per_ppm * (high - low), 2.01, count - 0.01)
        log = scipy.optimize.brentq(lambda log, wanted=wanted: freedom(10.0**log) - wanted, -12, 14)
        penalties.append(10.0**log)
    return baseline, {
        "splines": splines,
        "directions": q @ turn,
        "roughness": roughness,
        "to_coefficients": inverse @ turn,
        "penalties": np.array(penalties),
        "freedom": np.array([2 * freedom(penalty) for penalty in penalties]),
    }
