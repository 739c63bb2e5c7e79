import json
import shutil

import numpy as np
import pytest

from mrs_keras import export
from mrs_keras.files import remove
from mrs_keras.serving import load_export
from mrs_keras.serving.signatures import INTERPOLATED
from tests.conftest import run_python

TENSORFLOW_ALONE = """
import json, sys
import numpy as np, tensorflow as tf
folder = sys.argv[1]
data = dict(np.load(folder + "/data.npz"))
names, output = {}, {}
for name in ("encoder", "generator"):
    module = tf.saved_model.load(f"{folder}/saved_models/{name}/1")
    names[name] = sorted(module.signatures)
    for key, function in module.signatures.items():
        inputs = function.structured_input_signature[1]
        for batch in (1, 7, 64 if key == "interpolate_geodesic" else 1024):
            values = {name: tf.constant(data[name][:batch]) for name in inputs}
            result = function(**values)
            output.update({f"{key} {name} {batch}": value.numpy() for name, value in result.items()})
assert "mrs_keras" not in sys.modules
np.savez(folder + "/output.npz", **output)
print(json.dumps(names))
"""


@pytest.fixture(scope="module")
def exported(tmp_path_factory, run_dir, data_dir):
    from mrs_keras.data import load_arrays, open_dataset
    from mrs_keras.models import load_trained

    folder = tmp_path_factory.mktemp("export")
    model = load_trained(run_dir)
    export(model, folder / "saved_models")
    validation = load_arrays(open_dataset(data_dir=data_dir), "validation")
    data = {name: validation[name][:1024] for name in ("spectrum", "concentrations")}
    data.update(concentrations_a=data["concentrations"], concentrations_b=data["concentrations"][::-1])
    random = np.random.default_rng(0)
    for name in ("z", "z_a", "z_b"):
        data[name] = random.normal(size=(1024, model.latent_dim)).astype(np.float32)
    data["alpha"] = np.linspace(0, 1, 1024, dtype=np.float32)
    data["seed"] = np.arange(1024, dtype=np.int64) ** 5 - 50
    data["row"] = np.arange(1024)
    np.savez(folder / "data.npz", **data)
    return folder, model, data


def test_a_process_with_tensorflow_alone_gets_the_numbers_of_the_keras_model_from_every_signature(exported, measured):
    folder, model, data = exported
    names = json.loads(run_python(TENSORFLOW_ALONE, folder).stdout.splitlines()[-1])
    assert names == {
        "encoder": ["describe", "encode", "serving_default"],
        "generator": ["decode", "describe", "generate", "interpolate", "interpolate_geodesic", "serving_default"],
    }
    posterior = model.encoder.predict({k: data[k] for k in ("spectrum", "concentrations")}, verbose=0)
    decoded = model.generator.predict({k: data[k] for k in ("z", "concentrations")}, verbose=0)
    alpha = data["alpha"][:, None]
    between = {k: (1 - alpha) * data[f"{k}_a"] + alpha * data[f"{k}_b"] for k in ("z", "concentrations")}
    seeds, concentrations = data["seed"], data["concentrations"]
    expected = {
        "encode z_mean": posterior["z_mean"],
        "encode z_log_var": posterior["z_log_var"],
        "serving_default z_mean": posterior["z_mean"],
        "decode spectrum": decoded,
        "serving_default spectrum": decoded,
        "interpolate spectrum": model.generator.predict(between, verbose=0),
        "interpolate_geodesic spectrum": model.interpolate(
            *(data[name][:64] for name in INTERPOLATED), path="geodesic"
        )["spectrum"],
        "generate spectrum": model.generate(concentrations, seeds)["spectrum"],
        "generate z": model.sample_latents(seeds, concentrations).numpy(),
    }
    output = np.load(folder / "output.npz")
    for name, values in expected.items():
        largest = max(
            np.abs(output[f"{name} {batch}"] - values[:batch]).max() / np.abs(values).max()
            for batch in (1, 7, len(values))
        )
        measured(f"{name}: SavedModel off by {largest:.1e} of the largest value")
        assert largest < 1e-5
    # The same seed gives the same spectrum in whatever batch it travels.
    whole = output["generate spectrum 1024"]
    for batch in (1, 7):
        difference = np.abs(output[f"generate spectrum {batch}"] - whole[:batch]).max() / np.abs(whole).max()
        measured(f"generate in a batch of {batch} and of 1,024: {difference:.1e} of the largest value")
        assert difference < 1e-6


