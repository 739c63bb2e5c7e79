"""What the digits of a file leave open: frequencies, bandwidths, points and units, in every format that prints them."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras import Acquisition, read_basis
from mrs_keras.basis import check_basis, describe_basis
from tests.basis.basis_files import basis_file, jmrui_file, json_file, known_fids, raw_file, text_file

SEVEN_TESLA = Acquisition(297.22, 12000.0, 512)
FIDS = known_fids(SEVEN_TESLA)[:, :1]
RAW_HEAD = " $SEQPAR\n hzpppm={frequency}\n {key}= {dwell}\n $END\n $NMID FMTDAT='(2E15.7)' $END\n"


def shifted(token: str, places: int) -> str:
    """Returns a printed number times a power of ten, with the digits as they are."""
    return f"{token}E{places}"


def write(folder, format: str, dwell: str, frequency: str = "297.22") -> None:
    """Writes a basis of NAA that prints its dwell time in s, and its frequency in MHz, exactly so."""
    fid = FIDS[:, 0]
    if format.startswith("lcmodel_raw"):
        key = {"lcmodel_raw": "DELTAT", "lcmodel_raw of FID-A": "dwellTime"}[format]
        head = RAW_HEAD.format(key=key, dwell=dwell, frequency=frequency)
        (folder / "NAA.RAW").write_text(raw_file(fid, head))
    elif format == "lcmodel_basis":
        text = re.sub(r"BADELT = .*", f"BADELT = {dwell},", basis_file(FIDS.T, ["NAA"], SEVEN_TESLA))
        (folder / "all.BASIS").write_text(re.sub(r"HZPPPM = .*", f"HZPPPM = {frequency},", text))
    elif format == "jmrui":
        text = re.sub(r"SamplingInterval: .*", f"SamplingInterval: {shifted(dwell, 3)}", jmrui_file(FIDS.T, ["NAA"]))
        text = re.sub(r"TransmitterFrequency: .*", f"TransmitterFrequency: {shifted(frequency, 6)}", text)
        (folder / "NAA.txt").write_text(text.replace("MagneticField: 3E0", "MagneticField: 7E0"))
    else:
        text = re.sub(r'"basis_dwell": [^,]*', f'"basis_dwell": {dwell}', json_file(fid, "NAA", SEVEN_TESLA))
        (folder / "NAA.json").write_text(re.sub(r'"basis_centre": [^,]*', f'"basis_centre": {frequency}', text))


def read(folder, format: str, given: Acquisition | None = None):
    return read_basis(folder / "all.BASIS" if format == "lcmodel_basis" else folder, acquisition=given)


FORMATS = ("lcmodel_raw", "lcmodel_raw of FID-A", "lcmodel_basis", "jmrui", "fsl_json")


@pytest.mark.parametrize("format", FORMATS)
def test_a_bandwidth_that_the_printed_digits_can_stand_for_is_accepted_and_taken(tmp_path, format):
    write(tmp_path, format, dwell="0.000083")
    assert read(tmp_path, format).acquisition.bandwidth_hz == pytest.approx(12048.19, abs=0.01)
    for bandwidth_hz in (12000.0, 11977.0, 12120.0):  # 1 / 0.0000835 s to 1 / 0.0000825 s
        given = Acquisition(297.22, bandwidth_hz, 512)
        assert read(tmp_path, format, given).acquisition == given


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("bandwidth_hz", [11970.0, 12130.0])
def test_a_bandwidth_outside_of_the_printed_digits_is_refused(tmp_path, format, bandwidth_hz):
    write(tmp_path, format, dwell="0.000083")
    words = rf"contradicts.*Expected: bandwidth_hz={bandwidth_hz}\. Received: .* 11976.* to 12121.* Hz"
    with pytest.raises(ValueError, match=words):
        read(tmp_path, format, Acquisition(297.22, bandwidth_hz, 512))


@pytest.mark.parametrize("format", FORMATS)
def test_fine_digits_keep_the_tolerance_of_1e_4(tmp_path, format):
    write(tmp_path, format, dwell="0.0000833333333")
    assert read(tmp_path, format, Acquisition(297.22, 12001.0, 512)).acquisition.bandwidth_hz == 12001.0
    with pytest.raises(ValueError, match="contradicts"):
        read(tmp_path, format, Acquisition(297.22, 12003.0, 512))


@pytest.mark.parametrize("format", FORMATS)
def test_a_frequency_of_few_digits_stands_for_half_a_unit_to_either_side(tmp_path, format):
    write(tmp_path, format, dwell="0.0000833333333", frequency="298")
    assert read(tmp_path, format, Acquisition(297.6, 12000.0, 512)).acquisition.spectrometer_frequency_mhz == 297.6
    with pytest.raises(ValueError, match=r"contradicts.*297.5 to 298.5 MHz"):
        read(tmp_path, format, Acquisition(297.1, 12000.0, 512))
    assert "frequency coarsely" in describe_basis(read(tmp_path, format))


@settings(deadline=None, max_examples=60)
@given(bandwidth_hz=st.floats(800.0, 20000.0), digits=st.integers(1, 8), exponent=st.booleans())
@pytest.mark.parametrize("format", ["lcmodel_raw", "lcmodel_basis", "jmrui"])
def test_the_true_bandwidth_is_accepted_however_the_dwell_time_is_rounded(
    tmp_path_factory, format, bandwidth_hz, digits, exponent
):
    folder = tmp_path_factory.mktemp("printed")
    dwell = f"{1 / bandwidth_hz:.{digits - 1}e}" if exponent else f"{1 / bandwidth_hz:.{digits + 3}f}"
    if float(dwell) == 0:
        return
    if exponent and format == "jmrui":
        mantissa, power = dwell.split("e")
        dwell = f"{mantissa}E{int(power) + 3}"
        write(folder, format, dwell="1")
        path = folder / "NAA.txt"
        path.write_text(path.read_text().replace(f"SamplingInterval: {shifted('1', 3)}", f"SamplingInterval: {dwell}"))
    else:
        write(folder, format, dwell=dwell)
    given_acquisition = Acquisition(297.22, bandwidth_hz, 512, (4.0, 5.0))
    assert read(folder, format, given_acquisition).acquisition == given_acquisition


@pytest.mark.parametrize("format", FORMATS)
def test_few_digits_are_told_by_description_and_check_and_fine_ones_are_not(tmp_path, format):
    write(tmp_path, format, dwell="0.000083")
    coarse = read(tmp_path, format)
    words = r"prints the bandwidth coarsely: .* can mean 11976 to 12121\.2 Hz\. .*acquisition=Acquisition\("
    assert re.search(words, describe_basis(coarse))
    assert re.search(words, str(check_basis(coarse)))
    assert "coarsely" not in describe_basis(read(tmp_path, format, SEVEN_TESLA))
    write(tmp_path, format, dwell="0.0000833333333")
    assert "coarsely" not in describe_basis(read(tmp_path, format))


@pytest.mark.parametrize("dwell", ["2.5E-4", "0.00025", "0.000125"])
def test_a_short_number_that_gives_a_whole_number_of_hz_is_not_called_coarse(tmp_path, dwell):
    write(tmp_path, "lcmodel_basis", dwell=dwell)
    assert "coarsely" not in describe_basis(read(tmp_path, "lcmodel_basis"))
    write(tmp_path, "lcmodel_basis", dwell="0.000250")  # six decimals, whatever the number
    assert "3992.02 to 4008.02 Hz" in describe_basis(read(tmp_path, "lcmodel_basis"))


def test_of_several_files_the_one_with_most_digits_counts(tmp_path):
    write(tmp_path, "fsl_json", dwell="0.000083")
    (tmp_path / "NAA.json").rename(tmp_path / "coarse.json")
    text = (tmp_path / "coarse.json").read_text()
    (tmp_path / "fine.json").write_text(text.replace("0.000083", "0.00008333").replace('"NAA"', '"Cr"'))
    assert read_basis(tmp_path).acquisition.bandwidth_hz == pytest.approx(1 / 0.00008333)
    (tmp_path / "other.json").write_text(text.replace("0.000083", "0.00008222").replace('"NAA"', '"Glu"'))
    with pytest.raises(ValueError, match=r"other\.json', line 3: all signals.*as Cr in '.*fine\.json' has"):
        read_basis(tmp_path)


def test_the_dwell_time_in_a_raw_file_gives_the_bandwidth(tmp_path):
    for key in ("DELTAT", "dwellTime"):
        head = RAW_HEAD.format(key=key, dwell="8.3333333E-05", frequency="297.22")
        (tmp_path / "NAA.RAW").write_text(raw_file(FIDS[:, 0], head))
        acquisition = read_basis(tmp_path).acquisition
        assert (acquisition.spectrometer_frequency_mhz, acquisition.points) == (297.22, 512)
        assert acquisition.bandwidth_hz == pytest.approx(12000.0, rel=1e-7)


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (" $NMID DELTAT=2.5E-4, HZPPPM=297.22 $END\n", r"contradicts.*bandwidth_hz=12000.*DELTAT = 2.5E-4 s"),
        (" $SEQPAR NUNFIL=1024 $END\n $NMID TRAMP=1. $END\n", r"line 1: the header says 1024 points, but 512 follow"),
        (" $NMID\n NumberOfPoints=511 $END\n", r"line 2: the header says 511 points, but 512 follow"),
        (
            " $SEQPAR DELTAT=2.5E-4\n dwellTime=5E-4 $END\n $NMID TRAMP=1. $END\n",
            r"line 2: the header contradicts itself.*DELTAT = 2.5E-4 s. Received: DWELLTIME = 5E-4 s",
        ),
        (
            " $SEQPAR HZPPPM=297.2 $END\n $NMID HZPPPM=123.2 $END\n",
            r"line 2: the header contradicts itself.*HZPPPM = 297.2 MHz. Received: HZPPPM = 123.2 MHz",
        ),
    ],
)
def test_the_header_of_a_raw_file_is_held_against_what_follows_and_what_is_given(tmp_path, head, words):
    (tmp_path / "NAA.RAW").write_text(raw_file(FIDS[:, 0], head))
    with pytest.raises(ValueError, match=rf"NAA\.RAW', {words}" if words.startswith("line") else words):
        read_basis(tmp_path, acquisition=SEVEN_TESLA)


@pytest.mark.parametrize("format", FORMATS)
def test_a_band_of_thousands_of_ppm_is_taken_for_a_wrong_unit(tmp_path, format):
    write(tmp_path, format, dwell="0.00000025")
    with pytest.raises(ValueError, match=r"the band is 13458 ppm wide, so that a unit must be wrong.*at most 200 ppm"):
        read(tmp_path, format)


def test_a_given_band_of_thousands_of_ppm_is_taken_for_a_wrong_unit(tmp_path):
    (tmp_path / "NAA.txt").write_text(text_file(FIDS[:, 0]))
    with pytest.raises(ValueError, match=r"NAA\.txt', line 1: the band is 32468 ppm wide"):
        read_basis(tmp_path, acquisition=Acquisition(123.2, 4e6, 512, (-1000.0, 1000.0)))


def test_the_widest_bands_in_use_are_no_unit_errors(tmp_path):
    for frequency_mhz, bandwidth_hz in ((63.8, 10000.0), (400.0, 50000.0)):
        given = Acquisition(frequency_mhz, bandwidth_hz, 512)
        (tmp_path / "NAA.txt").write_text(text_file(FIDS[:, 0]))
        np.testing.assert_allclose(read_basis(tmp_path, acquisition=given).fids, FIDS, atol=1e-6)
