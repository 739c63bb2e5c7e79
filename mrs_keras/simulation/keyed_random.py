"""Random numbers that depend on a key and an index alone, not on who asks for them or in what order."""

import hashlib

import numpy as np

PHILOX_WIDTH = 4
"""64-bit numbers that Philox 4x64 gives per counter."""


def _philox(counter: int, *key: object) -> np.random.Philox:
    """Returns Philox 4x64 (Salmon et al. 2011, doi 10.1145/2063384.2063405) keyed by a hash of `key`."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    return np.random.Philox(key=np.frombuffer(digest, "<u8"), counter=counter)


def keyed_uniform(start: int, stop: int, width: int, *key: object) -> np.ndarray:
    """Draws `width` uniform numbers for each index from `start` to `stop - 1`.

    Row i depends on `key` and on the index `start + i` alone: any division of the indices among calls, workers or
    machines gives the same numbers.

    Args:
      start: first index.
      stop: one past the last index.
      width: numbers per index.
      *key: what names the stream, such as a seed, a split and the name of a parameter.

    Returns:
      float64 (stop - start, width), in [0, 1).
    """
    counters = -(-width // PHILOX_WIDTH)
    bits = _philox(start * counters, *key).random_raw((stop - start) * counters * PHILOX_WIDTH)
    return (bits.reshape(stop - start, counters * PHILOX_WIDTH)[:, :width] >> np.uint64(11)) * 2.0**-53


def keyed_normal(start: int, stop: int, width: int, *key: object) -> np.ndarray:
    """Draws `width` standard normal numbers for each index from `start` to `stop - 1`; see `keyed_uniform`.

    Returns:
      float64 (stop - start, width).
    """
    normal = np.empty((stop - start, width))
    for row, index in enumerate(range(start, stop)):
        # The index is the counter's second word: a stream may use any number of counters of the first.
        np.random.Generator(_philox(index << 64, *key)).standard_normal(out=normal[row])
    return normal
