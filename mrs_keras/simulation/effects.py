"""Scanner effects on a batch of spectra: one class for each effect, and the values of all of them.

An effect is added to the signal of the tissue (residual water), or multiplies all signals equally (eddy currents,
frequency drift); additions come first. Frequencies follow `Basis`: a positive one raises the ppm. (`eps` of the
forward model has the opposite sign and is in rad/s.) `mrs_keras.simulation.effects_on_fids` has each as a function.
"""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar

import numpy as np

from mrs_keras.checks import check_count, check_finite
from mrs_keras.simulation import array_math
from mrs_keras.simulation.parameters import Parameter


class Effect:
    """An effect: its parameters, and its formula for NumPy and for TensorFlow.

    Attributes:
      parameters: name -> description; a batch has all of them or none.
      settings: name -> default of whole numbers that are the same for all spectra.
      adds: whether the effect is added to the signal; it multiplies the signal otherwise.
    """

    parameters: ClassVar[Mapping[str, Parameter]]
    settings: ClassVar[Mapping[str, int]] = MappingProxyType({})
    adds: ClassVar[bool] = False

    @staticmethod
    def compute(time: Any, ops: Any, **values: Any) -> Any:
        """Returns the addition to FIDs, or the factor that multiplies them: (batch, points).

        Args:
          time: (points,), s.
          ops: `mrs_keras.simulation.array_math` or its twin for tensors.
          **values: the parameters, each (batch, 1) or (batch, lines), and the settings.
        """
        raise NotImplementedError


class ResidualWater(Effect):
    """Residual water after suppression: a few Voigt lines near the spectrometer frequency.

    Imperfect suppression leaves lines of any phase, whose tails reach into the metabolites (a sum of damped
    exponentials describes them, which is how they are removed: Pijnappel et al. 1992,
    doi 10.1016/0022-2364(92)90241-X). Each line is

        A exp(i (phase + 2 pi shift t) - gamma t - sigma^2 t^2)

    with A such that the magnitude of its spectrum, as `fid_to_spectrum` transforms it, is `height` at the line's
    frequency.
    """

    adds = True
    parameters: ClassVar = {
        "water_height": Parameter(
            "units of the spectrum",
            "Height of each line of residual water in the magnitude spectrum",
            at_least=0.0,
            per_line=True,
            in_peak_heights=True,
        ),
        "water_shift_hz": Parameter(
            "Hz",
            "Shift of each line of residual water from 4.65 ppm; positive is higher ppm",
            per_line=True,
            grows_with_field=True,
        ),
        "water_gamma": Parameter(
            "1/s",
            "Lorentzian decay rate of each line of residual water",
            at_least=0.0,
            per_line=True,
            grows_with_field=True,
        ),
        "water_sigma": Parameter(
            "1/s",
            "Gaussian decay rate of each line of residual water",
            at_least=0.0,
            per_line=True,
            grows_with_field=True,
        ),
        "water_phase": Parameter("rad", "Phase of each line of residual water", per_line=True),
    }

    @staticmethod
    def compute(time, ops, water_height, water_shift_hz, water_gamma, water_sigma, water_phase):
        fid = 0.0
        for line in range(water_height.shape[1]):
            height, shift_hz, gamma, sigma, phase = (
                values[:, line, None]
                for values in (water_height, water_shift_hz, water_gamma, water_sigma, water_phase)
            )
            envelope = ops.exp(-gamma * time - (sigma * time) ** 2)
            # On resonance the spectrum of the envelope is its sum, the first point halved, over sqrt(points).
            on_resonance = (ops.total(envelope) - envelope[:, :1] / 2) / math.sqrt(time.shape[0])
            fid += ops.polar(envelope * (height / on_resonance), phase + 2 * math.pi * shift_hz * time)
        return fid


