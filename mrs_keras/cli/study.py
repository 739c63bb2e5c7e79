"""The commands `mrs-keras study ...`."""

from pathlib import Path

from mrs_keras.cli.options import add_command
from mrs_keras.run_folder import REPORT_FILE, TABLE_FILE


def add_study_commands(commands) -> None:
    """Adds `study` with its own commands to the sub-parsers of `mrs-keras`."""
    text = "answer a question about generated spectra by cross-validation on measured ones"
    study = commands.add_parser("study", help=text, description=f"{text[0].upper()}{text[1:]}.")
    study_commands = study.add_subparsers(dest="study_command", required=True, metavar="COMMAND")
    realism = add_command(
        study_commands,
        "realism",
        _realism,
        "measure how hard generated spectra are to tell from real ones of subjects never seen",
        "An interrupted study goes on where it was: give the same command again.",
    )
    realism.add_argument("--dataset", default="measured_mrs", help="name of a measured TFDS dataset, or its folder")
    realism.add_argument("--config", help="config of the dataset, as given to `tfds build`")
    realism.add_argument("--data-dir", type=Path, help="TFDS data folder; by default that of `tfds build`")
    realism.add_argument(
        "--fits",
        type=Path,
        metavar="FOLDER",
        help="fits of the dataset (`mrs-keras measured fit`), for a prior",
    )
    realism.add_argument("--priors", nargs="*", default=[], metavar="NAME", help="presets or files of other priors")
    realism.add_argument(
        "--model",
        nargs="*",
        default=[],
        dest="models",
        metavar="PRESET",
        help="presets of models that are trained in every split, such as invivo; needs `--fits`",
    )
    realism.add_argument(
        "--second-labels", type=Path, metavar="TABLE", help="table of fits by another program, to test the utility on"
    )
    realism.add_argument(
        "--split-by",
        choices=("subject", "site"),
        default="subject",
        help="hold out folds of subjects, or whole sites",
    )
    realism.add_argument("--seeds", nargs="+", type=int, help="of the folds; by default 10 11 12, and 10 for sites")
    realism.add_argument("--folds", type=int, default=3, help="folds of the subjects, within sites")
    realism.add_argument("--bandwidth", type=float, help="of the kernel of the fitted prior; by default its own")
    realism.add_argument("--output", type=Path, default=Path("realism"), help="folder of the report to write")


def _realism(options) -> None:
    from mrs_keras.fitting import InVivoFits
    from mrs_keras.fitting.folder_fits import FITS_FILE
    from mrs_keras.study import study_realism

    fits = options.fits
    if fits is not None:
        fits = InVivoFits.load(fits / FITS_FILE if fits.is_dir() else fits)
    study_realism(
        options.dataset if options.config is None else f"{options.dataset}/{options.config}",
        fits=fits,
        priors=options.priors,
        models=options.models,
        second_labels=options.second_labels,
        split_by=options.split_by,
        seeds=options.seeds,
        folds=options.folds,
        output_dir=options.output,
        data_dir=options.data_dir,
        prior_options=None if options.bandwidth is None else {"bandwidth": options.bandwidth},
    )
    print((options.output / TABLE_FILE).read_text(), end="")
    print(f"Report: {options.output / REPORT_FILE}")
