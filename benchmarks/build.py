"""Measures the speed and memory of the build of the dataset, and the share of TFDS in the time.

    python benchmarks/build.py --help

Prints one table. Each build runs in its own process. The reference of a build is a second one of the same size from
precomputed examples: TFDS alone, that is encoding, shuffling and writing.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

SIZES, LARGE = (8_000, 80_000), 800_000


def build(examples: int, ready_made: bool) -> dict:
    """Builds a dataset in a temporary folder; returns its seconds and the peak memory of this process in MB."""
    import tensorflow as tf
    import tensorflow_datasets as tfds

    from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig

    simulated = Builder._generate_examples

    def same_thousand(self, split, count):
        made = [example for _, example in simulated(self, split, min(1000, count))]
        return ((k, made[k % len(made)]) for k in range(count))

    if ready_made:
        Builder._generate_examples = same_thousand
    tfds.disable_progress_bar()
    tf.constant(0)  # TensorFlow loads on first use, which takes seconds and is not part of the build
    config = SimulatedMrsConfig(name="benchmark", train=examples, validation=1, snr=30.0)
    with tempfile.TemporaryDirectory() as folder:
        builder = Builder(data_dir=folder, config=config)
        start = time.perf_counter()
        builder.download_and_prepare()
        seconds = time.perf_counter() - start
    return {"seconds": seconds, "megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def measured(examples: int, ready_made: bool) -> dict:
    """Runs `build` in a separate process."""
    command = [sys.executable, __file__, "--sizes", str(examples), "--child", "ready" if ready_made else "simulated"]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="training examples of each build")
    parser.add_argument("--large", action="store_true", help=f"also {LARGE:,} examples: minutes, and 4 GB on disk")
    parser.add_argument("--rounds", type=int, default=1, help="turns; the fastest of each build counts")
    parser.add_argument("--child", choices=["ready", "simulated"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(build(arguments.sizes[0], arguments.child == "ready")))
        return

    print("NAA and PCr with noise, 252 points; TFDS alone: the same build of ready-made examples\n")
    print(
        f"{'examples':>10s}{'seconds':>10s}{'examples':>12s}{'us per':>9s}{'TFDS':>10s}{'TFDS share':>12s}{'peak':>10s}"
    )
    print(f"{'':10s}{'':10s}{'per s':>12s}{'example':>9s}{'alone, s':>10s}{'of the time':>12s}{'MB':>10s}")
    for examples in (*arguments.sizes, *([LARGE] if arguments.large else [])):
        pairs = [[measured(examples, ready_made) for ready_made in (False, True)] for _ in range(arguments.rounds)]
        ours, tfds_alone = (min(runs, key=lambda run: run["seconds"]) for runs in zip(*pairs, strict=True))
        seconds = ours["seconds"]
        print(
            f"{examples:10d}{seconds:10.1f}{examples / seconds:12.0f}{seconds / examples * 1e6:9.1f}"
            f"{tfds_alone['seconds']:10.1f}{tfds_alone['seconds'] / seconds:12.0%}{ours['megabytes']:10.0f}"
        )


if __name__ == "__main__":
    main()
