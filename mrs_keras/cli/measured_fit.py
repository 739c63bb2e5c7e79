"""The command `mrs-keras measured fit`."""

import argparse
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mrs_keras.acquisition import Acquisition

NEXT = """\
Next, build a dataset with these fits as labels:

  tfds build tfds_builders/measured_mrs --config='{"name": "mine", "folder": "FOLDER", "labels": "OUTPUT/fits.tsv"}'"""


def add_fit_options(fit: argparse.ArgumentParser) -> None:
    """Adds the options of `fit`, without those of the processing of scans."""
    fit.add_argument(
        "source", metavar="FOLDER|DATASET", help="folder of scans, or a built dataset: NAME, NAME/CONFIG or its folder"
    )
    fit.add_argument("--basis", type=Path, required=True, metavar="FILE", help="basis of the metabolites to fit")
    fit.add_argument("--output", type=Path, default=Path("fits"), help="folder to write; an interrupted fit goes on")
    fit.add_argument("--data-dir", type=Path, help="TFDS data folder of a dataset by name")
    fit.add_argument("--metabolites", nargs="+", metavar="NAME", help="metabolites; by default all of the basis")
    fit.add_argument("--broad", nargs="*", metavar="NAME", help="macromolecules and lipids, such as MM09 Lip13a")
    fit.add_argument(
        "--baseline-freedom",
        type=float,
        nargs="+",
        metavar="N",
        help="degrees of freedom of the baseline per ppm to choose from; by default 1 to 4",
    )
    fit.add_argument("--figures", type=int, default=4, help="spectra to draw, half of them the worst; -1 draws all")
    fit.add_argument("--jobs", type=int, help="processes; by default one for each core")
    fit.add_argument("--site", metavar="REGEX", help="as in `check`")
    fit.add_argument("--echo-time-ms", type=float, help="echo time of scans whose header has none, ms")
    fit.add_argument("--skip-bad", action="store_true", help="leave out scans that cannot be used")


OF_SCANS = {
    "site": "--site",
    "echo_time_ms": "--echo-time-ms",
    "skip_bad": "--skip-bad",
    "steps": "--steps",
    "mask": "--mask",
    "conjugated": "--conjugated",
}
"""Options that have no effect on the spectra of a dataset, which are processed."""


def run_fit(options) -> None:
    """Runs `mrs-keras measured fit`."""
    from mrs_keras.basis import match_acquisition, read_basis
    from mrs_keras.fitting import InVivoModel, fit_folder
    from mrs_keras.fitting.folder_fits import FIGURES, FITS_FILE, TABLE_FILE
    from mrs_keras.fitting.in_vivo_problem import with_columns

    given = {name: getattr(options, name) for name in ("metabolites", "broad", "baseline_freedom")}
    model = InVivoModel(**{name: tuple(value) for name, value in given.items() if value is not None})
    basis = read_basis(options.basis)
    folder = Path(options.source).expanduser()
    of_scans = folder.is_dir() and not (folder / "dataset_info.json").exists()
    acquisition, read = _scans(options) if of_scans else _dataset(options)
    basis = match_acquisition(basis, acquisition, str(options.basis))
    with_columns(basis, model)  # raises an error before minutes of processing
    scans = read()
    fits = fit_folder(
        scans["spectra"],
        basis,
        model,
        scans["noise_sigma"],
        options.output,
        names={name: scans[name] for name in ("ids", "participants", "sessions", "sites") if scans.get(name)},
        figures=None if options.figures < 0 else options.figures,
        jobs=options.jobs,
    )
    print(summary(fits))
    table = options.output / TABLE_FILE
    print(f"Fits: {options.output / FITS_FILE}")
    print(f"Labels: {table}")
    print(f"Figures: {options.output / FIGURES}")
    if of_scans:
        command = ["mrs-keras", "measured", "check", options.source, "--labels", str(table)]
        command += ["--site", options.site] if options.site else []
        print(f"Next: {shlex.join(command)}")
    prior = ["mrs-keras", "measured", "prior", str(options.output), "--output", str(options.output / "prior.json")]
    print(f"Or a prior of them: {shlex.join(prior)}")


