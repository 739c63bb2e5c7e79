"""Generated spectra as `.npz`."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mrs_keras.data.description import DatasetDescription
from mrs_keras.generation.blocks import Block
from mrs_keras.generation.output import check_size

LARGEST_BYTES = 2**33
"""Of the spectra in a file, which are in memory at once: 4,260,880 spectra of 252 points."""


def check(number: int, description: DatasetDescription) -> None:
    """Raises `ValueError` if the file would be too large."""
    row_bytes = 8 * description.acquisition.window_points
    check_size(number, row_bytes, LARGEST_BYTES, "one .npz file", "'tfds' writes TFRecord files, with little memory")


def write(path: Path, blocks: Iterator[Block], number: int, description: DatasetDescription) -> None:
    """Writes spectra and labels as arrays that `np.load` reads without pickle. Identical content gives identical bytes.

    | array | type and shape | content |
    |---|---|---|
    | `spectrum` | float32 (number, points, 2) | real and imaginary part; `spectrum[..., 0] + 1j * spectrum[..., 1]` |
    | `concentrations` | float32 (number, metabolites) | mM |
    | `z` | float32 (number, latent_dim) | the latents that the spectra were generated from |
    | `ppm` | float64 (points,) | chemical shifts, rising |
    | `metabolites` | text (metabolites,) | names, in the order of the concentrations |
    | `seed` | int64 () | |
    | `metadata` | text () | JSON: acquisition, labels with units and ranges, and the model |

    Args:
      path: file to write.
      blocks: of rows, in order: `"spectrum"`, `"concentrations"` and `"z"`.
      number: of rows in all blocks.
      description: of the spectra.
    """
    columns, start = {}, 0
    for block in blocks:
        for name, rows in block.items():
            if name not in columns:
                columns[name] = np.empty((number, *rows.shape[1:]), np.float32)
            columns[name][start : start + len(rows)] = rows
        start += len(rows)
    with path.open("wb") as file:
        np.savez(
            file,
            **columns,
            ppm=description.acquisition.window_ppm_axis,
            metabolites=np.array(description.labels.names),
            seed=np.array(description.seed, np.int64),
            metadata=np.array(json.dumps(description.to_metadata())),
        )
