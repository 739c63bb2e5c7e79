"""The files of the report of a study."""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mrs_keras.evaluation.real_spectra import RealDataset
from mrs_keras.files import write_whole
from mrs_keras.plotting.html_page import png_bytes
from mrs_keras.run_folder import NUMBERS_FILE, REPORT_FILE, TABLE_FILE
from mrs_keras.study.enrichment.page import TaskReport, enrichment_page, image_name, numbers_of, summary_table
from mrs_keras.study.enrichment.task import Task
from mrs_keras.study.enrichment.task_figures import task_figures
from mrs_keras.study.enrichment.tasks import IN_VIVO
from mrs_keras.study.enrichment.words_of_design import design_of


def write_report(
    folder: Path,
    found: RealDataset,
    tasks: Mapping[str, Task],
    reports: Sequence[TaskReport],
    caveats: Sequence[str],
) -> dict:
    """Writes figures, table, page and numbers to the folder, and returns the content of `numbers.json`."""
    images = {
        image_name(number, name): png_bytes(figure)
        for number, report in enumerate(reports, 1)
        for name, figure in task_figures(report.task).items()
    }
    for name, image in images.items():
        write_whole(folder / f"{name}.png", image)
    in_vivo = tasks[IN_VIVO]
    numbers = {
        "dataset": found.name,
        "noise_factor": in_vivo.noise_factor,
        "seed": in_vivo.seed,
        "effort": dataclasses.asdict(in_vivo.effort),
        "caveats": list(caveats),
        "tasks": [numbers_of(report) for report in reports],
    }
    page = enrichment_page(
        f"What generated spectra add: {found.name}", reports, images, design_of(tasks, found), caveats
    )
    write_whole(folder / TABLE_FILE, (summary_table(reports, caveats) + "\n").encode())
    write_whole(folder / REPORT_FILE, page.encode())
    write_whole(folder / NUMBERS_FILE, (json.dumps(numbers, indent=2) + "\n").encode())
    return numbers
