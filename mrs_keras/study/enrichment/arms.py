"""The training examples of each arm: spectra, labels, and the subjects that each is made from."""

import dataclasses

import numpy as np

from mrs_keras.random_streams import ENRICHMENT
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.study.enrichment.arm_data import ArmData, LabelledSpectra
from mrs_keras.study.enrichment.arm_names import AGAIN, NOISE, REAL
from mrs_keras.study.enrichment.augmentation import Augmentation, with_noise

AUGMENTATION = Augmentation()

NOBODY = -1


@dataclasses.dataclass(frozen=True, eq=False)
class Examples:
    """Training examples of a regression.

    Attributes:
      spectra: complex128 (m, window_points), augmented, with noise.
      labels: float64 (m, labels).
      parents: int (m, 2), rows of the n subjects that an example is a spectrum or a mixture of, -1 for none: those that
        an inner fold holds out leave with their examples. What a generator made counts as nobody's.
    """

    spectra: np.ndarray
    labels: np.ndarray
    parents: np.ndarray


def training_examples(arm: str, data: ArmData, noise_factor: float) -> Examples:
    """Returns the examples of an arm: real ones, and as many generated ones where it generates.

    Args:
      arm: key of `ARMS` that trains a regression.
      data: what it may see.
      noise_factor: noise of the task over that of a scan.
    """
    count = data.effort.examples
    subjects = np.arange(count) % len(data.labelled)
    parents = np.stack([subjects, np.full(count, NOBODY)], axis=1)
    chosen = data.real(count)
    if arm == "mixup":
        chosen, parents = _mixed(data, count)
    elif arm not in WITHOUT_GENERATED:
        half = count // 2
        chosen = chosen[:half] + generated_spectra(arm, data, count - half)
        parents[half:] = NOBODY
    seed = data.seed + (SEED_OF_AGAIN if arm == AGAIN else 0)
    spectra = chosen.spectra
    if arm not in (REAL, NOISE):
        spectra = AUGMENTATION(spectra, data.acquisition, seed, "augmentation")
    if arm != REAL:
        spectra = with_noise(spectra, chosen.carried, noise_factor * chosen.level, seed, "noise of examples")
    return Examples(spectra, chosen.labels, parents)


SEED_OF_AGAIN = 2**29
"""Added to the seed for the A/A comparison; no other arm has such seeds."""

WITHOUT_GENERATED = (REAL, NOISE, "classical", AGAIN)


def generated_spectra(arm: str, data: ArmData, count: int) -> LabelledSpectra:
    """Returns the generated spectra of an arm, before augmentation, or raises `KeyError` if it has none."""
    return GENERATORS[arm](data, count)


def _mixed(data: ArmData, count: int) -> tuple[LabelledSpectra, np.ndarray]:
    """Mixes pairs of the n spectra, each over its norm, and their labels, with uniform weights (doi
    10.48550/arXiv.1710.09412)."""
    draws = keyed_uniform(0, count, 2, ENRICHMENT, data.seed, "mixtures")
    first = np.arange(count) % len(data.labelled)
    second = (draws[:, 0] * len(data.labelled)).astype(int)
    weight = draws[:, 1]
    one, other = (_normalised(data.real(len(data.labelled)))[rows] for rows in (first, second))
    mixed = LabelledSpectra(
        weight[:, None] * one.spectra + (1 - weight[:, None]) * other.spectra,
        np.hypot(weight * one.carried, (1 - weight) * other.carried),
        weight * one.level + (1 - weight) * other.level,
        weight[:, None] * one.labels + (1 - weight[:, None]) * other.labels,
    )
    return mixed, np.stack([first, second], axis=1)


def _normalised(scans: LabelledSpectra) -> LabelledSpectra:
    norm = np.linalg.norm(scans.spectra, axis=1)
    return LabelledSpectra(scans.spectra / norm[:, None], scans.carried / norm, scans.level / norm, scans.labels)


def _of_cvae(data: ArmData, count: int) -> LabelledSpectra:
    from mrs_keras.study.enrichment.networks import cvae_of_scans, generated_by, mixed_labels

    return generated_by(cvae_of_scans(data), mixed_labels(data.labelled.values, count, data.seed), data.seed)


def _placebo(data: ArmData, count: int) -> LabelledSpectra:
    made = _of_cvae(data, count)
    order = np.argsort(keyed_uniform(0, count, 1, ENRICHMENT, data.seed, "shuffled labels")[:, 0])
    return dataclasses.replace(made, labels=made.labels[order])


def _of_cvae_of_simulations(data: ArmData, count: int) -> LabelledSpectra:
    from mrs_keras.study.enrichment.networks import cvae_of_simulations, generated_by

    model, labels = cvae_of_simulations(data), data.simulations(count).labels
    return generated_by(model, np.clip(labels, model.labels.low, model.labels.high), data.seed)


def _of_hybrid(data: ArmData, count: int) -> LabelledSpectra:
    from mrs_keras.study.enrichment.networks import generated_by, hybrid_of_scans

    model = hybrid_of_scans(data)
    # The model knows no labels but those of fits, which the n bring to the scale of the table.
    labels = data.simulations(count, of_all_scans=True, factors=np.ones(len(data.labels))).labels
    made = generated_by(model, np.clip(labels, model.labels.low, model.labels.high), data.seed)
    return dataclasses.replace(made, labels=made.labels * data.factors)


def _of_both(data: ArmData, count: int) -> LabelledSpectra:
    half = count // 2
    return data.simulations(half) + _of_hybrid(data, count - half)


GENERATORS = {
    "placebo": _placebo,
    "cvae": _of_cvae,
    "simulations": lambda data, count: data.simulations(count),
    "cvae_of_simulations": _of_cvae_of_simulations,
    "simulations_of_all": lambda data, count: data.simulations(count, of_all_scans=True),
    "hybrid": _of_hybrid,
    "simulations_and_hybrid": _of_both,
}
"""Arm -> function from what it may see and a number to as many spectra."""
