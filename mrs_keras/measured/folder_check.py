"""A look at a folder of scans before a dataset is built from it: a table and a page."""

import csv
import dataclasses
import io
import os
import textwrap
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mrs_keras.files import replacing
from mrs_keras.measured.examples import NUMBERS, MeasuredExamples, process_folder
from mrs_keras.measured.label_worth import conditioning_worth
from mrs_keras.measured.processing import step_list
from mrs_keras.measured.recipe import MeasuredRecipe
from mrs_keras.plotting.html_page import Section, png_bytes, render_page
from mrs_keras.plotting.measured import BAND_PERCENTILES, plot_label_distributions, plot_over_band, plot_site_means
from mrs_keras.simulation import channels_to_complex

PAGE_FILE, QUALITY_FILE = "check.html", "quality.tsv"

COLUMNS = {
    "snr": "SNR",
    "snr_cr": "SNR Cr",
    "fwhm_naa_hz": "NAA Hz",
    "fwhm_cr_hz": "Cr Hz",
    "fwhm_water_hz": "water Hz",
    "residual_water": "residual water",
    "noise_lag1": "lag 1",
    "shift_hz": "shift Hz",
}
"""Number of each scan in the table -> heading."""

DRAWN = 400
"""Largest number of spectra that are drawn, the worst first."""

PER_FIGURE = 40

RELIABLE = 0.5
"""Lowest reliability of a label that is worth conditioning on: half of its variance is not the fit's uncertainty."""


