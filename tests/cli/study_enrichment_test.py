"""`mrs-keras study enrichment` as a user meets it, on the example of scans."""

import json
import re
import shutil

import numpy as np
import pytest

from mrs_keras import build_dataset
from mrs_keras.cli import main
from mrs_keras.evaluation.real_spectra import read_real_dataset
from mrs_keras.measured import write_example
from mrs_keras.study.enrichment import study
from mrs_keras.study.enrichment.arm_names import TRAINED_ARMS
from mrs_keras.study.enrichment.task import noisy_spectra
from tests.study.enrichment_tasks import EFFORT


def built(path, participants):
    write_example(path / "scans", participants=participants, sites=3, coils=1, transients=2, progress=False)
    config = {"folder": str(path / "scans"), "labels": str(path / "scans" / "labels.tsv"), "validation": 0.34}
    build_dataset("measured_mrs", {"name": "mine", **config}, path / "data")
    return path, config


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    """A dataset of nine participants at three sites, another that knows of one site, and one without labels."""
    path, config = built(tmp_path_factory.mktemp("few"), 9)
    table = shutil.copytree(path / "scans", path / "one_site") / "participants.tsv"
    table.write_text(re.sub("site[23]", "site1", table.read_text()))
    build_dataset("measured_mrs", {"name": "one_site", **config, "folder": str(path / "one_site")}, path / "data")
    build_dataset("measured_mrs", {"name": "unlabelled", **config, "labels": None}, path / "data")
    return path


def enrichment(folder, *options):
    return main(["study", "enrichment", "--data-dir", str(folder / "data"), *map(str, options)])


def refused(capsys, folder, *options):
    assert enrichment(folder, *options) == 1
    return capsys.readouterr().err


def test_help_names_arms_and_defaults_and_how_to_resume(capsys):
    with pytest.raises(SystemExit) as end:
        main(["study", "enrichment", "--help"])
    assert end.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    for arm in TRAINED_ARMS:
        assert arm in printed
    for option in ("--fits", "--basis", "--second-labels", "--outside", "--write-noisy", "--quick", "--workers"):
        assert option in printed
    assert "An interrupted study goes on where it was" in printed


@pytest.mark.parametrize("wrong", [["--arms", "magic"], ["--seed", "one"], ["--config"]])
def test_wrong_options_end_with_the_usage(wrong, capsys):
    with pytest.raises(SystemExit) as end:
        main(["study", "enrichment", *wrong])
    assert end.value.code == 2
    assert "usage: mrs-keras study enrichment" in capsys.readouterr().err


def test_one_site_is_refused_with_a_remedy(few, tmp_path, capsys):
    text = refused(capsys, few, "--config", "one_site", "--output", tmp_path / "out")
    assert text.startswith("mrs-keras study: The study asks what generated spectra are worth at sites never seen")
    assert "Received: 9 of one, 'site1'" in text
    assert "Build the dataset with `site`" in text
    assert not (tmp_path / "out").exists()


def test_too_few_subjects_are_refused_before_anything_is_fitted(few, tmp_path, capsys):
    text = refused(capsys, few, "--config", "mine", "--output", tmp_path / "out")
    # Six of nine are at the other sites; a label of one of them is missing in the table.
    assert "too few labelled subjects. Expected 8 or more outside of any group of held-out sites. Received: 5" in text
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--config", "unlabelled"], "The study predicts labels. Expected a dataset with labels."),
        (["--config", "mine", "--labels", "tNAA_over_tCr", "Xyz"], "has no label Xyz. Expected some of: tNAA_over_tCr"),
        (["--config", "mine", "--noise", "0.5"], "`noise_factor` must be 1 or more"),
        (["--config", "mine", "--seed", "-1"], "`seed` must be a whole number of at least 0"),
        (["--config", "mine", "--workers", "0"], "`workers` must be a whole number of at least 1"),
        (["--config", "mine", "--fits", "nowhere"], "There are no fits at 'nowhere'"),
        (["--config", "mine", "--second-labels", "nowhere.tsv"], "nowhere.tsv"),
        (["--config", "none"], "tfds build tfds_builders/measured_mrs"),
    ],
)
def test_what_is_missing_or_wrong_is_named(options, message, few, tmp_path, capsys):
    assert message in refused(capsys, few, *options, "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_noisy_spectra_for_another_program_are_those_of_the_first_draw(few, tmp_path, capsys):
    folder = tmp_path / "noisy"
    options = ["--config", "mine", "--noise", "4", "--seed", "2", "--write-noisy", folder, "--output", tmp_path / "out"]
    with pytest.warns(UserWarning, match="this package's own"):
        assert enrichment(few, *options) == 0
    printed = capsys.readouterr().out
    assert f"--outside {folder}" in printed
    assert not (tmp_path / "out").exists()
    real = read_real_dataset("measured_mrs/mine", few / "data").real
    noisy = noisy_spectra(real.spectra, real.noise_sigma, 4.0, seed=2, draw=0, key="in_vivo")
    added = (noisy - real.spectra) / real.noise_sigma[:, None]
    assert added.view(float).std() == pytest.approx(np.sqrt(15), rel=0.03)
    assert len(list(folder.glob("*.CONTROL"))) == len(list(folder.glob("*.RAW"))) == 9
    assert (folder / "basis.BASIS").exists()
    for subject, spectrum in zip(real.subjects, noisy, strict=True):
        columns = np.array((folder / f"{subject}_svs.RAW").read_text().rsplit("$END", 1)[1].split(), float)
        fid = columns[0::2] - 1j * columns[1::2]  # LCModel has the conjugate
        fid[0] /= 2
        whole = np.fft.fftshift(np.fft.fft(fid, norm="ortho"))
        np.testing.assert_allclose(whole[real.acquisition.window], spectrum, atol=2e-4 * np.abs(spectrum).max())
    assert "already something" in refused(capsys, few, *options)


@pytest.mark.slow
def test_a_study_of_the_example_fits_measures_and_reports(tmp_path, capsys, monkeypatch):
    path, _ = built(tmp_path, 30)
    monkeypatch.setattr(study, "QUICK", EFFORT)
    output = tmp_path / "enrichment"
    options = ["--config", "mine", "--quick", "--arms", "simulations", "--output", output]
    assert enrichment(path, *options) == 0
    printed = capsys.readouterr().out
    assert re.search(r"Measured scans of measured_mrs/mine: 30 spectra of 3 sites in 3 rotations, n = 8, all", printed)
    assert "About " in printed
    assert (output / "table.txt").read_text() in printed
    assert printed.rstrip().endswith(f"Report: {output / 'report.html'}")
    numbers = json.loads((output / "numbers.json").read_text())
    assert numbers["dataset"] == "measured_mrs/mine"
    assert numbers["effort"]["arms"] == ["classical", "simulations"]
    assert any("this package's own basis" in each for each in numbers["caveats"])
    for task in numbers["tasks"]:
        assert task["failures"] == {}
        assert {"mean", "classical", "simulations"} <= {score["arm"] for score in task["scores"]}
    before = (output / "numbers.json").read_bytes()
    (output / "numbers.json").unlink()
    assert enrichment(path, *options, "--workers", "1") == 0
    assert "parts are there already" in capsys.readouterr().out
    assert (output / "numbers.json").read_bytes() == before
