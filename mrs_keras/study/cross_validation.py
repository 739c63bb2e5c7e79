"""Realism of generators, cross-validated: each is made from the training part of a split alone."""

import contextlib
import dataclasses
import hashlib
import json
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.evaluation.realism import (
    GeneratedSpectra,
    Realism,
    RealSpectra,
    measure_controls,
    measure_realism,
)
from mrs_keras.study.parts import Parts, file_name
from mrs_keras.study.splits import Split


@dataclasses.dataclass(frozen=True, eq=False)
class TrainedGenerator:
    """What a model that was trained on the training spectra of a split gives.

    The two functions get real spectra, held-out ones among them, with their labels, but without those of a second
    labeller. They are called when the spectra are generated already: nothing of what they get can enter the model.

    Attributes:
      generated: its spectra.
      losses: function from real spectra to the model's own loss of each, float (n,), such as its negative
        log-likelihood: for the white-box membership. Defaults to `None`: it has none.
      reconstruct: function from real spectra to their reconstructions without noise, complex (n, window_points).
        Defaults to `None`: it does not reconstruct.
    """

    generated: GeneratedSpectra
    losses: Callable[[RealSpectra], np.ndarray] | None = None
    reconstruct: Callable[[RealSpectra], np.ndarray] | None = None


Generator = Callable[[np.ndarray, int], GeneratedSpectra | TrainedGenerator]
"""Function from the rows of the training spectra, int (n,), and a seed, to generated spectra, or to a trained model."""

CONTROLS = {"floor": "real spectra", "copies": "copies", "mixtures": "mixtures"}
"""Field of `Controls` -> title."""

CONTROLS_PART = "controls"
"""Name of the results of the controls; they are measured together."""

FORMAT = 2
"""Of the results that are kept."""


@dataclasses.dataclass(frozen=True)
class StudiedGenerator:
    """A generator and what a study must know of it.

    Attributes:
      make: makes it from training spectra. Nothing of a held-out subject may be in what it returns.
      key: text that changes whenever its spectra may.
      seconds: rough time to make it and to measure its spectra in one split. Defaults to `10.0`.
      about: what it is made from, in a few words. Defaults to `""`.
    """

    make: Generator
    key: str = ""
    seconds: float = 10.0
    about: str = ""


@dataclasses.dataclass(frozen=True)
class SplitResult:
    """The results of one split.

    Attributes:
      split: what was held out.
      realism: title of a generator or a control -> its realism.
    """

    split: Split
    realism: Mapping[str, Realism]

    @property
    def held_out_over_training(self) -> float:
        """Number of held-out over that of training spectra."""
        return float(self.split.held_out.sum() / self.split.training.sum())


@dataclasses.dataclass(frozen=True, eq=False)
class CrossValidation:
    """Measures generators in each split, each result once: those that were measured before are read.

    The controls and each generator of a split have results of their own: another generator, or another version of one,
    leaves those of the others as they are.

    Args:
      real: all real spectra.
      generators: title -> generator.
      splits: to measure. Generated spectra of the first are kept for figures.
      folder: in which results are kept.
      key: text that tells what all results depend on beside the spectra, such as the version of this package.
        Defaults to `""`.

    Raises:
      ValueError: if two titles would have files of the same name, or one is that of a control.
    """

    real: RealSpectra
    generators: Mapping[str, StudiedGenerator]
    splits: Sequence[Split]
    folder: Path
    key: str = ""

    def __post_init__(self):
        taken = [file_name(title) for title in (CONTROLS_PART, *CONTROLS.values())]
        for title in self.generators:
            if file_name(title) in taken:
                raise ValueError(
                    f"Each generator must have a title of its own, and none of {CONTROLS_PART}, "
                    f"{', '.join(CONTROLS.values())}. Received: '{title}', of {', '.join(self.generators)}. Rename it."
                )
            taken.append(file_name(title))

    def missing(self) -> list[str]:
        """Returns the title of each measurement that is still to be made."""
        return [title for split in self.splits for title in self._titles if self._read(split, title) is None]

    def results(self, on_measured: Callable[[str], None] = lambda title: None) -> Iterator[SplitResult]:
        """Yields the result of each split, in order.

        Args:
          on_measured: called with a title when something was measured that was missing. Defaults to a function that
            does nothing.
        """
        for split in self.splits:
            realism: dict[str, Realism] = {}
            for title in self._titles:
                known = self._read(split, title)
                if known is None:
                    with _quiet_about_few_spectra(split):
                        known = self._measure(split, title)
                    on_measured(title)
                realism |= known
            yield SplitResult(split, realism)

    def kept_spectra(self, title: str) -> GeneratedSpectra:
        """Returns the first spectra that a generator made in the first split, after `results`."""
        return Parts(self.folder / self.splits[0].name).spectra(title)

    @property
    def _titles(self) -> list[str]:
        return [CONTROLS_PART, *self.generators]

    def _read(self, split: Split, title: str) -> dict[str, Realism] | None:
        with_spectra = split is self.splits[0] and title != CONTROLS_PART
        return Parts(self.folder / split.name).read(title, self._digest(split, title), with_spectra)

    def _measure(self, split: Split, title: str) -> dict[str, Realism]:
        # Models get the real spectra of a split, but never the labels that the utility is tested on.
        training, held_out = (self.real.select(rows) for rows in (split.training, split.held_out))
        kept = None
        if title == CONTROLS_PART:
            controls = measure_controls(held_out, training, seed=split.seed)
            results = {control: getattr(controls, field) for field, control in CONTROLS.items()}
        else:
            made = self.generators[title].make(np.flatnonzero(split.training), split.draw_seed)
            trained = made if isinstance(made, TrainedGenerator) else TrainedGenerator(made)
            of_training, of_held_out = (dataclasses.replace(each, second_labels=None) for each in (training, held_out))
            realism = measure_realism(
                trained.generated,
                held_out,
                training,
                losses=trained.losses and (trained.losses(of_training), trained.losses(of_held_out)),
                reconstructed=trained.reconstruct and trained.reconstruct(of_held_out),
                seed=split.seed,
            )
            results = {title: realism}
            kept = trained.generated if split is self.splits[0] else None
        Parts(self.folder / split.name).write(title, self._digest(split, title), results, kept)
        return results

    def _digest(self, split: Split, title: str) -> str:
        """Returns a digest of all that a result depends on."""
        real, generator = self.real, self.generators.get(title)
        about = [FORMAT, self.key, title, generator and generator.key, split.seed, split.fold, split.site]
        about += [real.subjects, real.sites, real.label_names, real.acquisition.to_dict()]
        digest = hashlib.sha256(json.dumps(about).encode())
        for array in (
            *(split.held_out, split.training),
            *(real.spectra, real.noise_sigma, real.labels, real.second_labels, real.label_deviations),
        ):
            digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()


@contextlib.contextmanager
def _quiet_about_few_spectra(split: Split) -> Iterator[None]:
    """A site has few spectra, which the report says once: not a warning for each of them."""
    with warnings.catch_warnings():
        if split.site is not None:
            warnings.filterwarnings("ignore", "`held_out` has", UserWarning)
        yield
