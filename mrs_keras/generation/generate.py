"""Generation of spectra to a file: number, concentrations, seed and format."""

import dataclasses
import functools
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
from tqdm import tqdm

import mrs_keras
from mrs_keras.checks import check_count, check_positive
from mrs_keras.data.description import DatasetDescription
from mrs_keras.files import explaining_a_full_disk, replacing
from mrs_keras.generation import write_bids, write_lcmodel, write_nifti_mrs, write_npz, write_tfds
from mrs_keras.generation.blocks import Block, blocks_of
from mrs_keras.generation.concentrations import Given, concentration_rows
from mrs_keras.generation.formats import check_holds, format_of
from mrs_keras.generation.model_basis import basis_path, model_basis, write_beside
from mrs_keras.generation.output import check_free, check_writable
from mrs_keras.generation.residual_water import checked_range
from mrs_keras.generation.scaled_labels import check_scaled, checked_factors, label_factors, scaled_ranges
from mrs_keras.generation.source import SpectrumSource, open_source
from mrs_keras.generation.transients import TransientDesign, transients_of
from mrs_keras.measured.generated_spectra import LABEL_FACTORS
from mrs_keras.models import CVAE

FormatName = Literal["npz", "tfds", "nifti_mrs", "bids", "lcmodel"]

MODULES = {
    "npz": write_npz,
    "tfds": write_tfds,
    "nifti_mrs": write_nifti_mrs,
    "bids": write_bids,
    "lcmodel": write_lcmodel,
}
"""Format -> module with `write(path, blocks, number, description)`; `check(number, description)`, which raises an error
before the work if it cannot be written; and, for a folder, `is_earlier(path)`. Those of a format that needs the basis
also take `basis`."""

LARGEST_SEED = 2**31 - 1
"""Row k has the seed `seed * 2**32 + k`, an int64."""


