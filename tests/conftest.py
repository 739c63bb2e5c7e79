import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
# Before numpy is imported: tests run in as many processes as there are cores, and threads of BLAS would wait for each
# other.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

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


def built_once(tmp_path_factory, name: str, build: Callable[[Path], object]) -> Path:
    """Returns a folder that the first worker of pytest-xdist to need it builds, and the others wait for.

    Args:
      tmp_path_factory: the fixture.
      name: of the folder.
      build: called with an empty folder, which it fills. The workers share the result: no test may change it.
    """
    base = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        base = base.parent
    path, built = base / name, base / f"{name}.built"
    with FileLock(base / f"{name}.lock"):
        if not built.exists():
            shutil.rmtree(path, ignore_errors=True)  # of a build that failed
            path.mkdir()
            build(path)
            built.touch()
    return path


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory) -> Path:
    """The default dataset, built by the real command line of TFDS."""

    def build(path: Path):
        subprocess.run(
            [command("tfds"), "build", REPOSITORY / "tfds_builders" / "simulated_mrs", "--data_dir", path],
            check=True,
            capture_output=True,
            cwd=path,
        )

    return built_once(tmp_path_factory, "tensorflow_datasets", build)


@pytest.fixture(scope="session")
def run_dir(tmp_path_factory, data_dir) -> Path:
    """A short training on the default dataset: enough for a model that reconstructs."""

    def build(path: Path):
        from mrs_keras import train

        quick = {"latent_prior": {"kind": "flow", "fit_steps": 400, "width": 32, "teacher_width": 64}}
        train(path, data_dir=data_dir, epochs=20, checkpoint_every=10, changes=quick)

    return built_once(tmp_path_factory, "run", build)


@pytest.fixture
def trained(run_dir):
    from mrs_keras.models import load_trained

    return load_trained(run_dir)
