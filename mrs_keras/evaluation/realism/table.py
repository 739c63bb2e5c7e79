"""The numbers of realism as a table: one column for each generator or control, the mean over splits."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mrs_keras.evaluation.realism.measure import Realism
from mrs_keras.evaluation.realism.quantities import QUANTITIES

Read = Callable[[Realism], float | None]


def realism_rows(results: Mapping[str, Sequence[Realism]]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns header and rows of a table of realism.

    Args:
      results: title of a column -> results of one or more splits.

    Returns:
      The header, and a row for each number that any column has: its name, then mean and, of several splits, standard
      deviation in brackets; "" where a column does not have it.
    """
    rows = []
    for name, read in _numbers(results).items():
        cells = [_cell([read(result) for result in splits]) for splits in results.values()]
        if any(cells):
            rows.append((name, *cells))
    return ("measure", *results), rows


def realism_table(results: Mapping[str, Sequence[Realism]]) -> str:
    """Returns the table of `realism_rows` as text."""
    header, rows = realism_rows(results)
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(
            [
                f"{cells[0]:{widths[0]}}",
                *(f"{cell:>{width}}" for cell, width in zip(cells[1:], widths[1:], strict=True)),
            ]
        )
        for cells in (header, *rows)
    ]
    return "\n".join(line.rstrip() for line in lines)


def _numbers(results: Mapping[str, Sequence[Realism]]) -> dict[str, Read]:
    """Returns name of a number -> what reads it from a result."""

    def remembered(name: str) -> Read:
        return lambda result: None if result.memorisation is None else getattr(result.memorisation, name)

    def rebuilt(name: str) -> Read:
        return lambda result: None if result.reconstruction is None else 100 * getattr(result.reconstruction, name)

    def over_sites(name: str) -> Read:
        return lambda result: median_over_sites(result, name)

    def useful(label: str) -> Read:
        return lambda result: None if result.utility is None else result.utility.get(label)

    labels = dict.fromkeys(label for splits in results.values() for each in splits for label in each.utility or ())
    return {
        "SVM, balanced accuracy": lambda result: result.two_sample.svm,
        "AUC": lambda result: result.two_sample.auc,
        "AUC of second differences": lambda result: result.two_sample.auc_second_differences,
        "nearest-neighbour ratio": remembered("nearest_ratio"),
        "membership AUC": remembered("membership"),
        "membership AUC by the model's loss": remembered("white_box"),
        **{
            f"{title}: KS": (lambda result, name=name: result.quantities[name].ks) for name, title in QUANTITIES.items()
        },
        **{
            f"{title}: ratio of deviations": (lambda result, name=name: result.quantities[name].deviation_ratio)
            for name, title in QUANTITIES.items()
        },
        "lag-1 autocorrelation of the noise: difference of medians": lag1_difference,
        "noise level, generated over measured: median of sites": over_sites("noise"),
        "noise in the window, generated over measured: median of sites": over_sites("noise_in_window"),
        "distance from held-out to generated over that to training spectra: median of sites": over_sites(
            "nearest_ratio"
        ),
        **{f"utility, {label}: correlation": useful(label) for label in labels},
        "held-out reconstruction: relative error (%)": rebuilt("median"),
        "the same of the noise alone (%)": rebuilt("noise"),
        "the same of 32 principal components (%)": rebuilt("pca"),
    }


def lag1_difference(result: Realism) -> float | None:
    """Returns the median lag-1 autocorrelation of the noise of generated less that of held-out spectra."""
    generated, real = result.quantities["noise_lag1"].medians
    return None if generated is None or real is None else generated - real


def median_over_sites(result: Realism, name: str) -> float | None:
    """Returns the median over sites of a number of `SiteAgreement`, `None` if no site has it."""
    known = [getattr(site, name) for site in result.sites.values() if getattr(site, name) is not None]
    return float(np.median(known)) if known else None


def _cell(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None and np.isfinite(value)]
    if not known:
        return ""
    spread = f" ({np.std(known, ddof=1):.2f})" if len(known) > 1 else ""
    return f"{np.mean(known):.2f}{spread}"
