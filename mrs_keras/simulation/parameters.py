"""The physical parameters of a batch of spectra."""

import dataclasses
import math

import numpy as np

from mrs_keras.checks import check_finite


@dataclasses.dataclass(frozen=True)
class Parameter:
    """The definition of a physical parameter, for builder, prior, checks and cards.

    Attributes:
      unit: of its values.
      doc: one line.
      at_least: lowest valid value. Defaults to none.
      above: exclusive lower bound. Defaults to none.
      per_line: whether a spectrum has one number per line (of residual water) instead of a single one.
      in_peak_heights: whether priors give it as a fraction of the tallest metabolite peak.
      grows_with_field: whether it is proportional to the spectrometer frequency, that is, constant in ppm; see
        `Prior.for_frequency`.
    """

    unit: str
    doc: str
    at_least: float = -math.inf
    above: float = -math.inf
    per_line: bool = False
    in_peak_heights: bool = False
    grows_with_field: bool = False

    @property
    def bound_in_words(self) -> str:
        """Condition on its values, such as `above 0 s`."""
        above = math.isfinite(self.above)
        return f"{'above' if above else 'at least'} {self.above if above else self.at_least:g} {self.unit}".rstrip()


PARAMETERS = {
    "concentrations": Parameter(
        "mM", "Concentration of each metabolite, in the order of the labels of the metadata", at_least=0.0
    ),
    "gamma": Parameter(
        "1/s",
        "Lorentzian decay rate; the lines gain gamma / pi Hz full width at half maximum",
        at_least=0.0,
        grows_with_field=True,
    ),
    "sigma": Parameter(
        "1/s",
        "Gaussian decay rate; alone it gives lines of 0.5300 sigma Hz full width at half maximum",
        at_least=0.0,
        grows_with_field=True,
    ),
    "eps": Parameter("rad/s", "Frequency shift; positive moves the peaks to lower ppm", grows_with_field=True),
    "phi0": Parameter("rad", "Zero-order phase"),
    "phi1": Parameter("rad/Hz", "First-order phase"),
    "baseline": Parameter(
        "units of the spectrum", "Baseline coefficients: real0, imag0, real1, imag1, ...", in_peak_heights=True
    ),
}
"""Field of `SpectralParameters` -> its definition."""

UNITS = {name: parameter.unit for name, parameter in PARAMETERS.items()}
"""Field of `SpectralParameters` -> unit."""

SNR = Parameter(
    "",
    "Tallest point of the magnitude spectrum in the window, without noise, baseline and effects, over the standard "
    "deviation of the real part of the noise, no unit",
    above=0.0,
)
"""Definition of the signal-to-noise ratio."""

SHIFTS = Parameter(
    "rad/s",
    "Frequency shift of each group of metabolites, beside `eps`; positive moves the peaks to lower ppm",
    grows_with_field=True,
)
"""Definition of the shifts of groups of metabolites."""

LINE_SHAPE = ("gamma", "sigma", "eps")
SCALARS = (*LINE_SHAPE, "phi0", "phi1")
"""Parameters that are one number per spectrum (and per line-shape group)."""


@dataclasses.dataclass(frozen=True, eq=False)
class SpectralParameters:
    """The parameters of the forward model for a batch of spectra.

    Args:
      concentrations: (batch, metabolites), mM.
      gamma: (batch, groups) or (batch,), Lorentzian decay rate, 1/s, >= 0. The line gains a full width at half
        maximum of `gamma / pi` Hz.
      sigma: (batch, groups) or (batch,), Gaussian decay rate, 1/s, >= 0: the signal decays as `exp(-sigma^2 t^2)`,
        alone a line of `0.5300 sigma` Hz full width at half maximum.
      eps: (batch, groups) or (batch,), frequency shift, rad/s. Positive moves peaks to lower ppm.
      phi0: (batch,), zero-order phase, rad.
      phi1: (batch,), first-order phase, rad/Hz.
      baseline: (batch, 2 (order + 1)), coefficients (real0, imag0, real1, imag1, ...) of the baseline polynomials, in
        the units of the spectrum, or `None` for no baseline. Defaults to `None`.

    `groups` is the number of line-shape groups: metabolites of a group share gamma, sigma and eps.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or a decay rate is negative.
    """

    concentrations: np.ndarray
    gamma: np.ndarray
    sigma: np.ndarray
    eps: np.ndarray
    phi0: np.ndarray
    phi1: np.ndarray
    baseline: np.ndarray | None = None

    def __post_init__(self):
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            array = check_finite(field.name, np.asarray(value, dtype=np.float64))
            if field.name in ("gamma", "sigma", "eps") and array.ndim == 1:
                array = array[:, None]
            object.__setattr__(self, field.name, array)
        self._check_shapes()
        for name in ("gamma", "sigma"):
            if np.any(getattr(self, name) < 0):
                raise ValueError(
                    f"`{name}` is a decay rate and must not be negative. "
                    f"Received a smallest value of {getattr(self, name).min()} 1/s."
                )

    def _check_shapes(self):
        if self.concentrations.ndim != 2 or self.gamma.ndim != 2:
            raise ValueError(
                "`concentrations` must be (batch, metabolites), and `gamma` (batch,) or (batch, groups). "
                f"Received: concentrations.shape={self.concentrations.shape}, gamma.shape={np.shape(self.gamma)}. "
                "A single spectrum is a batch of 1."
            )
        batch = len(self.concentrations)
        groups = self.gamma.shape[-1]
        expected = {
            "concentrations": (batch, self.concentrations.shape[-1]),
            **dict.fromkeys(("gamma", "sigma", "eps"), (batch, groups)),
            **dict.fromkeys(("phi0", "phi1"), (batch,)),
        }
        if self.baseline is not None:
            # Real and imaginary part of each order: an even number of columns.
            expected["baseline"] = (batch, self.baseline.shape[-1] // 2 * 2)
        for name, shape in expected.items():
            received = getattr(self, name).shape
            if received != shape:
                raise ValueError(
                    f"`{name}` does not fit the other parameters. Expected shape {shape}, for {batch} spectra. "
                    f"Received: {name}.shape={received}."
                )

    def __len__(self) -> int:
        return len(self.concentrations)

    def __getitem__(self, rows) -> "SpectralParameters":
        """Returns the parameters of some of the spectra; `rows` is a slice or an index array."""
        return self._map(lambda array: array[rows])

    def _map(self, function) -> "SpectralParameters":
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return SpectralParameters(**{k: v if v is None else function(v) for k, v in values.items()})
