"""Topic: the noise of a dataset: whether a model removes it in reconstructions and generates the same level."""

import dataclasses
from typing import Self

import numpy as np

from mrs_keras.evaluation.dataset_physics import DatasetPhysics, true_parameters
from mrs_keras.evaluation.reconstruction import Reconstruction
from mrs_keras.evaluation.report.format import percent
from mrs_keras.evaluation.summaries import Spread, Summary
from mrs_keras.evaluation.topic import NO_PHYSICS, LeftOut, Split, Topic
from mrs_keras.models import CVAE
from mrs_keras.plotting.html_page import Section
from mrs_keras.random_streams import row_seeds


@dataclasses.dataclass(frozen=True)
class Noise(Topic):
    """Noise of the validation spectra, of their residuals, and of generated spectra.

    Attributes:
      residual_over_noise: standard deviation of data less reconstruction over that of the true noise: 1 is best; below
        1 the model has overfitted the noise, above 1 it has missed signal.
      noise_over_data: relative L2 error of a perfect reconstruction, due to the noise alone.
      generated: standard deviation of the noise of generated spectra, as a fraction of the tallest peak; `None` where
        the model does not generate noise.
      data: the same of the validation spectra; `None` where the model does not generate noise.
    """

    residual_over_noise: Spread
    noise_over_data: Summary
    generated: Spread | None
    data: Spread | None

    @classmethod
    def measure(
        cls, model: CVAE, physics: DatasetPhysics | None, validation: Split, reconstruction: Reconstruction
    ) -> Self | LeftOut | None:
        """Compares with the true noise; `None` if the data have none.

        Args:
          model: trained.
          physics: of the dataset.
          validation: the validation split, with `"snr"` unless it is the same for all spectra.
          reconstruction: of the validation spectra.
        """
        if physics is None:
            return LeftOut("noise", NO_PHYSICS)
        if not physics.noisy:
            return None
        true = physics.noise_level(true_parameters(validation), validation.get("snr", physics.recipe.snr))
        left = (validation["spectrum"] - reconstruction.reconstructions).reshape(len(true), -1).std(axis=1)
        spectra = validation["spectrum"].reshape(len(true), -1)
        share = true * np.sqrt(spectra.shape[1]) / np.linalg.norm(spectra, axis=1)
        generates = model.generates_noise
        return cls(
            residual_over_noise=Spread.of(left / true),
            noise_over_data=Summary.of(share),
            generated=Spread.of(generated_noise_level(model, validation["concentrations"]) / physics.peak_height)
            if generates
            else None,
            data=Spread.of(true / physics.peak_height) if generates else None,
        )

    def numbers(self) -> dict:
        numbers = dataclasses.asdict(self)
        return {"noise": {name: summary for name, summary in numbers.items() if summary is not None}}

    def sections(self) -> list[Section]:
        levels = {
            "noise of generated spectra, over the tallest peak": self.generated,
            "noise of the validation spectra, over the tallest peak": self.data,
        }
        rows = [("data less reconstruction, over the true noise", *_cells(self.residual_over_noise, "{:.3f}".format))]
        rows += [(label, *_cells(spread, percent)) for label, spread in levels.items() if spread is not None]
        return [
            Section(
                "Noise",
                "Standard deviations. The first row is best at 1: below, the model has overfitted the noise; above, it "
                "has missed signal. "
                + (
                    "Generated spectra carry no noise: this model does not learn its level."
                    if self.generated is None
                    else "The last two rows should agree."
                ),
                (("", "5th percentile", "median", "95th percentile"), rows),
            )
        ]


def generated_noise_level(model: CVAE, concentrations: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns the standard deviation of the noise that a model adds to the spectra it generates: float64 (batch,)."""
    return np.asarray(model.noise_of(row_seeds(seed, len(concentrations)), concentrations), np.float64)


def _cells(spread: Spread, text) -> tuple[str, ...]:
    return text(spread.percentile_5), text(spread.median), text(spread.percentile_95)
