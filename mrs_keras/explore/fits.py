"""The physical fit of what the page shows, with Cramer-Rao bounds."""

import dataclasses
import threading

import numpy as np

from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.in_vivo_physics import in_vivo_model
from mrs_keras.explore.bounds import LINES, physical_bounds
from mrs_keras.fitting import fit_spectra
from mrs_keras.fitting.in_vivo_fit import fit_in_vivo
from mrs_keras.simulation import UNITS, voigt_fwhm_hz

MOST_SPECTRA = 64
"""Of one request."""

DEFAULT_SNR = 20.0
"""Signal-to-noise ratio that the bounds are for where the training data have no noise."""


@dataclasses.dataclass(frozen=True)
class FittedParameter:
    """A parameter of a fitted spectrum.

    Args:
      name: of the parameter, or of the metabolite.
      value: in its unit.
      bound: Cramer-Rao bound of its standard deviation, `None` where it is infinite.
      unit: of both.
    """

    name: str
    value: float
    bound: float | None
    unit: str


@dataclasses.dataclass(frozen=True, eq=False)
class Fit:
    """The fit of one spectrum.

    Args:
      parameters: line shape, phase, then concentrations.
      linewidth_hz: full width at half maximum of the fitted line shape, Hz.
      fitted: complex (points,), the nearest spectrum of the physical model.
      distance: of the spectrum from it, relative L2.
      converged: whether the fit reached a minimum.
      noise_sigma: that the bounds are for, of the real part of each point.
    """

    parameters: tuple[FittedParameter, ...]
    linewidth_hz: float
    fitted: np.ndarray
    distance: float
    converged: bool
    noise_sigma: float


class Fitter:
    """Fits spectra over the ranges of a training dataset, one request at a time.

    Args:
      physics: of the dataset.
    """

    def __init__(self, physics: DatasetPhysics):
        self.physics = physics
        self._lock = threading.Lock()

    @property
    def words(self) -> str:
        """What is fitted, in words."""
        if self.physics.in_vivo:
            return "Fit as in vivo: the signals of the training data, each group with a shift, and a spline baseline."
        order = self.physics.prior.baseline_order
        return f"Fit of the forward model, all metabolites with one line shape, and a baseline of order {order}."

    def noise_sigma(self, spectrum: np.ndarray, snr: float | None) -> float:
        """Returns the noise of a point that bounds are for.

        Args:
          spectrum: complex (points,).
          snr: height of the tallest point over the noise. `None`: that of typical training data, or 20 if they have
            none.
        """
        if snr is None and self.physics.noisy:
            return self.physics.typical_noise
        return float(np.abs(spectrum).max() / (DEFAULT_SNR if snr is None else snr))

    def fit(self, spectra: np.ndarray, snr: float | None = None) -> list[Fit]:
        """Fits spectra.

        Args:
          spectra: complex (n, points), at most 64.
          snr: as in `noise_sigma`. Defaults to `None`.

        Raises:
          ValueError: if there are more, or they cannot be fitted.
        """
        if len(spectra) > MOST_SPECTRA:
            raise ValueError(f"At most {MOST_SPECTRA} spectra are fitted at once. Received: {len(spectra)}.")
        sigma = np.array([self.noise_sigma(spectrum, snr) for spectrum in spectra])
        with self._lock:
            return self._in_vivo(spectra, sigma) if self.physics.in_vivo else self._physical(spectra, sigma)

    def _physical(self, spectra: np.ndarray, sigma: np.ndarray) -> list[Fit]:
        basis, options = self.physics.basis.scaled(), self.physics.fit_options
        fit = fit_spectra(spectra, self.physics.basis, **options)
        found = []
        for row in range(len(spectra)):
            own = fit.parameters[row : row + 1]
            bounds = physical_bounds(own, basis, float(sigma[row]), options["phi1_limit"])
            values = {name: float(getattr(own, name).ravel()[0]) for name in LINES}
            values |= dict(zip(basis.names, own.concentrations[0].tolist(), strict=True))
            found.append(
                Fit(
                    _parameters(values, bounds),
                    float(voigt_fwhm_hz(own.gamma, own.sigma).ravel()[0]),
                    fit.fitted[row],
                    float(fit.residual[row]),
                    bool(fit.converged[row]),
                    float(sigma[row]),
                )
            )
        return found

    def _in_vivo(self, spectra: np.ndarray, sigma: np.ndarray) -> list[Fit]:
        model = in_vivo_model(self.physics.prior)
        fits = fit_in_vivo(spectra, self.physics.basis, model, sigma, jobs=1)
        found = []
        for row, spectrum in enumerate(spectra):
            bounds = dict(zip(fits.unknowns, fits.deviations[row].tolist(), strict=True))
            values = {name: float(getattr(fits, name)[row]) for name in LINES}
            values |= dict(zip(fits.columns, fits.concentrations[row].tolist(), strict=True))
            found.append(
                Fit(
                    _parameters(values, bounds),
                    float(voigt_fwhm_hz(fits.gamma[row], fits.sigma[row])),
                    fits.fitted[row],
                    float(np.linalg.norm(fits.residual[row]) / np.linalg.norm(spectrum)),
                    bool(fits.converged[row]),
                    float(sigma[row]),
                )
            )
        return found


def _parameters(values: dict[str, float], bounds: dict[str, float]) -> tuple[FittedParameter, ...]:
    return tuple(
        FittedParameter(
            name,
            value,
            bounds[name] if np.isfinite(bounds[name]) else None,
            UNITS.get(name, UNITS["concentrations"]),
        )
        for name, value in values.items()
    )
