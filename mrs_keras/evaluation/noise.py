"""Topic: the noise of a dataset: whether a model removes it in reconstructions and generates the same level."""

import dataclasses
from typing import Self

import numpy as np

from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.generation import Generation
from mrs_keras.evaluation.reconstruction import Reconstruction
from mrs_keras.evaluation.report.format import percent
from mrs_keras.evaluation.summaries import Spread, Summary
from mrs_keras.evaluation.table import PERCENT, Row
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
      left_over: standard deviation of what the fit leaves over of generated spectra (latents from the default prior),
        as a fraction of the tallest peak: the noise, if the spectra are physical.
      left_over_simulated: the same of simulated spectra.
    """

    ROWS = (
        Row(
            "noise.generated_off",
            "noise of generated spectra, off that of simulated ones by (medians, by the fit)",
            PERCENT,
        ),
    )

    residual_over_noise: Spread
    noise_over_data: Summary
    generated: Spread | None
    data: Spread | None
    left_over: Spread
    left_over_simulated: Spread

    @classmethod
    def measure(
        cls,
        model: CVAE,
        physics: DatasetPhysics | None,
        validation: Split,
        reconstruction: Reconstruction,
        generation: Generation,
    ) -> Self | LeftOut | None:
        """Compares with the true noise; `None` if the data have none.

        Args:
          model: trained.
          physics: of the dataset.
          validation: the validation split, with `"snr"` unless it is the same for all spectra.
          reconstruction: of the validation spectra.
          generation: fits of generated and simulated spectra.
        """
        if physics is None:
            return LeftOut("noise", NO_PHYSICS)
        if not physics.noisy:
            return None
        true = physics.noise_level(physics.true_parameters(validation), validation.get("snr", physics.recipe.snr))
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
            left_over=Spread.of(generation.generated[0].left_over / physics.peak_height),
            left_over_simulated=Spread.of(generation.simulated.left_over / physics.peak_height),
        )

    def numbers(self) -> dict:
        numbers = {name: summary for name, summary in dataclasses.asdict(self).items() if summary is not None}
        ratio = self.left_over.median / self.left_over_simulated.median
        return {"noise": {**numbers, "generated_over_simulated": ratio, "generated_off": abs(ratio - 1)}}

    def sections(self) -> list[Section]:
        levels = {
            "noise of generated spectra, over the tallest peak": self.generated,
            "noise of the validation spectra, over the tallest peak": self.data,
            "left over by the fit of generated spectra, over the tallest peak": self.left_over,
            "left over by the fit of simulated spectra, over the tallest peak": self.left_over_simulated,
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
                    else "The next two rows should agree."
                )
                + (
                    " The last two, of which a fit measures the noise without asking the model, should agree if "
                    "generated spectra carry noise."
                ),
                (("", "5th percentile", "median", "95th percentile"), rows),
            )
        ]


def generated_noise_level(model: CVAE, concentrations: np.ndarray, seed: int = 0) -> np.ndarray:
    """Returns the standard deviation of the noise that a model adds to the spectra it generates: float64 (batch,)."""
    return np.asarray(model.noise_of(row_seeds(seed, len(concentrations)), concentrations), np.float64)


def _cells(spread: Spread, text) -> tuple[str, ...]:
    return text(spread.percentile_5), text(spread.median), text(spread.percentile_95)
