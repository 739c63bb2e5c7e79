"""The description of a dataset: all that training, evaluation and models need to know about it."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.default import basis_for
from mrs_keras.basis.macromolecules import BROAD_SIGNALS
from mrs_keras.basis.spins.systems import SPIN_SYSTEMS
from mrs_keras.checks import check_positive
from mrs_keras.data.basis_source import BasisSource
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
      basis_source: of the signals of simulated spectra, see `BasisSource`. Defaults to `None`: not known, or this
        package's own, PRESS TE 30 ms at 3 T.
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
    basis_source: BasisSource | None = None

    def __post_init__(self):
        check_positive("spectrum_scale", self.spectrum_scale, 1000.0)

    @classmethod
    def of_recipe(cls, recipe: ExampleRecipe, basis_source: BasisSource | None = None) -> "DatasetDescription":
        """Returns the description of the examples of a recipe, whose basis came from `basis_source`."""
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
            basis_source=basis_source,
        )

    @property
    def metabolites(self) -> tuple[str, ...]:
        """Names of the labels, in the order of the columns of `concentrations`."""
        return self.labels.names

    @property
    def notice(self) -> str:
        """What users must know who pass the spectra on, or what is trained on them; `""` if there is nothing."""
        return self.origin.get("notice", "") if self.prior is None else self.prior.notice

    def own_basis(self) -> Basis | None:
        """Makes the basis of the dataset again, or returns `None` if its origin is not known.

        Raises:
          FileNotFoundError: if it came from a file that is missing.
          ValueError: if the file has changed since.
        """
        if self.basis_source is not None and self.prior is not None:
            basis = self.basis_source.basis(self.metabolites, self.acquisition)
            if not math.isclose(self.prior.peak_height(basis), self.spectrum_scale, rel_tol=1e-6):
                raise ValueError(
                    "The basis of the dataset has changed since the dataset was built. "
                    f"Expected: '{self.basis}', with a tallest peak of {self.spectrum_scale:g}. "
                    f"Received: {self.basis_source.to_dict()} with {self.prior.peak_height(basis):g}. "
                    "Give the basis that the dataset was built from, or build the dataset again."
                )
            return basis
        if self.prior is None or any(name not in {**SPIN_SYSTEMS, **BROAD_SIGNALS} for name in self.metabolites):
            return None
        basis = basis_for(self.metabolites)
        return basis if (basis.description, basis.acquisition) == (self.basis, self.acquisition) else None

    def own_recipe(self) -> ExampleRecipe:
        """Returns the recipe of the examples with the basis of the dataset, made again.

        Raises:
          FileNotFoundError: if the basis came from a file that is missing.
          ValueError: if the prior or the origin of the basis is not known, or its file has changed since.
        """
        basis = self.own_basis()
        if basis is not None:
            return self.recipe(basis)
        received = "without a prior" if self.prior is None else f"of the basis '{self.basis}'"
        raise ValueError(
            "Training on simulated spectra, and a generator with the physics of the spectra, need a dataset with a "
            f"prior and with a basis of known origin. Received: a dataset {received}. Choose a preset that trains on "
            "the dataset, such as 'base'."
        )

    def recipe(self, basis: Basis) -> ExampleRecipe | None:
        """Returns the recipe of the examples with a basis, or `None` if the prior is not known."""
        if self.prior is None:
            return None
        return ExampleRecipe(self.prior, basis.select(self.metabolites), self.seed, self.snr, self.backend)

    def to_metadata(self) -> dict:
        """Returns the description as plain JSON data; `from_metadata` reads it back."""
        source = {} if self.basis_source is None else {"basis_source": self.basis_source.to_dict()}
        return {
            **source,
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
        # Datasets of this package's own basis, and those from before there were others, do not have the last field.
        fields = [field.name for field in dataclasses.fields(cls) if field.name != "basis_source"]
        missing = [name for name in fields if name not in (metadata or {})]
        if missing:
            raise ValueError(
                "The metadata of the dataset do not describe spectra with labels. "
                f"Expected: {', '.join(fields)}. Missing: {', '.join(missing)}. "
                "If an earlier version of mrs_keras wrote the dataset, create it again with `tfds build` or "
                "`mrs-keras generate`."
            )
        values = {name: metadata[name] for name in fields}
        prior, source = values["prior"], (metadata or {}).get("basis_source")
        return cls(
            **{
                **values,
                "acquisition": Acquisition(**values["acquisition"]),
                "labels": Labels.from_dict(values["labels"]),
                "prior": None if prior is None else Prior.from_dict(prior),
                "basis_source": None if source is None else BasisSource(**source),
            }
        )
