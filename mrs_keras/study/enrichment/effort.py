"""How much is drawn and trained in a study: by default, and to try it."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from mrs_keras.study.enrichment.arm_names import TRAINED_ARMS


@dataclasses.dataclass(frozen=True)
class Effort:
    """Numbers of a study.

    Attributes:
      arms: to measure; the mean and another program's answers cost nothing and are always there.
      sizes: numbers of labelled training subjects, beside all.
      main_size: size at which arms are compared first.
      draws: draws of subjects and seeds.
      trained_draws: networks that are trained on simulations for each rotation and arm. What depends on the n has as
        many draws; the hybrid does not, so that all draws share its networks in turn.
      examples: training examples of a regression, of which half are generated in arms that generate spectra.
      epochs: of the perceptron.
      inner_folds: folds of the n subjects by which regressions are tuned.
      scratch_steps: training steps of the cVAE of the n.
      pretraining: changes to the recipe of the preset `invivo`.
      fidelity_rows: generated spectra of each arm that are fitted, to compare with their labels.
      exact_subjects: simulated subjects of the task with exact truth.
      exact_sizes: numbers of labelled training subjects there.
      exact_draws: draws there.
    """

    arms: tuple[str, ...] = TRAINED_ARMS
    sizes: tuple[int, ...] = (8, 16, 32)
    main_size: int = 16
    draws: int = 10
    trained_draws: int = 2
    examples: int = 2048
    epochs: int = 40
    inner_folds: int = 4
    scratch_steps: int = 600
    pretraining: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    fidelity_rows: int = 48
    exact_subjects: int = 240
    exact_sizes: tuple[int, ...] = (50, 150)
    exact_draws: int = 3


FULL = Effort()

QUICK = Effort(
    sizes=(8,),
    main_size=8,
    draws=2,
    trained_draws=1,
    examples=512,
    epochs=15,
    inner_folds=2,
    scratch_steps=100,
    pretraining={"epochs": 4, "steps_per_epoch": 25, "fine_tuning": {"rounds": 1}},
    fidelity_rows=8,
    exact_subjects=60,
    exact_sizes=(30,),
    exact_draws=1,
)
"""Every part runs, in minutes; its numbers mean little."""
