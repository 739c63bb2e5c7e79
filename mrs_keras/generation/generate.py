"""Generation of spectra to a file: number, concentrations, seed and format."""

import dataclasses
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

import mrs_keras
from mrs_keras.checks import check_choice, check_count
from mrs_keras.data.description import DatasetDescription
from mrs_keras.files import replacing
from mrs_keras.generation.concentrations import Given, concentration_rows
from mrs_keras.generation.source import SpectrumSource, open_source
from mrs_keras.generation.write_nifti_mrs import write_nifti_mrs
from mrs_keras.generation.write_npz import write_npz
from mrs_keras.generation.write_tfds import DATASET_NAME, write_tfds
from mrs_keras.models import CVAE
from mrs_keras.optional import check_nifti_mrs_installed

Format = Literal["npz", "tfds", "nifti_mrs"]

ENDINGS = {".npz": "npz", ".nii": "nifti_mrs", ".nii.gz": "nifti_mrs", "": "tfds"}
"""Suffix of the output -> format; a name without a suffix is a folder."""

WRITERS = {"npz": write_npz, "tfds": write_tfds, "nifti_mrs": write_nifti_mrs}

BATCH = 1024
"""Spectra that the model generates at once. Fixed, since matrix products of another size round differently."""

LARGEST_SEED = 2**31 - 1
"""Row k has the seed `seed * 2**32 + k`, an int64."""


def generate_dataset(
    source: SpectrumSource | CVAE | str | os.PathLike,
    output: str | os.PathLike,
    *,
    number: int | None = None,
    concentrations: Given | None = None,
    seed: int = 0,
    format: Format | None = None,
    overwrite: bool = False,
    progress: bool = False,
) -> Path:
    """Generates spectra with a trained model, and writes them with their labels.

    Spectrum k depends only on the model, the seed, k, and its concentrations, not on the number of spectra: the first
    spectra of a longer file are bit-identical to those of a shorter one on the same machine.

    | format | ending | what is in it |
    |---|---|---|
    | `"npz"` | `.npz` | arrays; see `write_npz` |
    | `"tfds"` | none: a folder | TFDS dataset in TFRecord files; see `write_tfds` |
    | `"nifti_mrs"` | `.nii.gz`, `.nii` | FIDs, labels in the header extension; see `write_nifti_mrs` |

    Only one batch is kept in memory for `"tfds"`, and all spectra for the other formats.

    Args:
      source: a model, the folder of a finished training, a folder of SavedModels (the newest version), or what
        `open_run` or `open_export` returned.
      output: file, or folder for `"tfds"`, to write.
      number: of spectra. Defaults to `None`: the rows of `concentrations`, or 1,000.
      concentrations: metabolite name -> concentration of all spectra, or of each spectrum, mM. Defaults to `None`:
        drawn uniformly from the trained range.
      seed: from 0 to 2^31 - 1. Defaults to `0`.
      format: Defaults to `None`: chosen by the suffix of `output`.
      overwrite: whether to replace an existing `output`. Defaults to `False`. A folder is replaced only if it contains
        an earlier dataset of generated spectra.
      progress: whether to show a progress bar if the standard error is a terminal. Defaults to `False`.

    Returns:
      `output`.

    Raises:
      FileExistsError: if `output` exists and must not be replaced.
      FileNotFoundError: if there is no model.
      OSError: if the folder of `output` cannot be written to.
      ModuleNotFoundError: if the format is `"nifti_mrs"` and the package nifti-mrs is not installed.
      ValueError: if an argument is out of range, or the concentrations do not fit the model.

    Example:

    >>> generate_dataset("saved_models", "spectra.npz", number=1000, seed=0)  # doctest: +SKIP
    PosixPath('spectra.npz')
    """
    output = Path(output)
    format = _checked_format(format, output)
    seed = _checked_seed(seed)
    _check_free(output, format, overwrite)
    _check_writable(output)
    source = open_source(source)
    number, concentrations_of = concentration_rows(source, number, concentrations, seed)
    blocks = _blocks(source, number, concentrations_of, seed)
    with replacing(output) as partial, tqdm(total=number, unit=" spectra", disable=None if progress else True) as bar:
        WRITERS[format](partial, _counted(blocks, bar), number, _description(source, concentrations, seed))
    return output


