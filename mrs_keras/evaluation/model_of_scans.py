"""What a model of measured spectra says of real ones: its loss, and its reconstructions."""

import dataclasses

import numpy as np

from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.evaluation.realism import RealSpectra
from mrs_keras.models.cvae import CVAE
from mrs_keras.simulation import channels_to_complex, complex_to_channels

ROWS_AT_ONCE = 512


@dataclasses.dataclass(frozen=True, eq=False)
class ModelOfScans:
    """A model of measured spectra with noise of known level.

    Args:
      model: trained.
      training: real spectra that it was trained on, with its labels.
    """

    model: CVAE
    training: RealSpectra

    def losses(self, real: RealSpectra) -> np.ndarray:
        """Returns the loss of each spectrum at the posterior mean, in nats, float64 (n,)."""
        parts = [np.asarray(self.model.example_losses(part)["loss"], np.float64) for part in self._parts(real)]
        return np.concatenate(parts)

    def reconstruct(self, real: RealSpectra) -> np.ndarray:
        """Returns the reconstruction of each spectrum from its posterior mean, complex (n, window_points)."""
        rebuilt = [np.asarray(self.model(part, training=False)["spectrum"]) for part in self._parts(real)]
        return channels_to_complex(np.concatenate(rebuilt))

    def labels(self) -> np.ndarray:
        """Returns the labels of the training spectra, float32 (n, labels); those that are missing are inferred."""
        values = _measured(self.training).values
        known = np.isfinite(values)
        if known.all():
            return values.astype(np.float32)
        inferred = self.model.infer(complex_to_channels(self.training.spectra))["concentrations"]
        return np.where(known, values, inferred).astype(np.float32)

    def _parts(self, real: RealSpectra) -> list[dict[str, np.ndarray]]:
        # What stands for a missing label has no weight.
        columns = _measured(real).columns(np.median(self.labels(), axis=0))
        starts = range(0, len(real), ROWS_AT_ONCE)
        return [{name: column[first : first + ROWS_AT_ONCE] for name, column in columns.items()} for first in starts]


def is_of_scans(model: CVAE, real: RealSpectra) -> bool:
    """Returns whether a model can be asked about real spectra as they are: their noise, acquisition and labels."""
    return (
        model.decoder_variance == "known"
        and model.acquisition == real.acquisition
        and tuple(model.labels.names) == real.label_names
    )


def _measured(real: RealSpectra) -> MeasuredSpectra:
    missing = np.full((len(real), len(real.label_names)), np.nan)
    return MeasuredSpectra(
        real.spectra,
        real.noise_sigma,
        missing if real.labels is None else real.labels,
        missing if real.label_deviations is None else real.label_deviations,
        ids=tuple(f"spectrum {row}" for row in range(len(real))),
        participants=real.subjects,
        sites=real.sites,
    )
