"""The command `mrs-keras`."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from mrs_keras.cli_basis import add_basis_commands
from mrs_keras.cli_generate import add_generate_command
from mrs_keras.cli_serve import add_serve_command
from mrs_keras.cli_tune import add_tune_command

# TensorFlow, TFDS and plotting are imported by the commands that use them: `--help` answers at once.


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line; returns the exit status."""
    options = _parser().parse_args(arguments)
    _quieten()
    try:
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


def _train(options) -> None:
    from mrs_keras import train

    train(
        options.output,
        data_dir=options.data_dir,
        config=options.config,
        preset=options.preset,
        epochs=options.epochs,
        batch_size=options.batch_size,
        learning_rate=options.learning_rate,
        seed=options.seed,
        checkpoint_every=options.checkpoint_every,
        worker_timeout_s=options.worker_timeout,
        precision=options.precision,
        clip_norm=options.clip_norm,
    )
    print(f"Trained model: {options.output / 'model.keras'}\nNext: mrs-keras evaluate --run {options.output}")


def _evaluate(options) -> None:
    from mrs_keras import evaluate
    from mrs_keras.reproduce import numbers_table

    numbers = evaluate(
        options.run_dir,
        data_dir=options.data_dir,
        config=options.config,
        steps=options.steps,
        output_dir=options.output,
    )
    print(numbers_table(numbers))
    print(f"Report: {(options.output or options.run_dir / 'evaluation') / 'report.html'}")


def _export(options) -> None:
    from mrs_keras.evaluation import load_trained
    from mrs_keras.serving import export

    for name, path in export(
        load_trained(options.run_dir), options.output or options.run_dir / "saved_models", options.version
    ).items():
        print(f"{name}: {path}")


def _reproduce(options) -> None:
    from mrs_keras.reproduce import reproduce

    reproduce(options.output, saved_models_dir=options.saved_models)


class _HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults, but for those that the help text tells in words."""

    def _get_help_string(self, action):
        return action.help if action.default is None or action.default is False else super()._get_help_string(action)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="mrs-keras",
        description="Labelled MR spectra for Keras: simulate, train a conditional VAE, evaluate, export.",
        epilog="The dataset comes from `tfds build tfds_builders/simulated_mrs`; `mrs-keras reproduce` does it all. "
        "MRS_KERAS_TRACEBACK=1 shows where an error comes from.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def add(name, run, help_text):
        command = commands.add_parser(name, help=help_text, description=help_text, formatter_class=_HelpFormatter)
        command.set_defaults(run=run)
        return command

    add_basis_commands(commands, _HelpFormatter)

    train = add("train", _train, "train a model, or go on with an interrupted training")
    train.add_argument("--output", type=Path, default=Path("runs/base"), help="folder of the run")
    _add_dataset(train)
    train.add_argument("--preset", default="base", help="model preset: base, endless, paper or brain")
    train.add_argument("--epochs", type=int, help="epochs; by default those of the preset")
    train.add_argument("--batch-size", type=int, help="examples per step over all devices; by default the preset's")
    train.add_argument("--learning-rate", type=float, help="highest learning rate; by default the preset's")
    train.add_argument("--seed", type=int, default=0, help="of weights, order and sampling noise")
    train.add_argument("--checkpoint-every", type=int, default=10, help="epochs between checkpoints")
    train.add_argument(
        "--worker-timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="longest wait for the other machines at the start",
    )
    train.epilog = (
        "All GPUs of the machine train together. Several machines do where the environment variable TF_CONFIG lists "
        "them as 'host:port' and the same command starts on each, with one folder that all share: "
        'TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
        '"task": {"type": "worker", "index": 0}}\', with index 1 on the second. '
        "If one is lost all stop, and the same command goes on from the last checkpoint."
    )

    train.add_argument("--precision", help="float32, mixed_float16 or mixed_bfloat16; by default what suits the device")
    train.add_argument("--clip-norm", type=float, help="largest norm of a step's gradient; by default none")

    add_tune_command(commands, _HelpFormatter)

    evaluate = add("evaluate", _evaluate, "evaluate a trained model: numbers, figures and a report")
    _add_run_dir(evaluate)
    _add_dataset(evaluate)
    evaluate.add_argument("--steps", type=int, default=11, help="spectra per interpolation")
    evaluate.add_argument("--output", type=Path, help="folder to write; by default RUN/evaluation")

    export = add("export", _export, "export encoder and generator as SavedModels")
    _add_run_dir(export)
    export.add_argument("--output", type=Path, help="folder of the SavedModels; by default RUN/saved_models")
    export.add_argument("--version", type=int, default=1, help="version folder to write")

    add_generate_command(commands, _HelpFormatter)
    add_serve_command(commands, _HelpFormatter)

    reproduce = add("reproduce", _reproduce, "run the main job: dataset, training, evaluation, export")
    reproduce.add_argument("--output", type=Path, default=Path("runs/reproduce"), help="folder of the run")
    reproduce.add_argument(
        "--saved-models", type=Path, help="folder of the SavedModels; by default OUTPUT/saved_models"
    )
    return parser


def _add_dataset(command) -> None:
    command.add_argument("--data-dir", type=Path, help="TFDS data folder; by default that of `tfds build`")
    command.add_argument(
        "--config", help="config of the dataset, as given to `tfds build`; by default that of the training"
    )


def _add_run_dir(command) -> None:
    command.add_argument("--run", dest="run_dir", type=Path, default=Path("runs/base"), help="folder of the training")


def _version() -> str:
    from mrs_keras import __version__

    return f"mrs-keras {__version__}"


def _quieten() -> None:
    """Leaves out TensorFlow's notes on the machine (missing GPUs, processor features), which read like errors."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    logging.getLogger("absl").setLevel(logging.ERROR)


if __name__ == "__main__":
    sys.exit(main())
