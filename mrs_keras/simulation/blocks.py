"""Work on blocks of rows on all cores."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BLOCK_BYTES = 2**21
"""Largest size of a block's largest array: small enough for a cache, large enough to hide Python's overhead."""

ROWS_PER_THREAD = 32
"""Number of rows below which another thread costs more than it saves."""


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def for_each_block(work: Callable[[slice], None], rows: int, bytes_per_row: int) -> None:
    """Calls `work(slice(first, stop))` in threads for blocks that together cover all rows.

    NumPy and SciPy release the GIL while they compute. The work on a row must not depend on its block.

    Args:
      work: writes the results of some rows to the output.
      rows: number of rows.
      bytes_per_row: size of a row of the largest array that `work` allocates.
    """
    threads = max(min(cores(), rows // ROWS_PER_THREAD), 1)
    size = max(min(BLOCK_BYTES // bytes_per_row, -(-rows // threads)), 1)
    blocks = [slice(first, min(first + size, rows)) for first in range(0, rows, size)]
    if threads == 1:
        for block in blocks:
            work(block)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(work, blocks))
