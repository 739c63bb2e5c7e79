"""The command line as a user meets it."""

import os
import shutil
import subprocess

import pytest

from mrs_keras.cli import main
from tests.conftest import REPOSITORY, command, run_python


def test_help_names_every_command():
    output = subprocess.run([command("mrs-keras"), "--help"], capture_output=True, text=True, check=True).stdout
    for name in ("basis", "train", "tune", "evaluate", "export", "reproduce"):
        assert f"\n    {name}" in output


def test_importing_the_package_and_asking_for_help_load_no_tensorflow():
    code = """
import sys
import mrs_keras
from mrs_keras.cli import main
try:
    main(["--help"])
except SystemExit:
    pass
heavy = {"tensorflow", "keras", "matplotlib", "scipy", "tensorflow_datasets", "apache_beam"} & set(sys.modules)
assert not heavy, heavy
"""
    run_python(code)


@pytest.mark.parametrize("name", ["train", "tune", "evaluate", "export", "reproduce"])
def test_every_command_explains_its_options(name, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([name, "--help"])
    assert stopped.value.code == 0
    assert "default" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--data-dir", "nowhere", "--config", "brain_press_te30"], "use --build (`build=True` in Python)"),
        (["train", "--data-dir", "nowhere", "--dataset", "theirs"], "tfds build tfds_builders/theirs"),
        (["evaluate", "--run", "nowhere"], "mrs-keras train --output nowhere"),
        (["export", "--run", "nowhere"], "No trained model in 'nowhere'"),
    ],
)
def test_bad_input_ends_with_a_message_and_writes_nothing(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_train_evaluate_and_export_work_one_after_the_other(data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for arguments in (
        ["train", "--output", "run", "--data-dir", str(data_dir), "--epochs", "2", "--batch-size", "256"],
        ["evaluate", "--run", "run", "--data-dir", str(data_dir), "--steps", "3"],
        ["export", "--run", "run", "--output", "models", "--version", "3"],
    ):
        assert main(arguments) == 0
    output = capsys.readouterr().out
    assert "validation error of the cVAE (median)" in output
    assert (tmp_path / "run" / "evaluation" / "report.html").exists()
    assert (tmp_path / "models" / "generator" / "3" / "saved_model.pb").exists()


@pytest.mark.slow
def test_an_installed_wheel_has_the_command_the_builder_and_the_basis(tmp_path):
    """As `pip install .` leaves it: away from the checkout, with the dependencies that are here already."""
    source = tmp_path / "source"
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(".venv", "runs", ".git"))
    target = tmp_path / "site"
    subprocess.run(
        [command("python"), "-m", "pip", "install", "--quiet", "--no-deps", "--target", target, source], check=True
    )
    code = """
import sys
import mrs_keras, tfds_builders.simulated_mrs
from mrs_keras.data import build_dataset
assert mrs_keras.__file__.startswith(sys.argv[1]), mrs_keras.__file__
assert list(tfds_builders.simulated_mrs.__path__)[0].startswith(sys.argv[1])
builder = build_dataset(data_dir=sys.argv[2])
print(builder.info.splits["train"].num_examples)
assert "abstract 5027" in builder.info.description
"""
    process = run_python(code, target, tmp_path / "data", env={"PYTHONPATH": str(target)}, cwd=tmp_path)
    assert process.stdout.splitlines()[-1] == "6000"
    version = subprocess.run(
        [target / "bin" / "mrs-keras", "--version"],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(target)},
    )
    assert version.stdout.startswith("mrs-keras ")
