"""What a measured dataset depends on: the folder of scans, the labels, and how they are processed."""

import dataclasses
import functools
import numbers
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_choice
from mrs_keras.labels import Labels
from mrs_keras.measured.check_scan import check_scan
from mrs_keras.measured.files_digest import digest_of
from mrs_keras.measured.folder import ScanFile, find_scans
from mrs_keras.measured.generated_spectra import GeneratedSpectra, open_generated
from mrs_keras.measured.label_match import match_labels
from mrs_keras.measured.label_sums import DEFAULT_LABEL_NAMES, LabelValues, labels_of
from mrs_keras.measured.label_tables import read_label_table
from mrs_keras.measured.processing import check_steps
from mrs_keras.measured.scan import Scan, ppm_axis
from mrs_keras.measured.scan_target import FREQUENCY_TOLERANCE, SCALES, ScanTarget, read_file
from mrs_keras.measured.skipped import Skipped, skipped_in_words
from mrs_keras.measured.splits import split_subjects

PATHS = ("folder", "labels", "mask")
"""Arguments that say where the files are, not what is in them."""

KINDS = {
    "seed": (int, "a whole number"),
    "validation": (numbers.Real, "a number"),
    "test": (numbers.Real, "a number"),
    "conjugated": (bool, "true or false"),
    "skip_bad": (bool, "true or false"),
}
"""Argument -> its type, and that in words: a config in JSON can hold any."""

SAMPLED = 15
"""Number of scans that are read to find out which kind most of them are of."""

GENERATED_STEPS = ("coils", "alignment", "outliers")
"""Default steps for generated spectra: they make one spectrum of transients, and change nothing where there is one."""

