"""Every example of a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import mrs_keras
import mrs_keras.basis
import mrs_keras.data
import mrs_keras.evaluation
import mrs_keras.models
import mrs_keras.serving
import mrs_keras.simulation
import mrs_keras.training

PACKAGES = (mrs_keras.basis, mrs_keras.simulation, mrs_keras.models, mrs_keras.data, mrs_keras.evaluation)
MODULES = [info.name for info in pkgutil.walk_packages(mrs_keras.__path__, "mrs_keras.")]


def names_of_the_package() -> dict:
    """What an example may use without importing it: numpy, and all public names."""
    names = {"np": importlib.import_module("numpy"), "keras": importlib.import_module("keras")}
    for package in PACKAGES:
        names.update({name: getattr(package, name) for name in package.__all__})
    prior, basis = mrs_keras.Prior.from_preset("naa_pcr"), mrs_keras.default_basis()
    return {**names, "Acquisition": mrs_keras.Acquisition, "prior": prior, "basis": basis}


@pytest.mark.parametrize("module", MODULES)
def test_the_examples_of_a_module_run(module):
    names = names_of_the_package()
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    for example in doctest.DocTestFinder(exclude_empty=True).find(importlib.import_module(module), extraglobs=names):
        failures = []
        runner.run(example, out=failures.append)
        assert not runner.failures, "".join(failures)
