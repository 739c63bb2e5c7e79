"""Parts of a spin system: coupled protons, and the nuclei of other elements that split their lines."""

import dataclasses

from mrs_keras.checks import check_positive


@dataclasses.dataclass(frozen=True)
class Partner:
    """A nucleus of another element (31P, 14N) that is coupled to the protons of a group.

    Proton pulses do not touch it, so its state is a constant of the motion: each of its `2 * spin + 1` states shifts
    the protons by `m * J` Hz, which an echo refocuses and the acquisition shows as a splitting.

    Attributes:
      spin: spin quantum number, 0.5 or 1.0.
      couplings_hz: scalar coupling J in Hz to each proton of the group, 0 for none.
    """

    spin: float
    couplings_hz: tuple[float, ...]

    def __post_init__(self):
        if self.spin not in (0.5, 1.0):
            raise ValueError(
                f"`spin` must be 0.5 (31P) or 1.0 (14N). Received: spin={self.spin!r}. Leave out other nuclei."
            )


@dataclasses.dataclass(frozen=True)
class SpinGroup:
    """Protons that couple to each other and to no proton outside the group.

    Attributes:
      shifts_ppm: chemical shift of each proton, ppm.
      couplings_hz: scalar coupling J in Hz of each pair of protons `(i, j)`, `i < j`; pairs not named are not coupled.
      count: multiplicity of the group in the molecule. Three equivalent protons without a coupling partner are one spin
        with a count of 3; the count of an anomer is its fraction. Defaults to `1`.
      partners: nuclei of other elements that are coupled to the group. Defaults to `()`.
      sigma: Gaussian decay rate `exp(-sigma^2 t^2)` in 1/s of this group alone, for lines that are broader than the
        others of the molecule. Defaults to `0.0`.
    """

    shifts_ppm: tuple[float, ...]
    couplings_hz: dict[tuple[int, int], float] = dataclasses.field(default_factory=dict)
    count: float = 1
    partners: tuple[Partner, ...] = ()
    sigma: float = 0.0

    def __post_init__(self):
        spins = len(self.shifts_ppm)
        if spins == 0:
            raise ValueError("`shifts_ppm` must name at least one proton. Received: shifts_ppm=().")
        check_positive("count", self.count, 3)
        for i, j in self.couplings_hz:
            if not 0 <= i < j < spins:
                raise ValueError(
                    "`couplings_hz` must name pairs (i, j) of protons of the group with i < j. "
                    f"Expected 0 <= i < j < {spins}. Received: ({i}, {j}). Count the protons from 0."
                )
        for partner in self.partners:
            if len(partner.couplings_hz) != spins:
                raise ValueError(
                    "A `Partner` must have one coupling per proton of the group. "
                    f"Expected {spins}. Received: couplings_hz={partner.couplings_hz}. Write 0.0 where there is none."
                )

    def shifted(self, scale: float, centre_ppm: float) -> "SpinGroup":
        """Returns the group with each shift moved to `centre_ppm + scale * (shift - centre_ppm)`."""
        shifts_ppm = tuple(centre_ppm + scale * (shift - centre_ppm) for shift in self.shifts_ppm)
        return dataclasses.replace(self, shifts_ppm=shifts_ppm)


@dataclasses.dataclass(frozen=True)
class SpinSystem:
    """A molecule: its groups of coupled protons, and the references of their constants.

    Attributes:
      groups: the groups; missing ones (exchangeable protons) are not simulated.
      source: origin of the constants: short names in `literature_constants.REFERENCES`, or "fitted to ...".
      note: remark for users, such as an unusual constant. Defaults to `""`.
    """

    groups: tuple[SpinGroup, ...]
    source: str
    note: str = ""

    @property
    def protons(self) -> float:
        """float: number of protons that give a signal."""
        return sum(group.count * len(group.shifts_ppm) for group in self.groups)

    @property
    def largest_group(self) -> int:
        """int: number of protons in the largest coupled group, which sets the cost of a simulation."""
        return max(len(group.shifts_ppm) for group in self.groups)
