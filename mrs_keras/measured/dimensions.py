"""The higher dimensions of a NIfTI-MRS file: coils, transients, and entries that are spectra of their own."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mrs_keras.measured.file_kinds import fault, shell_quoted

FIRST_DIMENSION = 5
ENTRY_KEY = "mrs_keras_entry"
"""Key of `Scan.header` with the index of an entry along DIM_USER_0, for files of generated spectra."""

_COILS, _TRANSIENTS, _ENTRIES = "DIM_COIL", "DIM_DYN", "DIM_USER_0"
_RELABEL = (
    "If they are repetitions of one spectrum, call the dimension DIM_DYN: `python -c 'from nifti_mrs.nifti_mrs import "
    'NIFTI_MRS as N; scan = N("IN.nii.gz"); scan.set_dim_tag("{tag}", "DIM_DYN"); scan.save("OUT.nii.gz")\'`.'
)
_SPLIT = "split the file with `mrs_tools split --file {path} --dim {tag} --index 0`, and give one part"
_REMEDIES = {
    "DIM_EDIT": ("edited spectra, one for each editing condition", "Choose the condition: " + _SPLIT + "."),
    "DIM_ISIS": ("ISIS acquisitions, whose sum with alternating signs is the spectrum", "Combine them first."),
    "DIM_PHASE_CYCLE": ("steps of a phase cycle", "Combine the cycle first (FSL-MRS: `fsl_mrs_proc`)."),
    "DIM_METCYCLE": ("metabolite-cycled acquisitions", "Combine them first (FSL-MRS: `fsl_mrs_proc subtract`)."),
    "DIM_MEAS": ("several measurements", "To read one of them, " + _SPLIT + "."),
}
_OTHER = ("a dimension whose meaning the file does not say", _RELABEL + " Else, " + _SPLIT + ".")
_INDIRECT = ("a spectrum of two dimensions", "This package reads one-dimensional spectra: leave it out.")


def entries_of(
    path: Path, data: np.ndarray, tags: Sequence[str | None], header: Mapping[str, Any]
) -> Iterator[tuple[np.ndarray, dict[str, Any]]]:
    """Yields the data of a file as (x, y, z, coils, transients, points), and the header.

    A measurement is one entry. A file that `mrs_keras generate` wrote has a spectrum of its own at each index of
    DIM_USER_0: each is one entry, with its own values in the header, and its index as `mrs_keras_entry`.

    Args:
      path: of the file, for errors.
      data: complex (x, y, z, points, ...), with up to three dimensions more.
      tags: what each of the three dimensions is, such as `"DIM_COIL"`; the order is free.
      header: of the file.

    Raises:
      ValueError: if a dimension with more than one index is neither of coils nor of transients, or two are the same.
    """
    places = {}
    for axis, tag in enumerate(tags, start=FIRST_DIMENSION - 1):
        if axis >= data.ndim or data.shape[axis] == 1:
            continue
        if tag in places:
            raise fault(path, f"its header says {tag} for two dimensions.", "Correct `dim_5` to `dim_7` in its header.")
        if tag not in (_COILS, _TRANSIENTS) and not (tag == _ENTRIES and _is_generated(header)):
            raise _unusable(path, tag, data.shape[axis])
        places[tag] = axis
    axes = (0, 1, 2, *(places[tag] for tag in (_ENTRIES, _COILS, _TRANSIENTS) if tag in places), 3)
    ordered = data.transpose(*axes, *(axis for axis in range(data.ndim) if axis not in axes))
    sizes = (data.shape[places[tag]] if tag in places else 1 for tag in (_ENTRIES, _COILS, _TRANSIENTS))
    ordered = np.ascontiguousarray(ordered).reshape(*data.shape[:3], *sizes, data.shape[3])
    if _ENTRIES not in places:
        yield ordered[:, :, :, 0], dict(header)
        return
    key = f"dim_{places[_ENTRIES] + 1}_header"
    shared = {name: value for name, value in header.items() if name != key}
    for index in range(ordered.shape[3]):
        own = {name: _entry_value(value, index) for name, value in header.get(key, {}).items()}
        yield ordered[:, :, :, index], {**shared, key: own, ENTRY_KEY: index}


def _is_generated(header: Mapping[str, Any]) -> bool:
    return "mrs_keras" in str(header.get("ConversionMethod")) or "GeneratedWindow" in header


def _entry_value(value: Any, index: int) -> Any:
    """Returns what a header of a dimension says about one index."""
    if isinstance(value, dict) and "Value" in value:
        return {**value, "Value": _entry_value(value["Value"], index)}
    if isinstance(value, dict) and "start" in value and "increment" in value:
        return value["start"] + index * value["increment"]
    return value[index] if isinstance(value, list) and index < len(value) else value


def _unusable(path: Path, tag: str | None, size: int) -> ValueError:
    kind, remedy = _REMEDIES.get(str(tag), _INDIRECT if str(tag).startswith("DIM_INDIRECT") else _OTHER)
    return fault(
        path,
        f"it holds {kind} ({size} along {tag}). Expected: coils (DIM_COIL) and transients (DIM_DYN) only.",
        remedy.format(path=shell_quoted(path), tag=tag),
    )
