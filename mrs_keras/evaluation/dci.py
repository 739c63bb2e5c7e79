"""Topic: whether latents and parameters pair up one to one (disentanglement, completeness, informativeness)."""

import dataclasses
from collections.abc import Mapping
from typing import Self

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from threadpoolctl import threadpool_limits

from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS
from mrs_keras.evaluation.latent_information import standardised
from mrs_keras.evaluation.latent_space import LatentSpace
from mrs_keras.evaluation.report.format import number
from mrs_keras.evaluation.topic import LeftOut, Topic
from mrs_keras.plotting.html_page import Section


@dataclasses.dataclass(frozen=True, eq=False)
class Disentanglement(Topic):
    """Result of `disentanglement`, all from 0 to 1, where 1 is best.

    Attributes:
      disentanglement: whether each latent carries only one parameter.
      completeness: whether each parameter is carried by only one latent.
      informativeness: parameter -> R2 of its prediction from all latents, on held-out examples.
    """

    disentanglement: float
    completeness: float
    informativeness: dict[str, float]

    @classmethod
    def measure(cls, latent_space: LatentSpace) -> Self | LeftOut:
        """Measures how latents correspond to gamma, sigma, eps, phi0 and the baseline.

        phi1 is left out: in its range it changes a spectrum by less than the model's own error.
        """
        carried = {
            name: values
            for name, values in latent_space.factors.items()
            if name in LINE_PARAMETERS or name.startswith("baseline")
        }
        if len(carried) < 2 or latent_space.latents.shape[1] < 2:
            return LeftOut("disentanglement", "it takes at least two latents and two known line or baseline parameters")
        with threadpool_limits(1, "blas"):  # small matrices: threads would wait for each other
            return disentanglement(latent_space.latents, carried)

    def numbers(self) -> dict:
        return {"latent_space": {"dci": dataclasses.asdict(self)}}

    def sections(self) -> list[Section]:
        rows = [
            ("disentanglement", number(self.disentanglement)),
            ("completeness", number(self.completeness)),
            *((f"informativeness: {name}", number(value)) for name, value in self.informativeness.items()),
        ]
        return [
            Section(
                "Latent space: disentanglement",
                "Disentanglement, completeness and informativeness (Eastwood and Williams 2018) of gamma, sigma, eps, "
                "phi0 and the baseline, from 0 to 1, 1 is best: whether a latent carries only one parameter, whether "
                "a parameter is carried by only one latent, and how well trees predict it (R2). A model can generate "
                "well with entangled latents; they are only harder to control.",
                (("", "value"), rows),
            )
        ]


def disentanglement(latents: np.ndarray, factors: Mapping[str, np.ndarray]) -> Disentanglement:
    """Measures whether latents and parameters pair up one to one (Eastwood and Williams, ICLR 2018).

    Extremely randomised trees predict each parameter from the latents; the importance R_ij of latent i for parameter j
    measures which latent carries which parameter. With P_ij the share of latent i's importance that goes to parameter
    j, the disentanglement of latent i is 1 minus the entropy of P_i. over its largest value; latents are weighted by
    their importance. Completeness is the same for the shares of parameter j's importance among the latents, averaged
    over the parameters.

    Args:
      latents: (batch, latent_dim), of at least two latents.
      factors: parameter -> (batch,), at least two.
    """
    importances, scores = [], {}
    for name, values in factors.items():
        trees = ExtraTreesRegressor(100, min_samples_leaf=5, bootstrap=True, oob_score=True, random_state=0)
        trees.fit(latents, standardised(values))
        importances.append(trees.feature_importances_)
        scores[name] = float(trees.oob_score_)
    importance = np.stack(importances, axis=1)
    of_latent = _one_less_entropy(importance)
    weight = importance.sum(axis=1) / importance.sum()
    return Disentanglement(float(of_latent @ weight), float(_one_less_entropy(importance.T).mean()), scores)


def _one_less_entropy(importance: np.ndarray) -> np.ndarray:
    """Returns 1 minus the entropy of each row's shares relative to that of equal shares: (rows,)."""
    shares = importance / np.maximum(importance.sum(axis=1, keepdims=True), 1e-300)
    logarithms = np.log(np.where(shares > 0, shares, 1.0))
    return 1 + (shares * logarithms).sum(axis=1) / np.log(importance.shape[1])
