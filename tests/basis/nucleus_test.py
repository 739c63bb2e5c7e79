"""Only proton spectra have a place on a proton axis: other nuclei are told by name, or by frequency over field."""

import json

import pytest

from mrs_keras import Acquisition, read_basis
from tests.basis.basis_files import ACQUISITION, jmrui_file, json_file, known_fids

FID = known_fids()[:, 0]


def jmrui(frequency: str, nucleus: str | None, field: str | None) -> str:
    text = jmrui_file([FID], ["NAA"])
    lines = [line for line in text.split("\n") if not line.startswith(("TypeOf", "Magnetic", "Transmitter"))]
    lines.insert(4, f"TransmitterFrequency: {frequency}")
    lines[5:5] = [f"TypeOfNucleus: {nucleus}"] if nucleus is not None else []
    lines[5:5] = [f"MagneticField: {field}"] if field is not None else []
    return "\n".join(lines)


@pytest.mark.parametrize("nucleus", ["31P", "P31", "31p", " P-31 ", "13C", "23Na", "phosphorus"])
def test_a_jmrui_file_that_names_another_nucleus_is_refused(tmp_path, nucleus):
    (tmp_path / "ATP.txt").write_text(jmrui("1.203E8", nucleus, "7E0"))
    words = rf"ATP\.txt', line 7: only proton spectra are supported. Expected: '1H'. Received: '{nucleus.strip()}'"
    with pytest.raises(ValueError, match=words):
        read_basis(tmp_path)


@pytest.mark.parametrize(
    ("frequency", "field", "name"),
    [("1.203E8", "7E0", "31P"), ("1.203E8", "7T", "31P"), ("5.17E7", "3.0 T", "31P"), ("3.2E7", "3E0", "13C")],
)
@pytest.mark.parametrize("nucleus", ["0E0", "", None])
def test_where_no_nucleus_is_named_frequency_over_field_tells(tmp_path, frequency, field, name, nucleus):
    (tmp_path / "ATP.txt").write_text(jmrui(frequency, nucleus, field))
    with pytest.raises(ValueError, match=rf"line 6: only proton spectra.*42\.58 MHz/T.*and so {name}\."):
        read_basis(tmp_path)


@pytest.mark.parametrize(
    ("frequency", "nucleus", "field"),
    [
        ("1.232E8", "0E0", "3E0"),  # "3 T" that are 2.89 T
        ("1.232E8", "", "3T"),
        ("1.2774E8", None, "3.0 T"),
        ("2.9722E8", "0E0", "7E0"),
        ("4E8", "0E0", "9.4E0"),
        ("1.232E8", "0E0", "0E0"),
        ("1.232E8", "0E0", "strong"),
        ("1.232E8", "0E0", None),
        ("1.232E8", "1H", "7E0"),  # the name counts
        ("1.232E8", "proton", "3E0"),
        ("1.232E8", "0E0", "30000"),  # gauss
    ],
)
def test_proton_files_are_read_however_they_print_field_and_nucleus(tmp_path, frequency, nucleus, field):
    (tmp_path / "NAA.txt").write_text(jmrui(frequency, nucleus, field))
    assert read_basis(tmp_path).acquisition.spectrometer_frequency_mhz == float(frequency) / 1e6


def fsl_json(basis: dict, sequence: dict | None = None, acquisition: Acquisition = ACQUISITION) -> str:
    content = json.loads(json_file(FID, "NAA", acquisition))
    content["basis"] |= basis
    return json.dumps(content | ({"seq": sequence} if sequence else {}), indent=1)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (fsl_json({"basis_nucleus": "31P"}), "Received: '31P'"),
        (fsl_json({}, {"Nucleus": "13C"}), "Received: '13C'"),
        (fsl_json({"basis_centre": 120.3}, {"B0": 7.0}), "120.3 MHz at 7 T, which is 17.19 MHz/T and so 31P"),
        (
            fsl_json({"basis_nucleus": ["1H"]}),
            r"`basis_nucleus` must name a nucleus. Expected: '1H'. Received: \['1H'\]",
        ),
    ],
)
def test_fsl_json_of_another_nucleus_is_refused(tmp_path, content, words):
    (tmp_path / "ATP.json").write_text(content)
    with pytest.raises(ValueError, match=rf"ATP\.json', line \d+: .*{words}"):
        read_basis(tmp_path)


def test_fsl_json_of_protons_is_read(tmp_path):
    contents = (
        fsl_json({"basis_nucleus": "1H"}, {"B0": 7.0}),
        fsl_json({}, {"Nucleus": "1H", "B0": 3.0}),
        fsl_json({}, {"B0": 3.0}),
    )
    for content in contents:
        (tmp_path / "NAA.json").write_text(content)
        assert read_basis(tmp_path).names == ("NAA",)
