"""A set of metabolite signals that every spectrum is a combination of."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_choice, check_count, check_finite, check_positive

if TYPE_CHECKING:
    from mrs_keras.basis.write import WriteFormat

FSL_NORM = 100.0
"""L2 norm to which FSL-MRS scales the mean of the basis signals before it fits or simulates."""


@dataclasses.dataclass(frozen=True, eq=False)
class Basis:
    """Signals of pure metabolites at 1 mM, all acquired alike.

    Args:
      names: metabolite names, as in the 2016 ISMRM fitting challenge (`NAA`, `PCr`, `Cr`, `Glu`, ...).
      fids: complex (points, metabolites), arbitrary units, in the sign convention of FSL-MRS and nifti-mrs in memory:
        a peak at f Hz evolves as `exp(+2 pi i f t)` and lies at `4.65 + f / f0` ppm.
      acquisition: how the FIDs were sampled.
      description: one line on where the signals come from. Defaults to `""`.

    Raises:
      ValueError: if shapes disagree, a name occurs twice, or a value is not finite.

    Example:

    >>> basis = default_basis()
    >>> basis.names, basis.fids.shape
    (('NAA', 'PCr'), (2048, 2))
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

    def select(self, names: Sequence[str]) -> "Basis":
        """Returns a basis of the named metabolites, in that order.

        Raises:
          ValueError: if a name is not in the basis.
        """
        columns = [self.names.index(check_choice("metabolite", name, self.names)) for name in names]
        return dataclasses.replace(self, names=tuple(names), fids=self.fids[:, columns])

    def resample(self, bandwidth_hz: float, points: int) -> "Basis":
        """Returns the basis at a lower bandwidth or with fewer points, as FSL-MRS resamples it.

        The spectrum is cropped to the new bandwidth around the spectrometer frequency, and the FID then cut.

        Args:
          bandwidth_hz: new bandwidth, Hz, at most that of the basis.
          points: new number of points; they must last no longer than the basis.

        Raises:
          ValueError: if the basis lacks the bandwidth or the duration, or the crop does not fall on whole points.
        """
        old = self.acquisition
        kept = old.points * check_positive("bandwidth_hz", bandwidth_hz, 2000.0) / old.bandwidth_hz
        if kept > old.points or abs(kept - round(kept)) > 1e-9 or check_count("points", points, 1024) > kept:
            raise ValueError(
                "The basis cannot be resampled to that. "
                f"Expected a bandwidth of at most {old.bandwidth_hz:g} Hz that is "
                f"a whole multiple of {old.bandwidth_hz / old.points:g} Hz, and at most "
                f"{old.points / old.bandwidth_hz:g} s. Received: bandwidth_hz={bandwidth_hz}, points={points} "
                f"({points / bandwidth_hz:g} s). Simulate the basis anew with `simulate_press` instead."
            )
        kept = round(kept)
        first = (old.points - kept) // 2
        spectrum = np.fft.fftshift(np.fft.fft(self.fids, axis=0), axes=0)[first : first + kept]
        fids = np.fft.ifft(np.fft.ifftshift(spectrum, axes=0), axis=0) * (kept / old.points)
        acquisition = dataclasses.replace(old, bandwidth_hz=bandwidth_hz, points=points)
        return dataclasses.replace(self, fids=fids[:points], acquisition=acquisition)

    def scaled(self) -> "Basis":
        """Returns the basis multiplied by `100 / || mean over metabolites ||_2`, as FSL-MRS scales it."""
        norm = np.linalg.norm(self.fids.mean(axis=1))
        if norm == 0:
            raise ValueError("The mean of the basis signals must not be 0. Received signals that cancel each other.")
        return dataclasses.replace(self, fids=self.fids * (FSL_NORM / norm))

    def save(self, path: str | os.PathLike, format: "WriteFormat | None" = None) -> None:
        """Writes the basis; `read_basis` reads it back. The same basis gives the same bytes.

        Args:
          path: a file, or for `"fsl_json"` and `"lcmodel_raw"` a folder, which must be new or empty.
          format: `"npz"` (all of the basis), `"lcmodel_basis"` (`.BASIS`, 9 digits), `"lcmodel_raw"` (`.RAW`, 9 digits,
            without the bandwidth) or `"fsl_json"` (as FSL-MRS reads it). Defaults to `None`: by the suffix, `.npz` or
            `.BASIS`.

        Raises:
          ValueError: if the format is unknown, or a metabolite's name cannot be that of a file.
          FileExistsError: if the folder holds something.
        """
        from mrs_keras.basis.write import write_basis

        write_basis(self, path, format)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Basis":
        """Reads a basis that `Basis.save` wrote as `.npz`; `read_basis` reads all formats.

        Raises:
          ValueError: if the file is not such a basis, or is incomplete.
          FileNotFoundError: if there is no such file.
        """
        from mrs_keras.basis.npz import read_npz

        return read_npz(Path(path))


def default_basis() -> Basis:
    """Returns the embedded basis: NAA and PCr, PRESS TE 30 ms (11 + 19), 123.2 MHz, 4000 Hz, 2048 points, 2.0 Hz.

    It is simulated from spin systems and agrees with the 2016 ISMRM fitting challenge to a relative L2 error of 4e-6.
    The file was made by `mrs-keras basis simulate --output mrs_keras/basis/press_te30_3t.npz`.
    """
    return Basis.load(Path(__file__).with_name("press_te30_3t.npz"))
