"""Measures the overhead of data parallelism: one batch on 1, 2 and 4 logical replicas of one CPU.

    python benchmarks/replicas.py --help

The replicas share the same cores, so any extra time of a step is overhead: splitting, all-reduce, smaller products.
Each number of replicas runs in its own process, since TensorFlow fixes its devices at the start.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")


def step_seconds(replicas: int, batch_size: int, turns: int, steps: int) -> list[float]:
    """Measures the seconds of a step on a number of replicas, in each turn."""
    import tensorflow as tf
    from train import CVAE_PRESETS, PRESET, built_model, fit_seconds

    from mrs_keras import open_dataset
    from mrs_keras.data import training_batches
    from mrs_keras.training.speed import choose_speed

    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * replicas
    )
    strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])
    builder = open_dataset("simulated_mrs", CVAE_PRESETS[PRESET]["training"]["config"])
    batches, steps_per_epoch = training_batches(builder, batch_size, seed=0)
    with strategy.scope():
        model = built_model(builder.info.metadata, steps_per_epoch)
        choose_speed(strategy, steps_per_epoch).prepare(model)
    return [fit_seconds(model, batches, steps) for _ in range(turns + 1)][1:]  # the first is a warm-up


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[64, 1024], help="spectra per step, in all")
    parser.add_argument("--replicas", type=int, nargs="+", default=[1, 2, 4], help="the first is the reference")
    parser.add_argument("--turns", type=int, default=7, help="turns; medians over them")
    parser.add_argument("--steps", type=int, default=60, help="steps in a turn")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(
            json.dumps(step_seconds(arguments.replicas[0], arguments.batch_sizes[0], arguments.turns, arguments.steps))
        )
        return

    print(f"{'batch':>6s}{'replicas':>10s}{'fastest ms':>12s}{'median ms':>12s}{'overhead':>10s}")
    for batch_size in arguments.batch_sizes:
        reference = None
        for replicas in arguments.replicas:
            command = [sys.executable, __file__, "--one", "--replicas", str(replicas)]
            command += ["--batch-sizes", str(batch_size), "--turns", str(arguments.turns)]
            command += ["--steps", str(arguments.steps)]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            seconds = json.loads(output.splitlines()[-1])
            median = statistics.median(seconds)
            reference = reference or median
            print(
                f"{batch_size:6d}{replicas:10d}{min(seconds) * 1e3:12.2f}{median * 1e3:12.2f}"
                f"{median / reference - 1:10.0%}",
                flush=True,
            )


if __name__ == "__main__":
    main()
