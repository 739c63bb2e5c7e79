"""A basis set: the metabolite signals that spectra are linear combinations of."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.npz import read_npz
from mrs_keras.basis.formats.write import WriteFormat, write_basis
from mrs_keras.checks import check_choice, check_count, check_positive

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FSL_NORM = 100.0
"""L2 norm to which FSL-MRS scales the mean basis signal before fitting or simulation."""


class Basis(BasisContents):
    """Signals of pure metabolites at 1 mM, all with the same acquisition.

    Args:
      names: metabolite names, as in the 2016 ISMRM fitting challenge (`NAA`, `PCr`, `Cr`, `Glu`, ...).
      fids: complex (points, metabolites), arbitrary units, in the sign convention of FSL-MRS and nifti-mrs in memory:
        a peak at f Hz evolves as `exp(+2 pi i f t)` and is at `4.65 + f / f0` ppm.
      acquisition: how the FIDs were sampled.
      description: one line on the origin of the signals. Defaults to `""`.
      reading: how `read_basis` read them, for `describe_basis` and `check_basis`. It is not saved. Defaults to `None`:
        not read from a file.

    Raises:
      ValueError: if shapes disagree, a name occurs twice, or a value is not finite.

    Example:

    >>> basis = default_basis()
    >>> basis.names, basis.fids.shape
    (('NAA', 'PCr'), (2048, 2))
    """

    def select(self, names: Sequence[str]) -> "Basis":
        """Returns a basis of the named metabolites, in that order.

        Args:
          names: names in the basis, or common aliases of them (`mI` or `mIns` for `Ins`; see `METABOLITE_ALIASES`). An
            exact match takes precedence. The result has the names as given here.

        Raises:
          ValueError: if a name is not in the basis or is an alias of several names in it, or if two mean one signal.
        """
        columns: list[int] = []
        for name in names:
            column = find_metabolite(name, self.names)
            if column is None:
                check_choice("metabolite", name, self.names)
            if column in columns:
                first = names[columns.index(column)]
                raise ValueError(
                    f"`names` must differ from each other. Received: {first!r} and {name!r}, both of which are "
                    f"{self.names[column]!r} in the basis. Leave one of them out."
                )
            columns.append(column)
        return dataclasses.replace(self, names=tuple(names), fids=self.fids[:, columns])

    def resample(self, bandwidth_hz: float, points: int) -> "Basis":
        """Returns the basis at another bandwidth and number of points, as FSL-MRS 2.4 resamples it.

        The spectrum is cropped, or padded with zeros, by the same number of points at either end, so that its bandwidth
        is the requested one up to rounding; the FID is then truncated. Rounding can change the bandwidth by up to one
        point of the spectrum, and peaks move in proportion: from 6000 Hz and 4096 points to 4000 Hz by 2e-4, which is
        0.6 mppm at 2 ppm.

        Args:
          bandwidth_hz: new bandwidth, Hz.
          points: new number of points; the last must be within the duration of the basis.

        Raises:
          ValueError: if the basis is too short.
        """
        old = self.acquisition
        bandwidth_hz = check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
        points = check_count("points", points, 1024, at_least=2)
        end_s = old.points / old.bandwidth_hz
        if (points - 1) / bandwidth_hz >= end_s * (1 - 1e-9):
            raise ValueError(
                "The basis is too short for this resampling. "
                f"Expected the last point before {end_s:g} s. Received: bandwidth_hz={bandwidth_hz:g}, "
                f"points={points}, the last of them at {(points - 1) / bandwidth_hz:g} s. "
                "Use fewer points, or simulate a new basis with `simulate_press`."
            )
        added = round(old.points * (bandwidth_hz / old.bandwidth_hz - 1) / 2)
        spectrum = np.fft.fftshift(np.fft.fft(self.fids, axis=0), axes=0)
        spectrum = spectrum[-added:added] if added < 0 else np.pad(spectrum, ((added, added), (0, 0)))
        fids = np.fft.ifft(np.fft.ifftshift(spectrum, axes=0), axis=0) * (len(spectrum) / old.points)
        # Rounding can leave the FID a point or two short.
        fids = np.pad(fids[:points], ((0, max(0, points - len(fids))), (0, 0)))
        acquisition = dataclasses.replace(old, bandwidth_hz=bandwidth_hz, points=points)
        return dataclasses.replace(self, fids=fids, acquisition=acquisition, reading=None)

    def without_reference_peak(self, ppm: float = 0.0) -> "Basis":
        """Returns the basis without the reference peak that LCModel's makebasis requires.

        For each metabolite, a Lorentzian singlet with free complex amplitude, frequency (within 0.15 ppm) and width is
        fitted to the spectrum within 0.2 ppm of `ppm`, together with a polynomial of 4th order for the tails of all
        other peaks; the fitted line is subtracted from the whole FID. Applied to the `.RAW` files of the 2016 ISMRM
        fitting challenge, it reproduces the files without that peak to a relative L2 error of 3e-6. A metabolite
        without a peak there is unchanged. A peak that is not Lorentzian, or has neighbours within 0.2 ppm, may be
        removed incompletely or missed.

        Args:
          ppm: position of the peak, ppm. Defaults to `0.0`.

        Raises:
          ValueError: if `ppm` is outside the spectrum.
        """
        from mrs_keras.basis.reference_peak import without_reference_peak  # SciPy's optimizers are slow to import

        return dataclasses.replace(self, fids=without_reference_peak(self.fids, self.acquisition, ppm))

    def scaled(self) -> "Basis":
        """Returns the basis multiplied by `100 / || mean over metabolites ||_2`, as FSL-MRS scales it."""
        norm = np.linalg.norm(self.fids.mean(axis=1))
        if norm == 0:
            raise ValueError("The mean of the basis signals must not be 0. Received signals that cancel each other.")
        return dataclasses.replace(self, fids=self.fids * (FSL_NORM / norm))

    def plot(self, ppm_window: tuple[float, float] | None = None) -> "Figure":
        """Draws the real spectra above each other, each scaled to its maximum, chemical shift from right to left.

        Args:
          ppm_window: lowest and highest chemical shift, ppm. Defaults to `None`: the window of the acquisition.

        Returns:
          `matplotlib.figure.Figure`; `figure.savefig(path)` writes it.

        Raises:
          ValueError: if the window is empty.
        """
        from mrs_keras.plotting.basis import plot_basis

        acquisition = self.acquisition
        frequencies_hz = np.fft.fftshift(np.fft.fftfreq(acquisition.points, 1 / acquisition.bandwidth_hz))
        return plot_basis(
            np.fft.fftshift(np.fft.fft(self.fids, axis=0), axes=0).real,
            frequencies_hz / acquisition.spectrometer_frequency_mhz + PPM_REFERENCE,
            self.names,
            ppm_window=acquisition.ppm_window if ppm_window is None else ppm_window,
            title=self.description,
        )

    def save(self, path: str | os.PathLike, format: WriteFormat | None = None) -> None:
        """Writes the basis; `read_basis` reads it back. Output is deterministic.

        Args:
          path: a file, or for `"fsl_json"` and `"lcmodel_raw"` a folder, which must be new or empty.
          format: `"npz"` (all of the basis), `"lcmodel_basis"` (`.BASIS`, 9 digits), `"lcmodel_raw"` (`.RAW`, 9 digits,
            without the bandwidth) or `"fsl_json"` (as FSL-MRS reads it). Defaults to `None`: by the suffix, `.npz` or
            `.BASIS`.

        Raises:
          ValueError: if the format is unknown, or a metabolite's name is not a valid file name.
          FileExistsError: if the folder is not empty.
        """
        write_basis(self, path, format)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "Basis":
        """Reads a basis that `Basis.save` wrote as `.npz`; `read_basis` reads all formats.

        Raises:
          ValueError: if the file is not such a basis, or is incomplete.
          FileNotFoundError: if there is no such file.
        """
        return cls(**vars(read_npz(Path(path))))
