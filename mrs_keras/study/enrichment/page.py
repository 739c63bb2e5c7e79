"""The report of the study: a page, a text for the terminal, and numbers for JSON."""

import dataclasses
import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence

from mrs_keras.plotting.html_page import Section, render_page, system_rows
from mrs_keras.study.enrichment.arm_names import CLASSICAL, SIMULATIONS
from mrs_keras.study.enrichment.detail_words import details_in_words
from mrs_keras.study.enrichment.judged_task import JudgedTask, title_of
from mrs_keras.study.enrichment.page_tables import (
    arm_table,
    comparison_table,
    failure_table,
    fidelity_table,
    label_table,
    score_table,
    task_tables,
    text_table,
    worth_table,
)
from mrs_keras.study.enrichment.which_arm import advice
from mrs_keras.study.enrichment.words import NOT_CORRECTED, in_words

HOW_TO_READ = (
    "Concordance is Lin's coefficient, mean over labels and draws: 1 if every prediction is right, 0 for predicting "
    "the mean. The error is the mean absolute percentage error; predicting nearly the mean keeps it small where labels "
    "vary little, which is why concordance comes first. In brackets 95 % limits by a bootstrap over sites and draws."
)

HOW_TO_COMPARE = (
    "Differences on the same draws of subjects, with 95 % limits. 'Within 5 %': the whole interval of the relative "
    "difference of the error is within 5 %; 'unresolved': this study cannot tell. 'Could be resolved' is the smallest "
    "difference of concordance that would have been found with a power of 80 %. Holm's p is over the arms' "
    "differences from classical augmentation at the main size by the first truth: those at other sizes, by another "
    "truth, and from simulations are not corrected for the number of arms. With one draw, limits know nothing of seeds "
    "and the verdict is 'unresolved'. Where networks are named, all draws share them: limits know little of how "
    "networks differ."
)

HOW_TO_JUDGE = (
    "The judge is this package's own in-vivo fit: it says what it finds in generated spectra, and that is compared "
    "with the labels that were asked for, after one factor for each label is taken out. Simulations are made by the "
    "model of the judge, so that they agree with it nearly perfectly by construction. Real spectra, with the labels of "
    "the table, or exact ones in the second task, show the error of the judge itself: the ceiling for all others."
)

WIDTH = 120
"""Characters of a line of text in the terminal."""

FIGURE_TITLES = {
    "learning_curves": ("learning curves", HOW_TO_READ),
    "differences_to_classical": ("what each arm adds to classical augmentation", HOW_TO_COMPARE),
    "differences_to_simulations": (
        "what each arm adds to simulations",
        f"As above, from simulations; {NOT_CORRECTED}.",
    ),
    "slopes": ("slopes of predictions", "Are large differences between subjects predicted as large?"),
    "label_fidelity": ("labels of generated spectra, judged by this package's own in-vivo fit", HOW_TO_JUDGE),
}
"""Name of a figure -> title and text of its section."""

CAPTIONS = {
    "learning_curves": (
        "Concordance with the number of labelled subjects. Vertical lines are 95 % limits of the coloured arms, beside "
        "each other so that they can be told apart; grey arms are controls and lesser variants, without limits. Lines "
        "across the panels are answers that need no training of a regressor."
    ),
    "differences_to_classical": (
        "Differences from classical augmentation at the main size, ordered, with 95 % limits and verdicts; hollow "
        "marks are unresolved. Limits that reach the edge of a panel go on beyond it. The controls stand below."
    ),
    "differences_to_simulations": (
        f"Differences from simulations at the main size, {NOT_CORRECTED}; marks and lines as above."
    ),
    "slopes": (
        "Slope of the predictions on the truth at the main size. Below 1, predictions are drawn to the mean: what "
        "percentage errors do not show."
    ),
    "label_fidelity": (
        "Labels of spectra against what this package's own in-vivo fit, the judge, finds in them; one factor for each "
        "label is taken out. Lines: the judge finds what was asked for. Simulations come near by construction, since "
        "judge and generator are one model; 'real' is the judge's own error, the ceiling for all others."
    ),
}
"""Name of a figure -> its caption."""


@dataclasses.dataclass(frozen=True, eq=False)
class TaskReport:
    """Attributes:
    task: with its scores and comparisons.
    worth: (arm, regressor, size) -> `Worth`, of `worth_in_subjects`.
    """

    task: JudgedTask
    worth: Mapping[tuple[str, str, str], object]

    @property
    def words(self) -> str:
        """What was found."""
        return in_words(self.task.results, self.task.scores, self.task.comparisons)

    @property
    def details(self) -> tuple[str, ...]:
        """What was found beside that, short sentences."""
        return details_in_words(self.task.results, self.task.scores, self.task.comparisons)

    @property
    def advice(self) -> str:
        """Which arm to use."""
        return advice(self.task.results, self.task.scores, self.task.comparisons)


def image_name(number: int, figure: str) -> str:
    """Returns the name of a figure of a task, counted from 1, such as `task1_slopes`."""
    return f"task{number}_{figure}"


