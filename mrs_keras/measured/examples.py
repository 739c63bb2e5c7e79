"""The examples of a measured dataset: all scans of a folder, processed on all cores."""

import dataclasses
import tempfile
from collections import Counter
from collections.abc import Mapping

import joblib
import numpy as np
from tqdm import tqdm

from mrs_keras.measured.duplicates import check_no_duplicates, find_duplicates
from mrs_keras.measured.one_example import examples_of_file
from mrs_keras.measured.recipe import MeasuredRecipe
from mrs_keras.measured.sequence_name import sequence_of_name
from mrs_keras.measured.skipped import Skipped, skipped_in_words

NUMBERS = {
    "noise_sigma": ("units of the spectrum", "Standard deviation of the real, and of the imaginary part of the noise"),
    "noise_lag1": ("", "Correlation of the noise of neighbouring points of the spectrum; 0 for white noise"),
    "snr": ("", "Height of the NAA peak divided by `noise_sigma`"),
    "snr_cr": ("", "Height of the Cr peak at 3.03 ppm divided by `noise_sigma`"),
    "fwhm_naa_hz": ("Hz", "Full width at half maximum of NAA at 2.01 ppm"),
    "fwhm_cr_hz": ("Hz", "Full width at half maximum of Cr at 3.03 ppm"),
    "fwhm_water_hz": ("Hz", "Full width at half maximum of the water reference"),
    "residual_water": ("height of NAA", "Height of the residual water before its removal"),
    "shift_hz": ("Hz", "Frequency shift that referencing removed; positive is to higher ppm"),
    "phase_rad": ("rad", "Zero-order phase that was removed"),
    "scale": ("units of the scan", "What the spectrum was divided by"),
}
"""Number of each example -> unit, and what it is. NaN where it cannot be measured."""


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
      skipped: scans that could not be used.
      copies: groups of examples that are the same scan.
      without_header: field that a header should name -> number of examples whose header does not.
      repetition_times_ms: all that the headers name.
    """

    ids: list[str]
    rows: np.ndarray
    spectra: np.ndarray
    numbers: Mapping[str, np.ndarray]
    white: np.ndarray
    warnings: list[tuple[str, ...]]
    skipped: list[Skipped]
    copies: list[tuple[str, ...]]
    without_header: Mapping[str, int]
    repetition_times_ms: list[float]


def process_folder(recipe: MeasuredRecipe, jobs: int | None = None, allow_copies: bool = False) -> MeasuredExamples:
    """Processes all scans of a recipe's folder; the result does not depend on the number of processes.

    Args:
      recipe: of the dataset.
      jobs: number of processes. Defaults to `None`: one for each core.
      allow_copies: whether a scan may occur twice. Defaults to `False`.

    Raises:
      ValueError: if scans cannot be used and the recipe does not skip them, a scan occurs twice, two examples have the
        same name, a label table has one row for the voxels of an image, or headers name different sequences.
    """
    target = recipe.target
    jobs = min(jobs or joblib.cpu_count(), len(recipe.files))
    work = joblib.Parallel(n_jobs=jobs, return_as="generator", pre_dispatch="4*n_jobs", batch_size=1)
    results = work(joblib.delayed(examples_of_file)(target, file) for file in recipe.files)
    progress = tqdm(results, total=len(recipe.files), desc="Processing scans", unit="scan", disable=None)
    ids, rows, numbers, white, remarks, fingerprints, headers, skipped = [], [], [], [], [], [], [], []
    with tempfile.TemporaryFile() as spool:
        for row, (examples, bad) in enumerate(progress):
            skipped += bad
            for example in examples:
                ids.append(example["id"])
                rows.append(row)
                spool.write(example["spectrum"].tobytes())
                numbers.append([example[name] for name in NUMBERS])
                white.append(example["white"])
                remarks.append(example["warnings"])
                fingerprints.append(example["fingerprint"])
                headers.append(example["header"])
        if skipped and (not recipe.skip_bad or not ids):
            raise ValueError(skipped_in_words(skipped, len(recipe.files), recipe.folder, none_left=not ids))
        _check_names(recipe, ids, rows)
        _check_headers(recipe, headers, rows)
        spool.flush()
        # It stays mapped after the file is closed.
        shape = len(ids), target.acquisition.window_points, 2
        spectra = np.memmap(spool, np.float32, "r", shape=shape)
    by_name = {
        f"{recipe.files[row].path} ({name})": print_ for name, row, print_ in zip(ids, rows, fingerprints, strict=True)
    }
    # Spectra of a model without noise can be alike within the tolerance of that check.
    allow_copies = allow_copies or recipe.generated is not None
    if not allow_copies:
        check_no_duplicates(by_name)
    columns = np.asarray(numbers, np.float32).T
    return MeasuredExamples(
        ids=ids,
        rows=np.array(rows),
        spectra=spectra,
        numbers=dict(zip(NUMBERS, columns, strict=True)),
        white=np.array(white),
        warnings=remarks,
        skipped=skipped,
        copies=find_duplicates(by_name) if allow_copies and recipe.generated is None else [],
        without_header={name: sum(header[name] is None for header in headers) for name in headers[0]},
        repetition_times_ms=sorted({header["repetition_time_ms"] for header in headers} - {None}),
    )


def _check_names(recipe: MeasuredRecipe, ids: list[str], rows: list[int]) -> None:
    twice = [name for name, count in Counter(ids).items() if count > 1]
    if twice:
        paths = [str(recipe.files[row].path) for name, row in zip(ids, rows, strict=True) if name == twice[0]]
        raise ValueError(
            f"Two scans have the name {twice[0]!r}: '{paths[0]}' and '{paths[1]}'. Names must differ, by "
            "participant (sub-), session (ses-), acquisition (acq-) or run (run-). Rename one of them."
        )
    row, count = Counter(rows).most_common(1)[0]
    if recipe.label_values is not None and count > 1:
        raise ValueError(
            f"'{recipe.files[row].path}' has {count} spectra, and '{recipe.labels}' one row for all of them. Labels of "
            "images are not supported: leave `labels` out, or give each voxel a file and a participant of its own."
        )


def _check_headers(recipe: MeasuredRecipe, headers: list[dict], rows: list[int]) -> None:
    """Raises `ValueError` if headers name different sequences or echo times where most, and the config, name none."""
    for name, kind_of in (("echo_time_ms", round), ("sequence", lambda name: sequence_of_name(name) or name.lower())):
        named = {
            kind_of(header[name]): row for header, row in zip(headers, rows, strict=True) if header[name] is not None
        }
        if len(named) > 1 and getattr(recipe.target, name) is None:
            listed = ", ".join(f"{kind} ('{recipe.files[row].path}')" for kind, row in sorted(named.items()))
            raise ValueError(
                f"The headers name different values of `{name}`: {listed}; others name none. Put these scans in "
                f"folders of their own, or give `{name}`."
            )
