"""The examples of a measured dataset: each scan read, processed and measured, on all cores."""

import dataclasses
import functools
import tempfile
from collections.abc import Iterator

import joblib
import numpy as np
import threadpoolctl
from tqdm import tqdm

from mrs_keras.measured.check_scan import check_scan
from mrs_keras.measured.dimensions import ENTRY_KEY
from mrs_keras.measured.duplicates import check_no_duplicates, fingerprint
from mrs_keras.measured.folder import ScanFile
from mrs_keras.measured.processing import STEPS, process_scan
from mrs_keras.measured.recipe import MeasuredRecipe
from mrs_keras.measured.resampling import resampled_noise
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.scan_target import ScanTarget
from mrs_keras.simulation import complex_to_channels

NUMBERS = {
    "noise_sigma": ("units of the spectrum", "Standard deviation of the real, and of the imaginary part of the noise"),
    "noise_lag1": ("", "Correlation of the noise of neighbouring points of the spectrum; 0 for white noise"),
    "snr": ("", "Height of the NAA peak divided by `noise_sigma`"),
    "snr_cr": ("", "Height of the Cr peak at 3.03 ppm divided by `noise_sigma`"),
    "fwhm_naa_hz": ("Hz", "Full width at half maximum of NAA at 2.01 ppm"),
    "fwhm_cr_hz": ("Hz", "Full width at half maximum of Cr at 3.03 ppm"),
    "fwhm_water_hz": ("Hz", "Full width at half maximum of the water reference"),
    "residual_water": ("", "Height of the residual water before its removal, as a multiple of that of NAA"),
    "shift_hz": ("Hz", "Frequency shift that referencing removed; positive is to higher ppm"),
    "phase_rad": ("rad", "Zero-order phase that was removed"),
    "scale": ("", "What the spectrum was divided by, in units of the scan"),
}
"""Number of each example -> unit, and what it is. NaN where it cannot be measured."""

LISTED = 20
"""Number of bad scans that an error lists."""


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A file that is left out, and why."""

    file: str
    why: str


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredExamples:
    """The processed scans of a folder, in the order of its files.

    Attributes:
      ids: name of each example.
      rows: number of the file of each example.
      spectra: float32 (examples, points, 2), on disk while it is in use.
      numbers: name of `NUMBERS` -> float32 (examples,).
      white: bool (examples,), whether the noise is white.
      warnings: of each example.
      skipped: files that could not be used.
    """

    ids: list[str]
    rows: np.ndarray
    spectra: np.ndarray
    numbers: dict[str, np.ndarray]
    white: np.ndarray
    warnings: list[tuple[str, ...]]
    skipped: list[Skipped]


def process_folder(recipe: MeasuredRecipe, jobs: int | None = None) -> MeasuredExamples:
    """Processes all scans of a recipe's folder; the result does not depend on the number of processes.

    Args:
      recipe: of the dataset.
      jobs: number of processes. Defaults to `None`: one for each core.

    Raises:
      ValueError: if scans cannot be used and the recipe does not skip them, or a scan occurs twice.
    """
    target = recipe.target
    jobs = min(jobs or joblib.cpu_count(), len(recipe.files))
    work = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="4*n_jobs", batch_size=1)
    results = work(joblib.delayed(_of_file)(target, file) for file in recipe.files)
    progress = tqdm(results, total=len(recipe.files), desc="Processing scans", unit="scan", disable=None)
    points = target.acquisition.window_points
    ids, rows, numbers, white, remarks, fingerprints, skipped = [], [], [], [], [], {}, []
    with tempfile.TemporaryFile() as spool:
        for row, (file, result) in enumerate(zip(recipe.files, progress, strict=True)):
            if isinstance(result, str):
                skipped.append(Skipped(str(file.path), result))
                continue
            for example in result:
                ids.append(example["id"])
                rows.append(row)
                spool.write(example["spectrum"].tobytes())
                numbers.append([example[name] for name in NUMBERS])
                white.append(example["white"])
                remarks.append(example["warnings"])
                fingerprints[example["name"]] = example["fingerprint"]
        if skipped and (not recipe.skip_bad or not ids):
            raise ValueError(_in_words(skipped, len(recipe.files), recipe.folder))
        check_no_duplicates(fingerprints)
        spool.flush()
        # It stays mapped after the file is closed.
        spectra = np.memmap(spool, np.float32, "r", shape=(len(ids), points, 2))
    columns = np.asarray(numbers, np.float32).T
    return MeasuredExamples(
        ids=ids,
        rows=np.array(rows),
        spectra=spectra,
        numbers=dict(zip(NUMBERS, columns, strict=True)),
        white=np.array(white),
        warnings=remarks,
        skipped=skipped,
    )


def _of_file(target: ScanTarget, file: ScanFile) -> list[dict] | str:
    """Returns the examples of a file, or why it cannot be used."""
    try:
        # One thread: the processes share the cores, and sums are rounded in the same order on any number of them.
        with _threads().limit(limits=1):
            return [_example(target, file, scan) for scan in target.read(file)]
    except (ValueError, OSError) as error:
        return str(error)


@functools.cache
def _threads() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


def _example(target: ScanTarget, file: ScanFile, scan: Scan) -> dict:
    check_scan(scan)
    target.check(scan)
    processed = process_scan(scan, target.steps)
    scale = target.scale_of(processed, scan)
    # Of a file with several spectra: of an image, or of generated ones.
    part = "" if scan.voxel is None else "_voxel-" + "-".join(map(str, scan.voxel))
    part += f"_entry-{scan.header[ENTRY_KEY]}" if ENTRY_KEY in scan.header else ""
    quality = processed.quality
    resampled = resampled_noise(len(processed.fid), processed.bandwidth_hz, target.acquisition)
    return {
        "id": f"{file.name}{part}",
        "name": str(file.path) + part,
        "spectrum": complex_to_channels(processed.spectrum(target.acquisition) / scale),
        "fingerprint": fingerprint(scan.fids),
        "white": processed.noise.white and resampled.white,
        "warnings": processed.warnings,
        "noise_sigma": processed.noise_sigma(target.acquisition) / scale,
        "noise_lag1": processed.noise.lag1,
        **{name: getattr(quality, name) for name in ("snr", "snr_cr", "fwhm_naa_hz", "fwhm_cr_hz", "fwhm_water_hz")},
        "residual_water": processed.residual_water,
        "shift_hz": processed.shift_hz,
        "phase_rad": processed.phase_rad,
        "scale": scale,
    }


def _in_words(skipped: list[Skipped], files: int, folder: str) -> str:
    listed = "\n".join(f"- {bad.why}" for bad in skipped[:LISTED])
    more = f"\n- and {len(skipped) - LISTED} more" if len(skipped) > LISTED else ""
    return (
        f"{len(skipped)} of {files} scans in '{folder}' cannot be used:\n{listed}{more}\n"
        'Mend or remove these files, or leave them out with `skip_bad=True` (in a config, "skip_bad": true).'
    )


def step_list(steps) -> list[str]:
    """Returns the steps of a recipe with what they do, for metadata and reports."""
    return [f"{name}: {text}" for name, text in STEPS.items() if steps is None or name in steps]


def rows_of_split(recipe: MeasuredRecipe, examples: MeasuredExamples, split: str) -> Iterator[int]:
    """Yields the numbers of the examples of a split."""
    for number, row in enumerate(examples.rows):
        if recipe.split_of[recipe.files[row].participant_id] == split:
            yield number
