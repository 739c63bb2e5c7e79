"""A prior made from fits of measured spectra: their joint distribution."""

import dataclasses
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.basis.basis import Basis
from mrs_keras.simulation.distributions import Distribution
from mrs_keras.simulation.forward import forward_model
from mrs_keras.simulation.joint_distributions import Member, Scaled
from mrs_keras.simulation.mean_residual import MeanResidual
from mrs_keras.simulation.parameters import SpectralParameters
from mrs_keras.simulation.prior_presets import PRESETS_MHZ
from mrs_keras.simulation.priors import NOTICE_KEY, Prior

FREQUENCY = "spectrometer_frequency_mhz"

NOTICE = (
    "This prior holds one row of fitted parameters for each of {subjects} subjects. It is as private as their spectra "
    "and has the licence of these: treat alike the file, spectra that are drawn from it, and what is trained on them."
)

FREQUENCY_TOLERANCE = 0.01
"""Largest relative difference between the frequency of the fits and that of a basis: line widths are as far off."""


@dataclasses.dataclass(frozen=True)
class FittedPrior(Prior):
    """The joint distribution of the parameters of fits; `prior_from_fits` makes one.

    It is a prior like any other. Its leaves are members of one `Kernel`. Heights (baseline, residual) are relative to
    `peak_height`, the tallest point of the mean fit, so that they do not depend on the scale of a basis. Without a
    `reference`, they are relative to the tallest peak that the prior allows, as in `Prior`.

    Args:
      fitted_to: what it was made from: `"subjects"`, their number; `"basis"`, the description of the signals;
        `"spectrometer_frequency_mhz"`; anything else that describes them.
      reference: of the mean fit: `"concentrations"`, name -> mM; `"gamma"` and `"sigma"`, 1/s. Defaults to none.
      residual: the mean residual; its coefficient is the last of the baseline's. Defaults to `None`: none.
    """

    fitted_to: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reference: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    residual: MeanResidual | None = None

    @property
    def notice(self) -> str:
        return NOTICE.format(subjects=self.fitted_to.get("subjects", "some"))

    def to_dict(self) -> dict:
        return {NOTICE_KEY: self.notice, **super().to_dict()}

    def basis(self, basis: Basis) -> Basis:
        """Returns the prior's columns from `basis`, scaled as FSL-MRS scales them.

        Raises:
          ValueError: if `basis` lacks one, or is of another field than the fits.

        Warns:
          UserWarning: if `basis` is not the one of the fits, by its description.
        """
        file = "Draw from it with the basis of the fits, such as the `basis.npz` that `mrs-keras measured prior` wrote"
        missing = [name for name in self.metabolites if find_metabolite(name, basis.names) is None]
        if missing:
            raise ValueError(
                f"The basis must have all columns of a prior from fits. Expected: {', '.join(self.metabolites)}. "
                f"Received: {', '.join(basis.names)}. Missing: {', '.join(missing)}. {file}."
            )
        fitted_mhz, mhz = self.fitted_to.get(FREQUENCY), basis.acquisition.spectrometer_frequency_mhz
        if fitted_mhz is not None and abs(mhz / fitted_mhz - 1) > FREQUENCY_TOLERANCE:
            raise ValueError(
                f"The prior is made from fits at another field. Expected a basis of {fitted_mhz:g} MHz. "
                f"Received: {mhz:g} MHz. {file}, or convert the prior: `prior.for_frequency({mhz:g})`."
            )
        fitted = self.fitted_to.get("basis")
        if fitted is not None and basis.description != fitted:
            warnings.warn(
                f"The prior is made from fits with the basis '{fitted}', and is drawn with '{basis.description}'. At "
                f"another echo time or of another sequence, heights and backgrounds are not those of the fits. {file}.",
                stacklevel=2,
            )
        return super().basis(basis)

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
        """Returns the tallest point of the magnitude spectrum of the mean fit, in the units of the spectrum.

        After `without`, it is that of the mean fit without these metabolites.
        """
        return tallest_point(self.reference, self.basis(basis)) if self.reference else super().peak_height(basis)

    def for_frequency(self, spectrometer_frequency_mhz: float, of_mhz: float | None = None) -> "FittedPrior":
        """Returns the prior for another spectrometer frequency, as `Prior.for_frequency` does.

        Args:
          spectrometer_frequency_mhz: of the new prior, MHz.
          of_mhz: frequency that this prior is for, MHz. Defaults to `None`: that of the fits.
        """
        of_mhz = self.fitted_to.get(FREQUENCY, PRESETS_MHZ) if of_mhz is None else of_mhz
        prior = super().for_frequency(spectrometer_frequency_mhz, of_mhz)
        factor = spectrometer_frequency_mhz / of_mhz
        widths = {name: self.reference[name] * factor for name in ("gamma", "sigma") if name in self.reference}
        return dataclasses.replace(
            prior,
            # The basis of the fits is one of their field.
            fitted_to={
                **{k: v for k, v in self.fitted_to.items() if k != "basis"},
                FREQUENCY: spectrometer_frequency_mhz,
            },
            reference={**self.reference, **widths},
        )

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
    concentrations = [reference["concentrations"].get(name, 0.0) for name in basis.names]
    parameters = SpectralParameters(
        concentrations=np.array([concentrations], np.float64),
        **{name: np.full(1, reference[name], np.float64) for name in ("gamma", "sigma")},
        **{name: np.zeros(1) for name in ("eps", "phi0", "phi1")},
    )
    spectra = forward_model(parameters, basis, metabolite_groups=[0] * len(basis.names))
    return float(np.abs(spectra[:, basis.acquisition.window]).max())
