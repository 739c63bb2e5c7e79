"""What a basis file holds, whatever its format."""

import dataclasses

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_finite


@dataclasses.dataclass(frozen=True, eq=False)
class BasisContents:
    """The data of a `Basis`, without what it can do: every reader returns them, and every writer takes them.

    Args:
      names: metabolite names.
      fids: complex (points, metabolites), arbitrary units, in the sign convention of this package: a peak at f Hz
        evolves as `exp(+2 pi i f t)` and lies at `4.65 + f / f0` ppm.
      acquisition: how the FIDs were sampled.
      description: one line on where the signals come from. Defaults to `""`.

    Raises:
      ValueError: if shapes disagree, a name occurs twice, or a value is not finite.
    """

    names: tuple[str, ...]
    fids: np.ndarray
    acquisition: Acquisition
    description: str = ""

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
