"""The embedded basis, and the basis for a list of names."""

import functools
from collections.abc import Sequence
from pathlib import Path

from mrs_keras.basis.basis import Basis
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, add_broad_signals
from mrs_keras.basis.spins.simulation import simulate_basis
from mrs_keras.basis.spins.systems import SPIN_SYSTEMS
from mrs_keras.checks import check_choice


def default_basis() -> Basis:
    """Returns the embedded basis: NAA and PCr, PRESS TE 30 ms (11 + 19), 123.2 MHz, 4000 Hz, 2048 points, 2.0 Hz.

    It is simulated from spin systems and agrees with the 2016 ISMRM fitting challenge to a relative L2 error of 2e-6.
    The file was made by `mrs-keras basis simulate --output mrs_keras/basis/press_te30_3t.npz`.
    """
    return Basis.load(Path(__file__).with_name("press_te30_3t.npz"))


def basis_for(names: Sequence[str]) -> Basis:
    """Returns PRESS TE 30 ms signals of metabolites, macromolecules and lipids, in the order of the names.

    They come from the embedded basis if it contains all of them; otherwise they are simulated with the same settings
    (0.1 s, once per process).

    Args:
      names: metabolites of `SPIN_SYSTEMS`, and macromolecules and lipids of `BROAD_SIGNALS`.

    Returns:
      `Basis` with `fids` of shape (points, names), of the default `Acquisition`.

    Raises:
      ValueError: if a name is unknown, or there is no metabolite among the names.

    Example:

    >>> basis_for(["NAA", "Glu", "MM3T"]).fids.shape
    (2048, 3)
    """
    return _basis_for(tuple(names))


@functools.lru_cache(maxsize=8)
def _basis_for(names: tuple[str, ...]) -> Basis:
    embedded = default_basis()
    if names and set(names) <= set(embedded.names):
        return embedded.select(names)
    for name in names:
        check_choice("metabolite", name, [*SPIN_SYSTEMS, *BROAD_SIGNALS])
    basis = simulate_basis([name for name in names if name in SPIN_SYSTEMS])
    broad = [name for name in names if name in BROAD_SIGNALS]
    return add_broad_signals(basis, broad).select(names) if broad else basis
