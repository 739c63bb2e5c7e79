"""All measures of realism of one set of generated spectra, and those of floor and cheats."""

import dataclasses
import warnings
from collections.abc import Mapping

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.evaluation.realism.canonical import CanonicalSpectra, canonical_spectra
from mrs_keras.evaluation.realism.cheats import copies, mixtures
from mrs_keras.evaluation.realism.memorisation import Memorisation, measure_memorisation
from mrs_keras.evaluation.realism.quantities import (
    MEASURED,
    QuantityAgreement,
    compared_quantities,
    quantities_of,
)
from mrs_keras.evaluation.realism.reconstruction import ReconstructionError, measure_reconstruction
from mrs_keras.evaluation.realism.sites import SiteAgreement, measure_sites
from mrs_keras.evaluation.realism.spectra import (
    FEW_SPECTRA,
    FEWEST_SPECTRA,
    GeneratedSpectra,
    RealSpectra,
    checked_labels,
)
from mrs_keras.evaluation.realism.splits import subject_folds
from mrs_keras.evaluation.realism.two_sample import COMPARED, DRAWS, TwoSampleTest, two_sample_test
from mrs_keras.evaluation.realism.utility import TRAINED_ON, measure_utility
from mrs_keras.measured.subjects import subject_of


@dataclasses.dataclass(frozen=True)
class Realism:
    """How realistic a set of generated spectra is.

    Attributes:
      spectra: number of held-out, training and generated spectra.
      two_sample: whether a classifier tells them from real ones.
      memorisation: whether they repeat the training spectra; `None` without training spectra.
      quantities: name of `QUANTITIES` -> agreement with the real ones.
      utility: label -> correlation with the labels of real spectra; `None` without labels.
      sites: site -> agreement with its spectra; empty without training spectra, or if there is one site.
      reconstruction: of held-out spectra by the model; `None` if it does not reconstruct.
    """

    spectra: Mapping[str, int]
    two_sample: TwoSampleTest
    memorisation: Memorisation | None
    quantities: Mapping[str, QuantityAgreement]
    utility: Mapping[str, float] | None
    sites: Mapping[str, SiteAgreement] = dataclasses.field(default_factory=dict)
    reconstruction: ReconstructionError | None = None

    def to_dict(self) -> dict:
        """Returns the numbers as plain data for JSON; what could not be measured is `None`."""
        return _plain(dataclasses.asdict(self))

    @classmethod
    def from_dict(cls, content: Mapping) -> "Realism":
        """Returns the numbers from the output of `to_dict`; those that could not be measured are NaN or `None`."""
        remembered, rebuilt = content["memorisation"], content["reconstruction"]
        return cls(
            content["spectra"],
            TwoSampleTest(**content["two_sample"]),
            None if remembered is None else Memorisation(**remembered),
            {
                name: QuantityAgreement(**{key: tuple(v) if isinstance(v, list) else v for key, v in values.items()})
                for name, values in content["quantities"].items()
            },
            content["utility"],
            {name: SiteAgreement(**values) for name, values in content["sites"].items()},
            None if rebuilt is None else ReconstructionError(**rebuilt),
        )


@dataclasses.dataclass(frozen=True)
class Controls:
    """The same measures of generators that are known.

    Attributes:
      floor: real spectra in the place of generated ones: nothing can be better, except by chance.
      copies: of the training spectra.
      mixtures: of the training spectra.
    """

    floor: Realism
    copies: Realism
    mixtures: Realism

    def to_dict(self) -> dict:
        """Returns name of the control -> its numbers as plain data."""
        return {name: getattr(self, name).to_dict() for name in ("floor", "copies", "mixtures")}


def measure_realism(
    generated: GeneratedSpectra,
    held_out: RealSpectra,
    training: RealSpectra | None = None,
    *,
    losses: tuple[np.ndarray, np.ndarray] | None = None,
    reconstructed: np.ndarray | None = None,
    seed: int = 0,
) -> Realism:
    """Measures generated spectra against real ones that the generator has not seen.

    Args:
      generated: 300 or more; 3,000 for the utility. In the acquisition and window of the real ones.
      held_out: 10 or more real spectra; fewer than 20 give a warning. Nothing of their subjects may be in the
        generator.
      training: real spectra that the generator was made from. Defaults to `None`: it was made from none that are like
        the held-out ones, and memorisation is not measured.
      losses: the generator's own loss for each training and each held-out spectrum. Defaults to `None`.
      reconstructed: complex (n, window_points), the generator's reconstruction of each held-out spectrum, in the units
        of the real ones, without noise. Defaults to `None`.
      seed: of the noise around the window, of draws and folds. Defaults to `0`.

    Returns:
      `Realism`; numbers mean something only beside those of `measure_controls` of the same spectra.

    Raises:
      ValueError: if spectra are too few, of another window, or without noise; or a subject is on both sides.

    Example:

    >>> measure_realism(generated, held_out, training).two_sample.auc  # doctest: +SKIP
    0.72
    """
    _check(held_out, training)
    for name, given in (("losses", losses), ("reconstructed", reconstructed)):
        if given is not None and training is None:
            raise ValueError(
                f"`{name}` need the `training` spectra, which they are judged by. "
                f"Received: {name} without training. Give both."
            )
    labels = checked_labels("generated.labels", generated.labels, len(generated), len(held_out.label_names))
    generated = dataclasses.replace(generated, labels=labels)
    real = _prepared(held_out, held_out.acquisition, seed, "held-out")
    known = None if training is None else _prepared(training, held_out.acquisition, seed, "training")
    made = _prepared(generated, held_out.acquisition, seed, "generated")
    remembered = None if known is None else measure_memorisation(known.forms, real.forms, made.forms, losses)
    result = _measure(made, real, known, remembered, seed)
    if reconstructed is None:
        return result
    return dataclasses.replace(result, reconstruction=measure_reconstruction(training, held_out, reconstructed))


