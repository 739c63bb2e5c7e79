"""Writing files and folders so that a half-written one never looks finished."""

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write a file or folder to, and renames it to `path` once the block has ended well.

    If the block raises, what was written is removed and whatever stood at `path` stays as it was. A process killed
    inside the block leaves a `.partial` behind, which the next call clears away.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays the last one: Keras chooses the format by it.
    partial = path.with_name(f".partial-{path.name}")
    remove(partial)
    try:
        yield partial
        if partial.is_dir() and path.exists():
            remove(path)  # a folder cannot be renamed onto a folder that is not empty
        os.replace(partial, path)
    finally:
        remove(partial)


def remove(path: Path) -> None:
    """Removes a file, or a folder with all in it; nothing happens where there is none."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