def generate_dataset(
    source: SpectrumSource | CVAE | str | os.PathLike,
    output: str | os.PathLike,
    *,
    number: int | None = None,
    concentrations: Given | None = None,
    scale_labels: tuple[float, float] | None = None,
    seed: int = 0,
    format: FormatName | None = None,
    residual_water: tuple[float, float] | None = None,
    echo_time_ms: float | None = None,
    repetition_time_ms: float | None = None,
    transients: TransientDesign | None = None,
    with_basis: bool | str | os.PathLike = False,
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
    | `"bids"` | none: a folder | a NIfTI-MRS file for each spectrum, labels in a table; see `write_bids` |
    | `"lcmodel"` | none: a folder | files that LCModel runs as they are; see `write_lcmodel` |

    Only one batch is kept in memory for folders, and all spectra for the other formats. FIDs cover the whole band of
    the receiver, with noise where the model has noise; see `whole_fids`. If the process is killed, nothing appears at
    `output`, and the next call starts anew.

    Args:
      source: a model, the folder of a finished training, a folder of SavedModels (the newest version), or what
        `open_run` or `open_export` returned.
      output: file, or folder for `"tfds"`, `"bids"` and `"lcmodel"`, to write.
      number: of spectra. Defaults to `None`: the rows of `concentrations`, or 1,000.
      concentrations: metabolite name -> concentration of all spectra, or of each spectrum, mM. Defaults to `None`:
        drawn as the training data had them, see `concentration_rows`.
      scale_labels: lowest and highest factor of labels that are drawn. After latents and noise are drawn for them, each
        label is multiplied with a factor of its own, uniform in this range, so that it varies independently of all
        else: fits of the spectra then tell whether they carry their labels. Defaults to `None`: labels as drawn.
      seed: from 0 to 2^31 - 1. Defaults to `0`.
      format: Defaults to `None`: chosen by the suffix of `output`.
      residual_water: lowest and highest height of residual water to add, as multiples of the spectrum's tallest point,
        for formats of FIDs. Defaults to `None`: none.
      echo_time_ms: for the headers of FIDs, ms. Defaults to `None`: that of the training data if it is known; else not
        in the header.
      repetition_time_ms: likewise.
      transients: single averages and coils to write instead of each spectrum, with their water reference, for the
        format `"bids"`; see `raw_scan`. Defaults to `None`: the spectrum itself.
      with_basis: whether to write the basis that the training data were simulated from, in the form of the program
        that reads the spectra: `NAME_basis`, a folder as FSL-MRS reads it, beside NIfTI-MRS and BIDS; `NAME_basis.npz`
        beside `.npz` and TFRecord; `basis.BASIS` in the folder for LCModel, which always gets it. Or the file of the
        basis, where it is not known; see `model_basis`. Defaults to `False`.
      overwrite: whether to replace an existing `output`. Defaults to `False`. A folder is replaced only if it contains
        an earlier dataset of generated spectra.
      progress: whether to show a progress bar if the standard error is a terminal. Defaults to `False`.

    Returns:
      `output`.

    Raises:
      FileExistsError: if `output` exists and must not be replaced.
      FileNotFoundError: if there is no model.
      OSError: if the folder of `output` cannot be written to, or is full.
      ModuleNotFoundError: if the format needs the package nifti-mrs, and it is not installed.
      ValueError: if an argument is out of range, the concentrations do not fit the model, or the format cannot hold
        what is asked for.

    Example:

    >>> generate_dataset("saved_models", "spectra.npz", number=1000, seed=0)  # doctest: +SKIP
    PosixPath('spectra.npz')
    """
    output = Path(output)
    chosen = format_of(format, output)
    writer = MODULES[chosen.name]
    seed = _checked_seed(seed)
    for name, time_ms in (("echo_time_ms", echo_time_ms), ("repetition_time_ms", repetition_time_ms)):
        if time_ms is not None:
            check_holds(chosen, "whole_band")
            check_positive(name, time_ms, 30.0)
    if residual_water is not None:
        check_holds(chosen, "whole_band")
        residual_water = checked_range(residual_water)
    if transients is not None:
        check_holds(chosen, "transients")
    if scale_labels is not None:
        scale_labels = checked_factors(scale_labels)
        if concentrations is not None:
            raise ValueError(
                "`scale_labels` is for labels that are drawn. Expected `concentrations` or `scale_labels`. Received "
                "both. Leave one of them out, or multiply the given ones."
            )
    check_free(output, chosen, overwrite, getattr(writer, "is_earlier", None))
    check_writable(output)
    source = open_source(source)
    number, concentrations_of = concentration_rows(source, number, concentrations, seed)
    factors_of = None
    if scale_labels is not None:
        factors_of = label_factors(source.description.labels, scale_labels, seed)
        check_scaled(source, number, concentrations_of, factors_of)
    known = source.training_data
    fids = {
        "taper_ppm": chosen.taper_ppm,
        "residual_water": None if residual_water is None else list(residual_water),
        "echo_time_ms": known.echo_time_ms if echo_time_ms is None else echo_time_ms,
        "repetition_time_ms": known.repetition_time_ms if repetition_time_ms is None else repetition_time_ms,
        "transients": None if transients is None else dataclasses.asdict(transients),
    }
    description = _description(source, concentrations, scale_labels, seed, {"fids": fids} if chosen.whole_band else {})
    hook = None
    if transients is not None:
        acquisition = source.description.acquisition
        transients.check_size(acquisition.points)
        hook = functools.partial(transients_of, design=transients, acquisition=acquisition, seed=seed)
    basis = None
    if with_basis is not False or chosen.needs_basis:
        basis = model_basis(source, None if with_basis is True or with_basis is False else with_basis)
    extra = {"basis": basis} if chosen.needs_basis else {}
    writer.check(number, description, **extra)
    blocks = blocks_of(
        source,
        number,
        concentrations_of,
        seed,
        factors_of=factors_of,
        whole_band=chosen.whole_band,
        taper_ppm=chosen.taper_ppm,
        residual_water=residual_water,
        transients=hook,
    )
    # What the model cannot do, such as noise for transients, is told before anything is written.
    blocks = itertools.chain([next(blocks)], blocks)
    with (
        explaining_a_full_disk(output.parent, "Give another `output`, or fewer spectra."),
        replacing(output) as partial,
        tqdm(total=number, unit=" spectra", disable=None if progress else True) as bar,
    ):
        writer.write(partial, _counted(blocks, bar), number, description, **extra)
        if basis is not None and not chosen.needs_basis:
            write_beside(basis.basis, basis_path(output, chosen), chosen, overwrite)
    return output


def _counted(blocks: Iterator[Block], bar: tqdm) -> Iterator[Block]:
    for block in blocks:
        yield block
        bar.update(len(block["spectrum"]))


def _description(
    source: SpectrumSource, given: Given | None, factors: tuple[float, float] | None, seed: int, origin: dict
) -> DatasetDescription:
    """Returns the description that is written with the spectra."""
    model, labels = source.description, source.description.labels
    ranges = dict(zip(labels.names, map(list, labels.ranges), strict=True))
    if given is not None:
        labels = dataclasses.replace(
            labels, ranges=tuple((float(np.min(given[name])), float(np.max(given[name]))) for name in labels.names)
        )
    labels_are = source.training_data.labels_are if given is None else "given"
    if factors is not None:
        labels = dataclasses.replace(labels, ranges=scaled_ranges(labels, factors))
        labels_are += f", times independent factors, uniform in {factors[0]:g} to {factors[1]:g}"
    return DatasetDescription(
        acquisition=model.acquisition,
        labels=labels,
        spectrum_scale=model.spectrum_scale,
        seed=seed,
        backend="cvae",
        units={"spectrum": "arbitrary", "concentrations": ", ".join(sorted(set(labels.units))), "z": ""},
        origin={
            "concentrations_are": labels_are,
            **({} if factors is None else {LABEL_FACTORS: list(factors)}),
            "generator": {
                "model": "conditional variational autoencoder",
                "software": f"mrs_keras {mrs_keras.__version__}",
                "trained_ranges": ranges,
                **source.origin,
            },
            **({"notice": source.notice} if source.notice else {}),
            **origin,
        },
    )


def _checked_seed(seed: int) -> int:
    if check_count("seed", seed, 0, at_least=0) > LARGEST_SEED:
        raise ValueError(f"`seed` must be below 2^31. Received: seed={seed}. Give for example seed=0.")
    return int(seed)
