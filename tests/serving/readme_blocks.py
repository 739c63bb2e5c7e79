"""The blocks of the README of the serving."""

import re

from tests.conftest import REPOSITORY

README = (REPOSITORY / "mrs_keras" / "serving" / "README.md").read_text(encoding="utf-8")

_BLOCK = r"```(bash|python)\n(.*?)```"


def python_blocks(heading: str) -> list[str]:
    """Returns the Python blocks below the heading whose text starts so."""
    (section,) = re.findall(rf"^##+ {re.escape(heading)}.*?(?=^##+ |\Z)", README, re.DOTALL | re.MULTILINE)
    return [text for kind, text in re.findall(_BLOCK, section, re.DOTALL) if kind == "python"]


def blocks() -> list[tuple[str, str]]:
    """Returns kind ("bash" or "python") and text of each block of both sections that need TensorFlow alone."""
    alone = README[README.index("## In other TensorFlow pipelines") : README.index("## What to trust")]
    return re.findall(_BLOCK, alone, re.DOTALL)
