"""What a served model says of itself, and the checks of inputs that follow from it."""

import dataclasses
import json
from collections.abc import Mapping

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_finite


@dataclasses.dataclass(frozen=True)
class Description:
    """The answer of the signature `describe`.

    Attributes:
      metabolites: names, in the order of the concentrations.
      concentration_range_mm: float32 (metabolites, 2), lowest and highest concentration that the model takes, mM.
      acquisition: of the spectra.
      ppm: float32 (points,), chemical shift of the points of a spectrum, ppm, rising.
      latent_dim: number of latents.
      latent_prior: what `generate` draws latents from, `"fitted"` or `"standard_normal"`.
      spectrum_scale: size of the spectra, in their units: of the tallest peak.
      model_version: version of the export.
      export_id: the same for an encoder and a generator that belong together.
    """

    metabolites: tuple[str, ...]
    concentration_range_mm: np.ndarray
    acquisition: Acquisition
    ppm: np.ndarray
    latent_dim: int
    latent_prior: str
    spectrum_scale: float
    model_version: int
    export_id: str

    @classmethod
    def from_outputs(cls, outputs: Mapping[str, np.ndarray]) -> "Description":
        """Returns the description in the first row of the outputs of `describe`."""
        rows = {name: value[0] for name, value in outputs.items()}
        return cls(
            metabolites=tuple(_text(name) for name in rows["metabolites"]),
            concentration_range_mm=rows["concentration_range_mm"],
            acquisition=Acquisition(**json.loads(_text(rows["acquisition"]))),
            ppm=rows["ppm"],
            latent_dim=int(rows["latent_dim"]),
            latent_prior=_text(rows["latent_prior"]),
            spectrum_scale=float(rows["spectrum_scale"]),
            model_version=int(rows["model_version"]),
            export_id=_text(rows["export_id"]),
        )

    def checked(self, **inputs) -> dict[str, np.ndarray]:
        """Returns inputs as float32 arrays that the model takes; a server would refuse others.

        Raises:
          ValueError: if one has another shape or number of rows, or holds what is not finite or out of range.
        """
        arrays = {name: check_finite(name, np.asarray(value, np.float32)) for name, value in inputs.items()}
        rows = {name: len(array) if array.ndim else 0 for name, array in arrays.items()}
        if len(set(rows.values())) != 1 or not min(rows.values()):
            raise ValueError(
                f"All inputs must have the same number of rows, at least one. Received: {rows}. Give a row for each "
                "spectrum."
            )
        for name, array in arrays.items():
            kind = name.removesuffix("_a").removesuffix("_b")
            if array.shape[1:] != self._shapes[kind]:
                raise ValueError(
                    f"`{name}` must be (rows, {', '.join(map(str, self._shapes[kind]))}). Received: shape "
                    f"{array.shape}. The model has {self.latent_dim} latents, the metabolites "
                    f"{', '.join(self.metabolites)}, and {len(self.ppm)} points (real, imaginary)."
                )
            if kind == "concentrations":
                self._check_range(name, array)
        if "alpha" in arrays and np.any((arrays["alpha"] < 0) | (arrays["alpha"] > 1)):
            raise ValueError(
                f"`alpha` must lie from 0 to 1. Received: {arrays['alpha'].min():g} to {arrays['alpha'].max():g}. "
                "0 is the first end, 1 the second."
            )
        return arrays

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the inputs after the rows."""
        return {
            "spectrum": (len(self.ppm), 2),
            "concentrations": (len(self.metabolites),),
            "z": (self.latent_dim,),
            "alpha": (),
        }

    def _check_range(self, name: str, concentrations: np.ndarray) -> None:
        low, high = self.concentration_range_mm.T
        wrong = np.argwhere((concentrations < low) | (concentrations > high))
        if len(wrong):
            row, column = wrong[0]
            ranges = ", ".join(
                f"{metabolite} {a:g} to {b:g} mM"
                for metabolite, (a, b) in zip(self.metabolites, self.concentration_range_mm, strict=True)
            )
            raise ValueError(
                f"`{name}` must lie in the range of the training: {ranges}. Received: "
                f"{self.metabolites[column]}={concentrations[row, column]:g} in row {row}, and "
                f"{len(wrong) - 1} more. Keep to the range: outside of it the spectra mean nothing."
            )


def _text(value) -> str:
    """gRPC gives bytes, REST text."""
    return value.decode() if isinstance(value, bytes) else str(value)