def measure_controls(held_out: RealSpectra, training: RealSpectra, *, seed: int = 0) -> Controls:
    """Measures the floor and the cheats with the real spectra of `measure_realism`.

    The floor puts real spectra in the place of generated ones. For classifiers and quantities those are the training
    spectra, and for the utility the regression learns from these and their labels. For memorisation, half of the
    training subjects (within sites) stand for generated spectra and the other half for training: the mean of 3 draws.

    Args:
      held_out: as in `measure_realism`.
      training: other subjects of the same kind.
      seed: Defaults to `0`.

    Raises:
      ValueError: as in `measure_realism`.
    """
    _check(held_out, training)
    real, known = (
        _prepared(each, held_out.acquisition, seed, split)
        for each, split in ((held_out, "held-out"), (training, "training"))
    )
    floor = _measure(known, real, known, _floor_of_memorisation(training, real, known, seed), seed)
    cheats = {}
    for name, cheat in (("copies", copies), ("mixtures", mixtures)):
        spectra = cheat(training, COMPARED if training.labels is None else TRAINED_ON, seed)
        made = _prepared(spectra, held_out.acquisition, seed, name)
        cheats[name] = _measure(made, real, known, measure_memorisation(known.forms, real.forms, made.forms), seed)
    return Controls(floor, **cheats)


@dataclasses.dataclass(frozen=True, eq=False)
class _Prepared:
    """Spectra, their canonical forms, and the quantities of the first 300."""

    source: RealSpectra | GeneratedSpectra
    forms: CanonicalSpectra
    quantities: Mapping[str, np.ndarray]


def _prepared(source: RealSpectra | GeneratedSpectra, acquisition: Acquisition, seed: int, split: str) -> _Prepared:
    options = {"acquisition": acquisition, "seed": seed, "split": split}
    spectra, sigma = np.asarray(source.spectra), np.asarray(source.noise_sigma)
    first = canonical_spectra(spectra[:MEASURED], noise_sigma=sigma[:MEASURED], with_fids=True, **options)
    forms = canonical_spectra(spectra, noise_sigma=sigma, **options)
    return _Prepared(source, forms, quantities_of(first, acquisition))


def _measure(
    made: _Prepared, real: _Prepared, known: _Prepared | None, remembered: Memorisation | None, seed: int
) -> Realism:
    held_out, labels = real.source, made.source.labels
    second = held_out.labels if held_out.second_labels is None else held_out.second_labels
    useful = None
    if labels is not None and second is not None:
        part = slice(TRAINED_ON)
        correlations = measure_utility(made.forms.select(part), labels[part], real.forms, second)
        useful = dict(zip(held_out.label_names, correlations.tolist(), strict=True))
    return Realism(
        spectra={
            "held_out": len(held_out),
            "training": 0 if known is None else len(known.forms),
            "generated": len(made.forms),
        },
        two_sample=two_sample_test(real.forms, made.forms, seed),
        memorisation=remembered,
        quantities=compared_quantities(made.quantities, real.quantities),
        utility=useful,
        sites={} if known is None else measure_sites(*((each.source, each.forms) for each in (known, real, made))),
    )


def _floor_of_memorisation(training: RealSpectra, real: _Prepared, known: _Prepared, seed: int) -> Memorisation:
    """Returns the mean of draws in which one half of the training subjects stands for the generator."""
    results = []
    for draw in range(DRAWS):
        half = subject_folds(training.subjects, training.sites, 2, seed=(seed, draw))
        results.append(measure_memorisation(known.forms.select(half == 0), real.forms, known.forms.select(half == 1)))
    return Memorisation(
        float(np.mean([each.nearest_ratio for each in results])), float(np.mean([each.membership for each in results]))
    )


def _check(held_out: RealSpectra, training: RealSpectra | None) -> None:
    for name, real in (("held_out", held_out), ("training", training)):
        if real is not None and len(real) < FEWEST_SPECTRA:
            raise ValueError(
                f"`{name}` must be {FEWEST_SPECTRA} or more real spectra. "
                f"Received: {len(real)}. Add scans, or hold out a larger share of them."
            )
        if real is not None and len(real) < FEW_SPECTRA:
            warnings.warn(
                f"`{name}` has {len(real)} spectra, and below {FEW_SPECTRA} chance moves the numbers by more than "
                "generators differ: of real against real spectra, the AUC varied between splits by 0.05 (standard "
                "deviation) with 27 held out, and by 0.15 with 13. Add scans, or hold out a larger share of them.",
                stacklevel=3,
            )
    if training is None:
        return
    if training.acquisition != held_out.acquisition or training.label_names != held_out.label_names:
        raise ValueError(
            "`training` must have the acquisition, window and labels of `held_out`. "
            f"Expected: {held_out.acquisition}, labels {held_out.label_names}. "
            f"Received: {training.acquisition}, labels {training.label_names}. Take both from one dataset."
        )
    both = sorted(set(map(subject_of, training.subjects)) & set(map(subject_of, held_out.subjects)))
    if both:
        raise ValueError(
            "A subject must not be both in `training` and in `held_out`. "
            f"Received: {len(both)} that are, such as {both[0]}. Divide them with `subject_folds`."
        )


def _plain(value):
    """Returns nested data with `None` for NaN, and lists for tuples."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return None if isinstance(value, float) and np.isnan(value) else value
