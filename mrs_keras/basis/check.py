"""Whether the peaks of a basis lie where they belong."""

import dataclasses
from typing import Literal

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.basis.basis import Basis

LANDMARKS_PPM = {
    "NAA": {"NAA": 2.008},
    "Cr": {"Cr": 3.027, "Cre": 3.027, "PCr": 3.029},
    "Cho": {"GPC": 3.212, "PCho": 3.209, "Cho": 3.21, "PCh": 3.209, "GPC+PCho": 3.21},
}
"""Landmark -> metabolite name -> chemical shift in ppm of its highest peak, a methyl singlet (Govindaraju et al. 2000,
doi 10.1002/1099-1492(200005)13:3<129::AID-NBM619>3.0.CO;2-V)."""

TOLERANCE_PPM = 0.05
DISTANCES_PPM = (0.35, 3.65)
"""Peaks are looked for so far from 4.65 ppm, to both sides: not at the water of a measured basis, nor at a reference
peak of 0 ppm (TMS) or 8.44 ppm (formate)."""

ZERO_FILLING = 4


@dataclasses.dataclass(frozen=True)
class Landing:
    """Where the highest peak of a metabolite lies.

    Attributes:
      landmark: `"NAA"`, `"Cr"` or `"Cho"`.
      metabolite: its name in the basis.
      expected_ppm: where it belongs, ppm.
      found_ppm: where it lies, ppm.
    """

    landmark: str
    metabolite: str
    expected_ppm: float
    found_ppm: float

    @property
    def place(self) -> Literal["right", "mirrored", "elsewhere"]:
        """Whether it lies where it belongs, at the mirror image of that about 4.65 ppm, or elsewhere."""
        if abs(self.found_ppm - self.expected_ppm) <= TOLERANCE_PPM:
            return "right"
        mirrored_ppm = 2 * PPM_REFERENCE - self.expected_ppm
        return "mirrored" if abs(self.found_ppm - mirrored_ppm) <= TOLERANCE_PPM else "elsewhere"

    def __str__(self) -> str:
        """One line, such as `NAA (NAA): highest peak at 2.008 ppm, expected 2.008: right`."""
        return (
            f"{self.landmark} ({self.metabolite}): highest peak at {self.found_ppm:.3f} ppm, "
            f"expected {self.expected_ppm:.3f}: {self.place}"
        )


@dataclasses.dataclass(frozen=True)
class BasisCheck:
    """What `check_basis` found; `str` makes a report of it.

    Attributes:
      landings: one per landmark metabolite in the basis.
    """

    landings: tuple[Landing, ...]

    @property
    def verdict(self) -> str:
        """`"looks right"`, `"looks conjugated"`, `"looks shifted or scaled"`, or `"has nothing to check"`."""
        places = [landing.place for landing in self.landings]
        if not places:
            return "has nothing to check"
        if places.count("right") == len(places):
            return "looks right"
        if places.count("mirrored") > len(places) / 2:
            return "looks conjugated"
        return "looks shifted or scaled"

    @property
    def advice(self) -> str:
        """What to do about it, one line."""
        return {
            "looks right": "",
            "looks conjugated": "Read it with `read_basis(..., conjugated=...)` the other way round.",
            "looks shifted or scaled": "Check the spectrometer frequency, the bandwidth and the metabolite names.",
            "has nothing to check": f"It holds none of {', '.join(n for m in LANDMARKS_PPM.values() for n in m)}.",
        }[self.verdict]

    def __str__(self) -> str:
        return "\n".join([*map(str, self.landings), f"The basis {self.verdict}. {self.advice}".strip()])


def check_basis(basis: Basis) -> BasisCheck:
    """Looks where NAA, Cr and Cho land.

    The highest peak of the magnitude spectrum from 1.0 to 4.3 ppm, and in the mirror image of that range about 4.65
    ppm, depends neither on phase nor on residual water and reference peaks.

    Args:
      basis: any basis. Metabolites that it lacks are left out.

    Returns:
      `BasisCheck`; its `verdict` is `"looks conjugated"` if the peaks lie mirrored about 4.65 ppm.

    Example:

    >>> print(check_basis(default_basis()))
    NAA (NAA): highest peak at 2.006 ppm, expected 2.008: right
    Cr (PCr): highest peak at 3.029 ppm, expected 3.029: right
    The basis looks right.
    """
    acquisition = basis.acquisition
    points = ZERO_FILLING * acquisition.points
    ppm = np.fft.fftfreq(points, 1 / acquisition.bandwidth_hz) / acquisition.spectrometer_frequency_mhz + PPM_REFERENCE
    distances_ppm = np.abs(ppm - PPM_REFERENCE)
    looked_at = (distances_ppm >= DISTANCES_PPM[0]) & (distances_ppm <= DISTANCES_PPM[1])
    landings = []
    for landmark, metabolites in LANDMARKS_PPM.items():
        for name in [name for name in metabolites if name in basis.names]:
            magnitude = np.abs(np.fft.fft(basis.fids[:, basis.names.index(name)], points)) * looked_at
            landings.append(Landing(landmark, name, metabolites[name], float(ppm[np.argmax(magnitude)])))
    return BasisCheck(tuple(landings))
