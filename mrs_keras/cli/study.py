"""The commands `mrs-keras study ...`."""

from pathlib import Path

from mrs_keras.cli.options import add_command
from mrs_keras.run_folder import REPORT_FILE, TABLE_FILE
from mrs_keras.study.enrichment.arm_names import TRAINED_ARMS

RESUMES = "An interrupted study goes on where it was: give the same command again."


def add_study_commands(commands) -> None:
    """Adds `study` with its own commands to the sub-parsers of `mrs-keras`."""
    text = "answer a question about generated spectra by cross-validation on measured ones"
    study = commands.add_parser("study", help=text, description=f"{text[0].upper()}{text[1:]}.")
    study_commands = study.add_subparsers(dest="study_command", required=True, metavar="COMMAND")
    _add_realism(study_commands)
    _add_enrichment(study_commands)


def _add_realism(study_commands) -> None:
    realism = add_command(
        study_commands,
        "realism",
        _realism,
        "measure how hard generated spectra are to tell from real ones of subjects never seen",
        RESUMES,
    )
    _add_dataset(realism)
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


def _add_enrichment(study_commands) -> None:
    enrichment = add_command(
        study_commands,
        "enrichment",
        _enrichment,
        "measure what training with generated spectra adds to a regression, at sites never seen",
        RESUMES,
    )
    _add_dataset(enrichment)
    enrichment.add_argument(
        "--basis",
        type=Path,
        metavar="FILE",
        help="to fit the scans with, if there are no fits; by default our own",
    )
    enrichment.add_argument(
        "--second-labels", type=Path, metavar="TABLE", help="table of fits by another program, as a second truth"
    )
    enrichment.add_argument(
        "--labels",
        nargs="+",
        metavar="NAME",
        help="to predict; by default tNAA, tCho, mI and GSH, where they are there",
    )
    enrichment.add_argument(
        "--noise", type=float, metavar="FACTOR", help="noise of the task over that of a scan; by default 2.83"
    )
    enrichment.add_argument(
        "--write-noisy",
        type=Path,
        metavar="FOLDER",
        help="write the noisy spectra for another program, and stop",
    )
    enrichment.add_argument(
        "--noisy-format",
        choices=("lcmodel", "nifti_mrs"),
        default="lcmodel",
        help="of `--write-noisy`: RAW and control files for LCModel, or NIfTI-MRS",
    )
    enrichment.add_argument(
        "--outside", type=Path, metavar="TABLE", help="another program's answers on what `--write-noisy` wrote"
    )
    enrichment.add_argument(
        "--arms", nargs="+", choices=TRAINED_ARMS, metavar="ARM", help=f"of {', '.join(TRAINED_ARMS)}; by default all"
    )
    enrichment.add_argument("--quick", action="store_true", help="try it in minutes, with numbers that mean little")
    enrichment.add_argument("--seed", type=int, default=0, help="of all draws")
    enrichment.add_argument("--workers", type=int, metavar="N", help="processes; by default one for each core")
    enrichment.add_argument("--output", type=Path, default=Path("enrichment"), help="folder of the report to write")


def _add_dataset(command) -> None:
    command.add_argument("--dataset", default="measured_mrs", help="name of a measured TFDS dataset, or its folder")
    command.add_argument("--config", help="config of the dataset, as given to `tfds build`")
    command.add_argument("--data-dir", type=Path, help="TFDS data folder; by default that of `tfds build`")
    command.add_argument(
        "--fits", type=Path, metavar="FOLDER", help="fits of the dataset (`mrs-keras measured fit`), for a prior"
    )


def _realism(options) -> None:
    from mrs_keras.study import study_realism

    study_realism(
        _dataset(options),
        fits=_fits(options),
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
    _print_report(options.output)


def _enrichment(options) -> None:
    from mrs_keras.study import study_enrichment, write_noisy_scans

    shared = {
        "fits": _fits(options),
        "basis": options.basis,
        "seed": options.seed,
        "data_dir": options.data_dir,
        **({} if options.noise is None else {"noise_factor": options.noise}),
    }
    if options.write_noisy is not None:
        write_noisy_scans(_dataset(options), options.write_noisy, format=options.noisy_format, **shared)
        print(
            f"Noisy spectra: {options.write_noisy}. Fit each with the other program, on a control file that is LCModel"
        )
        print(f"itself, and give its tables to the study with --outside {options.write_noisy}.")
        return
    study_enrichment(
        _dataset(options),
        second_labels=options.second_labels,
        outside=options.outside,
        label_names=options.labels,
        arms=options.arms,
        quick=options.quick,
        workers=options.workers,
        output_dir=options.output,
        **shared,
    )
    _print_report(options.output)


def _dataset(options) -> str:
    return options.dataset if options.config is None else f"{options.dataset}/{options.config}"


def _fits(options):
    """Returns the fits in a folder or a file, `None` if none are given."""
    from mrs_keras.fitting import InVivoFits
    from mrs_keras.fitting.folder_fits import FITS_FILE

    if options.fits is None:
        return None
    return InVivoFits.load(options.fits / FITS_FILE if options.fits.is_dir() else options.fits)


def _print_report(folder: Path) -> None:
    print((folder / TABLE_FILE).read_text(), end="")
    print(f"Report: {folder / REPORT_FILE}")
