"""A prior whose concentrations are those of a table of fits."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.basis.macromolecules import BROAD_SIGNALS
from mrs_keras.fitting.kernel_of_fits import farthest, kernel_of_fits
from mrs_keras.fitting.prior_of_fits import check_subjects
from mrs_keras.simulation.fitted_prior import FREQUENCY, FittedPrior
from mrs_keras.simulation.prior_presets import PRESETS_MHZ, PRIOR_PRESETS
from mrs_keras.simulation.priors import Prior

CREATINE = ("Cr", "PCr")


def prior_from_concentrations(
    values: Mapping[str, ArrayLike],
    rest: Prior | str = "brain_press_te30",
    *,
    sites: Sequence[str] | None = None,
    bandwidth: float = 0.95,
    outlier_fraction: float = 0.15,
    total_creatine_mm: float | None = 8.0,
    description: str = "",
) -> FittedPrior:
    """Returns a prior whose concentrations have the joint distribution of a table of fits.

    All else is that of `rest`. A table of LCModel, Osprey or FSL-MRS does not have what `prior_from_fits` takes from
    fits of this package: phases, line shapes and baseline of each spectrum, how these go with the concentrations, and
    what the fit leaves over. Its macromolecules and lipids are in units of the program, and are not used either.

    Args:
      values: name -> (subjects,), as `mrs_keras.measured.read_label_table(path).values` has them: one row for each
        subject. NaN counts as 0: the program found nothing. A column is used if it is a metabolite of `rest`, by any of
        its names (`Ins` or `mI`), and known in half of the rows at least; sums, ratios and all other columns are left
        out. Values in arbitrary units must be comparable between scans: divide them by the total creatine of each scan
        if they are not.
      rest: prior of all else, or name of a preset. Defaults to `"brain_press_te30"`.
      sites: of the subjects, which are clusters of the kernel. Defaults to `None`: one cluster.
      bandwidth: of the kernel, as in `prior_from_fits`. Defaults to `0.95`.
      outlier_fraction: as in `prior_from_fits`. Defaults to `0.15`.
      total_creatine_mm: median of Cr + PCr that all concentrations are scaled to by one factor, mM. `None`: they are in
        mM. Defaults to `8.0`.
      description: one line. Defaults to `""`: that it is made from a table.

    Raises:
      ValueError: if columns differ in length, two are the same metabolite, none can be used, there are fewer than 8
        subjects, or Cr or PCr are needed and missing.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> values = {name: rng.normal(mean, 0.1 * mean, 40) for name, mean in (("NAA", 12.0), ("Cr", 5.0), ("PCr", 3.0))}
    >>> prior = prior_from_concentrations(values)
    >>> prior.draw(basis_for(prior.metabolites), 0, 8, seed=0).concentrations.shape
    (8, 30)
    """
    preset = isinstance(rest, str) and rest in PRIOR_PRESETS
    rest = Prior.of(rest)
    table = _columns(values, rest)
    if total_creatine_mm is not None:
        table = _scaled(table, total_creatine_mm)
    matrix = np.stack(list(table.values()), axis=1)
    check_subjects(len(matrix), "concentrations", stacklevel=3)
    kernel = kernel_of_fits(
        table,
        bandwidth=bandwidth,
        block_fraction=0.0,  # they are one block
        outliers=farthest(matrix, outlier_fraction),
        sites=sites,
        at_least_0=tuple(table),
        source=f"table of {len(matrix)} subjects",
    )
    fields = {field.name: getattr(rest, field.name) for field in dataclasses.fields(rest)}
    earlier = fields.pop("fitted_to", {})
    replaced = {
        "concentrations": {**rest.concentrations, **{name: kernel[name] for name in table}},
        "description": description or f"concentrations of {len(matrix)} subjects; all else: {rest.description}",
        "fitted_to": {
            **earlier,
            "subjects": len(matrix) + earlier.get("subjects", 0),
            "concentrations": ", ".join(table),
            "median_total_creatine_mm": total_creatine_mm,
            **({FREQUENCY: PRESETS_MHZ} if preset else {}),
        },
    }
    return FittedPrior(**{**fields, **replaced})


def _columns(values: Mapping[str, ArrayLike], rest: Prior) -> dict[str, np.ndarray]:
    """Returns the columns that are metabolites of a prior, by its names: float64 (subjects,), without NaN."""
    columns = {name: np.asarray(column, np.float64) for name, column in values.items()}
    if len({column.shape for column in columns.values()}) > 1 or any(column.ndim != 1 for column in columns.values()):
        shapes = ", ".join(f"{name} {column.shape}" for name, column in columns.items())
        raise ValueError(f"`values` must have one number for each subject in every column. Received: {shapes}.")
    metabolites = [name for name in rest.metabolites if name not in BROAD_SIGNALS]
    table, own = {}, {}
    for name, column in columns.items():
        place = find_metabolite(name, metabolites)
        if place is None or not len(column) or np.isfinite(column).mean() < 0.5:
            continue
        metabolite = metabolites[place]
        if metabolite in table:
            raise ValueError(
                f"Each metabolite must have one column. Received: {own[metabolite]} and {name}, both of which are "
                f"{metabolite}. Leave one of them out."
            )
        table[metabolite], own[metabolite] = np.where(np.isfinite(column), np.maximum(column, 0.0), 0.0), name
    if not table:
        raise ValueError(
            "A prior needs concentrations of single metabolites: sums and ratios do not say what their parts are. "
            f"Expected some of: {', '.join(metabolites)}. Received: {', '.join(columns) or 'no columns'}. Give a table "
            "with these columns, or fit the spectra: `mrs-keras measured fit`."
        )
    return table


def _scaled(table: Mapping[str, np.ndarray], total_creatine_mm: float) -> dict[str, np.ndarray]:
    parts = [table[name] for name in CREATINE if name in table]
    median = float(np.median(sum(parts))) if parts else 0.0
    if not median > 0:
        raise ValueError(
            "Concentrations are scaled by total creatine. Expected Cr or PCr among the columns, above 0 in most rows. "
            f"Received: {', '.join(table)}. Give `total_creatine_mm=None` if they are in mM."
        )
    return {name: column * (total_creatine_mm / median) for name, column in table.items()}
