"""Cross-validation by subject within sites."""

from collections.abc import Sequence

import numpy as np

from mrs_keras.evaluation.realism.draws import stratified_folds
from mrs_keras.measured.subjects import subject_of


def subject_folds(subjects: Sequence[str], sites: Sequence[str], folds: int = 3, seed: object = 0) -> np.ndarray:
    """Divides spectra into folds in which no subject appears twice and each site is spread over all folds.

    The result depends on `seed` and on the set of subjects and their sites alone.

    Args:
      subjects: of each spectrum, by any name that `subject_of` understands.
      sites: of each spectrum; a subject of several sites counts at the first by name.
      folds: their number. Defaults to `3`: of 80 subjects, 53 or 54 train and 27 or 26 are held out.
      seed: number, or anything whose text tells draws apart. Defaults to `0`.

    Returns:
      int (n,), the fold in which each spectrum is held out.

    Raises:
      ValueError: if there are fewer subjects than folds.

    Example:

    >>> subject_folds(["sub-1", "sub-1", "sub-2"], ["A", "A", "A"], folds=2).tolist()[:2] in ([0, 0], [1, 1])
    True
    """
    names = [subject_of(subject) for subject in subjects]
    site_of: dict[str, str] = {}
    for name, site in sorted(zip(names, map(str, sites), strict=True)):
        site_of.setdefault(name, site)
    if not 2 <= folds <= len(site_of):
        raise ValueError(
            "`folds` must be at least 2 and at most the number of subjects. "
            f"Expected: 2 to {len(site_of)}. Received: folds={folds}. Give for example folds=3."
        )
    fold_of = stratified_folds(np.array(list(site_of.values())), folds, seed, "folds of subjects")
    by_name = dict(zip(site_of, fold_of, strict=True))
    return np.array([by_name[name] for name in names])
