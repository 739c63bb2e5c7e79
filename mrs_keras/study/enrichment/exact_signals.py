"""What spectra with exact labels are made of, and how that differs from what the simulator and the fits assume.

Ranges are those of the means of sites; subjects vary around them.

- Line shape. Assumed: one Voigt line for all signals. Here: a Gaussian of 4 to 6.5 1/s with two displaced shoulders on
  one side, 15 to 28 % of the signal 2.5 to 4 Hz away and 5 to 10 % another 2.5 to 4 Hz away, as a gradient across the
  voxel leaves them that the shim did not remove.
- Decay. Assumed: the same for all signals. Here: T2 of 0.25 s (NAA), 0.2 s (choline), 0.14 s (creatine), 0.12 to 0.17 s
  (the rest), choices of this package: apparent T2 at 3 T is longest for NAA and choline (Deelchand et al. 2018,
  doi 10.1002/mrm.26826).
- Eddy currents. Assumed: none. Here: a frequency of up to 0.8 Hz that decays in 0.03 to 0.12 s, what a correction by
  the water scan leaves.
- Macromolecules. Assumed: the lines of LCModel's manual, moved together. Here: those of Birch et al. 2017
  (doi 10.1002/mrm.26083), each moved by 0.015 ppm (standard deviation), 1 to 1.35 times as wide and +-15 % as large;
  between subjects +-15 % together and +-8 % each. The two publications differ by 0.01 to 0.05 ppm, and by up to a
  factor of two in width.
- One more broad signal. Assumed: none. Here: a Gaussian at 2.9 to 3.5 ppm, 0.5 to 0.9 ppm wide, with 0.6 to 1.4 times
  the area of the largest line: single lines do not explain all signal under creatine and choline.
- Baseline. Assumed: splines every 0.15 ppm or wider. Here: tails of three lines of residual water, each 0.1 to 0.5 of
  NAA's height; lipids at 0.88 and 1.28 ppm, 0.07 to 0.12 ppm wide and up to 5 % of NAA's height; three signals of any
  phase between -0.4 and 4.1 ppm, 0.35 to 0.9 ppm wide and 3 to 8 % of NAA's height. Suppression leaves such.

Amounts were set once, by the residual that the in-vivo fit leaves: 2.0 times the noise here, 2.2 in 80 scans of Big
GABA (medians), neighbouring points correlated by 0.6 in both. Its ratios to tCr are biased by +15 % (tNAA; 7 to 23 % at
single sites), +9 % (tCho), +1 % (mI) and +41 % (GSH), 72 spectra of seed 0.
"""

import dataclasses

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, creatine_per_proton
from mrs_keras.simulation.forward import fid_to_spectrum
from mrs_keras.simulation.keyed_random import Draws

T2_S = {
    "NAA": 0.25,
    "NAAG": 0.2,
    "GPC": 0.2,
    "PCho": 0.2,
    "Cr": 0.14,
    "PCr": 0.14,
    "Ins": 0.17,
    "Glu": 0.16,
    "GSH": 0.12,
}
OTHER_T2_S = 0.15

MACROMOLECULES = BROAD_SIGNALS["MM3T"].peaks
PROTONS_OF_LARGEST_MM = 17.0
"""Area of the largest macromolecule line, mM of protons."""

BROAD_CENTRES_PPM = (0.0, 2.4, 3.7)
"""Of the broad signals of the baseline, +-0.4 ppm."""


