"""The two kinds of spectra that the measures of realism compare: real ones and generated ones."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_finite

WINDOW_PPM = (0.2, 4.2)
"""Window that is compared, ppm."""

FEWEST_SPECTRA = 10
"""Fewest real spectra: two for each of the five folds of a classifier."""

FEW_SPECTRA = 20
"""Number of real spectra below which chance moves the numbers by more than generators differ."""


LABEL_ARRAYS = ("labels", "second_labels", "label_deviations")
"""Fields with a column for each label."""


@dataclasses.dataclass(frozen=True, eq=False)
class RealSpectra:
    """Measured spectra with their noise, subjects, sites and labels.

    Args:
      spectra: complex (n, acquisition.window_points), with their noise.
      acquisition: of these and of the spectra compared with them; its window must contain 0.2 to 4.2 ppm.
      noise_sigma: float (n,), standard deviation of the real part of the noise of a point, in the units of `spectra`.
      subjects: of each spectrum; a subject never crosses a split.
      sites: of each spectrum. Defaults to `()`: one site.
      labels: float (n, labels), NaN where missing. Defaults to `None`: no labels, and no utility.
      second_labels: float (n, labels), the same labels by a second labeller, such as another fitting program. Defaults
        to `None`: `labels`.
      label_names: of the columns of all. Defaults to `()`: none.
      label_deviations: float (n, labels), standard deviations of the labels, NaN where unknown. Defaults to `None`: not
        known.

    Raises:
      ValueError: if the shapes do not agree, a spectrum or a noise level is not finite, a noise level is not positive,
        or the window does not contain 0.2 to 4.2 ppm.
    """

    spectra: np.ndarray
    acquisition: Acquisition
    noise_sigma: np.ndarray
    subjects: Sequence[str]
    sites: Sequence[str] = ()
    labels: np.ndarray | None = None
    second_labels: np.ndarray | None = None
    label_names: Sequence[str] = ()
    label_deviations: np.ndarray | None = None

    def __post_init__(self):
        set_ = object.__setattr__
        low, high = self.acquisition.ppm_window
        if low > WINDOW_PPM[0] or high < WINDOW_PPM[1]:
            raise ValueError(
                f"The window of `acquisition` must contain {WINDOW_PPM[0]} to {WINDOW_PPM[1]} ppm, where spectra are "
                f"compared. Received: ppm_window=({low}, {high}). Give spectra of a wider window."
            )
        set_(self, "spectra", checked_spectra("spectra", self.spectra, self.acquisition))
        count = len(self.spectra)
        set_(self, "noise_sigma", checked_noise("noise_sigma", self.noise_sigma, count))
        set_(self, "subjects", tuple(map(str, self.subjects)))
        set_(self, "sites", tuple(map(str, self.sites)) or ("",) * count)
        set_(self, "label_names", tuple(self.label_names))
        for name in ("subjects", "sites"):
            if len(getattr(self, name)) != count:
                raise ValueError(
                    f"`{name}` must name one for each spectrum. Expected: {count}. "
                    f"Received: {len(getattr(self, name))}."
                )
        for name in LABEL_ARRAYS:
            set_(self, name, checked_labels(name, getattr(self, name), count, len(self.label_names)))

    def __len__(self) -> int:
        return len(self.spectra)

    def select(self, rows: np.ndarray) -> "RealSpectra":
        """Returns some of the spectra; `rows` are integers or a mask."""
        rows = np.arange(len(self))[rows]
        return dataclasses.replace(
            self,
            spectra=self.spectra[rows],
            noise_sigma=self.noise_sigma[rows],
            subjects=[self.subjects[row] for row in rows],
            sites=[self.sites[row] for row in rows],
            **{name: None if (each := getattr(self, name)) is None else each[rows] for name in LABEL_ARRAYS},
        )


@dataclasses.dataclass(frozen=True, eq=False)
class GeneratedSpectra:
    """Spectra of a generator, with noise, in the acquisition and window of the real ones that they are compared with.

    Args:
      spectra: complex (m, window_points), with their noise.
      noise_sigma: float (m,), standard deviation of the real part of the noise that they carry.
      labels: float (m, labels), the columns of the real ones. Defaults to `None`: none, and no utility.
      sites: of each spectrum. Defaults to `()`: it was generated for none, and counts at that of its nearest training
        spectrum.
    """

    spectra: np.ndarray
    noise_sigma: np.ndarray
    labels: np.ndarray | None = None
    sites: Sequence[str] = ()

    def __len__(self) -> int:
        return len(self.spectra)

    def select(self, rows: np.ndarray | slice) -> "GeneratedSpectra":
        """Returns some of the spectra."""
        return dataclasses.replace(
            self,
            spectra=np.asarray(self.spectra)[rows],
            noise_sigma=np.asarray(self.noise_sigma)[rows],
            labels=None if self.labels is None else np.asarray(self.labels)[rows],
            sites=tuple(np.asarray(self.sites)[rows]) if len(self.sites) else (),
        )


def checked_spectra(name: str, spectra: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """Returns spectra as complex128 (n, window_points), or raises `ValueError`."""
    spectra = np.asarray(spectra)
    expected = acquisition.window_points
    if spectra.ndim != 2 or not np.iscomplexobj(spectra) or spectra.shape[1] != expected:
        raise ValueError(
            f"`{name}` must be complex, of shape (n, {expected}), the points of the window of the acquisition. "
            f"Received: shape {spectra.shape}, dtype {spectra.dtype}. Real and imaginary part in a last axis become "
            "complex by `spectra[..., 0] + 1j * spectra[..., 1]`; another acquisition must be resampled first."
        )
    return check_finite(name, spectra).astype(np.complex128)


def checked_noise(name: str, noise_sigma: np.ndarray, count: int) -> np.ndarray:
    """Returns noise levels as float64 (count,), or raises `ValueError`."""
    sigma = np.asarray(noise_sigma, np.float64)
    if sigma.shape != (count,) or not (np.isfinite(sigma) & (sigma > 0)).all():
        raise ValueError(
            f"`{name}` must be a positive standard deviation for each of the {count} spectra. "
            f"Received: shape {sigma.shape}, {int((~(sigma > 0)).sum())} of them not above 0. Every spectrum is put "
            "into noise of its own level, so that spectra without noise cannot be compared: add noise to them, or "
            "measure that of scans with `measure_noise`."
        )
    return sigma


def checked_labels(name: str, labels: np.ndarray | None, count: int, columns: int) -> np.ndarray | None:
    """Returns labels as float64 (count, columns), NaN where missing, `None` where there are none."""
    if labels is None:
        return None
    labels = np.asarray(labels, np.float64)
    if labels.shape != (count, columns):
        raise ValueError(
            f"`{name}` must have a row for each spectrum and a column for each label. "
            f"Expected: ({count}, {columns}). Received: {labels.shape}. Give `label_names` for all columns."
        )
    return labels
