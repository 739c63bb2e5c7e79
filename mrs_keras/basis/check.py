"""Checks the positions of the peaks of a basis."""

import dataclasses
from typing import Literal

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.aliases import canonical_name
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.formats.contents import Reading, remarks
from mrs_keras.basis.wording import setting

LANDMARKS_PPM = {
    "NAA": {"NAA": 2.008},
    "Cr": {"Cr": 3.027, "PCr": 3.029},
    "Cho": {"GPC": 3.212, "PCho": 3.209, "GPC+PCho": 3.21, "Cho": 3.2},
}
"""Landmark -> metabolite name -> chemical shift in ppm of its highest peak, a methyl singlet (Govindaraju et al. 2000,
doi 10.1002/1099-1492(200005)13:3<129::AID-NBM619>3.0.CO;2-V). `Cho` may be free choline or a sum."""

TOLERANCE_PPM = 0.02
"""Published shifts differ by up to this; sets written for another reference, such as 4.68 ppm, are off by more."""

MIRROR_TOLERANCE_PPM = 0.05
SPREAD_PPM = 0.015
"""Peaks with equal offsets, within this, are shifted; otherwise bandwidth or frequency may be wrong."""

LONE_SHIFT_PPM = 0.2
"""A single peak with a smaller offset is treated as shifted."""

DISTANCES_PPM = (0.35, 3.65)
"""Distances from 4.65 ppm, on both sides, in which peaks are searched: excludes the water of a measured basis, and
reference peaks at 0 ppm (TMS) or 8.44 ppm (formate)."""

ZERO_FILLING = 4


@dataclasses.dataclass(frozen=True)
class Landing:
    """Position of the highest peak of a metabolite.

    Attributes:
      landmark: `"NAA"`, `"Cr"` or `"Cho"`.
      metabolite: its name in the basis.
      expected_ppm: expected position, ppm.
      found_ppm: actual position, ppm.
    """

    landmark: str
    metabolite: str
    expected_ppm: float
    found_ppm: float

    @property
    def shift_ppm(self) -> float:
        """float: actual minus expected position, ppm."""
        return self.found_ppm - self.expected_ppm

    @property
    def place(self) -> Literal["right", "mirrored", "low", "high"]:
        """Whether the peak is at the expected position, at its mirror image about 4.65 ppm, too low or too high."""
        if abs(self.shift_ppm) <= TOLERANCE_PPM:
            return "right"
        mirrored_ppm = 2 * PPM_REFERENCE - self.expected_ppm
        if abs(self.found_ppm - mirrored_ppm) <= MIRROR_TOLERANCE_PPM:
            return "mirrored"
        return "low" if self.shift_ppm < 0 else "high"

    def __str__(self) -> str:
        """One line, such as `NAA (NAA): highest peak at 2.008 ppm, expected 2.008: right`."""
        distance = f"{abs(self.shift_ppm):.3f} ppm " if self.place in ("low", "high") else ""
        return (
            f"{self.landmark} ({self.metabolite}): highest peak at {self.found_ppm:.3f} ppm, "
            f"expected {self.expected_ppm:.3f}: {distance}{self.place}"
        )


