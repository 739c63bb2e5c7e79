"""All random number streams of the package and their seeds.

| random numbers | seed | generator | depends on |
|---|---|---|---|
| dataset, `Prior.draw` | `seed` of the config | `keyed_uniform` | (seed, split, name of the parameter, example) |
| noise of `simulate` | `seed` | `keyed_normal`, `NOISE` | (seed, split, example) |
| noise of coils, noise of FSL-MRS | `seed` | `COIL_NOISE`, `FSL_MRS_NOISE` | (seed, split, example) |
| endless source | `seed` | TensorFlow's Philox | (seed, name of the parameter, batch) |
| initial weights | `seed` of `train` | `keras.utils.set_random_seed` | seed |
| order of the examples | `seed` of `train` | `index_shuffle` | (seed, epoch) |
| sampling noise of a step | `seed` of `CVAE` | TensorFlow's Philox | (seed, step, row of the global batch) |
| random features of a step | `seed` of `CVAE` | TensorFlow's Philox | (seed, step) |
| fit of a latent prior: its latents | `seed` of `train` | `row_normal`, `RowStream.POSTERIOR` | (seed, example) |
| training of a flow | `seed` of `train` | TensorFlow's Philox, NumPy | (seed, step); weights and pairs: seed |
| `generate`: latents, component, noise | a seed per row | `row_normal`, `row_uniform`, `RowStream` | the row's seed |
| concentrations of `generate_dataset` | `seed` | `keyed_uniform`, `GENERATED` | (seed, row, name of the label) |
| factors of labels of `generate_dataset` | `seed` | `keyed_uniform`, `GENERATED` | (seed, row, name of the label) |
| noise of whole FIDs, outside the window | `seed` | `keyed_normal`, `GENERATED` | (seed, row) |
| residual water of whole FIDs | `seed` | `keyed_uniform`, `GENERATED` | (seed, row, parameter) |
| transients of `generate_dataset` | `seed` | as the next, split `GENERATED_TRANSIENTS` | (seed, row) |
| example of measured scans | `seed` | `keyed_uniform`, `keyed_normal`, split `MEASURED_EXAMPLE` | (seed, participant) |
| evaluation: labels, latents | 0 | `keyed_uniform`, `keyed_normal` | row |
| realism: noise around a spectrum | `seed` | `keyed_normal`, `CANONICAL_NOISE` | (seed, kind of spectra, spectrum) |
| realism: draws, folds, cheats | `seed` | `keyed_uniform`, `REALISM` | (seed, name of the draw, row) |
| enrichment: subjects, augmentation, noise | `seed` | `keyed_...`, `ENRICHMENT` | (seed, name of the draw, row) |
| enrichment: resampled sites, draws | 0 | `keyed_uniform`, `BOOTSTRAP` | (sites or draws, their number, replicate) |
| enrichment: spectra with exact labels | `seed` | as the dataset, `EXACT_TRUTH` | (seed, site or subject, parameter) |
| evaluation: resampled fits | 0 | `keyed_uniform`, `RESAMPLED_FITS` | (label, resample) |
| evaluation: random pairs | `seed` of the dataset | `keyed_uniform`, split `"evaluation"` | (seed, pair) |

The seed of a row is an int64; `row_seeds` creates those of a batch from one integer. None of these depends on batch
size, shard, worker, replica or order.
"""

import enum
import numbers

import numpy as np

NOISE = "noise"
COIL_NOISE = "coil_noise"
FSL_MRS_NOISE = "noise of FSL-MRS"
GENERATED = "generated"
OUTSIDE_NOISE = "noise outside the window"
GENERATED_WATER = "residual water"
GENERATED_TRANSIENTS = "transients of generated spectra"
MEASURED_EXAMPLE = "measured example"
EVALUATED_LABELS = "concentrations of generated spectra"
EVALUATED_LATENTS = "latents of an evaluation"
RESAMPLED_FITS = "resampled fits of generated spectra"
CANONICAL_NOISE = "noise around a canonical spectrum"
REALISM = "realism"
ENRICHMENT = "enrichment"
BOOTSTRAP = "bootstrap of a study"
EXACT_TRUTH = "exact truth"
"""Names of streams of `keyed_uniform` and `keyed_normal`. Changing one changes the bytes of datasets, or numbers."""


LARGEST_ROW_SEED = 2**63 - 1


class RowStream(enum.IntEnum):
    """Independent streams of the same row seeds; see `mrs_keras.models.row_random`."""

    LATENTS = 0
    COMPONENT = 1
    POSTERIOR = 2
    NOISE = 3
    HELD_OUT = 4


def row_seeds(seed, rows: int) -> np.ndarray:
    """Returns the seeds of the rows of a batch, int64 (rows,).

    Args:
      seed: an integer s, for the seeds 2^32 s, 2^32 s + 1, ...; or one integer per row, returned as is.
      rows: number of rows.

    Raises:
      ValueError: if `seed` is neither of these, or an integer of 2^31 or more.
    """
    if isinstance(seed, numbers.Integral) and abs(seed) < 2**31:
        return 2**32 * int(seed) + np.arange(rows, dtype=np.int64)
    seeds = np.asarray(seed)
    if seeds.shape == (rows,) and np.issubdtype(seeds.dtype, np.integer):
        if rows and seeds.max() > LARGEST_ROW_SEED:
            raise ValueError(
                f"`seed` must be an int64 for each row. Received: {seeds.max()}, above {LARGEST_ROW_SEED}, where it "
                "would wrap around to a negative one. Give smaller seeds."
            )
        return seeds.astype(np.int64)
    raise ValueError(
        f"`seed` must be an integer below 2^31, or one integer for each of the {rows} rows. "
        f"Received: {f'shape {seeds.shape}, dtype {seeds.dtype}' if seeds.ndim else repr(seed)}. "
        "Give for example seed=0."
    )