@dataclasses.dataclass(frozen=True, eq=False)
class ExactSite:
    """The means of a site; its subjects vary around them.

    Attributes:
      name: of the site.
      sigma: Gaussian decay rate, 1/s.
      snr: height of NAA over the standard deviation of the noise.
      shares: (2,), of the signal in the shoulders of a line.
      shoulders_hz: (2,), their displacement.
      eddy_hz: frequency at the start of the FID.
      eddy_time_s: time constant of its decay.
      phi0: rad.
      mm_moved_ppm: (lines,).
      mm_wider: (lines,), factors.
      mm_larger: (lines,), factors.
      extra: centre ppm, width ppm, area in protons of the largest macromolecule line, of one more broad signal.
      water: (3, 4), height over that of NAA, shift Hz, decay rate 1/s, phase rad, of each line of residual water.
      lipids: (2, 2), width ppm, and height over that of NAA.
      broad: (3, 4), centre ppm, width ppm, height over that of NAA, phase rad, of each broad signal.
    """

    name: str
    sigma: float
    snr: float
    shares: np.ndarray
    shoulders_hz: np.ndarray
    eddy_hz: float
    eddy_time_s: float
    phi0: float
    mm_moved_ppm: np.ndarray
    mm_wider: np.ndarray
    mm_larger: np.ndarray
    extra: np.ndarray
    water: np.ndarray
    lipids: np.ndarray
    broad: np.ndarray

    @classmethod
    def draw(cls, draws: Draws, name: str) -> "ExactSite":
        """Draws the means of a site."""

        def between(what: str, *limits: tuple[float, float]) -> np.ndarray:
            low, high = np.array(limits).T
            return low + (high - low) * draws.uniform(what, 0.0, 1.0, len(limits))

        lines = len(MACROMOLECULES)
        side = np.sign(draws.uniform("side", -1.0, 1.0)[0])
        near, far = between("shoulders", (2.5, 4.0), (2.5, 4.0))
        turn = (-np.pi, np.pi)
        return cls(
            name=name,
            sigma=between("sigma", (4.0, 6.5))[0],
            snr=np.exp(between("snr", (np.log(170.0), np.log(340.0)))[0]),
            shares=between("shares", (0.15, 0.28), (0.05, 0.1)),
            shoulders_hz=side * np.array([near, near + far]),
            eddy_hz=between("eddy", (-0.8, 0.8))[0],
            eddy_time_s=between("eddy time", (0.03, 0.12))[0],
            phi0=between("phi0", (-0.15, 0.15))[0],
            mm_moved_ppm=0.015 * draws.normal("macromolecules moved", lines),
            mm_wider=draws.uniform("macromolecules wider", 1.0, 1.35, lines),
            mm_larger=np.exp(0.15 * draws.normal("macromolecules larger", lines)),
            extra=between("extra", (2.9, 3.5), (0.5, 0.9), (0.6, 1.4)),
            water=between("water", *[(0.1, 0.5), (-10.0, 10.0), (12.0, 35.0), turn] * 3).reshape(3, 4),
            lipids=between("lipids", *[(0.07, 0.12), (0.0, 0.05)] * 2).reshape(2, 2),
            broad=between(
                "broad",
                *[
                    limits
                    for centre in BROAD_CENTRES_PPM
                    for limits in ((centre - 0.4, centre + 0.4), (0.35, 0.9), (0.03, 0.08), turn)
                ],
            ).reshape(3, 4),
        )


def metabolite_signal(
    basis: Basis, names: tuple[str, ...], amounts: np.ndarray, acquisition: Acquisition
) -> np.ndarray:
    """Returns the FID of all metabolites, each with a T2 of its own: complex128 (points,)."""
    rates = 1 / np.array([T2_S.get(name, OTHER_T2_S) for name in names])
    return (basis.fids * np.exp(-acquisition.time_axis_s[:, None] * rates)) @ amounts


