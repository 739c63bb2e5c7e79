import os
import subprocess
import sys
from pathlib import Path

import pytest

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

REPOSITORY = Path(__file__).parents[1]
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


def run_python(
    code: str, *arguments, check: bool = True, env: dict | None = None, cwd: Path = REPOSITORY
) -> subprocess.CompletedProcess:
    """Runs Python code in a process of its own, as a user's program would run."""
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=check,
        cwd=cwd,
        env={**os.environ, **(env or {})},
    )


def command(name: str) -> str:
    """Path of a command of the environment that runs the tests."""
    return str(Path(sys.executable).with_name(name))


_MEASURED: list[str] = []


@pytest.fixture
def measured():
    """Call it with a line to have it printed at the end of the run: a number that a test held against a tolerance."""
    return _MEASURED.append


def pytest_terminal_summary(terminalreporter):
    if _MEASURED:
        terminalreporter.section("measured")
        for line in _MEASURED:
            terminalreporter.line(line)


@pytest.fixture(scope="session")
def challenge_dir() -> Path:
    """The 2016 ISMRM fitting challenge (CC BY-SA 4.0), which the project does not contain."""
    path = SHARED_DATA / "challenge2016"
    if not path.exists():
        pytest.skip("the data of the 2016 ISMRM fitting challenge are not beside this checkout")
    return path


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory) -> Path:
    """The default dataset, built by the real command line of TFDS."""
    path = tmp_path_factory.mktemp("tensorflow_datasets")
    subprocess.run(
        [command("tfds"), "build", REPOSITORY / "tfds_builders" / "simulated_mrs", "--data_dir", path],
        check=True,
        capture_output=True,
        cwd=path,
    )
    return path


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory, data_dir) -> Path:
    """A short training on the default dataset: enough for a model that reconstructs."""
    from mrs_keras import train

    path = tmp_path_factory.mktemp("run")
    train(path, data_dir=data_dir, epochs=20, checkpoint_every=10)
    return path


@pytest.fixture
def trained(run_dir):
    from mrs_keras.models import load_trained

    return load_trained(run_dir)
