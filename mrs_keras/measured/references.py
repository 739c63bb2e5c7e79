"""Which water references fit a scan, by their names."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from mrs_keras.measured.names import ScanName, parse_name

# A reference of another volume or nucleus is of no use, even if it is the only one.
_MUST_AGREE = ("voi", "nuc")


def fitting_references(scan: ScanName, references: Sequence[tuple[Path, ScanName]]) -> list[Path]:
    """Returns the water references that fit a scan best; several if they fit equally well.

    The best is one of the same name, but for the suffix or for Philips's `_act` and `_ref`. The next best shares most
    entities with the scan and contradicts none of them. Else the only one of the session fits, unless it is of another
    volume (`voi-`) or nucleus (`nuc-`).

    Args:
      scan: name of the scan.
      references: paths and names of all water references of the same participant and session.

    Returns:
      A list of paths, sorted.
    """
    same = [path for path, name in references if name.key == scan.key or _same_entities(name, scan)]
    if same:
        return sorted(same)
    agreeing = {path: name for path, name in references if not _contradict(scan.entities, name.entities)}
    if agreeing:
        shared = {path: len(scan.entities.items() & name.entities.items()) for path, name in agreeing.items()}
        return sorted(path for path in shared if shared[path] == max(shared.values()))
    if len(references) != 1:
        return []
    ((only, name),) = references
    decisive = [{key: one[key] for key in _MUST_AGREE if key in one} for one in (scan.entities, name.entities)]
    return [] if _contradict(*decisive) else [only]


def reference_beside(path: Path) -> Path | None:
    """Returns the water reference in the folder of a scan, by its name; `None` if there is none, or no single one."""
    scan = parse_name(path)
    if scan is None or not path.parent.is_dir():
        return None
    others = [(other, parse_name(other)) for other in sorted(path.parent.iterdir())]
    references = [
        (other, name)
        for other, name in others
        if name is not None
        and name.kind == "reference"
        and (name.participant_id, name.session) == (scan.participant_id, scan.session)
        and (scan.has_participant or name.key == scan.key)
    ]
    fitting = fitting_references(scan, references)
    return fitting[0] if len(fitting) == 1 else None


def _same_entities(reference: ScanName, scan: ScanName) -> bool:
    return reference.has_participant and reference.entities == scan.entities


def _contradict(left: Mapping[str, str], right: Mapping[str, str]) -> bool:
    """Whether two files have different values of an entity that both have."""
    return any(left[key] != right[key] for key in left.keys() & right.keys())
