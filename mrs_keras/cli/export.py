"""The command `mrs-keras export`."""

from pathlib import Path

from mrs_keras.cli.options import add_command, add_run_dir
from mrs_keras.run_folder import SAVED_MODELS, read_notice


def add_export_command(commands) -> None:
    """Adds `export` to the sub-parsers of `mrs-keras`."""
    export = add_command(commands, "export", _export, "export encoder and generator as SavedModels")
    add_run_dir(export)
    export.add_argument("--output", type=Path, help=f"folder of the SavedModels; by default RUN/{SAVED_MODELS}")
    export.add_argument("--version", type=int, default=1, help="version folder to write")


def _export(options) -> None:
    from mrs_keras import export
    from mrs_keras.models import load_trained

    notice = read_notice(options.run_dir)
    paths = export(
        load_trained(options.run_dir), options.output or options.run_dir / SAVED_MODELS, options.version, notice=notice
    )
    for name, path in paths.items():
        print(f"{name}: {path}")
    if notice:
        print(f"Notice: {notice}")
