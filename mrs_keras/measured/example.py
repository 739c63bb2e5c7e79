"""A small BIDS folder of simulated scans, for those who have no data: every command can be tried on it."""

import dataclasses
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tqdm import tqdm

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count
from mrs_keras.files import replacing
from mrs_keras.measured.example_descriptions import TITLE, TRUTH_KEY, sidecar, write_descriptions, write_json
from mrs_keras.measured.example_tables import write_tables
from mrs_keras.measured.scan_design import PRESET, ScanDesign
from mrs_keras.measured.simulated_scans import SimulatedScan, simulate_scan
from mrs_keras.measured.write_scan import write_scan
from mrs_keras.simulation.blocks import cores

TABLES = ("participants", "truth", "labels")
ROOT_FILES = {
    *(".bidsignore", "README", "dataset_description.json"),
    *(f"{name}{ending}" for name in TABLES for ending in (".tsv", ".json")),
}


def write_example(
    folder: str | os.PathLike,
    *,
    participants: int = 12,
    sites: int = 2,
    coils: int = 4,
    transients: int = 16,
    seed: int = 0,
    overwrite: bool = False,
    acquisition: Acquisition | None = None,
    workers: int | None = None,
    progress: bool = True,
) -> None:
    """Writes a BIDS folder of simulated scans with water references, labels and the truth.

    By default it takes about 1 s and 13 MB. The same arguments give the same bytes, for any number of workers; the
    scan of participant k depends on (seed, k) and on sites, coils, transients and acquisition, not on the number of
    participants. The folder appears under its name only when it is complete.

    Args:
      folder: to write. It must not exist, or be empty.
      participants: number of participants, one scan each. Defaults to `12`.
      sites: number of sites, to which participants belong in turn. Defaults to `2`.
      coils: receiver coils of each scan. Defaults to `4`.
      transients: transients of each scan. Defaults to `16`.
      seed: of all random numbers. Defaults to `0`.
      overwrite: whether to replace an earlier example in `folder`. A folder with any other file is never replaced.
        Defaults to `False`.
      acquisition: field, bandwidth and points of the scans. Defaults to `None`: 123.2 MHz, 2000 Hz, 2048 points.
      workers: threads. Defaults to `None`: one for each core.
      progress: whether to draw a progress bar on standard error, if it is a terminal. Defaults to `True`.

    Raises:
      FileExistsError: if `folder` is a file, or not empty and not to be replaced.
      ModuleNotFoundError: if nifti-mrs is not installed.
      ValueError: if a number is out of range, or there are more sites than participants.

    Example:

    >>> write_example("example", participants=4)  # doctest: +SKIP
    """
    folder = Path(folder).resolve()
    check_count("participants", participants, 12)
    chosen = {} if acquisition is None else {"acquisition": acquisition}
    design = ScanDesign(sites=sites, coils=coils, transients=transients, seed=seed, **chosen)
    if sites > participants:
        raise ValueError(
            f"Each site needs a participant. Expected at most {participants} sites. Received: sites={sites}, "
            f"participants={participants}. Give fewer sites or more participants."
        )
    if workers is not None:
        check_count("workers", workers, 2)
    _check_free(folder, overwrite)
    with replacing(folder) as partial:
        partial.mkdir()
        scans = []
        with tqdm(total=participants, unit=" scans", disable=None if progress else True) as bar:
            for simulated in _written(partial, participants, design, workers or cores()):
                scans.append(simulated)
                bar.update()
        write_tables(partial, scans, design)
        write_descriptions(partial, design)


def participant_id(participant: int) -> str:
    """Returns the BIDS name of a participant, such as `sub-01` for 0."""
    return f"sub-{participant + 1:02d}"


def _written(folder: Path, participants: int, design: ScanDesign, workers: int) -> Iterator[tuple[str, SimulatedScan]]:
    """Writes the scans; yields each, without its FIDs, in order."""
    simulate_scan(0, design)  # fills the cache of the basis, once for all threads

    def work(participant: int) -> tuple[str, SimulatedScan]:
        simulated = simulate_scan(participant, design)
        name = participant_id(participant)
        _write_participant(folder / name / "mrs", f"{name}_acq-press", simulated)
        return name, dataclasses.replace(simulated, scan=None)

    with ThreadPoolExecutor(min(workers, participants)) as pool:
        yield from pool.map(work, range(participants))


def _write_participant(folder: Path, stem: str, simulated: SimulatedScan) -> None:
    """Writes the scan and its reference, each with its BIDS description."""
    folder.mkdir(parents=True)
    truth = {
        TRUTH_KEY: {
            "Description": "SIMULATED scan: no person was measured. What it was simulated with, in Hz, rad, 1/s, s, mM "
            "and, for signals, the units of the file; mrs_keras.measured.simulated_scans has the formula",
            "concentrations_mM": simulated.concentrations,
            **simulated.truth,
        }
    }
    for suffix, scan, suppressed in (
        ("svs", simulated.scan, True),
        ("mrsref", simulated.scan.reference, False),
    ):
        header = {
            "TxOffset": 0.0,
            "WaterSuppressed": suppressed,
            "ProtocolName": f"{PRESET} {'' if suppressed else 'water reference'}".strip(),
            "ConversionMethod": "mrs_keras example",
            **truth,
        }
        write_scan(folder / f"{stem}_{suffix}.nii.gz", scan, header=header)
        metadata = sidecar(scan, suppressed)
        if suppressed:
            metadata["ReferenceSignal"] = f"bids::{folder.parent.name}/mrs/{stem}_mrsref.nii.gz"
        write_json(folder / f"{stem}_{suffix}.json", metadata)


# === What may be replaced ===


def _check_free(folder: Path, overwrite: bool) -> None:
    """Raises `FileExistsError` unless the folder is free, or an example that is to be replaced."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    expected = "Expected: a folder that does not exist, or is empty. "
    if not folder.is_dir():
        raise FileExistsError(f"'{folder}' is a file. {expected}Give another folder.")
    if not _is_example(folder):
        raise FileExistsError(
            f"'{folder}' is not empty, and not an earlier example. {expected}Give another folder: this one is never "
            "replaced."
        )
    foreign = _foreign_file(folder)
    if foreign is not None:
        raise FileExistsError(
            f"'{folder}' holds an earlier example and other files, such as '{foreign}', which would be lost. "
            f"{expected}Move them elsewhere, or give another folder."
        )
    if not overwrite:
        raise FileExistsError(
            f"'{folder}' holds an earlier example. {expected}Give another folder, or replace it with "
            "`overwrite=True`, on the command line `--overwrite`."
        )


def _is_example(folder: Path) -> bool:
    try:
        description = json.loads((folder / "dataset_description.json").read_text(encoding="utf-8"))
        return description["Name"] == TITLE
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _foreign_file(folder: Path) -> Path | None:
    """Returns a file in an example's folder that is not part of the example, or `None`."""
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        known = parts[0] in ROOT_FILES or (
            parts[0].startswith("sub-") and len(parts) == 3 and parts[1] == "mrs" and parts[2].startswith(parts[0])
        )
        if not path.is_dir() and not known:
            return path.relative_to(folder)
    return None
