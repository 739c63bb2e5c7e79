"""`mrs-keras basis ...` as a user meets it: what the commands say can be done, can be done there."""

import re
import shlex

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, default_basis, read_basis, simulate_basis
from mrs_keras.cli import main
from tests.basis.basis_files import basis_file, jmrui_file, json_file, raw_file, text_file
from tests.conftest import REPOSITORY, SHARED_DATA

ACQUISITION = Acquisition(123.2, 4000.0, 512)
SAMPLING = ["--spectrometer-frequency-mhz", "123.2", "--bandwidth-hz", "4000", "--points", "512"]
NAMES = ("NAA", "Cr", "GPC")
FIDS = simulate_basis(NAMES, ACQUISITION).fids
PYTHON_WORDS = re.compile(r"\b[a-z_]+=|read_basis\(|Acquisition\(|`(format|conjugated|acquisition|[a-z]+_[a-z_]+)`")


def run(capsys, *arguments) -> str:
    """Runs a command that succeeds; returns what it prints."""
    assert main(["basis", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def error_of(capsys, *arguments) -> str:
    """Runs a command that fails; returns what it says."""
    assert main(["basis", *map(str, arguments)]) == 1
    return capsys.readouterr().err


def write(folder, format: str, fids=FIDS, names=NAMES) -> tuple:
    """Writes a basis in a format; returns its path and the options that it needs."""
    path = folder / format
    if format == "npz":
        Basis(names, fids, ACQUISITION).save(path, format="npz")
    elif format in ("lcmodel_basis", "jmrui"):
        path.write_text({"lcmodel_basis": basis_file, "jmrui": jmrui_file}[format](fids.T, names, ACQUISITION))
    else:
        path.mkdir()
        for name, fid in zip(names, fids.T, strict=True):
            if format == "fsl_json":
                (path / f"{name}.json").write_text(json_file(fid, name, ACQUISITION))
            elif format == "lcmodel_raw":
                (path / f"{name}.RAW").write_text(raw_file(fid))
            else:
                (path / f"{name}.txt").write_text(text_file(fid))
    return path, SAMPLING if format in ("lcmodel_raw", "text") else []


FORMATS = ("npz", "lcmodel_basis", "lcmodel_raw", "fsl_json", "jmrui", "text")


def test_the_embedded_basis_is_made_by_the_documented_command(tmp_path, capsys):
    path = tmp_path / "basis.npz"
    assert "NAA, PCr" in run(capsys, "simulate", "--output", path)
    embedded = REPOSITORY / "mrs_keras" / "basis" / "press_te30_3t.npz"
    # The same numbers but for the last bits, which differ between linear algebra libraries.
    np.testing.assert_allclose(Basis.load(path).fids, Basis.load(embedded).fids, atol=1e-10)


def test_a_steam_basis_is_simulated_with_its_times(tmp_path, capsys):
    path = tmp_path / "steam.npz"
    names = ["--metabolites", "NAA", "Glu", "--sequence", "steam", "--te-ms", "8", "--tm-ms", "12"]
    run(capsys, "simulate", "--output", path, *names)
    assert "STEAM with ideal pulses, TE 8 ms, TM 12 ms" in Basis.load(path).description
    assert "Received: --te1-ms" in error_of(capsys, "simulate", "--output", path, *names, "--te1-ms", "5")


def test_a_simulated_basis_is_written_in_the_format_that_is_asked_for(tmp_path, capsys):
    run(capsys, "simulate", "--output", tmp_path / "fsl", "--to", "fsl_json")
    np.testing.assert_array_equal(read_basis(tmp_path / "fsl").select(["NAA", "PCr"]).fids, default_basis().fids)


def test_a_basis_is_described_checked_drawn_and_converted(challenge_dir, tmp_path, capsys):
    source = challenge_dir / "basisset_LCModel" / "press3T_30ms.BASIS"
    assert "metabolites            21" in run(capsys, "info", source)
    output = run(capsys, "check", source)
    assert "NAA (NAA): highest peak at 2.008 ppm" in output
    assert "looks right" in output
    run(capsys, "plot", source, "--output", tmp_path / "basis.png")
    assert (tmp_path / "basis.png").read_bytes().startswith(b"\x89PNG")
    converted = tmp_path / "challenge.npz"
    assert main(["basis", "convert", str(source), str(converted), "--without-reference-peak"]) == 0
    assert capsys.readouterr().err == ""
    assert Basis.load(converted).names[:2] == ("Mac", "Ala")


@pytest.mark.parametrize("format", ["lcmodel_raw", "text"])
def test_the_acquisition_that_an_error_asks_for_can_be_given_as_it_says(tmp_path, capsys, format):
    path, _ = write(tmp_path, format)
    message = error_of(capsys, "check", path)
    example = message.partition("for example ")[2].strip().rstrip(".")
    assert example == "--spectrometer-frequency-mhz 123.2 --bandwidth-hz 4000.0 --points 512"
    assert "looks right" in run(capsys, "check", path, *shlex.split(example))
    assert "Give all three of --spec" in error_of(capsys, "check", path, "--bandwidth-hz", "4000")


@pytest.mark.parametrize("format", FORMATS)
def test_a_mirrored_basis_is_right_once_the_advice_is_followed(tmp_path, capsys, format):
    path, needed = write(tmp_path, format, FIDS.conj())
    output = run(capsys, "check", path, *needed)
    advice = "--conjugated" if format in ("npz", "jmrui") else "--no-conjugated"
    assert output.endswith(f"The basis looks conjugated. Read it with {advice}.\n")
    assert run(capsys, "check", path, *needed, advice).endswith("The basis looks right.\n")
    other = {"--conjugated": "--no-conjugated", "--no-conjugated": "--conjugated"}[advice]
    assert "looks conjugated" in run(capsys, "check", path, *needed, other)


@pytest.mark.parametrize("format", FORMATS)
def test_a_shifted_basis_is_right_once_the_advice_is_followed(tmp_path, capsys, format):
    times_s = np.arange(512) / 4000
    moved = FIDS * np.exp(-2j * np.pi * 0.03 * 123.2 * times_s)[:, None]
    path, needed = write(tmp_path, format, moved)
    output = run(capsys, "check", path, *needed)
    assert "All peaks are 0.03" in output
    assert output.endswith("Read it with --reference-ppm 4.68.\n")
    converted = tmp_path / "moved.npz"
    assert main(["basis", "convert", str(path), str(converted), *needed, "--reference-ppm", "4.68"]) == 0
    assert capsys.readouterr().err == ""
    np.testing.assert_allclose(Basis.load(converted).select(NAMES).fids, FIDS, atol=2e-6)
    for command in ("info", "check", "plot"):
        extra = ["--output", tmp_path / "a.png"] if command == "plot" else []
        run(capsys, command, path, *needed, "--reference-ppm", "4.68", *extra)


def test_converting_what_looks_mirrored_warns(tmp_path, capsys):
    path, _ = write(tmp_path, "jmrui", FIDS.conj())
    assert main(["basis", "convert", str(path), str(tmp_path / "a.npz")]) == 0
    assert capsys.readouterr().err == "Warning: The basis looks conjugated. Read it with --conjugated.\n"
    assert main(["basis", "convert", str(path), str(tmp_path / "a.npz"), "--conjugated"]) == 0
    assert capsys.readouterr().err == ""


def test_few_printed_digits_are_told_with_the_options_that_mend_it(tmp_path, capsys):
    head = " $SEQPAR\n hzpppm= 297.22\n dwellTime= 0.000083\n $END\n $NMID FMTDAT='(2E15.7)' $END\n"
    fid = simulate_basis(["NAA"], Acquisition(297.22, 12000.0, 4096)).fids[:, 0]
    (tmp_path / "NAA.RAW").write_text(raw_file(fid, head))
    for command in ("info", "check"):
        output = run(capsys, command, tmp_path)
        assert "DWELLTIME = 0.000083 s can mean 11976 to 12121.2 Hz" in output
        assert "--spectrometer-frequency-mhz 297.22 --bandwidth-hz 12048.19 --points 4096" in output
    exact = ["--spectrometer-frequency-mhz", "297.22", "--bandwidth-hz", "12000", "--points", "4096"]
    assert "bandwidth              12000 Hz" in run(capsys, "info", tmp_path, *exact)
    assert "2.007 ppm, expected 2.008: right" in run(capsys, "check", tmp_path, *exact)


def test_a_folder_of_two_formats_is_read_once_the_advice_is_followed(tmp_path, capsys):
    (tmp_path / "NAA.json").write_text(json_file(FIDS[:, 0], "NAA", ACQUISITION))
    (tmp_path / "NAA.RAW").write_text(raw_file(FIDS[:, 0]))
    message = error_of(capsys, "info", tmp_path)
    assert message.endswith("Choose one: --format lcmodel_raw or --format fsl_json.\n")
    assert "metabolites            1" in run(capsys, "info", tmp_path, "--format", "fsl_json")


def test_a_folder_is_written_once_the_advice_is_followed(tmp_path, capsys):
    path, _ = write(tmp_path, "npz")
    message = error_of(capsys, "convert", path, tmp_path / "folder")
    assert "Give for example --to fsl_json for a folder" in message
    run(capsys, "convert", path, tmp_path / "folder", "--to", "fsl_json")
    np.testing.assert_array_equal(read_basis(tmp_path / "folder").select(NAMES).fids, FIDS)


def test_the_set_of_osprey_converts_to_one_that_is_right(tmp_path, capsys):
    source = SHARED_DATA / "basis_philips_press35" / "3T_PRESS_Philips_35ms_noMM.BASIS"
    if not source.exists():
        pytest.skip("the basis of Osprey is not beside this checkout")
    run(capsys, "convert", source, tmp_path / "a.npz", "--reference-ppm", "4.68")
    assert run(capsys, "check", tmp_path / "a.npz").endswith("The basis looks right.\n")


SIMULATE = ("simulate", "--output", "x.npz")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((*SIMULATE, "--bandwidth-hz", "0"), "`--bandwidth-hz` must be a finite number above 0"),
        ((*SIMULATE, "--points", "-1"), "`--points` must be a whole number of at least 2"),
        ((*SIMULATE, "--spectrometer-frequency-mhz", "nan"), "`--spectrometer-frequency-mhz` must be a finite number"),
        ((*SIMULATE, "--linewidth-hz", "-2"), "`--linewidth-hz` must be a finite number"),
        ((*SIMULATE, "--bandwidth-hz", "300"), "`--bandwidth-hz` must span all protons.*Received: --bandwidth-hz 300"),
        ((*SIMULATE, "--metabolites", "NAA", "NAA"), "`--metabolites` must be .*Received: --metabolites NAA NAA"),
        ((*SIMULATE, "--metabolites", "Xyz"), "Unknown `--metabolites`. Expected one of: 'Ace', .*'Xyz'"),
        ((*SIMULATE, "--te1-ms", "0"), "`--te1-ms` must be a finite number"),
        ((*SIMULATE, "--te-ms", "30"), "no such time. Expected: --te1-ms, --te2-ms. Received: --te-ms"),
        ((*SIMULATE, "--sequence", "laser"), "Unknown `--sequence`. Expected one of: 'press'"),
        ((*SIMULATE, "--constants", "mine"), "Unknown `--constants`. Expected one of: 'challenge'"),
        (("simulate", "--output", "x"), r"Expected the suffix \.npz or \.BASIS, or `--to`"),
        (("simulate", "--output", "x", "--to", "mat"), "Unknown `--to`. Expected one of: 'npz'"),
        (("info", "{npz}", "--format", "mat"), "Unknown `--format`. Expected one of: 'npz'"),
        (("info", "{npz}", "--reference-ppm", "123"), "`--reference-ppm` must be .* for example --reference-ppm 4.68"),
        (("info", "{folder}", "--format", "npz"), "--format npz is a single file. Received a folder"),
        (("info", "{npz}", *SAMPLING[:3], "4100", *SAMPLING[4:]), "contradicts.*Expected: --bandwidth-hz 4100"),
        (("info", "{npz}", *SAMPLING[:5], "99"), "contradicts.*Expected: --points 99. Received: --points 512"),
        (("convert", "{npz}", "x"), "Give for example --to fsl_json"),
        (("convert", "{npz}", "x", "--to", "mat"), "Unknown `--to`. Expected one of: 'npz'"),
        (("convert", "{odd}", "x", "--to", "fsl_json"), "valid file name.*--to npz or --to lcmodel_basis"),
        (("info", "{zip}", "--format", "text"), "Unpack it first, or read it with --format npz"),
        (("info", "{hello}"), "name it, for example --format text"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_messages_name_options_of_the_command_line_and_nothing_is_written(
    tmp_path, monkeypatch, capsys, arguments, words
):
    inputs, work = tmp_path / "inputs", tmp_path / "work"
    inputs.mkdir()
    work.mkdir()
    monkeypatch.chdir(work)
    paths = {"npz": write(inputs, "npz")[0], "folder": write(inputs, "text")[0], "hello": inputs / "hello"}
    paths["hello"].write_text("hello")
    paths["odd"], paths["zip"] = inputs / "odd.npz", paths["npz"]
    Basis(("a/b",), FIDS[:, :1], ACQUISITION).save(paths["odd"])
    message = error_of(capsys, *(argument.format(**paths) for argument in arguments))
    assert re.search(words, message), message
    named = message.replace(str(tmp_path), "")
    for example in re.findall(r"--[a-z0-9-]+='?[^ ]+", named):  # as argparse takes it, too
        named = named.replace(example, "")
    assert not PYTHON_WORDS.search(named), message
    assert list(work.iterdir()) == []


@pytest.mark.parametrize("command", ["info", "check", "plot", "convert"])
def test_every_command_that_reads_has_all_options_of_the_reader(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["basis", command, "--help"])
    assert stopped.value.code == 0
    help_text = capsys.readouterr().out
    options = ("--format", "--conjugated", "--no-conjugated", "--reference-ppm", *SAMPLING[::2])
    assert [option for option in options if option not in help_text] == []