def test_what_a_signature_must_refuse_names_the_input(exported):
    import tensorflow as tf

    folder, _, data = exported
    encoder, generator = load_export(folder / "saved_models")
    rows = {name: values[:3] for name, values in data.items()}
    unending = rows["spectrum"].copy()
    unending[1, 7, 1] = np.inf
    nan = np.array(rows["z"])
    nan[2, 0] = np.nan
    wrong = [
        (encoder, "encode", {"spectrum": unending}, r"`spectrum` must be finite.*\[1\]"),
        (
            encoder,
            "encode",
            {"spectrum": rows["spectrum"][:, :-1]},
            r"spectrum \[3,251,2\].*expected shape \[\?,252,2\]",
        ),
        (generator, "decode", {"z": nan}, r"`z` must be finite.*\[2\]"),
        (generator, "decode", {"z": rows["z"][:2]}, r"same number of rows.*z, concentrations:\] \[2 3\]"),
        (generator, "decode", {k: rows[k][:0] for k in ("z", "concentrations")}, "at least one.*\\[0 0\\]"),
        (generator, "generate", {"concentrations": np.float32([[8, 4], [7, 4], [8, 4]])}, r"NAA 7.5 to 17 mM.*\[7 4\]"),
        (generator, "generate", {"concentrations": np.float32([[8, 4], [8, 4], [8, np.nan]])}, r"\[2\] \[8 nan\]"),
        (generator, "interpolate", {"alpha": np.float32([0, 1, 1.01])}, "`alpha` must lie from 0 to 1"),
        (generator, "interpolate_geodesic", {"z_b": nan}, r"`z_b` must be finite.*\[2\]"),
        (generator, "interpolate", {"concentrations_b": np.float32([[8, 6]] * 3)}, "`concentrations_b` must lie"),
    ]
    for module, signature, changed, message in wrong:
        function = module.signatures[signature]
        inputs = {name: {**rows, **changed}[name] for name in function.structured_input_signature[1]}
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            function(**{name: tf.constant(value) for name, value in inputs.items()})
        # It goes on.
        function(**{name: tf.constant(rows[name]) for name in inputs})


def test_a_client_needs_nothing_but_what_the_export_describes(exported):
    folder, model, _ = exported
    for module in load_export(folder / "saved_models"):
        described = {name: value.numpy()[0] for name, value in module.describe().items()}
        np.testing.assert_allclose(described["ppm"], model.acquisition.window_ppm_axis, rtol=1e-6)
        assert [name.decode() for name in described["metabolites"]] == ["NAA", "PCr"]
        np.testing.assert_array_equal(described["concentration_range_mm"], np.float32([[7.5, 17.0], [3.0, 5.5]]))
        assert json.loads(described["acquisition"]) == model.acquisition.to_dict()
        assert (described["latent_dim"], described["model_version"]) == (16, 1)
        np.testing.assert_allclose(described["spectrum_scale"], model.spectrum_scale)


def test_the_warm_up_requests_call_every_signature_and_are_answered(exported):
    import tensorflow as tf
    from tensorflow_serving.apis import prediction_log_pb2

    for name, module in zip(("encoder", "generator"), load_export(exported[0] / "saved_models"), strict=True):
        path = exported[0] / "saved_models" / name / "1" / "assets.extra" / "tf_serving_warmup_requests"
        called = set()
        for record in tf.data.TFRecordDataset(str(path)):
            request = prediction_log_pb2.PredictionLog.FromString(record.numpy()).predict_log.request
            assert request.model_spec.name == name
            called.add(request.model_spec.signature_name)
            inputs = {key: tf.make_ndarray(value) for key, value in request.inputs.items()}
            module.signatures[request.model_spec.signature_name](**{k: tf.constant(v) for k, v in inputs.items()})
        assert called == set(module.signatures)


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