def line_shape(site: ExactSite, draws: Draws, acquisition: Acquisition) -> np.ndarray:
    """Returns what multiplies the FIDs of a subject: complex128 (points,), about 1 at the start."""
    time = acquisition.time_axis_s
    sigma = site.sigma * np.exp(0.12 * draws.normal("sigma", 1)[0])
    shares = site.shares * np.exp(0.25 * draws.normal("shares", 2))
    hz = site.shoulders_hz * np.exp(0.15 * draws.normal("shoulders", 2))
    weights = np.array([1 - shares.sum(), *shares])
    hz = np.array([0.0, *hz]) - shares @ hz + 0.3 * draws.normal("shift", 1)  # scans are aligned to a reference
    shape = np.exp(2j * np.pi * np.outer(time, hz)) @ weights
    eddy_hz = site.eddy_hz + 0.2 * draws.normal("eddy", 1)[0]
    turns = -eddy_hz * site.eddy_time_s * np.exp(-time / site.eddy_time_s)  # scans are phased: none in the end
    return shape * np.exp(-((sigma * time) ** 2) + 2j * np.pi * turns)


def broad_signal(site: ExactSite, draws: Draws, basis: Basis, acquisition: Acquisition) -> np.ndarray:
    """Returns the FID of the macromolecules, before the shim: complex128 (points,)."""
    lines = len(MACROMOLECULES)
    protons = np.array([peak.protons for peak in MACROMOLECULES])
    total = PROTONS_OF_LARGEST_MM * creatine_per_proton(basis) * np.exp(0.15 * draws.normal("macromolecules", 1)[0])
    areas = protons * site.mm_larger * np.exp(0.08 * draws.normal("macromolecule lines", lines))
    centres = np.array([peak.shift_ppm for peak in MACROMOLECULES]) + site.mm_moved_ppm
    widths = np.array([peak.fwhm_ppm for peak in MACROMOLECULES]) * site.mm_wider
    extra = site.extra * np.exp(np.array([0.0, 0.1, 0.25]) * draws.normal("extra", 3))
    return total * sum(
        area * _gaussian(centre, width, acquisition)
        for area, centre, width in zip([*areas, extra[2]], [*centres, extra[0]], [*widths, extra[1]], strict=True)
    )


def baseline_signal(site: ExactSite, draws: Draws, height: float, acquisition: Acquisition) -> np.ndarray:
    """Returns the FID of residual water, lipids and broad signals: complex128 (points,); `height` is that of NAA."""
    time = acquisition.time_axis_s
    varied = draws.normal("water", 12).reshape(3, 4)
    tall, hz, rate, phase = (site.water * np.exp([0.3, 0.0, 0.15, 0.0] * varied) + [0.0, 1.5, 0.0, 0.4] * varied).T
    water = [
        _of_height(np.exp((2j * np.pi * f - r) * time), a, p) for a, f, r, p in zip(tall, hz, rate, phase, strict=True)
    ]
    larger = np.exp(0.4 * draws.normal("lipids", 2))
    lipids = [
        _of_height(_gaussian(centre, width, acquisition), tall * more, 0.0)
        for centre, (width, tall), more in zip((0.88, 1.28), site.lipids, larger, strict=True)
    ]
    varied = draws.normal("broad", 6).reshape(3, 2)
    broad = [
        _of_height(_gaussian(centre, width, acquisition), tall * np.exp(0.3 * more), phase + 0.3 * turn)
        for (centre, width, tall, phase), (more, turn) in zip(site.broad, varied, strict=True)
    ]
    return height * np.sum([*water, *lipids, *broad], axis=0)


def _gaussian(centre_ppm: float, fwhm_ppm: float, acquisition: Acquisition) -> np.ndarray:
    """Returns the FID of a Gaussian line with the area of one proton: complex128 (points,)."""
    time = np.arange(acquisition.points) / acquisition.bandwidth_hz
    mhz = acquisition.spectrometer_frequency_mhz
    decay = (np.pi * fwhm_ppm * mhz * time) ** 2 / (4 * np.log(2))
    return np.exp(2j * np.pi * (centre_ppm - PPM_REFERENCE) * mhz * time - decay)


def _of_height(fid: np.ndarray, height: float, phase: float) -> np.ndarray:
    """Returns an FID whose spectrum is `height` at its tallest point."""
    return fid * (height * np.exp(1j * phase) / np.abs(fid_to_spectrum(fid)).max())
