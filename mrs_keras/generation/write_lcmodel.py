"""Generated spectra for LCModel: a .RAW and a control file for each, labels in a table, and the basis."""

import csv
import dataclasses
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mrs_keras
from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.lcmodel import write_lcmodel_basis
from mrs_keras.data.description import DatasetDescription
from mrs_keras.generation.blocks import Block
from mrs_keras.generation.fid_header import shared_header, truth_of_rows
from mrs_keras.generation.lcmodel_files import (
    BASIS_FILE,
    check_lcmodel,
    control_text,
    raw_text,
    settings_of,
    without_broad_signals,
)
from mrs_keras.generation.model_basis import ModelBasis
from mrs_keras.measured.example_descriptions import write_json
from mrs_keras.measured.generated_spectra import (
    LCMODEL_FILE,
    LCMODEL_LABELS,
    LCMODEL_TITLE,
    NOISE_KEY,
    ORIGIN_KEY,
    is_lcmodel_folder,
    participant_of,
)
from mrs_keras.measured.tables.delimited import label_key
from mrs_keras.simulation import Prior
from mrs_keras.simulation.joint_distributions import Member

WIDTH_MHZ = 85.16
"""Frequency at which LCModel's `DEEXT2` and `DESDT2` are in 1/s; at others it multiplies them by sqrt(f0 / 85.16)."""

SIMULATED = {
    "DEEXT2": 5.0,
    "DESDT2": 2.0,
    "DESDSH": 2e-4,
    "NSDSH": 0,
    "NSIDMN": 9,
    "NSIDMX": 15,
    "NRATIO": 0,
    "NSIMUL": 0,
    "NNOT2": 0,
}
"""Settings for spectra that were simulated from the basis.

All metabolites of such a spectrum share a line shape and a shift. So: an expected Lorentzian width beyond that of the
basis, with its deviation, of the prior of the training data, or else 5 +- 2 /s (LCModel: 2 +- 0.4); shifts of single
metabolites below 2e-4 ppm; a line shape of at least 9 points on each side for Gaussian widths up to 8 Hz; no ratios of
concentrations as a prior, no macromolecules of LCModel's own beside those of the basis, and none of the basis left out.
Names as in its manual (S. W. Provencher, LCModel and LCMgui User's Manual)."""

_PRELIMINARY = (("NAA",), ("Cr", "PCr"), ("GPC", "PCho"), ("Glu",), ("Ins",))
"""Metabolites of LCModel's preliminary analysis, which finds shift, phase and width; each with a stand-in."""


def check(number: int, description: DatasetDescription, basis: ModelBasis) -> None:
    """Raises `ValueError` if LCModel cannot hold the spectra or the basis."""
    del number
    check_lcmodel(_for_lcmodel(basis).basis.names, description.acquisition.points)


def is_earlier(folder: Path) -> bool:
    """Whether a folder is an earlier output of this format."""
    return is_lcmodel_folder(folder)


def _for_lcmodel(basis: ModelBasis) -> ModelBasis:
    """Returns the basis without macromolecules and lipids where LCModel simulates its own beside it."""
    if basis.complete:
        return basis
    return dataclasses.replace(basis, basis=without_broad_signals(basis.basis))


