"""Scans that cannot be used, and how they are reported."""

import dataclasses
from collections.abc import Sequence

LISTED = 20
"""Number of bad scans that an error lists."""


@dataclasses.dataclass(frozen=True)
class Skipped:
    """A scan that cannot be used, and why.

    Attributes:
      file: its path, and which of its spectra if it has several.
      why: the error.
    """

    file: str
    why: str

    def __str__(self) -> str:
        path = self.file.partition("[")[0]
        return self.why if path in self.why else f"'{self.file}': {self.why}"


def skipped_in_words(skipped: Sequence[Skipped], files: int, folder: str, none_left: bool = False) -> str:
    """Returns a message that lists scans that cannot be used.

    Args:
      skipped: the scans.
      files: number of files in the folder.
      folder: their folder.
      none_left: whether there are no others. Defaults to `False`.
    """
    listed = "\n".join(f"- {bad}" for bad in skipped[:LISTED])
    more = f"\n- and {len(skipped) - LISTED} more" if len(skipped) > LISTED else ""
    remedy = 'Fix or remove these files, or leave them out with `skip_bad=True` (in a config, "skip_bad": true).'
    if none_left:
        remedy = "No scan is left. Give another folder, or fix these files."
    return f"{len(skipped)} of {files} scans in '{folder}' cannot be used:\n{listed}{more}\n{remedy}"
