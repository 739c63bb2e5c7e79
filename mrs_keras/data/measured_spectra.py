"""Measured spectra in memory, with their noise, labels and subjects: what a model is trained on."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow_datasets as tfds

from mrs_keras.data.dataset import LABEL_KNOWN, load_arrays
from mrs_keras.simulation import channels_to_complex, complex_to_channels

NEEDED = ("spectrum", "noise_sigma", LABEL_KNOWN, "label_deviation", "participant_id", "site", "example_id")
"""Features of a measured dataset."""


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredSpectra:
    """Measured spectra.

    Args:
      spectra: complex128 (n, window_points).
      noise_sigma: float64 (n,), standard deviation of each real number of a spectrum, in the units of the spectra.
      values: float64 (n, labels), labels, NaN where missing.
      deviations: float64 (n, labels), their standard deviations, NaN where unknown.
      ids: names of the spectra.
      participants: subjects of the spectra.
      sites: of the spectra, or `None`.

    Raises:
      ValueError: if the numbers of rows differ, or a spectrum or a noise level is not finite.
    """

    spectra: np.ndarray
    noise_sigma: np.ndarray
    values: np.ndarray
    deviations: np.ndarray
    ids: tuple[str, ...]
    participants: tuple[str, ...]
    sites: tuple[str, ...] | None = None

    def __post_init__(self):
        sizes = {
            field.name: len(value)
            for field in dataclasses.fields(self)
            if (value := getattr(self, field.name)) is not None
        }
        if len(set(sizes.values())) > 1 or self.values.shape != self.deviations.shape:
            raise ValueError(f"There must be one of each for each spectrum. Received: {sizes}.")
        bad = ~(np.isfinite(self.spectra).all(axis=1) & np.isfinite(self.noise_sigma) & (self.noise_sigma > 0))
        if bad.any():
            raise ValueError(
                "Spectra must be finite, and their noise levels above 0. Received others: "
                f"{named(self.ids, np.flatnonzero(bad))}. Leave them out, or repair them."
            )

    def __len__(self) -> int:
        return len(self.spectra)

    def __getitem__(self, rows: np.ndarray) -> "MeasuredSpectra":
        """Returns some of the spectra; `rows` is an index array."""
        chosen = {name: getattr(self, name)[rows] for name in ("spectra", "noise_sigma", "values", "deviations")}
        for name in ("ids", "participants", "sites"):
            value = getattr(self, name)
            chosen[name] = None if value is None else tuple(np.asarray(value, object)[rows])
        return MeasuredSpectra(**chosen)

    def columns(self, fill: np.ndarray) -> dict[str, np.ndarray]:
        """Returns what a model takes, with the spectra on the first axis.

        Args:
          fill: float (labels,), what stands where a label is missing.

        Returns:
          `"spectrum"`, float32 (n, points, 2); `"concentrations"`, `"label_deviation"`, float32 (n, labels);
          `"label_known"`, bool (n, labels); `"noise_sigma"`, float32 (n,). A deviation that is not known is 0.
        """
        known = np.isfinite(self.values)
        return {
            "spectrum": complex_to_channels(self.spectra),
            "concentrations": np.where(known, self.values, fill).astype(np.float32),
            "noise_sigma": self.noise_sigma.astype(np.float32),
            "label_known": known,
            "label_deviation": np.where(np.isfinite(self.deviations), self.deviations, 0.0).astype(np.float32),
        }


def read_measured(builder: tfds.core.DatasetBuilder, split: str) -> MeasuredSpectra:
    """Reads a split of a measured dataset, in the order of the names of its spectra.

    Raises:
      ValueError: if it is not a measured dataset, or is damaged.
    """
    missing = [feature for feature in NEEDED if feature not in builder.info.features]
    if missing:
        raise ValueError(
            f"The dataset in '{builder.data_dir}' does not hold measured spectra. Expected the features of "
            f"`measured_mrs`. Received one without {', '.join(missing)}. Build one of a folder of scans with `tfds "
            "build tfds_builders/measured_mrs`."
        )
    arrays = load_arrays(builder, split, with_unlabelled=True)
    known = arrays[LABEL_KNOWN]
    texts = {name: tuple(arrays[name].astype(str).tolist()) for name in ("example_id", "participant_id", "site")}
    return MeasuredSpectra(
        channels_to_complex(arrays["spectrum"]).astype(np.complex128),
        arrays["noise_sigma"].astype(np.float64),
        np.where(known, arrays["concentrations"], np.nan).astype(np.float64),
        np.where(known, arrays["label_deviation"], np.nan).astype(np.float64),
        ids=texts["example_id"],
        participants=texts["participant_id"],
        sites=texts["site"],
    )


def named(ids: Sequence[str], rows: Sequence[int] | np.ndarray, most: int = 5) -> str:
    """Returns the names of some rows for a message."""
    names = [ids[row] for row in rows]
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