def write(path: Path, blocks: Iterator[Block], number: int, description: DatasetDescription, basis: ModelBasis) -> None:
    """Writes a folder in which `lcmodel < sub-000000_svs.CONTROL` runs as it is, spectrum by spectrum.

    | file | content |
    |---|---|
    | `sub-K_svs.RAW` | FID, see `whole_fids`, in LCModel's sign convention, with 9 digits; what is model and what is noise in comments before the first namelist |
    | `sub-K_svs.CONTROL` | LCModel's control file; results go to `sub-K_svs.table`, `.coord` and `.ps` |
    | `basis.BASIS` | the basis |
    | `labels.tsv` | a row for each spectrum: `NAA_mM`, ..., `NoiseSigma` |
    | `generated.json` | model, seed, acquisition |

    Args:
      path: folder to create.
      blocks: of rows, in order.
      number: of rows in all blocks.
      description: of the spectra.
      basis: to fit them with. Where the spectra consist of its signals, `SIMULATED` replaces LCModel's own settings
        for scans, among them its macromolecules; elsewhere, LCModel's macromolecules and lipids replace those of the
        basis.
    """  # noqa: E501
    del number
    basis = _for_lcmodel(basis)
    path.mkdir()
    write_lcmodel_basis(basis.basis, path / BASIS_FILE)
    write_json(path / LCMODEL_FILE, {"Name": LCMODEL_TITLE, ORIGIN_KEY: description.to_metadata()})
    comments = {noisy: _comments(shared_header(description, noisy)) for noisy in (False, True)}
    settings = _settings(description, basis)
    echo_time_ms = description.origin.get("fids", {}).get("echo_time_ms")
    labels = description.labels
    keys = [label_key(name, unit) for name, unit in zip(labels.names, labels.units, strict=True)]
    row = 0
    with (path / LCMODEL_LABELS).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n")
        table.writerow(["participant_id", *keys, NOISE_KEY])
        for block in blocks:
            truth = truth_of_rows(description, block["concentrations"], block["noise_sigma"], block["truth"])
            for fid, known in zip(block["fid"], truth, strict=True):
                name = f"{participant_of(row)}_svs"
                noisy = known[NOISE_KEY]["Value"] > 0
                raw = comments[noisy] + _comments(known) + raw_text(name, fid, description.acquisition, echo_time_ms)
                title = f"{name}: generated by mrs_keras {mrs_keras.__version__}, not measured"
                (path / f"{name}.RAW").write_text(raw, encoding="ascii")
                (path / f"{name}.CONTROL").write_text(control_text(name, title, settings), encoding="ascii")
                table.writerow([participant_of(row), *(known[key]["Value"] for key in (*keys, NOISE_KEY))])
                row += 1


def _comments(header: dict[str, Any]) -> str:
    """Returns keys of a header as lines that Fortran skips before the first namelist: `! NoiseSigma: {...}`."""
    kept = {key: value for key, value in header.items() if key != ORIGIN_KEY and isinstance(value, dict | list)}
    return "".join(f"! {key}: {json.dumps(value)}\n" for key, value in kept.items())


def _settings(description: DatasetDescription, basis: ModelBasis) -> dict[str, str | float | int]:
    """Returns what all control files have in common."""
    acquisition = description.acquisition
    names = basis.basis.names
    own = {**SIMULATED, **_widths(basis.prior, acquisition), **_preliminary(names)} if basis.complete else {}
    return {**settings_of(acquisition, names), **own}


def _widths(prior: Prior | None, acquisition: Acquisition) -> dict[str, float]:
    """Returns mean and deviation of the Lorentzian width of a prior, as LCModel takes them; `{}` without a prior."""
    if prior is None or isinstance(prior.gamma, Member):  # a joint distribution has no quantiles of one parameter
        return {}
    gamma = prior.gamma.quantile((np.arange(100) + 0.5) / 100)  # evenly spread over the distribution
    factor = math.sqrt(WIDTH_MHZ / acquisition.spectrometer_frequency_mhz)
    return {"DEEXT2": round(float(gamma.mean() * factor), 3), "DESDT2": round(max(0.4, float(gamma.std() * factor)), 3)}


def _preliminary(names: Sequence[str]) -> dict[str, str | int]:
    """Returns the metabolites of the preliminary analysis: LCModel's, as far as the basis has them, else its first."""
    found = [next((name for name in choice if name in names), None) for choice in _PRELIMINARY]
    used = [name for name in found if name is not None] or list(names[: len(_PRELIMINARY)])
    return {"NUSE1": len(used), **{f"CHUSE1({place})": name for place, name in enumerate(used, 1)}}
