"""`read_basis`: the five forms of the challenge basis, how a format is told, and what is refused."""

import itertools
import os

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, read_basis
from tests.basis.basis_files import (
    ACQUISITION,
    NAMES,
    basis_file,
    jmrui_file,
    json_file,
    known_fids,
    raw_file,
    text_file,
)

CHALLENGE = {
    "text": ("basisset_text_noTMS", Acquisition()),
    "raw": ("basisset_LCModel", Acquisition()),
    "basis": ("basisset_LCModel/press3T_30ms.BASIS", None),
    "jmrui": ("basisset_JMRUI", None),
    "json": ("fsl_json_noTMS", None),
}
WITHOUT_REFERENCE_PEAK = ("text", "json")
# The macromolecules of the files without reference peak are another signal than those of the files with it: narrower
# by a decay, shifted by 0.06 ppm, the first point halved.
OTHER_MACROMOLECULES = "Mac"


@pytest.fixture(scope="module")
def challenge(challenge_dir) -> dict[str, Basis]:
    return {form: read_basis(challenge_dir / path, acquisition=given) for form, (path, given) in CHALLENGE.items()}


def window_errors(ours: Basis, theirs: Basis) -> dict[str, float]:
    """Relative L2 error of each metabolite's spectrum from 0.2 to 4.2 ppm at 123.2 MHz."""

    def window(basis):
        ppm = 4.65 + np.fft.fftfreq(len(basis.fids), 1 / 4000) / 123.2
        return np.fft.fft(basis.fids, axis=0)[(ppm >= 0.2) & (ppm <= 4.2)]

    names = [name for name in ours.names if name in theirs.names]
    ours, theirs = window(ours.select(names)), window(theirs.select(names))
    errors = np.linalg.norm(ours - theirs, axis=0) / np.linalg.norm(theirs, axis=0)
    return dict(zip(names, errors, strict=True))


def strongest_ppm(basis: Basis, name: str) -> float:
    points = 16 * basis.acquisition.points
    magnitude = np.abs(np.fft.fft(basis.fids[:, basis.names.index(name)], points))
    frequency_hz = np.fft.fftfreq(points, 1 / basis.acquisition.bandwidth_hz)[magnitude.argmax()]
    return 4.65 + frequency_hz / basis.acquisition.spectrometer_frequency_mhz


@pytest.mark.parametrize("form", CHALLENGE)
def test_naa_methyl_peak_of_every_challenge_form_lies_at_2_01_ppm(challenge, form):
    assert strongest_ppm(challenge[form], "NAA") == pytest.approx(2.01, abs=0.02)


@pytest.mark.parametrize("form", CHALLENGE)
def test_every_challenge_form_has_its_metabolites_and_acquisition(challenge, form):
    names = set(challenge["text"].names)
    assert len(names) == 22
    assert set(challenge[form].names) == (names - {"Ace"} if form == "basis" else names)
    acquisition = challenge[form].acquisition
    assert (acquisition.bandwidth_hz, acquisition.points, acquisition.ppm_window) == (4000.0, 2048, (0.2, 4.2))
    expected_mhz = {"basis": 123.2617, "jmrui": 123.22, "json": 123.22}.get(form, 123.2)
    assert acquisition.spectrometer_frequency_mhz == expected_mhz


@pytest.mark.parametrize(("form", "other"), [*itertools.combinations(CHALLENGE, 2)])
def test_the_challenge_forms_agree_without_any_factor(challenge, form, other, measured):
    pair = []
    for name in (form, other):
        same_peaks = (form in WITHOUT_REFERENCE_PEAK) == (other in WITHOUT_REFERENCE_PEAK)
        keep = same_peaks or name in WITHOUT_REFERENCE_PEAK
        pair.append(challenge[name] if keep else challenge[name].without_reference_peak())
    errors = window_errors(*pair)
    assert len(errors) >= 21
    macromolecules = errors.pop(OTHER_MACROMOLECULES)
    worst = max(errors, key=errors.get)
    measured(f"{form} and {other}: at most {errors[worst]:.1e} ({worst}), macromolecules {macromolecules:.1e}")
    assert errors[worst] < 1e-4
    assert macromolecules < 1e-4 or not same_peaks


def write_all(folder) -> dict[str, tuple]:
    """Writes one basis in all formats; returns format -> (path, acquisition to give)."""
    fids = known_fids()
    for format in ("fsl_json", "lcmodel_raw", "text", "jmrui"):
        (folder / format).mkdir()
    for name, fid in zip(NAMES, fids.T, strict=True):
        (folder / "fsl_json" / f"{name}.json").write_text(json_file(fid, name))
        (folder / "lcmodel_raw" / f"{name}.RAW").write_text(raw_file(fid))
        (folder / "text" / f"{name}.txt").write_text(text_file(fid))
        (folder / "jmrui" / f"{name}.txt").write_text(jmrui_file([fid], [name]))
    (folder / "all.BASIS").write_text(basis_file(fids.T, NAMES))
    Basis(NAMES, fids, ACQUISITION).save(folder / "all.npz")
    return {
        "npz": (folder / "all.npz", None),
        "lcmodel_basis": (folder / "all.BASIS", None),
        "lcmodel_raw": (folder / "lcmodel_raw", ACQUISITION),
        "fsl_json": (folder / "fsl_json", None),
        "jmrui": (folder / "jmrui", None),
        "text": (folder / "text", ACQUISITION),
    }


