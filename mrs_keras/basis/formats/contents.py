"""The contents of a basis file, for all formats."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.formats.printed import Printed
from mrs_keras.basis.wording import acquisition_setting
from mrs_keras.checks import check_finite


@dataclasses.dataclass(frozen=True)
class Reading:
    """How a file was read, for descriptions and advice.

    Attributes:
      conjugated: whether the file was read as the complex conjugate of this package's convention.
      reference_ppm: chemical shift at the spectrometer frequency that the file was assumed to be written for, ppm.
      coarse: name of a quantity that the file prints with too few digits -> the printed number.
    """

    conjugated: bool
    reference_ppm: float = PPM_REFERENCE
    coarse: Mapping[str, Printed] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, eq=False)
class BasisContents:
    """The data of a `Basis`, without its methods: returned by every reader and accepted by every writer.

    Args:
      names: metabolite names.
      fids: complex (points, metabolites), arbitrary units, in the sign convention of this package: a peak at f Hz
        evolves as `exp(+2 pi i f t)` and is at `4.65 + f / f0` ppm.
      acquisition: how the FIDs were sampled.
      description: one line on the origin of the signals. Defaults to `""`.
      reading: how a file was read. Defaults to `None`: not read from a file. It is not saved.

    Raises:
      ValueError: if shapes disagree, a name occurs twice, or a value is not finite.
    """

    names: tuple[str, ...]
    fids: np.ndarray
    acquisition: Acquisition
    description: str = ""
    reading: Reading | None = dataclasses.field(default=None, repr=False)

    def __post_init__(self):
        names = tuple(str(name) for name in self.names)
        fids = np.array(check_finite("fids", self.fids), dtype=np.complex128)
        expected = (self.acquisition.points, len(names))
        if fids.shape != expected or not names:
            raise ValueError(
                "`fids` must have the shape (points, metabolites), with at least one metabolite. "
                f"Expected: {expected}. Received: fids.shape={fids.shape}, names={names}."
            )
        if len(set(names)) < len(names):
            raise ValueError(f"`names` must differ from each other. Received: names={names}.")
        fids.setflags(write=False)
        object.__setattr__(self, "names", names)
        object.__setattr__(self, "fids", fids)


def remarks(contents: BasisContents) -> list[str]:
    """Returns a sentence for each number that the file of a basis prints with too few digits."""
    if contents.reading is None or not contents.reading.coarse:
        return []
    acquisition = contents.acquisition
    units = {"bandwidth": "Hz", "spectrometer frequency": "MHz"}
    remedy = "If you know it more exactly, give it: " + acquisition_setting(
        acquisition.spectrometer_frequency_mhz, round(acquisition.bandwidth_hz, 2), acquisition.points
    )
    return [
        f"The file prints the {what} coarsely: {number.text} can mean {number.low:.6g} to {number.high:.6g} "
        f"{units[what]}. {remedy}."
        for what, number in contents.reading.coarse.items()
    ]
