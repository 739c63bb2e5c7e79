"""Two-column text, jMRUI text and FSL-MRS JSON: dialects and bad input."""

import json

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, read_basis
from tests.basis.basis_files import ACQUISITION, NAMES, jmrui_file, json_file, known_fids, text_file

FIDS = known_fids()
FID = FIDS[:, 0]
SHORT = Acquisition(127.74, 2500.0, 4, (-5.0, 14.0))
TEXT = text_file(FID)
JMRUI = jmrui_file([FID], ["NAA"])
JSON = json_file(FID, "NAA")


def read_one(folder, name: str, content: str | bytes, **arguments) -> Basis:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_basis(path, **arguments)


@pytest.mark.parametrize(
    "content",
    [
        TEXT.replace("\n", "\r\n"),
        TEXT.replace("\n", "\r"),
        TEXT.replace("e", "D"),
        "# real imaginary\n% made by hand\n\n" + TEXT + "\n\n",
        "\ufeff" + TEXT,
        "\n".join(",".join(line.split()) for line in TEXT.splitlines()),
        "\n".join("\t".join(line.split()) for line in TEXT.splitlines()),
        b"# M\xe9tabolite\n" + TEXT.encode(),
    ],
    ids=["windows", "macintosh", "fortran", "comments", "mark", "commas", "tabs", "latin-1"],
)
def test_dialects_of_two_column_text_give_the_same_signal(tmp_path, content):
    basis = read_one(tmp_path, "NAA.txt", content, acquisition=ACQUISITION)
    assert basis.names == ("NAA",)
    np.testing.assert_allclose(basis.fids[:, 0], FID, atol=1e-6)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("1 2\n3 4\n5\n7 8\n", r"line 3: wrong number of columns. Expected: 2, as above.*Received: 1 in '5'"),
        ("1 2\n3 4\n\n7 8\n", r"line 3: wrong number of columns.*Received: 0"),
        ("1 2 3 4\n1 2 3 4\n", r"line 1: wrong number of columns. Expected: 2 \(the first two.*Received: 4"),
        ("1,5 2,5\n" * 4, r"line 1: wrong number of columns.*Received: 4"),
        ("1 2\n3 4\n5 x\n7 8\n", r"line 3: expected a finite number. Received: 'x'"),
        ("1 2\n3 4\n5 nan\n7 8\n", r"line 3: expected a finite number. Received: 'nan'"),
        ("1 2\n3 4\n5 6\n", r"line 1: the file contradicts.*points=4. Received: points=3"),
        ("1 2\0\n" * 4, r"line 1: not a text file: it contains a zero byte"),
        ("1 2\n" * 10 + "1 " * 2**16, r"line 11: too long for a line"),
        ("1 2\n" * (2**22 + 1), "too long for a basis file. Expected at most 4194304 lines"),
        ("# nothing\n\n", "the file contains no numbers"),
    ],
)
def test_broken_text_is_refused_with_file_and_line(tmp_path, content, words):
    with pytest.raises(ValueError, match=r"NAA\.txt'.*" + words):
        read_one(tmp_path, "NAA.txt", content, acquisition=SHORT, format="text")


def test_text_needs_an_acquisition(tmp_path):
    with pytest.raises(ValueError, match=r"NAA\.txt', line 1: .*does not say its spectrometer frequency.*acquisition="):
        read_one(tmp_path, "NAA.txt", TEXT)


def without_spectrum(content: str) -> str:
    return "\n".join("\t".join(line.split("\t")[:2]) for line in content.split("\n"))


