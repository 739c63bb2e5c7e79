"""Measures the training step of the recipe, compared with a plain PyTorch loop and with its matrix products alone.

    pip install torch        # optional: its rows are left out without it
    python benchmarks/train.py --help

Network, batch, optimizer, schedule and data are those of the preset `base`. Prints one table. All entries are measured
in the same run, in turns, so that a busy machine slows all of them.
"""

import argparse
import math
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
import tensorflow as tf
from gemm_floor import Floor, flop, training_products

from mrs_keras import open_dataset
from mrs_keras.data import training_batches
from mrs_keras.models import CVAE, CVAE_PRESETS
from mrs_keras.training.schedules import kl_schedule, warm_cosine_adam
from mrs_keras.training.speed import choose_speed

PRESET = "base"
SAME_LOSS = 1e-5
"""Largest relative difference between our loss and that of the PyTorch network, same weights and noise."""


class ExecutionTimes(keras.callbacks.Callback):
    """Records when each execution ended, after its metrics were read."""

    def on_epoch_begin(self, epoch, logs=None):
        self.times = []

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])
        self.times.append(time.perf_counter())


def built_model(metadata, steps_per_epoch: int) -> CVAE:
    """Returns the model as the recipe builds and compiles it."""
    recipe = CVAE_PRESETS[PRESET]["training"]
    keras.utils.set_random_seed(0)
    kl_weight = kl_schedule(recipe["kl_weight"], recipe["epochs"] * steps_per_epoch)
    model = CVAE.from_preset(PRESET, metadata, seed=0, kl_weight=kl_weight)
    model.compile(warm_cosine_adam(recipe["learning_rate"], recipe["epochs"] * steps_per_epoch))
    return model


def fit_seconds(model: CVAE, batches: tf.data.Dataset, executions: int) -> float:
    """Returns the seconds of a step in `fit`, without the first execution of the call, which opens the data."""
    times, steps = ExecutionTimes(), model.steps_per_execution
    model.fit(batches, steps_per_epoch=(executions + 1) * steps, epochs=1, shuffle=False, verbose=0, callbacks=[times])
    return (times.times[-1] - times.times[0]) / (executions * steps)


def torch_seconds(loop, steps: int) -> float:
    """Returns the seconds of a step of the PyTorch loop."""
    loop.run(2)
    start = time.perf_counter()
    loop.run(steps)
    return (time.perf_counter() - start) / steps


def check_same_loss(model: CVAE, batch) -> float:
    """Returns the relative difference between our loss and that of the PyTorch network; exits if it is large."""
    import torch
    from pytorch_loop import Cvae

    size = len(batch["spectrum"])
    noise = np.random.default_rng(0).normal(size=(size, model.latent_dim)).astype(np.float32)
    *terms, _ = model._terms(batch, noise, training=True)
    ours = float(tf.reduce_mean(model._per_example_losses(*terms, float(size))["loss"]))
    inputs = [torch.tensor(batch[name].numpy()) for name in ("spectrum", "concentrations")]
    with torch.no_grad():
        theirs = float(Cvae(model)(*inputs, torch.tensor(noise), float(model._kl_weight_now())))
    difference = abs(ours - theirs) / abs(ours)
    if not difference < SAME_LOSS:
        raise SystemExit(f"The two networks are not the same: loss {ours} here, {theirs} in PyTorch.")
    return difference


def best_threads(make_loop, steps: int) -> int:
    """Returns the number of threads at which PyTorch is fastest."""
    import torch

    seconds = {}
    for threads in range(1, len(os.sched_getaffinity(0)) + 1):
        torch.set_num_threads(threads)
        loop = make_loop()
        seconds[threads] = min(torch_seconds(loop, steps) for _ in range(3))
    return min(seconds, key=seconds.get)


