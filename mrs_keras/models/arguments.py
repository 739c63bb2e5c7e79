"""Checks of the arguments of `CVAE`, and arguments from presets and datasets."""

from collections.abc import Mapping

import keras

from mrs_keras.basis.default import basis_for
from mrs_keras.checks import check_choice
from mrs_keras.data.description import DatasetDescription
from mrs_keras.models.physical_layer import physics_of
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
    """Returns `"free"`, or the plain data of a hybrid generator: its `"kind"`, `"physics"` and `"residual"`."""
    if decoder == "free":
        return "free"
    if isinstance(decoder, Mapping) and decoder.get("kind") == "hybrid" and decoder.get("physics"):
        residual = {} if decoder.get("residual", True) else {"residual": False}
        return {"kind": "hybrid", "physics": dict(decoder["physics"]), **residual}
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

    A hybrid decoder without `"physics"` gets those of the dataset.

    Args:
      name: one of `CVAE_PRESETS`.
      dataset: description of a dataset, or its metadata. Defaults to `None`: the preset's.
      **overrides: arguments that replace those of the preset.

    Raises:
      ValueError: if there is no such preset; the message lists them; or it has a hybrid decoder, and the dataset no
        known physics.
    """
    preset = CVAE_PRESETS[check_choice("preset", name, CVAE_PRESETS)]
    dataset = described(name, dataset)
    arguments = {**data_arguments(dataset), **preset["config"], **overrides}
    if lacks_physics(arguments):
        arguments["decoder"] = {**arguments["decoder"], "physics": physics_of(dataset.own_recipe())}
    return arguments


def lacks_physics(arguments: Mapping) -> bool:
    """Returns whether the decoder of arguments of `CVAE` is a hybrid one that waits for the physics of a dataset."""
    decoder = arguments.get("decoder")
    return isinstance(decoder, Mapping) and "physics" not in decoder


def described(preset: str, dataset: DatasetDescription | Mapping | None) -> DatasetDescription:
    """Returns the description of a dataset, from that or its metadata, or, of `None`, of the preset's."""
    if dataset is None:
        prior = Prior.from_preset(CVAE_PRESETS[preset]["training"]["config"])
        return DatasetDescription.of_recipe(ExampleRecipe(prior, basis_for(prior.metabolites)))
    return DatasetDescription.from_metadata(dataset) if isinstance(dataset, Mapping) else dataset


def data_arguments(dataset: DatasetDescription) -> dict:
    """Returns the arguments of `CVAE` that depend on the dataset, as plain data."""
    return {
        "labels": dataset.labels.to_dict(),
        "acquisition": dataset.acquisition.to_dict(),
        "spectrum_scale": dataset.spectrum_scale,
    }