IN_VIVO_WINDOW = (-1.0, 4.3)
"""Default window in ppm: fitting programs need the shoulders of 0.2 to 4.2 ppm."""


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredRecipe:
    """All that the examples of a measured dataset depend on.

    Args:
      folder: of scans, searched with its subfolders; see `find_scans`. Or an output of `mrs-keras generate`, a file or
        a folder: its labels, acquisition and window are then the defaults, no step changes its spectra unless `steps`
        says so, and they are not scaled.
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
      acquisition: arguments of `Acquisition` that all spectra are resampled to. Defaults to `None`: those of most
        scans, with a window from -1 to 4.3 ppm.
      echo_time_ms: echo time of scans whose header has none, ms. Defaults to `None`.
      sequence: name of the sequence of scans whose header has none. Defaults to `None`.
      scale: one of `SCALES`. Defaults to `None`: `"water"` for labels with a unit, else
        `"metabolites"`.
      mask: NIfTI file of the voxels to use of spectroscopic images. Defaults to `None`: all that are not zero.
      conjugated: whether the files contain the conjugate of what the standard says. Defaults to `False`.
      skip_bad: whether to leave out scans that cannot be used, instead of raising an error. Defaults to `False`.

    Raises:
      ValueError: if `steps`, `split_by` or `scale` is none of the choices, or an argument has the wrong type.
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
        if isinstance(self.label_names, str):
            raise ValueError(f"`label_names` must be a list of names. Received: {self.label_names!r}.")
        for name, (kind, words) in KINDS.items():
            if not isinstance(getattr(self, name), kind):
                raise ValueError(f"`{name}` must be {words}. Received: {name}={getattr(self, name)!r}.")
        if self.scale is not None:
            check_choice("scale", self.scale, SCALES)

    # === What the folder contains: names and headers alone ===

    @functools.cached_property
    def files(self) -> tuple[ScanFile, ...]:
        """The scans of the folder, sorted by participant, session and name."""
        return tuple(find_scans(self.folder, self.site)) if self.generated is None else self.generated.files

    @functools.cached_property
    def generated(self) -> GeneratedSpectra | None:
        """The folder, or file, as an output of `mrs-keras generate`; `None` for measured scans."""
        return open_generated(self.folder)

    @functools.cached_property
    def typical_scan(self) -> Scan:
        """The first scan of the most frequent field and echo time, among up to 15 spread over the folder.

        The other scans must be like it. All must be read to know how many there are of each kind; a sample is enough to
        leave out the exceptions.
        """
        scans, errors = [], []
        spread = np.linspace(0, len(self.files) - 1, min(len(self.files), SAMPLED)).astype(int)
        for number in [*spread, *np.setdiff1d(np.arange(len(self.files)), spread)]:
            if scans and number not in spread:
                break
            file = self.files[number]
            try:
                scan = read_file(file, self.mask, self.conjugated)[0]
                check_scan(scan)
                scans.append(scan)
            except (ValueError, OSError) as error:
                errors.append(Skipped(str(file.path), str(error)))
        if not scans:
            raise ValueError(skipped_in_words(errors, len(self.files), self.folder, none_left=True))
        kinds = [(round(scan.spectrometer_frequency_mhz), scan.echo_time_ms) for scan in scans]
        return scans[kinds.index(max(kinds, key=kinds.count))]

    @functools.cached_property
    def target(self) -> ScanTarget:
        """What all scans are processed to.

        Raises:
          ValueError: if no scan can be used.
        """
        scan = self.typical_scan
        band = ppm_axis(scan.points, scan.bandwidth_hz, scan.spectrometer_frequency_mhz)
        settings = {
            "spectrometer_frequency_mhz": round(scan.spectrometer_frequency_mhz, 3),
            "bandwidth_hz": scan.bandwidth_hz,
            "points": scan.points,
            # As much of it as a narrow receiver band has.
            "ppm_window": (max(IN_VIVO_WINDOW[0], float(band[2])), min(IN_VIVO_WINDOW[1], float(band[-3]))),
        }
        if self.generated is not None:
            settings = self.generated.acquisition.to_dict()
        in_units = self.label_values is not None and any(self.label_values.units)
        return ScanTarget(
            acquisition=Acquisition(**{**settings, **self._checked_acquisition(scan)}),
            echo_time_ms=scan.echo_time_ms if self.echo_time_ms is None else self.echo_time_ms,
            sequence=scan.sequence if self.sequence is None else self.sequence,
            scaling=self.scale or ("none" if self.generated else "water" if in_units else "metabolites"),
            steps=check_steps(GENERATED_STEPS if self.generated and self.steps is None else self.steps),
            mask=self.mask,
            conjugated=self.conjugated,
        )

    def _checked_acquisition(self, scan: Scan) -> dict:
        """Returns the arguments of `acquisition`, or raises `ValueError` if one is unknown or of another field."""
        given = dict(self.acquisition or {})
        known = [field.name for field in dataclasses.fields(Acquisition)]
        mhz = scan.spectrometer_frequency_mhz
        other = abs(given.get("spectrometer_frequency_mhz", mhz) / mhz - 1) > FREQUENCY_TOLERANCE
        if set(given) - set(known) or other:
            raise ValueError(
                f"`acquisition` must have some of {', '.join(known)}, and the field of the scans ({mhz:.2f} MHz). "
                f"Received: {given}. Bandwidth, points and window can be changed, the field cannot."
            )
        return given

    @functools.cached_property
    def split_of(self) -> dict[str, str]:
        """Participant -> split."""
        sites = {file.participant_id: file.site for file in self.files}
        return split_subjects(sites, seed=self.seed, validation=self.validation, test=self.test, by=self.split_by)

    # === Labels ===

    @functools.cached_property
    def label_values(self) -> LabelValues | None:
        """The labels of the table, or `None` without one."""
        if self.labels is not None:
            table = read_label_table(self.labels, unit=self.label_unit)
            return labels_of(table, tuple(self.label_names or DEFAULT_LABEL_NAMES))
        if self.generated is None or not self.generated.label_names:
            return None
        return labels_of(self.generated.label_table(), tuple(self.label_names or self.generated.label_names))

    @functools.cached_property
    def matched_labels(self) -> tuple[np.ndarray, np.ndarray]:
        """Values and standard deviations of the labels of each file, float64 (files, labels); NaN where missing.

        Raises:
          ValueError: if the table has no row for any scan, or one row for several scans.
        """
        if self.label_values is None:
            empty = np.empty((len(self.files), 0))
            return empty, empty
        sessions = [None if file.session is None else f"ses-{file.session}" for file in self.files]
        participants = [file.participant_id for file in self.files]
        values, deviations, _ = match_labels(self.label_values, participants, sessions)
        owners = list(zip(participants, sessions, strict=True)) if self.label_values.sessions else participants
        labelled = np.isfinite(values).any(axis=1)
        for owner, count in Counter(owner for owner, has in zip(owners, labelled, strict=True) if has).items():
            if count > 1:
                first, second = [file.path for file, one in zip(self.files, owners, strict=True) if one == owner][:2]
                raise ValueError(
                    f"{count} scans belong to one row of '{self.labels}', such as '{first}' and "
                    f"'{second}', and a fit is of one of them. Add a column `session_id` to the table if they are of "
                    "different sessions; else put the scans of each voxel in a folder of their own."
                )
        return values, deviations

    def describe_labels(self, rows: Sequence[int] | None = None) -> Labels:
        """Returns the labels with units, and their ranges in the training split.

        Args:
          rows: numbers of the files that are used. Defaults to `None`: all.

        Raises:
          ValueError: if no scan of the training split has one of the labels.
        """
        if self.label_values is None:
            return Labels((), (), ())
        rows = range(len(self.files)) if rows is None else rows
        training = [row for row in rows if self.split_of[self.files[row].participant_id] == "train"]
        known = self.matched_labels[0][training]
        empty = [name for name, column in zip(self.label_values.names, known.T, strict=True) if np.isnan(column).all()]
        if empty:
            raise ValueError(
                f"No scan of the training split has the label(s) {', '.join(empty)} in '{self.labels}'. Leave them out "
                "of `label_names`, or complete the table."
            )
        ranges = tuple(zip(np.nanmin(known, axis=0).tolist(), np.nanmax(known, axis=0).tolist(), strict=True))
        units = tuple(self.label_values.units)
        return Labels(self.label_values.names, ranges, units, "concentration" if any(units) else "concentration ratio")

    # === As plain data ===

    def settings(self) -> dict:
        """Returns the arguments as plain JSON data, without the paths."""
        content = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in content.items()
            if name not in PATHS
        }

    def paths(self) -> dict:
        """Returns the absolute paths of folder, table and mask, or `None` where there is none."""
        given = {name: getattr(self, name) for name in PATHS}
        return {name: None if path is None else str(Path(path).expanduser().resolve()) for name, path in given.items()}

    def origin(self) -> dict:
        """Returns where the spectra come from, for the description of the dataset."""
        scan = self.typical_scan
        return {
            **self.settings(),
            "kind": "measured" if self.generated is None else "generated",
            "paths": self.paths(),
            "files_digest": digest_of(self.files, self.folder, self.labels, self.mask),
            "nucleus": scan.nucleus,
            "echo_time_ms": self.target.echo_time_ms,
            "repetition_time_ms": scan.repetition_time_ms,
            "sequence": self.target.sequence,
            "scale": self.target.scaling,
        }
