"""The effects of a batch of spectra as numbers, and spectra simulated with them."""

import dataclasses

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.checks import check_finite
from mrs_keras.simulation.effects import apply_eddy_current, apply_frequency_drift, residual_water
from mrs_keras.simulation.forward import fid_to_spectrum, forward_model, spectrum_to_fid
from mrs_keras.simulation.parameters import SpectralParameters
from mrs_keras.simulation.spectra import simulate

EFFECT_UNITS = {
    "water_height": "units of the spectrum",
    "water_shift_hz": "Hz",
    "water_gamma": "1/s",
    "water_sigma": "1/s",
    "water_phase": "rad",
    "eddy_amplitude_hz": "Hz",
    "eddy_time_constant_s": "s",
    "drift_hz": "Hz",
}
"""Field of `Effects` -> unit."""

WATER = tuple(name for name in EFFECT_UNITS if name.startswith("water_"))
_TOGETHER = (WATER, ("eddy_amplitude_hz", "eddy_time_constant_s"))


@dataclasses.dataclass(frozen=True, eq=False)
class Effects:
    """What the scanner adds to a batch of spectra; an effect whose fields are `None` is absent.

    Args:
      water_height: (batch, lines) or (batch,), height of each line of residual water in the magnitude spectrum, in the
        units of the spectrum, >= 0.
      water_shift_hz: as `water_height`, Hz from 4.65 ppm; positive is higher ppm.
      water_gamma: as `water_height`, Lorentzian decay rate, 1/s, >= 0.
      water_sigma: as `water_height`, Gaussian decay rate, 1/s, >= 0.
      water_phase: as `water_height`, rad.
      eddy_amplitude_hz: (batch,), frequency offset of the eddy current at t = 0, Hz.
      eddy_time_constant_s: (batch,), its decay time, s, > 0.
      drift_hz: (batch,), frequency drift over the transients, Hz.
      transients: how many transients are averaged. Defaults to `64`.

    Raises:
      ValueError: if an effect has some of its fields but not all, shapes disagree, or a value is not finite.
    """

    water_height: np.ndarray | None = None
    water_shift_hz: np.ndarray | None = None
    water_gamma: np.ndarray | None = None
    water_sigma: np.ndarray | None = None
    water_phase: np.ndarray | None = None
    eddy_amplitude_hz: np.ndarray | None = None
    eddy_time_constant_s: np.ndarray | None = None
    drift_hz: np.ndarray | None = None
    transients: int = 64

    def __post_init__(self):
        for name, value in self.values().items():
            array = check_finite(name, np.asarray(value, np.float64))
            if name in WATER and array.ndim == 1:
                array = array[:, None]
            object.__setattr__(self, name, array)
        check_together(self.values())
        shapes = {name: array.shape for name, array in self.values().items()}
        water = {shape for name, shape in shapes.items() if name in WATER}
        others = {shape for name, shape in shapes.items() if name not in WATER}
        batches = {shape[:1] for shape in water | others}
        if len(water) > 1 or any(len(s) != 2 for s in water) or any(len(s) != 1 for s in others) or len(batches) > 1:
            raise ValueError(
                "The effects must have one number per spectrum, and those of water one per spectrum and line. "
                f"Expected shapes (batch,), and (batch, lines) for water. Received: {shapes}."
            )

    def values(self) -> dict[str, np.ndarray]:
        """Returns the fields that are given: name -> array."""
        return {name: value for name in EFFECT_UNITS if (value := getattr(self, name)) is not None}

    def __len__(self) -> int:
        return len(next(iter(self.values().values()), ()))

    def __getitem__(self, rows) -> "Effects":
        """Returns the effects of some of the spectra; `rows` is a slice or an index array."""
        return dataclasses.replace(self, **{name: value[rows] for name, value in self.values().items()})

    def apply(self, fid: np.ndarray, time_axis_s: np.ndarray) -> np.ndarray:
        """Applies the effects to FIDs: residual water is added, and eddy currents and drift act on all signals.

        Args:
          fid: complex (batch, points).
          time_axis_s: float (points,), s.

        Returns:
          complex (batch, points), same precision.
        """
        if self.water_height is not None:
            lines = {name.removeprefix("water_"): getattr(self, name) for name in WATER}
            fid = fid + residual_water(time_axis_s, **lines).astype(fid.dtype)
        if self.eddy_amplitude_hz is not None:
            fid = apply_eddy_current(fid, time_axis_s, self.eddy_amplitude_hz, self.eddy_time_constant_s)
        if self.drift_hz is not None:
            fid = apply_frequency_drift(fid, time_axis_s, self.drift_hz, self.transients)
        return fid


def check_together(names) -> None:
    """Raises `ValueError` where an effect has some of its parameters but not all, or a name is unknown."""
    unknown = [name for name in names if name not in EFFECT_UNITS]
    if unknown:
        raise ValueError(f"Unknown effect parameter. Expected some of: {', '.join(EFFECT_UNITS)}. Received: {unknown}.")
    for group in _TOGETHER:
        missing = [name for name in group if name not in names]
        if 0 < len(missing) < len(group):
            raise ValueError(
                f"An effect needs all of its parameters: {', '.join(group)}. Missing: {', '.join(missing)}. "
                "Give these too, or none of them."
            )


def simulate_with_effects(
    parameters: SpectralParameters,
    basis: Basis,
    effects: Effects | None,
    *,
    dtype: type = np.complex64,
    **options,
) -> np.ndarray:
    """Simulates spectra as `simulate` does, with residual water, eddy currents and drift.

    The effects act on metabolites, macromolecules and lipids, not on the baseline, which describes the spectrum as it
    was acquired, nor on the noise. An `snr` is that of the spectrum without them: a tall water line does not raise it.

    Args:
      parameters: of `batch` spectra.
      basis: as in `simulate`.
      effects: of as many spectra, or `None` for none.
      dtype: `np.complex64` or `np.complex128`. Defaults to `np.complex64`.
      **options: of `simulate`: `snr` or `noise_sigma`, `seed`, `split`, `start`.

    Returns:
      complex (batch, window_points), rising ppm.

    Raises:
      ValueError: as in `simulate`, or if `effects` is not of as many spectra.

    Example:

    >>> parameters = prior.draw(basis, 0, 8, seed=0)
    >>> simulate_with_effects(parameters, basis, Effects(drift_hz=np.full(8, 5.0)), snr=40.0).shape
    (8, 252)
    """
    spectra = simulate(parameters, basis, dtype=dtype, **options)
    if effects is None or not effects.values():
        return spectra
    if len(effects) != len(parameters):
        raise ValueError(
            "`effects` must be of as many spectra as `parameters`. "
            f"Expected: {len(parameters)}. Received: {len(effects)}."
        )
    acquisition = basis.acquisition
    tissue = forward_model(dataclasses.replace(parameters, baseline=None), basis.scaled(), dtype=dtype)
    received = fid_to_spectrum(effects.apply(spectrum_to_fid(tissue), acquisition.time_axis_s))
    # Effects are linear in the signal: what they change is added, and baseline and noise stay as they are.
    return spectra + (received - tissue)[:, acquisition.window]
