"""Topic: generated spectra against those of a measured dataset: are they told from real ones, and are they copies?"""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.evaluation.compared_spectra import ComparedSpectra, generate_to_compare
from mrs_keras.evaluation.model_of_scans import ModelOfScans, is_of_scans
from mrs_keras.evaluation.real_spectra import JudgedAgainst
from mrs_keras.evaluation.realism import (
    Controls,
    Realism,
    at_acquisition,
    common_acquisition,
    measure_controls,
    measure_realism,
    realism_figures,
    realism_rows,
)
from mrs_keras.evaluation.realism.utility import TRAINED_ON
from mrs_keras.evaluation.table import STATISTIC, Row
from mrs_keras.evaluation.topic import OverviewRow, Topic
from mrs_keras.models import CVAE
from mrs_keras.plotting.html_page import Section

CAPTIONS = {
    "realism_map": (
        "Principal components of the real spectra, in canonical form. Blue points should lie where grey circles do."
    ),
    "realism_mean": "Above: mean and standard deviation; below: the latter alone. The curves should agree.",
    "realism_noise": (
        "Left: power along time, of which the noise is what is left after the lines. Noise at the dashed line is white "
        "and of the declared level; below, it is missing. Right: correlation of neighbouring points of the spectrum."
    ),
    "realism_quantities": "Distributions; the first and the last bin include all values beyond.",
}
"""Figure -> its caption in the report."""


