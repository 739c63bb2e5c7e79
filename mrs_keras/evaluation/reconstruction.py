"""Topic: how well the model reconstructs spectra, compared with a principal component analysis."""

import dataclasses
from typing import Self

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from mrs_keras import plotting
from mrs_keras.evaluation.diverged import check_finite_output, failure
from mrs_keras.evaluation.report.format import both, cells, percent
from mrs_keras.evaluation.summaries import Summary
from mrs_keras.evaluation.table import LATENTS, PERCENT, RATIO, Row
from mrs_keras.evaluation.topic import OverviewRow, Split, Topic
from mrs_keras.models import CVAE, ActiveUnits
from mrs_keras.plotting.html_page import Section
from mrs_keras.simulation import channels_to_complex


def relative_l2(reconstruction: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Returns `||reconstruction - reference||_2 / ||reference||_2` of each example.

    Args:
      reconstruction: real or complex (batch, ...).
      reference: same shape.

    Returns:
      float64 (batch,).
    """
    reference = np.asarray(reference).reshape(len(reference), -1)
    difference = np.asarray(reconstruction).reshape(reference.shape) - reference
    return np.linalg.norm(difference, axis=1) / np.linalg.norm(reference, axis=1)


def pca_reconstruction(training: np.ndarray, spectra: np.ndarray, components: int) -> np.ndarray:
    """Reconstructs spectra from the first principal components of the training data.

    The best linear model with as many numbers per spectrum as the cVAE has latents; real and imaginary part are
    concatenated, as in the cVAE. It does not see the concentrations.

    Args:
      training: float (examples, points, 2).
      spectra: float (batch, points, 2).
      components: number of principal components; fewer where the training data have fewer spectra.

    Returns:
      float64 (batch, points, 2).
    """
    flat = training.reshape(len(training), -1).astype(np.float64)
    space = PCA(min(components, *flat.shape), svd_solver="covariance_eigh").fit(flat)
    points = spectra.reshape(len(spectra), -1).astype(np.float64)
    return space.inverse_transform(space.transform(points)).reshape(spectra.shape)


@dataclasses.dataclass(frozen=True, eq=False)
class Reconstruction(Topic):
    """The validation spectra, reconstructed from their posterior means.

    Attributes:
      ppm: float (points,), chemical shifts.
      spectra: float32 (batch, points, 2), the validation spectra, in the units of the data.
      reconstructions: float32 (batch, points, 2).
      z_mean: float32 (batch, latent_dim), of the posterior.
      z_log_var: float32 (batch, latent_dim).
      errors: float64 (batch,), relative L2 error of a reconstruction.
      pca_errors: float64 (batch,), that of `pca_reconstruction` with as many components as there are latents.
      active_units: number of active latents, as counted by the model's metric.
    """

    ROWS = (
        Row("reconstruction.model.median", "validation error of the cVAE (median)", PERCENT),
        Row("reconstruction.model.percentile_95", "validation error of the cVAE (95th percentile)", PERCENT),
        Row("reconstruction.pca.median", "validation error of PCA, {latent_dim} components (median)", PERCENT),
        Row("reconstruction.model_over_pca", "cVAE over PCA", RATIO),
        Row("active_units", "active latents", LATENTS),
    )

    ppm: np.ndarray
    spectra: np.ndarray
    reconstructions: np.ndarray
    z_mean: np.ndarray
    z_log_var: np.ndarray
    errors: np.ndarray
    pca_errors: np.ndarray
    active_units: int

    @classmethod
    def measure(cls, model: CVAE, training: Split, validation: Split) -> Self:
        """Reconstructs the validation spectra.

        Raises:
          RuntimeError: if a reconstruction is not finite.
        """
        inputs = {name: validation[name] for name in ("spectrum", "concentrations")}
        output = model.predict(inputs, batch_size=512, verbose=0)
        for name in ("z_mean", "z_log_var", "spectrum"):
            check_finite_output(f"{name} of the validation spectra", output[name])
        pca = pca_reconstruction(training["spectrum"], validation["spectrum"], model.latent_dim)
        active_units = ActiveUnits.from_config(model.active_units.get_config())  # the model's own would lose its state
        active_units.update_state(output["z_mean"])
        return cls(
            ppm=model.acquisition.window_ppm_axis,
            spectra=validation["spectrum"],
            reconstructions=output["spectrum"],
            z_mean=output["z_mean"],
            z_log_var=output["z_log_var"],
            errors=relative_l2(output["spectrum"], validation["spectrum"]),
            pca_errors=relative_l2(pca, validation["spectrum"]),
            active_units=int(active_units.result()),
        )

    @property
    def latent_dim(self) -> int:
        """Number of latents."""
        return self.z_mean.shape[1]

    @property
    def failure(self) -> str | None:
        """Problem of a model that does not reconstruct its data, `None` for one that does."""
        return failure(self.errors, self.active_units)

    def numbers(self) -> dict:
        return {
            **({} if self.failure is None else {"failure": self.failure}),
            "reconstruction": {
                "model": dataclasses.asdict(Summary.of(self.errors)),
                "pca": dataclasses.asdict(Summary.of(self.pca_errors)),
                "model_over_pca": float(np.median(self.errors) / np.median(self.pca_errors)),
            },
            "latent_dim": self.latent_dim,
            "active_units": self.active_units,
        }

    def figures(self) -> dict[str, Figure]:
        spectra, reconstructions = channels_to_complex(self.spectra), channels_to_complex(self.reconstructions)
        return {
            "reconstruction": plotting.plot_reconstruction(
                self.ppm, spectra, reconstructions, self.errors, self.pca_errors, self.latent_dim
            )
        }

    def overview(self) -> list[OverviewRow]:
        return [OverviewRow("validation error, relative L2", both(Summary.of(self.errors)), "0 %")]

    def sections(self) -> list[Section]:
        return [
            Section(
                "Reconstruction",
                f"Relative L2 error of the {len(self.spectra)} validation spectra, reconstructed from the posterior "
                "mean, beside a principal component analysis with as many components as the model has latents: 0 is "
                f"best, and a useful model is far below PCA. {self.active_units} of {self.latent_dim} latents are "
                "active.",
                (
                    ("", "median", "95th percentile"),
                    [
                        (name, *cells(Summary.of(errors), percent))
                        for name, errors in (("cVAE", self.errors), ("PCA", self.pca_errors))
                    ],
                ),
                "reconstruction",
                "Three reconstructions, and the distribution of the error. Good: a flat red line, and a histogram far "
                "left of that of PCA.",
            )
        ]
