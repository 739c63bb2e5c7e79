"""A prior made from fits of measured spectra."""

import dataclasses
import warnings

import numpy as np

from mrs_keras.fitting.fit_residual import mean_residual
from mrs_keras.fitting.in_vivo_fits import InVivoFits
from mrs_keras.fitting.kernel_of_fits import farthest, kernel_of_fits, round_to_digits
from mrs_keras.simulation.fitted_prior import FREQUENCY, FittedPrior, tallest_point
from mrs_keras.simulation.mean_residual import MeanResidual
from mrs_keras.simulation.parameters import SCALARS
from mrs_keras.simulation.spectra import simulate

FEWEST, FEW = 8, 20
"""Number of subjects below which no prior is made, and below which a warning is given."""

FEW_IN_WORDS = (
    "The prior is made from {subjects} subjects, and few subjects make a poor one. In a pilot, a classifier told "
    "spectra of the prior of 69 subjects from those of other subjects in 64 of 100 cases, of 32 subjects in 67, of 16 "
    "in 76, and of 8 in 86 (50 is chance). Fit more scans if you can, or use a published prior such as "
    "`brain_press_te30`."
)


def prior_from_fits(
    fits: InVivoFits,
    *,
    bandwidth: float = 0.95,
    block_fraction: float = 0.5,
    outlier_fraction: float = 0.15,
    residual: bool = True,
    total_creatine_mm: float | None = 8.0,
    description: str = "",
) -> FittedPrior:
    """Returns the joint distribution of fitted parameters as a prior.

    Amplitudes, line shape, shifts, phases, baseline and signal-to-noise ratio of a fit are one row of a `Kernel`. Sites
    are its clusters; its blocks are the metabolites, the lines, and the background; see `kernel_of_fits`. The mean
    residual of the fits is added, and the noise has the level of that of a scan. Draw from the prior with `fits.basis`.

    Args:
      fits: of one spectrum of each subject; those that did not converge are left out.
      bandwidth: of the kernel: 0 draws the fits themselves, 1 from a normal distribution. A smaller one is closer to
        the fits, and less novel. Defaults to `0.95`.
      block_fraction: of the kernel: 0 draws the blocks jointly, 1 independently. Defaults to `0.5`.
      outlier_fraction: fraction of the fits that are kept as centres of the kernel, but do not widen it: those whose
        parameters lie farthest from the medians. Defaults to `0.15`.
      residual: whether to add the mean residual. Defaults to `True`.
      total_creatine_mm: median of total creatine that all amplitudes are scaled to by one factor, mM. `None` leaves
        them in the units of the fits, as for spectra that are scaled by water. Defaults to `8.0`.
      description: one line. Defaults to `""`: that it is made from fits.

    Raises:
      ValueError: if fewer than 8 subjects are left, one has several fits, or an option is out of range.

    Example:

    >>> prior = prior_from_fits(InVivoFits.load("fits/fits.npz"))  # doctest: +SKIP
    >>> prior.save("fits/prior.json")  # doctest: +SKIP
    """
    fits = _one_for_each_subject(fits)
    factor = _factor(fits, total_creatine_mm)
    # `eps` is the shift of the first group, and those of the others are relative to it.
    first, *others = fits.groups or ("",)
    heights = _heights(fits)
    lines = {
        **{name: getattr(fits, name) for name in SCALARS},
        "eps": fits.eps + (fits.shifts[:, 0] if first else 0.0),
        **{f"shift/{name}": fits.shifts[:, n] - fits.shifts[:, 0] for n, name in enumerate(others, 1)},
        "snr": heights / fits.noise_sigma,
    }
    amplitudes = dict(zip(fits.columns, factor * fits.concentrations.T, strict=True))
    outliers = farthest(np.stack([*amplitudes.values(), *lines.values()], axis=1), outlier_fraction)
    inliers = np.setdiff1d(np.arange(len(fits)), outliers)
    reference = {
        "concentrations": {name: float(round_to_digits(values[inliers].mean())) for name, values in amplitudes.items()},
        **{name: float(round_to_digits(getattr(fits, name)[inliers].mean())) for name in ("gamma", "sigma")},
    }
    height = tallest_point(reference, fits.basis) / factor
    # Without a baseline in the fits, it is a constant of 0.
    background = np.zeros((len(fits), 2)) if fits.baseline_splines is None else fits.baseline / height
    left = None
    if residual:
        values, coefficients = mean_residual(fits, heights, inliers)
        coefficients = np.stack([coefficients.real, coefficients.imag], axis=1) / height
        background = np.concatenate([background, coefficients], axis=1)
        ppm = fits.acquisition.window_ppm_axis
        left = MeanResidual(float(ppm[0]), float(ppm[-1]), _rounded_complex(values))
    names = [f"baseline/{number}" for number in range(background.shape[1])]
    kernel = kernel_of_fits(
        {**amplitudes, **lines, **dict(zip(names, background.T, strict=True))},
        bandwidth=bandwidth,
        block_fraction=block_fraction,
        outliers=outliers,
        sites=fits.sites,
        at_least_0=(*fits.columns, "gamma", "sigma"),
        source=f"fits of {len(fits)} subjects",
    )
    return FittedPrior(
        concentrations={name: kernel[name] for name in fits.columns},
        **{name: kernel[name] for name in (*SCALARS, "snr")},
        baseline=tuple(kernel[name] for name in names),
        baseline_splines=fits.baseline_splines,
        baseline_order=0,
        groups={name: fits.groups[name] for name in others},
        shifts={name: kernel[f"shift/{name}"] for name in others},
        description=description or f"fits of {len(fits)} subjects",
        fitted_to={
            "subjects": len(fits),
            "basis": fits.basis.description,
            FREQUENCY: fits.acquisition.spectrometer_frequency_mhz,
            "median_total_creatine_mm": total_creatine_mm,
            "amplitudes_times": float(factor),
        },
        reference=reference,
        residual=left,
    )


