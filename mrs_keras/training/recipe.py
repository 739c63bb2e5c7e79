"""`mrs-keras train`: from the dataset to a trained model, in a folder that can be resumed."""

import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from mrs_keras.basis.wording import argument
from mrs_keras.checks import check_choice, check_count, check_positive
from mrs_keras.data import describe_dataset, open_dataset
from mrs_keras.data.dataset import open_or_build
from mrs_keras.files import explaining_a_full_disk
from mrs_keras.models.cvae import CVAE, preset_model
from mrs_keras.models.presets import CVAE_PRESETS
from mrs_keras.models.trained import load_model
from mrs_keras.run_folder import (
    CHECKPOINTS,
    HISTORY_FILE,
    LATENT_PRIOR,
    MODEL_FILE,
    TENSORBOARD,
    checkpoint_files,
    epochs_of,
)
from mrs_keras.training.architecture_check import check_architecture
from mrs_keras.training.callbacks import Checkpoint, EpochProgress, cut_history, fit_epochs, save_model
from mrs_keras.training.claim import check_claim, claim, fingerprint, only_writer
from mrs_keras.training.cluster import Cluster, cluster_from_environment
from mrs_keras.training.from_scans import train_from_scans
from mrs_keras.training.in_vivo_plan import Plan
from mrs_keras.training.like import config_like
from mrs_keras.training.liveness import watching
from mrs_keras.training.rendezvous import meet
from mrs_keras.training.replicas import check_batch_size, default_strategy, distribute
from mrs_keras.training.schedules import kl_schedule, warm_cosine_adam
from mrs_keras.training.source import data_settings, open_source, open_validation
from mrs_keras.training.speed import PRECISIONS, check_finite_weights, choose_speed, leave_training