FORMATS = ("npz", "lcmodel_basis", "lcmodel_raw", "fsl_json", "jmrui", "text")


@pytest.mark.parametrize("format", FORMATS)
def test_every_format_is_told_by_itself_and_gives_the_known_signals(tmp_path, format):
    path, given = write_all(tmp_path)[format]
    for basis in (read_basis(path, acquisition=given), read_basis(str(path), acquisition=given, format=format)):
        assert sorted(basis.names) == sorted(NAMES)
        np.testing.assert_allclose(basis.select(NAMES).fids, known_fids(), atol=3e-6)
        acquisition = basis.acquisition
        assert acquisition.spectrometer_frequency_mhz == pytest.approx(127.74, rel=1e-9)
        assert acquisition.bandwidth_hz == pytest.approx(2500.0, rel=1e-9)
        assert acquisition.points == 256


@pytest.mark.parametrize("format", FORMATS)
def test_the_sign_can_be_forced(tmp_path, format):
    path, given = write_all(tmp_path)[format]
    ours = read_basis(path, acquisition=given).select(NAMES).fids
    is_conjugate = format not in ("npz", "jmrui")
    forced = read_basis(path, acquisition=given, conjugated=not is_conjugate).select(NAMES).fids
    np.testing.assert_array_equal(forced, ours.conj())


@pytest.mark.parametrize("format", ["lcmodel_raw", "fsl_json", "jmrui", "text"])
def test_one_file_of_a_folder_is_a_basis_of_one_metabolite(tmp_path, format):
    folder, given = write_all(tmp_path)[format]
    path = next(path for path in folder.iterdir() if path.stem == "Cr")
    basis = read_basis(path, acquisition=given)
    assert basis.names == ("Cr",)
    np.testing.assert_allclose(basis.fids, known_fids()[:, 1:2], atol=1e-6)


@pytest.mark.parametrize("format", ["lcmodel_raw", "fsl_json", "jmrui", "text"])
def test_what_stands_beside_the_signals_is_left_alone(tmp_path, format):
    folder, given = write_all(tmp_path)[format]
    for name in ("README.md", "ReadMe.txt", "LICENSE", "Licence.txt", ".DS_Store", "._NAA.txt", "a.png"):
        (folder / name).write_bytes(b"\0\1\2")
    (folder / "jmrui-text_output_summary.txt").write_text("Vespa")
    (folder / "other.txt").mkdir()
    assert sorted(read_basis(folder, acquisition=given).names) == sorted(NAMES)


def test_a_given_acquisition_takes_the_place_of_the_file(tmp_path):
    path, _ = write_all(tmp_path)["jmrui"]
    given = Acquisition(127.8, 2500.0, 256, (1.0, 4.0))
    assert read_basis(path, acquisition=given).acquisition == given


@pytest.mark.parametrize("format", FORMATS)
def test_a_given_acquisition_may_not_contradict_the_file(tmp_path, format):
    path, _ = write_all(tmp_path)[format]
    with pytest.raises(ValueError, match="points"):
        read_basis(path, acquisition=Acquisition(127.74, 2500.0, 255))
    if format in ("npz", "lcmodel_basis", "fsl_json", "jmrui"):
        with pytest.raises(ValueError, match=r"contradicts.*bandwidth_hz=2501.0. Received: bandwidth_hz=2500"):
            read_basis(path, acquisition=Acquisition(127.74, 2501.0, 256))
        with pytest.raises(ValueError, match=r"contradicts.*Expected: spectrometer_frequency_mhz=123.2. Received"):
            read_basis(path, acquisition=Acquisition(123.2, 2500.0, 256))


def test_a_band_that_does_not_reach_the_default_window_has_its_own(tmp_path):
    narrow = Acquisition(300.0, 600.0, 256, (4.0, 5.0))
    (tmp_path / "NAA.json").write_text(json_file(known_fids(narrow)[:, 0], "NAA", narrow))
    assert read_basis(tmp_path).acquisition.ppm_window == pytest.approx((3.65, 4.2))
    narrower = Acquisition(300.0, 60.0, 256, (4.6, 4.7))
    (tmp_path / "NAA.json").write_text(json_file(known_fids(narrower)[:, 0], "NAA", narrower))
    assert read_basis(tmp_path).acquisition.ppm_window == pytest.approx((4.55, 4.75))


