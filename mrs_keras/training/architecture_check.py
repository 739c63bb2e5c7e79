"""Checks the checkpoint that a training resumes from."""

import json
from collections.abc import Mapping
from pathlib import Path

import keras

from mrs_keras.data.description import DatasetDescription
from mrs_keras.models import CVAE
from mrs_keras.models.arguments import data_arguments, lacks_physics
from mrs_keras.models.latent_priors import make_latent_prior
from mrs_keras.models.physical_layer import physics_of


def check_architecture(model: keras.Model, settings: Mapping, description: DatasetDescription, path: Path) -> CVAE:
    """Returns the model of a checkpoint, or raises `ValueError` if it is not the model that these settings train.

    Args:
      model: as loaded.
      settings: of the run, as `train` writes them.
      description: of the dataset.
      path: of the checkpoint, for the message.
    """
    expected = {**data_arguments(description), **settings["model"], "seed": settings["seed"]}
    # `train` replaces the preset's value with a schedule that depends on the number of steps.
    expected.pop("kl_weight")
    # A preset may leave out arguments of the latent prior; the checkpoint names all.
    prior = make_latent_prior(expected["latent_prior"], expected["latent_dim"], len(description.labels))
    expected["latent_prior"] = {"kind": prior.kind, **prior.settings()}
    if lacks_physics(expected):
        expected["decoder"] = {**expected["decoder"], "physics": physics_of(description.own_recipe())}
    expected = json.loads(json.dumps(expected))
    found = json.loads(json.dumps(model.get_config())) if isinstance(model, CVAE) else {}
    different = [
        f"{name} (found {found.get(name)!r}, expected {value!r})"
        for name, value in expected.items()
        if found.get(name) != value
    ]
    if not different:
        return model
    raise ValueError(
        f"The checkpoint '{path}' is of another model: "
        f"{', '.join(different) if found else f'a {type(model).__name__}, expected a CVAE'}. "
        "Remove it if it does not belong to this run, or choose another folder."
    )