def _one_for_each_subject(fits: InVivoFits) -> InVivoFits:
    """Returns the fits that converged, or raises `ValueError` if subjects are too few or have several."""
    all_fits, fits = len(fits), fits[np.flatnonzero(fits.converged)]
    if fits.participants is not None and len(set(fits.participants)) < len(fits):
        twice = next(name for name in fits.participants if fits.participants.count(name) > 1)
        raise ValueError(
            f"A prior counts every subject once. Received several fits of {twice}. Choose one of each: `fits[rows]`."
        )
    check_subjects(len(fits), f"fits that converged ({len(fits)} of {all_fits} did)", stacklevel=4)
    return fits


def check_subjects(subjects: int, of: str, stacklevel: int) -> None:
    """Raises `ValueError` if there are too few subjects for a prior, and warns if there are few."""
    if subjects < FEWEST:
        raise ValueError(
            f"A prior needs {of} of at least {FEWEST} subjects. Received: {subjects}. Fit more scans, or use a "
            "published prior such as `brain_press_te30`."
        )
    if subjects < FEW:
        warnings.warn(FEW_IN_WORDS.format(subjects=subjects), stacklevel=stacklevel)


def _factor(fits: InVivoFits, total_creatine_mm: float | None) -> float:
    """Returns what amplitudes are multiplied with."""
    if total_creatine_mm is None:
        return 1.0
    creatine = [number for number, name in enumerate(fits.columns) if name in ("Cr", "PCr")]
    median = float(np.median(fits.concentrations[:, creatine].sum(axis=1)))
    if not median > 0:
        raise ValueError(
            "Amplitudes are scaled by total creatine. Expected Cr or PCr among the columns, above 0 in most fits. "
            f"Received: {', '.join(fits.columns)}. Give `total_creatine_mm=None` to leave them as they are."
        )
    return total_creatine_mm / median


def _heights(fits: InVivoFits) -> np.ndarray:
    """Returns the tallest point of each fit without baseline, as the signal-to-noise ratio of `simulate` has it."""
    parameters = dataclasses.replace(fits.parameters(), baseline=None)
    return np.abs(simulate(parameters, fits.basis, dtype=np.complex128)).max(axis=1)


def _rounded_complex(values: np.ndarray) -> np.ndarray:
    return round_to_digits(values.real) + 1j * round_to_digits(values.imag)
