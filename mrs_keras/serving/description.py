"""The description of a model, stored in its SavedModels and used by clients and by writers of spectra."""

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_finite
from mrs_keras.labels import Labels

EXTRA = "assets.extra/mrs_keras.json"
NOTICE = "assets.extra/NOTICE.txt"
"""Path of the description in the folder of an export, in addition to the signature `describe`."""

INTERPOLATIONS = {"straight": "interpolate", "geodesic": "interpolate_geodesic"}
"""Path between two latents -> signature that follows it."""


@dataclasses.dataclass(frozen=True)
class ModelDescription:
    """The inputs and outputs of a trained model.

    Attributes:
      labels: names, units and trained ranges of the columns of `concentrations`.
      acquisition: acquisition of the spectra.
      latent_dim: number of latents.
      latent_prior: distribution that `generate` draws latents from, such as `"fitted"` or `"standard_normal"`.
      spectrum_scale: scale of the spectra, in their units: the height of the tallest peak.
      model_version: version of the export; `0` for a model that is not exported.
      export_id: ID shared by the encoder and the generator of one export; `""` for a model that is not exported.
    """

    labels: Labels
    acquisition: Acquisition
    latent_dim: int
    latent_prior: str
    spectrum_scale: float
    model_version: int = 0
    export_id: str = ""

    @property
    def ppm(self) -> np.ndarray:
        """float32 (points,): chemical shift of the points of a spectrum, ppm, ascending."""
        return self.acquisition.window_ppm_axis.astype(np.float32)

    # === As plain data. Servers and clients of other versions use these keys: never rename them. ===

    def to_dict(self) -> dict:
        """Returns the description as plain JSON data; `from_dict` reads it back."""
        return {
            "export_id": self.export_id,
            "model_version": self.model_version,
            "metabolites": list(self.labels.names),
            "concentration_range_mm": [list(limits) for limits in self.labels.ranges],
            "label_units": list(self.labels.units),
            "label_quantity": self.labels.quantity,
            "acquisition": self.acquisition.to_dict(),
            "latent_dim": self.latent_dim,
            "spectrum_scale": self.spectrum_scale,
            "latent_prior": self.latent_prior,
        }

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "ModelDescription":
        """Returns the description from the output of `to_dict`, or from an export of an earlier version.

        Raises:
          KeyError: if a key is missing.
        """
        labels = Labels(
            content["metabolites"],
            content["concentration_range_mm"],
            # Missing in exports from before labels other than concentrations were supported.
            tuple(content.get("label_units", ("mM",) * len(content["metabolites"]))),
            content.get("label_quantity", "concentration"),
        )
        return cls(
            labels,
            Acquisition(**content["acquisition"]),
            *(content[name] for name in ("latent_dim", "latent_prior", "spectrum_scale", "model_version", "export_id")),
        )

    def to_outputs(self) -> dict[str, np.ndarray]:
        """Returns the outputs of the signature `describe`, without their row axis."""
        content = self.to_dict()
        return {
            "ppm": self.ppm,
            "metabolites": np.array(content["metabolites"], object),
            "concentration_range_mm": np.array(content["concentration_range_mm"], np.float32).reshape(-1, 2),
            "label_units": np.array(content["label_units"], object),
            "label_quantity": np.array(content["label_quantity"], object),
            "acquisition": np.array(json.dumps(content["acquisition"]), object),
            "latent_dim": np.array(self.latent_dim, np.int64),
            "latent_prior": np.array(self.latent_prior, object),
            "spectrum_scale": np.array(self.spectrum_scale, np.float32),
            "model_version": np.array(self.model_version, np.int64),
            "export_id": np.array(self.export_id, object),
        }

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, np.ndarray]) -> "ModelDescription":
        """Returns the description in the first row of the outputs of `describe`."""
        rows = {name: _as_text(value[0]) for name, value in outputs.items()}
        plain = {
            name: value.tolist() if isinstance(value, np.ndarray | np.generic) else value
            for name, value in rows.items()
        }
        return cls.from_dict({**plain, "acquisition": json.loads(plain["acquisition"])})

    # === Checks ===

    def checked(self, *, extrapolate: bool = False, **inputs) -> dict[str, np.ndarray]:
        """Validates inputs of signatures and returns them as float32 arrays.

        Args:
          extrapolate: whether to accept labels outside their trained range. Defaults to `False`.
          **inputs: name of an input -> array-like with a row per spectrum: `spectrum`, `z`, `alpha`, `concentrations`,
            and those of the two ends of an interpolation, with suffix `_a` or `_b`.

        Raises:
          ValueError: if a shape does not match the model, or a value is not finite or out of range.
        """
        arrays = {name: check_finite(name, np.asarray(value, np.float32)) for name, value in inputs.items()}
        rows = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        if len(set(rows.values())) != 1 or not min(rows.values()):
            raise ValueError(
                f"All inputs must have the same number of rows, at least one. Received: {rows}. Give a row for each "
                "spectrum."
            )
        for name, array in arrays.items():
            kind = input_kind(name)
            if array.shape[1:] != self.shapes[kind]:
                raise ValueError(
                    f"`{name}` must be (rows, {', '.join(map(str, self.shapes[kind]))}). Received: shape "
                    f"{array.shape}. The model has {self.latent_dim} latents, the labels "
                    f"{', '.join(self.labels.names)}, and {self.acquisition.window_points} points (real, imaginary)."
                )
            if kind == "concentrations" and not extrapolate and (outside := self.labels.out_of_range(array)):
                raise ValueError(
                    f"`{name}` must lie in the range of the training: {outside}. Keep to the range: outside of it the "
                    "spectra mean nothing."
                )
        if "alpha" in arrays and np.any((arrays["alpha"] < 0) | (arrays["alpha"] > 1)):
            raise ValueError(
                f"`alpha` must lie from 0 to 1. Received: {arrays['alpha'].min():g} to {arrays['alpha'].max():g}. "
                "0 is the first end, 1 the second."
            )
        return arrays

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Kind of input -> its shape without the row axis."""
        return {
            "spectrum": (self.acquisition.window_points, 2),
            "concentrations": (len(self.labels),),
            "z": (self.latent_dim,),
            "alpha": (),
            "seed": (),
        }

    def check_same_data(self, labels: Labels, acquisition: Acquisition) -> None:
        """Raises `ValueError` if a dataset has different labels or a different acquisition than the model."""
        ours = {"labels": list(self.labels.names), "acquisition": self.acquisition.to_dict()}
        theirs = {"labels": list(labels.names), "acquisition": acquisition.to_dict()}
        if ours != theirs:
            raise ValueError(
                "The dataset must be of the model's labels, in their order, and of its acquisition. "
                f"Expected: {ours}. Received: {theirs}. Give the dataset that the model was trained on, with `config`."
            )


def input_kind(name: str) -> str:
    """Returns the kind of a signature's input: its name without the suffix `_a` or `_b` of an interpolation."""
    return name.removesuffix("_a").removesuffix("_b")


def _as_text(value: Any) -> Any:
    """Decodes bytes, which gRPC returns where REST returns text."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, np.ndarray) and value.dtype == object:
        return np.array([_as_text(each) for each in value.tolist()], object)
    return value
