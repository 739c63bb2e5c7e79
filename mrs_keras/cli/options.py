"""What several commands share: the help format, and options with the same meaning everywhere."""

import argparse
from collections.abc import Callable
from pathlib import Path

from mrs_keras.models.presets import CVAE_PRESETS


class HelpFormatter(argparse.ArgumentDefaultsHelpFormatter):
    """Shows the defaults, except for those that the help text mentions."""

    def _get_help_string(self, action):
        return action.help if action.default is None or action.default is False else super()._get_help_string(action)


class EpilogFormatter(HelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Also keeps the line breaks of the epilog."""


def add_command(commands, name: str, run: Callable, text: str, epilog: str | None = None) -> argparse.ArgumentParser:
    """Adds a command to the sub-parsers of `mrs-keras`.

    Args:
      commands: sub-parsers.
      name: of the command.
      run: function that takes the parsed options.
      text: one-line description.
      epilog: text after the options; its line breaks are kept if it has several lines. Defaults to `None`.
    """
    formatter = EpilogFormatter if epilog and "\n" in epilog else HelpFormatter
    command = commands.add_parser(name, help=text, description=text, epilog=epilog, formatter_class=formatter)
    command.set_defaults(run=run)
    return command


def add_dataset(command: argparse.ArgumentParser, of: str) -> None:
    """Adds the options that name a dataset; by default it is that of a preset or of a training."""
    command.add_argument(
        "--dataset", help=f"name of a TFDS dataset, or a folder that `generate` wrote; by default that of the {of}"
    )
    command.add_argument(
        "--config", help=f"config of the dataset, as given to `tfds build`; by default that of the {of}"
    )
    command.add_argument("--data-dir", type=Path, help="TFDS data folder; by default that of `tfds build`")


def preset_names() -> str:
    """Returns the names of the model presets, for help texts."""
    return ", ".join(CVAE_PRESETS)


def add_run_dir(command: argparse.ArgumentParser) -> None:
    """Adds the option that names a training."""
    command.add_argument("--run", dest="run_dir", type=Path, default=Path("runs/base"), help="folder of the training")