@dataclasses.dataclass(frozen=True, eq=False)
class FolderCheck:
    """What a folder of scans contains.

    Attributes:
      recipe: of the dataset that would be built.
      examples: its processed scans.
      order: numbers of the examples, worst quality first: the lowest SNR per linewidth.
    """

    recipe: MeasuredRecipe
    examples: MeasuredExamples
    order: np.ndarray

    def table(self, rows: int | None = None) -> str:
        """Returns the scans as text, worst first; `rows` limits their number."""
        header = ["scan", "site", *COLUMNS.values(), ""]
        lines = [header, *self._rows(self.order[:rows])]
        widths = [max(len(line[column]) for line in lines) for column in range(len(header))]
        return "\n".join(
            "  ".join(
                cell.ljust(width) if column in (0, 1, len(header) - 1) else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(line, widths, strict=True))
            ).rstrip()
            for line in lines
        )

    def remarks(self) -> list[str]:
        """Returns what a user should know before the build, a sentence each."""
        files, examples = self.recipe.files, self.examples
        sites = sorted({file.site for file in files})
        splits = list(self.recipe.split_of.values())
        counted = ", ".join(
            f"{splits.count(name)} {name}" for name in ("train", "validation", "test") if name in splits
        )
        remarks = [
            f"{len(examples.ids)} spectra of {len(self.recipe.split_of)} subjects at {len(sites)} site(s); "
            f"subjects by split: {counted}."
        ]
        if examples.skipped:
            remarks.append(f"{len(examples.skipped)} of {len(files)} files cannot be used; they are listed below.")
        not_white = int(np.sum(~examples.white))
        if not_white:
            remarks.append(
                f"The noise of {not_white} of {len(examples.ids)} spectra is not white (column `lag 1`): they may have "
                "been apodised, zero-filled or filtered."
            )
        for name in ("echo_time_ms", "sequence"):
            count, given = examples.without_header[name], getattr(self.recipe, name)
            if count:
                said = f"a config can give `{name}`" if given is None else f"taken to be {given}"
                field = name.removesuffix("_ms").replace("_", " ")
                remarks.append(f"No {field} in the headers of {count} of {len(examples.ids)} scans: {said}.")
        times = examples.repetition_times_ms
        if len(times) > 1:
            listed = ", ".join(f"{time:g}" for time in times)
            remarks.append(f"The repetition times differ ({listed} ms), and with them the T1 weighting of the labels.")
        remarks += [f"The same scan: {', '.join(group)}. The build refuses it." for group in examples.copies]
        return remarks

    def labels_table(self) -> tuple[list[str], list[list[str]]] | None:
        """Returns header and rows of a table of the labels, or `None` without labels."""
        if self.recipe.label_values is None:
            return None
        labels = self.recipe.describe_labels(self.examples.rows)
        values, deviations = (matrix[self.examples.rows] for matrix in self.recipe.matched_labels)
        header = [
            "label",
            "unit",
            "known",
            "mean",
            "spread (SD)",
            "uncertainty",
            "reliability",
            "worth conditioning on",
        ]
        worth, rows = conditioning_worth(values, deviations), []
        for column, (name, unit) in enumerate(zip(labels.names, labels.units, strict=True)):
            mean, spread, uncertainty, reliability = (
                float(worth[key][column]) for key in ("mean", "spread", "uncertainty", "reliability")
            )
            if np.isnan(reliability):
                verdict = "unknown: no uncertainty" if np.isnan(uncertainty) else "unknown: too few values"
            else:
                verdict = "yes" if reliability >= RELIABLE else "no: mostly uncertainty of the fit"
            known = f"{worth['known'][column]} of {len(values)}"
            numbers = map(_number, (mean, spread, uncertainty, reliability))
            rows.append([name, unit or "ratio", known, *numbers, verdict])
        return header, rows

    def write(self, output_dir: str | os.PathLike) -> Path:
        """Writes `check.html`, self-contained, and `quality.tsv`; an earlier check is replaced.

        Returns:
          The path of the page.

        Raises:
          ValueError: if the folder contains anything but an earlier check.
        """
        output_dir = Path(output_dir)
        check_replaceable(output_dir)
        with replacing(output_dir) as partial:
            partial.mkdir()
            (partial / QUALITY_FILE).write_text(self._tsv(), encoding="utf-8")
            (partial / PAGE_FILE).write_text(self._page(), encoding="utf-8")
        return output_dir / PAGE_FILE

    # === Parts of the page ===

    def _rows(self, order: np.ndarray) -> list[list[str]]:
        return [
            [
                self.examples.ids[number],
                self.recipe.files[self.examples.rows[number]].site,
                *(_number(self.examples.numbers[name][number]) for name in COLUMNS),
                "; ".join(self.examples.warnings[number]),
            ]
            for number in order
        ]

    def _tsv(self) -> str:
        text = io.StringIO()
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(["example_id", "participant_id", "site", "split", *NUMBERS, "noise_is_white", "warnings"])
        for number in self.order:
            file = self.recipe.files[self.examples.rows[number]]
            numbers = [f"{self.examples.numbers[name][number]:.6g}" for name in NUMBERS]
            own = [self.examples.ids[number], file.participant_id, file.site, self.recipe.split_of[file.participant_id]]
            white = str(bool(self.examples.white[number])).lower()
            writer.writerow([*own, *numbers, white, "; ".join(self.examples.warnings[number])])
        return text.getvalue()

    def _page(self) -> str:
        images: dict[str, bytes] = {}
        sections = [Section("At a glance", " ".join(self.remarks()))]
        processing = "; ".join(step_list(self.recipe.target.steps))
        sections.append(Section("Processing", f"In this order: {processing}."))
        if self.examples.skipped:
            rows = [(bad.file, str(bad)) for bad in self.examples.skipped]
            sections.append(Section("Files that cannot be used", "Each with the reason:", (("file", "why"), rows)))
        sections += [*self._label_sections(images), *self._spectra_sections(images)]
        quality = "Worst first, by SNR of NAA over its linewidth. Linewidths are full widths at half maximum."
        header = ["scan", "site", *COLUMNS.values(), "warnings"]
        sections.append(Section("Quality", quality, (header, self._rows(self.order))))
        return render_page("mrs_keras: check of a folder of scans", sections, images)

    def _label_sections(self, images: dict[str, bytes]) -> list[Section]:
        table = self.labels_table()
        if table is None:
            return [Section("Labels", "No table of labels was given: the dataset trains an unconditional model.")]
        labels = self.recipe.describe_labels(self.examples.rows)
        values, deviations = (matrix[self.examples.rows] for matrix in self.recipe.matched_labels)

        def columns(matrix) -> Mapping[str, np.ndarray]:
            return dict(zip(labels.names, matrix.T, strict=True))

        units = dict(zip(labels.names, labels.units, strict=True))
        images["labels"] = png_bytes(plot_label_distributions(columns(values), columns(deviations), units))
        text = (
            "The reliability of a label is the part of its variance between scans that is not the uncertainty of the "
            f"fit. A label below {RELIABLE:g} teaches a model mostly the errors of the fit."
        )
        return [Section("Labels", text, table, "labels", "Distribution of each label over the scans")]

    def _spectra_sections(self, images: dict[str, bytes]) -> list[Section]:
        ppm = self.recipe.target.acquisition.window_ppm_axis
        sample = np.linspace(0, len(self.order) - 1, min(len(self.order), 2000)).astype(int)
        band = np.percentile(self._real(sample), BAND_PERCENTILES, axis=0)
        sites: dict[str, list[int]] = {}
        for number, row in enumerate(self.examples.rows):
            sites.setdefault(self.recipe.files[row].site, []).append(number)
        means = {f"{site} ({len(sites[site])})": self._real(sites[site]).mean(axis=0) for site in sorted(sites)}
        images["sites"] = png_bytes(plot_site_means(ppm, means, band))
        caption = "Mean spectrum of each site, with its number of spectra, over the band of all"
        sections = [Section("Sites", "Sites that differ need splits within sites, or by site.", None, "sites", caption)]
        drawn = self.order[:DRAWN]
        for start in range(0, len(drawn), PER_FIGURE):
            part = drawn[start : start + PER_FIGURE]
            name = f"spectra_{start}"
            titles = [
                f"{textwrap.shorten(self.examples.ids[number], 30, placeholder='...')}, SNR "
                f"{self.examples.numbers['snr'][number]:.0f}, NAA {self.examples.numbers['fwhm_naa_hz'][number]:.1f} Hz"
                for number in part
            ]
            images[name] = png_bytes(plot_over_band(ppm, self._real(part), titles, band))
            of = f"{start + 1} to {start + len(part)} of {len(self.order)}, worst first"
            sections.append(Section(f"Spectra {of}", "Real parts.", None, name, f"Spectra {of}, over the band of all"))
        return sections

    def _real(self, numbers) -> np.ndarray:
        return channels_to_complex(self.examples.spectra[numbers]).real


