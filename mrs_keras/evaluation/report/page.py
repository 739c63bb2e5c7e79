"""The page of an evaluation: its sections in their order."""

from collections.abc import Mapping, Sequence

from mrs_keras.evaluation.topic import LeftOut, Topic
from mrs_keras.plotting.html_page import Section, render_page, system_rows

TITLE = "mrs_keras: evaluation of a conditional VAE"

HOW_TO_READ = (
    "Errors and distances are median / 95th percentile. Physical parameters, and distances from the physical model, "
    "are those of a spectral fit. The last column is the best that can be measured."
)


def report_page(
    topics: Sequence[Topic], notes: Sequence[str], images: Mapping[str, bytes], failure: str | None = None
) -> str:
    """Returns the report as an HTML page.

    Args:
      topics: in the order of the report.
      notes: that precede the numbers.
      images: name of a figure -> PNG.
      failure: problem of a model that does not reconstruct its data. Defaults to `None`: no problem.
    """
    return render_page(
        TITLE,
        [
            _overview(topics, notes) if failure is None else _warning(failure, notes),
            *(section for topic in topics for section in topic.sections()),
            Section("System", "Made with:", (("package", "version"), system_rows())),
        ],
        images,
    )


def _overview(topics: Sequence[Topic], notes: Sequence[str]) -> Section:
    """Returns the overview section: the main numbers and their best possible values."""
    rows = [row for topic in topics for row in topic.overview()]
    text = " ".join([*notes, *_left_out(topics), HOW_TO_READ])
    return Section("At a glance", text, (("number", "this model", "best"), rows))


def _left_out(topics: Sequence[Topic]) -> list[str]:
    """Returns a sentence for each reason for an omission."""
    reasons: dict[str, list[str]] = {}
    for topic in topics:
        if isinstance(topic, LeftOut):
            reasons.setdefault(topic.why, []).append(topic.what)
    return [f"Left out: {'; '.join(what)}, because {why}." for why, what in reasons.items()]


def _warning(failure: str, notes: Sequence[str]) -> Section:
    return Section("This model is of no use", " ".join([failure, *notes]))
