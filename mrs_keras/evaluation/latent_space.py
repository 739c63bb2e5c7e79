"""Topic: which latents are used, which parameters they carry, and whether labels leak into them."""

import dataclasses
from typing import Self

import numpy as np
from matplotlib.figure import Figure
from threadpoolctl import threadpool_limits

from mrs_keras import plotting
from mrs_keras.evaluation.latent_information import (
    Predictability,
    kl_per_unit,
    latent_factors,
    mutual_information,
    predictability,
)
from mrs_keras.evaluation.reconstruction import Reconstruction
from mrs_keras.evaluation.table import STATISTIC, Row
from mrs_keras.evaluation.topic import OverviewRow, Split, Topic
from mrs_keras.plotting.html_page import Section
from mrs_keras.random_streams import EVALUATED_LATENTS
from mrs_keras.simulation.keyed_random import keyed_normal


@dataclasses.dataclass(frozen=True, eq=False)
class LatentSpace(Topic):
    """Information in the latents of the validation spectra.

    Attributes:
      latents: float64 (batch, latent_dim), drawn from the posteriors: posterior means would reveal information that the
        noise of an unused latent hides.
      factors: what a latent could carry: name -> (batch,), the metabolites first.
      metabolites: names of the factors that are labels.
      kl_per_unit: float64 (latent_dim,), as `kl_per_unit` returns it, nats.
      predicted: factor -> how well it is predicted from all latents.
      mutual_information: factor -> float64 (latent_dim,), nats.
      active_units: number of active latents.
    """

    ROWS = (Row("latent_space.labels.*.nonlinear", "labels that leak into the latents (largest R2)", STATISTIC),)

    latents: np.ndarray
    factors: dict[str, np.ndarray]
    metabolites: tuple[str, ...]
    kl_per_unit: np.ndarray
    predicted: dict[str, Predictability]
    mutual_information: dict[str, np.ndarray]
    active_units: int

    @classmethod
    def measure(cls, validation: Split, metabolites: tuple[str, ...], reconstruction: Reconstruction) -> Self:
        """Measures the information about the parameters in the posteriors of the validation spectra."""
        z_mean, z_log_var = reconstruction.z_mean, reconstruction.z_log_var
        noise = keyed_normal(0, *z_mean.shape, 0, EVALUATED_LATENTS)
        latents, factors = z_mean + np.exp(0.5 * z_log_var) * noise, latent_factors(validation, metabolites)
        with threadpool_limits(1, "blas"):  # small matrices: threads would wait for each other
            predicted = predictability(latents, factors)
        return cls(
            latents=latents,
            factors=factors,
            metabolites=metabolites,
            kl_per_unit=kl_per_unit(z_mean, z_log_var),
            predicted=predicted,
            mutual_information=dict(zip(factors, mutual_information(latents, factors), strict=True)),
            active_units=reconstruction.active_units,
        )

    @property
    def largest_leak(self) -> float:
        """Largest R2 of a label's nonlinear prediction from the latents."""
        return max(self.predicted[name].nonlinear for name in self.metabolites)

    def numbers(self) -> dict:
        predicted = {name: dataclasses.asdict(score) for name, score in self.predicted.items()}
        return {
            "latent_space": {
                "kl_per_unit": self.kl_per_unit.tolist(),
                "labels": {name: predicted[name] for name in self.metabolites},
                "parameters": {name: score for name, score in predicted.items() if name not in self.metabolites},
                "mutual_information": {name: values.tolist() for name, values in self.mutual_information.items()},
            }
        }

    def figures(self) -> dict[str, Figure]:
        scores = {
            "linear": [score.linear for score in self.predicted.values()],
            "nonlinear": [score.nonlinear for score in self.predicted.values()],
        }
        figure = plotting.plot_latent_space(self.kl_per_unit, self.mutual_information, scores, self.metabolites)
        return {"latent_space": figure}

    def overview(self) -> list[OverviewRow]:
        return [OverviewRow("labels that leak into the latents, largest R2", f"{self.largest_leak:.3f}", "0")]

    def sections(self) -> list[Section]:
        return [
            Section(
                "Latent space: which latent carries what?",
                f"{self.active_units} of {len(self.kl_per_unit)} latents are active, with {self.kl_per_unit.sum():.1f} "
                "nats of KL divergence in all. R2 is how well a parameter is predicted from all latents (five-fold "
                "cross-validation; a linear and a kernel ridge regression): it should be near 1 for parameters that "
                "the model must encode, but near 0 for the labels, which are inputs of the generator: a label that "
                "leaks into the latents conflicts with the requested one. Chance is slightly below 0.",
                (
                    ("parameter", "strongest latents (mutual information, nats)", "R2, linear", "nonlinear"),
                    [self._row(name) for name in self.factors],
                ),
                "latent_space",
                "Top: KL divergence of each latent, 0 where it is unused. Bottom left: mutual information; good is one "
                "bright cell per row, and dark rows for labels. Bottom right: R2; long bars are good, except for "
                "labels. phi1 changes a spectrum so little that a model may ignore it.",
            )
        ]

    def _row(self, name: str) -> tuple[str, ...]:
        values, score = self.mutual_information[name], self.predicted[name]
        strongest = np.argsort(-values, kind="stable")[:3]
        return (
            f"{name} (label)" if name in self.metabolites else name,
            ", ".join(f"{latent} ({values[latent]:.2f})" for latent in strongest),
            f"{score.linear:.3f}",
            f"{score.nonlinear:.3f}",
        )
