"""`mrs-keras measured ...` as a user meets it."""

import dataclasses
import re
import shutil

import pytest

from mrs_keras.cli import main
from mrs_keras.measured import read_scans
from mrs_keras.measured.write_scan import write_scan


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("measured") / "scans"
    options = ["--participants", "6", "--coils", "1", "--transients", "2"]
    assert main(["measured", "example", str(folder), *options]) == 0
    return folder


def scan(folder, participant="sub-01"):
    return folder / participant / "mrs" / f"{participant}_acq-press_svs.nii.gz"


def test_check_prints_the_worst_scan_first_and_writes_a_page(scans, tmp_path, capsys):
    labels = scans / "labels.tsv"
    assert main(["measured", "check", str(scans), "--labels", str(labels), "--output", str(tmp_path / "check")]) == 0
    lines = capsys.readouterr().out.splitlines()
    header, *rows = lines[:7]
    snr = [float(row.split()[2]) for row in rows]
    width = [float(row.split()[4]) for row in rows]
    assert header.split()[:3] == ["scan", "site", "SNR"]
    ratios = [one / other for one, other in zip(snr, width, strict=True)]
    assert ratios == sorted(ratios)
    assert any(line.startswith("tNAA_over_tCr") and line.endswith("yes") for line in lines)
    page = (tmp_path / "check" / "check.html").read_text(encoding="utf-8")
    assert page.count("data:image/png;base64,") == 3  # labels, sites, spectra
    for section in ("Labels", "Sites", "Spectra 1 to 6 of 6, worst first", "Quality"):
        assert f"<h2>{section}</h2>" in page
    table = (tmp_path / "check" / "quality.tsv").read_text().splitlines()
    assert len(table) == 7
    assert {"example_id", "split", "snr", "warnings"} <= set(table[0].split("\t"))


def test_check_lists_bad_files_and_fails_unless_they_may_be_skipped(scans, tmp_path, capsys):
    folder = shutil.copytree(scans, tmp_path / "scans")
    scan(folder, "sub-03").write_bytes(b"no scan")
    command = ["measured", "check", str(folder), "--output", str(tmp_path / "check")]
    assert main(command) == 1
    printed = capsys.readouterr()
    assert re.search(r"Cannot be used: .*sub-03", printed.out)
    assert "--skip-bad" in printed.err
    assert main([*command, "--skip-bad"]) == 0
    assert "sub-03" in (tmp_path / "check" / "check.html").read_text(encoding="utf-8")


def test_check_says_what_headers_lack_and_where_they_differ(scans, tmp_path, capsys):
    folder = shutil.copytree(scans, tmp_path / "scans")
    for participant, change in (
        ("sub-01", {"echo_time_ms": None, "sequence": None, "repetition_time_ms": None}),
        ("sub-02", {"repetition_time_ms": 3000.0}),
    ):
        path = scan(folder, participant)
        write_scan(path, dataclasses.replace(read_scans(path)[0], header={}, **change))
        path.with_name(path.name.replace(".nii.gz", ".json")).unlink()
    assert main(["measured", "check", str(folder), "--output", str(tmp_path / "check"), "--echo-time-ms", "30"]) == 0
    printed = capsys.readouterr().out
    assert "No echo time in the headers of 1 of 6 scans: taken to be 30.0." in printed
    assert "No sequence in the headers of 1 of 6 scans: a config can give `sequence`." in printed
    assert re.search(r"The repetition times differ \(.*3000 ms\)", printed)
    assert '"echo_time_ms": 30.0' in printed.splitlines()[-1]


def test_one_person_can_be_checked_without_splits(scans, tmp_path, capsys):
    folder = tmp_path / "one"
    shutil.copytree(scans / "sub-01", folder / "sub-01")
    assert main(["measured", "check", str(folder), "--output", str(tmp_path / "check")]) == 0
    assert "No splits are shown" in capsys.readouterr().out


def test_check_does_not_replace_a_folder_with_other_files(scans, tmp_path, capsys):
    (tmp_path / "notes.txt").write_text("mine")
    assert main(["measured", "check", str(scans), "--output", str(tmp_path)]) == 1
    assert "holds other files" in capsys.readouterr().err
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_process_names_each_step_and_draws_it(scans, tmp_path, capsys):
    output = tmp_path / "process.png"
    assert main(["measured", "process", str(scan(scans)), "--output", str(output)]) == 0
    printed = capsys.readouterr().out
    steps = [line.split()[0] for line in printed.splitlines()][:6]
    assert steps == ["raw", "alignment", "eddy_currents", "residual_water", "referencing", "phase"]
    assert "SNR of NAA" in printed
    assert output.read_bytes().startswith(b"\x89PNG")


def test_process_says_what_is_wrong_with_a_file(tmp_path, capsys):
    path = tmp_path / "sub-01_svs.nii.gz"
    path.write_text("hello")
    assert main(["measured", "process", str(path), "--output", str(tmp_path / "x.png")]) == 1
    assert str(path) in capsys.readouterr().err
    assert not (tmp_path / "x.png").exists()


def test_the_example_is_not_written_over_other_files(scans, capsys):
    assert main(["measured", "example", str(scans)]) == 1
    assert "--overwrite" in capsys.readouterr().err
