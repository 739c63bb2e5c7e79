"""The networks of the study that generate spectra, each trained on what its arm may see."""

import dataclasses

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.data import DatasetDescription
from mrs_keras.data.pipeline import endless_batches
from mrs_keras.evaluation.noise import generated_noise_level
from mrs_keras.labels import Labels
from mrs_keras.models.cvae import CVAE
from mrs_keras.models.trained import load_model
from mrs_keras.random_streams import ENRICHMENT
from mrs_keras.run_folder import MODEL_FILE
from mrs_keras.simulation import channels_to_complex, complex_to_channels
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.study.enrichment.arm_data import ArmData, LabelledSpectra
from mrs_keras.study.enrichment.augmentation import with_noise
from mrs_keras.training.in_vivo import pretrained_on_fits, train_in_vivo
from mrs_keras.training.in_vivo_plan import Plan
from mrs_keras.training.schedules import warm_cosine_adam
from mrs_keras.training.speed import check_finite_weights, choose_speed, leave_training

PRESET = "invivo"
KERNEL = {"kind": "kernel"}

SCRATCH = {"latent_dim": 8, "hidden_units": (128, 64), "decoder_variance": "known", "latent_prior": KERNEL}
"""Arguments of the cVAE of the n: small, since they are few."""

SCRATCH_BATCH, SCRATCH_RATE = 16, 1e-3

ENCODED = 480
"""Simulated spectra around whose latents a cVAE of simulations draws: of more, the latent prior would be a flow."""


def cvae_of_scans(data: ArmData) -> CVAE:
    """Trains a small cVAE on the spectra of the n subjects alone."""
    keras.utils.set_random_seed(data.seed)
    peaks, steps = np.abs(data.labelled.spectra).max(axis=1), data.effort.scratch_steps
    model = CVAE(data.labels, data.acquisition, float(np.median(peaks)), seed=data.seed, **SCRATCH)
    model.compile(warm_cosine_adam(SCRATCH_RATE, steps))
    columns = data.labelled.columns(data.labels.low)
    columns = {name: columns[name] for name in ("spectrum", "concentrations", "noise_sigma")}
    # To compile the step by XLA takes longer than all of them.
    dataclasses.replace(choose_speed(tf.distribute.get_strategy(), steps), jit_compile=False).prepare(model)
    batches = endless_batches(columns, min(SCRATCH_BATCH, len(data.labelled)), data.seed).map(_without_number)
    model.fit(batches, steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)
    check_finite_weights(model)
    leave_training(model)
    model.fit_latent_density(columns, data.seed)
    return model


def cvae_of_simulations(data: ArmData) -> CVAE:
    """Trains a cVAE with a free decoder on endless simulations of the prior of the n."""
    simulated = data.simulations(ENCODED)
    labels = in_range(data.labels, simulated.labels)
    plan = Plan.of(PRESET, data.seed, {"decoder": "free", "infer_labels": False}, data.effort.pretraining, {}, 1000)
    peaks = np.abs(data.labelled.spectra).max(axis=1)
    description = DatasetDescription(data.acquisition, labels, float(np.median(peaks)), backend="measured")
    model = pretrained_on_fits(plan, description, data.labelled, data.fits, KERNEL, data.folder).load()
    spectra = with_noise(simulated.spectra, simulated.carried, simulated.level, data.seed, "encoded simulations")
    columns = {
        "spectrum": complex_to_channels(spectra),
        "concentrations": simulated.labels.astype(np.float32),
        "noise_sigma": simulated.level.astype(np.float32),
    }
    model.fit_latent_density(columns, data.seed)
    return model


def hybrid_of_scans(data: ArmData) -> CVAE:
    """Trains the model of measured spectra on all scans of the training sites; its labels are those of fits.

    It depends on the rotation and `network_seed` alone, not on the n: draws and sizes share it, also at the same time.
    """
    if (data.folder / MODEL_FILE).exists():
        return load_model(data.folder / MODEL_FILE, "Remove its folder: the study then trains it again.")
    data = dataclasses.replace(data, seed=data.network_seed)
    simulated = data.simulations(ENCODED, of_all_scans=True, factors=np.ones(len(data.labels)))
    return train_in_vivo(
        data.scans.spectra,
        data.scans.noise_sigma,
        data.fits_of_scans,
        labels=in_range(data.labels, simulated.labels),
        sites=data.scans.sites,
        validation=np.empty(0, np.int64),
        seed=data.seed,
        output_dir=data.folder,
        preset=PRESET,
        training=data.effort.pretraining,
        checkpoint_every=1000,
    )


def in_range(labels: Labels, values: np.ndarray) -> Labels:
    """Returns labels with the ranges of some values, float (rows, labels)."""
    ranges = zip(values.min(axis=0).tolist(), values.max(axis=0).tolist(), strict=True)
    return dataclasses.replace(labels, ranges=tuple(ranges))


def mixed_labels(values: np.ndarray, count: int, seed: int) -> np.ndarray:
    """Draws labels between those of two subjects, float64 (count, labels), inside their range."""
    draws = keyed_uniform(0, count, 3, ENRICHMENT, seed, "labels of a cVAE")
    first, second = (draws[:, :2] * len(values)).astype(int).T
    return values[first] + draws[:, 2:] * (values[second] - values[first])


def generated_by(model: CVAE, labels: np.ndarray, seed: int) -> LabelledSpectra:
    """Generates spectra with their own noise for labels, float (m, labels)."""
    spectra = channels_to_complex(model.generate(labels.astype(np.float32), seed=seed)["spectrum"])
    sigma = generated_noise_level(model, labels.astype(np.float32), seed)
    return LabelledSpectra(spectra.astype(np.complex128), sigma, sigma, labels)


def _without_number(batch: dict) -> dict:
    return {name: column for name, column in batch.items() if name != "batch"}
