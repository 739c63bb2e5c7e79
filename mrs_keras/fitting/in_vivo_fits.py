"""The result of fits of in-vivo spectra."""

import dataclasses
import json
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.files import replacing
from mrs_keras.simulation.forward import forward_model
from mrs_keras.simulation.parameters import SpectralParameters
from mrs_keras.simulation.splines import SplineBaseline

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMAT = "mrs_keras fits 1"
_EXPECTED = f"Expected what `InVivoFits.save` or `mrs-keras measured fit` wrote, with the format {FORMAT!r}."

ARRAYS = (
    *("concentrations", "gamma", "sigma", "eps", "shifts", "phi0", "phi1", "baseline", "fitted", "residual"),
    *("noise_sigma", "converged", "deviations", "correlations", "misfit", "lag1", "baseline_freedom"),
)
"""Fields that have one row for each spectrum."""

NAMES = ("ids", "participants", "sessions", "sites", "digests")
"""Fields that have one text for each spectrum, or are `None`."""


@dataclasses.dataclass(frozen=True, eq=False)
class InVivoFits:
    """Fits of `n` in-vivo spectra by `fit_spectra` with a model.

    Args:
      basis: the columns of the fit, scaled as the concentrations are for: metabolites, macromolecules, lipids.
      groups: group -> names of the columns that shift together; `{}` without shifts.
      baseline_splines: of the baseline, or `None` without one.
      concentrations: float64 (n, columns), >= 0, in the units of `basis`.
      gamma: float64 (n,), Lorentzian decay rate, 1/s.
      sigma: float64 (n,), Gaussian decay rate, 1/s.
      eps: float64 (n,), shift of all columns, rad/s; positive is to lower ppm.
      shifts: float64 (n, groups), shift of each group, rad/s, added to `eps`.
      phi0: float64 (n,), rad.
      phi1: float64 (n,), rad/Hz.
      baseline: float64 (n, 2 splines), coefficients real0, imag0, real1, imag1, ...
      fitted: complex128 (n, window_points).
      residual: complex128 (n, window_points), spectrum less `fitted`.
      noise_sigma: float64 (n,), of the real part of each point.
      converged: bool (n,).
      deviations: float64 (n, unknowns), Cramer-Rao bound of the standard deviation of each of `unknowns`; see
        `cramer_rao`.
      correlations: float32 (n, unknowns, unknowns).
      misfit: float64 (n,), standard deviation of the residual, corrected for its degrees of freedom, over that of the
        noise; 1 for a model that explains all but the noise.
      lag1: float64 (n,), correlation of neighbouring points of the residual; 0 +- 1 / sqrt(2 window_points) if white.
      baseline_freedom: float64 (n,), effective degrees of freedom of the complex baseline, chosen for each spectrum.
      ids: name of each spectrum, or `None`.
      participants: `sub-...`, or `None`.
      sessions: `ses-...`, or `None`.
      sites: of the spectra, or `None`.
      digests: of spectrum, noise, basis and model, by which `fit_folder` knows what was fitted before; or `None`.

    Example:

    >>> fits = InVivoFits.load("fits/fits.npz")  # doctest: +SKIP
    >>> regressors = fits.baseline_splines.regressors(fits.acquisition)  # doctest: +SKIP
    >>> forward_model(fits.parameters(), fits.basis, baseline_regressors=regressors).shape  # doctest: +SKIP
    (80, 2048)
    """

    basis: Basis
    groups: dict[str, tuple[str, ...]]
    baseline_splines: SplineBaseline | None
    concentrations: np.ndarray
    gamma: np.ndarray
    sigma: np.ndarray
    eps: np.ndarray
    shifts: np.ndarray
    phi0: np.ndarray
    phi1: np.ndarray
    baseline: np.ndarray
    fitted: np.ndarray
    residual: np.ndarray
    noise_sigma: np.ndarray
    converged: np.ndarray
    deviations: np.ndarray
    correlations: np.ndarray
    misfit: np.ndarray
    lag1: np.ndarray
    baseline_freedom: np.ndarray
    ids: tuple[str, ...] | None = None
    participants: tuple[str, ...] | None = None
    sessions: tuple[str | None, ...] | None = None
    sites: tuple[str, ...] | None = None
    digests: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.concentrations)

    def __getitem__(self, rows) -> "InVivoFits":
        """Returns the fits of some spectra; `rows` is a slice or an index array."""
        chosen = {name: getattr(self, name)[rows] for name in ARRAYS}
        for name in NAMES:
            value = getattr(self, name)
            chosen[name] = None if value is None else tuple(np.asarray(value, object)[rows])
        return dataclasses.replace(self, **chosen)

    @classmethod
    def join(cls, fits: Sequence["InVivoFits"]) -> "InVivoFits":
        """Returns the fits of several calls, of the same basis and model, as one."""
        joined = {name: np.concatenate([getattr(part, name) for part in fits]) for name in ARRAYS}
        for name in NAMES:
            values = [getattr(part, name) for part in fits]
            joined[name] = None if None in values else tuple(value for part in values for value in part)
        return dataclasses.replace(fits[0], **joined)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, in the order of `concentrations`."""
        return self.basis.names

    @property
    def acquisition(self) -> Acquisition:
        """How the spectra were sampled."""
        return self.basis.acquisition

    @property
    def unknowns(self) -> tuple[str, ...]:
        """Names of the numbers that `deviations` and `correlations` are of."""
        splines = range(self.baseline.shape[1] // 2)
        return (
            *self.columns,
            *("gamma", "sigma", "eps", "phi0", "phi1"),
            *(f"shift_{group}" for group in self.groups),
            *(f"baseline_{part}{spline}" for spline in splines for part in ("real", "imag")),
        )

    def parameters(self) -> SpectralParameters:
        """Returns the parameters of the forward model: each column is its own line-shape group."""
        order = list(self.groups)
        of = {name: order.index(group) for group, names in self.groups.items() for name in names}
        shifts = np.zeros(self.concentrations.shape)
        for column, name in enumerate(self.columns):
            if name in of:
                shifts[:, column] = self.shifts[:, of[name]]
        like = np.ones(len(self.columns))
        return SpectralParameters(
            concentrations=self.concentrations,
            gamma=self.gamma[:, None] * like,
            sigma=self.sigma[:, None] * like,
            eps=self.eps[:, None] + shifts,
            phi0=self.phi0,
            phi1=self.phi1,
            baseline=self.baseline if self.baseline.shape[1] else None,
        )

    def baseline_spectra(self) -> np.ndarray:
        """Returns the baselines: complex128 (n, window_points)."""
        if self.baseline_splines is None:
            return np.zeros_like(self.fitted)
        regressors = self.baseline_splines.regressors(self.acquisition)[self.acquisition.window]
        return self.baseline.view(np.complex128) @ regressors.T

    def column_spectra(self, row: int) -> np.ndarray:
        """Returns the part of each column in a fitted spectrum: complex128 (columns, window_points)."""
        count = len(self.columns)
        one = self[np.full(count, row)]
        alone = dataclasses.replace(one.parameters(), concentrations=np.diag(self.concentrations[row]), baseline=None)
        return forward_model(alone, self.basis)[:, self.acquisition.window]

    def plot(self, row: int) -> "Figure":
        """Draws a spectrum with its fit, the parts of the fit and the residual.

        Returns:
          `matplotlib.figure.Figure`; `figure.savefig(path)` writes it.
        """
        from mrs_keras.plotting.fits import plot_fit

        flag = "" if self.converged[row] else ", NOT CONVERGED"
        name = f"spectrum {row}" if self.ids is None else self.ids[row]
        return plot_fit(
            self.acquisition.window_ppm_axis,
            self.fitted[row] + self.residual[row],
            self.fitted[row],
            self.baseline_spectra()[row],
            dict(zip(self.columns, self.column_spectra(row), strict=True)),
            noise_sigma=float(self.noise_sigma[row]),
            title=f"{name}: residual {self.misfit[row]:.2f} times the noise{flag}",
        )

    def save(self, path: str | os.PathLike) -> None:
        """Writes everything to one `.npz`; `InVivoFits.load` reads it back."""
        about = {
            "format": FORMAT,
            "names": self.basis.names,
            "acquisition": self.acquisition.to_dict(),
            "description": self.basis.description,
            "groups": self.groups,
            "baseline_splines": None if self.baseline_splines is None else self.baseline_splines.to_dict(),
            **{name: getattr(self, name) for name in NAMES},
        }
        arrays = {name: getattr(self, name) for name in ARRAYS}
        with replacing(Path(path)) as partial, partial.open("wb") as file:
            np.savez_compressed(file, about=json.dumps(about), basis_fids=self.basis.fids, **arrays)

    @classmethod
    def load(cls, path: str | os.PathLike) -> "InVivoFits":
        """Reads what `save` wrote.

        Raises:
          FileNotFoundError: if there is no such file.
          ValueError: if it is not such a file.
        """
        if not zipfile.is_zipfile(path):
            if not Path(path).is_file():
                raise FileNotFoundError(
                    f"There are no fits at '{path}'. Expected the `fits.npz` that `mrs-keras measured fit` wrote."
                )
            raise ValueError(f"'{path}' does not hold fits of in-vivo spectra. {_EXPECTED} Received: not an `.npz`.")
        with np.load(path, allow_pickle=False) as file:
            about = json.loads(str(file["about"])) if "about" in file else {}
            if about.get("format") != FORMAT:
                raise ValueError(
                    f"'{path}' does not hold fits of in-vivo spectra. {_EXPECTED} Received: "
                    f"{about.get('format', 'no format')!r}, and the arrays {', '.join(file.files)}."
                )
            acquisition = Acquisition(**about["acquisition"])
            basis = Basis(tuple(about["names"]), file["basis_fids"], acquisition, about["description"])
            splines = about["baseline_splines"]
            return cls(
                basis=basis,
                groups={group: tuple(names) for group, names in about["groups"].items()},
                baseline_splines=None if splines is None else SplineBaseline(**splines),
                **{name: None if about[name] is None else tuple(about[name]) for name in NAMES},
                **{name: file[name] for name in ARRAYS},
            )
