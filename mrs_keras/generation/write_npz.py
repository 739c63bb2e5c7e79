"""Generated spectra as `.npz`."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition


def write_npz(
    path: Path, blocks: Iterator[dict[str, np.ndarray]], number: int, acquisition: Acquisition, metadata: dict
) -> None:
    """Writes spectra and labels as arrays that `np.load` reads without pickle. The same content gives the same bytes.

    | array | type and shape | what |
    |---|---|---|
    | `spectrum` | float32 (number, points, 2) | real and imaginary part; `spectrum[..., 0] + 1j * spectrum[..., 1]` |
    | `concentrations` | float32 (number, metabolites) | mM |
    | `z` | float32 (number, latent_dim) | the latents that the spectra were generated from |
    | `ppm` | float64 (points,) | chemical shifts, rising |
    | `metabolites` | text (metabolites,) | names, in the order of the concentrations |
    | `seed` | int64 () | |
    | `metadata` | text () | JSON: acquisition, units, and the model |

    Args:
      path: file to write.
      blocks: of rows, in order: `"spectrum"`, `"concentrations"` and `"z"`.
      number: of rows in all blocks.
      acquisition: of the spectra.
      metadata: plain JSON data.
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
            ppm=acquisition.window_ppm_axis,
            metabolites=np.array(metadata["metabolites"]),
            seed=np.array(metadata["seed"], np.int64),
            metadata=np.array(json.dumps(metadata)),
        )
