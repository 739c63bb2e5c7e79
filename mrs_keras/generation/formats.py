"""The formats of generated spectra, and what each can hold."""

import dataclasses
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from mrs_keras.checks import check_choice
from mrs_keras.generation.whole_fids import TAPER_PPM
from mrs_keras.optional import check_nifti_mrs_installed


@dataclasses.dataclass(frozen=True)
class Format:
    """A format that `generate_dataset` writes.

    Args:
      name: value of `format`.
      words: what it is, for messages.
      endings: of the names of its files; empty for a folder.
      whole_band: whether it holds FIDs of the whole band; else the spectra of the model's window.
      holds: what else it can hold: `"transients"` (single averages of several coils, and their water reference).
      taper_ppm: width of the taper beyond the window, see `whole_fids`; `None` for a causal continuation.
      by_default: whether the ending alone chooses it.
      needs_nifti_mrs: whether it needs the package nifti-mrs.
      basis: format of the matching basis, in the form of the program that reads the spectra.
      needs_basis: whether the spectra are of no use without it.
    """

    name: str
    words: str
    endings: tuple[str, ...] = ()
    whole_band: bool = False
    holds: Collection[str] = ()
    taper_ppm: float | None = TAPER_PPM
    by_default: bool = True
    needs_nifti_mrs: bool = False
    basis: Literal["npz", "fsl_json", "lcmodel_basis"] = "npz"
    needs_basis: bool = False

    @property
    def is_folder(self) -> bool:
        """bool: whether the output is a folder."""
        return not self.endings


FORMATS = {
    format.name: format
    for format in (
        Format("npz", "NumPy arrays", (".npz",)),
        Format("tfds", "a folder of TFRecord files"),
        Format(
            "nifti_mrs",
            "one NIfTI-MRS file",
            (".nii", ".nii.gz"),
            whole_band=True,
            needs_nifti_mrs=True,
            basis="fsl_json",
        ),
        Format(
            "bids",
            "a BIDS folder of NIfTI-MRS files",
            whole_band=True,
            holds=("transients",),
            by_default=False,
            needs_nifti_mrs=True,
            basis="fsl_json",
        ),
        Format(
            "lcmodel",
            "a folder of .RAW and control files for LCModel",
            whole_band=True,
            by_default=False,
            taper_ppm=None,  # LCModel appends zeros
            basis="lcmodel_basis",
            needs_basis=True,
        ),
    )
}
"""Name -> format."""

NEEDS = {
    "transients": "transients and coils",
    "basis": "a basis beside the spectra",
    "whole_band": "residual water or times of the sequence",
}
"""What can be asked for -> the words of messages."""


def format_of(name: str | None, output: Path) -> Format:
    """Returns the format of an output.

    Args:
      name: of the format. `None`: told by the ending of `output`.
      output: file or folder.

    Raises:
      ModuleNotFoundError: if the format needs the package nifti-mrs, and it is not installed.
      ValueError: if the format is unknown or cannot be told, or `output` has the ending of another one.
    """
    endings = [ending for format in FORMATS.values() for ending in format.endings]
    ending = max((end for end in endings if output.name.endswith(end)), key=len, default=output.suffix)
    by_ending = [format for format in FORMATS.values() if ending in (format.endings or ("",))]
    if name is not None:
        format = FORMATS[check_choice("format", name, FORMATS)]
        # A folder may have any name that is not one of a file.
        if format in by_ending or (format.is_folder and not any(other.endings for other in by_ending)):
            return _usable(format)
        raise ValueError(
            "`output` must have an ending of its format. "
            f"Expected for {name!r}: {' or '.join(format.endings) or 'none'}. "
            f"Received: '{output}'. Give another `output` or `format`."
        )
    told = next((format for format in by_ending if format.by_default), None)
    if told is None:
        raise ValueError(
            f"Cannot tell the format from the ending of '{output}'. Expected {', '.join(endings)}, or none for a "
            f"folder of TFRecord files. Received: '{ending}'. Give another `output`, or `format`."
        )
    return _usable(told)


def check_holds(format: Format, *wanted: str) -> None:
    """Raises `ValueError` if a format cannot hold what is asked for, keys of `NEEDS`."""
    for need in wanted:
        able = [other.name for other in FORMATS.values() if _holds(other, need)]
        if not _holds(format, need):
            raise ValueError(
                f"The format {format.name!r} ({format.words}) cannot hold {NEEDS[need]}. "
                f"Expected one of: {', '.join(map(repr, able))}. Received: format={format.name!r}. "
                "Give another `format` and `output`, or leave this out."
            )


def _usable(format: Format) -> Format:
    if format.needs_nifti_mrs:
        check_nifti_mrs_installed()
    return format


def _holds(format: Format, need: str) -> bool:
    return format.whole_band if need == "whole_band" else need in format.holds
