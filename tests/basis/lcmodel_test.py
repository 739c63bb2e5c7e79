"""LCModel's files: the dialects of `.BASIS`, `.RAW`, writing both, and bad input."""

import re

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, read_basis
from tests.basis.basis_files import ACQUISITION, NAMES, basis_file, known_fids, lcmodel_spectrum, raw_file, rows

FIDS = known_fids()
FILE = basis_file(FIDS.T, NAMES)
SMALL = Acquisition(127.74, 2500.0, 64)
SMALL_FIDS = known_fids(SMALL)
SMALL_FILE = basis_file(SMALL_FIDS.T, NAMES, SMALL)


def read_text_as(text: str | bytes, folder, name: str = "a.BASIS", **arguments) -> Basis:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_basis(path, **arguments)


def relative_error(basis: Basis, fids: np.ndarray) -> float:
    return float(np.linalg.norm(basis.fids - fids) / np.linalg.norm(fids))


def test_a_basis_file_gives_the_signals_at_their_absolute_scale(tmp_path):
    basis = read_text_as(FILE, tmp_path)
    assert basis.names == NAMES
    assert basis.acquisition == Acquisition(127.74, 2500.0, 256, (0.2, 4.2))
    assert basis.description == "made by hand"
    assert relative_error(basis, FIDS) < 1e-7  # the file has 8 digits


def scrambled(spectrum: np.ndarray) -> np.ndarray:
    """Scrambles as LCModel's published source implies, with the generator of Schrage (1979) step by step."""
    state, factors = 1499, []
    for _ in spectrum:
        state = (7**5 * state) % (2**31 - 1)
        factors.append(-np.exp(-20 * state * 4.656612875e-10 + 10))
    return spectrum / np.array(factors)


