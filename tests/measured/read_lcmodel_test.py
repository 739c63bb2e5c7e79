"""Scans in LCModel's .RAW files, against numpy's reading of the text."""

import dataclasses
import shutil

import numpy as np
import pytest

from mrs_keras import Prior
from mrs_keras.basis import default_basis
from mrs_keras.generation import generate_dataset
from mrs_keras.measured import MeasuredRecipe, find_scans, process_folder, read_scans
from tests.conftest import SHARED_DATA
from tests.generation.conftest import stand_in

CHALLENGE = SHARED_DATA / "challenge2016" / "basisset_LCModel"
CONTROL = " $LCMODL\n HZPPPM = 123.2, DELTAT = 2.5E-4,\n NUNFIL=2048\n TITLE='it''s one'\n $END\n"


@pytest.fixture
def scan(tmp_path):
    """The challenge's NAA, named as a scan, with a control file."""
    path = tmp_path / "sub-01_svs.RAW"
    shutil.copy(CHALLENGE / "NAA.RAW", path)
    path.chmod(0o644)
    path.with_suffix(".CONTROL").write_text(CONTROL)
    return path


def test_a_file_of_the_fitting_challenge_is_read_with_its_control_file(scan):
    (found,) = read_scans(scan)
    columns = np.array(scan.read_text(encoding="latin-1").rsplit("$END", 1)[1].split(), float)
    np.testing.assert_array_equal(found.fids[0, 0], columns[0::2] - 1j * columns[1::2])
    assert (found.spectrometer_frequency_mhz, found.bandwidth_hz, found.points) == (123.2, 4000.0, 2048)
    spectrum = np.abs(np.fft.fft(found.fids[0, 0]))
    ppm = 4.65 + np.fft.fftfreq(2048, 1 / 4000) / 123.2
    inside = (ppm > 0.5) & (ppm < 4.2)  # the challenge's files have a reference peak at 0 ppm
    assert abs(ppm[inside][np.argmax(spectrum[inside])] - 2.01) < 0.02


def test_what_contradicts_or_is_missing_is_said(scan):
    control = scan.with_suffix(".CONTROL")
    control.write_text(CONTROL.replace("2048", "1024"))
    with pytest.raises(ValueError, match=r"says 1024 points, but it has 2048.*export it again"):
        read_scans(scan)
    control.write_text(CONTROL.replace("LCMODL", "OTHER"))
    with pytest.raises(ValueError, match="no namelist .LCMODL"):
        read_scans(scan)
    control.write_text(CONTROL.replace("2.5E-4", "0."))
    with pytest.raises(ValueError, match="`DELTAT` must be positive"):
        read_scans(scan)
    control.unlink()
    with pytest.raises(ValueError, match=r"neither its header nor a control file says .*DELTAT.*sub-01_svs.CONTROL"):
        read_scans(scan)
    scan.write_text(" $SEQPAR HZPPPM=123.2, DELTAT=2.5E-4, ECHOT=30., SEQ='PRESS' $END\n" + scan.read_text("latin-1"))
    (found,) = read_scans(scan)
    assert (found.bandwidth_hz, found.echo_time_ms, found.sequence) == (4000.0, 30.0, "PRESS")
    scan.write_bytes(b"\0\1\2" * 100)
    with pytest.raises(ValueError, match="sub-01_svs.RAW"):
        read_scans(scan)


def test_a_folder_has_scans_but_the_files_of_a_basis_are_none(scan):
    shutil.copy(scan, scan.with_name("NAA.RAW"))
    shutil.copy(scan, scan.with_name("sub-01_mrsref.RAW"))
    (found,) = find_scans(scan.parent, site="(sub)")
    assert (found.path, found.reference.name, found.participant_id) == (scan, "sub-01_mrsref.RAW", "sub-01")


def test_what_generate_wrote_for_lcmodel_comes_back(tmp_path, measured):
    source = stand_in()
    scale = Prior.from_preset("naa_pcr").peak_height(default_basis())
    source = dataclasses.replace(source, description=dataclasses.replace(source.description, spectrum_scale=scale))
    expected = np.load(generate_dataset(source, tmp_path / "expected.npz", number=12, seed=4))
    folder = generate_dataset(source, tmp_path / "lcmodel", number=12, seed=4, format="lcmodel", echo_time_ms=30.0)
    recipe = MeasuredRecipe(str(folder))
    examples = process_folder(recipe, jobs=1)
    error = np.abs(examples.spectra - expected["spectrum"]).max() / np.abs(expected["spectrum"]).max()
    measured(f"round trip through LCModel's files: off by {error:.1e} of the tallest point")
    assert error < 1e-6
    np.testing.assert_array_equal(recipe.matched_labels[0].astype(np.float32), expected["concentrations"])
    assert recipe.describe_labels().names == ("NAA", "PCr")
    assert recipe.target.echo_time_ms == 30.0
    np.testing.assert_array_equal(examples.numbers["noise_sigma"], 0.0)
