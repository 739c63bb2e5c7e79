"""The folder for LCModel, read with regular expressions and numpy alone."""

import dataclasses
import re

import numpy as np
import pytest

from mrs_keras import Prior, read_basis
from mrs_keras.basis import BROAD_SIGNALS, basis_for, default_basis
from mrs_keras.generation import blocks, generate_dataset, open_export, write_lcmodel
from mrs_keras.generation.model_basis import ModelBasis
from mrs_keras.labels import Labels
from tests.generation.conftest import stand_in


@pytest.fixture
def known():
    """The stand-in for a model of the preset's data, whose basis is therefore known."""
    source = stand_in()
    scale = Prior.from_preset("naa_pcr").peak_height(default_basis())
    return dataclasses.replace(source, description=dataclasses.replace(source.description, spectrum_scale=scale))


def numbers_of(text: str) -> np.ndarray:
    """The complex numbers after the last namelist of a .RAW file."""
    columns = np.array(text.rsplit("$END", 1)[1].split(), float)
    return columns[0::2] + 1j * columns[1::2]


def values_of(text: str) -> dict[str, str]:
    """The keys and values of a control file."""
    return dict(re.findall(r"^ ([A-Z0-9()]+) = ('.*?'|\S+?),?$", text, re.MULTILINE))


def test_the_spectra_are_those_of_the_other_formats_on_the_axis_of_lcmodel(known, tmp_path):
    folder = generate_dataset(known, tmp_path / "lcmodel", number=5, seed=3, format="lcmodel")
    expected = np.load(generate_dataset(known, tmp_path / "spectra.npz", number=5, seed=3))
    for row in range(5):
        control = values_of((folder / f"sub-{row:06d}_svs.CONTROL").read_text())
        fid = numbers_of((folder / control["FILRAW"].strip("'")).read_text())
        assert len(fid) == int(control["NUNFIL"]) == 2048
        fid[0] /= 2
        # LCModel plots point k of the FFT at 4.65 - f / f0.
        spectrum = np.fft.fft(fid, norm="ortho")
        ppm = 4.65 - np.fft.fftfreq(len(fid), float(control["DELTAT"])) / float(control["HZPPPM"])
        order = np.argsort(ppm)
        wanted = expected["spectrum"][row, :, 0] - 1j * expected["spectrum"][row, :, 1]
        inside = spectrum[order][-2048:]
        start = np.argmin(np.abs(inside[:, None] - wanted[:1]).ravel())
        error = np.abs(inside[start : start + 252] - wanted).max() / np.abs(wanted).max()
        assert error < 1e-6
        tallest = ppm[order][start + np.argmax(np.abs(wanted))]
        assert abs(tallest - 2.01) < 0.02


def test_the_table_has_the_labels(known, tmp_path):
    folder = generate_dataset(known, tmp_path / "lcmodel", number=5, format="lcmodel")
    expected = np.load(generate_dataset(known, tmp_path / "spectra.npz", number=5))["concentrations"]
    header, *rows = [line.split("\t") for line in (folder / "labels.tsv").read_text().splitlines()]
    assert header == ["participant_id", "NAA_mM", "PCr_mM", "NoiseSigma"]
    np.testing.assert_array_equal(np.array([row[1:3] for row in rows], np.float32), expected)
    assert [row[0] for row in rows] == [f"sub-{row:06d}" for row in range(5)]


def test_the_control_file_names_files_of_the_folder_and_fits_a_basis_of_two(known, tmp_path):
    folder = generate_dataset(known, tmp_path / "lcmodel", number=1, format="lcmodel")
    text = (folder / "sub-000000_svs.CONTROL").read_text()
    assert max(map(len, text.splitlines())) <= 80
    control = values_of(text)
    assert text.lstrip().startswith("$LCMODL")
    assert text.rstrip().endswith("$END")
    assert (folder / control["FILRAW"].strip("'")).is_file()
    assert (folder / control["FILBAS"].strip("'")).is_file()
    assert (control["PPMST"], control["PPMEND"]) == ("4.0", "0.2")
    assert (control["NUSE1"], control["CHUSE1(1)"], control["CHUSE1(2)"]) == ("2", "'NAA'", "'PCr'")
    assert (control["NAMREL"], control["NSIMUL"]) == ("'PCr'", "0")
    # gamma of the preset is uniform from 2 to 25 /s; LCModel multiplies by sqrt(f0 / 85.16).
    factor = np.sqrt(123.2 / 85.16)
    assert abs(float(control["DEEXT2"]) * factor - 13.5) < 0.01
    assert abs(float(control["DESDT2"]) * factor - 23 / np.sqrt(12)) < 0.01


