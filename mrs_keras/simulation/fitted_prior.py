"""A prior made from fits of measured spectra: their joint distribution."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.simulation.distributions import Distribution
from mrs_keras.simulation.forward import forward_model
from mrs_keras.simulation.joint_distributions import Member, Scaled
from mrs_keras.simulation.mean_residual import MeanResidual
from mrs_keras.simulation.parameters import SpectralParameters
from mrs_keras.simulation.priors import Prior

NOTICE = (
    "This prior holds one row of fitted parameters for each of {subjects} subjects. It is as private as their spectra "
    "and has the licence of these: treat the file, and what is trained on it, alike."
)


@dataclasses.dataclass(frozen=True)
class FittedPrior(Prior):
    """The joint distribution of the parameters of fits; `prior_from_fits` makes one.

    It is a prior like any other. Its leaves are members of one `Kernel`. Heights (baseline, residual) are relative to
    `peak_height`, the tallest point of the mean fit, so that they do not depend on the scale of a basis.

    Args:
      fitted_to: what it was made from: `"subjects"`, their number; anything else that describes them.
      reference: of the mean fit: `"concentrations"` (metabolites,), `"gamma"` and `"sigma"`, as in
        `SpectralParameters`.
      residual: the mean residual; its coefficient is the last of the baseline's. Defaults to `None`: none.
    """

    fitted_to: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reference: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    residual: MeanResidual | None = None

    @property
    def notice(self) -> str:
        """What whoever passes the prior on must know."""
        return NOTICE.format(subjects=self.fitted_to.get("subjects", "some"))

    @property
    def baseline_coefficients(self) -> int:
        return super().baseline_coefficients + (0 if self.residual is None else 2)

    @property
    def has_polynomial_baseline(self) -> bool:
        return super().has_polynomial_baseline and self.residual is None

    def baseline_regressors(self, acquisition: Acquisition) -> np.ndarray:
        regressors = super().baseline_regressors(acquisition)
        if self.residual is None:
            return regressors
        residual = np.zeros((acquisition.points, 1), np.complex128)
        residual[acquisition.window, 0] = self.residual.at(acquisition.window_ppm_axis)
        return np.concatenate([regressors, residual], axis=1)

    def peak_height(self, basis: Basis) -> float:
        """Returns the tallest point of the magnitude spectrum of the mean fit, in the units of the spectrum."""
        return tallest_point(self.reference, self.basis(basis))

    def without(self, names: Iterable[str]) -> "FittedPrior":
        kept = [number for number, name in enumerate(self.metabolites) if name not in set(names)]
        concentrations = [self.reference["concentrations"][number] for number in kept]
        reference = {**self.reference, "concentrations": concentrations}
        return dataclasses.replace(super().without(names), reference=reference)

    def with_concentrations(self, requested: Mapping[str, Distribution]) -> "FittedPrior":
        """Returns the prior with concentrations drawn from other distributions, independently of all the rest.

        Args:
          requested: metabolite -> distribution, mM. The others stay joint with the line shape and the baseline.

        Raises:
          ValueError: if a metabolite is not in the prior.

        Example:

        >>> prior.with_concentrations({"GSH": UniformRange(0.5, 5.0)})  # doctest: +SKIP
        """
        self._check_known(requested)
        return dataclasses.replace(self, concentrations={**self.concentrations, **requested})

    def with_scaled_concentrations(self, factors: Mapping[str, Distribution] | Distribution) -> "FittedPrior":
        """Returns the prior with concentrations times independent factors.

        The rest stays joint: with the line shape and the baseline, and, up to the factors, with each other.

        Args:
          factors: metabolite, or several joined by `+` that share a factor, such as `"NAA+NAAG"`, -> distribution of
            the factor; or one distribution, for an independent factor of each metabolite.

        Raises:
          ValueError: if a metabolite is not in the prior, has two factors, or is not joint with the rest.

        Example:

        >>> prior.with_scaled_concentrations({"NAA+NAAG": UniformRange(0.75, 1.25)})  # doctest: +SKIP
        """
        if isinstance(factors, Distribution):
            factors = dict.fromkeys(self.metabolites, factors)
        replaced: dict[str, Distribution] = {}
        for key, factor in factors.items():
            names = key.split("+")
            self._check_known(names)
            for name in names:
                leaf = self.concentrations[name]
                if name in replaced or not isinstance(leaf, Member):
                    raise ValueError(
                        f"A concentration can be scaled once, and only if it is joint with the rest. Received: {name} "
                        f"in {', '.join(factors)}, drawn from {leaf}."
                    )
                if not factor.low >= 0:
                    raise ValueError(f"The factor of {key} must not be negative. Received: low={factor.low}.")
                replaced[name] = Scaled(leaf, factor, key)
        return dataclasses.replace(self, concentrations={**self.concentrations, **replaced})

    def _check_known(self, names: Sequence[str] | Mapping) -> None:
        unknown = [name for name in names if name not in self.concentrations]
        if unknown:
            raise ValueError(
                f"The prior must have the metabolites that are asked for. Expected some of: "
                f"{', '.join(self.metabolites)}. Received: {', '.join(unknown)}."
            )


def tallest_point(reference: Mapping[str, Any], basis: Basis) -> float:
    """Returns the tallest point of a magnitude spectrum in the window.

    Args:
      reference: its parameters, as in `FittedPrior`.
      basis: signals of its metabolites, scaled.
    """
    parameters = SpectralParameters(
        concentrations=np.array([reference["concentrations"]], np.float64),
        **{name: np.full(1, reference[name], np.float64) for name in ("gamma", "sigma")},
        **{name: np.zeros(1) for name in ("eps", "phi0", "phi1")},
    )
    spectra = forward_model(parameters, basis, metabolite_groups=[0] * len(basis.names))
    return float(np.abs(spectra[:, basis.acquisition.window]).max())
