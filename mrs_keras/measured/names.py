"""What the name of a scan says: participant, session, and whether it is a scan or a water reference."""

import dataclasses
import re
from collections.abc import Mapping
from pathlib import PurePath
from typing import Literal

NIFTI_SUFFIXES = (".nii.gz", ".nii")
VENDOR_SUFFIXES = (".sdat", ".rda", ".dat", ".7", ".mrui")
"""Suffixes of the files of vendors that are looked for in a folder; DICOM is not, since a scan has many files."""

RAW_SUFFIX = ".raw"
"""Suffix of LCModel's files. In a folder, they count if named as in BIDS: a basis has such files too."""

_SCANS = ("svs", "mrsi", "unloc")
_REFERENCE = "mrsref"
# Philips calls the two files of a scan _act and _ref.
_ACT_OR_REF = re.compile(r"(?<![A-Za-z0-9])(act|ref|mrsref)(?![A-Za-z0-9])", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class ScanName:
    """The parts of a file name.

    Args:
      kind: whether the file is a scan or a water reference.
      participant_id: with `sub-` if the name or a folder has it; else what is left of the name.
      session: without `ses-`. `None` if neither the name nor a folder has one.
      name: without suffixes, such as `"sub-01_acq-press_run-2_svs"`: the name of the example.
      entities: of BIDS without `sub-` and `ses-`, such as `{"acq": "press", "run": "2"}`.
      key: what a scan and its reference share in files of vendors.
      has_participant: whether the name or a folder has the entity `sub-`.
    """

    kind: Literal["scan", "reference"]
    participant_id: str
    session: str | None
    name: str
    entities: Mapping[str, str]
    key: str
    has_participant: bool


def parse_name(path: PurePath) -> ScanName | None:
    """Returns what a path below the folder says, or `None` if it is not the name of a scan or a reference.

    NIfTI files and LCModel's .RAW files count by their last part, as in BIDS: `_svs`, `_mrsi`, `_unloc` and `_mrsref`.
    A folder of BIDS also holds images. Files of vendors count by their suffix.

    Args:
      path: relative to the folder that was searched, such as `sub-01/ses-1/mrs/sub-01_ses-1_svs.nii.gz`.
    """
    lower = path.name.lower()
    suffix = next((end for end in (*NIFTI_SUFFIXES, *VENDOR_SUFFIXES, RAW_SUFFIX) if lower.endswith(end)), None)
    if suffix is None:
        return None
    name = path.name[: -len(suffix)]
    parts = name.split("_")
    bids = parts[-1].lower()
    if bids in (*_SCANS, _REFERENCE):
        kind = "reference" if bids == _REFERENCE else "scan"
        stem = "_".join(parts[:-1])
    elif suffix in VENDOR_SUFFIXES:
        marks = [mark.lower() for mark in _ACT_OR_REF.findall(name)]
        kind = "reference" if "ref" in marks or _REFERENCE in marks else "scan"
        stem = name
    else:
        return None
    entities = dict(part.split("-", 1) for part in parts if re.fullmatch(r"[A-Za-z]+-[^-]+", part))
    participant, session = (_entity(entity, entities, path) for entity in ("sub", "ses"))
    return ScanName(
        kind=kind,
        participant_id=f"sub-{participant}" if participant else stem or name,
        session=session,
        name=name,
        entities={key: value for key, value in entities.items() if key not in ("sub", "ses")},
        key=_ACT_OR_REF.sub("*", stem).lower(),
        has_participant=participant is not None,
    )


def _entity(entity: str, entities: Mapping[str, str], path: PurePath) -> str | None:
    """Returns an entity of the name, else of the nearest folder that has it."""
    if entity in entities:
        return entities[entity]
    folders = (folder.name for folder in path.parents)
    return next((name.split("-", 1)[1] for name in folders if re.fullmatch(rf"{entity}-[A-Za-z0-9]+", name)), None)
