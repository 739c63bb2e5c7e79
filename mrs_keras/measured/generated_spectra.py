"""Reads back what `mrs-keras generate` wrote, as scans with labels: `.npz`, TFRecord, NIfTI-MRS, BIDS, LCModel."""

import dataclasses
import functools
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.labels import Labels
from mrs_keras.measured.dimensions import ENTRY_KEY
from mrs_keras.measured.folder import ScanFile
from mrs_keras.measured.header import value_of
from mrs_keras.measured.names import NIFTI_SUFFIXES
from mrs_keras.measured.noise import Noise
from mrs_keras.measured.read_nifti_mrs import read_nifti_mrs
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.tables.delimited import label_key
from mrs_keras.measured.tables.table import LabelTable
from mrs_keras.measured.tfrecords import read_examples
from mrs_keras.simulation import channels_to_complex, spectrum_to_fid

WINDOW_KEY, NOISE_KEY, ORIGIN_KEY = "GeneratedWindow", "NoiseSigma", "Generated"
"""Keys of the header extension of generated spectra."""

BIDS_TITLE = "Generated MR spectra (mrs_keras)"
"""`Name` in the dataset_description.json of a BIDS folder of generated spectra."""

LCMODEL_TITLE, LCMODEL_FILE, LCMODEL_LABELS = "Generated spectra for LCModel", "generated.json", "labels.tsv"
"""`Name` in the file that describes a folder of generated spectra for LCModel, that file, and the table of labels."""

LABEL_FACTORS = "label_factors"
"""Key of the metadata's `origin`: lowest and highest factor of labels that were scaled independently."""

DATASET_NAME = "generated_mrs"
"""Name of a TFDS dataset of generated spectra."""

SITE = "generated"


@dataclasses.dataclass(frozen=True, eq=False)
class GeneratedSpectra:
    """An output of `mrs-keras generate`.

    Args:
      files: one for each spectrum, in order.
      metadata: what is written with the spectra: acquisition, labels, origin.
      concentrations: float64 (spectra, labels).
    """

    files: tuple[ScanFile, ...]
    metadata: Mapping[str, Any]
    concentrations: np.ndarray

    @property
    def acquisition(self) -> Acquisition:
        """Acquisition of the spectra, with the window of the model."""
        return Acquisition(**self.metadata["acquisition"])

    @property
    def label_names(self) -> tuple[str, ...]:
        """Names of the labels."""
        return Labels.from_dict(self.metadata["labels"]).names

    def label_table(self) -> LabelTable:
        """Returns the labels as a table, a row for each spectrum."""
        labels = Labels.from_dict(self.metadata["labels"])
        unknown = np.full(len(self.files), np.nan)
        return LabelTable(
            participants=tuple(file.participant_id for file in self.files),
            values=dict(zip(labels.names, self.concentrations.T, strict=True)),
            deviations=dict.fromkeys(labels.names, unknown),
            unit=dict(zip(labels.names, labels.units, strict=True)),
            program="mrs_keras",
        )


def participant_of(row: int) -> str:
    """Returns the BIDS name of a generated spectrum, such as `sub-000012` for 12."""
    return f"sub-{row:06d}"


def open_generated(path: str | Path) -> GeneratedSpectra | None:
    """Opens an output of `mrs-keras generate`; returns `None` if `path` is something else.

    Args:
      path: `.npz`, `.nii.gz` or `.nii`, or a folder of TFRecord files, of BIDS or for LCModel.

    Raises:
      ValueError: if it is such an output, and damaged.
    """
    path = Path(path)
    if path.is_dir():
        if _name_in(path / "dataset_description.json", "Name") == BIDS_TITLE:
            return _open_bids(path)
        if is_lcmodel_folder(path):
            return _open_lcmodel(path)
        if _name_in(path / "dataset_info.json", "name") != DATASET_NAME:
            return None
        return _open_files(sorted(path.glob(f"{DATASET_NAME}-*.tfrecord-*")))
    return _open_files([path]) if path.is_file() and path.name.endswith((".npz", *NIFTI_SUFFIXES)) else None


def is_lcmodel_folder(folder: Path) -> bool:
    """Whether a folder holds generated spectra for LCModel."""
    return _name_in(folder / LCMODEL_FILE, "Name") == LCMODEL_TITLE


def read_entry(file: ScanFile) -> Scan:
    """Returns one spectrum of a file with several, as a scan.

    That of a `.npz` or TFRecord file, which holds the window of the model alone, is zero outside.
    """
    return _entries(str(file.path), file.path.stat().st_mtime_ns).scan(file.entry)


def is_generated(scan: Scan) -> bool:
    """Whether a scan was written by `mrs-keras generate`."""
    return WINDOW_KEY in scan.header


def known_noise(scan: Scan) -> Noise | None:
    """Returns the noise of a generated spectrum: white, of the sigma that the file says, NaN if it does not.

    `None` for measured scans, and for transients and coils, whose noise depends on how they are combined.
    """
    if not is_generated(scan) or scan.coils * scan.transients > 1:
        return None
    own = scan.header.get("dim_5_header", scan.header)
    sigma = value_of(own, NOISE_KEY)
    return Noise(np.nan if sigma is None else float(sigma), 0.0, True)


# === One reader for each format ===


@dataclasses.dataclass(frozen=True, eq=False)
class _Entries:
    """The spectra of one file: metadata, labels float64 (spectra, labels), and the scan of each."""

    metadata: Mapping[str, Any]
    concentrations: np.ndarray
    scan: Callable[[int], Scan]


