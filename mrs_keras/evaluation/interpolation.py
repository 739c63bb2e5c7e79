"""Interpolation between two spectra in the latent space, and its physical parameters."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_count, check_finite
from mrs_keras.fitting.spectral_fit import fit_spectra
from mrs_keras.models import CVAE
from mrs_keras.simulation import channels_to_complex

RECOVERED = ("gamma", "sigma", "eps", "phi0")
"""Parameters that are recovered along an interpolation."""


@dataclasses.dataclass(frozen=True, eq=False)
class Interpolation:
    """Result of `evaluate_interpolation`.

    Attributes:
      alpha: float64 (steps,), interpolation coefficient, from 0 to 1.
      z: float (steps, latent_dim), or `None` on a geodesic.
      spectra: complex (steps, points), generated.
      ends: complex (2, points), the two spectra at the ends of the interpolation.
      recovered: parameter of `RECOVERED` -> float64 (steps,), by the fit; gamma and sigma in 1/s, eps in rad/s, phi0 in
        rad.
      true: parameter of `RECOVERED` -> float64 (2,), of the ends.
      distance: float64 (steps,), relative L2 distance from the physical model.
      monotone: parameter in which the ends differ -> whether it is strictly monotone.
      r2: the same -> R2 of the recovered values against the straight line between their ends.
      end_point_error: the same -> larger deviation of a recovered end from its true value, over the true difference.
    """

    alpha: np.ndarray
    z: np.ndarray | None
    spectra: np.ndarray
    ends: np.ndarray
    recovered: dict[str, np.ndarray]
    true: dict[str, np.ndarray]
    distance: np.ndarray
    monotone: dict[str, bool]
    r2: dict[str, float]
    end_point_error: dict[str, float]

    @property
    def varied(self) -> tuple[str, ...]:
        """Names of the parameters in which the ends differ."""
        return tuple(self.monotone)

    @property
    def straight_line(self) -> dict[str, np.ndarray]:
        """Parameter -> float64 (steps,), between the recovered ends."""
        return {name: _straight_line(values, self.alpha) for name, values in self.recovered.items()}


def interpolate(
    model: CVAE,
    spectra: np.ndarray,
    concentrations: np.ndarray,
    steps: int = 11,
    path: Literal["straight", "geodesic"] = "straight",
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Generates spectra on a path between the latents of two spectra.

    Args:
      model: trained.
      spectra: float (2, points, 2), the ends.
      concentrations: (2, metabolites), mM, of the ends; also interpolated.
      steps: number of spectra, ends included. Defaults to `11`.
      path: as in `CVAE.interpolate`. Defaults to `"straight"`.

    Returns:
      alpha (steps,), the interpolation coefficient from 0 to 1; z (steps, latent_dim), `None` on a geodesic; spectra,
      complex (steps, points).

    Raises:
      ValueError: if `steps` is below 2, or spectra or concentrations do not fit the model or are not finite.
    """
    alpha = np.linspace(0, 1, check_count("steps", steps, 11, at_least=2))
    concentrations = check_finite("concentrations", np.asarray(concentrations, dtype=np.float32))
    spectra = check_finite("spectra", spectra)
    posterior = model.predict_on_batch({"spectrum": spectra, "concentrations": concentrations})
    if path == "geodesic":
        ends = (*posterior["z_mean"], *concentrations)
        generated = model.interpolate(*(np.tile(end, (steps, 1)) for end in ends), alpha, path)["spectrum"]
        return alpha, None, channels_to_complex(generated)
    weights = np.stack([1 - alpha, alpha], axis=1)
    z = weights @ posterior["z_mean"]
    generated = model.generator.predict_on_batch({"z": z, "concentrations": weights @ concentrations})
    return alpha, z, channels_to_complex(generated)


def evaluate_interpolation(
    model: CVAE,
    basis: Basis,
    pair: Mapping[str, np.ndarray],
    varied: Sequence[str],
    steps: int = 11,
    path: Literal["straight", "geodesic"] = "straight",
    **fit_options,
) -> Interpolation:
    """Interpolates between a test pair and recovers the physical parameters of every spectrum on the way.

    Args:
      model: trained.
      basis: signals of the model's metabolites.
      pair: two examples of the dataset: `"spectrum"` (2, points, 2), `"concentrations"` (2, metabolites), and the true
        `"gamma"`, `"sigma"`, `"eps"` and `"phi0"`, each (2,).
      varied: parameters in which the two differ.
      steps: number of spectra. Defaults to `11`.
      path: as in `CVAE.interpolate`. Defaults to `"straight"`.
      **fit_options: of `fit_spectra`.

    Returns:
      `Interpolation`.
    """
    alpha, z, spectra = interpolate(model, pair["spectrum"], pair["concentrations"], steps, path)
    fit = fit_spectra(spectra, basis, **fit_options)
    recovered = {name: getattr(fit.parameters, name).reshape(-1) for name in RECOVERED}
    true = {name: np.asarray(pair[name], dtype=np.float64) for name in RECOVERED}
    monotone, r2, end_point_error = {}, {}, {}
    for name in varied:
        values, difference = recovered[name], true[name][1] - true[name][0]
        away = np.sum((values - _straight_line(values, alpha)) ** 2) / np.sum((values - values.mean()) ** 2)
        monotone[name] = bool(np.all(np.diff(values) * np.sign(difference) > 0))
        r2[name] = float(1 - away)
        end_point_error[name] = float(np.abs(values[[0, -1]] - true[name]).max() / abs(difference))
    return Interpolation(
        alpha=alpha,
        z=z,
        spectra=spectra,
        ends=channels_to_complex(pair["spectrum"]),
        recovered=recovered,
        true=true,
        distance=fit.residual,
        monotone=monotone,
        r2=r2,
        end_point_error=end_point_error,
    )


def _straight_line(values: np.ndarray, alpha: np.ndarray) -> np.ndarray:
    return values[0] + alpha * (values[-1] - values[0])
