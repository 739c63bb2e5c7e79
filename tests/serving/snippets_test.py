"""The signatures that the READMEs load can be called by other graphs: by a `tf.function`, and by `Dataset.map`."""

import ast
import gc
import re

import pytest
import tensorflow as tf

from tests.conftest import REPOSITORY
from tests.serving.signature_inputs import SAVED_MODELS, inputs_of

FOLDERS = ("mrs_keras", "tfds_builders", "saved_models", "deploy", "benchmarks")
PAGES = [*REPOSITORY.glob("*.md"), *sorted(path for name in FOLDERS for path in (REPOSITORY / name).rglob("*.md"))]
LOADS = "tf.saved_model.load("
ONE_LINE = re.compile(r"saved_model\.load\([^\n]*\)\.(signatures|\w+\()")
"""The loaded object is lost with the line, and with it the variables that the signature reads."""


def snippets() -> dict[str, str]:
    """Returns file and line -> Python block that loads a SavedModel."""
    found = {}
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for block in re.finditer(r"```python\n(.*?)```", text, re.DOTALL):
            if LOADS in block[1]:
                line = text.count("\n", 0, block.start()) + 1
                found[f"{page.relative_to(REPOSITORY)}:{line}"] = block[1]
    return found


def names_of(snippet: str) -> dict:
    """Returns the names that a snippet binds where it loads a SavedModel or takes a signature of it."""
    names = {"tf": tf}
    for node in ast.parse(snippet).body:
        line = ast.unparse(node)
        if isinstance(node, ast.Assign) and (LOADS in line or ".signatures[" in line):
            exec(line, names)
    return names


def signatures_in(names: dict) -> list:
    return [value for value in names.values() if hasattr(value, "structured_input_signature")]


@pytest.fixture
def in_repository(monkeypatch):
    monkeypatch.chdir(REPOSITORY)


def test_the_readmes_of_models_serving_and_package_load_a_savedmodel():
    assert {name.partition(":")[0] for name in snippets()} >= {
        "README.md",
        "mrs_keras/serving/README.md",
        "saved_models/README.md",
    }


@pytest.mark.parametrize("name", snippets())
def test_the_signature_of_a_snippet_runs_inside_a_function_and_a_map(name, in_repository):
    names = names_of(snippets()[name])
    assert signatures_in(names)
    gc.collect()
    for signature in signatures_in(names):
        inputs = inputs_of(signature, rows=3)
        expected = signature(**inputs)
        called = tf.function(lambda tensors, signature=signature: signature(**tensors))(inputs)
        mapped = tf.data.Dataset.from_tensors(inputs).map(lambda tensors, signature=signature: signature(**tensors))
        for received in (called, next(iter(mapped))):
            for key, value in expected.items():
                tf.debugging.assert_near(received[key], value, 1e-5 * tf.reduce_max(tf.abs(value)))


def test_a_signature_without_its_loaded_object_does_not_run_inside_a_function(in_repository):
    """Else the tests above would say nothing."""
    path = SAVED_MODELS["generator"]
    names = names_of(f'decode = tf.saved_model.load("{path}").signatures["decode"]')
    (signature,) = signatures_in(names)
    gc.collect()
    with pytest.raises(Exception, match="variables which have been deleted"):
        tf.function(lambda tensors: signature(**tensors))(inputs_of(signature, rows=3))


def test_no_page_and_no_docstring_drops_the_loaded_object():
    sources = [path for name in FOLDERS for path in (REPOSITORY / name).rglob("*.py")]
    assert len(sources) > 100
    for path in (*PAGES, *sources):
        assert not ONE_LINE.search(path.read_text(encoding="utf-8")), path
