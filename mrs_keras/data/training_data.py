"""What is known about the training data of a model: the joint distribution of its labels, and the sequence."""

import dataclasses
import os
import re
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mrs_keras.data.dataset import load_arrays, open_dataset, split_of
from mrs_keras.data.description import DatasetDescription
from mrs_keras.labels import Labels
from mrs_keras.random_streams import GENERATED
from mrs_keras.run_folder import read_settings
from mrs_keras.simulation import Prior, UniformRange
from mrs_keras.simulation.keyed_random import keyed_uniform

DrawLabels = Callable[[int, int, int], np.ndarray]
"""(start, stop, seed) -> labels of rows `start` to `stop - 1`, float (rows, labels); row k depends on (seed, k)."""


@dataclasses.dataclass(frozen=True, eq=False)
class TrainingData:
    """What is known about the training data of a model.

    Args:
      draw_labels: draws labels as the training data had them, jointly. Defaults to `None`: they are independent and
        uniform in their ranges, or not known.
      labels_are: how they are drawn, in words. Defaults to `"drawn uniformly in the trained range"`.
      echo_time_ms: ms. Defaults to `None`: not known.
      repetition_time_ms: ms. Defaults to `None`: not known.
    """

    draw_labels: DrawLabels | None = None
    labels_are: str = "drawn uniformly in the trained range"
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None

    def drawn_labels(self, labels: Labels, start: int, stop: int, seed: int) -> np.ndarray:
        """Draws labels, jointly where that is known, else uniformly in their ranges.

        Args:
          labels: of the model.
          start: first row.
          stop: one past the last.
          seed: integer. Those of row k depend only on (seed, k).

        Returns:
          float32 (stop - start, labels), within their ranges.
        """
        drawn = _uniform(labels, start, stop, seed) if self.draw_labels is None else self.draw_labels(start, stop, seed)
        # Rounding to float32 may exceed an end of the range.
        return np.clip(drawn.astype(np.float32), labels.low.astype(np.float32), labels.high.astype(np.float32))


def training_data_of(run_dir: str | os.PathLike, data_dir: str | os.PathLike | None = None) -> TrainingData:
    """Returns what the settings of a training say about its data.

    Labels of simulated data are drawn from their prior. Those of other data are rows of the training split, drawn with
    replacement, if the dataset is where TFDS looks for it; else they are drawn uniformly, with a warning.

    Args:
      run_dir: the folder that `train` wrote.
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
    """
    try:
        settings = read_settings(run_dir)
        description = DatasetDescription.from_metadata(settings["fingerprint"])
    except (FileNotFoundError, KeyError, ValueError):  # a model without its settings, or of an earlier version
        return TrainingData()
    sequence = _sequence(description)
    if description.prior is not None:
        return TrainingData(*_of_prior(description.prior), **sequence)
    return TrainingData(*_of_dataset(settings, data_dir), **sequence)


def _uniform(labels: Labels, start: int, stop: int, seed: int) -> np.ndarray:
    # One stream per metabolite, as in the simulation.
    uniform = [keyed_uniform(start, stop, 1, seed, GENERATED, f"concentration/{name}")[:, 0] for name in labels.names]
    uniform = np.stack(uniform, axis=1) if uniform else np.empty((stop - start, 0))
    return labels.low + (labels.high - labels.low) * uniform


def _of_prior(prior: Prior) -> tuple[DrawLabels | None, str]:
    """Returns how labels are drawn, and that in words."""
    names = prior.metabolites
    if all(isinstance(prior.leaf(name), UniformRange) for name in names):
        return None, TrainingData.labels_are

    def draw(start: int, stop: int, seed: int) -> np.ndarray:
        values = prior.values(
            lambda stream, columns: keyed_uniform(start, stop, columns, seed, GENERATED, stream), 1.0, names
        )
        return np.concatenate([values[name] for name in names], axis=1)

    return draw, "drawn jointly from the prior of the training data"


def _of_dataset(settings: Mapping[str, Any], data_dir: str | os.PathLike | None) -> tuple[DrawLabels | None, str]:
    try:
        builder = open_dataset(settings["dataset"], settings["config"], data_dir)
        labels = load_arrays(builder, split_of(builder, "train"))["concentrations"]
    except (FileNotFoundError, ValueError) as error:
        warnings.warn(
            "The joint distribution of the labels of the training data is not known, so they are drawn uniformly in "
            f"their ranges, independently: {error}",
            stacklevel=4,
        )
        return None, TrainingData.labels_are

    def draw(start: int, stop: int, seed: int) -> np.ndarray:
        fraction = keyed_uniform(start, stop, 1, seed, GENERATED, "row of the training labels")[:, 0]
        return labels[(fraction * len(labels)).astype(np.int64)]

    return draw, f"drawn jointly: the labels of {len(labels)} training examples, with replacement"


def _sequence(description: DatasetDescription) -> dict[str, float | None]:
    """Returns echo and repetition time in ms, `None` where not known."""
    if description.prior is None:
        return {name: description.origin.get(name) for name in ("echo_time_ms", "repetition_time_ms")}
    # As `simulate_basis` describes its signals: "PRESS with ideal pulses, TE1 11 ms, TE2 19 ms, ...".
    times_ms = [float(time) for time in re.findall(r"\bTE[12]? ([0-9.]+) ms", description.basis or "")]
    return {"echo_time_ms": sum(times_ms) if times_ms else None}
