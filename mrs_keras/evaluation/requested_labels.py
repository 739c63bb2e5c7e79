"""Labels of generated spectra beside those that a program found in them: read, matched and checked."""

import dataclasses
import hashlib
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.measured.generated_spectra import LABEL_FACTORS, GeneratedSpectra, open_generated
from mrs_keras.measured.label_match import match_labels
from mrs_keras.measured.label_sums import labels_of
from mrs_keras.measured.label_tables import read_label_table
from mrs_keras.measured.tables.table import UNITS, LabelTable
from mrs_keras.run_folder import MODEL_FILE
from mrs_keras.serving.description import ModelDescription

FEWEST_FITS = 20
"""Number of fits of a label below which nothing is said about it."""

SMALLEST_SPREAD = 1e-3
"""Standard deviation over mean below which a label counts as constant."""

NAMED = 5
"""Spectra that a message names."""


@dataclasses.dataclass(frozen=True, eq=False)
class RequestedLabels:
    """What spectra were generated for, and what a program found in them.

    Attributes:
      requested: label -> float64 (fits,), of the spectra in which the program found this label.
      fitted: label -> float64 (fits,), in the unit of the request. The same labels.
      units: label -> unit of the request; `""` for ratios.
      left_out: label -> why it cannot be judged.
      scale: what fitted values in another unit were multiplied with, one factor for all labels; `None`: no such values.
      program: that wrote the table.
      spectra: number of spectra that were generated.
      without_fit: those that the table does not have.
      labels_are: how the labels were drawn, in words.
      independent: whether they were scaled by independent factors.
      fits: path of the table.
      generated: path of the spectra.
    """

    requested: Mapping[str, np.ndarray]
    fitted: Mapping[str, np.ndarray]
    units: Mapping[str, str]
    left_out: Mapping[str, str]
    scale: float | None
    program: str
    spectra: int
    without_fit: tuple[str, ...]
    labels_are: str
    independent: bool
    fits: str
    generated: str


def read_requested_labels(
    generated: str | os.PathLike, fits: str | os.PathLike, model: ModelDescription, run_dir: str | os.PathLike
) -> RequestedLabels:
    """Reads what spectra were generated for and what a program found in them, matched by the names of the spectra.

    Args:
      generated: an output of `mrs-keras generate`.
      fits: table of fits of its spectra, or a folder of them, as `read_label_table` takes it.
      model: that the spectra should come from.
      run_dir: folder of its training.

    Raises:
      FileNotFoundError: if there is nothing at `generated` or `fits`.
      ValueError: if `generated` is no output of `generate`, or one of another model; if the table cannot be read, has
        rows of other spectra, fewer than 20 of these, or none of their labels; or if the labels do not vary.

    Warns:
      UserWarning: if spectra have no fit.
    """
    spectra = _open(generated, model, Path(run_dir))
    table, wanted = read_label_table(fits), spectra.label_table()
    found, without_fit = _found(table, wanted, generated)
    requested, fitted, scaled, left_out = {}, {}, [], {}
    for name in spectra.label_names:
        if name not in found:
            left_out[name] = "the table has neither it nor its parts"
            continue
        column, unit = found[name]
        known = np.isfinite(column)
        x, y = wanted.values[name][known], column[known]
        if (unit == "") != (wanted.unit[name] == ""):
            left_out[name] = f"the table has it in another unit ({UNITS[unit]})"
        elif len(y) < FEWEST_FITS:
            left_out[name] = f"{len(y)} fits determined it, and {FEWEST_FITS} or more are needed"
        elif _constant(x) or _constant(y):
            left_out[name] = f"it does not vary between the {'spectra' if _constant(x) else 'fits'}"
        else:
            requested[name], fitted[name] = x, y
            scaled += [name] if unit != wanted.unit[name] else []
    if not requested:
        reasons = "; ".join(f"{name}: {why}" for name, why in left_out.items()) or "spectra without labels"
        raise ValueError(
            f"No label of the spectra in '{os.fspath(generated)}' can be judged by '{os.fspath(fits)}'. Expected "
            f"labels that the table has and that vary between spectra. Received: {reasons}. Fit spectra of "
            "`mrs-keras generate --scale-labels 0.75 1.25`."
        )
    scale = (
        float(np.median(np.concatenate([_ratios(requested[name], fitted[name]) for name in scaled])))
        if scaled
        else None
    )
    origin = spectra.metadata["origin"]
    return RequestedLabels(
        requested=requested,
        fitted={name: y * scale if name in scaled else y for name, y in fitted.items()},
        units={name: wanted.unit[name] for name in requested},
        left_out=left_out,
        scale=scale,
        program=table.program,
        spectra=len(spectra.files),
        without_fit=without_fit,
        labels_are=origin["concentrations_are"],
        independent=LABEL_FACTORS in origin,
        fits=os.fspath(fits),
        generated=os.fspath(generated),
    )


