"""The description of a dataset: all that training, evaluation and models need to know about it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_positive
from mrs_keras.labels import Labels
from mrs_keras.simulation.effects import EFFECT_UNITS
from mrs_keras.simulation.examples import ExampleRecipe
from mrs_keras.simulation.parameters import UNITS
from mrs_keras.simulation.priors import Prior


@dataclasses.dataclass(frozen=True, eq=False)
class DatasetDescription:
    """Description of a dataset of spectra with labels; TFDS stores it as plain data in `builder.info.metadata`.

    Simulated, measured and generated datasets have one. Fields that only apply to simulated spectra may be missing.

    Args:
      acquisition: of the spectra; `spectrum` contains its window.
      labels: names, units and ranges of the columns of `concentrations`.
      spectrum_scale: scale of the spectra, in their units, such as the height of the tallest peak; models divide by it.
      prior: that the parameters were drawn from. Defaults to `None`: not known.
      basis: description of the signals of the metabolites. Defaults to `None`: not known.
      seed: of all draws. Defaults to `0`.
      snr: the same signal-to-noise ratio for all spectra. Defaults to `None`: that of the prior, if any.
      backend: that computed the spectra. Defaults to `"numpy"`.
      units: feature -> unit. Defaults to `{}`.
      origin: where the spectra come from, plain JSON data. Defaults to `{}`.
    """

    acquisition: Acquisition
    labels: Labels
    spectrum_scale: float
    prior: Prior | None = None
    basis: str | None = None
    seed: int = 0
    snr: float | None = None
    backend: str = "numpy"
    units: Mapping[str, str] = dataclasses.field(default_factory=dict)
    origin: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def __post_init__(self):
        check_positive("spectrum_scale", self.spectrum_scale, 1000.0)

    @classmethod
    def of_recipe(cls, recipe: ExampleRecipe) -> "DatasetDescription":
        """Returns the description of the examples of a recipe."""
        prior, basis = recipe.prior, recipe.basis
        noise = {"snr": "", "linewidth_hz": "Hz"} if prior.snr is not None else {}
        leaves = prior.concentrations.values()
        return cls(
            acquisition=basis.acquisition,
            labels=Labels(prior.metabolites, tuple((leaf.low, leaf.high) for leaf in leaves), UNITS["concentrations"]),
            spectrum_scale=prior.peak_height(basis),
            prior=prior,
            basis=basis.description,
            seed=recipe.seed,
            snr=recipe.snr,
            backend=recipe.backend,
            units={"spectrum": "arbitrary", **UNITS, **{name: EFFECT_UNITS[name] for name in prior.effects}, **noise},
        )

    @property
    def metabolites(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the columns of `concentrations`."""
        return self.labels.names

    def recipe(self, basis: Basis) -> ExampleRecipe | None:
        """Returns the recipe of the examples with a basis, or `None` if the prior is not known."""
        if self.prior is None:
            return None
        return ExampleRecipe(self.prior, basis.select(self.metabolites), self.seed, self.snr, self.backend)

    def to_metadata(self) -> dict:
        """Returns the description as plain JSON data; `from_metadata` reads it back."""
        return {
            "acquisition": self.acquisition.to_dict(),
            "labels": self.labels.to_dict(),
            "spectrum_scale": self.spectrum_scale,
            "prior": None if self.prior is None else self.prior.to_dict(),
            **{name: getattr(self, name) for name in ("basis", "seed", "snr", "backend")},
            "units": dict(self.units),
            "origin": dict(self.origin),
        }

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, Any] | None) -> "DatasetDescription":
        """Returns the description in the metadata of a dataset.

        Raises:
          ValueError: if they contain none.
        """
        fields = [field.name for field in dataclasses.fields(cls)]
        missing = [name for name in fields if name not in (metadata or {})]
        if missing:
            raise ValueError(
                "The metadata of the dataset do not describe spectra with labels. "
                f"Expected: {', '.join(fields)}. Missing: {', '.join(missing)}. "
                "If an earlier version of mrs_keras wrote the dataset, create it again with `tfds build` or "
                "`mrs-keras generate`."
            )
        values = {name: metadata[name] for name in fields}
        prior = values["prior"]
        return cls(
            **{
                **values,
                "acquisition": Acquisition(**values["acquisition"]),
                "labels": Labels.from_dict(values["labels"]),
                "prior": None if prior is None else Prior.from_dict(prior),
            }
        )