def summary(fits) -> str:
    """Returns what the terminal shows: medians over the spectra, and what to look at."""
    import numpy as np

    from mrs_keras.fitting.fit_tables import quality_of, values_of

    values = {name: found for name, found in values_of(fits).items() if name.endswith("_over_tCr")}
    usual = [name for name in ("tNAA", "tCho", "Ins", "mI", "Glx", "GSH") if f"{name}_over_tCr" in values]
    lines = [f"{'ratio to tCr':14}{'median':>9}{'spread':>9}{'its sd':>9}   (spread: 1.48 MAD over the spectra)"]
    for name in usual or [name.removesuffix("_over_tCr") for name in list(values)[:6]]:
        ratio, deviation = (column[fits.converged] for column in values[f"{name}_over_tCr"])
        middle = np.nanmedian(ratio) if len(ratio) else np.nan
        spread = 1.4826 * np.nanmedian(np.abs(ratio - middle)) if len(ratio) else np.nan
        sd = np.nanmedian(deviation) if len(ratio) else np.nan
        lines.append(f"{name:14}{middle:9.3f}{spread:9.3f}{sd:9.3f}")
    quality = quality_of(fits)
    lines.append(
        f"Median linewidth {np.median(quality['linewidth_hz']):.1f} Hz beside that of the basis; residual "
        f"{np.median(fits.misfit):.2f} times the noise (1: all is explained), its lag-1 correlation "
        f"{np.median(fits.lag1):.2f} (0: white)"
    )
    bad = np.flatnonzero(~fits.converged)
    lines.append(f"{len(fits)} spectra, {len(fits) - len(bad)} fits converged")
    if len(bad):
        names = ", ".join(fits.ids[row] for row in bad[:5])
        lines.append(f"Warning: did not converge, and are n/a in the table: {names}{', ...' if len(bad) > 5 else ''}")
    return "\n".join(lines)


def _scans(options) -> "tuple[Acquisition, Callable[[], dict[str, Any]]]":
    """Returns the acquisition of the scans of a folder, and a function that processes them."""
    import numpy as np

    from mrs_keras.measured import MeasuredRecipe, process_folder
    from mrs_keras.simulation import channels_to_complex

    recipe = MeasuredRecipe(
        folder=options.source,
        site=options.site,
        steps=options.steps,
        mask=None if options.mask is None else str(options.mask),
        conjugated=options.conjugated,
        echo_time_ms=options.echo_time_ms,
        skip_bad=options.skip_bad,
    )

    def read() -> dict[str, Any]:
        examples = process_folder(recipe, jobs=options.jobs)
        for bad in examples.skipped:
            print(f"Left out: {bad}")
        files = [recipe.files[row] for row in examples.rows]
        return {
            "spectra": channels_to_complex(examples.spectra).astype(np.complex128),
            "noise_sigma": examples.numbers["noise_sigma"].astype(np.float64),
            "ids": examples.ids,
            "participants": [file.participant_id for file in files],
            "sessions": [file.session and f"ses-{file.session}" for file in files],
            "sites": [file.site for file in files],
        }

    return recipe.target.acquisition, read


def _dataset(options) -> "tuple[Acquisition, Callable[[], dict[str, Any]]]":
    """Returns the acquisition of a built dataset, and a function that reads all splits, in the order of their names."""
    import numpy as np

    from mrs_keras.data import describe_dataset, open_dataset
    from mrs_keras.measured.subjects import session_of
    from mrs_keras.simulation import channels_to_complex

    folder = Path(options.source).expanduser()
    name, _, config = str(options.source).partition("/")
    is_folder = (folder / "dataset_info.json").exists()
    given = [option for field, option in OF_SCANS.items() if getattr(options, field) not in (None, False)]
    if given:
        raise ValueError(
            f"{', '.join(given)} has no effect on the processed spectra of a dataset. Expected a folder of scans. "
            f"Received: '{options.source}'. Leave it out, or build the dataset in that way."
        )
    builder = open_dataset(folder) if is_folder else open_dataset(name, config or None, options.data_dir)
    needed = ("spectrum", "noise_sigma", "participant_id", "site", "example_id")
    missing = [feature for feature in needed if feature not in builder.info.features]
    if missing:
        raise ValueError(
            f"The dataset '{options.source}' cannot be fitted. Expected the features of `measured_mrs`. "
            f"Received one without {', '.join(missing)}. Give a dataset of measured spectra, or a folder of scans."
        )

    def read() -> dict[str, Any]:
        rows = [row for split in builder.info.splits for row in builder.as_dataset(split).as_numpy_iterator()]
        rows.sort(key=lambda row: row["example_id"])
        column = {feature: [row[feature] for row in rows] for feature in needed}
        return {
            "spectra": channels_to_complex(np.stack(column["spectrum"])).astype(np.complex128),
            "noise_sigma": np.array(column["noise_sigma"], np.float64),
            "ids": [text.decode() for text in column["example_id"]],
            "participants": [text.decode() for text in column["participant_id"]],
            "sessions": [session_of(text.decode()) for text in column["example_id"]],
            "sites": [text.decode() for text in column["site"]],
        }

    return describe_dataset(builder).acquisition, read
