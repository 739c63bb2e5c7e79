"""Realism of generators, cross-validated by subject: each is made from the training part of a split alone."""

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.evaluation.realism import (
    GeneratedSpectra,
    Realism,
    RealSpectra,
    measure_controls,
    measure_realism,
    subject_folds,
)
from mrs_keras.files import replacing

Generator = Callable[[np.ndarray, int], GeneratedSpectra]
"""Function from the rows of the training spectra, int (n,), and a seed, to generated spectra."""

CONTROLS = {"floor": "real spectra", "copies": "copies", "mixtures": "mixtures"}
"""Field of `Controls` -> title."""


@dataclasses.dataclass(frozen=True)
class SplitResult:
    """The results of one split.

    Attributes:
      seed: of the folds.
      fold: number of the fold that is held out.
      realism: title of a generator or a control -> its realism.
    """

    seed: int
    fold: int
    realism: Mapping[str, Realism]


def cross_validate(
    real: RealSpectra,
    generators: Mapping[str, Generator],
    *,
    seeds: Sequence[int],
    folds: int,
    parts: Path,
    key: str,
) -> Iterator[SplitResult]:
    """Yields the result of each split, in order; those that were measured before are read.

    Args:
      real: all real spectra.
      generators: title -> generator. Nothing of a held-out subject may be in what it returns.
      seeds: of the folds; each gives `folds` splits.
      folds: by subject, within sites.
      parts: folder in which the result of each split is kept.
      key: text that tells what the results depend on beside the arguments.
    """
    for seed in seeds:
        held_out_in = subject_folds(real.subjects, real.sites, folds=folds, seed=seed)
        for fold in range(folds):
            path = parts / f"seed{seed}_fold{fold}.json"
            digest = _digest(real, key, seed, fold, folds, generators)
            known = _read(path, digest)
            if known is None:
                known = _measure(real, held_out_in == fold, generators, seed, fold)
                plain = {title: result.to_dict() for title, result in known.items()}
                with replacing(path) as partial:
                    partial.write_text(json.dumps({"digest": digest, "realism": plain}), encoding="utf-8")
            yield SplitResult(seed, fold, known)


def _measure(
    real: RealSpectra, held_out_rows: np.ndarray, generators: Mapping[str, Generator], seed: int, fold: int
) -> dict[str, Realism]:
    held_out, training = real.select(held_out_rows), real.select(~held_out_rows)
    controls = measure_controls(held_out, training, seed=seed)
    results = {title: getattr(controls, field) for field, title in CONTROLS.items()}
    for title, generator in generators.items():
        # A seed of its own for each fold: folds that shared their draws would look more alike than they are.
        generated = generator(np.flatnonzero(~held_out_rows), 1000 * seed + fold)
        results[title] = measure_realism(generated, held_out, training, seed=seed)
    return results


def _digest(real: RealSpectra, key: str, seed: int, fold: int, folds: int, titles: Mapping[str, Generator]) -> str:
    """Returns a digest of all that the result of a split depends on."""
    about = [key, seed, fold, folds, list(titles), real.subjects, real.sites, real.label_names]
    digest = hashlib.sha256(json.dumps([*about, real.acquisition.to_dict()]).encode())
    for array in (real.spectra, real.noise_sigma, real.labels, real.second_labels):
        digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _read(path: Path, digest: str) -> dict[str, Realism] | None:
    if not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    if content["digest"] != digest:
        return None
    return {title: Realism.from_dict(result) for title, result in content["realism"].items()}
