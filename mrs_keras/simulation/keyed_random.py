"""Random numbers that depend only on a key and an index, not on the process or the order of the calls."""

import dataclasses
import hashlib

import numpy as np

PHILOX_WIDTH = 4
"""Number of 64-bit integers that Philox 4x64 returns per counter."""


def _philox(counter: int, *key: object) -> np.random.Philox:
    """Returns Philox 4x64 (Salmon et al. 2011, doi 10.1145/2063384.2063405) keyed by a hash of `key`."""
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    return np.random.Philox(key=np.frombuffer(digest, "<u8"), counter=counter)


def keyed_uniform(start: int, stop: int, width: int, *key: object) -> np.ndarray:
    """Draws `width` uniform numbers for each index from `start` to `stop - 1`.

    Row i depends only on `key` and on the index `start + i`: any division of the indices among calls, workers or
    machines gives the same numbers.

    Args:
      start: first index.
      stop: one past the last index.
      width: numbers per index.
      *key: identifies the stream, such as a seed, a split and the name of a parameter.

    Returns:
      float64 (stop - start, width), in [0, 1).
    """
    counters = -(-width // PHILOX_WIDTH)
    # In a Generator, since its loops release the GIL.
    generator = np.random.Generator(_philox(start * counters, *key))
    return generator.random((stop - start, counters * PHILOX_WIDTH))[:, :width]


def keyed_normal(start: int, stop: int, width: int, *key: object) -> np.ndarray:
    """Draws `width` standard normal numbers for each index from `start` to `stop - 1`; see `keyed_uniform`.

    Box-Muller transform (doi 10.1214/aoms/1177706645) of 32-bit uniform numbers: all numbers consume the same number
    of random bits, so that a whole block is one draw. Values are at most 6.8 in magnitude.

    Returns:
      float32 (stop - start, width).
    """
    pairs = -(-width // 2)
    counters = -(-pairs // PHILOX_WIDTH)
    generator = np.random.Generator(_philox(start * counters, *key))
    bits = generator.integers(2**64 - 1, size=(stop - start, counters * PHILOX_WIDTH), dtype=np.uint64, endpoint=True)
    halves = bits.astype("<u8", copy=False).view("<u4")
    uniform = halves[:, :pairs].astype(np.float32)
    uniform += np.float32(0.5)
    uniform *= np.float32(2.0**-32)
    radius = np.sqrt(-2 * np.log(uniform, out=uniform))
    angle = halves[:, pairs : 2 * pairs].astype(np.float32)
    angle *= np.float32(2 * np.pi * 2.0**-32)
    normal = np.empty((stop - start, pairs, 2), np.float32)
    np.multiply(radius, np.cos(angle), out=normal[..., 0])
    np.multiply(radius, np.sin(angle), out=normal[..., 1])
    return normal.reshape(stop - start, 2 * pairs)[:, :width]


@dataclasses.dataclass(frozen=True)
class Draws:
    """Random numbers of one index of a split, each stream under a name of its own.

    Args:
      seed: of all random numbers.
      split: name of the split that the index belongs to.
      index: such as a participant or a row, from 0.
    """

    seed: int
    split: str
    index: int

    def uniform(self, name: str, low: float, high: float, width: int = 1) -> np.ndarray:
        """Draws float64 (width,), uniform from `low` to `high`; depends on (seed, split, index, name, width) alone."""
        uniform = keyed_uniform(self.index, self.index + 1, width, self.seed, self.split, name)[0]
        return low + (high - low) * uniform

    def normal(self, name: str, width: int) -> np.ndarray:
        """Draws standard normal float64 (width,), as `uniform` does."""
        normal = keyed_normal(self.index, self.index + 1, width, self.seed, self.split, name)[0]
        return normal.astype(np.float64)
