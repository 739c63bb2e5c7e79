"""The noise of a dataset that has some: whether a model leaves it out, and generates as much."""

from collections.abc import Mapping

import numpy as np

from mrs_keras.evaluation.dataset_physics import DatasetPhysics, true_parameters
from mrs_keras.evaluation.reconstruction import summary
from mrs_keras.models import CVAE
from mrs_keras.random_streams import row_seeds


def noise_numbers(
    model: CVAE, physics: DatasetPhysics, examples: Mapping[str, np.ndarray], reconstructions: np.ndarray
) -> dict:
    """Holds what a model leaves out of noisy spectra against the true noise.

    Args:
      model: trained.
      physics: of the dataset.
      examples: of the dataset, as `load_arrays` gives them, with `"snr"` unless it is the same for all.
      reconstructions: float (batch, points, 2), of the examples.

    Returns:
      dict of `"residual_over_noise"`: standard deviation of data less reconstruction over that of the true noise, 1 is
      best, below 1 the model has learned noise by heart, above 1 it has missed signal; `"noise_over_data"`, the
      relative L2 error of a reconstruction that is right but for the noise; and, where the model generates noise,
      `"generated"` and `"data"`: its level as a fraction of the tallest peak. Median, 95th and (but for
      `"noise_over_data"`) 5th percentile of each.
    """
    true = physics.noise_level(true_parameters(examples), examples.get("snr", physics.snr))
    left = (examples["spectrum"] - reconstructions).reshape(len(true), -1).std(axis=1)
    spectra = examples["spectrum"].reshape(len(true), -1)
    share = true * np.sqrt(spectra.shape[1]) / np.linalg.norm(spectra, axis=1)
    numbers = {"residual_over_noise": _percentiles(left / true), "noise_over_data": summary(share)}
    if model.noise_variance is not None:
        generated = generated_noise_level(model, examples["concentrations"])
        numbers["generated"] = _percentiles(generated / physics.peak_height)
        numbers["data"] = _percentiles(true / physics.peak_height)
    return numbers


def generated_noise_level(model: CVAE, concentrations: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns the standard deviation of the noise that a model adds to the spectra it generates: (batch,)."""
    z = model.sample_latents(row_seeds(seed, len(concentrations)), concentrations)
    variance = model.noise_variance.predict_on_batch({"z": z, "concentrations": concentrations})
    return model.spectrum_scale * np.sqrt(
        np.asarray(variance, np.float64).reshape(len(concentrations), -1).mean(axis=1)
    )


def _percentiles(values: np.ndarray) -> dict[str, float]:
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {"percentile_5": float(low), "median": float(median), "percentile_95": float(high)}
