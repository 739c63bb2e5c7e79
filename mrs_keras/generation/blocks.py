"""The rows that the writers receive, one block at a time."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from mrs_keras.generation.residual_water import draw_residual_water
from mrs_keras.generation.scaled_labels import LabelFactors
from mrs_keras.generation.source import SpectrumSource
from mrs_keras.generation.whole_fids import TAPER_PPM, whole_fids
from mrs_keras.simulation import channels_to_complex

BATCH = 1024
"""Spectra that the model generates at once. Fixed, since matrix products of another size round differently."""

Block = dict[str, Any]
"""Rows, in order. All formats get

| key | content |
|---|---|
| `"spectrum"` | float32 (rows, window_points, 2), real and imaginary part |
| `"concentrations"` | float32 (rows, labels) |
| `"z"` | float32 (rows, latent_dim) |

and those of the whole band also

| key | content |
|---|---|
| `"fid"` | complex64 (rows, points), see `whole_fids`, with residual water where it was asked for |
| `"noise_sigma"` | float32 (rows,), deviation of the real part of the noise of a point of the spectrum; 0: none |
| `"truth"` | list of rows: key of the header -> JSON object with a `"Description"` |

With transients, a block has one row, and also `"fids"`, complex64 (1, coils, transients, points), and
`"reference_fids"`, complex64 (1, coils, reference transients, points). `"spectrum"` and `"fid"` are then what they were
made from, without noise and residual water, `"water"` is the FID of the latter, where it was asked for, and
`"noise_sigma"` is that of the best combination and average.
"""

Transients = Callable[[Block, int], Block]
"""Takes a block of one row and its index, and returns what transients add or replace; see `transients_of`."""


def blocks_of(
    source: SpectrumSource,
    number: int,
    concentrations_of: Callable[[int, int], np.ndarray],
    seed: int,
    *,
    factors_of: LabelFactors | None = None,
    whole_band: bool = False,
    taper_ppm: float | None = TAPER_PPM,
    residual_water: tuple[float, float] | None = None,
    transients: Transients | None = None,
) -> Iterator[Block]:
    """Yields blocks of up to `BATCH` rows; row k depends only on the source, the seed, k and its concentrations.

    Args:
      source: of the spectra.
      number: of rows in all blocks.
      concentrations_of: (start, stop) -> float32 (stop - start, labels).
      seed: of latents and noise.
      factors_of: (start, stop) -> float32 (stop - start, labels), what the labels are multiplied with after latents and
        noise were drawn for them. Defaults to `None`: nothing.
      whole_band: whether to add FIDs. Defaults to `False`.
      taper_ppm: see `whole_fids`. Defaults to `1.0`.
      residual_water: range of its height, see `draw_residual_water`. Defaults to `None`: none.
      transients: simulates transients and coils of each row. Defaults to `None`: none.
    """
    for start in range(0, number, BATCH):
        stop = min(start + BATCH, number)
        concentrations = concentrations_of(start, stop)
        # The last batch is padded: a row must not depend on the number of rows after it.
        padding = ((0, start + BATCH - stop), (0, 0))
        padded = np.pad(concentrations, padding, mode="edge")
        row_seeds = np.arange(start, start + BATCH, dtype=np.int64) + (np.int64(seed) << 32)
        generated = source.generate(padded, row_seeds)
        if factors_of is not None:
            concentrations = concentrations * factors_of(start, stop)
            scaled = np.pad(concentrations, padding, mode="edge")
            generated, padded = source.with_labels(generated, padded, scaled), scaled
        rows = slice(0, stop - start)
        block = {"spectrum": generated["spectrum"][rows], "concentrations": concentrations, "z": generated["z"][rows]}
        if not whole_band:
            yield block
            continue
        noisy = generated["spectrum"] if transients is None else None
        signal, sigma = source.signal_and_sigma(generated, padded, row_seeds)
        in_time = _in_time(source, noisy, signal, sigma, seed, start, taper_ppm, residual_water)
        block |= {name: values[rows] for name, values in in_time.items()}
        if transients is None:
            yield block
        else:
            yield from _with_transients({**block, "spectrum": signal[rows]}, transients, start)


def _in_time(
    source: SpectrumSource,
    noisy: np.ndarray | None,
    signal: np.ndarray,
    sigma: np.ndarray,
    seed: int,
    start: int,
    taper_ppm: float | None,
    water_range: tuple[float, float] | None,
) -> Block:
    """Returns the keys of the whole band of a whole batch; if `noisy` is `None`, without noise, and the water apart."""
    acquisition, signal = source.description.acquisition, channels_to_complex(signal)
    if noisy is None:
        fids = whole_fids(signal, acquisition, taper_ppm=taper_ppm)
    else:
        noisy = channels_to_complex(noisy)
        noise = {"signal": signal, "noise_sigma": sigma, "seed": seed, "start": start}
        fids = whole_fids(noisy, acquisition, **noise, taper_ppm=taper_ppm)
    block = {"fid": fids, "noise_sigma": sigma, "truth": [{} for _ in fids]}
    if water_range is not None:
        water, block["truth"] = draw_residual_water(water_range, np.abs(signal).max(axis=1), acquisition, start, seed)
        block |= {"water": water} if noisy is None else {"fid": fids + water}
    return block


def _with_transients(block: Block, transients: Transients, start: int) -> Iterator[Block]:
    for row in range(len(block["fid"])):
        part = {name: values[row : row + 1] for name, values in block.items()}
        simulated = transients(part, start + row)
        yield {**part, **simulated, "truth": [{**part["truth"][0], **simulated["truth"][0]}]}
