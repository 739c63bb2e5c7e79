"""Common aliases of metabolite names."""

import re
from collections.abc import Sequence

METABOLITE_ALIASES: dict[str, tuple[str, ...]] = {
    "Ace": ("Act", "Acet", "Acetate"),
    "Ala": ("Alanine",),
    "Asc": ("Ascorbate",),
    "Asp": ("Aspartate",),
    "Cr": ("Cre", "Creatine"),
    "GABA": (),
    "Glc": ("bGlc", "Gluc", "Glucose"),
    "Gln": ("Glutamine",),
    "Glu": ("Glutamate",),
    "Gly": ("Glycine",),
    "GPC": ("GPCho", "Glycerophosphocholine"),
    "GSH": ("Glth", "Glutathione"),
    "Ins": ("mI", "mIns", "Myo", "MyoIns", "Inositol", "MyoInositol"),
    "Lac": ("Lactate",),
    "NAA": (),
    "NAAG": (),
    "PCho": ("PCh", "PC", "Phosphocholine"),
    "PCr": ("PCre", "Phosphocreatine"),
    "PE": ("PEth", "PEA", "Phosphoethanolamine", "Phosphorylethanolamine"),
    "sIns": ("sI", "Scyllo", "Scy", "ScylloIns", "ScylloInositol"),
    "Tau": ("Taurine",),
}
"""Name in the 2016 ISMRM fitting challenge -> other names. Case, spaces, dashes and underscores are ignored."""


def _plain(name: str) -> str:
    return re.sub(r"[\s_-]", "", name).casefold()


_CANONICAL = {_plain(alias): name for name, aliases in METABOLITE_ALIASES.items() for alias in (name, *aliases)}


def canonical_name(name: str) -> str:
    """Returns the name of a metabolite in the 2016 ISMRM fitting challenge, or the given name if it is not known.

    >>> canonical_name("mI"), canonical_name("myo-Ins"), canonical_name("PCh"), canonical_name("MM09")
    ('Ins', 'Ins', 'PCho', 'MM09')
    """
    return _CANONICAL.get(_plain(name), name)


def find_metabolite(name: str, names: Sequence[str]) -> int | None:
    """Returns the position of a metabolite in a list of names, by exact match or else by alias, or `None`.

    Args:
      name: to look for.
      names: of the metabolites in a basis.

    Raises:
      ValueError: if there is no exact match and several names are aliases of it.

    >>> find_metabolite("Ins", ["NAA", "mI"]), find_metabolite("Ins", ["mI", "Ins"]), find_metabolite("Ins", ["NAA"])
    (1, 1, None)
    """
    if name in names:
        return list(names).index(name)
    wanted = canonical_name(name)
    found = [position for position, other in enumerate(names) if canonical_name(other) == wanted]
    if len(found) > 1:
        raise ValueError(
            f"The metabolite {name!r} is ambiguous. Expected one alias of it in the basis. "
            f"Received: {' and '.join(repr(names[position]) for position in found)}. Use the exact name of one of them."
        )
    return found[0] if found else None
