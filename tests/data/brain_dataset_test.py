"""The dataset of the brain, and datasets from a basis of one's own, as their users meet them."""

import dataclasses
import json
import re
import subprocess

import numpy as np
import pytest
import scipy.stats

from mrs_keras import CVAE, Prior, SpectralParameters, open_dataset, simulate_basis
from mrs_keras.basis import BROAD_SIGNALS, SPIN_SYSTEMS, basis_for
from mrs_keras.data import describe_dataset, load_arrays
from mrs_keras.simulation import (
    EFFECT_UNITS,
    Effects,
    Fixed,
    LogNormal,
    channels_to_complex,
    simulate_with_effects,
    voigt_fwhm_hz,
)
from tests.conftest import REPOSITORY, command
from tfds_builders.simulated_mrs.card import draw, prior_tables
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig

FOLDER = REPOSITORY / "tfds_builders" / "simulated_mrs"
PARAMETERS = ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline")


def build(data_dir, **settings):
    builder = Builder(data_dir=data_dir, config=SimulatedMrsConfig(**{"train": 100, "validation": 10, **settings}))
    builder.download_and_prepare()
    return open_dataset(config=settings["name"], data_dir=data_dir)


def build_by_command(data_dir, config):
    folder = REPOSITORY / "tfds_builders" / "simulated_mrs"
    return subprocess.run(
        [command("tfds"), "build", folder, "--data_dir", data_dir, "--config", config],
        capture_output=True,
        text=True,
        cwd=data_dir,
    )


@pytest.fixture(scope="module")
def brain(tmp_path_factory):
    return build(tmp_path_factory.mktemp("brain"), name="brain", prior="brain_press_te30_uniform")


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    return build(tmp_path_factory.mktemp("published"), name="published", prior="brain_press_te30")


@pytest.mark.parametrize("name", ["brain_press_te30", "brain_press_te30_uniform"])
def test_the_command_finds_the_brain_by_name(name):
    # Built in full only where the card's figure is made: here it is enough that the name is resolved.
    config = Builder.get_builder_config(name)
    assert (config.prior, config.train, config.validation) == (name, 20_000, 2000)
    assert Builder.get_builder_config("brain") is None


def test_only_the_config_whose_examples_changed_has_a_new_version(tmp_path):
    versions = {
        name: str(Builder(data_dir=tmp_path, config=name).version)
        for name in ("naa_pcr", "brain_press_te30", "brain_press_te30_uniform")
    }
    assert versions == {"naa_pcr": "2.0.0", "brain_press_te30": "3.0.0", "brain_press_te30_uniform": "2.0.0"}
    assert set(versions.values()) < set(Builder.RELEASE_NOTES)


def test_spectra_of_the_published_statistics_are_those_of_their_stored_parameters(published):
    arrays, description = load_arrays(published, "train"), describe_dataset(published)
    assert description.prior.to_dict() == Prior.from_preset("brain_press_te30").to_dict()
    assert len(description.labels.names) == 30
    assert arrays["baseline"].shape == (100, 48)
    assert (arrays["concentrations"] >= 0).all()
    basis = basis_for(description.labels.names)
    again = simulate_with_effects(
        SpectralParameters(**{name: arrays[name] for name in PARAMETERS}),
        basis,
        Effects(**{name: arrays[name] for name in EFFECT_UNITS}),
        snr=arrays["snr"],
        seed=published.info.metadata["seed"],
        baseline_regressors=description.prior.baseline_regressors(basis.acquisition),
    )
    stored = channels_to_complex(arrays["spectrum"])
    errors = np.linalg.norm(again - stored, axis=1) / np.linalg.norm(stored, axis=1)
    assert errors.max() < 1e-5  # the parameters are stored as float32


def test_a_build_without_a_config_leaves_the_brain_alone(data_dir):
    # `.config` is TFDS's own.
    assert {path.name for path in (data_dir / "simulated_mrs").iterdir()} <= {"naa_pcr", ".config"}
    assert [config.name for config in Builder.BUILDER_CONFIGS] == ["naa_pcr"]