class EddyCurrent(Effect):
    """The phase of a frequency offset that decays with the eddy currents.

    The field of an eddy current shifts all frequencies by A exp(-t / tau), which is a phase of

        phase(t) = 2 pi A tau (1 - exp(-t / tau))

    common to all signals; dividing by the phase of a water reference removes it (Klose 1990,
    doi 10.1002/mrm.1910140104).
    """

    parameters: ClassVar = {
        "eddy_amplitude_hz": Parameter(
            "Hz", "Frequency offset of the eddy current at the beginning of the FID; positive is to higher ppm"
        ),
        "eddy_time_constant_s": Parameter("s", "Decay time of the eddy current", above=0.0),
    }

    @staticmethod
    def compute(time, ops, eddy_amplitude_hz, eddy_time_constant_s):
        phase = -2 * math.pi * eddy_amplitude_hz * eddy_time_constant_s * ops.expm1(-time / eddy_time_constant_s)
        return ops.polar(1.0, phase)


class FrequencyDrift(Effect):
    """Averages transients whose frequency drifts linearly, without aligning them.

    Transient m = 0..M-1 is shifted by d (m / (M - 1) - 1/2) Hz, so the mean frequency does not change. The mean over
    the transients is the Dirichlet kernel

        sin(M x) / (M sin x),  x = pi d t / (M - 1)

    which broadens each line towards a box d Hz wide and lowers it. Spectral registration corrects this (Near et al.
    2015, doi 10.1002/mrm.25094).
    """

    parameters: ClassVar = {
        "drift_hz": Parameter(
            "Hz",
            "Frequency drift over the transients: that of the last one less that of the first",
            grows_with_field=True,
        )
    }
    settings: ClassVar = {"transients": 64}

    @staticmethod
    def compute(time, ops, drift_hz, transients):
        if transients == 1:
            return 0.0 * drift_hz * time + 1.0
        x = math.pi * drift_hz * time / (transients - 1)
        # sinc(y) = sin(pi y) / (pi y). Where sin(x) is 0 so is sin(Mx), and their ratio has the magnitude M; the
        # kernel is taken modulo the period pi, on which it is +-1 times its value near 0.
        period = ops.rint(x / math.pi)
        x = x - math.pi * period
        sign = ops.where((period * (transients - 1)) % 2 == 0, 1.0, -1.0)
        return sign * ops.sinc(transients * x / math.pi) / ops.sinc(x / math.pi)


EFFECTS: tuple[type[Effect], ...] = (ResidualWater, EddyCurrent, FrequencyDrift)
"""All effects, in the order in which they act. Add the class of a new effect here."""

EFFECT_PARAMETERS: dict[str, Parameter] = {
    name: parameter for effect in EFFECTS for name, parameter in effect.parameters.items()
}
"""Field of `Effects` -> its description."""

EFFECT_UNITS = {name: parameter.unit for name, parameter in EFFECT_PARAMETERS.items()}
"""Field of `Effects` -> unit."""

_SETTINGS = {name: default for effect in EFFECTS for name, default in effect.settings.items()}


def check_together(names: Iterable[str]) -> None:
    """Raises `ValueError` if an effect has some of its parameters but not all, or a name is unknown."""
    names = list(names)
    unknown = [name for name in names if name not in EFFECT_PARAMETERS]
    if unknown:
        raise ValueError(
            f"Unknown effect parameter. Expected some of: {', '.join(EFFECT_PARAMETERS)}. Received: {unknown}."
        )
    for effect in EFFECTS:
        missing = [name for name in effect.parameters if name not in names]
        if 0 < len(missing) < len(effect.parameters):
            raise ValueError(
                f"An effect needs all of its parameters: {', '.join(effect.parameters)}. "
                f"Missing: {', '.join(missing)}. Give these too, or none of them."
            )


