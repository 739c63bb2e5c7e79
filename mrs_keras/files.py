"""Writing files and folders so that a half-written one never looks finished."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a path beside `path` to write a file or folder to, and renames it to `path` once the block has ended well.

    If the block raises, what was written is removed and whatever stood at `path` stays as it was. A process killed
    inside the block leaves a `.partial` behind, which the next call clears away. Who watches `path` sees it whole, the
    old one or the new one, but for a moment between two renames where a folder takes the place of a folder.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # The suffix stays the last one: Keras chooses the format by it.
    partial, old = path.with_name(f".partial-{path.name}"), path.with_name(f".old-{path.name}")
    _settle(old, path)
    remove(partial)
    try:
        yield partial
        if partial.is_dir() and path.exists():
            os.replace(path, old)  # a folder cannot be renamed onto a folder that is not empty
        os.replace(partial, path)
    finally:
        remove(partial)
        _settle(old, path)


def _settle(old: Path, path: Path) -> None:
    """Removes what stood at `path`, or puts it back where nothing took its place."""
    if path.exists():
        remove(old)
    elif old.exists():
        os.replace(old, path)


def remove(path: Path) -> None:
    """Removes a file or link, or a folder with all in it; nothing happens where there is none."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def explaining_a_full_disk(folder: Path, remedy: str) -> Iterator[None]:
    """Turns what Python, HDF5 and TensorFlow raise where there is no space left into an `OSError` with the remedy."""
    try:
        yield
    except Exception as error:
        if not _is_of_full_disk(error):
            raise
        raise OSError(
            errno.ENOSPC,
            f"There is no space left to write to '{folder}'. What was finished there before is untouched. {remedy}",
        ) from error


def _is_of_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, comes from a full disk, a quota or a limit on the size of files."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        # HDF5 and TensorFlow give the system's words alone.
        if any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)):
            return True
        error = error.__cause__ or error.__context__
    return False