def test_the_command_builds_a_config_given_as_json(tmp_path):
    config = {"name": "brain_small", "prior": "brain_press_te30_uniform", "train": 3, "validation": 1}
    build_by_command(tmp_path, json.dumps(config)).check_returncode()
    arrays = load_arrays(open_dataset(config="brain_small", data_dir=tmp_path), "train")
    assert arrays["concentrations"].shape == (3, 24)


def test_every_parameter_of_the_brain_is_stored_with_its_unit(brain):
    arrays, features = load_arrays(brain, "train"), brain.info.features
    for name, unit in EFFECT_UNITS.items():
        assert arrays[name].shape == ((100, 3) if name.startswith("water_") else (100,))
        assert features[name].doc.desc.endswith(f", {unit}")
        assert features[name].doc.value_range
        assert brain.info.metadata["units"][name] == unit
    np.testing.assert_allclose(arrays["linewidth_hz"], voigt_fwhm_hz(arrays["gamma"], arrays["sigma"]), rtol=1e-6)
    assert 20 <= arrays["snr"].min() < 40
    assert 130 < arrays["snr"].max() <= 150
    assert brain.info.metadata["prior"]["snr"] == [20.0, 150.0]
    assert set(describe_dataset(brain).labels.names) <= {*SPIN_SYSTEMS, *BROAD_SIGNALS}


def test_the_stored_parameters_make_the_stored_brain_spectra(brain):
    arrays = load_arrays(brain, "train")
    again = simulate_with_effects(
        SpectralParameters(**{name: arrays[name] for name in PARAMETERS}),
        basis_for(describe_dataset(brain).labels.names),
        Effects(**{name: arrays[name] for name in EFFECT_UNITS}),
        snr=arrays["snr"],
        seed=brain.info.metadata["seed"],
    )
    stored = channels_to_complex(arrays["spectrum"])
    errors = np.linalg.norm(again - stored, axis=1) / np.linalg.norm(stored, axis=1)
    assert errors.max() < 1e-5  # the parameters are stored as float32


def test_test_pairs_of_the_brain_share_their_effects(brain):
    test = load_arrays(brain, "test")
    ids = test["example_id"].astype(str).tolist()
    low, high = ids.index("phi0_low"), ids.index("phi0_high")
    different = {name for name in test if not np.array_equal(test[name][low], test[name][high])}
    assert different == {"example_id", "spectrum", "phi0"}


def test_an_example_of_the_brain_does_not_depend_on_the_size_of_the_split(brain, tmp_path):
    shorter = build(tmp_path, name="shorter", prior="brain_press_te30_uniform", train=65)
    one, other = (load_arrays(builder, "train") for builder in (shorter, brain))
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name][:65])


def test_a_model_is_made_from_the_metadata_of_the_brain(brain):
    model = CVAE.from_preset("base", dataset=brain.info.metadata)
    arrays = load_arrays(brain, "train")
    inputs = {name: arrays[name][:4] for name in ("spectrum", "concentrations")}
    assert model.labels == describe_dataset(brain).labels
    assert model.predict(inputs, verbose=0)["spectrum"].shape == (4, 252, 2)


def test_a_fixed_snr_takes_the_place_of_the_priors(tmp_path):
    builder = build(tmp_path, name="fixed", prior="brain_press_te30_uniform", snr=40.0)
    np.testing.assert_array_equal(load_arrays(builder, "train")["snr"], 40.0)


def test_the_command_builds_a_dataset_from_a_basis_by_path(tmp_path):
    path = tmp_path / "mine.npz"
    simulate_basis(["PCr", "Lac", "NAA"], sequence="steam").save(path)
    config = {"name": "mine", "basis": str(path), "train": 3, "validation": 1}
    build_by_command(tmp_path, json.dumps(config)).check_returncode()
    builder = open_dataset(config="mine", data_dir=tmp_path)
    arrays = load_arrays(builder, "train")
    parameters = SpectralParameters(**{name: arrays[name] for name in PARAMETERS})
    expected = simulate_with_effects(parameters, simulate_basis(["NAA", "PCr"], sequence="steam"), None)
    np.testing.assert_allclose(channels_to_complex(arrays["spectrum"]), expected, atol=1e-4)
    assert describe_dataset(builder).labels.names == ("NAA", "PCr")
    assert "STEAM" in describe_dataset(builder).basis


