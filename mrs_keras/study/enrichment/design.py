"""The design: which sites are held out in a rotation, and which subjects a draw trains on."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mrs_keras.measured.subjects import subject_of
from mrs_keras.random_streams import ENRICHMENT
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.study.enrichment.results import ALL

ROTATIONS = 3

SEEDS_OF_A_STUDY, SEEDS_OF_A_DRAW = 10_000, 10
"""Seeds that a study has to itself, and those of a draw: one for each rotation."""


@dataclasses.dataclass(frozen=True, eq=False)
class Rotation:
    """Sites that are held out, and what is left to train on.

    Attributes:
      number: from 0.
      sites: that are held out.
      test: int, rows of their spectra.
      training: int, rows of all others, none of a subject that is held out.
    """

    number: int
    sites: tuple[str, ...]
    test: np.ndarray
    training: np.ndarray


def rotations_of(sites: Sequence[str], subjects: Sequence[str]) -> list[Rotation]:
    """Divides the sites into three groups of about as many spectra, each of which is held out once.

    Raises:
      ValueError: if there is one site.
    """
    places, people = np.array(sites, str), np.array([subject_of(name) for name in subjects], str)
    counts = {site: int((places == site).sum()) for site in sorted(set(sites))}
    if len(counts) < 2:
        raise ValueError(
            "The study asks what generated spectra are worth at sites never seen, so it holds out sites. Expected "
            f"scans of two or more sites. Received: {len(places)} of one, '{next(iter(counts), '')}'. Build the "
            "dataset with `site`, a pattern for the participants' names, or with a column `site` in participants.tsv."
        )
    groups: list[list[str]] = [[] for _ in range(min(ROTATIONS, len(counts)))]
    sizes = [0] * len(groups)
    for site in sorted(counts, key=lambda name: (-counts[name], name)):
        smallest = sizes.index(min(sizes))
        groups[smallest].append(site)
        sizes[smallest] += counts[site]
    rotations = []
    for number, group in enumerate(groups):
        test = np.isin(places, group)
        training = ~test & ~np.isin(people, people[test])
        rotations.append(Rotation(number, tuple(group), np.flatnonzero(test), np.flatnonzero(training)))
    return rotations


def sizes_that_fit(sizes: Sequence[int], rotations: Sequence[Rotation], labelled: np.ndarray) -> tuple[str, ...]:
    """Returns the sizes of which every rotation has enough labelled subjects, and `"all"`.

    Args:
      sizes: numbers of labelled training subjects.
      rotations: of the sites.
      labelled: bool (n,), spectra that have all labels.

    Raises:
      ValueError: if no size is left.
    """
    fewest = min(int(labelled[rotation.training].sum()) for rotation in rotations)
    fitting = [size for size in sorted(sizes) if size <= fewest]
    if not fitting:
        raise ValueError(
            f"There are too few labelled subjects. Expected {min(sizes)} or more outside of any group of held-out "
            f"sites. Received: {fewest}. Add scans, or labels."
        )
    return (*map(str, fitting), ALL)


def seed_of(study_seed: int, draw: int, rotation: int) -> int:
    """Returns the seed of a draw in a rotation: no two share one."""
    return SEEDS_OF_A_STUDY * study_seed + SEEDS_OF_A_DRAW * draw + rotation


def drawn_subjects(rotation: Rotation, labelled: np.ndarray, size: str, seed: int) -> np.ndarray:
    """Draws labelled training subjects; those of a smaller size of the same draw are among them.

    Returns:
      int (n,), rows, ascending.
    """
    usable = rotation.training[labelled[rotation.training]]
    order = np.argsort(keyed_uniform(0, len(usable), 1, ENRICHMENT, seed, "subjects")[:, 0])
    return np.sort(usable if size == ALL else usable[order[: int(size)]])
