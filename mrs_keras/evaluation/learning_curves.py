"""Topic: the learning curves of the training."""

import dataclasses
import os
from collections.abc import Mapping
from typing import Self

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.topic import Topic
from mrs_keras.plotting.html_page import Section
from mrs_keras.run_folder import read_history


@dataclasses.dataclass(frozen=True, eq=False)
class LearningCurves(Topic):
    """The history of a training.

    Attributes:
      history: name -> float64 (epochs,), as `read_history` returns it.
    """

    history: Mapping[str, np.ndarray]

    @classmethod
    def measure(cls, run_dir: str | os.PathLike) -> Self:
        """Reads the history of a run."""
        return cls(read_history(run_dir))

    def figures(self) -> dict[str, Figure]:
        return {"learning_curves": plotting.plot_learning_curves(self.history)}

    def sections(self) -> list[Section]:
        return [
            Section(
                "Training",
                "Training numbers are those of sampled latents, validation numbers those of the posterior mean. "
                "Good: all curves have become flat, and validation does not rise again.",
                figure="learning_curves",
                caption="Learning curves.",
            )
        ]
