"""The command `mrs-keras`: one module for each of its commands, imported by `command`."""

from mrs_keras.cli.command import main

__all__ = ["main"]
