"""What a user has after a plain installation, away from a checkout."""

import os
import subprocess
import sys

import numpy as np
import pytest

from tests.conftest import REPOSITORY


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """A folder with the package as a wheel installs it; its dependencies are those of this environment."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", REPOSITORY, "--no-deps", "--wheel-dir", folder], check=True, cwd=folder)
    (wheel,) = folder.glob("*.whl")
    subprocess.run([*pip, "install", wheel, "--no-deps", "--target", folder / "site"], check=True, cwd=folder)
    return folder / "site"


def run(installed, folder, *arguments):
    environment = {**os.environ, "PYTHONPATH": str(installed), "TFDS_DATA_DIR": str(folder / "data")}
    command = [sys.executable, "-P", "-m", "mrs_keras.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.slow
def test_the_pretrained_models_generate_away_from_a_checkout(installed, tmp_path):
    done = run(installed, tmp_path, "generate", "--number", "3", "--output", "spectra.npz")
    assert done.returncode == 0, done.stderr
    assert np.load(tmp_path / "spectra.npz")["spectrum"].shape == (3, 252, 2)
    code = (
        "import mrs_keras; print(mrs_keras.__file__, mrs_keras.load_pretrained().generate([[12.0, 4.5]], 0)['z'].shape)"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    printed = subprocess.run(
        [sys.executable, "-P", "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    ).stdout
    assert str(installed) in printed
    assert "(1, 16)" in printed


@pytest.mark.slow
def test_the_page_is_in_the_wheel(installed):
    folder = installed / "mrs_keras" / "explore" / "static"
    checkout = REPOSITORY / "mrs_keras" / "explore" / "static"
    names = {path.relative_to(checkout) for path in checkout.rglob("*") if path.is_file()}
    assert {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()} == names
    assert len(names) > 15


@pytest.mark.slow
def test_a_training_builds_its_dataset_away_from_a_checkout(installed, tmp_path):
    done = run(installed, tmp_path, "train", "--epochs", "1", "--batch-size", "1000")
    assert done.returncode == 0, done.stderr
    assert "Building the dataset simulated_mrs/naa_pcr, once." in done.stderr
    assert (tmp_path / "runs" / "base" / "model.keras").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        ["generate", "--saved-models", "nowhere"],
        ["generate", "--run", "nowhere"],
        ["train", "--config", "brain_press_te30"],
        ["evaluate", "--run", "nowhere"],
    ],
)
def test_a_message_has_three_lines_at_most(installed, tmp_path, arguments):
    done = run(installed, tmp_path, *arguments)
    assert done.returncode == 1
    message = done.stderr[done.stderr.index("mrs-keras ") :]
    assert message.count("\n") <= 3
    assert len(message) <= 3 * 120
