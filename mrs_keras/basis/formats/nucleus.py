"""The nucleus of a file: only hydrogen spectra fit on a proton axis."""

import re
from pathlib import Path

from mrs_keras.basis.formats.fault import fault, quoted

MHZ_PER_TESLA = {"1H": 42.58, "31P": 17.24, "13C": 10.71, "2H": 6.54}
"""Nucleus -> gyromagnetic ratio over 2 pi, MHz/T."""

FIELD_TOLERANCE = 0.15
"""Relative difference that a rounded field can explain: "3 T" is 2.89 T on many scanners."""

_ISOTOPE = re.compile(r"(\d{1,3})[\s-]*([a-z]{1,2})|([a-z]{1,2})[\s-]*(\d{1,3})")
_ELEMENTS = {
    **dict.fromkeys(("h", "proton", "protons", "hydrogen"), "1H"),
    **dict.fromkeys(("p", "phosphorus"), "31P"),
    **dict.fromkeys(("c", "carbon"), "13C"),
}


def isotope(text: str) -> str | None:
    """Returns the nucleus that a text names, or `None` if it names none, as for the number codes of jMRUI.

    >>> isotope("31P"), isotope(" p-31 "), isotope("proton"), isotope("0E0"), isotope("")
    ('31P', '31P', '1H', None, None)
    """
    text = text.strip().lower()
    if text in _ELEMENTS:
        return _ELEMENTS[text]
    if not (match := _ISOTOPE.fullmatch(text)):
        return None
    return f"{match[1] or match[4]}{(match[2] or match[3]).capitalize()}"


def check_proton(
    path: Path, line: int | None, nucleus: str | None, frequency_mhz: float | None = None, field_t: float | None = None
) -> None:
    """Raises `ValueError` if the nucleus of a file is not hydrogen.

    Args:
      path: the file.
      line: line number of the entry, from 1, or `None`.
      nucleus: as the file names it, or `None` if it does not. The field is then used, if there is one.
      frequency_mhz: spectrometer frequency, MHz. Defaults to `None`: unknown.
      field_t: field, T, as stated in the file, possibly rounded. Defaults to `None`: unknown.
    """
    remedy = "Give a proton basis, or correct this entry if it is wrong."
    name = isotope(nucleus) if nucleus else None
    if name is not None and name != "1H":
        raise fault(
            path,
            line,
            f"only proton spectra are supported. Expected: '1H'. Received: {quoted(nucleus.strip())}. {remedy}",
        )
    if name is None and frequency_mhz and field_t:
        ratio = frequency_mhz / field_t
        name = min(MHZ_PER_TESLA, key=lambda name: abs(ratio / MHZ_PER_TESLA[name] - 1))
        if name != "1H" and abs(ratio / MHZ_PER_TESLA[name] - 1) <= FIELD_TOLERANCE:
            raise fault(
                path,
                line,
                f"only proton spectra are supported. Expected: {MHZ_PER_TESLA['1H']} MHz/T. "
                f"Received: {frequency_mhz:g} MHz at {field_t:g} T, which is {ratio:.4g} MHz/T and so {name}. {remedy}",
            )


def field_of(text: str) -> float | None:
    """Returns a field in T, given with or without its unit, or `None` if there is none.

    >>> field_of("3E0"), field_of("3T"), field_of("2.89 T"), field_of("0"), field_of("high")
    (3.0, 3.0, 2.89, None, None)
    """
    match = re.fullmatch(r"\s*([0-9.]{1,12}(?:[eE][-+]?[0-9]{1,3})?)\s*(?:T|Tesla)?\s*", text, re.IGNORECASE)
    try:
        return (float(match[1]) or None) if match else None
    except ValueError:
        return None
