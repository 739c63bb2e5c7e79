"""Spin systems by metabolite name, with two sets of constants: from the fitting challenge and from the literature.

The 2016 ISMRM fitting challenge was simulated at 123.2617 MHz, while its README states 123.2 MHz, and it is read with
that. On the axis of a 123.2 MHz spectrometer each of its shifts is farther from 4.65 ppm by 123.2617 / 123.2, which
is 1.3 mppm for NAA. `SPIN_SYSTEMS` contains the challenge's constants on that axis, so that a basis simulated with the
default `Acquisition` reproduces the challenge's own; `CHALLENGE_SPIN_SYSTEMS` contains the original constants.
"""

import dataclasses

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.basis.spins.challenge_constants import CHALLENGE_FREQUENCY_MHZ, CHALLENGE_SPIN_SYSTEMS
from mrs_keras.basis.spins.groups import SpinGroup, SpinSystem
from mrs_keras.basis.spins.literature_constants import LITERATURE_SPIN_SYSTEMS
from mrs_keras.basis.wording import argument
from mrs_keras.checks import check_choice

__all__ = ["CONSTANTS", "LITERATURE_SPIN_SYSTEMS", "SPIN_SYSTEMS", "SpinGroup", "SpinSystem", "spin_system"]

CHALLENGE_STATED_FREQUENCY_MHZ = 123.2
"""Frequency in the challenge's README, MHz, on whose axis its spectra are read."""


def _on_the_stated_axis(system: SpinSystem) -> SpinSystem:
    scale = CHALLENGE_FREQUENCY_MHZ / CHALLENGE_STATED_FREQUENCY_MHZ
    return dataclasses.replace(system, groups=tuple(group.shifted(scale, PPM_REFERENCE) for group in system.groups))


SPIN_SYSTEMS: dict[str, SpinSystem] = {
    name: _on_the_stated_axis(system) for name, system in CHALLENGE_SPIN_SYSTEMS.items()
}
"""Metabolite name -> spin system of the 2016 ISMRM fitting challenge, the default."""

CONSTANTS: dict[str, dict[str, SpinSystem]] = {"challenge": SPIN_SYSTEMS, "literature": LITERATURE_SPIN_SYSTEMS}
"""Name of a set of constants -> the spin systems by metabolite name."""


def spin_system(name: str, constants: str = "challenge") -> SpinSystem:
    """Returns the spin system of a metabolite.

    Args:
      name: metabolite name as in the 2016 ISMRM fitting challenge, such as `"NAA"`.
      constants: `"challenge"` (recovered from the challenge's basis) or `"literature"` (as published). Defaults to
        `"challenge"`.

    Raises:
      ValueError: if the metabolite or the set is unknown; the message lists the known ones.

    Example:

    >>> spin_system("NAA", "literature").groups[0].shifts_ppm
    (2.008,)
    """
    systems = CONSTANTS[check_choice(argument("constants"), constants, CONSTANTS)]
    return systems[check_choice(argument("metabolite"), name, systems)]