def train(
    output_dir: str | os.PathLike,
    *,
    dataset: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    config: str | None = None,
    preset: str = "base",
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    checkpoint_every: int = 10,
    strategy: tf.distribute.Strategy | None = None,
    worker_timeout_s: float = 300.0,
    precision: str | None = None,
    clip_norm: float | None = None,
    changes: Mapping | None = None,
    build: bool = False,
    like: str | os.PathLike | None = None,
    basis: str | os.PathLike | None = None,
    sequence: str | Mapping[str, Any] | None = None,
    ppm_window: Sequence[float] | None = None,
    fits: str | os.PathLike | None = None,
    init: str | os.PathLike | None = None,
    input_noise: float | None = None,
) -> CVAE:
    """Trains a model, or resumes an interrupted training.

    Adam with a cosine decay of the learning rate to 0 after 200 steps of warm-up; at the end the latent density is
    fitted. Writes `model.keras` (only once training is complete), `checkpoints/`, `history.csv`, `tensorboard/` and
    `settings.json` to the folder, and `NOTICE.txt` if the data are private. Called again, it resumes at the last
    checkpoint, and the result is bit-identical to that of an uninterrupted training; a finished training is loaded.

    The preset `invivo` is for a dataset of measured spectra: fits of them, a prior of the fits, pre-training on
    simulations of it and fine-tuning on the spectra, as `train_from_scans` describes.

    If TF_CONFIG lists several processes, they train one model together, once each has reached all others. Only the
    first process writes to the folder, which all must share.

    Args:
      output_dir: folder of the run.
      dataset: name of the dataset, or a folder that contains one, as in `open_dataset`. Defaults to `None`: that of the
        preset.
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
      config: builder config of the dataset. Defaults to `None`: that of the preset, and for another dataset as in
        `open_dataset`.
      preset: of the model, one of `CVAE_PRESETS`. Defaults to `"base"`.
      epochs: Defaults to `None`: that of the preset; likewise for `batch_size` and `learning_rate`.
      batch_size: examples per step, over all replicas.
      learning_rate: highest learning rate.
      seed: of the initial weights, the order of the examples and the sampling noise. Defaults to `0`.
      checkpoint_every: epochs between checkpoints. Defaults to `10`.
      strategy: Defaults to `None`: `tf.distribute.MirroredStrategy()` over all GPUs if there are several; otherwise
        none, and XLA compiles the step. With TF_CONFIG, `tf.distribute.MultiWorkerMirroredStrategy()`.
      worker_timeout_s: longest time to wait for the other processes of TF_CONFIG, in seconds. Defaults to `300.0`.
      precision: Keras dtype policy of the training. Defaults to `None`: chosen for the devices, see `choose_speed`; the
        choice is printed. The trained model computes in float32.
      clip_norm: largest norm of a step's gradient, as in `CVAE`. Defaults to `None`: no clipping.
      changes: arguments of `CVAE` that replace those of the preset; `kl_weight` is the one at the end of its schedule.
        Defaults to `None`.
      build: whether to build a missing dataset of this package even if that takes minutes; a small one is built
        automatically. Defaults to `False`.
      like: scan, such as a NIfTI-MRS file, to simulate the spectra of the preset like: its spectrometer frequency,
        bandwidth, points, echo time and sequence. What is assumed is printed to stderr. Defaults to `None`: the
        acquisition of the preset or of the dataset.
      basis: with `like`, basis file of the scan's sequence; metabolites that it lacks are left out. With the preset
        `invivo`, of the metabolites to fit. Defaults to `None`: simulated, and with `invivo` none.
      sequence: with `like`, what the scan's header leaves out: a name, or `"name"` and times in ms, such as `{"name":
        "press", "te1_ms": 11.0}`. Defaults to `None`: the header's, and the assumptions of `sequence_of_scan`.
      ppm_window: with `like`, lowest and highest chemical shift, ppm. Defaults to `None`: 0.2 to 4.2 ppm.
      fits: with the preset `invivo`, folder of fits of the spectra, from `mrs-keras measured fit`. Defaults to `None`:
        they are made.
      init: with the preset `invivo`, folder of a trained model to tune. Defaults to `None`: one is pre-trained.
      input_noise: with the preset `invivo`, noise that is added to the spectra in the fine-tuning, over their own.
        Defaults to `None`: that of the preset.

    Returns:
      The trained `CVAE`.

    Raises:
      FileNotFoundError: if the dataset is missing and is not to be built.
      ValueError: if the folder contains a run with other settings, another process trains in it, an argument is out of
        range, there are more replicas than examples in a batch, or TF_CONFIG is malformed.
      TimeoutError: if another process of TF_CONFIG does not answer in time.
      RuntimeError: if another process ends before the training is done, or the training diverges.
      OSError: if the disk is full.
    """
    recipe = CVAE_PRESETS[check_choice("preset", preset, CVAE_PRESETS)]["training"]
    changes = dict(changes or {})
    of_scans = {"fits": fits, "init": init, "input_noise": input_noise}
    if recipe["source"] == "measured":
        elsewhere = {"like": like, "sequence": sequence, "ppm_window": ppm_window, "strategy": strategy}
        _refuse({**elsewhere, "precision": precision}, f"has no effect with the preset '{preset}'")
        numbers = {"epochs": epochs, "batch_size": batch_size, "learning_rate": learning_rate}
        tuning = {} if input_noise is None else {"fine_tuning": {"input_noise": input_noise}}
        training = {**{name: value for name, value in numbers.items() if value is not None}, **tuning}
        changes |= {} if clip_norm is None else {"clip_norm": clip_norm}
        plan = Plan.of(preset, seed, changes, training, None, checkpoint_every)
        source = {"dataset": dataset, "config": config, "data_dir": data_dir, "basis": basis}
        return train_from_scans(output_dir, plan, **source, fits=fits, init=init)
    _refuse(of_scans, "is only for training on measured spectra, with a preset such as 'invivo'")
    if "kl_weight" in changes:
        recipe = {**recipe, "kl_weight": {**recipe["kl_weight"], "end": changes["kl_weight"]}}
    check_count("checkpoint_every", checkpoint_every, 10)
    fields = _fields_like(like, dataset, config, preset, basis, sequence, ppm_window)
    config = config if fields is None else fields["name"]
    settings = {
        "preset": preset,
        "model": {**CVAE_PRESETS[preset]["config"], **changes},
        "kl_weight": recipe["kl_weight"],
        "source": recipe["source"],
        "steps_per_epoch": recipe.get("steps_per_epoch"),
        **data_settings(dataset, config, preset),
        # Not the path of the basis, which may move: the name of the config has a hash of its content.
        **({} if fields is None else {"like": {name: value for name, value in fields.items() if name != "basis"}}),
        "epochs": check_count("epochs", recipe["epochs"] if epochs is None else epochs, 500),
        "batch_size": check_count("batch_size", recipe["batch_size"] if batch_size is None else batch_size, 64),
        "learning_rate": check_positive(
            "learning_rate", recipe["learning_rate"] if learning_rate is None else learning_rate, 1e-3
        ),
        "seed": check_count("seed", seed, 0, at_least=0),
        "precision": precision if precision is None else check_choice("precision", precision, PRECISIONS),
        "clip_norm": clip_norm if clip_norm is None else check_positive("clip_norm", clip_norm, 1e4),
    }
    check_positive("worker_timeout_s", worker_timeout_s, 300.0)
    cluster = _cluster(strategy)
    is_chief = cluster is None or cluster.is_chief
    output_dir = Path(output_dir)
    builder = _open(settings, fields, data_dir, build, cluster)
    description = describe_dataset(builder)
    claimed = {**settings, "fingerprint": fingerprint(builder)}
    check_claim(output_dir, claimed)
    finished = output_dir / MODEL_FILE
    if finished.exists():
        return load_model(finished, "Remove it: the training then resumes from the last checkpoint.")

    alone = only_writer(output_dir) if is_chief else contextlib.nullcontext()
    with explaining_a_full_disk(output_dir, "Free some space, and run the same command again to resume."), alone:
        checkpoints = checkpoint_files(output_dir)
        resumed = {"checkpoint": checkpoints[-1].name if checkpoints else None, "checkpoint_every": checkpoint_every}
        meeting = cluster and meet(cluster, {**claimed, **resumed}, worker_timeout_s)
        with watching(meeting):
            strategy = strategy or default_strategy(cluster)
            check_batch_size(settings["batch_size"], strategy)
            if is_chief:
                claim(output_dir, claimed, description.notice)
            first_epoch = epochs_of(checkpoints[-1]) if checkpoints else 0
            source = open_source(builder, settings, first_epoch)
            steps = source.steps_per_epoch
            speed = choose_speed(strategy, steps, precision)
            with strategy.scope():
                if checkpoints:
                    model = load_model(
                        checkpoints[-1], "Remove it: the training then resumes from the checkpoint before."
                    )
                    check_architecture(model, settings, description, checkpoints[-1])
                else:
                    keras.utils.set_random_seed(seed)
                    config = {
                        **changes,
                        "seed": seed,
                        "kl_weight": kl_schedule(recipe["kl_weight"], settings["epochs"] * steps),
                        "clip_norm": clip_norm,
                        "dtype": speed.precision,
                    }
                    model = preset_model(preset, description, **config)
                    model.compile(warm_cosine_adam(settings["learning_rate"], settings["epochs"] * steps))
                # Not the checkpoint's settings: the training may resume on another number of devices.
                speed.prepare(model)

            callbacks = _callbacks(output_dir, first_epoch, checkpoint_every, is_chief)
            validation = speed.validation(open_validation(builder, settings["model"]))
            validation["validation_data"] = distribute(validation["validation_data"], strategy)
            fit_epochs(
                model,
                distribute(source.batches, strategy),
                callbacks,
                epochs=settings["epochs"],
                first_epoch=first_epoch,
                steps=steps,
                **validation,
            )
            check_finite_weights(model)
            leave_training(model)
            if model.latent_prior.needs_fit:
                state = output_dir / CHECKPOINTS / LATENT_PRIOR
                # A short trial does not end with minutes of fitting.
                most_steps = settings["epochs"] * steps
                model.fit_latent_density(source.density_batches, seed, state if is_chief else None, most_steps)
            save_model(model, finished, is_chief)
    return model