def test_the_basis_is_that_of_the_training_data_in_the_units_of_the_spectra(known, tmp_path):
    folder = generate_dataset(known, tmp_path / "lcmodel", number=1, format="lcmodel")
    basis, own = read_basis(folder / "basis.BASIS"), default_basis()
    assert basis.names == ("NAA", "PCr")
    scaled = own.fids * 100 / np.linalg.norm(own.fids.mean(axis=1))
    np.testing.assert_allclose(basis.fids, scaled, atol=1e-6 * np.abs(scaled).max())


def test_a_longer_folder_begins_with_the_same_files(known, tmp_path):
    short, long = (
        generate_dataset(known, tmp_path / f"{number}", number=number, format="lcmodel") for number in (2, 67)
    )
    for path in short.glob("sub-*"):
        assert path.read_bytes() == (long / path.name).read_bytes()


def test_a_generation_that_fails_leaves_nothing_and_an_earlier_folder_alone(known, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BATCH", 4)
    folder = generate_dataset(known, tmp_path / "lcmodel", number=2, format="lcmodel")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    calls = []

    def failing(concentrations, row_seeds):
        calls.append(len(concentrations))
        if len(calls) == 2:
            raise RuntimeError("killed")
        return stand_in().generate(concentrations, row_seeds)

    broken = dataclasses.replace(known, generate=failing)
    with pytest.raises(RuntimeError, match="killed"):
        generate_dataset(broken, tmp_path / "new", number=5, format="lcmodel")
    assert not (tmp_path / "new").exists()
    calls.clear()
    with pytest.raises(RuntimeError, match="killed"):
        generate_dataset(broken, folder, number=5, format="lcmodel", overwrite=True)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="LCModel of generated spectra can be overwritten"):
        generate_dataset(known, tmp_path / "mine", number=1, format="lcmodel", overwrite=True)


def test_names_that_lcmodel_would_cut_are_refused_before_the_work(known, tmp_path):
    basis = dataclasses.replace(default_basis(), names=("NAA", "Creatine phosphate"))
    with pytest.raises(ValueError, match="room for 6 plain characters.*Received: Creatine phosphate"):
        write_lcmodel.check(1, known.description, ModelBasis(basis, True))


def test_macromolecules_come_from_the_basis_or_else_from_lcmodel(known, tmp_path):
    """A model of brain spectra has them in its basis; one of measured spectra, whose labels are ratios, has not."""
    brain = basis_for(Prior.from_preset("brain_press_te30_uniform").metabolites)
    brain.save(tmp_path / "brain.BASIS")
    labels = Labels(("tNAA_over_tCr",), ((0.5, 2.0),), ("",))
    measured = dataclasses.replace(
        known,
        description=dataclasses.replace(known.description, labels=labels),
        generate=lambda c, seeds: stand_in().generate(np.repeat(c, 2, axis=1) * [10.0, 4.0], seeds),
    )
    folder = generate_dataset(
        measured, tmp_path / "measured", number=1, format="lcmodel", with_basis=tmp_path / "brain.BASIS"
    )
    control = values_of((folder / "sub-000000_svs.CONTROL").read_text())
    assert control["NAMREL"] == "'Cr+PCr'"
    assert not {"NSIMUL", "DEEXT2", "NUSE1"} & control.keys()
    assert set(read_basis(folder / "basis.BASIS").names) == set(brain.names) - set(BROAD_SIGNALS)


def test_the_pretrained_model_is_written_with_the_basis_of_its_data(tmp_path):
    folder = generate_dataset(open_export("saved_models"), tmp_path / "lcmodel", number=1, format="lcmodel")
    assert read_basis(folder / "basis.BASIS").names == ("NAA", "PCr")