def without_zero_filling(spectrum: np.ndarray) -> np.ndarray:
    return np.fft.fft(np.fft.ifft(spectrum, norm="ortho")[: len(spectrum) // 2], norm="ortho")


DIALECTS = {
    "2 columns": basis_file(FIDS.T, NAMES, columns=2),
    "8 columns": basis_file(FIDS.T, NAMES, columns=8),
    "lower case": re.sub(r"\$?\b[A-Z]\w*\b(?= *=|\n)|\$[A-Z0-9]+", lambda m: m[0].lower(), FILE),
    "gfortran's ampersands and slashes": re.sub(r" \$END", " /", FILE).replace("$", "&"),
    "$END behind the last value": re.sub(r"\n \$END", " $END", FILE),
    "a lone $ as end": FILE.replace("$END", "$"),
    "Windows line ends": FILE.replace("\n", "\r\n"),
    "old Macintosh line ends": FILE.replace("\n", "\r"),
    "Fortran's D exponents": re.sub(r"(?<=\d)E(?=[+-])", "D", FILE),
    "lower case exponents": re.sub(r"(?<=\d)E(?=[+-])", "e", FILE),
    "numbers that touch": basis_file(FIDS.T, NAMES, form="{:15.8E}").replace("E15.7", "E15.8"),
    "a scale factor in the format": FILE.replace("(6E15.7)", "(1P6E15.7)"),
    "a string over two lines": FILE.replace("'made by hand'", "\n 'made by\n  hand'\n"),
    "a path over two lines": FILE.replace("'NAA.RAW'", "\n '/home/lab/a b/c=d/$END/it''s\nNAA.RAW'\n"),
    "double quotes": FILE.replace("'NAA'", '"NAA"'),
    "a comment": FILE.replace("FWHMBA = -1.,", "FWHMBA = -1., ! it's $END"),
    "subscripts": FILE.replace("PPMAPP =", "PPMAPP(1,1) ="),
    "an empty value": FILE.replace("ECHOT =  30.", "ECHOT =  "),
    "quotes without a string": FILE.replace("ID = 'it''s NAA'", "ID=Mac''"),
    "an octet that is not UTF-8": FILE.encode().replace(b"PRESS", b"PRE\xdfS"),
    "a byte order mark": b"\xef\xbb\xbf" + FILE.encode(),
    "a line of text above": "made on a Friday\n" + FILE,
    "blank lines": FILE.replace(" $NMUSED", "\n\n $NMUSED") + "\n \n",
    "no zero filling": basis_file(FIDS.T, NAMES, change=without_zero_filling).replace("NDATAB = 512", "NDATAB = 256"),
    "a positive shift": basis_file(FIDS.T, NAMES, ishift=19, change=lambda s: np.roll(s, 19)),
    "a negative shift": basis_file(FIDS.T, NAMES, ishift=-587, change=lambda s: np.roll(s, -587)),
    "a concentration": basis_file(FIDS.T, NAMES, conc=40.0, change=lambda s: s * 40),
    "scrambled": basis_file(FIDS.T, NAMES, badelt=-0.0004, change=scrambled, form="{:15.7E}"),
    "a negative dwell time alone": basis_file(FIDS.T, NAMES, badelt=-0.0004),
    "single precision": FILE.replace("0.000400000000", "0.00039999999").replace("127.740000000", "127.739998"),
}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_of_a_basis_file_gives_the_same_basis(tmp_path, dialect):
    assert DIALECTS[dialect] != FILE
    basis = read_text_as(DIALECTS[dialect], tmp_path)
    assert basis.names == NAMES
    assert basis.acquisition == Acquisition(127.74, 2500.0, 256, (0.2, 4.2))
    assert relative_error(basis, FIDS) < 2e-7


def test_a_second_half_that_is_not_empty_is_kept(tmp_path):
    longer = Acquisition(127.74, 2500.0, 512)
    text = basis_file(FIDS.T, NAMES, change=lambda s: np.fft.fft(known_fids(longer)[:, 0].conj(), norm="ortho"))
    basis = read_text_as(text, tmp_path)
    assert basis.acquisition.points == 512
    assert relative_error(basis.select(["NAA"]), known_fids(longer)[:, :1]) < 1e-7


def test_a_file_without_frequency_needs_an_acquisition(tmp_path):
    text = FILE[FILE.index(" $BASIS1") :]
    with pytest.raises(ValueError, match=r"a.BASIS', line .*does not say its spectrometer frequency.*acquisition="):
        read_text_as(text, tmp_path)
    assert read_text_as(text, tmp_path, acquisition=ACQUISITION).acquisition == ACQUISITION


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("BADELT =", "BADELTA =", r"line 7: `BADELT` must be the dwell time in s. Received: None"),
        ("0.000400000000", "0.0", r"line 10: `BADELT` must be the dwell time"),
        (
            "0.000400000000",
            "4 ms",
            r"not a valid bandwidth of a spectrum. Expected from 10 to 1e\+07 Hz. Received: 0.25 Hz",
        ),
        ("0.000400000000", "fast", r"line 10: `BADELT` must be a finite number. Received: 'fast'"),
        ("NDATAB = 128", "NDATAB = 129", r"line 28: wrong number of points after \$BASIS.*258 numbers.*256 numbers"),
        ("NDATAB = 128", "NDATAB = 1E12", r"line 11: `NDATAB` must be a whole number of points from 2 to 1048576"),
        ("NDATAB = 128", "NDATAB = -4", r"line 11: `NDATAB`"),
        (
            "METABO = 'Cr'",
            "METABO = 'NAA'",
            r"line 78: the metabolite 'NAA' occurs twice, first in '.*a\.BASIS', line 20\.",
        ),
        ("NDATAB = 128", "NDATAB = 128,\n NDATAB = 256", r"line 12: `NDATAB` occurs twice, first in line 11\."),
        ("METABO = 'Cr'", "METABO = 'Cr',\n METABO = 'PCr'", r"line 81: `METABO` occurs twice, first in line 80\."),
        ("$NMUSED", "$BASIS1 BADELT=0.001 $END\n $NMUSED", r"line 13: `\$BASIS1` occurs twice, first in line 7\."),
        ("METABO = 'Cr'", "METABO = ' '", r"line 78: a metabolite needs a name"),
        ("METABO = 'Cr'", "NAME = 'Cr'", r"line 78: \$BASIS lacks `METABO`"),
        ("ISHIFT = 0", "ISHIFT = 1.5", r"line 26: `ISHIFT` must be a whole number. Received: 1.5"),
        ("CONC =  1.0", "CONC =  0.", r"line 23: `CONC` must be positive. Received: 0.0"),
        ("METABO = 'Cr'", "METABO = 'Cr", r"line 8\d: .*\$BASIS"),
        ("ISHIFT = 0\n $END", "ISHIFT = 0", r"line 70: \$BASIS, opened in line 20, is not closed. Expected: \$END"),
        (
            "127.740000000",
            "127740000.0",
            r"not a valid spectrometer frequency of a spectrum. Expected from 1 to 2000 MHz",
        ),
    ],
)
def test_a_broken_basis_file_is_refused_with_file_and_line(tmp_path, before, after, words):
    assert before in SMALL_FILE
    with pytest.raises(ValueError, match=r"a\.BASIS'.*" + words):
        read_text_as(SMALL_FILE.replace(before, after, 1), tmp_path)


