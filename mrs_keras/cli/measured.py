"""The commands `mrs-keras measured ...`."""

import argparse
import dataclasses
import json
import shlex
from pathlib import Path

from mrs_keras.cli.measured_fit import NEXT as NEXT_FIT
from mrs_keras.cli.measured_fit import add_fit_options, run_fit
from mrs_keras.cli.measured_prior import NEXT as NEXT_PRIOR
from mrs_keras.cli.measured_prior import add_prior_options, run_prior
from mrs_keras.cli.options import add_command

NEXT = """\
Next, build the dataset and train on it:

  tfds build tfds_builders/measured_mrs --config='{"name": "mine", "folder": "FOLDER", "labels": "TABLE"}'
  mrs-keras train --dataset measured_mrs --config mine --output runs/mine"""


def add_measured_commands(commands) -> None:
    """Adds `measured` with its own commands to the sub-parsers of `mrs-keras`."""
    text = "look at measured scans: check a folder, process a file, fit spectra, make a prior, write an example"
    measured = commands.add_parser("measured", help=text, description=f"{text[0].upper()}{text[1:]}.")
    measured_commands = measured.add_subparsers(dest="measured_command", required=True, metavar="COMMAND")

    def add(name, run, help_text, epilog=None):
        return add_command(measured_commands, name, run, help_text, epilog)

    check = add("check", _check, "check a folder of scans before a dataset is built from it", NEXT)
    check.add_argument("folder", type=Path, help="folder of scans (NIfTI-MRS, SDAT/SPAR, RDA), with its subfolders")
    check.add_argument("--labels", type=Path, metavar="TABLE", help="table of fits: LCModel, Osprey, FSL-MRS or a TSV")
    check.add_argument("--label-names", nargs="+", metavar="NAME", help="labels, such as tNAA_over_tCr or NAA")
    check.add_argument("--label-unit", metavar="UNIT", help="unit of the values of a table that does not name it")
    check.add_argument(
        "--site",
        metavar="REGEX",
        help="regular expression for the path, whose first group is the site; by default from participants.tsv",
    )
    check.add_argument("--output", type=Path, default=Path("check"), help="folder of the page and the table to write")
    check.add_argument("--echo-time-ms", type=float, help="echo time of scans whose header has none, ms")
    check.add_argument("--sequence", help="name of the sequence of scans whose header has none")
    check.add_argument("--seed", type=int, default=0, help="of the splits")
    check.add_argument("--validation", type=float, default=0.2, help="fraction of the subjects for validation")
    check.add_argument("--test", type=float, default=0.0, help="fraction of the subjects for testing")
    check.add_argument("--split-by", default="subject", help="subject (within each site) or site (whole sites)")
    check.add_argument("--scale", help="metabolites, water or none; by default water for labels with a unit")
    check.add_argument("--skip-bad", action="store_true", help="succeed even if some scans cannot be used")
    check.add_argument("--rows", type=int, default=20, help="scans in the table on the terminal, worst first")
    _add_processing(check)

    process = add("process", _process, "process one scan, and show it before and after each step")
    process.add_argument("file", type=Path, help="scan")
    process.add_argument(
        "--reference", type=Path, metavar="FILE", help="its water reference; by default the one beside it, if any"
    )
    process.add_argument("--output", type=Path, default=Path("process.png"), help="figure; the suffix is the format")
    _add_processing(process)

    fit = add(
        "fit", run_fit, "fit the spectra of a folder or a dataset: concentrations, line shapes, figures", NEXT_FIT
    )
    add_fit_options(fit)
    _add_processing(fit)

    prior = add(
        "prior",
        run_prior,
        "make a prior from fits: the joint distribution of what was fitted, to simulate from",
        NEXT_PRIOR,
    )
    add_prior_options(prior)

    example = add("example", _example, "write a small BIDS folder of simulated scans, with labels, to try things on")
    example.add_argument("folder", type=Path, help="folder to write")
    example.add_argument("--participants", type=int, default=12, help="number of participants")
    example.add_argument("--sites", type=int, default=2, help="sites, to which participants belong in turn")
    example.add_argument("--coils", type=int, default=4, help="receiver coils")
    example.add_argument("--transients", type=int, default=16, help="single averages of each scan")
    example.add_argument("--seed", type=int, default=0, help="of all draws")
    example.add_argument("--overwrite", action="store_true", help="replace an earlier example")