@dataclasses.dataclass(frozen=True, eq=False)
class AgainstReal(Topic):
    """Generated spectra beside real ones, with floor and cheats.

    Attributes:
      judged: the real spectra, in the acquisition in which they are compared.
      compared: the generated ones, in the same.
      realism: of the generated ones.
      controls: floor and cheats, of each split.
    """

    ROWS = (
        Row("realism.generated.two_sample.svm", "against real spectra: SVM", STATISTIC),
        Row("realism.floor.two_sample.svm", "real against real: SVM", STATISTIC),
        Row("realism.generated.two_sample.auc", "against real spectra: AUC", STATISTIC),
        Row("realism.floor.two_sample.auc", "real against real: AUC", STATISTIC),
        Row(
            "realism.generated.two_sample.auc_second_differences",
            "against real spectra: AUC of second differences",
            STATISTIC,
        ),
        Row(
            "realism.floor.two_sample.auc_second_differences", "real against real: AUC of second differences", STATISTIC
        ),
        Row("realism.generated.memorisation.nearest_ratio", "nearest-neighbour ratio", STATISTIC),
        Row("realism.generated.memorisation.membership", "membership AUC", STATISTIC),
        Row("realism.floor.memorisation.membership", "real against real: membership AUC", STATISTIC),
        Row("realism.generated.utility.{label}", "utility, {label}: correlation", STATISTIC),
        Row("realism.floor.utility.{label}", "utility of real spectra, {label}: correlation", STATISTIC),
    )

    judged: JudgedAgainst
    compared: ComparedSpectra
    realism: Realism
    controls: tuple[Controls, ...]

    @classmethod
    def measure(
        cls,
        model: CVAE,
        run_dir: str | os.PathLike,
        judged: JudgedAgainst,
        data_dir: str | os.PathLike | None = None,
    ) -> Self:
        """Generates spectra and compares them; `judged` as `open_real_spectra` returned it."""
        real = judged.real
        acquisition = common_acquisition(model.acquisition, real.acquisition)
        resampled = at_acquisition(real.spectra, real.noise_sigma, real.acquisition, acquisition)
        real = dataclasses.replace(real, spectra=resampled, acquisition=acquisition)
        judged = dataclasses.replace(judged, real=real)
        compared = generate_to_compare(model, run_dir, real, acquisition, TRAINED_ON, data_dir)
        realism = measure_realism(compared.generated, judged.held_out, judged.training, **_asked(model, judged))
        controls = tuple(measure_controls(*split) for split in judged.splits_of_controls())
        return cls(judged, compared, realism, controls)

    @property
    def _columns(self) -> dict[str, Sequence[Realism]]:
        return {
            "this model": [self.realism],
            **{
                title: [getattr(each, name) for each in self.controls]
                for name, title in (("floor", "real spectra"), ("copies", "copies"), ("mixtures", "mixtures"))
            },
        }

    def numbers(self) -> dict:
        controls = {
            name: _mean([getattr(each, name).to_dict() for each in self.controls])
            for name in ("floor", "copies", "mixtures")
        }
        measured = {"generated": self.realism.to_dict(), **controls}
        for each in measured.values():
            # Of the labels, those that have a correlation: the table has a row for each.
            each["utility"] = {label: value for label, value in (each["utility"] or {}).items() if value is not None}
        return {
            "realism": {
                "dataset": self.judged.name,
                "second_labeller": self.judged.second_labeller,
                "noise": self.compared.noise_is,
                "labels": self.compared.labels_are,
                "splits_of_controls": len(self.controls),
                **measured,
            }
        }

    def figures(self) -> dict[str, Figure]:
        return realism_figures(self.judged.real, {"generated spectra": self.compared.generated})

    def overview(self) -> list[OverviewRow]:
        floor = _mean([each.floor.to_dict() for each in self.controls])
        rows = [
            OverviewRow(
                "AUC of a classifier of generated against real spectra",
                f"{self.realism.two_sample.auc:.2f}",
                f"{floor['two_sample']['auc']:.2f} (real against real)",
            )
        ]
        if self.realism.memorisation is not None:
            rows.append(
                OverviewRow(
                    "AUC of membership in the training data",
                    f"{self.realism.memorisation.membership:.2f}",
                    f"{floor['memorisation']['membership']:.2f} (real against real)",
                )
            )
        return rows

    def sections(self) -> list[Section]:
        texts = {"realism_map": ("Generated against real spectra", self._text(), realism_rows(self._columns))}
        titles = {
            "realism_mean": "Generated and real spectra: mean and spread",
            "realism_noise": "Generated and real spectra: noise",
            "realism_quantities": "Generated and real spectra: signal-to-noise ratio and linewidths",
        }
        texts |= {figure: (title, "", None) for figure, title in titles.items()}
        return [Section(title, text, table, figure, CAPTIONS[figure]) for figure, (title, text, table) in texts.items()]

    def _text(self) -> str:
        real, held_out = self.judged.real, self.judged.held_out
        seen = len(real) - len(held_out)
        low, high = real.acquisition.ppm_window
        sentences = [
            f"{len(self.compared.generated)} generated spectra against {len(held_out)} real ones of "
            f"'{self.judged.name}' whose subjects the model was not trained on.",
            f"The {seen} others of its training split tell whether it repeats them."
            if seen
            else "The model was trained on none of these spectra, so memorisation is not measured. Floor and cheats "
            f"are means (standard deviations) of {len(self.controls)} splits of the real spectra by subject.",
            f"Labels: {self.compared.labels_are}. Noise: {self.compared.noise_is}.",
            f"Compared at {real.acquisition.points} points and {real.acquisition.bandwidth_hz:g} Hz, given from "
            f"{low:g} to {high:g} ppm.",
            "The column 'real spectra' is the floor, that of a perfect generator; copies and mixtures of the training "
            "spectra are cheats, which some number must give away: copies by the membership AUC, mixtures by the AUC "
            "of second differences.",
        ]
        if self.compared.without_utility is not None:
            sentences.append(f"The utility of the model is left out, because {self.compared.without_utility}.")
        elif self.judged.second_labeller is None:
            sentences.append(
                "Utility is tested on the labels of the dataset itself: those of a second labeller would not favour "
                "real spectra, whose labels share their errors."
            )
        else:
            sentences.append(f"Utility is tested on the labels of '{self.judged.second_labeller}'.")
        return " ".join(sentences)


def _asked(model: CVAE, judged: JudgedAgainst) -> dict:
    """Returns what a model that was trained on some of the real spectra says of them, for `measure_realism`."""
    if judged.training is None or not is_of_scans(model, judged.real):
        return {}
    of_scans = ModelOfScans(model, judged.training)
    losses = of_scans.losses(judged.training), of_scans.losses(judged.held_out)
    return {"losses": losses, "reconstructed": of_scans.reconstruct(judged.held_out)}


def _mean(results: Sequence):
    """Returns nested numbers as their means over results; what none has is `None`."""
    known = [each for each in results if each is not None]
    if not known:
        return None
    if isinstance(known[0], Mapping):  # a site may have no held-out spectrum in one of the splits
        keys = dict.fromkeys(key for each in known for key in each)
        return {key: _mean([each.get(key) for each in known]) for key in keys}
    if isinstance(known[0], list):
        return [_mean(list(each)) for each in zip(*known, strict=True)]
    return known[0] if len(known) == 1 else float(np.mean(known))