def test_a_basis_without_the_metabolites_of_the_prior_is_refused(tmp_path):
    path = tmp_path / "lactate.npz"
    simulate_basis(["Lac"]).save(path)
    with pytest.raises(ValueError, match="Missing: NAA, PCr. Received: .*lactate.npz' with Lac"):
        Builder(data_dir=tmp_path, config=SimulatedMrsConfig(name="lactate", basis=str(path)))


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"prior": "brain"}, ValueError, "Unknown `preset`.*'brain_press_te30'"),
        ({"basis": "nowhere.npz"}, FileNotFoundError, "nowhere.npz"),
    ],
)
def test_a_config_that_makes_no_sense_is_refused(tmp_path, settings, error, message):
    with pytest.raises(error, match=message):
        Builder(data_dir=tmp_path, config=SimulatedMrsConfig(name="wrong", **settings))


def test_the_card_has_the_published_statistics_as_mean_deviation_and_correlation():
    card = (FOLDER / "README.md").read_text()
    table, sources = prior_tables(Prior.from_preset("brain_press_te30"))
    assert table in card
    assert sources in card
    # 1.232 mM for one unit of amplitude; the pair is published as deviations of its sum and difference.
    assert "| NAA | 10.6 ± 1.32; correlation with NAAG -0.124 | mM |" in table
    assert "| baseline, spline at 2.12 ppm |" in table
    assert "| Gly | 0.2 to 1 | mM |" in table


@pytest.mark.parametrize("preset", ["naa_pcr", "brain_press_te30_uniform"])
def test_the_card_has_the_table_and_the_sources_of_each_prior(preset):
    card = (FOLDER / "README.md").read_text()
    prior = Prior.from_preset(preset)
    table, sources = prior_tables(prior)
    assert table in card
    assert sources in card
    plain = prior.to_dict()
    scalars = {name: plain[name] for name in (*PARAMETERS[1:], *(("snr",) if "snr" in plain else ()))}
    for name, (low, high) in {**plain["concentrations"], **scalars, **plain.get("effects", {})}.items():
        assert re.search(rf"^\| {name}\W.*\| {low:.4g} to {high:.4g} \|", table, re.MULTILINE)


def test_the_card_shows_its_figure():
    assert "(brain_press_te30.png)" in (FOLDER / "README.md").read_text()
    assert (FOLDER / "brain_press_te30.png").read_bytes().startswith(b"\x89PNG")


def test_the_cards_figure_is_drawn_from_a_split(brain):
    figure = draw(load_arrays(brain, "train"), describe_dataset(brain).acquisition)
    spectra, snr, linewidth = figure.axes
    assert spectra.get_xlim() == (4.2, 0.2)  # ppm from right to left
    assert all(axes.get_xlabel() for axes in figure.axes)
    assert [sum(patch.get_height() for patch in axes.patches) for axes in (snr, linewidth)] == [100, 100]


def test_a_prior_of_ones_own_becomes_a_dataset_from_a_file_or_from_json(tmp_path):
    prior = dataclasses.replace(
        Prior.from_preset("naa_pcr"), gamma=LogNormal(8.0, 0.3), effects={"drift_hz": Fixed(2.0)}, snr=Fixed(40.0)
    )
    prior.save(tmp_path / "prior.json")
    config = {"name": "mine", "prior": str(tmp_path / "prior.json"), "train": 300, "validation": 1}
    build_by_command(tmp_path, json.dumps(config)).check_returncode()
    builder = open_dataset(config="mine", data_dir=tmp_path)
    assert describe_dataset(builder).prior.to_dict() == prior.to_dict()
    arrays = load_arrays(builder, "train")
    np.testing.assert_array_equal(arrays["drift_hz"], 2.0)
    assert scipy.stats.kstest(np.log(arrays["gamma"] / 8.0) / 0.3, "norm").pvalue > 1e-4
    inline = build(tmp_path / "inline", name="inline", prior=prior.to_dict(), train=300)
    for name, values in load_arrays(inline, "train").items():
        np.testing.assert_array_equal(values, arrays[name])
