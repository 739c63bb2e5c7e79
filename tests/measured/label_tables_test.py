"""Tables of fits are read by their content, and faults are named with file, line and remedy."""

import numpy as np
import pytest

from mrs_keras.measured.label_tables import read_label_table
from tests.conftest import SHARED_DATA

BIG_GABA = SHARED_DATA / "invivo_biggaba"

LCMODEL_TABLE = """ LCModel (Version 6.3-1N)

$$CONC  7 lines in following concentration table = NCONC+1
    Conc.  %SD /Cr+PCr  Metabolite
    0.000 999%   0.000 Ala
 7.50E-01  20%   0.100+GSH
    9.000   4%   1.200 NAA
 1.50E+01   2% 2.0E+00 NAA+NAAG
    0.375  50%   0.050 -CrCH2
    7.500   0%   1.000+Cr+PCr

$$MISC  1 lines in following misc. output table
  FWHM = 0.040 ppm    S/N =  30

$$INPU  1 lines in following table of input changes:
  dows=T
"""
CONCENTRATIONS = """Metabs,mean,mean,mean,std,std,std
,raw,internal,molarity,raw,internal,molarity
NAA,20.0,1.25,10.0,1.0,0.07,0.5
Cr+PCr,16.0,1.0,8.0,0.4,0.04,0.2
"""
SUMMARY = """Metab,/Cr+PCr,/Cr+PCr CRLB,%CRLB,SNR,FWHM
NAA,1.25,0.9,3.0,40.0,5.0
Cr+PCr,1.0,0.9,4.0,30.0,5.0
Lac,0.001,0.9,999.0,,
"""


def written(path, text: str):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_of_lcmodel_is_read_with_glued_rows_and_999_missing(tmp_path):
    table = read_label_table(written(tmp_path / "sub-01_ses-2_press.table", LCMODEL_TABLE))
    assert (table.participants, table.sessions, table.program) == (("sub-01",), ("ses-2",), "LCModel")
    assert table.unit["NAA"] == "water_scaled"
    assert table.unit["NAA_over_tCr"] == ""
    assert {name for name in table.values if "_over_" not in name} == {
        "Ala",
        "GSH",
        "NAA",
        "NAA+NAAG",
        "-CrCH2",
        "Cr+PCr",
    }
    assert np.isnan(table.values["Ala"][0])
    assert np.isnan(table.values["Ala_over_tCr"][0])
    expected = {"GSH": (0.75, 0.15), "NAA+NAAG": (15.0, 0.3), "-CrCH2": (0.375, 0.1875), "Cr+PCr": (7.5, 0.0375)}
    for name, (value, deviation) in expected.items():
        np.testing.assert_allclose([table.values[name][0], table.deviations[name][0]], [value, deviation], rtol=1e-12)
    np.testing.assert_allclose(table.values["NAA+NAAG_over_tCr"], 2.0)


def test_the_name_in_the_folder_tells_the_participant_of_a_file_for_one_scan(tmp_path):
    for subject in ("P1", "P2"):
        written(tmp_path / subject / "table.table", LCMODEL_TABLE)
    assert read_label_table(tmp_path).participants == ("sub-P1", "sub-P2")


def test_a_csv_of_lcmodel_is_one_scan(tmp_path):
    text = "Row, Col, NAA, NAA %SD, NAA/Cr+PCr, Cr+PCr, Cr+PCr %SD, Cr+PCr/Cr+PCr\n"
    text += "  1,   1,  9.0,   4,  1.2,  7.5,  2,  1.0\n"
    table = read_label_table(written(tmp_path / "sub-03" / "spreadsheet.csv", text), unit="mM")
    assert (table.participants, table.program, table.unit["NAA"]) == (("sub-03",), "LCModel", "mM")
    np.testing.assert_allclose([table.values["NAA_over_tCr"][0], table.deviations["NAA"][0]], [1.2, 0.36])


def test_concentrations_of_fsl_mrs_are_taken_in_mm_unless_another_unit_is_asked_for(tmp_path):
    for subject in ("sub-01", "sub-02"):
        written(tmp_path / subject / "fit" / "concentrations.csv", CONCENTRATIONS)
    table = read_label_table(tmp_path)
    assert (table.participants, table.program, set(table.unit.values())) == (("sub-01", "sub-02"), "FSL-MRS", {"mM"})
    np.testing.assert_allclose([table.values["NAA"][1], table.deviations["NAA"][1]], [10.0, 0.5])
    assert read_label_table(tmp_path, unit="a.u.").values["NAA"][0] == 20.0
    with pytest.raises(ValueError, match=r"no concentrations in this unit.*'mM', 'a.u.'"):
        read_label_table(tmp_path, unit="mmol/kg")


def test_the_deviation_of_a_ratio_in_fsl_mrs_summary_follows_from_the_percentages(tmp_path):
    table = read_label_table(written(tmp_path / "sub-01" / "summary.csv", SUMMARY))
    np.testing.assert_allclose(table.deviations["NAA_over_tCr"], 1.25 * 0.05)  # 3 % and 4 % in quadrature
    assert np.isnan(table.values["Lac_over_tCr"][0])