def enrichment_page(
    title: str, reports: Sequence[TaskReport], images: Mapping[str, bytes], design: str, caveats: Sequence[str] = ()
) -> str:
    """Returns the report as an HTML page: verdicts first, then figures and tables of each task.

    Args:
      title: of the page.
      reports: of the tasks.
      images: name, of `image_name`, -> PNG.
      design: what was done to whom, one paragraph.
      caveats: what the study cannot say. Defaults to none.
    """
    sections = []
    for report in reports:
        name = report.task.results.title
        sections += [
            Section(f"What was found: {name}", report.words),
            Section(f"Which arm to use: {name}", report.advice),
        ]
        if report.details:
            listed = _listed_rows("detail", report.details)
            sections.append(Section(f"Details: {name}", "What was found beside that, with 95 % limits:", listed))
    if caveats:
        sections.append(
            Section("Caveats", "What stands above is to be read with these:", _listed_rows("caveat", caveats))
        )
    for number, report in enumerate(reports, 1):
        sections += _task_sections(number, report, images)
    sections += [
        Section("Design", design),
        Section("Arms", "What each regressor is trained on:", arm_table([each.task for each in reports])),
        Section("System", "Made with:", (("package", "version"), system_rows())),
    ]
    return render_page(title, sections, images)


def summary_table(reports: Sequence[TaskReport], caveats: Sequence[str] = ()) -> str:
    """Returns the report as text for the terminal: words, advice, details, concordances, and differences."""
    parts = []
    for report in reports:
        parts += [report.task.results.title, *(textwrap.fill(each, WIDTH) for each in (report.words, report.advice))]
        if report.details:
            lines = (textwrap.fill(each, WIDTH, initial_indent="- ", subsequent_indent="  ") for each in report.details)
            parts.append("\n".join(["Details", *lines]))
        parts += [f"{title}\n{text_table(table)}" for title, table in task_tables(report.task).items()]
        if report.task.results.failures:
            parts.append(f"Failed\n{text_table(failure_table(report.task))}")
    parts += [f"Caveat: {each}" for each in caveats]
    return "\n\n".join(parts)


def numbers_of(report: TaskReport) -> dict:
    """Returns all numbers of a task for JSON, NaN as `None`.

    Predictions of single subjects, and their names, are not among them.

    Returns:
      `title`, `labels`, `truths`, `subjects` (their number), `sites` -> number of subjects, `sizes`, `labelled`,
      `main_size`, `scores`, `comparisons` (lists of what `Score` and `Comparison` have), `worth` (list), `fidelity`,
      `networks`, `failures`, `words`, `details` and `advice`.
    """
    results = report.task.results
    return _plain(
        {
            "title": results.title,
            "labels": results.labels,
            "truths": list(results.truths),
            "subjects": len(results.subjects),
            "sites": {site: results.sites.count(site) for site in dict.fromkeys(results.sites)},
            "sizes": results.sizes,
            "labelled": results.labelled,
            "main_size": results.main_size,
            "scores": [_fields(each) for each in report.task.scores],
            "comparisons": [_fields(each) for each in report.task.comparisons],
            "worth": [
                {"arm": arm, "regressor": regressor, "size": size, **_fields(each)}
                for (arm, regressor, size), each in report.worth.items()
            ],
            "fidelity": results.fidelity,
            "networks": results.networks,
            "failures": results.failures,
            "words": report.words,
            "details": report.details,
            "advice": report.advice,
        }
    )


def _task_sections(number: int, report: TaskReport, images: Mapping[str, bytes]) -> list[Section]:
    """Returns the figures of a task, then its tables; those without content are left out."""
    task, name = report.task, report.task.results.title
    main = task.subjects(task.main)
    drawn = [
        Section(f"{name}: {title}", text, figure=key, caption=CAPTIONS[figure])
        for figure, (title, text) in FIGURE_TITLES.items()
        if (key := image_name(number, figure)) in images
    ]
    tables = []
    for truth in task.results.truths:
        by = "" if truth == task.truth else f", by {truth}"
        tables += [
            (f"concordance{by}", "Mean over labels.", score_table(task, "concordance", truth)),
            (f"error{by}", "Mean absolute percentage error.", score_table(task, "error", truth)),
        ]
    for reference, truth in itertools.product((CLASSICAL, SIMULATIONS), task.results.truths):
        sizes = dict.fromkeys((task.main, *task.results.sizes)) if truth == task.truth else (task.main,)
        by = "" if truth == task.truth else f", by {truth}"
        corrected = (reference, truth) == (CLASSICAL, task.truth)
        tables += [
            (
                f"differences from {title_of(reference)}, {task.subjects(size)}{by}",
                "With verdicts" + ("." if corrected and size == task.main else f", {NOT_CORRECTED}."),
                comparison_table(task, reference, size, truth),
            )
            for size in sizes
        ]
    tables += [
        (f"slopes, {main}", "Of the predictions on the truth.", label_table(task, "slope")),
        (f"bias, {main}", "Mean of the predictions minus that of the truth.", label_table(task, "bias")),
        (f"concordance of each label, {main}", "Mean over draws.", label_table(task, "concordance")),
        (
            "worth how many real subjects",
            "With how many labelled subjects classical augmentation has the concordance of an arm; point estimates.",
            worth_table(task, report.worth),
        ),
        (FIGURE_TITLES["label_fidelity"][0], HOW_TO_JUDGE, fidelity_table(task)),
        ("failures", "Arms without a result, in part or at all.", failure_table(task)),
    ]
    return drawn + [Section(f"{name}: {title}", text, table) for title, text, table in tables if table[1]]


def _listed_rows(header: str, texts: Sequence[str]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    return (header,), [(each,) for each in texts]


def _fields(value: object) -> dict:
    """Returns the fields of a dataclass, not converted."""
    return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}


def _plain(value: object) -> object:
    """Returns what JSON can hold: intervals become dicts, tuples lists, and NaN and infinity `None`."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(each) for each in value]
    if isinstance(value, (bool, str, int)) or value is None:
        return value
    number = float(value)
    return number if math.isfinite(number) else None
