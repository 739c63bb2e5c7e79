"""The command line as a user meets it."""

import os
import shutil
import subprocess

import numpy as np
import pytest

from mrs_keras import Basis
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


def test_the_embedded_basis_is_made_by_the_documented_command(tmp_path, capsys):
    path = tmp_path / "basis.npz"
    assert main(["basis", "simulate", "--output", str(path)]) == 0
    embedded = REPOSITORY / "mrs_keras" / "basis" / "press_te30_3t.npz"
    # The same numbers but for the last bits, which differ between linear algebra libraries.
    np.testing.assert_allclose(Basis.load(path).fids, Basis.load(embedded).fids, atol=1e-10)
    assert "NAA, PCr" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["basis", "simulate", "--output", "x.npz", "--bandwidth-hz", "0"], "`bandwidth_hz` must be a finite number"),
        (["basis", "simulate", "--output", "x.npz", "--points", "-1"], "`points` must be a whole number"),
        (["basis", "simulate", "--output", "x.npz", "--linewidth-hz", "-2"], "`linewidth_hz`"),
        (["basis", "simulate", "--output", "x.npz", "--metabolites", "NAA", "Xyz"], "Received: metabolite='Xyz'"),
        (["train", "--data-dir", "nowhere"], "tfds build tfds_builders/simulated_mrs"),
        (["evaluate", "--run", "nowhere"], "mrs-keras train --output nowhere"),
        (["export", "--run", "nowhere"], "No trained model in 'nowhere'"),
    ],
)
def test_bad_input_ends_with_a_message_and_writes_nothing(arguments, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 1
    assert message in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_steam_basis_is_simulated_with_its_times(tmp_path, capsys):
    path = tmp_path / "steam.npz"
    names = ["--metabolites", "NAA", "Glu", "--sequence", "steam", "--te-ms", "8", "--tm-ms", "12"]
    assert main(["basis", "simulate", "--output", str(path), *names]) == 0
    assert "STEAM with ideal pulses, TE 8 ms, TM 12 ms" in Basis.load(path).description
    assert main(["basis", "simulate", "--output", str(path), *names, "--te1-ms", "5"]) == 1
    assert "te1_ms" in capsys.readouterr().err


def test_a_basis_is_described_checked_drawn_and_converted(challenge_dir, tmp_path, capsys):
    source = str(challenge_dir / "basisset_LCModel" / "press3T_30ms.BASIS")
    assert main(["basis", "info", source]) == 0
    assert "metabolites            21" in capsys.readouterr().out
    assert main(["basis", "check", source]) == 0
    output = capsys.readouterr().out
    assert "NAA (NAA): highest peak at 2.008 ppm" in output
    assert "looks right" in output
    assert main(["basis", "plot", source, "--output", str(tmp_path / "basis.png")]) == 0
    assert (tmp_path / "basis.png").read_bytes().startswith(b"\x89PNG")
    converted = tmp_path / "challenge.npz"
    assert main(["basis", "convert", source, str(converted), "--without-reference-peak"]) == 0
    assert Basis.load(converted).names[:2] == ("Mac", "Ala")


def test_a_text_basis_needs_its_acquisition(challenge_dir, capsys):
    folder = str(challenge_dir / "basisset_text_noTMS")
    assert main(["basis", "check", folder]) == 1
    assert "acquisition" in capsys.readouterr().err
    assert main(["basis", "check", folder, "--bandwidth-hz", "4000"]) == 1
    assert "all three of" in capsys.readouterr().err
    settings = ["--spectrometer-frequency-mhz", "123.2", "--bandwidth-hz", "4000", "--points", "2048"]
    assert main(["basis", "check", folder, *settings]) == 0
    assert "looks right" in capsys.readouterr().out


def test_a_mirrored_basis_is_said_to_look_conjugated(tmp_path, capsys):
    from mrs_keras import default_basis

    path = tmp_path / "basis.npz"
    default_basis().save(path)
    assert main(["basis", "check", str(path), "--conjugated"]) == 0
    assert "looks conjugated" in capsys.readouterr().out


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
    shutil.copytree(REPOSITORY, source, ignore=shutil.ignore_patterns(".venv", "runs", ".git", "saved_models"))
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
builder = build_dataset(sys.argv[2])
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
