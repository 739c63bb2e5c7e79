"""Drawn labels times independent factors: the same latents and the same noise, other labels."""

import dataclasses
import json

import numpy as np
import pytest
import scipy.stats

from mrs_keras.data.training_data import TrainingData
from mrs_keras.generation import generate_dataset
from mrs_keras.labels import Labels
from mrs_keras.measured.generated_spectra import open_generated
from tests.generation.conftest import decoded, simulated_rows

NOISE = np.random.default_rng(5).normal(size=(4096, 252, 2)).astype(np.float32)


def noisy_rows(concentrations, row_seeds):
    generated = simulated_rows(concentrations, row_seeds)
    return {**generated, "spectrum": generated["spectrum"] + NOISE[row_seeds % 2**32]}


@pytest.fixture
def noisy(source):
    """The stand-in with noise, and with a decoder."""
    return dataclasses.replace(source, generate=noisy_rows, decode=decoded)


def written(source, path, **options):
    with pytest.warns(UserWarning, match="outside the trained range"):
        return np.load(generate_dataset(source, path, scale_labels=(0.75, 1.25), **options))


def test_factors_are_uniform_and_independent_of_the_labels_and_of_each_other(noisy, tmp_path, measured):
    drawn = np.load(generate_dataset(noisy, tmp_path / "drawn.npz", number=1500, seed=2))["concentrations"]
    scaled = written(noisy, tmp_path / "scaled.npz", number=1500, seed=2)["concentrations"]
    factors = scaled / drawn
    for column in factors.T:
        assert scipy.stats.kstest(column, scipy.stats.uniform(0.75, 0.5).cdf).pvalue > 0.01
    correlations = np.corrcoef(np.concatenate([factors, drawn], axis=1).T)[np.triu_indices(4, 1)]
    measured(f"factors of labels: largest correlation {np.abs(correlations).max():.3f}")
    assert np.abs(correlations).max() < 0.1  # 3.9 standard deviations


def test_latents_and_noise_are_those_of_the_labels_before_they_were_scaled(noisy, tmp_path):
    plain = np.load(generate_dataset(noisy, tmp_path / "plain.npz", number=20))
    scaled = written(noisy, tmp_path / "scaled.npz", number=20)
    np.testing.assert_array_equal(scaled["z"], plain["z"])
    clean = decoded(scaled["z"], scaled["concentrations"])
    np.testing.assert_allclose(scaled["spectrum"] - clean, NOISE[:20], atol=2e-6 * np.abs(clean).max())


def test_a_longer_output_begins_with_the_same_rows(noisy, tmp_path):
    short, long = (written(noisy, tmp_path / f"{number}.npz", number=number, seed=4) for number in (3, 1030))
    for name in ("concentrations", "spectrum", "z"):
        np.testing.assert_array_equal(short[name], long[name][:3])
    other = written(noisy, tmp_path / "other.npz", number=3, seed=5)
    assert not np.isclose(other["concentrations"], short["concentrations"]).any()


def test_the_output_says_what_its_labels_are(noisy, tmp_path):
    metadata = json.loads(str(written(noisy, tmp_path / "a.npz", number=2)["metadata"]))
    words = "drawn uniformly in the trained range, times independent factors, uniform in 0.75 to 1.25"
    assert metadata["origin"]["concentrations_are"] == words
    np.testing.assert_allclose(metadata["labels"]["ranges"], [[0.75 * 7.5, 1.25 * 17], [0.75 * 3, 1.25 * 5.5]])
    assert metadata["origin"]["generator"]["trained_ranges"] == {"NAA": [7.5, 17.0], "PCr": [3.0, 5.5]}


def test_ratios_of_a_wide_window_are_in_the_table_beside_the_files_by_name(noisy, tmp_path):
    pytest.importorskip("nifti_mrs.nifti_mrs")
    ranges = ((1.2, 1.6), (0.6, 1.0))
    labels = Labels(("tNAA_over_tCr", "mI_over_tCr"), ranges, "", "concentration ratio")
    wide = dataclasses.replace(noisy.description.acquisition, ppm_window=(-1.0, 4.3))
    points = wide.window_points

    def decode(z, concentrations):
        return np.repeat(concentrations[:, None], points, axis=1)

    def generate(concentrations, row_seeds):
        z = np.zeros((len(concentrations), 16), np.float32)
        return {"spectrum": decode(z, concentrations), "z": z}

    description = dataclasses.replace(noisy.description, labels=labels, acquisition=wide)
    table = np.random.default_rng(0).uniform(*np.transpose(ranges), (50, 2))
    known = TrainingData(lambda start, stop, seed: table[np.arange(start, stop) % 50], "drawn jointly")
    source = dataclasses.replace(noisy, description=description, generate=generate, decode=decode, training_data=known)
    with pytest.warns(UserWarning, match="outside the trained range"):
        folder = generate_dataset(source, tmp_path / "bids", number=50, format="bids", scale_labels=(0.9, 1.1))
    header, *rows = [line.split("\t") for line in (folder / "participants.tsv").read_text().splitlines()]
    assert header == ["participant_id", "tNAA_over_tCr", "mI_over_tCr", "NoiseSigma"]
    factors = np.array([row[1:3] for row in rows], float) / table
    assert 0.9 <= factors.min() < 0.93 < 1.07 < factors.max() <= 1.1
    found = open_generated(folder).label_table()
    assert found.participants == tuple(row[0] for row in rows)
    np.testing.assert_allclose(found.values["tNAA_over_tCr"], [float(row[1]) for row in rows])


@pytest.mark.parametrize("limits", [(1.25, 0.75), (0.0, 1.0), (1.0, 1.0), (0.5, np.inf), (0.5,)])
def test_factors_that_are_no_range_are_refused(noisy, tmp_path, limits):
    with pytest.raises(ValueError, match="`scale_labels` must be the lowest and the highest factor"):
        generate_dataset(noisy, tmp_path / "a.npz", number=2, scale_labels=limits)


def test_what_cannot_be_scaled_is_refused_before_anything_is_written(source, noisy, tmp_path):
    with pytest.raises(ValueError, match="`scale_labels` is for labels that are drawn"):
        generate_dataset(noisy, tmp_path / "a.npz", concentrations={"NAA": 12, "PCr": 4}, scale_labels=(0.8, 1.2))
    with pytest.raises(ValueError, match="SavedModels refuse these"):
        fixed = dataclasses.replace(noisy, extrapolates=False)
        generate_dataset(fixed, tmp_path / "a.npz", number=50, scale_labels=(0.8, 1.2))
    with pytest.raises(ValueError, match="needs a source that decodes"):
        generate_dataset(source, tmp_path / "a.npz", number=2, scale_labels=(0.8, 1.2))
    none = dataclasses.replace(noisy.description, labels=Labels((), ()))
    with pytest.raises(ValueError, match="is for models with labels"):
        generate_dataset(dataclasses.replace(noisy, description=none), tmp_path / "a.npz", scale_labels=(0.8, 1.2))
    assert list(tmp_path.iterdir()) == []
