import shutil

import pytest

from mrs_keras.measured import write_example


@pytest.fixture(scope="session")
def example_dir(tmp_path_factory):
    """Simulated scans of six participants at two sites, two coils and eight transients each; never change them."""
    path = tmp_path_factory.mktemp("measured") / "example"
    write_example(path, participants=6, coils=2, transients=8, progress=False)
    return path


@pytest.fixture
def example_copy(example_dir, tmp_path):
    """A copy of the example, to damage."""
    return shutil.copytree(example_dir, tmp_path / "example")
