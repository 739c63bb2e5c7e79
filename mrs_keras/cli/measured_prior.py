"""The command `mrs-keras measured prior`."""

import argparse
import json
import shlex
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mrs_keras.fitting import InVivoFits
    from mrs_keras.simulation import FittedPrior

FITS_FILE, BASIS_FILE = "fits.npz", "basis.npz"

NEXT = """\
Next, build a dataset of its spectra and train on it, or on spectra that are simulated on the fly:

  tfds build tfds_builders/simulated_mrs \\
    --config='{"name": "fitted", "prior": "fits/prior.json", "basis": "fits/basis.npz"}'
  mrs-keras train --preset endless --config fitted --output runs/fitted"""

DRAWS = 6
"""Spectra in the figure."""


def add_prior_options(prior: argparse.ArgumentParser) -> None:
    """Adds the options of `prior`."""
    prior.add_argument(
        "fits",
        type=Path,
        metavar="FITS",
        help=f"folder or {FITS_FILE} of `measured fit`; or a table of LCModel, Osprey or FSL-MRS, for its "
        "concentrations alone",
    )
    prior.add_argument(
        "--output", type=Path, default=Path("prior.json"), help=f"file; {BASIS_FILE} and a figure beside"
    )
    prior.add_argument(
        "--bandwidth", type=float, default=0.95, help="from 0, the fits themselves, to 1, a normal density"
    )
    prior.add_argument(
        "--block-fraction",
        type=float,
        metavar="FRACTION",
        help="how independently metabolites, lines and background are drawn: from 0, jointly, to 1; by default 0.5",
    )
    prior.add_argument(
        "--outliers", type=float, default=0.15, metavar="FRACTION", help="fits that do not widen the others"
    )
    prior.add_argument("--no-residual", action="store_true", help="leave out what the fits leave over in the mean")
    prior.add_argument(
        "--total-creatine-mm", type=float, default=8.0, metavar="MM", help="median to scale to, mM; 0: as in the fits"
    )
    prior.add_argument(
        "--rest", metavar="PRIOR", help="with a table: preset or file of all else; by default brain_press_te30"
    )


def run_prior(options) -> None:
    """Runs `mrs-keras measured prior`."""
    file = options.fits / FITS_FILE if (options.fits / FITS_FILE).is_file() else options.fits
    if not file.exists():
        raise FileNotFoundError(
            f"There are no fits at '{options.fits}'. Give the folder that `mrs-keras measured fit` wrote, its "
            f"{FITS_FILE}, or a table of LCModel, Osprey or FSL-MRS."
        )
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        (_from_fits if file.suffix == ".npz" else _from_table)(file, options)
    for text in dict.fromkeys(str(warning.message) for warning in caught if warning.category is UserWarning):
        print(f"Warning: {text}")


def _from_fits(file: Path, options) -> None:
    from mrs_keras.fitting import InVivoFits, prior_from_fits

    _refuse(options, file, {"rest": "--rest"})
    fits = InVivoFits.load(file)
    prior = prior_from_fits(
        fits,
        bandwidth=options.bandwidth,
        block_fraction=0.5 if options.block_fraction is None else options.block_fraction,
        outlier_fraction=options.outliers,
        residual=not options.no_residual,
        total_creatine_mm=options.total_creatine_mm or None,
    )
    basis_file = options.output.with_name(BASIS_FILE)
    _check_same_basis(basis_file, fits)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    fits.basis.save(basis_file)
    _write(prior, options.output, basis_file, fits)


def _from_table(file: Path, options) -> None:
    from mrs_keras.fitting import prior_from_concentrations
    from mrs_keras.measured import read_label_table

    _refuse(options, file, {"block_fraction": "--block-fraction", "no_residual": "--no-residual"})
    table = read_label_table(file)
    values, remark = _concentrations(table)
    if table.sessions is not None and len(set(table.participants)) < len(table.participants):
        raise ValueError(f"A prior counts every subject once. '{file}' has several sessions of one. Keep one of each.")
    prior = prior_from_concentrations(
        values,
        options.rest or "brain_press_te30",
        bandwidth=options.bandwidth,
        outlier_fraction=options.outliers,
        total_creatine_mm=options.total_creatine_mm or None,
    )
    print(f"{table.program}: {remark}")
    print(f"From the table: {prior.fitted_to['concentrations']}. All else: {options.rest or 'brain_press_te30'}")
    options.output.parent.mkdir(parents=True, exist_ok=True)
    _write(prior, options.output, None, None)


