"""`mrs-keras measured fit` as a user meets it."""

import json
import shutil

import numpy as np
import pytest

from mrs_keras import Acquisition, build_dataset
from mrs_keras.basis import simulate_press
from mrs_keras.cli import main
from mrs_keras.fitting import InVivoFits
from mrs_keras.measured import labels_of, read_label_table, write_example

NAMES = ("NAA", "NAAG", "Cr", "PCr", "GPC", "PCho", "Ins", "Glu", "Gln", "GSH")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("scans") / "example"
    write_example(folder, participants=4, coils=1, transients=2, progress=False)
    return folder


@pytest.fixture(scope="module")
def basis_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("basis") / "basis.npz"
    simulate_press(NAMES, Acquisition(123.2, 4000.0, 4096)).save(path)
    return path


@pytest.fixture(scope="module")
def fitted(scans, basis_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fits") / "fits"
    options = ["--basis", str(basis_file), "--output", str(folder), "--figures", "1", "--jobs", "1"]
    assert main(["measured", "fit", str(scans), *options]) == 0
    return folder


def test_a_folder_of_scans_is_fitted_to_a_table_of_labels_and_figures(fitted, scans):
    fits = InVivoFits.load(fitted / "fits.npz")
    assert fits.participants == ("sub-01", "sub-02", "sub-03", "sub-04")
    assert fits.sites == ("site1", "site2", "site1", "site2")
    assert fits.converged.all()
    assert len(list((fitted / "figures").glob("*.png"))) == 1
    assert not (fitted / "parts").exists()
    labels = labels_of(read_label_table(fitted / "fits.tsv"), ["tNAA_over_tCr"])
    truth = labels_of(read_label_table(scans / "truth.tsv"), ["tNAA_over_tCr"])
    rows = [truth.participants.index(one) for one in labels.participants]
    np.testing.assert_allclose(labels.values, truth.values[rows], rtol=0.2)


@pytest.mark.slow
def test_the_terminal_names_results_and_the_next_step(fitted, scans, basis_file, capsys):
    command = ["measured", "fit", str(scans), "--basis", str(basis_file), "--output", str(fitted), "--jobs", "1"]
    assert main(command) == 0
    printed = capsys.readouterr().out
    assert "tNAA" in printed
    assert "4 spectra, 4 fits converged" in printed
    assert f"Next: mrs-keras measured check {scans} --labels {fitted / 'fits.tsv'}" in printed
    (next_command,) = (line for line in printed.splitlines() if line.startswith("Next: mrs-keras "))
    assert main([*next_command.removeprefix("Next: mrs-keras ").split(), "--output", str(fitted.parent / "check")]) == 0


def test_fits_that_do_not_converge_are_named(fitted, capsys):
    from mrs_keras.cli.measured_fit import summary

    fits = InVivoFits.load(fitted / "fits.npz")
    fits.converged[1] = False
    printed = summary(fits)
    assert "4 spectra, 3 fits converged" in printed
    assert f"Warning: did not converge, and are n/a in the table: {fits.ids[1]}" in printed


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metabolites", "NAA", "Cr", "Xyz"], "Unknown `metabolite`"),
        (["--broad", "MM99"], "Unknown `broad`"),
        (["--baseline-freedom", "-1"], "`baseline_freedom` must be one or more numbers above 0"),
    ],
)
def test_bad_options_are_refused(scans, basis_file, tmp_path, capsys, options, message):
    command = ["measured", "fit", str(scans), "--basis", str(basis_file), "--output", str(tmp_path / "fits")]
    assert main([*command, *options]) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "fits").exists()


def test_a_basis_of_another_field_is_refused(scans, tmp_path, capsys):
    simulate_press(["NAA", "Cr"], Acquisition(297.2, 6000.0, 4096)).save(tmp_path / "7t.npz")
    assert main(["measured", "fit", str(scans), "--basis", str(tmp_path / "7t.npz"), "--output", str(tmp_path)]) == 1
    printed = capsys.readouterr().err
    assert "is of another field. Expected 123.2 MHz. Received: 297.2 MHz" in printed


def test_what_is_neither_folder_nor_dataset_is_refused(basis_file, tmp_path, capsys):
    command = ["measured", "fit", "nothing", "--basis", str(basis_file), "--data-dir", str(tmp_path)]
    assert main(command) == 1
    assert "nothing" in capsys.readouterr().err


@pytest.mark.slow
def test_a_built_dataset_is_fitted_like_its_scans(fitted, scans, basis_file, tmp_path, capsys):
    config = {"name": "own", "folder": str(shutil.copytree(scans, tmp_path / "scans")), "validation": 0.5}
    builder = build_dataset("measured_mrs", json.loads(json.dumps(config)), tmp_path / "data")
    expected = InVivoFits.load(fitted / "fits.npz")
    for place, source in enumerate(["measured_mrs/own", str(builder.data_dir)]):
        output = tmp_path / f"fits{place}"
        options = ["--basis", str(basis_file), "--output", str(output), "--data-dir", str(tmp_path / "data")]
        assert main(["measured", "fit", source, *options]) == 0
        fits = InVivoFits.load(output / "fits.npz")
        assert fits.ids == expected.ids
        assert fits.sites == expected.sites
        np.testing.assert_allclose(fits.concentrations, expected.concentrations, rtol=1e-6, atol=1e-9)
    assert main(["measured", "fit", source, *options, "--steps", "--skip-bad"]) == 1
    assert "--skip-bad, --steps has no effect on the processed spectra" in capsys.readouterr().err
