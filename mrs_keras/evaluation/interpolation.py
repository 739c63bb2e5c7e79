"""Interpolation between two spectra in the latent space, and the physics of what lies between."""

from collections.abc import Mapping, Sequence

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_count, check_finite
from mrs_keras.fitting.spectral_fit import fit_spectra
from mrs_keras.models import CVAE
from mrs_keras.simulation import channels_to_complex

RECOVERED = ("gamma", "sigma", "eps", "phi0")


def interpolate(
    model: CVAE, spectra: np.ndarray, concentrations: np.ndarray, steps: int = 11
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Generates spectra on the straight line between the latents of two spectra.

    Args:
      model: trained.
      spectra: float (2, points, 2), the ends.
      concentrations: (2, metabolites), mM, of the ends; interpolated alike.
      steps: number of spectra, ends included. Defaults to `11`.

    Returns:
      alpha (steps,), the interpolation coefficient from 0 to 1; z (steps, latent_dim); spectra, complex
      (steps, points).

    Raises:
      ValueError: if `steps` is below 2, or spectra or concentrations do not fit the model or are not finite.
    """
    alpha = np.linspace(0, 1, check_count("steps", steps, 11, at_least=2))
    concentrations = check_finite("concentrations", np.asarray(concentrations, dtype=np.float32))
    spectra = check_finite("spectra", spectra)
    posterior = model.predict_on_batch({"spectrum": spectra, "concentrations": concentrations})
    weights = np.stack([1 - alpha, alpha], axis=1)
    z = weights @ posterior["z_mean"]
    generated = model.generator.predict_on_batch({"z": z, "concentrations": weights @ concentrations})
    return alpha, z, channels_to_complex(generated)


def evaluate_interpolation(
    model: CVAE, basis: Basis, pair: Mapping[str, np.ndarray], varied: Sequence[str], steps: int = 11, **fit_options
) -> dict:
    """Interpolates between a test pair and recovers the physical parameters of every spectrum on the way.

    Args:
      model: trained.
      basis: signals of the model's metabolites.
      pair: two examples of the dataset: `"spectrum"` (2, points, 2), `"concentrations"` (2, metabolites), and the true
        `"gamma"`, `"sigma"`, `"eps"` and `"phi0"`, each (2,).
      varied: parameters in which the two differ.
      steps: number of spectra. Defaults to `11`.
      **fit_options: of `fit_spectra`.

    Returns:
      dict of `"alpha"`, `"z"`, `"spectra"` and `"ends"` (the pair, complex), and of the fit: `"recovered"`,
      `"straight_line"` (between the recovered ends) and `"true"` (2,), each by parameter; `"residual"` (steps,),
      distance from the physical model; and by varied parameter `"monotone"`, `"r2"` against the straight line, and
      `"end_point_error"`: the larger deviation of a recovered end from its true value, over the true difference.
    """
    alpha, z, spectra = interpolate(model, pair["spectrum"], pair["concentrations"], steps)
    fit = fit_spectra(spectra, basis, **fit_options)
    recovered = {name: getattr(fit.parameters, name).reshape(-1) for name in RECOVERED}
    true = {name: np.asarray(pair[name], dtype=np.float64) for name in RECOVERED}
    lines = {name: values[0] + alpha * (values[-1] - values[0]) for name, values in recovered.items()}
    result = {
        "varied": list(varied),
        "alpha": alpha,
        "z": z,
        "spectra": spectra,
        "ends": channels_to_complex(pair["spectrum"]),
        "recovered": recovered,
        "straight_line": lines,
        "true": true,
        "residual": fit.residual,
        "monotone": {},
        "r2": {},
        "end_point_error": {},
    }
    for name in varied:
        values, difference = recovered[name], true[name][1] - true[name][0]
        deviation = np.sum((values - lines[name]) ** 2) / np.sum((values - values.mean()) ** 2)
        result["monotone"][name] = bool(np.all(np.diff(values) * np.sign(difference) > 0))
        result["r2"][name] = float(1 - deviation)
        result["end_point_error"][name] = float(np.abs(values[[0, -1]] - true[name]).max() / abs(difference))
    return result