def _add_processing(command: argparse.ArgumentParser) -> None:
    command.add_argument("--steps", nargs="*", metavar="STEP", help="processing steps; by default all the scan allows")
    command.add_argument("--mask", type=Path, metavar="FILE", help="NIfTI mask of the voxels of spectroscopic images")
    command.add_argument(
        "--conjugated", action="store_true", help="the files contain the conjugate of what the standard says"
    )


def _check(options) -> None:
    import warnings

    from mrs_keras.measured import MeasuredRecipe, check_folder, check_replaceable

    check_replaceable(options.output)
    fields = {field.name for field in dataclasses.fields(MeasuredRecipe)}
    given = {
        name: str(value) if isinstance(value, Path) else value
        for name, value in vars(options).items()
        if name in fields and name != "skip_bad"
    }
    recipe = MeasuredRecipe(**given)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check = check_folder(recipe)
        page = check.write(options.output)
    print(check.table(options.rows))
    if len(check.order) > options.rows:
        print(f"... and {len(check.order) - options.rows} more, in {page.parent}")
    table = check.labels_table()
    if table is not None:
        header, rows = table
        widths = [max(len(line[column]) for line in (header, *rows)) for column in range(len(header))]
        print()
        for line in (header, *rows):
            print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    print()
    for remark in (*check.remarks(), *dict.fromkeys(f"Warning: {warning.message}" for warning in caught)):
        print(remark)
    for bad in check.examples.skipped:
        print(f"Cannot be used: {bad}")
    print(f"Page: {page}")
    defaults = {field.name: field.default for field in dataclasses.fields(MeasuredRecipe)}
    changed = {name: value for name, value in {**given, **recipe.paths()}.items() if value != defaults[name]}
    if options.skip_bad and check.examples.skipped:
        changed["skip_bad"] = True
    config = json.dumps({"name": "mine", **changed})
    print(f"Build: tfds build tfds_builders/measured_mrs --config={shlex.quote(config)}")
    if check.examples.skipped and not options.skip_bad:
        raise ValueError(
            f"{len(check.examples.skipped)} scan(s) cannot be used. Fix or remove them; --skip-bad, or in a config "
            '"skip_bad": true, leaves them out.'
        )


def _process(options) -> None:
    import numpy as np

    from mrs_keras.measured import process_file

    processed, figure = process_file(
        options.file, options.reference, options.steps, mask=options.mask, conjugated=options.conjugated
    )
    for stage in processed.stages:
        print(f"{stage.name:15} {stage.note}".rstrip())
    quality = processed.quality
    print(f"SNR of NAA {quality.snr:.1f}, of Cr {quality.snr_cr:.1f}")
    widths = {"NAA": quality.fwhm_naa_hz, "Cr": quality.fwhm_cr_hz, "water": quality.fwhm_water_hz}
    print("FWHM of " + ", of ".join(f"{name} {hz:.2f} Hz" for name, hz in widths.items() if np.isfinite(hz)))
    print(f"Residual water {processed.residual_water:.3g} times the height of NAA")
    white = "white" if processed.noise.white else "not white"
    print(f"Noise {processed.noise.sigma:.4g}, {white} (lag 1: {processed.noise.lag1:.3f})")
    print("Peaks: " + ", ".join(f"{name} {ppm:.3f} ppm" for name, ppm in processed.peaks_ppm.items()))
    for warning in processed.warnings:
        print(f"Warning: {warning}")
    figure.savefig(options.output)
    print(f"Figure: {options.output}")


def _example(options) -> None:
    from mrs_keras.measured import write_example

    write_example(
        options.folder,
        participants=options.participants,
        sites=options.sites,
        coils=options.coils,
        transients=options.transients,
        seed=options.seed,
        overwrite=options.overwrite,
    )
    print(f"{options.folder}: simulated scans of {options.participants} participants")
    print(f"Next: mrs-keras measured check {options.folder} --labels {options.folder / 'labels.tsv'} --output check")