@pytest.mark.parametrize(
    "content",
    [
        JMRUI.replace("\n", "\r\n"),
        JMRUI.replace("\n", "\r\n", 20),
        JMRUI.rstrip("\n"),
        JMRUI + "\n\n",
        without_spectrum(JMRUI),
        JMRUI.replace("SignalNames: NAA.txt;\n", ""),
        JMRUI.replace("jMRUI Data Textfile", "  jmrui data textfile  "),
        JMRUI.encode().replace(b"one: two", b"J\xfcrgen"),
    ],
    ids=["windows", "mixed ends", "no last end", "blank lines", "no spectrum", "no names", "title", "latin-1"],
)
def test_dialects_of_jmrui_text_give_the_same_signal(tmp_path, content):
    basis = read_one(tmp_path, "NAA.txt", content)
    assert basis.names == ("NAA",)
    assert basis.acquisition == ACQUISITION
    np.testing.assert_allclose(basis.fids[:, 0], FID, atol=1e-6)


def test_a_jmrui_file_of_several_signals_names_them_itself(tmp_path):
    content = jmrui_file(FIDS.T, NAMES)
    for text in (content, content.replace("Signal 2", "\nSignal 2")):
        basis = read_one(tmp_path, "all.txt", text)
        assert basis.names == NAMES
        np.testing.assert_allclose(basis.fids, FIDS, atol=1e-6)


def test_a_name_that_a_jmrui_file_gives_twice_is_told_with_both_lines(tmp_path):
    content = jmrui_file(FIDS.T, ["NAA", "Cr", "NAA"])
    words = r"all\.txt', line 534: the metabolite 'NAA' occurs twice, first in '.*all\.txt', line 20\."
    with pytest.raises(ValueError, match=words):
        read_one(tmp_path, "all.txt", content)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("PointsInDataset: 256", "PointsInDataset: 257", r"line 275: the file ends too early. Expected: 257 points"),
        (
            "PointsInDataset: 256",
            "PointsInDataset: 255",
            r"line 275: `PointsInDataset`.*Expected here: the end of the f",
        ),
        ("PointsInDataset: 256", "PointsInDataset: 1e15", r"line 5: `PointsInDataset` must be a whole number up to"),
        ("PointsInDataset: 256", "PointsInDataset: many", r"line 5: `PointsInDataset` must be a positive number"),
        (
            "DatasetsInFile: 1",
            "DatasetsInFile: 1\nPointsInDataset: 512",
            r"line 7: `PointsInDataset` occurs twice, first in line 5\.",
        ),
        ("DatasetsInFile: 1", "DatasetsInFile: 2", r"Expected here: a line 'Signal ... out of ... in file'"),
        ("DatasetsInFile: 1", "DatasetsInFile: 0.5", r"line 6: `DatasetsInFile` must be a whole number"),
        ("SamplingInterval: ", "SamplingInterval: -", r"line 7: `SamplingInterval` must be a positive number"),
        ("SamplingInterval", "Interval", r"`SamplingInterval` must be a positive number. Received: nothing"),
        ("BeginTime: 0E0", "BeginTime: 1E0", r"line 9: `BeginTime` must be 0"),
        ("TransmitterFrequency: 1.27", "TransmitterFrequency: 0.00000127", r"Expected from 1 to 2000 MHz"),
        ("Signal 1 out of 1", "Signal one of one", r"no line 'Signal 1 out of 1 in file'"),
        ("E+00\t", "E+00\tNaN\t", r"line 20: wrong number of columns. Expected: 2 or 4"),
    ],
)
def test_a_broken_jmrui_file_is_refused_with_file_and_line(tmp_path, before, after, words):
    assert before in JMRUI
    with pytest.raises(ValueError, match=r"NAA\.txt'.*" + words):
        read_one(tmp_path, "NAA.txt", JMRUI.replace(before, after, 1))


def test_a_truncated_jmrui_file_is_refused_wherever_a_line_ends(tmp_path):
    lines = JMRUI.splitlines(keepends=True)
    for end in range(1, len(lines), 3):
        with pytest.raises(ValueError, match=r"NAA\.txt'"):
            read_one(tmp_path, "NAA.txt", "".join(lines[:end]))