@dataclasses.dataclass(frozen=True)
class BasisCheck:
    """Result of `check_basis`; `str` formats it as a report.

    Attributes:
      landings: one per landmark metabolite in the basis.
      reading: how the basis was read, for the advice. Defaults to `None`: it was not read from a file.
      remarks: further remarks on its file, one sentence each. Defaults to `()`.
    """

    landings: tuple[Landing, ...]
    reading: Reading | None = None
    remarks: tuple[str, ...] = ()

    @property
    def shift_ppm(self) -> float | None:
        """float: common offset of all peaks, ppm, or `None` if they are right or their offsets differ."""
        shifts = np.array([landing.shift_ppm for landing in self.landings])
        if not len(shifts) or np.abs(shifts).max() <= TOLERANCE_PPM:
            return None
        # A wrong bandwidth or frequency moves each peak in proportion to its distance from the reference.
        distances = np.array([landing.expected_ppm - PPM_REFERENCE for landing in self.landings])
        scaled = shifts - distances * (distances @ shifts) / (distances @ distances)
        shift_ppm = float(np.median(shifts))
        alike = np.ptp(shifts) <= SPREAD_PPM and np.linalg.norm(shifts - shift_ppm) <= np.linalg.norm(scaled)
        alone = len(shifts) == 1 and abs(shift_ppm) <= LONE_SHIFT_PPM
        return shift_ppm if alone or (alike and len(shifts) > 1) else None

    @property
    def verdict(self) -> str:
        """One of `"looks right"`, `"looks conjugated"`, `"looks shifted"`, `"looks shifted or scaled"`, and
        `"has nothing to check"`."""
        places = [landing.place for landing in self.landings]
        if not places:
            return "has nothing to check"
        if places.count("right") == len(places):
            return "looks right"
        if places.count("mirrored") > len(places) / 2:
            return "looks conjugated"
        return "looks shifted or scaled" if self.shift_ppm is None else "looks shifted"

    @property
    def in_doubt(self) -> bool:
        """bool: whether peaks are at unexpected positions."""
        return self.verdict not in ("looks right", "has nothing to check")

    @property
    def advice(self) -> str:
        """What to do about it, in a sentence or two."""
        verdict = self.verdict
        if verdict == "looks conjugated":
            if self.reading is None:
                return "Take the complex conjugate of its signals."
            return f"Read it with {setting('conjugated', not self.reading.conjugated)}."
        if verdict == "looks shifted":
            reference_ppm = (self.reading.reference_ppm if self.reading else PPM_REFERENCE) - self.shift_ppm
            return (
                f"All peaks are {abs(self.shift_ppm):.3f} ppm too {'low' if self.shift_ppm < 0 else 'high'}, as if the "
                f"basis was written for a spectrometer frequency at {reference_ppm:.2f} ppm, not at {PPM_REFERENCE}. "
                f"Read it with {setting('reference_ppm', round(reference_ppm, 2))}."
            )
        return {
            "looks right": "",
            "looks shifted or scaled": "Check the spectrometer frequency, the bandwidth and the metabolite names.",
            "has nothing to check": f"It contains none of {', '.join(n for m in LANDMARKS_PPM.values() for n in m)}.",
        }[verdict]

    def __str__(self) -> str:
        return "\n".join([*map(str, self.landings), *self.remarks, f"The basis {self.verdict}. {self.advice}".strip()])


def check_basis(basis: Basis) -> BasisCheck:
    """Finds the peaks of NAA, Cr and Cho.

    It uses the highest peak of the magnitude spectrum from 1.0 to 4.3 ppm and in the mirror image of that range about
    4.65 ppm, which is independent of the phase and of residual water and reference peaks.

    Args:
      basis: any basis. Missing metabolites are skipped.

    Returns:
      `BasisCheck`; its `verdict` is `"looks conjugated"` if the peaks are mirrored about 4.65 ppm, and
      `"looks shifted"` if all have the same offset.

    Example:

    >>> print(check_basis(default_basis()))
    NAA (NAA): highest peak at 2.007 ppm, expected 2.008: right
    Cr (PCr): highest peak at 3.029 ppm, expected 3.029: right
    The basis looks right.
    """
    landings = []
    for landmark, metabolites in LANDMARKS_PPM.items():
        for name, fid in zip(basis.names, basis.fids.T, strict=True):
            canonical = canonical_name(name)
            if canonical in metabolites:
                found_ppm = _highest_peak_ppm(fid, basis.acquisition)
                landings.append(Landing(landmark, name, metabolites[canonical], found_ppm))
    return BasisCheck(tuple(landings), basis.reading, tuple(remarks(basis)))


def _highest_peak_ppm(fid: np.ndarray, acquisition: Acquisition) -> float:
    """Returns the position of the maximum of the magnitude spectrum, ppm, with parabolic interpolation."""
    points = ZERO_FILLING * acquisition.points
    ppm = np.fft.fftfreq(points, 1 / acquisition.bandwidth_hz) / acquisition.spectrometer_frequency_mhz + PPM_REFERENCE
    distances_ppm = np.abs(ppm - PPM_REFERENCE)
    looked_at = (distances_ppm >= DISTANCES_PPM[0]) & (distances_ppm <= DISTANCES_PPM[1])
    magnitude = np.abs(np.fft.fft(fid, points))
    highest = int(np.argmax(magnitude * looked_at))
    below, here, above = magnitude[highest - 1], magnitude[highest], magnitude[(highest + 1) % points]
    curvature = below - 2 * here + above
    offset = (below - above) / (2 * curvature) if curvature < 0 else 0.0
    return float(ppm[highest] + np.clip(offset, -0.5, 0.5) * (ppm[1] - ppm[0]))
