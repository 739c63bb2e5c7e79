"""Simulation of a basis from spin systems, with ideal pulses and without relaxation."""

from collections.abc import Iterable, Sequence

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.spins.density_matrix import group_lines, lines_to_signal
from mrs_keras.basis.spins.groups import SpinGroup
from mrs_keras.basis.spins.sequences import make_sequence
from mrs_keras.basis.spins.systems import SPIN_SYSTEMS, spin_system
from mrs_keras.basis.wording import argument, setting
from mrs_keras.checks import check_positive

_TITLES = {"press": "PRESS", "steam": "STEAM", "spin_echo": "Spin echo", "pulse_acquire": "Pulse-acquire"}


def simulate_basis(
    metabolites: Sequence[str] = tuple(SPIN_SYSTEMS),
    acquisition: Acquisition | None = None,
    *,
    sequence: str = "press",
    linewidth_hz: float = 2.0,
    constants: str = "challenge",
    **times_ms: float,
) -> Basis:
    """Simulates a basis with ideal (instantaneous, non-selective) pulses and crushers, without relaxation.

    The first point is sampled at the echo top. One proton gives a FID of initial amplitude 1, as in the basis of the
    2016 ISMRM fitting challenge, with which all 21 metabolites agree to a relative L2 error of 2e-6 for the default
    sequence, times, acquisition, linewidth and constants.

    Args:
      metabolites: names from `mrs_keras.basis.SPIN_SYSTEMS`. Defaults to all 21.
      acquisition: field, bandwidth and points. Defaults to `Acquisition()`: 123.2 MHz, 4000 Hz, 2048 points.
      sequence: `"press"`, `"steam"`, `"spin_echo"` or `"pulse_acquire"`. Defaults to `"press"`.
      linewidth_hz: Lorentzian full width at half maximum of every line, Hz. Defaults to `2.0`.
      constants: set of shifts and couplings, `"challenge"` or `"literature"`. Defaults to `"challenge"`.
      **times_ms: times of the sequence, ms: `te1_ms` and `te2_ms` of PRESS (by default 11.0 and 19.0), `te_ms` and
        `tm_ms` of STEAM (20.0 and 10.0), `te_ms` of the spin echo (30.0).

    Returns:
      `Basis` with `fids` of shape (points, metabolites).

    Raises:
      ValueError: if a metabolite, the sequence, the constants or the name of a time is unknown, a time or the linewidth
        is not positive, or a proton lies outside the bandwidth.

    Example:

    >>> simulate_basis(["NAA", "Glu"], sequence="steam", te_ms=20.0, tm_ms=10.0).fids.shape
    (2048, 2)
    """
    acquisition = acquisition or Acquisition()
    names = () if isinstance(metabolites, str) else tuple(metabolites)
    if not names or len(set(names)) < len(names):
        raise ValueError(
            f"`{argument('metabolites')}` must be a list of at least one metabolite name, without duplicates. "
            f"Received: {setting('metabolites', metabolites)}. "
            f"Give for example {setting('metabolites', ['NAA', 'PCr'])}."
        )
    _, all_times_ms = make_sequence(sequence, times_ms)
    systems = [spin_system(name, constants) for name in names]
    settings = dict(sequence=sequence, linewidth_hz=linewidth_hz, **all_times_ms)
    times = "".join(f"{name.removesuffix('_ms').upper()} {value:g} ms, " for name, value in all_times_ms.items())
    return Basis(
        names=names,
        fids=np.stack([simulate_fid(system.groups, acquisition, **settings) for system in systems], axis=1),
        acquisition=acquisition,
        description=(
            f"{_TITLES[sequence]} with ideal pulses, {times}Lorentzian linewidth {linewidth_hz:g} Hz, "
            f"{constants} constants"
        ),
    )