def _open(generated: str | os.PathLike, model: ModelDescription, run_dir: Path) -> GeneratedSpectra:
    path = Path(generated)
    if not path.exists():
        raise FileNotFoundError(
            f"There are no generated spectra at '{path}'. Expected an output of `mrs-keras generate`, whose fits are "
            "in the table. Give its path."
        )
    spectra = open_generated(path)
    if spectra is None:
        raise ValueError(
            f"`generated` must be an output of `mrs-keras generate`. Received: '{path}', which is something else. Give "
            "the file or folder that its --output named."
        )
    origin = spectra.metadata["origin"]["generator"]
    digest = origin.get("model_sha256")
    own = digest is None or digest == hashlib.sha256((run_dir / MODEL_FILE).read_bytes()).hexdigest()
    if not own or spectra.label_names != model.labels.names or spectra.acquisition != model.acquisition:
        by = origin.get("run") or origin.get("saved_models") or "a model in memory"
        raise ValueError(
            f"The spectra in '{path}' are not of this model. Expected spectra of '{run_dir}'. Received: spectra of "
            f"'{by}' with the labels {', '.join(spectra.label_names) or 'none'}. Generate them again with "
            f"`mrs-keras generate --run {run_dir}`, or evaluate the training that they come from."
        )
    return spectra


def _found(
    table: LabelTable, wanted: LabelTable, generated: str | os.PathLike
) -> tuple[dict[str, tuple[np.ndarray, str]], tuple[str, ...]]:
    """Returns label -> its values in the table, one for each spectrum, and their unit; and the spectra without fit."""
    names = [name for name in wanted.values if _is_in(table, name)]
    if not names:
        return {}, ()
    labels = labels_of(table, names)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # what does not match is told below
        values, _, report = match_labels(labels, wanted.participants)
    spectra, others = wanted.participants, report.without_scan
    if others or report.labelled < FEWEST_FITS:
        received = f"{len(others)} rows of others, such as {_some(others)}" if others else f"{report.labelled} of them"
        raise ValueError(
            f"The table '{table.path}' must have fits of spectra in '{os.fspath(generated)}', {FEWEST_FITS} or more, "
            f"and of no others. Expected: {spectra[0]} to {spectra[-1]}. Received: {received}. Give the table and the "
            "spectra that belong together."
        )
    if report.without_row:
        warnings.warn(
            f"{len(report.without_row)} of {len(spectra)} generated spectra have no fit in '{table.path}': "
            f"{_some(report.without_row)}. If their fits failed, the others may be the easier ones.",
            stacklevel=4,
        )
    columns = dict(zip(names, zip(values.T, labels.units, strict=True), strict=True))
    return columns, report.without_row


def _is_in(table: LabelTable, name: str) -> bool:
    try:
        labels_of(table, [name])
    except ValueError:
        return False
    return True


def _constant(values: np.ndarray) -> bool:
    return not values.std() > SMALLEST_SPREAD * np.abs(values.mean())


def _ratios(requested: np.ndarray, fitted: np.ndarray) -> np.ndarray:
    return requested[fitted > 0] / fitted[fitted > 0]


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