def _open_files(paths: list[Path]) -> GeneratedSpectra | None:
    files, concentrations, metadata = [], [], None
    for path in paths:
        entries = _entries(str(path), path.stat().st_mtime_ns)
        if entries is None:
            return None
        for entry in range(len(entries.concentrations)):
            participant = participant_of(len(files))
            files.append(ScanFile(path, None, participant, None, SITE, f"{participant}_svs", entry))
        concentrations.append(entries.concentrations)
        metadata = entries.metadata
    return GeneratedSpectra(tuple(files), metadata, np.concatenate(concentrations)) if files else None


@functools.lru_cache(maxsize=2)
def _entries(path: str, mtime_ns: int) -> _Entries | None:
    """Returns the spectra of a file, `None` if it is not one of generated spectra; `mtime_ns` keeps the cache true."""
    del mtime_ns
    path = Path(path)
    if path.name.endswith(NIFTI_SUFFIXES):
        return _of_nifti(path)
    if path.suffix == ".npz":
        return _of_npz(path)
    metadata = json.loads((path.parent / "metadata.json").read_text(encoding="utf-8"))
    points = Acquisition(**metadata["acquisition"]).window_points
    examples = list(read_examples(path))
    spectra = [np.frombuffer(example["spectrum"][0], "<f4").reshape(points, 2) for example in examples]
    return _of_window(path, metadata, np.stack(spectra), np.stack([each["concentrations"] for each in examples]))


def _of_npz(path: Path) -> _Entries | None:
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            metadata = json.loads(str(file["metadata"]))
            return _of_window(path, metadata, file["spectrum"], file["concentrations"])
    except KeyError:
        return None
    except Exception as error:  # NumPy and zipfile raise whatever a damaged file leads to
        raise ValueError(f"'{path}' is damaged: {error}. Copy it again, or generate the spectra again.") from error


def _of_window(path: Path, metadata: Mapping[str, Any], spectra: np.ndarray, concentrations: np.ndarray) -> _Entries:
    """Returns the entries of spectra float32 (spectra, window_points, 2)."""
    acquisition = Acquisition(**metadata["acquisition"])
    header = {WINDOW_KEY: {"ppm": list(acquisition.ppm_window)}, ORIGIN_KEY: dict(metadata)}

    def scan(entry: int) -> Scan:
        band = np.zeros(acquisition.points, np.complex64)
        band[acquisition.window] = channels_to_complex(spectra[entry])
        return Scan(
            spectrum_to_fid(band)[None, None],
            acquisition.spectrometer_frequency_mhz,
            acquisition.bandwidth_hz,
            path=path,
            header={**header, ENTRY_KEY: entry},
        )

    return _Entries(metadata, concentrations.astype(np.float64), scan)


def _of_nifti(path: Path) -> _Entries | None:
    scans = read_nifti_mrs(path)
    if not is_generated(scans[0]) or ORIGIN_KEY not in scans[0].header:
        return None
    metadata = scans[0].header[ORIGIN_KEY]
    keys = _label_keys(metadata)
    rows = [[value_of(scan.header.get("dim_5_header", scan.header), key) for key in keys] for scan in scans]
    return _Entries(metadata, np.array(rows, np.float64).reshape(len(scans), len(keys)), scans.__getitem__)


def _open_bids(folder: Path) -> GeneratedSpectra:
    description = json.loads((folder / "dataset_description.json").read_text(encoding="utf-8"))

    def file_of(participant: str) -> ScanFile:
        stem = folder / participant / "mrs" / participant
        reference = stem.with_name(f"{participant}_mrsref.nii.gz")
        path = stem.with_name(f"{participant}_svs.nii.gz")
        return _single(path, reference if reference.is_file() else None, participant)

    return _of_table(folder / "participants.tsv", description["GeneratedBy"][0][ORIGIN_KEY], file_of)


def _open_lcmodel(folder: Path) -> GeneratedSpectra:
    metadata = json.loads((folder / LCMODEL_FILE).read_text(encoding="utf-8"))[ORIGIN_KEY]
    return _of_table(
        folder / LCMODEL_LABELS,
        metadata,
        lambda participant: _single(folder / f"{participant}_svs.RAW", None, participant),
    )


def _single(path: Path, reference: Path | None, participant: str) -> ScanFile:
    """Returns a file with one spectrum."""
    return ScanFile(path, reference, participant, None, SITE, f"{participant}_svs")


def _of_table(table: Path, metadata: Mapping[str, Any], file_of: Callable[[str], ScanFile]) -> GeneratedSpectra:
    """Returns the spectra whose labels are the rows of a table, each in a file of its own."""
    header, *rows = [line.split("\t") for line in table.read_text(encoding="utf-8").splitlines()]
    files = tuple(file_of(participant) for participant, *_ in rows)
    columns = [header.index(key) for key in _label_keys(metadata)]
    values = np.array([[float(row[column]) for column in columns] for row in rows], np.float64)
    return GeneratedSpectra(files, metadata, values.reshape(len(files), len(columns)))


def _label_keys(metadata: Mapping[str, Any]) -> list[str]:
    labels = Labels.from_dict(metadata["labels"])
    return [label_key(name, unit) for name, unit in zip(labels.names, labels.units, strict=True)]


def _name_in(path: Path, key: str) -> str | None:
    """Returns the name in a JSON file, `None` if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))[key]
    except (OSError, ValueError, KeyError, TypeError):
        return None