def check_folder(recipe: MeasuredRecipe, jobs: int | None = None) -> FolderCheck:
    """Processes all scans of a folder, for a look before the build.

    Args:
      recipe: of the dataset; scans that cannot be used are listed, whatever its `skip_bad`.
      jobs: number of processes. Defaults to `None`: one for each core.

    Raises:
      ValueError: if no scan can be used, or the labels do not belong to the scans.
    """
    recipe = dataclasses.replace(recipe, skip_bad=True)
    try:
        _ = recipe.split_of
    except ValueError as error:
        warnings.warn(f"No splits are shown: {error}", stacklevel=2)
        recipe = dataclasses.replace(recipe, validation=0.0, test=0.0, split_by="subject")
    recipe.describe_labels()  # a table that does not fit is reported before the scans are processed
    examples = process_folder(recipe, jobs, allow_copies=True)
    quality = examples.numbers["snr"] / examples.numbers["fwhm_naa_hz"]
    return FolderCheck(recipe, examples, np.argsort(np.nan_to_num(quality, nan=-1.0), kind="stable"))


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3g}"


def check_replaceable(output_dir: Path) -> None:
    """Raises `ValueError` if a check would replace anything but an earlier one."""
    if output_dir.is_dir() and {path.name for path in output_dir.iterdir()} <= {PAGE_FILE, QUALITY_FILE}:
        return
    if output_dir.exists():
        raise ValueError(
            "The folder of a check is replaced as a whole. Expected a new or empty folder, or one with an earlier "
            f"check. Received: '{output_dir}', which holds other files. Choose another folder."
        )
