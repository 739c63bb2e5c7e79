"""What may be loaded from others, and what this package never does with a file."""

import ast

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.models import load_trained
from mrs_keras.run_folder import MODEL_FILE
from tests.conftest import REPOSITORY
from tests.serving.signature_inputs import SAVED_MODELS

SOURCES = sorted(path for name in ("mrs_keras", "tfds_builders") for path in (REPOSITORY / name).rglob("*.py"))
RUN_CODE = {"pickle", "cPickle", "_pickle", "cloudpickle", "dill", "marshal", "shelve"}


@pytest.fixture(scope="module")
def trees():
    assert len(SOURCES) > 50
    return {path.relative_to(REPOSITORY): ast.parse(path.read_text(encoding="utf-8")) for path in SOURCES}


@pytest.fixture
def lambda_model():
    return keras.Sequential([keras.Input((2,)), keras.layers.Lambda(lambda x: x + 1)])


def test_a_model_file_with_a_lambda_is_refused(lambda_model, tmp_path):
    lambda_model.save(tmp_path / MODEL_FILE)
    with pytest.raises(ValueError, match=r"(?s)cannot be read: .*(unsafe|arbitrary code)"):
        load_trained(tmp_path)


def test_a_lambda_is_what_it_is_refused_for(lambda_model, tmp_path):
    lambda_model.save(tmp_path / MODEL_FILE)
    loaded = keras.models.load_model(tmp_path / MODEL_FILE, safe_mode=False)
    np.testing.assert_array_equal(loaded(np.zeros((1, 2))), [[1, 1]])


def test_no_module_turns_the_safe_mode_of_keras_off(trees):
    for path, tree in trees.items():
        for node in ast.walk(tree):
            assert getattr(node, "arg", None) != "safe_mode", path
            assert getattr(node, "attr", getattr(node, "id", "")) != "enable_unsafe_deserialization", path


def test_no_module_imports_what_runs_code_from_files(trees):
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            else:
                continue
            assert not RUN_CODE & {name.partition(".")[0] for name in names}, f"{path}:{node.lineno}"


def test_no_module_loads_files_of_joblib(trees):
    # Its `Parallel` sends what this package makes to its own processes.
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "joblib":
                assert node.attr in ("Parallel", "delayed", "cpu_count"), f"{path}:{node.lineno}"
            assert not (isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "joblib"), path


def test_no_module_lets_numpy_unpickle(trees):
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
                assert isinstance(node.value, ast.Constant), path
                assert node.value.value is False, path


@pytest.mark.parametrize("name", SAVED_MODELS)
def test_no_signature_of_the_pretrained_pair_touches_files_or_runs_python(name):
    module = tf.saved_model.load(str(SAVED_MODELS[name]))
    for signature in module.signatures.values():
        graph = signature.graph.as_graph_def()
        nodes = [*graph.node, *(node for function in graph.library.function for node in function.node_def)]
        used = {node.op for node in nodes}
        assert {"Assert", "EnsureShape"} <= used
        assert not {op for op in used if any(word in op for word in ("File", "Save", "Restore", "PyFunc", "Print"))}
