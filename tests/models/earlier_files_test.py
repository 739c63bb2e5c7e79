"""Files that earlier versions wrote: models, exports and runs still load."""

import json
import zipfile

import keras
import numpy as np
import pytest

from mrs_keras import ModelDescription
from tests.models.cvae_test import examples, small_model


def as_an_earlier_version_wrote_it(path, model):
    """Saves a model, and takes its config back to the arguments from before labels and latent priors were objects."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(content["config.json"])
    arguments = config["config"]
    labels, prior = arguments.pop("labels"), arguments.pop("latent_prior")
    arguments["metabolites"], arguments["concentration_range_mm"] = labels["names"], labels["ranges"]
    arguments["mixture_components"] = prior.get("components", 0)
    content["config.json"] = json.dumps(config).encode()
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in content.items():
            archive.writestr(name, data)


@pytest.mark.parametrize("latent_prior", [{"kind": "mixture", "components": 2}, {"kind": "standard_normal"}])
def test_a_keras_file_of_an_earlier_version_gives_the_same_spectra(tmp_path, latent_prior):
    model = small_model(latent_prior=latent_prior)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(examples(64), epochs=1, batch_size=32, verbose=0, shuffle=False)
    if model.latent_prior.needs_fit:
        model.fit_latent_density(examples(64))
    as_an_earlier_version_wrote_it(tmp_path / "model.keras", model)
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert loaded.get_config() == model.get_config()
    assert int(loaded.optimizer.iterations) == 2
    for name, values in model.generate([[12.0, 4.5], [9.0, 3.5]], seed=1).items():
        np.testing.assert_array_equal(loaded.generate([[12.0, 4.5], [9.0, 3.5]], seed=1)[name], values)


def test_an_export_from_before_labels_had_units_is_of_concentrations_in_mm():
    now = small_model().description
    then = {name: value for name, value in now.to_dict().items() if not name.startswith("label_")}
    assert ModelDescription.from_dict(then) == now
    outputs = {name: value for name, value in now.to_outputs().items() if not name.startswith("label_")}
    described = ModelDescription.from_outputs({name: np.asarray(value)[None] for name, value in outputs.items()})
    assert described.labels == now.labels
    assert described.acquisition == now.acquisition