def measure(builder, batch_size: int, turns: int, target: float, torch_rows: list[str]) -> dict:
    """Measures all entries at one batch size, in turns: name -> seconds of a step in each turn."""
    batches, steps_per_epoch = training_batches(builder, batch_size, seed=0)
    first = next(iter(batches))
    constant = tf.data.Dataset.from_tensors(first).cache().repeat()
    speed = choose_speed(tf.distribute.get_strategy(), steps_per_epoch)
    models = {}
    for name in ("recipe", "recipe, one batch again and again"):
        models[name] = built_model(builder.info.metadata, steps_per_epoch)
        speed.prepare(models[name])
    model = models["recipe"]
    products = training_products(model, batch_size)
    result = {"flop": flop(products), "steps_per_execution": speed.steps_per_execution}
    loops = {}
    if torch_rows:
        import torch
        from pytorch_loop import Loop

        result["difference"] = check_same_loss(model, first)
        data = {name: values.numpy() for name, values in _whole_split(builder).items()}
        options = {"PyTorch": {}, "PyTorch, fused Adam": {"fused": True}, "PyTorch, compiled": {"compiled": True}}
        result["threads"] = best_threads(lambda: Loop(model, data, batch_size), 10)
        torch.set_num_threads(result["threads"])
        loops = {name: Loop(model, data, batch_size, **options[name]) for name in torch_rows}
    floor = Floor(products, with_torch=bool(torch_rows))

    pace = fit_seconds(model, batches, 1)  # compiles too, so once more
    pace = fit_seconds(model, batches, 1)
    executions = max(1, math.ceil(target / (pace * speed.steps_per_execution)))
    steps = max(3, math.ceil(target / pace))
    seconds = {name: [] for name in (*models, *loops, "matrix products alone")}
    for turn in range(turns + 1):
        now = {"recipe": fit_seconds(model, batches, executions)}
        other = "recipe, one batch again and again"
        now[other] = fit_seconds(models[other], constant, executions)
        now |= {name: torch_seconds(loop, steps) for name, loop in loops.items()}
        now["matrix products alone"] = floor.turn()
        if turn:  # the first is a warm-up
            for name, value in now.items():
                seconds[name].append(value)
    seconds["matrix products alone"] = [floor.seconds()] * turns
    return {**result, "seconds": seconds}


def _whole_split(builder) -> dict:
    batches, _ = training_batches(builder, builder.info.splits["train"].num_examples, seed=0)
    return next(iter(batches))


def print_table(batch_size: int, result: dict) -> None:
    seconds, recipe = result["seconds"], result["seconds"]["recipe"]
    floor = seconds["matrix products alone"][0]
    notes = [f"{result['steps_per_execution']} steps per execution"]
    if "threads" in result:
        notes += [f"PyTorch with {result['threads']} thread(s)", f"losses agree to {result['difference']:.0e}"]
    print(f"\nbatch {batch_size}: {result['flop'] / 1e9:.2f} GFLOP a step; {', '.join(notes)}")
    print(f"{'':34s}{'fastest':>9s}{'median':>9s}{'spectra':>10s}{'recipe is':>11s}{'share of':>10s}{'GFLOP':>8s}")
    print(f"{'':34s}{'ms':>9s}{'ms':>9s}{'per s':>10s}{'faster x':>11s}{'floor':>10s}{'per s':>8s}")
    for name, times in seconds.items():
        median = statistics.median(times)
        faster = statistics.median(other / ours for other, ours in zip(times, recipe, strict=True))
        print(
            f"{name:34s}{min(times) * 1e3:9.2f}{median * 1e3:9.2f}{batch_size / median:10.0f}{faster:11.2f}"
            f"{floor / min(times):10.0%}{result['flop'] / min(times) / 1e9:8.0f}"
        )
    constant = seconds["recipe, one batch again and again"]
    share = statistics.median(1 - same / real for same, real in zip(constant, recipe, strict=True))
    print(f"share of the input pipeline in the recipe's step: {share:.1%}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 256, 1024], help="spectra per step")
    parser.add_argument("--turns", type=int, default=15, help="turns; medians over them")
    parser.add_argument("--seconds", type=float, default=1.0, help="seconds of an entry in a turn")
    parser.add_argument("--data-dir", help="TFDS data folder; by default that of `tfds build`")
    parser.add_argument("--no-torch", action="store_true", help="leave PyTorch out")
    parser.add_argument("--compile", action="store_true", help="a row for torch.compile, which needs a C++ compiler")
    arguments = parser.parse_args()

    torch_rows = [] if arguments.no_torch else ["PyTorch", "PyTorch, fused Adam"]
    if torch_rows:
        try:
            import torch
        except ModuleNotFoundError:
            print("PyTorch is not installed (pip install torch): its rows are left out.")
            torch_rows = []
    if torch_rows and arguments.compile:
        torch_rows.append("PyTorch, compiled")
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        print(f"GPU: {tf.config.experimental.get_device_details(gpus[0]).get('device_name', gpus[0].name)}")
        if torch_rows and not torch.cuda.is_available():
            raise SystemExit("TensorFlow has a GPU but PyTorch does not: install PyTorch with CUDA or use --no-torch.")
    else:
        print(f"No GPU here: all runs on the CPU, {len(os.sched_getaffinity(0))} cores.")
    builder = open_dataset("simulated_mrs", CVAE_PRESETS[PRESET]["training"]["config"], arguments.data_dir)
    for batch_size in arguments.batch_sizes:
        print_table(batch_size, measure(builder, batch_size, arguments.turns, arguments.seconds, torch_rows))


if __name__ == "__main__":
    main()
