"""Base class of the topics of an evaluation: numbers, figures, and sections of the report."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.evaluation.table import Row
from mrs_keras.plotting.html_page import Section

Split = Mapping[str, np.ndarray]
"""Examples of a dataset in memory, as `mrs_keras.data.load_arrays` returns them."""


class OverviewRow(NamedTuple):
    """A row of the report's first table.

    Attributes:
      number: name of the number.
      measured: value of this model, as text.
      best: value of the best possible model.
    """

    number: str
    measured: str
    best: str


class Topic:
    """A topic of an evaluation.

    A topic is a frozen dataclass of measured results. Its class method `measure` measures them, and the methods below
    report them. By default, each reports nothing.

    Attributes:
      ROWS: rows of the main table.
    """

    ROWS: ClassVar[tuple[Row, ...]] = ()

    def numbers(self) -> dict:
        """Returns this topic's part of `numbers.json`, with the same nesting."""
        return {}

    def figures(self) -> dict[str, Figure]:
        """Returns name -> figure; `NAME.png` in the folder of the evaluation."""
        return {}

    def files(self) -> dict[str, str]:
        """Returns name -> text of further files in the folder of the evaluation."""
        return {}

    def overview(self) -> list[OverviewRow]:
        """Returns the rows of the report's first table."""
        return []

    def sections(self) -> list[Section]:
        """Returns the sections of the report; they name figures of `figures`."""
        return []


@dataclasses.dataclass(frozen=True)
class LeftOut(Topic):
    """A topic that cannot be measured.

    Attributes:
      what: the omitted results.
      why: reason.
    """

    what: str
    why: str

    def numbers(self) -> dict:
        return {"left_out": {self.what: self.why}}


NO_PHYSICS = "the dataset has no prior or no basis, so that spectra can be neither simulated nor fitted"
NO_RANGES = "its pairs are at both ends of uniform ranges, which the prior of the dataset does not have"
NO_TEST_SPLIT = "the dataset has no test split"
"""Reasons for an omission."""


def merged(parts: Iterable[Mapping]) -> dict:
    """Merges nested mappings into one; a key keeps its first position.

    >>> merged([{"a": {"b": 1}, "c": 2}, {"a": {"d": 3}}])
    {'a': {'b': 1, 'd': 3}, 'c': 2}
    """
    whole: dict = {}
    for part in parts:
        for key, value in part.items():
            both = isinstance(value, Mapping) and isinstance(whole.get(key), Mapping)
            whole[key] = merged([whole[key], value]) if both else value
    return whole
