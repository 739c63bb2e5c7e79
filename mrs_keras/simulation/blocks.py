"""Work on blocks of rows, over all cores."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

BLOCK_BYTES = 2**21
"""Largest size of a block's largest array: small enough for a cache, large enough that Python's part is small."""

ROWS_PER_THREAD = 32
"""Rows below which another thread costs more than it brings."""


def cores() -> int:
    """Returns the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def for_each_block(work: Callable[[slice], None], rows: int, bytes_per_row: int) -> None:
    """Calls `work(slice(first, stop))` for blocks that together are all rows, in threads.

    NumPy and SciPy release the GIL while they compute. The work on a row must not depend on its block.

    Args:
      work: writes the results of some rows to where they belong.
      rows: number of rows.
      bytes_per_row: size of a row of the largest array that `work` makes.
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
