"""A page of sections with tables and figures: one self-contained HTML file."""

import base64
import dataclasses
import html
import io
import platform
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version

from matplotlib.figure import Figure

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; color: #222; }
img { max-width: 100%; } figure { margin: 1.5rem 0; } figcaption { color: #555; }
table { border-collapse: collapse; } th, td { padding: .25rem .8rem; border-bottom: 1px solid #ccc; text-align: right; }
th:first-child, td:first-child { text-align: left; }
"""


def png_bytes(figure: Figure) -> bytes:
    """Returns a figure as PNG."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


@dataclasses.dataclass(frozen=True)
class Section:
    """A section of the page.

    Attributes:
      title: heading.
      text: paragraph below it.
      table: header and rows.
      figure: name of the figure.
      caption: of the figure.
    """

    title: str
    text: str
    table: tuple[Sequence[str], Sequence[Sequence[str]]] | None = None
    figure: str | None = None
    caption: str = ""


def render_page(title: str, sections: Sequence[Section], images: Mapping[str, bytes]) -> str:
    """Returns an HTML page with all figures embedded.

    Args:
      title: of the page.
      sections: in their order.
      images: name of a figure -> PNG.
    """
    body = [f"<h1>{html.escape(title)}</h1>"]
    for section in sections:
        body.append(f"<h2>{html.escape(section.title)}</h2>\n<p>{html.escape(section.text)}</p>")
        if section.table is not None:
            body.append(_table(*section.table))
        if section.figure is not None:
            data = base64.b64encode(images[section.figure]).decode()
            caption = html.escape(section.caption)
            body.append(
                f'<figure><img alt="{caption}" src="data:image/png;base64,{data}">'
                f"<figcaption>{caption}</figcaption></figure>"
            )
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{STYLE}</style></head>\n<body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def system_rows() -> list[tuple[str, str]]:
    """Returns the versions that a result depends on, as rows of a table."""
    rows = [("Python", platform.python_version()), ("machine", f"{platform.system()} {platform.machine()}")]
    for package in ("mrs_keras", "tensorflow", "keras", "tensorflow-datasets", "numpy", "scipy"):
        try:
            rows.append((package, version(package)))
        except PackageNotFoundError:
            rows.append((package, "not installed as a package"))
    return rows


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(tag, cells):
        return "<tr>" + "".join(f"<{tag}>{html.escape(str(cell))}</{tag}>" for cell in cells) + "</tr>"

    return "<table>\n" + "\n".join([line("th", header), *(line("td", row) for row in rows)]) + "\n</table>"
