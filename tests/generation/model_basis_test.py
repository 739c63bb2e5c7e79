"""The basis beside generated spectra: which one, and in which form."""

import dataclasses
import json

import numpy as np
import pytest

from mrs_keras import Prior, read_basis
from mrs_keras.basis import basis_for, default_basis
from mrs_keras.generation import generate_dataset, open_export, open_run
from mrs_keras.generation.model_basis import model_basis
from mrs_keras.labels import Labels
from tests.generation.conftest import stand_in


@pytest.fixture
def known():
    source = stand_in()
    scale = Prior.from_preset("naa_pcr").peak_height(default_basis())
    return dataclasses.replace(source, description=dataclasses.replace(source.description, spectrum_scale=scale))


def test_the_pretrained_model_has_the_embedded_basis():
    found = model_basis(open_export("saved_models"))
    np.testing.assert_array_equal(found.basis.fids, default_basis().scaled().fids)
    assert found.complete
    assert found.prior.gamma.high == 25.0


def test_a_run_has_the_basis_of_its_dataset(run_dir):
    found = model_basis(open_run(run_dir))
    assert found.basis.description == default_basis().description
    np.testing.assert_array_equal(found.basis.fids, default_basis().scaled().fids)


def test_the_brain_preset_has_its_metabolites_macromolecules_and_lipids(known):
    prior = Prior.from_preset("brain_press_te30_uniform")
    basis = basis_for(prior.metabolites)
    ranges = tuple((leaf.low, leaf.high) for leaf in prior.concentrations.values())
    description = dataclasses.replace(
        known.description,
        labels=Labels(prior.metabolites, ranges),
        spectrum_scale=prior.peak_height(basis),
    )
    found = model_basis(dataclasses.replace(known, description=description))
    assert found.basis.names == prior.metabolites
    assert "MM3T" in found.basis.names


def test_a_model_of_another_scale_or_of_measured_data_has_none_and_a_file_is_the_remedy(known, tmp_path):
    for changes in ({"spectrum_scale": 2500.0}, {"labels": Labels(("tNAA_over_tCr",), ((0.5, 2.0),), ("",))}):
        other = dataclasses.replace(known, description=dataclasses.replace(known.description, **changes))
        with pytest.raises(ValueError, match="is not known.*--with-basis FILE"):
            generate_dataset(other, tmp_path / "spectra.npz", number=1, with_basis=True)
        assert not list(tmp_path.iterdir())


def test_a_run_on_scans_has_the_basis_that_they_were_fitted_with(known, tmp_path):
    fitted = basis_for(["NAA", "Cr", "PCr", "MM09"])
    fitted.save(tmp_path / "basis.npz")
    labels = Labels(("tNAA_over_tCr",), ((0.5, 2.0),), ("",))
    description = dataclasses.replace(known.description, labels=labels)
    found = model_basis(dataclasses.replace(known, description=description, origin={"run": str(tmp_path)}))
    assert found.basis.names == fitted.names
    np.testing.assert_array_equal(found.basis.fids, fitted.fids)
    assert not found.complete


def test_a_given_basis_is_resampled_and_selected(known, tmp_path):
    basis_for(["Cr", "PCr", "NAA"]).resample(2000.0, 1024).save(tmp_path / "mine.npz")
    found = model_basis(known, tmp_path / "mine.npz")
    assert found.basis.names == ("NAA", "PCr")
    assert found.basis.acquisition.bandwidth_hz == 4000.0
    with pytest.raises(FileNotFoundError, match="missing"):
        model_basis(known, tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("output", "format", "beside"),
    [
        ("spectra.nii.gz", None, "spectra_basis"),
        ("bids", "bids", "bids_basis"),
        ("spectra.npz", None, "spectra_basis.npz"),
        ("records", "tfds", "records_basis.npz"),
    ],
)
def test_each_format_gets_the_basis_as_its_program_reads_it(known, tmp_path, output, format, beside):
    generate_dataset(known, tmp_path / output, number=2, format=format, with_basis=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([output, beside])
    expected = default_basis().scaled()
    if beside.endswith(".npz"):
        np.testing.assert_array_equal(read_basis(tmp_path / beside).fids, expected.fids)
        return
    for column, name in enumerate(("NAA", "PCr")):
        content = json.loads((tmp_path / beside / f"{name}.json").read_text())["basis"]
        # FSL-MRS conjugates on reading.
        fid = np.array(content["basis_re"]) - 1j * np.array(content["basis_im"])
        np.testing.assert_allclose(fid, expected.fids[:, column], rtol=1e-12)
        assert content["basis_dwell"] == 1 / 4000.0


def test_a_basis_left_by_a_killed_generation_is_no_obstacle_but_another_one_is(known, tmp_path):
    output = tmp_path / "spectra.npz"
    generate_dataset(known, output, number=2, with_basis=True)
    output.unlink()
    generate_dataset(known, output, number=2, with_basis=True)
    output.unlink()
    basis_for(["Cr"]).save(tmp_path / "spectra_basis.npz")
    with pytest.raises(FileExistsError, match="something else at .*spectra_basis.npz"):
        generate_dataset(known, output, number=2, with_basis=True)
    assert not output.exists()
    generate_dataset(known, output, number=2, with_basis=True, overwrite=True)
    assert read_basis(tmp_path / "spectra_basis.npz").names == ("NAA", "PCr")
    (tmp_path / "spectra_basis.npz").write_text("notes of mine")
    with pytest.raises(FileExistsError, match="something else"):
        generate_dataset(known, output, number=2, with_basis=True, overwrite=True)
    assert (tmp_path / "spectra_basis.npz").read_text() == "notes of mine"
