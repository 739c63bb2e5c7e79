"""Macromolecules and lipids as sums of Gaussian lines."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_choice, check_positive

_LCMODEL = "LCModel and LCMgui User's Manual, S. W. Provencher, section 11.7 (CHSIMU)"
_BIRCH = "Birch et al., Magn Reson Med 77:34-43 (2017)"
_BIRCH_MHZ = 128.0
"""Frequency, MHz, by which the widths of Birch et al. (Hz, 3 T) are divided."""


@dataclasses.dataclass(frozen=True)
class GaussianPeak:
    """One Gaussian line.

    Attributes:
      shift_ppm: position, ppm.
      fwhm_ppm: full width at half maximum, ppm: widths of macromolecules grow with the field.
      protons: area, in units of one proton's line.
    """

    shift_ppm: float
    fwhm_ppm: float
    protons: float


@dataclasses.dataclass(frozen=True)
class BroadSignal:
    """A macromolecule or lipid signal: peaks in a fixed proportion.

    Attributes:
      peaks: the lines.
      source: publication of the numbers.
    """

    peaks: tuple[GaussianPeak, ...]
    source: str


def _lcmodel(*peaks: tuple[float, float, float]) -> BroadSignal:
    return BroadSignal(tuple(GaussianPeak(*peak) for peak in peaks), _LCMODEL)


BROAD_SIGNALS: dict[str, BroadSignal] = {
    # ppm, FWHM in ppm, protons
    "Lip09": _lcmodel((0.89, 0.14, 3.0)),
    "Lip13a": _lcmodel((1.28, 0.15, 2.0)),
    "Lip13b": _lcmodel((1.28, 0.089, 2.0)),
    "Lip13c": _lcmodel((1.30, 0.089, 2.0)),
    "Lip13d": _lcmodel((1.26, 0.089, 2.0)),
    "Lip20": _lcmodel((2.04, 0.15, 1.33), (2.25, 0.15, 0.67), (2.8, 0.2, 0.87)),
    "MM09": _lcmodel((0.91, 0.14, 3.0)),
    "MM12": _lcmodel((1.21, 0.15, 2.0)),
    "MM14": _lcmodel((1.43, 0.17, 2.0)),
    "MM17": _lcmodel((1.67, 0.15, 2.0)),
    "MM20": _lcmodel((2.08, 0.15, 1.33), (2.25, 0.2, 0.33), (1.95, 0.15, 0.33), (3.0, 0.2, 0.4)),
    # Single lines of MM3T above 3 ppm, two protons each.
    "MM37": BroadSignal((GaussianPeak(3.67, 33.52 / _BIRCH_MHZ, 2.0),), _BIRCH),
    "MM40": BroadSignal((GaussianPeak(3.96, 37.48 / _BIRCH_MHZ, 2.0),), _BIRCH),
    # What creatine's CH2 has less than the basis says, by water suppression and relaxation.
    "CrCH2": _lcmodel((3.93, 0.013, -2.0)),
    # The whole baseline of the human brain at 3 T, metabolites nulled. Areas relative to the largest.
    "MM3T": BroadSignal(
        tuple(
            GaussianPeak(shift_ppm, fwhm_hz / _BIRCH_MHZ, area)
            for shift_ppm, fwhm_hz, area in (
                (0.90, 21.20, 0.72),
                (1.21, 19.16, 0.28),
                (1.38, 15.90, 0.38),
                (1.63, 7.50, 0.05),
                (2.01, 29.03, 0.45),
                (2.09, 20.53, 0.36),
                (2.25, 17.89, 0.36),
                (2.61, 5.30, 0.04),
                (2.96, 14.02, 0.20),
                (3.11, 17.89, 0.11),
                (3.67, 33.52, 0.64),
                (3.80, 11.85, 0.07),
                (3.96, 37.48, 1.00),
            )
        ),
        _BIRCH,
    ),
}
"""Name -> macromolecule (MM) or lipid (Lip) signal."""


def simulate_broad_signals(names: Sequence[str], acquisition: Acquisition | None = None) -> Basis:
    """Simulates the signals of macromolecules and lipids.

    A peak at f Hz is `protons * exp(2 pi i f t - (pi fwhm t)^2 / (4 ln 2))`, the first point at t = 0 as in
    `simulate_basis`: in the spectrum, a Gaussian of that width with the area of that many protons.

    Args:
      names: names from `BROAD_SIGNALS`, such as `["MM09", "MM20"]`.
      acquisition: field, bandwidth and points. Defaults to `Acquisition()`.

    Returns:
      `Basis` with `fids` of shape (points, names).

    Raises:
      ValueError: if a name is unknown.

    Example:

    >>> simulate_broad_signals(["MM09"]).fids[0]
    array([3.+0.j])
    """
    acquisition = acquisition or Acquisition()
    signals = [BROAD_SIGNALS[check_choice("signal", name, BROAD_SIGNALS)] for name in names]
    return Basis(
        names=tuple(names),
        fids=np.array([_signal(signal, acquisition) for signal in signals]).T,
        acquisition=acquisition,
        description="Gaussian lines of macromolecules and lipids",
    )


def add_broad_signals(basis: Basis, names: Sequence[str], signal_per_proton: float = 1.0) -> Basis:
    """Returns the basis with macromolecules and lipids as additional columns.

    Args:
      basis: simulated or read from a file.
      names: names from `BROAD_SIGNALS`.
      signal_per_proton: initial amplitude of the FID of one proton in the basis. Defaults to `1.0`, as `simulate_basis`
        makes it for all sequences but STEAM (0.5); `creatine_per_proton` measures it in a basis from a file.

    Raises:
      ValueError: if a name is unknown, or is in the basis already.

    Example:

    >>> add_broad_signals(simulate_press(["NAA"]), ["MM09", "MM20"]).names
    ('NAA', 'MM09', 'MM20')
    """
    broad = simulate_broad_signals(names, basis.acquisition)
    fids = (
        broad.fids
        if signal_per_proton == 1.0
        else broad.fids * check_positive("signal_per_proton", signal_per_proton, 1.0)
    )
    return dataclasses.replace(
        basis,
        names=basis.names + broad.names,
        fids=np.concatenate([basis.fids, fids], axis=1),
        description="; ".join(part for part in (basis.description, broad.description) if part),
    )


def creatine_per_proton(basis: Basis) -> float:
    """Returns the initial amplitude of one proton in a basis: a third of the area of creatine's methyl singlet.

    The area is that of the magnitude of the complex sum of the spectrum from 2.88 to 3.18 ppm, so the phase of the
    basis does not matter. Tails outside of it cost 4 % at a linewidth of 2 Hz and 3 T.

    Args:
      basis: with `Cr` or `PCr`.

    Raises:
      ValueError: if it has neither of them.

    >>> round(creatine_per_proton(simulate_press(["PCr"])), 1)
    1.0
    """
    found = next((name for name in ("Cr", "PCr") if find_metabolite(name, basis.names) is not None), None)
    if found is None:
        raise ValueError(
            "Macromolecules are scaled by creatine. Expected a basis with Cr or PCr. "
            f"Received: one with {', '.join(basis.names)}. Give a basis that has one of them, or macromolecules."
        )
    fid = basis.select([found]).fids[:, 0].copy()
    fid[0] /= 2
    frequency_hz = np.fft.fftfreq(len(fid), 1 / basis.acquisition.bandwidth_hz)
    ppm = PPM_REFERENCE + frequency_hz / basis.acquisition.spectrometer_frequency_mhz
    # All points of the spectrum sum to `len(fid)` times the first point of the FID, which is half of the area here.
    return float(2 * np.abs(np.fft.fft(fid)[np.abs(ppm - 3.03) < 0.15].sum()) / len(fid) / 3)


def _signal(signal: BroadSignal, acquisition: Acquisition) -> np.ndarray:
    """Returns one signal: complex128 (points,)."""
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    fid = np.zeros(acquisition.points, np.complex128)
    for peak in signal.peaks:
        frequency_hz = (peak.shift_ppm - PPM_REFERENCE) * acquisition.spectrometer_frequency_mhz
        fwhm_hz = peak.fwhm_ppm * acquisition.spectrometer_frequency_mhz
        envelope = np.exp(-((np.pi * fwhm_hz * times_s) ** 2) / (4 * np.log(2)))
        fid += peak.protons * envelope * np.exp(2j * np.pi * frequency_hz * times_s)
    return fid
