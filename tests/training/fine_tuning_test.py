"""The fine-tuning of a model on few spectra: which round counts, and where it goes on."""

import keras
import numpy as np
import pytest

from mrs_keras import CVAE, Acquisition, Labels
from mrs_keras.run_folder import checkpoint_files, epochs_of, read_history
from mrs_keras.training import fine_tuning
from mrs_keras.training.fine_tuning import BestRound, fine_tune

ACQUISITION = Acquisition(127.7, 2000.0, 64)
RECIPE = {
    "learning_rate": 1e-3,
    "batch_size": 4,
    "steps_per_round": 2,
    "rounds": 12,
    "patience": 12,
    "simulated": 2,
    "input_noise": 0.5,
    "kl_weight": 1.0,
}


def columns(rows: int, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = rng.uniform(1, 2, (rows, 1)).astype(np.float32)
    shape = np.exp(-(np.linspace(-2, 2, ACQUISITION.window_points) ** 2))[:, None] * [1.0, 0.3]
    spectra = 10 * labels[:, :, None] * shape + 0.1 * rng.normal(size=(rows, *shape.shape))
    return {
        "spectrum": spectra.astype(np.float32),
        "concentrations": labels,
        "noise_sigma": np.full(rows, 0.1, np.float32),
        "label_known": np.ones((rows, 1), bool),
        "label_deviation": np.full((rows, 1), 0.05, np.float32),
    }


TRAINING, VALIDATION = columns(10, 0), columns(3, 1)


def pretrained() -> CVAE:
    keras.utils.set_random_seed(0)
    labels = Labels(("tNAA",), ((1.0, 2.0),), "mM")
    options = {"hidden_units": (8,), "decoder_variance": "known", "infer_labels": True, "seed": 3}
    return CVAE(labels, ACQUISITION, 20.0, latent_dim=2, **options)


def tune(folder, validation=VALIDATION, **changes) -> CVAE:
    return fine_tune(pretrained, TRAINING, validation, {**RECIPE, **changes}, folder, seed=0)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    path = tmp_path_factory.mktemp("whole")
    return path, tune(path)


def test_the_round_with_the_lowest_median_loss_is_what_comes_out(whole):
    path, model = whole
    history = read_history(path)
    assert len(history["epoch"]) == 12
    found = np.median(model.example_losses(VALIDATION)["loss"])
    # The first epochs of a KL weight of 1 and a constant learning rate: no schedule begins again.
    assert found == pytest.approx(history["val_loss"].min(), rel=1e-5)
    assert found < np.median(pretrained().example_losses(VALIDATION)["loss"])
    best = int(np.argmin(history["val_loss"])) + 1
    assert {epochs_of(each) for each in checkpoint_files(path)} <= {best, 10, 12}


def test_one_outlier_among_the_validation_spectra_does_not_decide(tmp_path, whole):
    outlier = {name: column.copy() for name, column in VALIDATION.items()}
    outlier["spectrum"][0] *= -50.0
    history = tune(tmp_path, outlier, rounds=2) and read_history(tmp_path)
    assert history["val_loss"].max() < 1e4
    assert np.mean(pretrained().example_losses(outlier)["loss"]) > 1e5


def test_the_pretrained_model_stays_if_no_round_is_better(tmp_path):
    model = tune(tmp_path, learning_rate=1e-15, patience=2)  # all rounds are the same
    assert len(read_history(tmp_path)["epoch"]) == 2
    for ours, theirs in zip(model.get_weights(), pretrained().get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_without_validation_spectra_all_rounds_are_trained_and_the_last_counts(tmp_path, whole):
    model = tune(tmp_path, None)
    history = read_history(tmp_path)
    assert len(history["epoch"]) == 12
    assert np.isnan(history["val_loss"]).all()
    assert epochs_of(checkpoint_files(tmp_path)[-1]) == 12
    np.testing.assert_allclose(history["loss"], read_history(whole[0])["loss"], rtol=1e-6)
    again = tune(tmp_path, None)
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("killed_in", [3, pytest.param(10, marks=pytest.mark.slow)])
def test_an_interrupted_tuning_resumes_to_the_same_bits(tmp_path, whole, monkeypatch, killed_in):
    class Interrupted(BestRound):
        def on_epoch_end(self, epoch, logs=None):
            if epoch == killed_in:
                raise KeyboardInterrupt
            super().on_epoch_end(epoch, logs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(fine_tuning, "BestRound", Interrupted)
        tune(tmp_path)
    resumed = tune(tmp_path)
    for ours, theirs in zip(resumed.get_weights(), whole[1].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name, values in read_history(whole[0]).items():
        np.testing.assert_allclose(read_history(tmp_path)[name], values, rtol=1e-6)


def test_the_best_round_is_the_first_of_the_lowest_and_patience_counts_from_it(tmp_path):
    best = BestRound(tmp_path, [5.0, 4.0, 6.0, 4.0], 3)
    assert (best.round, best.is_over) == (1, False)
    assert BestRound(tmp_path, [5.0, 4.0, 6.0, 4.0, 4.5], 3).is_over