def test_signals_of_different_acquisitions_are_no_basis(tmp_path):
    for what, other in {
        "points of 256": Acquisition(127.74, 2500.0, 255),
        "bandwidth of 2500.0": Acquisition(127.74, 2000.0, 256),
        "frequency of 127.74": Acquisition(123.2, 2500.0, 256),
    }.items():
        (tmp_path / "A.json").write_text(json_file(known_fids()[:, 0], "A"))
        (tmp_path / "B.json").write_text(json_file(known_fids(other)[:, 0], "B", other))
        with pytest.raises(ValueError, match=rf"B\.json', line 3: all signals.*{what}.*as A in '.*A\.json' has"):
            read_basis(tmp_path)


def test_a_folder_of_several_formats_asks_which_one(tmp_path):
    fid = known_fids()[:, 0]
    (tmp_path / "NAA.json").write_text(json_file(fid, "NAA"))
    (tmp_path / "NAA.RAW").write_text(raw_file(fid))
    with pytest.raises(
        ValueError,
        match=r"one format.*Received: 1 \.RAW, 1 \.json\. Choose one: format='lcmodel_raw' or format='fsl_json'\.$",
    ):
        read_basis(tmp_path)
    assert read_basis(tmp_path, format="fsl_json").names == ("NAA",)


def test_jmrui_and_two_column_text_in_one_folder_are_told_apart(tmp_path):
    fid = known_fids()[:, 0]
    (tmp_path / "NAA.txt").write_text(jmrui_file([fid], ["NAA"]))
    (tmp_path / "Cr.txt").write_text(text_file(fid))
    with pytest.raises(ValueError, match=r"mixes formats: 'Cr.txt' is text, 'NAA.txt' is jmrui"):
        read_basis(tmp_path)


def test_a_folder_without_a_basis_says_what_it_lacks(tmp_path):
    with pytest.raises(ValueError, match=r"Expected: \.raw or \.json or \.txt .*Received: none of these\.$"):
        read_basis(tmp_path)
    (tmp_path / "press.BASIS").write_text("")
    with pytest.raises(ValueError, match=r"Give the path of the file: press\.BASIS"):
        read_basis(tmp_path)
    with pytest.raises(ValueError, match=r"format='lcmodel_basis' is a single file. Received a folder"):
        read_basis(tmp_path, format="lcmodel_basis")


def test_an_unknown_format_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(ValueError, match=r"Unknown `format`. Expected one of: 'npz', .*Received: format='lcm'"):
        read_basis(tmp_path, format="lcm")


@pytest.mark.parametrize("name", ["none.BASIS", "none/none.txt"])
def test_nothing_at_the_path_is_an_error_of_its_own(tmp_path, name):
    with pytest.raises(FileNotFoundError, match="No such file or folder"):
        read_basis(tmp_path / name)


@pytest.mark.parametrize(
    "content",
    [b"hello", b"\xff\xd8", b"a,b\n1,2\n", b"$PLOT x=1 $END\n", b"1;2\n3;4\n"],
)
def test_a_file_that_is_no_basis_is_refused(tmp_path, content):
    path = tmp_path / "a.BASIS"
    path.write_bytes(content)
    with pytest.raises(
        ValueError,
        match=r"a\.BASIS', line 1: not a basis of a known format. Expected one of: npz, .* for example format='text'",
    ):
        read_basis(path)


@pytest.mark.parametrize("format", [None, *FORMATS])
def test_a_gibibyte_that_is_no_basis_is_refused_at_once(tmp_path, format):
    path = tmp_path / "huge.txt"
    with path.open("wb") as file:
        file.truncate(2**30)  # takes no space on the disk
    with pytest.raises(ValueError, match=r"huge\.txt': too large for a basis file.*33554432 bytes.*1073741824 bytes"):
        read_basis(path, format=format)


@pytest.mark.parametrize("format", [None, *FORMATS])
def test_a_pipe_is_not_waited_for(tmp_path, format):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match=r"pipe': not a plain file"):
        read_basis(tmp_path / "pipe", format=format)


def test_names_outside_ascii_are_kept(tmp_path):
    (tmp_path / "β-Ala.txt").write_text(text_file(known_fids()[:, 0]))
    assert read_basis(tmp_path, acquisition=ACQUISITION).names == ("β-Ala",)


@pytest.mark.parametrize("format", ["npz", "lcmodel_basis", "lcmodel_raw", "fsl_json"])
def test_what_is_saved_is_read_back(tmp_path, format):
    basis = Basis(NAMES, known_fids(), ACQUISITION, "round and round")
    path = tmp_path / "saved"
    basis.save(path, format=format)
    again = read_basis(path, acquisition=ACQUISITION if format == "lcmodel_raw" else None)
    assert sorted(again.names) == sorted(NAMES)
    assert again.acquisition == ACQUISITION
    np.testing.assert_allclose(again.select(NAMES).fids, basis.fids, atol=1e-7)
    if format != "lcmodel_raw":
        assert again.description == "round and round"
