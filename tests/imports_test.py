"""Quiet doors: what is NumPy loads no TensorFlow, client and server load no Keras, and names are where they belong."""

import importlib
import pkgutil

import pytest

import mrs_keras
from tests.conftest import run_python

PACKAGES = [mrs_keras.__name__] + [
    info.name for info in pkgutil.walk_packages(mrs_keras.__path__, "mrs_keras.") if info.ispkg
]


def loaded_by(code: str) -> set[str]:
    """Returns the heavy packages that a program loads."""
    printing = "\nimport sys; print(*({'tensorflow', 'keras', 'matplotlib', 'scipy', 'numpy'} & set(sys.modules)))"
    return set(run_python(code + printing).stdout.split())


@pytest.mark.parametrize(
    "code",
    [
        "from mrs_keras import fit_spectra",
        "from mrs_keras import Acquisition, Basis, read_basis, simulate_basis",
        "from mrs_keras import Effects, Prior, forward_model, simulate",
        "import mrs_keras.fitting.spectral_fit",
        "import mrs_keras.run_folder, mrs_keras.labels, mrs_keras.random_streams",
        "from mrs_keras import ModelDescription",
        "from mrs_keras.data.description import DatasetDescription",
        "from mrs_keras import Client; Client('http://localhost:1')",
        "import mrs_keras.explore.http_server",
    ],
)
def test_what_is_numpy_loads_no_tensorflow(code):
    assert not loaded_by(code) & {"tensorflow", "keras", "matplotlib"}


def test_no_module_of_basis_simulation_and_fitting_loads_tensorflow():
    packages = [importlib.import_module(f"mrs_keras.{name}") for name in ("basis", "simulation", "fitting")]
    modules = [
        info.name for package in packages for info in pkgutil.walk_packages(package.__path__, package.__name__ + ".")
    ]
    quiet = [name for name in modules if not name.startswith("mrs_keras.simulation.graph")]
    assert len(quiet) > 40
    assert not loaded_by(f"import {', '.join(quiet)}") & {"tensorflow", "keras", "matplotlib"}


@pytest.mark.parametrize(
    "code",
    [
        "from mrs_keras import Client; Client('grpc://localhost:1')",
        "from mrs_keras.serving.server import ModelServer; ModelServer('saved_models')",
        "from mrs_keras import load_export; load_export('saved_models')",
    ],
)
def test_client_and_server_load_no_keras(code):
    assert "keras" not in loaded_by(code)


def test_keras_works_after_tensorflow_was_loaded_without_it():
    code = "from mrs_keras import load_export; load_export('saved_models'); from tensorflow.keras.layers import Dense; "
    code += "import keras, tensorflow as tf; assert tf.keras.layers.Dense is Dense is keras.layers.Dense; "
    assert run_python(code + "print(keras.saving.get_registered_object('mrs_keras>CVAE').__name__)").stdout == "CVAE\n"


def test_the_package_itself_loads_nothing():
    assert not loaded_by("import mrs_keras; dir(mrs_keras)")


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_found_and_none_is_that_of_a_module(package):
    module = importlib.import_module(package)
    for name in getattr(module, "__all__", ()):
        assert getattr(module, name) is not None
    # Once a module is imported, Python puts it where the name would be looked up.
    modules = {info.name for info in pkgutil.iter_modules(module.__path__)}
    assert not modules & set(getattr(module, "__all__", ()))


@pytest.mark.parametrize("order", [("keras", "mrs_keras"), ("mrs_keras", "keras"), ("keras", "mrs_keras.models")])
def test_keras_knows_the_classes_whichever_is_imported_first(order):
    code = f"import {order[0]}; import {order[1]}; print(keras.saving.get_registered_object('mrs_keras>CVAE').__name__)"
    assert run_python(code).stdout == "CVAE\n"
