"""The sequence that the name in a header means."""

import re

_PATTERNS = {
    # Editing and refocusing with adiabatic or other special pulses: their spectra are not those of plain sequences.
    None: r"mega|mpress|edit|hermes|hercules|laser|special|j-?press|j_?res|epsi|diffusion|dw[-_]?(press|steam)|inver",
    "press": r"press|probe-?p|svs_se",
    "steam": r"steam|probe-?s|svs_st",
    "spin_echo": r"spin[-_ ]?echo|hahn",
    "pulse_acquire": r"pulse[-_ ]?acq|svs_fid|^fid|fid$|onepulse|singlepulse",
}
"""Sequence of `simulate_basis`, or `None` for those that it cannot simulate -> pattern. The first match counts."""


def sequence_of_name(name: str) -> str | None:
    """Returns the sequence of `simulate_basis` that a vendor's or author's name means, or `None` if it is none of them.

    Args:
      name: such as `SequenceName` in a NIfTI-MRS header: `"svs_se"` (PRESS of Siemens), `"PROBE-P"` (of GE).

    >>> sequence_of_name("%SiemensSeq%\\\\svs_st"), sequence_of_name("eja_svs_press"), sequence_of_name("MEGA-PRESS")
    ('steam', 'press', None)
    """
    name = re.split(r"[\\/%]", name.strip().lower())[-1]
    return next((sequence for sequence, pattern in _PATTERNS.items() if re.search(pattern, name)), None)
