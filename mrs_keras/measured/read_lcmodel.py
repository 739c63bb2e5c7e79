"""Reads scans in LCModel's `.RAW` files."""

import json
import re
from pathlib import Path
from typing import Any

from mrs_keras.basis.formats.lcmodel_raw import read_raw_signal
from mrs_keras.basis.formats.namelist import Group, read_groups
from mrs_keras.basis.formats.source_text import read_lines
from mrs_keras.measured.file_kinds import fault, read_head
from mrs_keras.measured.scan import Scan

CONTROL_SUFFIXES = (".CONTROL", ".control")
"""Suffixes of the control file of a `.RAW` file of the same name."""

_COMMENT = re.compile(r"! ([A-Za-z]\w*): (.+)")


def read_lcmodel(path: Path) -> Scan:
    """Reads the FID of an LCModel `.RAW` file (LCModel 6.3, routine MYDATA), and conjugates it.

    The format has no place for the bandwidth: it and the frequency come from the control file of the same name,
    `scan.CONTROL` beside `scan.RAW`, as LCModel reads them (`HZPPPM`, `DELTAT`, `NUNFIL`), or from keys that some
    programs write into the header. Echo time and sequence come from `$SEQPAR`. Comments `! Key: JSON` before the first
    namelist, as `mrs-keras generate` writes them, become the header.

    Args:
      path: of the `.RAW` file.

    Returns:
      The `Scan`, with one coil and one transient.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is no such file, or is incomplete; if control file and header contradict each other, or neither
        says frequency and bandwidth.
    """
    read_head(path)  # says what is wrong with a file that is not there, or empty
    signal = read_raw_signal(path)
    control = _control_of(path)
    frequency, bandwidth = (None if own is None else own.value for own in (signal.frequency, signal.bandwidth))
    if control is not None:
        frequency = control.number("HZPPPM", frequency)
        dwell_time_s = control.number("DELTAT")
        if dwell_time_s is not None:
            if dwell_time_s <= 0:
                raise fault(control.path, f"`DELTAT` must be positive. Received: {dwell_time_s}.", "Correct it.")
            bandwidth = 1 / dwell_time_s
        points = control.number("NUNFIL", len(signal.fid))
        if points != len(signal.fid):
            raise fault(
                path,
                f"its control file '{control.path.name}' says {points:g} points, but it has {len(signal.fid)}.",
                "It may be cut off: export it again.",
            )
    missing = [name for name, value in (("HZPPPM", frequency), ("DELTAT", bandwidth)) if value is None or value <= 0]
    if missing:
        raise fault(
            path,
            f"neither its header nor a control file says {' and '.join(missing)} (MHz; dwell time in s).",
            f"Put its control file beside it, as '{path.stem}{CONTROL_SUFFIXES[0]}'.",
        )
    return Scan(signal.fid.conj()[None, None], frequency, bandwidth, **_header(path), path=path)


def _control_of(path: Path) -> Group | None:
    """Returns the namelist $LCMODL of the control file beside a `.RAW` file, `None` if there is none."""
    control = next((other for end in CONTROL_SUFFIXES if (other := path.with_suffix(end)).is_file()), None)
    if control is None:
        return None
    groups = read_groups(control, read_lines(control))
    group = next((group for group in groups if group.name == "LCMODL"), None)
    if group is None:
        raise fault(control, "it has no namelist $LCMODL.", "Give the control file of LCModel, or remove it.")
    return group


def _header(path: Path) -> dict[str, Any]:
    """Returns echo time, sequence and comments of a `.RAW` file, as arguments of `Scan`."""
    lines = read_lines(path)
    groups = read_groups(path, lines)
    header: dict[str, Any] = {}
    for line in lines[: groups[0].line - 1]:
        if comment := _COMMENT.fullmatch(line.strip()):
            try:
                header[comment[1]] = json.loads(comment[2])
            except ValueError:  # a comment of another program
                continue
    sequence = next((group for group in groups if group.name == "SEQPAR"), None)
    if sequence is None:
        return {"header": header}
    echo_time_ms, name = sequence.number("ECHOT", -1.0), sequence.text("SEQ", "")
    return {
        "header": header,
        "echo_time_ms": echo_time_ms if echo_time_ms > 0 else None,
        "sequence": name or None,
    }