def changed(**changes) -> str:
    content = json.loads(JSON)
    content["basis"] |= changes
    return json.dumps(content, indent=1)


def test_json_in_one_line_or_with_more_than_the_signal_gives_the_same(tmp_path):
    content = json.loads(JSON)
    content |= {"seq": {"Nucleus": "1H"}, "spinSys": [{"j": [[0.0]]}], "outputDensityMatrix": {"re": [[1.0]]}}
    for text in (json.dumps(json.loads(JSON)), json.dumps(content), "\ufeff" + JSON, JSON.replace("\n", "\r\n")):
        basis = read_one(tmp_path, "x.json", text)
        assert basis.names == ("NAA",)
        assert basis.acquisition == ACQUISITION
        np.testing.assert_array_equal(basis.fids[:, 0], FID)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (JSON[:2000], r"line \d+: not valid JSON: .*truncated"),
        (JSON.replace("basis_re", "re"), r"x\.json': `basis_re` must be a list of numbers"),
        (
            JSON.replace('"basis_name"', '"basis_re": [1.0],\n"basis_name"'),
            r"`basis_re` occurs twice, first in line 3\.",
        ),
        (
            changed(basis_im=[0.0]),
            r"line 2\d\d: real and imaginary part must have the same length. Received: 256 and 1",
        ),
        (changed(basis_re=["1.0"] * 256), r"line 3: `basis_re` must be a list of numbers"),
        (changed(basis_re=[True] * 256), r"line 3: `basis_re` must be a list of numbers"),
        (changed(basis_re=[float("nan")] * 256), r"line 3: `basis_re` must hold finite numbers"),
        (changed(basis_re=[10**400] * 256), r"line 3: `basis_re` must hold finite numbers"),
        (changed(basis_re=[], basis_im=[]), r"line 3: a FID must have from 2"),
        (changed(basis_dwell=0), r"line 51\d: `basis_dwell` must be a positive number. Received: 0"),
        (changed(basis_dwell="fast"), r"line 51\d: `basis_dwell` must be a positive number. Received: 'fast'"),
        (
            changed(basis_centre=127740000.0),
            r"not a valid spectrometer frequency of a spectrum. Expected from 1 to 2000 MHz",
        ),
        (changed(basis_name=None), r"line 52\d: `basis_name` must be a string"),
        (changed(basis_name=" "), r"a metabolite needs a name"),
        (
            changed(basis_nucleus="31P"),
            r"line 52\d: only proton spectra are supported. Expected: '1H'. Received: '31P'",
        ),
        ('{"basis": 1}', r"line 1: no object 'basis'"),
        ("[" * 100_000, "this JSON cannot be read"),
        ('{"basis": ' + "9" * 5000 + "}", "this JSON cannot be read"),
    ],
)
def test_broken_json_is_refused_with_file_and_line(tmp_path, content, words):
    with pytest.raises(ValueError, match=r"x\.json'.*" + words.removeprefix(r"x\.json'")):
        read_one(tmp_path, "x.json", content, format="fsl_json")


def test_two_files_of_one_metabolite_are_refused(tmp_path):
    (tmp_path / "a.json").write_text(JSON)
    (tmp_path / "b.json").write_text(JSON)
    with pytest.raises(
        ValueError, match=r"b\.json', line 3: the metabolite 'NAA' occurs twice, first in '.*a\.json', line 3"
    ):
        read_basis(tmp_path)


def test_written_json_has_the_sign_and_keys_of_fsl_mrs(tmp_path):
    Basis(("NAA",), FIDS[:, :1], ACQUISITION, "by us").save(tmp_path / "fsl", format="fsl_json")
    written = json.loads((tmp_path / "fsl" / "NAA.json").read_text())
    reference = json.loads(JSON)
    assert written["basis"].pop("basis_nucleus") == "1H"
    assert written["basis"] == reference["basis"]
    assert written["meta"] == {"SimVersion": "by us"}