class Effects:
    """The effects of a batch of spectra as numbers; effects without parameters are absent.

    Args:
      transients: number of averaged transients. Defaults to `64`.
      **values: names of `EFFECT_PARAMETERS` -> (batch,), or (batch, lines) or (batch,) for residual water, in the units
        of `EFFECT_UNITS`. All parameters of an effect, or none.

    Raises:
      ValueError: if an effect has some of its parameters but not all, shapes disagree, or a value is not finite or out
        of its bounds.

    Example:

    >>> len(Effects(drift_hz=[1.0, 2.0, 3.0]))
    3
    """

    def __init__(self, **values):
        self._settings = {
            name: check_count(name, values.pop(name, default), default) for name, default in _SETTINGS.items()
        }
        values = {name: value for name, value in values.items() if value is not None}
        check_together(values)
        self._values = {}
        for name in (name for name in EFFECT_PARAMETERS if name in values):
            array, parameter = check_finite(name, np.asarray(values[name], np.float64)), EFFECT_PARAMETERS[name]
            self._values[name] = array[:, None] if parameter.per_line and array.ndim == 1 else array
            if np.any(array < parameter.at_least) or np.any(array <= parameter.above):
                raise ValueError(
                    f"`{name}` must be {parameter.bound_in_words}. Received a smallest value of {array.min()}."
                )
        self._check_shapes()

    def _check_shapes(self) -> None:
        shapes = {name: array.shape for name, array in self._values.items()}
        lines = {shape for name, shape in shapes.items() if EFFECT_PARAMETERS[name].per_line}
        others = {shape for name, shape in shapes.items() if not EFFECT_PARAMETERS[name].per_line}
        batches = {shape[:1] for shape in lines | others}
        if len(lines) > 1 or any(len(s) != 2 for s in lines) or any(len(s) != 1 for s in others) or len(batches) > 1:
            raise ValueError(
                "The effects must have one number per spectrum, and those of water one per spectrum and line. "
                f"Expected shapes (batch,), and (batch, lines) for water. Received: {shapes}."
            )

    def values(self) -> dict[str, np.ndarray]:
        """Returns the parameters that are given: name -> array."""
        return dict(self._values)

    def __len__(self) -> int:
        return len(next(iter(self._values.values()), ()))

    def __getitem__(self, rows) -> "Effects":
        """Returns the effects of some of the spectra; `rows` is a slice or an index array."""
        return Effects(**{name: value[rows] for name, value in self._values.items()}, **self._settings)

    def added_and_factor(self, time_axis_s: np.ndarray, rows: slice = slice(None)) -> tuple[Any, Any]:
        """Returns the addition to the FIDs of some spectra, and the factor after it: (rows, points) or a number.

        Args:
          time_axis_s: float (points,), s.
          rows: the spectra. Defaults to all.
        """
        columns = {name: value[rows].reshape(len(value[rows]), -1) for name, value in self._values.items()}
        return combine_effects({**columns, **self._settings}, time_axis_s, array_math)

    def apply(self, fid: np.ndarray, time_axis_s: np.ndarray) -> np.ndarray:
        """Applies the effects to FIDs: residual water is added, and eddy currents and drift act on all signals.

        Args:
          fid: complex (batch, points).
          time_axis_s: float (points,), s.

        Returns:
          complex (batch, points), same precision.
        """
        added, factor = self.added_and_factor(time_axis_s)
        received = fid + added
        return np.multiply(received, factor).astype(fid.dtype)


def combine_effects(values: Mapping[str, Any], time: Any, ops: Any) -> tuple[Any, Any]:
    """Computes the effects whose parameters are given: the sum of the additions and the product of the factors.

    Args:
      values: name -> (batch, 1) or (batch, lines); settings that are left out have their defaults.
      time: (points,), s.
      ops: `mrs_keras.simulation.array_math` or its twin for tensors.

    Returns:
      (batch, points) each; the numbers 0 and 1 if there is nothing to add or to multiply.
    """
    added, factor = 0.0, 1.0
    for effect in EFFECTS:
        if all(name in values for name in effect.parameters):
            own = {name: values[name] for name in effect.parameters}
            settings = {name: values.get(name, default) for name, default in effect.settings.items()}
            result = effect.compute(time, ops, **own, **settings)
            if effect.adds:
                added = added + result
            else:
                factor = factor * ops.as_complex(result)
    return added, factor