@pytest.mark.parametrize("bad", ["NaN", "inf", "********", "1_000", "1.2.3", "0x10", "1e999", "١٢", "1,5"])
def test_what_is_no_number_is_refused_with_its_line(tmp_path, bad):
    lines = SMALL_FILE.split("\n")
    lines[40] = f"{lines[40][:-15]} {bad}"
    with pytest.raises(
        ValueError, match=rf"a\.BASIS', line 41: expected a finite number. Received: '{re.escape(bad)}'"
    ):
        read_text_as("\n".join(lines), tmp_path)


def names_or_error(text: str, folder) -> tuple[str, ...] | str:
    try:
        return read_text_as(text, folder).names
    except ValueError as error:
        return str(error)


def test_a_truncated_basis_file_is_refused_or_lacks_whole_metabolites(tmp_path):
    lines = SMALL_FILE.splitlines(keepends=True)
    outcomes = [names_or_error("".join(lines[:end]), tmp_path) for end in range(len(lines))]
    assert all("a.BASIS'" in outcome for outcome in outcomes if isinstance(outcome, str))
    # Between two metabolites, in front of the next $NMUSED or behind its $END, nothing tells that there were more.
    assert {outcome for outcome in outcomes if not isinstance(outcome, str)} == {NAMES[:1], NAMES[:2]}
    assert sum(not isinstance(outcome, str) for outcome in outcomes) == 4


def test_the_lines_cut_inside_the_numbers_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"line 28: wrong number of points.*Received: 60 numbers.*truncated"):
        read_text_as("\n".join(SMALL_FILE.split("\n")[:37]), tmp_path)


RAW_HEADS = {
    "as LCModel": " $NMID ID='a', FMTDAT='(2E15.7)'\n TRAMP=1., VOLUME=1. $END\n",
    "as in the challenge": " $NMID ID=Mac'', FMTDAT='(2E15.7)'\n TRAMP=1., VOLUME=1. $END\n",
    "as FSL-MRS": " $SEQPAR\n hzpppm=127.74\n dwellTime=0.0004\n NumberOfPoints=256\n echot=0.0\n $END\n"
    " $NMID\n FMTDAT='(2E15.7)'\n $END\n",
    "lower case": " $nmid id='a', fmtdat='(2E15.7)'\n $end\n",
    "gfortran": "&NMID ID='a', FMTDAT='(2E15.7)' /\n",
}


