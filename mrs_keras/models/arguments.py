"""Checks of the arguments of `CVAE`, and arguments from presets and datasets."""

from collections.abc import Mapping

import keras

from mrs_keras.basis.default import basis_for
from mrs_keras.checks import check_choice
from mrs_keras.data.description import DatasetDescription
from mrs_keras.models.presets import CVAE_PRESETS
from mrs_keras.simulation.examples import ExampleRecipe
from mrs_keras.simulation.priors import Prior


def checked_kl_weight(weight):
    """Returns a schedule (also from its serialised form) or a float >= 0."""
    if isinstance(weight, Mapping):
        weight = keras.saving.deserialize_keras_object(weight)
    if isinstance(weight, keras.optimizers.schedules.LearningRateSchedule):
        return weight
    return checked_weight("kl_weight", weight)


def checked_decoder(decoder) -> str | dict:
    """Returns `"free"`, or the plain data of a hybrid generator: its `"kind"` and `"physics"`."""
    if decoder == "free":
        return "free"
    if isinstance(decoder, Mapping) and decoder.get("kind") == "hybrid" and decoder.get("physics"):
        return {"kind": "hybrid", "physics": dict(decoder["physics"])}
    raise ValueError(
        "`decoder` must be 'free', or {'kind': 'hybrid', 'physics': physics_of(recipe)}. "
        f"Received: decoder={decoder!r}."
    )


def checked_weight(name: str, weight) -> float:
    """Returns the weight of a term of the loss, a finite float >= 0."""
    if 0 <= float(weight) < float("inf"):
        return float(weight)
    raise ValueError(f"`{name}` must be at least 0. Received: {name}={weight}. Give for example 1.0.")


def preset_arguments(name: str, dataset: DatasetDescription | Mapping | None = None, **overrides) -> dict:
    """Returns the arguments of `CVAE` for a preset, with the labels, acquisition and scale of a dataset.

    Args:
      name: one of `CVAE_PRESETS`.
      dataset: description of a dataset, or its metadata. Defaults to `None`: the preset's.
      **overrides: arguments that replace those of the preset.

    Raises:
      ValueError: if there is no such preset; the message lists them.
    """
    preset = CVAE_PRESETS[check_choice("preset", name, CVAE_PRESETS)]
    if dataset is None:
        prior = Prior.from_preset(preset["training"]["config"])
        dataset = DatasetDescription.of_recipe(ExampleRecipe(prior, basis_for(prior.metabolites)))
    elif isinstance(dataset, Mapping):
        dataset = DatasetDescription.from_metadata(dataset)
    return {**data_arguments(dataset), **preset["config"], **overrides}


def data_arguments(dataset: DatasetDescription) -> dict:
    """Returns the arguments of `CVAE` that depend on the dataset, as plain data."""
    return {
        "labels": dataset.labels.to_dict(),
        "acquisition": dataset.acquisition.to_dict(),
        "spectrum_scale": dataset.spectrum_scale,
    }
