import json
import shutil

import numpy as np
import pytest

from mrs_keras import export
from mrs_keras.files import remove
from mrs_keras.serving import load_export
from tests.conftest import run_python

TENSORFLOW_ALONE = """
import json, sys
import numpy as np, tensorflow as tf
folder = sys.argv[1]
data = dict(np.load(folder + "/data.npz"))
names, output = {}, {}
for name, signature, inputs in (
    ("encoder", "encode", ("spectrum", "concentrations")),
    ("generator", "decode", ("z", "concentrations")),
):
    module = tf.saved_model.load(f"{folder}/saved_models/{name}/1")
    names[name] = sorted(module.signatures)
    for key in (signature, "serving_default"):
        function = module.signatures[key]
        assert sorted(function.structured_input_signature[1]) == sorted(inputs)
        result = function(**{key: tf.constant(data[key]) for key in inputs})
        output.update({key: value.numpy() for key, value in result.items()})
generate = module.signatures["generate"]
for batch in (1, 7, 100):
    rows = {key: tf.constant(data[key][:batch]) for key in ("concentrations", "seed")}
    output.update({f"{key} generated in {batch}": value.numpy() for key, value in generate(**rows).items()})
assert "mrs_keras" not in sys.modules
np.savez(folder + "/output.npz", **output)
print(json.dumps(names))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory, run_dir, data_dir):
    from mrs_keras.data import load_arrays, open_dataset
    from mrs_keras.evaluation import load_trained

    folder = tmp_path_factory.mktemp("export")
    model = load_trained(run_dir)
    export(model, folder / "saved_models")
    validation = load_arrays(open_dataset(data_dir), "validation")
    data = {name: validation[name][:100] for name in ("spectrum", "concentrations")}
    data["z"] = np.random.default_rng(0).normal(size=(100, model.latent_dim)).astype(np.float32)
    data["seed"] = np.arange(100, dtype=np.int64) ** 5 - 50
    np.savez(folder / "data.npz", **data)
    return folder, model, data


def test_a_process_with_tensorflow_alone_gets_the_numbers_of_the_keras_model(exported, measured):
    folder, model, data = exported
    names = json.loads(run_python(TENSORFLOW_ALONE, folder).stdout.splitlines()[-1])
    assert names == {"encoder": ["encode", "serving_default"], "generator": ["decode", "generate", "serving_default"]}
    output = np.load(folder / "output.npz")
    expected = model.encoder.predict({k: data[k] for k in ("spectrum", "concentrations")}, verbose=0)
    expected["spectrum"] = model.generator.predict({k: data[k] for k in ("z", "concentrations")}, verbose=0)
    for name, values in expected.items():
        difference = np.abs(output[name] - values).max() / np.abs(values).max()
        measured(f"{name}: SavedModel off by {difference:.1e} of the largest value")
        assert difference < 1e-5
    expected = model.generate(data["concentrations"], data["seed"])
    for batch in (1, 7, 100):
        difference = np.abs(output[f"spectrum generated in {batch}"] - expected[:batch]).max() / np.abs(expected).max()
        measured(f"spectrum generated in a batch of {batch}: SavedModel off by {difference:.1e} of the largest value")
        assert difference < 1e-6
    np.testing.assert_allclose(
        output["z generated in 100"], model.sample_latents(data["seed"], data["concentrations"]), rtol=1e-5, atol=1e-5
    )


def test_the_batch_axis_is_free(exported):
    import tensorflow as tf

    generator = tf.saved_model.load(str(exported[0] / "saved_models" / "generator" / "1"))
    for batch in (1, 7):
        spectrum = generator.decode({"z": tf.zeros((batch, 16)), "concentrations": tf.ones((batch, 2))})["spectrum"]
        assert spectrum.shape == (batch, 252, 2)


def test_the_export_says_what_it_was_trained_for(exported):
    folder, model, _ = exported
    path = folder / "saved_models" / "generator" / "1" / "assets.extra" / "mrs_keras.json"
    described = json.loads(path.read_text())
    assert described["metabolites"] == ["NAA", "PCr"]
    assert described["concentration_range_mm"] == [[7.5, 17.0], [3.0, 5.5]]
    assert described["acquisition"] == model.acquisition.to_dict()


def test_older_versions_stay(exported, tmp_path):
    model = exported[1]
    export(model, tmp_path, version=1)
    before = (tmp_path / "encoder" / "1" / "saved_model.pb").stat().st_mtime_ns
    paths = export(model, tmp_path, version=2)
    assert paths["encoder"] == tmp_path / "encoder" / "2"
    assert sorted(path.name for path in (tmp_path / "encoder").iterdir()) == ["1", "2"]
    assert (tmp_path / "encoder" / "1" / "saved_model.pb").stat().st_mtime_ns == before


@pytest.mark.parametrize("failing_at", ["encoder", "generator"])
def test_an_export_that_fails_leaves_the_old_pair(exported, tmp_path, monkeypatch, failing_at):
    import tensorflow as tf

    shutil.copytree(exported[0] / "saved_models", tmp_path, dirs_exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    save = tf.saved_model.save

    def failing(module, path, **options):
        save(module, path, **options)
        if module.name == failing_at:
            raise OSError("No space left on device")

    monkeypatch.setattr(tf.saved_model, "save", failing)
    with pytest.raises(OSError, match="No space left"):
        export(exported[1], tmp_path)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert {path for path in after if path.is_file()} == {path for path in before if path.is_file()}
    assert all(after[path] == before[path] for path in after if path.is_file())


def test_a_whole_export_is_loaded(exported):
    encoder, generator = load_export(exported[0] / "saved_models")
    assert "encode" in encoder.signatures
    assert "decode" in generator.signatures


@pytest.mark.parametrize(
    ("removed", "message"),
    [
        ("generator/1", "generator/1' is not there"),
        ("encoder/1/variables", "encoder/1' is not complete.*Missing: variables/variables.index"),
        ("generator/1/saved_model.pb", "is not complete.*Missing: saved_model.pb"),
        ("encoder/1/assets.extra", "is not complete.*mrs-keras export"),
    ],
)
def test_a_missing_or_half_written_export_is_refused(exported, tmp_path, removed, message):
    shutil.copytree(exported[0] / "saved_models", tmp_path, dirs_exist_ok=True)
    remove(tmp_path / removed)
    with pytest.raises(FileNotFoundError, match=message):
        load_export(tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("assets.extra/mrs_keras.json", b'{"export_id": "12'),
        ("assets.extra/mrs_keras.json", b"{}"),
        ("saved_model.pb", b"half a graph"),
        ("variables/variables.index", b""),
    ],
)
def test_an_export_with_an_unreadable_file_is_refused(exported, tmp_path, file, content):
    shutil.copytree(exported[0] / "saved_models", tmp_path, dirs_exist_ok=True)
    (tmp_path / "encoder" / "1" / file).write_bytes(content)
    with pytest.raises(ValueError, match=r"encoder/1' is damaged: .*\s?.*mrs-keras export .*--version 1"):
        load_export(tmp_path)


def test_the_newest_export_is_loaded_unless_a_version_is_given(exported, tmp_path):
    for version in ("9", "10"):
        for name in ("encoder", "generator"):
            shutil.copytree(exported[0] / "saved_models" / name / "1", tmp_path / name / version)
    remove(tmp_path / "generator" / "10" / "variables")
    with pytest.raises(FileNotFoundError, match="generator/10' is not complete"):
        load_export(tmp_path)
    load_export(tmp_path, version=9)


def test_an_encoder_and_a_generator_of_different_exports_are_refused(exported, tmp_path):
    shutil.copytree(exported[0] / "saved_models", tmp_path, dirs_exist_ok=True)
    export(exported[1], tmp_path, version=2)
    remove(tmp_path / "generator" / "1")
    (tmp_path / "generator" / "2").rename(tmp_path / "generator" / "1")
    with pytest.raises(ValueError, match="must come from one export"):
        load_export(tmp_path, version=1)


@pytest.mark.parametrize("version", [0, -1, "latest"])
def test_a_version_that_is_no_count_is_refused(exported, tmp_path, version):
    with pytest.raises(ValueError, match="`version` must be a whole number"):
        export(exported[1], tmp_path, version=version)