def _refuse(options, file: Path, names: dict[str, str]) -> None:
    """Raises `ValueError` for options that the kind of the source has no use for."""
    given = [option for name, option in names.items() if getattr(options, name)]
    if given:
        kind = "fits" if file.suffix == ".npz" else "a table"
        raise ValueError(f"{', '.join(given)} has no effect on a prior from {kind}, '{file}'. Leave it out.")


def _concentrations(table) -> tuple[dict, str]:
    """Returns the columns of a table that can be compared between scans, and in words what they are."""
    from mrs_keras.measured.tables.names import split_ratio

    ratios = {}
    for name, column in table.values.items():
        numerator, denominator = split_ratio(name)
        if denominator == "tCr":
            ratios[numerator] = column
    absolute = {name: column for name, column in table.values.items() if split_ratio(name)[1] is None}
    if absolute and {table.unit[name] for name in absolute} <= {"mM", "mmol/kg", "water_scaled"}:
        return absolute, "concentrations"
    # Arbitrary units have the gain of the receiver.
    creatine = [absolute[name] for name in ("Cr", "PCr") if name in absolute]
    if not ratios and creatine:
        total = sum(creatine)
        return {name: column / total for name, column in absolute.items()}, "amplitudes over Cr + PCr of each scan"
    return ratios or absolute, "ratios to total creatine, which is the same for all"


def _check_same_basis(file: Path, fits: "InVivoFits") -> None:
    from mrs_keras.basis import Basis

    if not file.exists():
        return
    there = Basis.load(file)
    if (there.names, there.acquisition, there.description) != (fits.columns, fits.acquisition, fits.basis.description):
        raise ValueError(
            f"There is another basis in '{file}': '{there.description}' with {', '.join(there.names)}. Expected that "
            f"of the fits, '{fits.basis.description}'. Give --output in another folder."
        )


def _write(prior: "FittedPrior", output: Path, basis_file: Path | None, fits: "InVivoFits | None") -> None:
    """Writes prior and figure, and prints what there is to know."""
    prior.save(output)
    figure = output.with_suffix(".png")
    _figure(prior, fits).savefig(figure)
    config = {"name": output.stem, "prior": str(output.resolve())}
    if basis_file is not None:
        config |= {"basis": str(basis_file.resolve())}
    print(f"{prior.fitted_to['subjects']} subjects")
    print(f"Notice: {prior.notice}")
    print(f"Prior: {output}")
    if basis_file is not None:
        print(f"Basis: {basis_file}")
    print(f"Figure: {figure}")
    print(f"Next: tfds build tfds_builders/simulated_mrs --config={shlex.quote(json.dumps(config))}")
    print(f"Then: mrs-keras train --preset endless --config {output.stem} --output runs/{output.stem}")


def _figure(prior: "FittedPrior", fits: "InVivoFits | None"):
    import numpy as np

    from mrs_keras.basis.macromolecules import BROAD_SIGNALS
    from mrs_keras.plotting.fitted_prior import plot_fitted_prior
    from mrs_keras.simulation import ExampleRecipe, Kernel
    from mrs_keras.simulation.joint_distributions import Member
    from mrs_keras.simulation.keyed_random import keyed_uniform

    joints = [leaf.joint for leaf in prior.concentrations.values() if isinstance(leaf, Member)]
    kernel = next(joint for joint in joints if isinstance(joint, Kernel))
    names = [name for name in prior.metabolites if name in kernel.names and name not in BROAD_SIGNALS]
    drawn = prior.values(lambda stream, columns: keyed_uniform(0, 2000, columns, 0, "figure", stream), 1.0, names)
    drawn = np.concatenate([drawn[name] for name in names], axis=1)
    spectra = None
    if fits is not None:
        recipe = ExampleRecipe(prior, fits.basis)
        some = recipe.simulate(recipe.draw(0, DRAWS, "figure"), noise=False)
        fitted = fits.fitted[fits.converged] * prior.fitted_to["amplitudes_times"]
        spectra = (fits.acquisition.window_ppm_axis, some, fitted)
    rows = kernel.rows[:, [kernel.names.index(name) for name in names]]
    return plot_fitted_prior(names, drawn, rows, spectra, title=prior.description)
