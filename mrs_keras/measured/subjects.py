"""Names of subjects and sessions, from names of files and cells of tables."""

import re
from pathlib import PurePath

_SUBJECT = re.compile(r"(?<![A-Za-z0-9])sub-([A-Za-z0-9]+)")
_SESSION = re.compile(r"(?<![A-Za-z0-9])ses-([A-Za-z0-9]+)")


def subject_of(name: str | PurePath) -> str:
    """Returns the subject in the name of a scan or a cell of a table, as BIDS writes it: `sub-` and letters or digits.

    The last `sub-` entity of the name counts; a name that has none is the subject itself, without what BIDS does not
    allow in a label. All scans and sessions of a subject give the same name.

    Args:
      name: such as `sub-01_ses-2_svs.nii.gz`, `sub-01/ses-2/mrs/svs.nii.gz`, `sub-01` or `01`.

    Raises:
      ValueError: if there is no letter and no digit in it.

    Example:

    >>> subject_of("sub-01/ses-2/mrs/sub-01_ses-2_svs.nii.gz"), subject_of("P1_S01")
    ('sub-01', 'sub-P1S01')
    """
    text = name.as_posix() if isinstance(name, PurePath) else str(name)
    found = _SUBJECT.findall(text)
    label = found[-1] if found else re.sub(r"[^A-Za-z0-9]", "", text)
    if not label:
        raise ValueError(
            "There is no participant in this name. Expected letters or digits, such as 'sub-01'. "
            f"Received: {text!r}. Fill the cell in, or rename the file."
        )
    return f"sub-{label}"


def session_of(name: str | PurePath) -> str | None:
    """Returns the last `ses-` entity in a name, or `None` if there is none.

    >>> session_of("sub-01_ses-2_svs.nii.gz"), session_of("sub-01_svs.nii.gz")
    ('ses-2', None)
    """
    found = _SESSION.findall(name.as_posix() if isinstance(name, PurePath) else str(name))
    return f"ses-{found[-1]}" if found else None
