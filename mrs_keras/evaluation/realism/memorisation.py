"""Whether a generator repeats its training spectra."""

import dataclasses

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestNeighbors

from mrs_keras.checks import check_finite
from mrs_keras.evaluation.realism.canonical import CanonicalSpectra
from mrs_keras.evaluation.realism.two_sample import COMPARED

COMPONENTS = 20


@dataclasses.dataclass(frozen=True)
class Memorisation:
    """How near generated spectra are to those of the training.

    Attributes:
      nearest_ratio: median distance of generated to the nearest training spectrum over that of held-out ones: 1 is
        best, 0 for copies, above 1 where generated spectra are far from all real ones.
      membership: AUC of training against held-out spectra by their distance to the nearest generated one: 0.5 is best,
        1 if the generated spectra tell which ones were trained on.
      white_box: the same by the model's own loss; `None` if it is not given.
    """

    nearest_ratio: float
    membership: float
    white_box: float | None = None


def measure_memorisation(
    training: CanonicalSpectra,
    held_out: CanonicalSpectra,
    generated: CanonicalSpectra,
    losses: tuple[np.ndarray, np.ndarray] | None = None,
) -> Memorisation:
    """Measures distances between generated, training and held-out spectra.

    `nearest_ratio` is of distances in the first 20 principal components of the training spectra, without most of the
    noise. `membership` is of distances between whole canonical spectra: components that are fitted to the training
    spectra hold a part of their noise, but not of that of held-out ones, and so take its floor from 0.49 to 0.45.

    Args:
      training: real spectra that the generator was made from.
      held_out: real spectra that it has not seen.
      generated: the first 300 are used: more come nearer to anything.
      losses: of the generator, one number for each training and each held-out spectrum, such as its negative
        log-likelihood. Defaults to `None`.

    Raises:
      ValueError: if there is not one finite loss for each spectrum.
    """
    known, new, made = (each.features for each in (training, held_out, generated.select(slice(COMPARED))))
    space = PCA(min(COMPONENTS, len(known) - 1), svd_solver="full").fit(known)
    in_space = space.transform(known)
    ratio = np.median(nearest(space.transform(made), in_space)) / np.median(nearest(space.transform(new), in_space))
    near = [-nearest(points, made) for points in (known, new)]
    if losses is not None:
        losses = [_checked(loss, len(points)) for loss, points in zip(losses, (known, new), strict=True)]
    return Memorisation(float(ratio), _auc(*near), None if losses is None else _auc(-losses[0], -losses[1]))


def _checked(losses: np.ndarray, count: int) -> np.ndarray:
    losses = check_finite("losses", np.asarray(losses, np.float64))
    if losses.shape != (count,):
        raise ValueError(
            "`losses` must be two arrays, one number for each training and one for each held-out spectrum. "
            f"Expected: shape ({count},). Received: {losses.shape}. Sum the loss of a spectrum over its points."
        )
    return losses


def nearest(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Returns the distance of each point to the nearest of the others: float64 (points,)."""
    # From differences: squares of sums round, so that a copy would not be at a distance of 0.
    finder = NearestNeighbors(n_neighbors=1, algorithm="kd_tree").fit(others)
    return finder.kneighbors(points)[0][:, 0]


def _auc(training: np.ndarray, held_out: np.ndarray) -> float:
    is_training = np.repeat([1, 0], [len(training), len(held_out)])
    return float(roc_auc_score(is_training, np.concatenate([training, held_out])))