@pytest.mark.parametrize("head", RAW_HEADS)
def test_raw_files_of_all_kinds_give_the_signal(tmp_path, head):
    (tmp_path / "NAA.RAW").write_text(raw_file(FIDS[:, 0], RAW_HEADS[head]))
    given = None if head == "as FSL-MRS" else ACQUISITION
    basis = read_basis(tmp_path, acquisition=given)
    assert basis.names == ("NAA",)
    assert basis.acquisition == Acquisition(127.74, 2500.0, 256, (0.2, 4.2))
    assert relative_error(basis, FIDS[:, :1]) < 1e-7


def test_the_scale_and_sign_that_a_raw_file_declares_are_applied(tmp_path):
    head = " $NMID ID='a', FMTDAT='(2E15.7)', BRUKER=T, TRAMP=3., VOLUME=2. $END\n"
    (tmp_path / "NAA.raw").write_text(head + rows(FIDS[:, 0] * 2 / 3, 2))
    assert relative_error(read_basis(tmp_path, acquisition=ACQUISITION), FIDS[:, :1]) < 1e-7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (raw_file(FIDS[:, 0])[:-16], r"NAA\.RAW', line 3: wrong number of points.*pairs.*511 numbers"),
        (" $NMID FMTDAT='(2E15.7)' $END\n", r"NAA\.RAW', line 2: wrong number of points.*Received: 0 numbers"),
        (raw_file(FIDS[:, 0])[:-31], r"NAA\.RAW', line 3: the file contradicts.*points=256. Received: points=255"),
        (raw_file(FIDS[:, 0], " $NMID SEQACQ=.TRUE. $END\n"), r"NAA\.RAW', line 1: `SEQACQ`"),
        (raw_file(FIDS[:, 0], ""), r"NAA\.RAW', line 1: no namelist \$NMID"),
        (raw_file(FIDS[:, 0], " $NMID TRAMP=-1 $END\n"), r"NAA\.RAW', line 1: `TRAMP` must be positive"),
    ],
)
def test_a_broken_raw_file_is_refused_with_file_and_line(tmp_path, text, words):
    (tmp_path / "NAA.RAW").write_text(text)
    with pytest.raises(ValueError, match=words):
        read_basis(tmp_path, acquisition=ACQUISITION)


def test_raw_files_without_acquisition_say_how_to_give_it(tmp_path):
    (tmp_path / "NAA.RAW").write_text(raw_file(FIDS[:, 0]))
    with pytest.raises(ValueError, match=r"NAA.RAW', line 3: .*does not say its spectrometer frequency.*points=256"):
        read_basis(tmp_path)


def test_a_written_basis_file_holds_what_lcmodel_defines(tmp_path):
    known = Basis(NAMES, FIDS, ACQUISITION, "a basis that's ours " + 10 * "long ")
    known.save(tmp_path / "ours.BASIS")
    text = (tmp_path / "ours.BASIS").read_text()
    assert max(map(len, text.splitlines())) <= 132
    # An independent reading: the numbers after the last header are the last metabolite's spectrum.
    numbers = np.array(text.rpartition("$END")[2].split(), dtype=float)
    spectrum = lcmodel_spectrum(FIDS[:, 2])
    assert np.abs(numbers[0::2] + 1j * numbers[1::2] - spectrum).max() < 1e-7 * np.abs(spectrum).max()
    again = read_basis(tmp_path / "ours.BASIS")
    assert (again.names, again.acquisition) == (NAMES, ACQUISITION)
    assert again.description == known.description[:80].strip()
    assert relative_error(again, FIDS) < 1e-8


def test_written_raw_files_are_read_back(tmp_path):
    Basis(NAMES, FIDS, ACQUISITION).save(tmp_path / "raw", format="lcmodel_raw")
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == ["Cr.RAW", "GPC.RAW", "NAA.RAW"]
    again = read_basis(tmp_path / "raw", acquisition=ACQUISITION).select(NAMES)
    assert relative_error(again, FIDS) < 1e-8
