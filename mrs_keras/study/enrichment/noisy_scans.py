"""The noisy spectra of the task as files for other programs, and the answers of these."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

import numpy as np

import mrs_keras
from mrs_keras.acquisition import Acquisition
from mrs_keras.basis import Basis
from mrs_keras.basis.formats.lcmodel import write_lcmodel_basis
from mrs_keras.checks import check_choice
from mrs_keras.files import replacing
from mrs_keras.generation.formats import FORMATS
from mrs_keras.generation.lcmodel_files import (
    BASIS_FILE,
    check_lcmodel,
    control_text,
    raw_text,
    settings_of,
    without_broad_signals,
)
from mrs_keras.generation.whole_fids import whole_fids
from mrs_keras.measured.label_match import match_labels
from mrs_keras.measured.label_sums import labels_of
from mrs_keras.measured.label_tables import read_label_table
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.subjects import subject_of
from mrs_keras.measured.write_scan import write_scan
from mrs_keras.optional import check_nifti_mrs_installed

NoisyFormat = Literal["lcmodel", "nifti_mrs"]
"""Formats of `write_noisy`."""

FEWEST_FOUND = 0.5
"""Smallest share of the subjects that a table of answers must have: another table has none or a few by chance."""


def write_noisy(
    folder: str | os.PathLike,
    spectra: np.ndarray,
    noise_sigma: np.ndarray,
    acquisition: Acquisition,
    names: Sequence[str],
    format: NoisyFormat = "lcmodel",
    *,
    basis: Basis | None = None,
    signal: np.ndarray | None = None,
    echo_time_ms: float | None = None,
    seed: int = 0,
) -> Path:
    """Writes the noisy spectra of the task, so that another program gets exactly what the regressions get.

    | format | files |
    |---|---|
    | `"lcmodel"` | `sub-X_svs.RAW` and `sub-X_svs.CONTROL` of each spectrum, `basis.BASIS` |
    | `"nifti_mrs"` | `sub-X_svs.nii.gz` of each spectrum |

    `lcmodel < sub-X_svs.CONTROL` runs as it is, with LCModel's own macromolecules, and writes `sub-X_svs.table`.

    FIDs cover the whole band: `whole_fids` says how they go on outside of the window, for LCModel causally. Noise of
    the same level is added there.

    Args:
      folder: to create. It must not exist, or be empty.
      spectra: complex (n, window_points), rising ppm, with their noise.
      noise_sigma: float (n,), standard deviation of the real part of all noise of each point.
      acquisition: of the spectra.
      names: of the subjects, from which `subject_of` tells `sub-X`.
      format: Defaults to `"lcmodel"`.
      basis: for LCModel, in the acquisition of the spectra. Macromolecules and lipids are left out. Defaults to
        `None`: none, for other formats.
      signal: complex (n, window_points), the spectra before noise was added, which go on outside of the window.
        Defaults to `None`: `spectra`.
      echo_time_ms: for the headers. Defaults to `None`: not known.
      seed: of the noise outside of the window; row k depends on (seed, k) alone. Defaults to `0`.

    Returns:
      `folder`.

    Raises:
      FileExistsError: if there is something in the folder.
      ModuleNotFoundError: if the format needs the package nifti-mrs, and it is not installed.
      ValueError: if names are not one for each spectrum or occur twice, LCModel gets no basis or one that it cannot
        hold, or shapes disagree.

    Example:

    >>> write_noisy("noisy", noisy, sigma, acquisition, subjects, basis=fits.basis)  # doctest: +SKIP
    PosixPath('noisy')
    """
    folder = Path(folder)
    check_choice("format", format, get_args(NoisyFormat))
    stems = [f"{name}_svs" for name in _checked_subjects(names, len(spectra))]
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(
            f"There is already something at '{folder}', perhaps answers of a program. Expected a new or empty folder. "
            "Choose another folder, or remove this one."
        )
    if format == "nifti_mrs":
        check_nifti_mrs_installed()
    else:
        basis = _checked_basis(basis, acquisition)
    fids = whole_fids(
        spectra, acquisition, signal=signal, noise_sigma=noise_sigma, seed=seed, taper_ppm=FORMATS[format].taper_ppm
    )
    low, high = acquisition.ppm_window
    about = (
        f"Measured spectra with added white noise, {low:g} to {high:g} ppm; continued outside, not measured there "
        f"(mrs_keras {mrs_keras.__version__})"
    )
    with replacing(folder) as partial:
        partial.mkdir()
        if format == "nifti_mrs":
            header = {
                "ProcessingApplied": [
                    {
                        "Method": "Addition of noise",
                        "Program": "mrs_keras",
                        "Version": mrs_keras.__version__,
                        "Details": about,
                    }
                ]
            }
            for stem, fid in zip(stems, fids, strict=True):
                scan = Scan(
                    fid[None, None],
                    acquisition.spectrometer_frequency_mhz,
                    acquisition.bandwidth_hz,
                    echo_time_ms=echo_time_ms,
                )
                write_scan(partial / f"{stem}.nii.gz", scan, header=header)
        else:
            write_lcmodel_basis(basis, partial / BASIS_FILE)
            settings = settings_of(acquisition, basis.names)
            for stem, fid in zip(stems, fids, strict=True):
                raw = f"! {about}\n" + raw_text(stem, fid, acquisition, echo_time_ms)
                (partial / f"{stem}.RAW").write_text(raw, encoding="ascii")
                control = control_text(stem, f"{stem}: noise added by mrs_keras", settings)
                (partial / f"{stem}.CONTROL").write_text(control, encoding="ascii")
    return folder


def outside_predictions(table: str | os.PathLike, subjects: Sequence[str], label_names: Sequence[str]) -> np.ndarray:
    """Reads the answers of another program on the noisy spectra.

    Args:
      table: file or folder, in any layout of `read_label_table`.
      subjects: names, as `subject_of` understands them.
      label_names: such as `tNAA_over_tCr`.

    Returns:
      float64 (subjects, labels), NaN where the program has no answer. Warns where subjects have no row, or rows no
      subject.

    Raises:
      FileNotFoundError: if there is no table.
      ValueError: if it lacks a label, or is of other participants.
    """
    labels = labels_of(read_label_table(table), label_names)
    values, _, report = match_labels(labels, subjects)
    if report.labelled < FEWEST_FOUND * len(subjects):
        raise ValueError(
            f"The table '{os.fspath(table)}' is of other participants. Expected a row for each of {len(subjects)} "
            f"subjects, at least for half of them. Received: {report.labelled}, and {len(report.without_scan)} rows of "
            "others. Give the fits of what `--write-noisy` wrote."
        )
    return values


def _checked_subjects(names: Sequence[str], count: int) -> list[str]:
    subjects = [subject_of(name) for name in names]
    twice = sorted({name for name in subjects if subjects.count(name) > 1})
    if len(subjects) != count or twice:
        raise ValueError(
            f"`names` must be a subject of its own for each spectrum. Expected: {count}. Received: {len(subjects)}"
            + (f", twice: {', '.join(twice[:5])}." if twice else ".")
        )
    return subjects


def _checked_basis(basis: Basis | None, acquisition: Acquisition) -> Basis:
    if basis is None or basis.acquisition != acquisition:
        raise ValueError(
            f"LCModel needs a basis in the acquisition of the spectra. Expected: {acquisition}. Received: "
            f"{'none' if basis is None else basis.acquisition}. Give `basis`, for example that of the fits."
        )
    basis = without_broad_signals(basis)
    check_lcmodel(basis.names, acquisition.points)
    return basis