def _refuse(options: Mapping[str, Any], why: str) -> None:
    """Raises `ValueError` for options that were given and do nothing."""
    given = [argument(name) for name, value in options.items() if value is not None]
    if given:
        raise ValueError(f"`{given[0]}` {why}. Received: {', '.join(given)}. Leave it out, or choose another preset.")


def _open(
    settings: Mapping, fields: Mapping | None, data_dir: str | os.PathLike | None, build: bool, cluster: Cluster | None
):
    """Opens the dataset of a run, and builds it first if needed; only one process builds it.

    Args:
      settings: of the run.
      fields: of the config, or `None` for a config by name.
      data_dir: TFDS data folder.
      build: whether to build even a large dataset.
      cluster: the processes of TF_CONFIG, or `None`.
    """
    name = settings["dataset"]
    if cluster is None:
        return open_or_build(name, settings["config"] if fields is None else fields, data_dir, build)
    try:
        return open_dataset(name, settings["config"], data_dir)
    except FileNotFoundError as error:
        if fields is None:
            raise
        raise FileNotFoundError(
            f"The dataset {name}/{settings['config']} is not built yet. Build it on one machine before the training on "
            f"several: `mrs_keras.build_dataset({name!r}, config={dict(fields)})`."
        ) from error


def _fields_like(like, dataset, config, preset: str, basis, sequence, ppm_window) -> dict | None:
    """Returns the fields of a config for spectra like a scan, and prints what was assumed; `None` without a scan."""
    options = {"basis": basis, "sequence": sequence, "ppm_window": ppm_window}
    if like is None:
        given = [argument(name) for name, value in options.items() if value is not None]
        if given:
            raise ValueError(
                f"{', '.join(f'`{name}`' for name in given)}: only for a training like a scan. Give the scan with "
                f"`{argument('like')}`, or the `config` of a dataset that was built with these settings."
            )
        return None
    taken = {"dataset": dataset, "config": config}
    given = [argument(name) for name, value in taken.items() if value is not None]
    if given:
        raise ValueError(
            f"`{argument('like')}` makes the dataset of a training. Expected either that or {' and '.join(taken)}. "
            f"Received both `{argument('like')}` and `{'`, `'.join(given)}`. Leave one of them out."
        )
    fields, assumed = config_like(like, CVAE_PRESETS[preset]["training"]["config"], **options)
    for sentence in assumed:
        print(sentence, file=sys.stderr)
    return fields


def _cluster(strategy: tf.distribute.Strategy | None) -> Cluster | None:
    """Returns the processes that TF_CONFIG lists, or raises `ValueError` if a strategy is given, too."""
    if isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        raise ValueError(
            "`strategy` must be left out for training on several machines: it is created once all of them have met. "
            f"Received: strategy={type(strategy).__name__}. Set only TF_CONFIG."
        )
    return cluster_from_environment() if strategy is None else None


def _callbacks(output_dir: Path, first_epoch: int, checkpoint_every: int, is_chief: bool) -> list:
    """Returns the callbacks of `fit`; only one process writes history and logs."""
    checkpoint = Checkpoint(output_dir, checkpoint_every, is_chief)
    if not is_chief:
        return [checkpoint, keras.callbacks.TerminateOnNaN()]
    cut_history(output_dir / HISTORY_FILE, first_epoch)
    return [
        keras.callbacks.CSVLogger(output_dir / HISTORY_FILE, append=True),
        keras.callbacks.TensorBoard(output_dir / TENSORBOARD, write_graph=False),
        checkpoint,
        EpochProgress(first_epoch),
        keras.callbacks.TerminateOnNaN(),
    ]
