"""What a measured dataset depends on: the folder of scans, the labels, and how they are processed."""

import dataclasses
import functools
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_choice
from mrs_keras.labels import Labels
from mrs_keras.measured.check_scan import check_scan
from mrs_keras.measured.folder import ScanFile, find_scans
from mrs_keras.measured.label_match import match_labels
from mrs_keras.measured.label_sums import DEFAULT_LABEL_NAMES, LabelValues, labels_of
from mrs_keras.measured.label_tables import read_label_table
from mrs_keras.measured.processing import check_steps
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.scan_target import SCALES, ScanTarget, read_pair
from mrs_keras.measured.splits import split_subjects

IN_VIVO_WINDOW = (-1.0, 4.3)
"""Default window in ppm: fitting programs need the shoulders of 0.2 to 4.2 ppm."""


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredRecipe:
    """All that the examples of a measured dataset depend on.

    Args:
      folder: of scans, searched with its subfolders; see `find_scans`.
      labels: table of fits, or `None` for a dataset without labels; see `read_label_table`. Defaults to `None`.
      label_names: such as `tNAA_over_tCr`. Defaults to `None`: tNAA, tCho, mI, Glx and GSH, as ratios to tCr.
      label_unit: unit of the values of a table that does not name it. Defaults to `None`.
      site: regular expression whose first group is the site, applied to the path, for a folder without
        `participants.tsv`. Defaults to `None`.
      seed: of the splits. Defaults to `0`.
      validation: fraction of the subjects. Defaults to `0.2`.
      test: fraction of the subjects. Defaults to `0.0`.
      split_by: `"subject"`, within each site, or `"site"`, for whole sites. Defaults to `"subject"`.
      steps: processing steps; see `process_scan`. Defaults to `None`: all that a scan allows.
      acquisition: arguments of `Acquisition` that all spectra are resampled to. Defaults to `None`: those of the first
        scan, with a window from -1 to 4.3 ppm.
      echo_time_ms: echo time of scans whose header has none, ms. Defaults to `None`.
      sequence: name of the sequence of scans whose header has none. Defaults to `None`.
      scale: one of `SCALES`. Defaults to `None`: `"water"` for labels with a unit, else
        `"metabolites"`.
      mask: NIfTI file of the voxels to use of spectroscopic images. Defaults to `None`: all that are not zero.
      conjugated: whether the files contain the conjugate of what the standard says. Defaults to `False`.
      skip_bad: whether to leave out scans that cannot be used, instead of raising an error. Defaults to `False`.
    """

    folder: str
    labels: str | None = None
    label_names: Sequence[str] | None = None
    label_unit: str | None = None
    site: str | None = None
    seed: int = 0
    validation: float = 0.2
    test: float = 0.0
    split_by: str = "subject"
    steps: Sequence[str] | None = None
    acquisition: Mapping[str, Any] | None = None
    echo_time_ms: float | None = None
    sequence: str | None = None
    scale: str | None = None
    mask: str | None = None
    conjugated: bool = False
    skip_bad: bool = False

    def __post_init__(self):
        check_steps(self.steps)
        check_choice("split_by", self.split_by, ("subject", "site"))
        if self.scale is not None:
            check_choice("scale", self.scale, SCALES)

    # === What the folder contains: names and headers alone ===

    @functools.cached_property
    def files(self) -> tuple[ScanFile, ...]:
        """The scans of the folder, sorted by participant, session and name."""
        return tuple(find_scans(self.folder, self.site))

    @functools.cached_property
    def first_scan(self) -> Scan:
        """The first scan that can be used; the others must be like it."""
        errors = []
        for file in self.files:
            try:
                scan = read_pair(file.path, file.reference, self.mask, self.conjugated)[0]
                check_scan(scan)
                return scan
            except (ValueError, OSError) as error:
                if not self.skip_bad:
                    raise
                errors.append(str(error))
        raise ValueError(f"No scan in '{self.folder}' can be used. The first of {len(errors)} errors: {errors[0]}")

    @functools.cached_property
    def target(self) -> ScanTarget:
        """What all scans are processed to."""
        scan = self.first_scan
        settings = {
            "spectrometer_frequency_mhz": round(scan.spectrometer_frequency_mhz, 3),
            "bandwidth_hz": scan.bandwidth_hz,
            "points": scan.points,
            "ppm_window": IN_VIVO_WINDOW,
        }
        in_units = self.label_values is not None and any(self.label_values.units)
        return ScanTarget(
            acquisition=Acquisition(**{**settings, **(self.acquisition or {})}),
            echo_time_ms=scan.echo_time_ms if self.echo_time_ms is None else self.echo_time_ms,
            sequence=scan.sequence if self.sequence is None else self.sequence,
            scaling=self.scale or ("water" if in_units else "metabolites"),
            steps=check_steps(self.steps),
            mask=self.mask,
            conjugated=self.conjugated,
        )

    @functools.cached_property
    def split_of(self) -> dict[str, str]:
        """Participant -> split."""
        sites = {file.participant_id: file.site for file in self.files}
        return split_subjects(sites, seed=self.seed, validation=self.validation, test=self.test, by=self.split_by)

    # === Labels ===

    @functools.cached_property
    def label_values(self) -> LabelValues | None:
        """The labels of the table, or `None` without one."""
        if self.labels is None:
            return None
        table = read_label_table(self.labels, unit=self.label_unit)
        return labels_of(table, tuple(self.label_names or DEFAULT_LABEL_NAMES))

    @functools.cached_property
    def matched_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Values and standard deviations of the labels of each file, float64 (files, labels); NaN where missing."""
        if self.label_values is None:
            empty = np.empty((len(self.files), 0))
            return empty, empty
        participants, sessions = (
            [getattr(file, name) for file in self.files] for name in ("participant_id", "session")
        )
        values, deviations, _ = match_labels(self.label_values, participants, sessions)
        return values, deviations

    @functools.cached_property
    def described_labels(self) -> Labels:
        """The labels with units, and their ranges in the training split."""
        if self.label_values is None:
            return Labels((), (), ())
        values, _ = self.matched_labels
        training = [self.split_of[file.participant_id] == "train" for file in self.files]
        known = values[training]
        empty = [name for name, column in zip(self.label_values.names, known.T, strict=True) if np.isnan(column).all()]
        if empty:
            raise ValueError(
                f"No scan of the training split has the label(s) {', '.join(empty)} in '{self.labels}'. Leave them out "
                "of `label_names`, or complete the table."
            )
        ranges = tuple(zip(np.nanmin(known, axis=0).tolist(), np.nanmax(known, axis=0).tolist(), strict=True))
        units = tuple(self.label_values.units)
        return Labels(self.label_values.names, ranges, units, "concentration" if any(units) else "concentration ratio")

    @property
    def scaling(self) -> str:
        """One of `SCALES`."""
        if self.scale is not None:
            return self.scale
        return "water" if self.label_values is not None and any(self.label_values.units) else "metabolites"

    # === As plain data ===

    def settings(self) -> dict:
        """Returns the arguments as plain JSON data, with absolute paths."""
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        for name in ("folder", "labels", "mask"):
            content[name] = None if content[name] is None else str(Path(content[name]).expanduser().resolve())
        return {name: list(value) if isinstance(value, tuple) else value for name, value in content.items()}

    def files_digest(self) -> str:
        """Returns a digest of the names and sizes of all files: it changes if scans or labels are added or replaced."""
        digest = hashlib.sha256()
        paths = [path for file in self.files for path in (file.path, file.reference) if path is not None]
        table = [Path(self.labels).expanduser()] if self.labels is not None else []
        for path in [*paths, *(path for path in table if path.is_file())]:
            digest.update(f"{path.name}\x1f{path.stat().st_size}\n".encode())
        return digest.hexdigest()[:16]

    def origin(self) -> dict:
        """Returns where the spectra come from, for the description of the dataset."""
        first = self.first_scan
        assumed = []
        if first.echo_time_ms is None:
            assumed.append("echo_time_ms" if self.echo_time_ms is not None else "echo_time_ms: unknown")
        if first.sequence is None:
            assumed.append("sequence" if self.sequence is not None else "sequence: unknown")
        return {
            "kind": "measured",
            "settings": self.settings(),
            "files_digest": self.files_digest(),
            "scans": len(self.files),
            "subjects": len(self.split_of),
            "sites": sorted({file.site for file in self.files}),
            "nucleus": first.nucleus,
            "echo_time_ms": self.target.echo_time_ms,
            "repetition_time_ms": first.repetition_time_ms,
            "sequence": self.target.sequence,
            "not_in_the_header": assumed,
            "scaling": self.target.scaling,
            "label_table": None if self.label_values is None else self.label_values.source,
        }
