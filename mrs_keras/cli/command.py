"""The command `mrs-keras`."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence

from mrs_keras import __version__
from mrs_keras.cli.basis import add_basis_commands
from mrs_keras.cli.evaluate import add_evaluate_command
from mrs_keras.cli.explore import add_explore_command
from mrs_keras.cli.export import add_export_command
from mrs_keras.cli.generate import add_generate_command
from mrs_keras.cli.measured import add_measured_commands
from mrs_keras.cli.native_log import native_log_filtered
from mrs_keras.cli.reproduce import add_reproduce_command
from mrs_keras.cli.serve import add_serve_command
from mrs_keras.cli.study import add_study_commands
from mrs_keras.cli.train import add_train_command
from mrs_keras.cli.tune import add_tune_command

# TensorFlow, TFDS and plotting are imported by the commands that use them: `--help` answers at once.


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    for name in ("tensorflow", "absl"):
        logging.getLogger(name).setLevel(logging.ERROR)
    try:
        with native_log_filtered():
            options.run(options)
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        # Ours say what to do; a traceback helps whoever asks for it.
        if os.environ.get("MRS_KERAS_TRACEBACK"):
            raise
        print(f"mrs-keras {options.command}: {error}", file=sys.stderr)
        return 1
    except MemoryError:
        print(
            f"mrs-keras {options.command}: not enough memory. Ask for fewer spectra at once; `generate` to a folder "
            "(TFRecord) holds one batch alone.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted. Run the same command again to go on.", file=sys.stderr)
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mrs-keras",
        description="Labelled MR spectra for Keras: simulate, train a conditional VAE, evaluate, export.",
        epilog="The dataset comes from `tfds build tfds_builders/simulated_mrs`; `mrs-keras reproduce` does it all. "
        "MRS_KERAS_TRACEBACK=1 shows where an error comes from, TF_CPP_MIN_LOG_LEVEL=0 all log messages of TensorFlow.",
    )
    parser.add_argument("--version", action="version", version=f"mrs-keras {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add_command in (
        add_basis_commands,
        add_measured_commands,
        add_train_command,
        add_tune_command,
        add_evaluate_command,
        add_export_command,
        add_generate_command,
        add_serve_command,
        add_explore_command,
        add_study_commands,
        add_reproduce_command,
    ):
        add_command(commands)
    return parser
