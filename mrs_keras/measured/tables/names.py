"""Names of signals in tables of fits: aliases, sums and ratios."""

import re

from mrs_keras.basis.aliases import METABOLITE_ALIASES, canonical_name

SUMS: dict[str, tuple[str, ...]] = {
    "tNAA": ("NAA", "NAAG"),
    "tCho": ("GPC", "PCho"),
    "tCr": ("Cr", "PCr"),
    "Glx": ("Gln", "Glu"),
}
"""Name of a sum -> its parts. `A+B` is a sum as well."""

RATIO = "_over_"
"""Between the numerator and the denominator of a ratio: `NAA_over_tCr`."""

_SUM_OF = {name.casefold(): parts for name, parts in SUMS.items()}


def parts_of(name: str) -> tuple[str, ...]:
    """Returns the signals that a name stands for, sorted: the parts of a sum, or the signal itself, by canonical names.

    >>> parts_of("tCho"), parts_of("PCh+GPC"), parts_of("mI")
    (('GPC', 'PCho'), ('GPC', 'PCho'), ('Ins',))
    """
    name = name.strip()
    pieces = [piece.strip() for piece in name.split("+")]
    if not all(pieces):
        return (name,)
    parts = [part for piece in pieces for part in _SUM_OF.get(piece.casefold(), (canonical_name(piece),))]
    return tuple(sorted(parts))


def usual_name(name: str) -> str:
    """Returns the short name of a sum (`tCr` for `Cr+PCr`), and any other name as it is."""
    parts = parts_of(name)
    return next((short for short, of in SUMS.items() if of == parts), name.strip())


def split_ratio(name: str) -> tuple[str, str | None]:
    """Returns numerator and denominator of a name such as `NAA_over_tCr` or `NAA/Cr+PCr`, or the name and `None`.

    >>> split_ratio("GPC+PCh/Cr+PCr"), split_ratio("NAA_over_tCr"), split_ratio("NAA")
    (('GPC+PCh', 'tCr'), ('NAA', 'tCr'), ('NAA', None))
    """
    found = re.fullmatch(rf"\s*(.+?)\s*(?:{RATIO}|/)\s*(.+?)\s*", name)
    return (found[1], usual_name(found[2])) if found else (name.strip(), None)


def ratio_name(numerator: str, denominator: str) -> str:
    """Returns the name of the column of a ratio: `ratio_name("NAA", "Cr+PCr")` is `"NAA_over_tCr"`."""
    return f"{numerator}{RATIO}{usual_name(denominator)}"


def is_known(name: str) -> bool:
    """Whether a name is that of a metabolite, a sum, or a ratio of these."""
    numerator, denominator = split_ratio(name)
    return all(
        part in METABOLITE_ALIASES for side in (numerator, denominator) if side is not None for part in parts_of(side)
    )
