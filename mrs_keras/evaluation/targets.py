"""Targets of a preset, as data on the numbers of an evaluation."""

import dataclasses
import operator
from collections.abc import Callable

from mrs_keras.models import CVAE_PRESETS

RELATIONS: dict[str, tuple[str, Callable]] = {
    "at most": ("<= ", operator.le),
    "less than": ("< ", operator.lt),
    "at least": (">= ", operator.ge),
    "is": ("", operator.eq),
}
"""Relation of a number to its target -> its text and its test."""


@dataclasses.dataclass(frozen=True)
class Target:
    """The target of a number.

    Attributes:
      relation: of the number to the value, one of `RELATIONS`.
      value: in the unit of the number.
    """

    relation: str
    value: float | bool

    def is_met(self, number: float | bool) -> bool:
        """Returns whether a number meets the target."""
        return RELATIONS[self.relation][1](number, self.value)

    def written(self, text: Callable[[float | bool], str]) -> str:
        """Returns the target as text; `text` formats its value."""
        return RELATIONS[self.relation][0] + text(self.value)


def targets_of(preset: str, config: str) -> dict[str, Target]:
    """Returns the targets of a preset; none on a dataset other than the preset's own, or for an unknown preset.

    Args:
      preset: of the model, one of `CVAE_PRESETS`.
      config: builder config of the dataset that the model is evaluated on.

    Returns:
      path of a number, as `number_at` takes it -> target.
    """
    settings = CVAE_PRESETS.get(preset)
    if settings is None or settings["training"]["config"] != config:
        return {}
    return {path: Target(*target) for path, target in settings.get("targets", {}).items()}
