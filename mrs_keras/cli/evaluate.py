"""The command `mrs-keras evaluate`."""

from pathlib import Path

from mrs_keras.cli.options import add_command, add_dataset, add_run_dir
from mrs_keras.run_folder import EVALUATION, REPORT_FILE, TABLE_FILE


def add_evaluate_command(commands) -> None:
    """Adds `evaluate` to the sub-parsers of `mrs-keras`."""
    evaluate = add_command(commands, "evaluate", _evaluate, "evaluate a trained model: numbers, figures and a report")
    add_run_dir(evaluate)
    add_dataset(evaluate, "training")
    evaluate.add_argument("--steps", type=int, default=11, help="spectra per interpolation")
    evaluate.add_argument(
        "--basis", type=Path, metavar="FILE", help="basis that the dataset was built from; by default found by itself"
    )
    evaluate.add_argument(
        "--against",
        metavar="DATASET[/CONFIG]",
        help="measured dataset whose real spectra the generated ones are compared with, such as measured_mrs/mine",
    )
    evaluate.add_argument(
        "--second-labels",
        type=Path,
        metavar="TABLE",
        help="with --against, fits of the real spectra by another program than that of the dataset's labels",
    )
    evaluate.add_argument(
        "--fitted", type=int, metavar="N", help="spectra of each set to fit; by default 2000, or 300 if they have noise"
    )
    evaluate.add_argument(
        "--generated", type=Path, metavar="PATH", help="spectra of `mrs-keras generate` that another program fitted"
    )
    evaluate.add_argument(
        "--fits",
        type=Path,
        metavar="TABLE",
        help="with --generated, the table or the folder of these fits, of LCModel, FSL-MRS or Osprey: does the program "
        "find the labels that the spectra were generated for?",
    )
    evaluate.add_argument("--output", type=Path, help=f"folder to write; by default RUN/{EVALUATION}")


def _evaluate(options) -> None:
    from mrs_keras import evaluate, read_basis

    output_dir = options.output or options.run_dir / EVALUATION
    evaluate(
        options.run_dir,
        dataset=options.dataset,
        data_dir=options.data_dir,
        config=options.config,
        steps=options.steps,
        output_dir=output_dir,
        basis=None if options.basis is None else read_basis(options.basis),
        against=options.against,
        second_labels=options.second_labels,
        fitted=options.fitted,
        generated=options.generated,
        fits=options.fits,
    )
    print((output_dir / TABLE_FILE).read_text(), end="")
    print(f"Report: {output_dir / REPORT_FILE}")
