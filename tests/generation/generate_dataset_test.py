"""What all formats have in common, and `.npz`."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest

import mrs_keras
from mrs_keras.generation import generate_dataset
from tests.generation.conftest import simulated_rows


def test_an_npz_file_holds_spectra_labels_and_axes_without_pickle(source, tmp_path):
    path = generate_dataset(source, tmp_path / "spectra.npz", number=1500, seed=7)
    file = np.load(path, allow_pickle=False)
    data = {name: file[name] for name in file}
    assert {name: (array.dtype, array.shape) for name, array in data.items() if array.dtype.kind != "U"} == {
        "spectrum": (np.float32, (1500, 252, 2)),
        "concentrations": (np.float32, (1500, 2)),
        "z": (np.float32, (1500, 16)),
        "ppm": (np.float64, (252,)),
        "seed": (np.int64, ()),
    }
    assert data["metabolites"].tolist() == ["NAA", "PCr"]
    assert data["seed"] == 7
    metadata = json.loads(str(data["metadata"]))
    assert metadata["acquisition"] == source.description.acquisition.to_dict()
    assert metadata["origin"]["generator"]["run"] == "runs/stand_in"
    assert metadata["origin"]["generator"]["latent_prior"] == "fitted"
    np.testing.assert_array_equal(data["ppm"], source.description.acquisition.window_ppm_axis)
    # Row k has the seed 2^32 seed + k; over two batches, the second of them not full.
    expected = simulated_rows(data["concentrations"], np.arange(1500, dtype=np.int64) + 7 * 2**32)
    np.testing.assert_array_equal(data["spectrum"], expected["spectrum"])
    np.testing.assert_array_equal(data["z"], expected["z"])


def test_the_npz_file_has_naa_where_it_belongs(source, tmp_path):
    data = np.load(generate_dataset(source, tmp_path / "spectra.npz", number=20))
    magnitude = np.abs(data["spectrum"][..., 0] + 1j * data["spectrum"][..., 1])
    near_naa = (data["ppm"] > 1.8) & (data["ppm"] < 2.2)
    peaks = data["ppm"][near_naa][magnitude[:, near_naa].argmax(axis=1)]
    assert np.abs(peaks - 2.01).max() < 0.02


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(source, tmp_path):
    paths = [
        generate_dataset(source, tmp_path / name, number=100, seed=seed)
        for name, seed in (("a.npz", 3), ("b.npz", 3), ("c.npz", 4))
    ]
    first, again, other = (hashlib.sha256(path.read_bytes()).hexdigest() for path in paths)
    assert first == again != other
    a, c = np.load(paths[0]), np.load(paths[2])
    for name in ("spectrum", "concentrations", "z"):
        assert not (a[name] == c[name]).all(axis=tuple(range(1, a[name].ndim))).any()


@pytest.mark.parametrize("number", [1, 5, 1024, 1025])
def test_a_spectrum_does_not_depend_on_how_many_there_are(source, tmp_path, number):
    short = np.load(generate_dataset(source, tmp_path / "short.npz", number=number))
    long = np.load(generate_dataset(source, tmp_path / "long.npz", number=2100))
    for name in ("spectrum", "concentrations", "z"):
        np.testing.assert_array_equal(short[name], long[name][:number])


def test_the_concentrations_given_are_those_of_the_spectra(source, tmp_path):
    given = {"PCr": 4.0, "NAA": [8.0, 10.0, 16.0]}
    path = generate_dataset(source, tmp_path / "spectra.npz", concentrations=given)
    data = np.load(path)
    assert data["concentrations"].tolist() == [[8.0, 4.0], [10.0, 4.0], [16.0, 4.0]]
    metadata = json.loads(str(data["metadata"]))
    assert metadata["labels"]["ranges"] == [[8.0, 16.0], [4.0, 4.0]]
    assert metadata["origin"]["generator"]["trained_ranges"] == {"NAA": [7.5, 17.0], "PCr": [3.0, 5.5]}


def test_the_package_has_the_function():
    assert mrs_keras.generate_dataset is generate_dataset


def test_what_stands_at_the_output_is_kept_unless_overwriting_is_allowed(source, tmp_path):
    path = tmp_path / "spectra.npz"
    path.write_text("labour of months")
    with pytest.raises(FileExistsError, match=r"already something at .*spectra.npz"):
        generate_dataset(source, path, number=2)
    assert path.read_text() == "labour of months"
    generate_dataset(source, path, number=2, overwrite=True)
    assert np.load(path)["spectrum"].shape == (2, 252, 2)


@pytest.mark.parametrize("name", ["thesis", "thesis.npz"])
def test_a_folder_of_something_else_is_never_replaced(source, tmp_path, name):
    folder = tmp_path / name
    folder.mkdir()
    (folder / "chapter1.tex").touch()
    with pytest.raises(FileExistsError, match="something else"):
        generate_dataset(source, folder, number=2, overwrite=True)
    assert [path.name for path in tmp_path.rglob("*")] == [name, "chapter1.tex"]


@pytest.mark.parametrize("name", ["spectra.npz", "spectra.nii.gz", "spectra"])
def test_a_generation_that_fails_leaves_nothing_behind(source, tmp_path, name):
    if name.endswith(".nii.gz"):
        pytest.importorskip("nifti_mrs")
    calls = []

    def failing(concentrations, row_seeds):
        calls.append(len(concentrations))
        if len(calls) == 2:
            raise OSError("No space left on device")
        return simulated_rows(concentrations, row_seeds)

    with pytest.raises(OSError, match="no space left"):
        generate_dataset(dataclasses.replace(source, generate=failing), tmp_path / name, number=2000)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "spectra.mat"}, "Cannot tell the format.*Received: '.mat'"),
        ({"output": "spectra.npz", "format": "tfds"}, "ending of its format. Expected for 'tfds': none"),
        ({"output": "spectra", "format": "npz"}, "Expected for 'npz': .npz"),
        ({"output": "spectra", "format": "nifti_mrs"}, "Expected for 'nifti_mrs': .nii or .nii.gz"),
        ({"output": "spectra.npz", "format": "hdf5"}, "Unknown `format`. Expected one of: 'npz', 'tfds', 'nifti_mrs'"),
        ({"output": "spectra.npz", "seed": -1}, "`seed` must be a whole number"),
        ({"output": "spectra.npz", "seed": 2**31}, "`seed` must be below 2"),
        ({"output": "spectra.npz", "number": 0}, "`number` must be a whole number of at least 1"),
        ({"output": "spectra.npz", "number": 2.5}, "`number` must be a whole number of at least 1"),
    ],
)
def test_an_argument_out_of_range_is_named(source, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        generate_dataset(source, tmp_path / options.pop("output"), **options)
    assert list(tmp_path.iterdir()) == []


def test_the_largest_seed_keeps_rows_apart(source, tmp_path):
    data = np.load(generate_dataset(source, tmp_path / "spectra.npz", number=3, seed=2**31 - 1))
    expected = simulated_rows(data["concentrations"], np.arange(3, dtype=np.int64) + (2**31 - 1) * 2**32)
    np.testing.assert_array_equal(data["spectrum"], expected["spectrum"])