def simulate_press(
    metabolites: Sequence[str] = ("NAA", "PCr"),
    acquisition: Acquisition | None = None,
    *,
    te1_ms: float = 11.0,
    te2_ms: float = 19.0,
    linewidth_hz: float = 2.0,
    constants: str = "challenge",
) -> Basis:
    """Simulates a PRESS basis; `simulate_basis` offers other sequences.

    Args:
      metabolites: names from `mrs_keras.basis.SPIN_SYSTEMS`. Defaults to `("NAA", "PCr")`.
      acquisition: field, bandwidth and points. Defaults to `Acquisition()`: 123.2 MHz, 4000 Hz, 2048 points.
      te1_ms: echo time of the first echo, ms. Defaults to `11.0`.
      te2_ms: echo time of the second echo, ms. Defaults to `19.0`.
      linewidth_hz: Lorentzian full width at half maximum of every line, Hz. Defaults to `2.0`.
      constants: set of shifts and couplings, `"challenge"` or `"literature"`. Defaults to `"challenge"`.

    Returns:
      `Basis` with `fids` of shape (points, metabolites).

    Raises:
      ValueError: if a metabolite or the constants are unknown, a time or the linewidth is not positive, or a proton
        lies outside the bandwidth.

    Example:

    >>> simulate_press(["PCr"], te1_ms=11.0, te2_ms=19.0).fids.shape
    (2048, 1)
    """
    return simulate_basis(
        metabolites, acquisition, linewidth_hz=linewidth_hz, constants=constants, te1_ms=te1_ms, te2_ms=te2_ms
    )


def simulate_fid(
    groups: Iterable[SpinGroup],
    acquisition: Acquisition | None = None,
    *,
    sequence: str = "press",
    linewidth_hz: float = 2.0,
    **times_ms: float,
) -> np.ndarray:
    """Simulates the FID of one molecule, such as one that is not in `SPIN_SYSTEMS`.

    A group of n protons costs a few matrix products of size 2^n: 20 ms for 7 protons, 1 s for 9.

    Args:
      groups: the protons of the molecule.
      acquisition: field, bandwidth and points. Defaults to `Acquisition()`.
      sequence: see `simulate_basis`. Defaults to `"press"`.
      linewidth_hz: Lorentzian full width at half maximum of every line, Hz. Defaults to `2.0`.
      **times_ms: times of the sequence, ms; see `simulate_basis`.

    Returns:
      complex128 (points,), in the sign convention of `Basis`.

    Raises:
      ValueError: if the sequence or the name of a time is unknown, a time or the linewidth is not positive, or a proton
        lies outside the bandwidth.

    Example:

    >>> simulate_fid([SpinGroup((2.008,), count=3)], sequence="pulse_acquire")[0]
    np.complex128(3+0j)
    """
    acquisition = acquisition or Acquisition()
    groups = tuple(groups)
    _check_bandwidth(groups, acquisition)
    intervals, _ = make_sequence(sequence, times_ms)
    linewidth_hz = check_positive(argument("linewidth_hz"), linewidth_hz, 2.0)
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    fid = np.zeros(acquisition.points, np.complex128)
    for group in groups:
        lines = group_lines(group, acquisition.spectrometer_frequency_mhz, intervals)
        fid += np.exp(-((group.sigma * times_s) ** 2)) * lines_to_signal(
            *lines, acquisition.bandwidth_hz, acquisition.points
        )
    return fid * np.exp(-np.pi * linewidth_hz * times_s)


def signal_per_proton(sequence: str = "press", **times_ms: float) -> float:
    """Returns the initial amplitude of the FID of one uncoupled proton: 1, and 0.5 in STEAM.

    Args:
      sequence: see `simulate_basis`. Defaults to `"press"`.
      **times_ms: times of the sequence, ms; see `simulate_basis`.

    >>> signal_per_proton("press"), signal_per_proton("steam")
    (1.0, 0.5)
    """
    singlet = SpinGroup((PPM_REFERENCE,))
    return round(float(abs(simulate_fid([singlet], sequence=sequence, **times_ms)[0])), 12)


def _check_bandwidth(groups: tuple[SpinGroup, ...], acquisition: Acquisition) -> None:
    """Raises `ValueError` if there is no proton, or one that would be aliased into the spectrum."""
    if not groups:
        raise ValueError("`groups` must hold at least one `SpinGroup`. Received: groups=().")
    farthest_ppm = max((ppm for group in groups for ppm in group.shifts_ppm), key=lambda ppm: abs(ppm - PPM_REFERENCE))
    needed_hz = 2 * abs(farthest_ppm - PPM_REFERENCE) * acquisition.spectrometer_frequency_mhz
    if needed_hz > acquisition.bandwidth_hz:
        raise ValueError(
            f"`{argument('bandwidth_hz')}` must span all protons. Expected at least {needed_hz:.0f} Hz, for the proton "
            f"at {farthest_ppm:g} ppm at {acquisition.spectrometer_frequency_mhz:g} MHz. "
            f"Received: {setting('bandwidth_hz', acquisition.bandwidth_hz)}. Use a larger one."
        )
