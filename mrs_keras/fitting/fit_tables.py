"""Tables of fits: amplitudes, sums, ratios to tCr and quality, with standard deviations and units."""

import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mrs_keras.basis.aliases import canonical_name
from mrs_keras.files import replacing
from mrs_keras.fitting.in_vivo_fits import InVivoFits
from mrs_keras.measured.tables.names import SUMS, ratio_name
from mrs_keras.simulation.linewidth import voigt_fwhm_hz

MISSING = "n/a"


def amplitudes_of(fits: InVivoFits) -> dict[str, np.ndarray]:
    """Returns each column, and each sum whose parts are in the fit, as weights: name -> float64 (columns,)."""
    names = [canonical_name(name) for name in fits.columns]
    weights = dict(zip(fits.columns, np.eye(len(names)), strict=True))
    for name, parts in SUMS.items():
        if set(parts) <= set(names):
            weights[name] = np.isin(names, parts).astype(float)
    return weights


def values_of(fits: InVivoFits) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Returns amplitudes, sums, and ratios to tCr: name -> values and standard deviations, float64 (n,) each.

    A standard deviation is the Cramer-Rao bound for noise as large as the residual: the bound times `misfit`, if that
    is above 1. Those of sums and ratios include the correlations of their parts:

        s^2(w c) = w' C w,   s^2(X / Y) = (a - r b)' C (a - r b) / Y^2   with X = a c, Y = b c, r = X / Y

    (JCGM 100:2008, 5.2.2, doi 10.59161/JCGM100-2008E).
    """
    columns = len(fits.columns)
    spread = fits.deviations[:, :columns] * np.maximum(fits.misfit, 1.0)[:, None]
    correlations = fits.correlations[:, :columns, :columns]

    def deviation(weights):
        scaled = weights * spread
        return np.sqrt(np.maximum(np.einsum("ni,nij,nj->n", scaled, correlations, scaled), 0.0))

    weights = amplitudes_of(fits)
    values = {name: (fits.concentrations @ one, deviation(one)) for name, one in weights.items()}
    if "tCr" in weights:
        creatine = np.where(values["tCr"][0] > 0, values["tCr"][0], np.nan)
        for name, one in weights.items():
            if name in ("tCr", *_parts_of_creatine(fits)):
                continue
            ratio = values[name][0] / creatine
            values[ratio_name(name, "tCr")] = ratio, deviation(one - ratio[:, None] * weights["tCr"]) / creatine
    return values


def _parts_of_creatine(fits: InVivoFits) -> tuple[str, ...]:
    return tuple(name for name in fits.columns if canonical_name(name) in SUMS["tCr"])


def quality_of(fits: InVivoFits) -> dict[str, np.ndarray]:
    """Returns line shape, phase, shifts and quality, with units in the names: name -> float64 (n,)."""
    hz = 1 / (2 * np.pi)
    return {
        "linewidth_hz": voigt_fwhm_hz(fits.gamma, fits.sigma),
        "gamma_per_s": fits.gamma,
        "sigma_per_s": fits.sigma,
        "eps_rad_per_s": fits.eps,
        "phi0_rad": fits.phi0,
        "phi1_rad_per_hz": fits.phi1,
        **{f"shift_{group}_hz": fits.shifts[:, place] * hz for place, group in enumerate(fits.groups)},
        "noise_sigma": fits.noise_sigma,
        "residual_to_noise": fits.misfit,
        "residual_lag1": fits.lag1,
        "baseline_freedom": fits.baseline_freedom,
    }


def write_table(fits: InVivoFits, path: str | os.PathLike) -> None:
    """Writes a TSV with a row for each spectrum, which `read_label_table` reads as labels.

    Columns: `example_id`, `participant_id`, `session_id` if there are sessions, `site`, `converged`; each value `X`
    with `X_sd`; quality. Amplitudes, sums and ratios of a fit that did not converge are `n/a`.

    Args:
      fits: with participants.
      path: of the file.

    Raises:
      ValueError: if the fits have no participants.
    """
    if fits.participants is None:
        raise ValueError(
            "A table of fits needs participants. Received: fits.participants=None. "
            "Give `participants`, one for each spectrum, to `fit_spectra`."
        )
    header, columns = _texts(fits)
    for name, (values, deviations) in values_of(fits).items():
        header += [name, f"{name}_sd"]
        columns += [_cells(values, fits.converged), _cells(deviations, fits.converged)]
    for name, values in quality_of(fits).items():
        header.append(name)
        columns.append(_cells(values, np.ones(len(fits), bool)))
    lines = ["\t".join(header), *("\t".join(cells) for cells in zip(*columns, strict=True))]
    with replacing(Path(path)) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _texts(fits: InVivoFits) -> tuple[list[str], list[list[str]]]:
    texts: Mapping[str, list[str]] = {
        "example_id": fits.ids,
        "participant_id": fits.participants,
        "session_id": fits.sessions if fits.sessions and any(fits.sessions) else None,
        "site": fits.sites,
        "converged": ["yes" if one else "no" for one in fits.converged],
    }
    given = {name: [text or MISSING for text in column] for name, column in texts.items() if column is not None}
    return list(given), list(given.values())


def _cells(values: np.ndarray, known: np.ndarray) -> list[str]:
    return [
        f"{value:.6g}" if good and np.isfinite(value) else MISSING for value, good in zip(values, known, strict=True)
    ]