def _blocks(
    source: SpectrumSource, number: int, concentrations_of: Callable[[int, int], np.ndarray], seed: int
) -> Iterator[dict[str, np.ndarray]]:
    """Yields `"spectrum"`, `"concentrations"` and `"z"` of up to `BATCH` rows at a time."""
    for start in range(0, number, BATCH):
        stop = min(start + BATCH, number)
        concentrations = concentrations_of(start, stop)
        # The last batch is padded: a row must not depend on the number of rows after it.
        padded = np.pad(concentrations, ((0, start + BATCH - stop), (0, 0)), mode="edge")
        row_seeds = np.arange(start, start + BATCH, dtype=np.int64) + (np.int64(seed) << 32)
        generated = source.generate(padded, row_seeds)
        rows = slice(0, stop - start)
        yield {"spectrum": generated["spectrum"][rows], "concentrations": concentrations, "z": generated["z"][rows]}


def _counted(blocks: Iterator[dict[str, np.ndarray]], bar: tqdm) -> Iterator[dict[str, np.ndarray]]:
    for block in blocks:
        yield block
        bar.update(len(block["spectrum"]))


def _description(source: SpectrumSource, given: Given | None, seed: int) -> DatasetDescription:
    """Returns the description that is written with the spectra."""
    model, labels = source.description, source.description.labels
    ranges = dict(zip(labels.names, map(list, labels.ranges), strict=True))
    if given is not None:
        labels = dataclasses.replace(
            labels, ranges=tuple((float(np.min(given[name])), float(np.max(given[name]))) for name in labels.names)
        )
    return DatasetDescription(
        acquisition=model.acquisition,
        labels=labels,
        spectrum_scale=model.spectrum_scale,
        seed=seed,
        backend="cvae",
        units={"spectrum": "arbitrary", "concentrations": ", ".join(sorted(set(labels.units))), "z": ""},
        origin={
            "concentrations_are": "drawn uniformly in the trained range" if given is None else "given",
            "generator": {
                "model": "conditional variational autoencoder",
                "software": f"mrs_keras {mrs_keras.__version__}",
                "trained_ranges": ranges,
                **source.origin,
            },
        },
    )


def _checked_format(format: str | None, output: Path) -> str:
    ending = next((end for end in (".nii.gz", ".nii", ".npz") if output.name.endswith(end)), output.suffix)
    told = ENDINGS.get(ending)
    if format is None and told is None:
        raise ValueError(
            f"Cannot tell the format from the ending of '{output}'. Expected .npz, .nii.gz, .nii, or none for a folder "
            f"of TFRecord files. Received: '{ending}'. Give another `output`, or `format`."
        )
    format = told if format is None else check_choice("format", format, WRITERS)
    wanted = [end for end, name in ENDINGS.items() if name == format]
    # A folder may have any name that is not one of a file.
    if told != format and not (format == "tfds" and told is None):
        raise ValueError(
            f"`output` must have an ending of its format. Expected for {format!r}: {' or '.join(wanted) or 'none'}. "
            f"Received: '{output}'. Give another `output` or `format`."
        )
    if format == "nifti_mrs":
        check_nifti_mrs_installed()
    return format


def _checked_seed(seed: int) -> int:
    if check_count("seed", seed, 0, at_least=0) > LARGEST_SEED:
        raise ValueError(f"`seed` must be below 2^31. Received: seed={seed}. Give for example seed=0.")
    return int(seed)


def _check_free(output: Path, format: str, overwrite: bool) -> None:
    """Raises `FileExistsError` if the output would replace something that must be kept."""
    if not output.exists() or (format == "tfds" and output.is_dir() and not any(output.iterdir())):
        return
    if not overwrite:
        raise FileExistsError(
            f"There is already something at '{output}'. Choose another output, or allow overwriting "
            "(`overwrite=True`, --overwrite)."
        )
    kept = not _is_generated(output) if format == "tfds" else output.is_dir()
    if kept:
        kind = "a dataset of generated spectra" if format == "tfds" else "a file"
        raise FileExistsError(
            f"Only {kind} can be overwritten. Received: '{output}', which is something else. Choose another output."
        )


def _check_writable(output: Path) -> None:
    """Raises `OSError` if the folder of the output is not writable: before the work, not after it."""
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(f"Cannot write '{output}': {error.strerror}: '{folder}'. Give another `output`.") from error


def _is_generated(folder: Path) -> bool:
    try:
        return json.loads((folder / "dataset_info.json").read_text())["name"] == DATASET_NAME
    except (OSError, ValueError, KeyError, TypeError):
        return False
