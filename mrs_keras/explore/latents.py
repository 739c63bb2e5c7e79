"""What each latent moves, and its range in the training data: names, order and ranges of the page's sliders."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from threadpoolctl import threadpool_limits

from mrs_keras.evaluation.latent_information import kl_per_unit, latent_factors, mutual_information
from mrs_keras.explore.served_model import ServedModel
from mrs_keras.explore.training_data import TrainingExamples
from mrs_keras.random_streams import EVALUATED_LATENTS
from mrs_keras.simulation.keyed_random import keyed_normal

UNUSED_NATS = 0.01
"""KL divergence below which a latent is unused."""

LEAST_NATS = 0.1
"""Least mutual information that names a latent; independent ones have up to 0.05 by chance."""

KINDS = {
    "phi": "Phase",
    "eps": "Shift",
    "shifts": "Shift",
    "drift": "Width",
    "gamma": "Width",
    "sigma": "Width",
    "linewidth": "Width",
    "baseline": "Baseline",
    "water": "Water",
    "eddy": "Eddy currents",
    "snr": "Noise",
}
"""Beginning of the name of a factor -> kind of latent, in the order of the sliders."""

OTHER = "Other"


@dataclasses.dataclass(frozen=True)
class Latent:
    """A latent, for its slider.

    Args:
      index: number in `z`.
      name: such as `"Phase 1"`.
      factor: the parameter that it shares most information with, or `""`.
      nats: the mutual information with it.
      kl: mean KL divergence of its posterior, nats; `nan` if it is not known.
      low: smallest value in the training data, drawn from the posteriors.
      high: largest value.
      used: whether the model uses it.
    """

    index: int
    name: str
    factor: str
    nats: float
    kl: float
    low: float
    high: float
    used: bool


def latents_of(
    model: ServedModel, examples: TrainingExamples, measured: Mapping[str, list[float]] | None = None
) -> list[Latent]:
    """Encodes the examples, and says what each latent moves, in the order of the sliders.

    Args:
      model: that encodes them.
      examples: of the training data.
      measured: the mutual information in the report of the model, factor -> of each latent, nats. Defaults to `None`:
        it is estimated in the same way from the examples.

    Raises:
      ServingError: if the model server does not answer.
    """
    arrays, z_mean, kl = examples.arrays, examples.z, None
    drawn = z_mean
    if z_mean is None:
        concentrations = _within(model, arrays["concentrations"])
        posterior = model.call("encode", spectrum=arrays["spectrum"], concentrations=concentrations)
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]
        kl = kl_per_unit(z_mean, z_log_var)
        # As in the report: means would reveal information that the noise of an unused latent hides.
        drawn = z_mean + np.exp(0.5 * z_log_var) * keyed_normal(0, *z_mean.shape, 0, EVALUATED_LATENTS)
    labels = model.description.labels.names
    if measured is None:
        factors = {n: v for n, v in latent_factors(arrays, labels).items() if n not in labels and np.ptp(v) > 0}
        with threadpool_limits(1, "blas"):
            nats = mutual_information(drawn, factors) if factors else np.zeros((0, drawn.shape[1]))
        measured = dict(zip(factors, nats.tolist(), strict=True))
    measured = {name: values for name, values in measured.items() if name not in labels}
    return _named(drawn, kl, measured)


def _named(drawn: np.ndarray, kl: np.ndarray | None, measured: Mapping[str, list[float]]) -> list[Latent]:
    found = []
    for index, column in enumerate(drawn.T):
        factor, nats = max(
            ((name, float(values[index])) for name, values in measured.items()),
            key=lambda each: each[1],
            default=("", 0.0),
        )
        if nats < LEAST_NATS:
            factor = ""
        used = kl is None or bool(kl[index] >= UNUSED_NATS)
        own_kl = float("nan") if kl is None else float(kl[index])
        found.append(Latent(index, "", factor, nats, own_kl, float(column.min()), float(column.max()), used))
    order = [*dict.fromkeys(KINDS.values()), OTHER]
    found.sort(key=lambda each: (not each.used, order.index(kind_of(each.factor)), -each.nats, each.index))
    numbers: dict[str, int] = {}
    named = []
    for latent in found:
        kind = kind_of(latent.factor) if latent.used else "Unused"
        numbers[kind] = numbers.get(kind, 0) + 1
        named.append(dataclasses.replace(latent, name=f"{kind} {numbers[kind]}"))
    return named


def kind_of(factor: str) -> str:
    """Returns what a parameter is about, in a word."""
    return next((kind for beginning, kind in KINDS.items() if factor.startswith(beginning)), OTHER)


def band_of(spectrum: np.ndarray) -> dict[str, list]:
    """Returns the 5th and the 95th percentile of spectra at each point.

    Args:
      spectrum: float32 (n, points, 2).

    Returns:
      `"real"`, `"imaginary"` and `"magnitude"` -> two lists.
    """
    parts = {
        "real": spectrum[..., 0],
        "imaginary": spectrum[..., 1],
        "magnitude": np.hypot(spectrum[..., 0], spectrum[..., 1]),
    }
    return {name: np.percentile(values, (5, 95), axis=0).tolist() for name, values in parts.items()}


def _within(model: ServedModel, concentrations: np.ndarray) -> np.ndarray:
    """Returns labels inside their trained ranges, the middle of it where one is missing."""
    low, high = (limit.astype(np.float32) for limit in (model.description.labels.low, model.description.labels.high))
    # Rounding, and rare draws, are outside.
    return np.clip(np.where(np.isfinite(concentrations), concentrations, (low + high) / 2), low, high)
