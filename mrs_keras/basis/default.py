"""The embedded basis, and the basis for a list of names."""

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, add_broad_signals
from mrs_keras.basis.spins.sequences import make_sequence
from mrs_keras.basis.spins.simulation import signal_per_proton, simulate_basis
from mrs_keras.basis.spins.systems import SPIN_SYSTEMS
from mrs_keras.checks import check_choice

EMBEDDED_TIMES_MS = {"te1_ms": 11.0, "te2_ms": 19.0}
"""Times of PRESS of the embedded basis, ms."""


def default_basis() -> Basis:
    """Returns the embedded basis: NAA and PCr, PRESS TE 30 ms (11 + 19), 123.2 MHz, 4000 Hz, 2048 points, 2.0 Hz.

    It is simulated from spin systems and agrees with the 2016 ISMRM fitting challenge to a relative L2 error of 2e-6.
    The file was made by `mrs-keras basis simulate --output mrs_keras/basis/press_te30_3t.npz`.
    """
    return Basis.load(Path(__file__).with_name("press_te30_3t.npz"))


def basis_for(
    names: Sequence[str], acquisition: Acquisition | None = None, *, sequence: str = "press", **times_ms: float
) -> Basis:
    """Returns the signals of metabolites, macromolecules and lipids, in the order of the names.

    By default PRESS TE 30 ms at 3 T: from the embedded basis if it contains all names; otherwise simulated with the
    same settings. Any other acquisition and sequence is simulated, with ideal pulses, a Lorentzian linewidth of 2.0 Hz
    and no relaxation (0.1 s, or 1 s at 8,192 points; once per process).

    Positions and widths of macromolecules and lipids are constants in ppm, so they grow with the frequency in Hz. They
    have no couplings and no relaxation: they are the same at all echo times, but half as high in STEAM, as singlets.

    Args:
      names: metabolites of `SPIN_SYSTEMS`, and macromolecules and lipids of `BROAD_SIGNALS`.
      acquisition: field, bandwidth, points and window. Defaults to `Acquisition()`: 123.2 MHz, 4000 Hz, 2048 points.
      sequence: `"press"`, `"steam"`, `"spin_echo"` or `"pulse_acquire"`. Defaults to `"press"`.
      **times_ms: times of the sequence, ms, as in `simulate_basis`: `te1_ms` and `te2_ms` of PRESS (by default 11.0 and
        19.0), `te_ms` and `tm_ms` of STEAM (20.0 and 10.0), `te_ms` of the spin echo (30.0).

    Returns:
      `Basis` with `fids` of shape (points, names).

    Raises:
      ValueError: if a name, the sequence or a time is unknown, there is no metabolite among the names, a time is not
        positive, or a proton lies outside the bandwidth.

    Example:

    >>> basis_for(["NAA", "Glu", "MM3T"]).fids.shape
    (2048, 3)
    >>> basis_for(["NAA", "MM09"], Acquisition(297.2, 6000.0, 4096), sequence="steam", te_ms=11.0).fids.shape
    (4096, 2)
    """
    _, all_times_ms = make_sequence(sequence, times_ms)
    return _basis_for(tuple(names), acquisition or Acquisition(), sequence, tuple(all_times_ms.items()))


@functools.lru_cache(maxsize=8)
def _basis_for(
    names: tuple[str, ...], acquisition: Acquisition, sequence: str, times_ms: tuple[tuple[str, float], ...]
) -> Basis:
    embedded, settings = default_basis(), {"sequence": sequence, **dict(times_ms)}
    sampling = ("spectrometer_frequency_mhz", "bandwidth_hz", "points")
    same = all(getattr(acquisition, name) == getattr(embedded.acquisition, name) for name in sampling)
    if same and settings == {"sequence": "press", **EMBEDDED_TIMES_MS} and names and set(names) <= set(embedded.names):
        return dataclasses.replace(embedded.select(names), acquisition=acquisition)
    for name in names:
        check_choice("metabolite", name, [*SPIN_SYSTEMS, *BROAD_SIGNALS])
    basis = simulate_basis([name for name in names if name in SPIN_SYSTEMS], acquisition, **settings)
    broad = [name for name in names if name in BROAD_SIGNALS]
    if not broad:
        return basis
    return add_broad_signals(basis, broad, signal_per_proton(sequence, **dict(times_ms))).select(names)
