"""The command `mrs-keras tune`."""

from pathlib import Path

from mrs_keras.cli.options import add_command, add_dataset, preset_names
from mrs_keras.run_folder import MODEL_FILE

TEXT = "search hyper-parameters of a preset with keras-tuner (extra `tune`), or resume an interrupted search"


def add_tune_command(commands) -> None:
    """Adds `tune` to the sub-parsers of `mrs-keras`."""
    tune = add_command(commands, "tune", _tune, TEXT)
    tune.add_argument("--output", type=Path, default=Path("runs/tune"), help="folder of the search")
    tune.add_argument("--trials", type=int, default=20, help="trainings in all; a larger number extends a search")
    tune.add_argument("--epochs", type=int, default=100, help="epochs of each training")
    tune.add_argument("--preset", default="base", help=f"what to start from: {preset_names()}")
    add_dataset(tune, "preset")
    tune.add_argument("--seed", type=int, default=0, help="of the search and of each training")


def _tune(options) -> None:
    from mrs_keras.optional import check_keras_tuner_installed
    from mrs_keras.tuning.search import TABLE_FILE, tune, tune_table

    check_keras_tuner_installed()
    rows = tune(
        options.output,
        trials=options.trials,
        dataset=options.dataset,
        data_dir=options.data_dir,
        config=options.config,
        preset=options.preset,
        epochs=options.epochs,
        seed=options.seed,
        progress=True,
    )
    best = options.output / rows[0]["folder"] / MODEL_FILE
    print(f"\n{tune_table(rows)}\n\nTable: {options.output / TABLE_FILE}\nBest model: {best}")
