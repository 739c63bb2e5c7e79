"""Do generated spectra carry the labels that they were asked for? The in-vivo fit is the judge."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_count
from mrs_keras.fitting import InVivoFits, InVivoModel, fit_spectra
from mrs_keras.fitting.fit_tables import values_of
from mrs_keras.measured.label_sums import labels_of
from mrs_keras.measured.tables.table import LabelTable

FEWEST = 3
"""Spectra with a label and an answer of the fit, for numbers to say anything."""


def label_fidelity(
    spectra: np.ndarray,
    labels: np.ndarray,
    label_names: Sequence[str],
    noise_sigma: float | np.ndarray,
    basis: Basis,
    acquisition: Acquisition,
    *,
    rows: int = 48,
    factors: Mapping[str, float] | None = None,
    jobs: int | None = None,
) -> dict[str, float]:
    """Compares the labels that generated spectra were asked for with those that the in-vivo fit finds in them.

    A fit has a bias of its own, which depends on the basis and on the baseline; a factor for each label takes it out.

    Args:
      spectra: complex (n, window_points), rising ppm.
      labels: float (n, labels), requested; NaN where unknown.
      label_names: sums and ratios of the signals of the fit, such as `tNAA_over_tCr`.
      noise_sigma: standard deviation of the real part of the noise of each point, above 0, one number or (n,).
      basis: of the metabolites to fit, in the acquisition of the spectra.
      acquisition: of the spectra.
      rows: most spectra to fit, evenly spaced. Defaults to `48`.
      factors: label -> what the fitted labels are multiplied by. Defaults to `None`: what makes the medians agree.
      jobs: number of processes of the fit. Defaults to `None`: one for each core.

    Returns:
      `LABEL correlation` (Pearson), `LABEL slope` (of the fitted on the requested labels, after the factor),
      `LABEL error` (median absolute percentage error, percent, after the factor) and `LABEL factor`, for each label;
      NaN where fewer than 3 spectra have both, or requested labels do not vary.

    Raises:
      ValueError: if arrays are not of the same spectra, the basis is of another acquisition, or the fit cannot tell a
        label.
    """
    spectra, labels = np.asarray(spectra), np.asarray(labels, np.float64)
    if labels.shape != (len(spectra), len(label_names)):
        raise ValueError(
            "`labels` must have a row for each spectrum and a column for each name. "
            f"Expected shape ({len(spectra)}, {len(label_names)}). Received: {labels.shape}."
        )
    if basis.acquisition != acquisition:
        raise ValueError(
            f"`basis` must be in the acquisition of the spectra. Expected: {acquisition}. Received: "
            f"{basis.acquisition}. Use `mrs_keras.fitting.matching.match_acquisition`."
        )
    rows = check_count("rows", rows, 48)
    chosen = np.unique(np.linspace(0, len(spectra) - 1, min(rows, len(spectra))).round().astype(int))
    sigma = np.broadcast_to(np.asarray(noise_sigma, np.float64), (len(spectra),))[chosen]
    fits = fit_spectra(spectra[chosen], basis, model=InVivoModel(), noise_sigma=sigma, jobs=jobs)
    found = fitted_labels(fits, label_names)
    compared: dict[str, float] = {}
    for name, asked, fitted in zip(label_names, labels[chosen].T, found.T, strict=True):
        factor = None if factors is None else factors[name]
        compared |= {f"{name} {key}": value for key, value in _compared(asked, fitted, factor).items()}
    return compared


def fitted_labels(fits: InVivoFits, label_names: Sequence[str]) -> np.ndarray:
    """Returns labels of fits: float64 (n, labels), NaN where creatine is 0.

    Raises:
      ValueError: if the fit lacks a signal.
    """
    names = tuple(f"sub-{row}" for row in range(len(fits.concentrations)))
    values = values_of(fits)
    columns = {name: value for name, (value, _) in values.items()}
    deviations = {name: deviation for name, (_, deviation) in values.items()}
    table = LabelTable(names, columns, deviations, dict.fromkeys(columns, ""), "mrs_keras", path=Path("fit in vivo"))
    return labels_of(table, label_names).values


def _compared(asked: np.ndarray, fitted: np.ndarray, factor: float | None) -> dict[str, float]:
    both = np.isfinite(asked) & np.isfinite(fitted)
    asked, fitted = asked[both], fitted[both]
    if len(asked) < FEWEST or np.ptp(asked) == 0:
        return dict.fromkeys(("correlation", "slope", "error", "factor"), np.nan)
    middle = float(np.median(fitted))
    if factor is None:
        factor = float(np.median(asked)) / middle if middle > 0 else np.nan
    scaled = factor * fitted
    covariance = np.cov(asked, scaled)
    with np.errstate(divide="ignore", invalid="ignore"):
        return {
            "correlation": float(covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])),
            "slope": float(covariance[0, 1] / covariance[0, 0]),
            "error": float(100 * np.median(np.abs(scaled / asked - 1))),
            "factor": float(factor),
        }