def test_a_plain_table_has_sessions_deviations_and_missing_values(tmp_path):
    text = "participant_id\tsession_id\tsite\tNAA\tNAA_sd\n01\t1\tA\t9.5\t0.5\n01\tses-2\tA\tn/a\t0.5\n"
    table = read_label_table(written(tmp_path / "any.tsv", "\ufeff" + text), unit="mM")
    assert (table.participants, table.sessions) == (("sub-01", "sub-01"), ("ses-1", "ses-2"))
    assert list(table.values) == ["NAA"]
    np.testing.assert_array_equal(table.values["NAA"], [9.5, np.nan])
    np.testing.assert_array_equal(table.deviations["NAA"], [0.5, np.nan])


@pytest.mark.parametrize(
    ("text", "unit", "message"),
    [
        ("participant_id\tNAA\nsub-1\thigh\n", None, r"text in a number.*'NAA'.*line 2.*'high'.*n/a"),
        ("participant_id\tNAA\nsub-1\t9,5\n", None, r"line 2.*'9,5'.*decimal points"),
        ("participant_id\tNAA\nsub-1\tinf\n", None, r"line 2.*'inf'"),
        ("participant_id\tNAA\nsub-1\t9\nsub-1\t8\n", None, r"sub-1 occurs twice.*line 2 and line 3.*session_id"),
        ("participant_id\tNAA\nsub-1\t9\n", "furlong", r"Unknown unit.*'mM'.*'furlong'"),
        ("participant_id\ttCr\nsub-1\t9\n", "", r"contradicts.*tCr is 9"),
        ("participant_id\ttCr\nsub-1\t1\n", "mM", r"contradicts.*1 in all rows"),
        ("name\tNAA\nsub-1\t9\n", None, r"no participants.*`participant_id`.*name, NAA"),
        ("participant_id\tNAA\n\t9\n", None, r"participant is missing.*line 2"),
        ("participant_id\tNAA\n", None, r"no rows"),
        ("", None, r"is empty"),
        ("participant_id\tNAA\nsub-1\t9\t8\n", None, r"Expected 2. Received: 3 in line 2"),
        ("participant_id\tNAA\tNAA\nsub-1\t9\t8\n", None, r"occur twice: NAA"),
        ("participant_id\tNAA\tNAA_CRLB\nsub-1\t9\t8\n", None, r"unclear.*NAA_CRLB_percent"),
        ("participant_id\tNAA\tNAA_sd\nsub-1\t9\t-8\n", None, r"negative: -8"),
        ("PK\x03\x04", None, r"not a text file.*spreadsheet"),
    ],
)
def test_faults_of_a_table_are_named_with_the_file_and_a_remedy(tmp_path, text, unit, message):
    path = written(tmp_path / "labels.tsv", text)
    with pytest.raises(ValueError, match=message) as error:
        read_label_table(path, unit)
    assert str(path) in str(error.value)


def test_a_folder_without_tables_or_with_two_programs_is_refused(tmp_path):
    written(tmp_path / "labels.tsv", "participant_id\tNAA\nsub-1\t9\n")
    with pytest.raises(FileNotFoundError, match=r"labels\.tsv"):
        read_label_table(tmp_path)
    written(tmp_path / "a" / "sub-1.table", LCMODEL_TABLE)
    written(tmp_path / "b" / "sub-1" / "concentrations.csv", CONCENTRATIONS)
    with pytest.raises(ValueError, match="two programs"):
        read_label_table(tmp_path)
    with pytest.raises(FileNotFoundError, match="no table at"):
        read_label_table(tmp_path / "nothing.tsv")


def test_a_column_with_two_units_in_a_folder_is_refused(tmp_path):
    written(tmp_path / "sub-1.table", LCMODEL_TABLE)
    written(tmp_path / "sub-2.table", LCMODEL_TABLE.replace("dows=T", "dows=F"))
    with pytest.raises(ValueError, match=r"two units.*sub-1\.table.*sub-2\.table"):
        read_label_table(tmp_path)
    assert set(read_label_table(tmp_path, unit="mM").unit.values()) == {"mM", ""}


@pytest.mark.skipif(not BIG_GABA.exists(), reason="the Big GABA data are not beside this checkout")
@pytest.mark.parametrize(
    ("name", "program", "unit", "column"),
    [
        ("lcmodel", "LCModel", "a.u.", "GPC+PCh"),
        ("osprey_tCr", "Osprey", "", "tCho_over_tCr"),
        ("osprey_water_scaled", "Osprey", "water_scaled", "tCho"),
        ("osprey_amplitudes", "Osprey", "a.u.", "tCho"),
    ],
)
def test_real_tables_tell_their_program_and_unit(name, program, unit, column):
    table = read_label_table(BIG_GABA / f"{name}.tsv")
    assert (table.program, len(table.participants), table.unit[column]) == (program, 80, unit)
    assert not {"SNR", "FWHM_ppm"} & set(table.values)


@pytest.mark.skipif(not BIG_GABA.exists(), reason="the Big GABA data are not beside this checkout")
def test_crlbs_of_lcmodel_become_deviations_in_the_unit_of_the_value():
    table = read_label_table(BIG_GABA / "lcmodel.tsv")
    assert table.participants[0] == "sub-P1S01"
    np.testing.assert_allclose(table.deviations["NAA"][0], 166.437 * 0.02)
    assert np.isnan(table.values["Asc"][0])  # 999 %
