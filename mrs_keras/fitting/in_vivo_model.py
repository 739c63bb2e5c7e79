"""What the fit of in-vivo spectra consists of: signals, groups of shifts, weak priors, baseline."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from mrs_keras.checks import check_count, check_finite, check_positive

BIG_THREE = {"NAA": 1.0, "NAAG": 1.0, "Cr": 1.0, "PCr": 1.0, "GPC": 3.0, "PCho": 3.0, "Cho": 3.0}
"""`Big3` of LCModel: tNAA + tCr + 3 tCho (LCModel and LCMgui User's Manual, section 11.8)."""


@dataclasses.dataclass(frozen=True)
class AmplitudeRatio:
    """A weak Gaussian prior on a ratio of amplitudes.

    Args:
      signal: numerator, a column.
      over: denominator: column or sum -> weight.
      mean: of the ratio.
      deviation: standard deviation of the ratio.
    """

    signal: str
    over: Mapping[str, float]
    mean: float
    deviation: float

    def __post_init__(self):
        check_finite("mean", self.mean)
        check_positive("deviation", self.deviation, 0.1)


_LIPIDS_13 = {"Lip13a": 1.0, "Lip13b": 1.0}
LCMODEL_RATIOS = (
    AmplitudeRatio("Lip09", _LIPIDS_13, 0.267, 0.1),
    AmplitudeRatio("Lip20", _LIPIDS_13, 0.15, 0.07),
    AmplitudeRatio("MM20", {"MM09": 1.0}, 1.5, 0.375),
    AmplitudeRatio("MM12", {"MM09": 1.0}, 0.3, 0.1),
    AmplitudeRatio("MM14", {"MM09": 1.0}, 0.75, 0.45),
    AmplitudeRatio("MM17", {"MM09": 1.0}, 0.375, 0.24),
    AmplitudeRatio("CrCH2", {"Cr": 1.0, "PCr": 1.0}, 0.1, 0.25),
    AmplitudeRatio("Asp", BIG_THREE, 0.05, 0.05),
    AmplitudeRatio("GABA", BIG_THREE, 0.04, 0.04),
    AmplitudeRatio("Glc", BIG_THREE, 0.1, 0.1),
    AmplitudeRatio("sIns", BIG_THREE, 0.02, 0.02),
    AmplitudeRatio("Tau", BIG_THREE, 0.04, 0.04),
    AmplitudeRatio("NAAG", {"NAA": 1.0}, 0.15, 0.15),
)
"""Soft constraints of LCModel (LCModel and LCMgui User's Manual, S. W. Provencher, section 11.8, CHRATO)."""

BIRCH_RATIOS = (
    AmplitudeRatio("MM37", {"MM09": 1.0}, 0.89, 0.45),
    AmplitudeRatio("MM40", {"MM09": 1.0}, 1.39, 0.7),
)
"""Areas of macromolecules above 3 ppm over that at 0.90 ppm (Birch et al. 2017, doi 10.1002/mrm.26083), +-50 %."""

GROUPS: dict[str, tuple[str, ...]] = {
    "NAA": ("NAA",),
    "NAAG": ("NAAG",),
    "tCr": ("Cr", "PCr", "CrCH2"),
    "tCho": ("GPC", "PCho", "Cho"),
    "Ins": ("Ins",),
    "Glx": ("Glu", "Gln"),
}
"""Signals that shift together; the rest of the metabolites is `REST`, macromolecules and lipids are `BROAD`."""

REST, BROAD = "rest", "MM"

BROAD_COLUMNS = (
    *("MM09", "MM12", "MM14", "MM17", "MM20", "MM37", "MM40"),
    *("Lip09", "Lip13a", "Lip13b", "Lip20"),
)
"""Macromolecules and lipids that the fit has by default."""


@dataclasses.dataclass(frozen=True)
class InVivoModel:
    """The ingredients of a fit of in-vivo spectra; each can be changed or left out.

    Args:
      metabolites: names in the basis. Defaults to `None`: all of it.
      broad: macromolecules and lipids, names of `BROAD_SIGNALS` that are not in the basis. Defaults to `BROAD_COLUMNS`;
        `()` leaves them out, for example if the basis has a measured macromolecule spectrum as a column.
      measured_broad: columns of the basis that are macromolecules or lipids. Defaults to `()`: those whose names begin
        with `MM` or `Lip`.
      align_basis: whether to shift a basis that was written for another reference, such as 4.68 ppm, so that its NAA
        and creatine are where `check_basis` expects them, and macromolecules fit to it. Defaults to `True`.
      creatine_ch2: whether to fit the signal by which water suppression and relaxation lower creatine's CH2 at 3.93
        ppm. Defaults to `True`.
      groups: group -> signals whose frequencies shift together, beside the common shift. Defaults to `GROUPS`; the
        metabolites in none of them are one more group, macromolecules and lipids another. `{}` has no shifts at all.
      shift_ppm: standard deviation of a group's shift, ppm. Defaults to `0.004` (LCModel's DESDSH).
      broad_shift_ppm: the same for macromolecules and lipids. Defaults to `0.01` (the smaller numbers of LCModel's
        CHSIMU).
      ratios: weak priors on amplitudes. Defaults to those of LCModel, and of Birch et al. for the lines above 3 ppm.
      splines_per_ppm: density of the baseline's splines. Defaults to `6.67`: knots every 0.15 ppm (LCModel's DKNTMN);
        0 leaves the baseline out.
      baseline_freedom: effective degrees of freedom of the baseline per ppm to choose from, for each spectrum. Defaults
        to six values from 1 to 4, between the knots of Osprey (2.5 per ppm) and of LCModel (6.7 per ppm): a baseline
        that is more flexible follows what the model of the lines leaves over. A single value is used for all spectra.
      aic_factor: weight of the degrees of freedom in the criterion of the choice, `ln(RSS) + 2 aic_factor freedom /
        data`, with the real and imaginary parts of the points as data. Defaults to `1.0` (Akaike, doi
        10.1109/TAC.1974.1100705), with which nearly all spectra in vivo take the largest freedom that they may; ABfit
        takes 5 (Wilson, Magn Reson Med 85:13-29, 2021, doi 10.1002/mrm.28385).
      phi1_limit: bound of |phi1|, rad/Hz. Defaults to `5e-3`; 0 fits no first-order phase.
      gaussian: whether the lines are Voigt (`True`, the default), or Lorentzian.
      max_iterations: most Levenberg-Marquardt steps of a spectrum for each smoothness. Defaults to `60`.

    Raises:
      ValueError: if an option is out of range.

    Example:

    >>> InVivoModel(broad=(), ratios=()).creatine_ch2
    True
    """

    metabolites: Sequence[str] | None = None
    broad: Sequence[str] = BROAD_COLUMNS
    measured_broad: Sequence[str] = ()
    align_basis: bool = True
    creatine_ch2: bool = True
    groups: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=lambda: dict(GROUPS))
    shift_ppm: float = 0.004
    broad_shift_ppm: float = 0.01
    ratios: Sequence[AmplitudeRatio] = LCMODEL_RATIOS + BIRCH_RATIOS
    splines_per_ppm: float = 6.67
    baseline_freedom: Sequence[float] = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0)
    aic_factor: float = 1.0
    phi1_limit: float = 5e-3
    gaussian: bool = True
    max_iterations: int = 60

    def __post_init__(self):
        check_positive("shift_ppm", self.shift_ppm, 0.004)
        check_positive("broad_shift_ppm", self.broad_shift_ppm, 0.01)
        check_positive("aic_factor", self.aic_factor, 1.0)
        check_count("max_iterations", self.max_iterations, 60)
        for name, example in (("splines_per_ppm", 6.67), ("phi1_limit", 5e-3)):
            value = float(check_finite(name, getattr(self, name)))
            if value < 0:
                raise ValueError(f"`{name}` must be at least 0. Received: {name}={value}. Give for example {example}.")
        freedom = np.atleast_1d(check_finite("baseline_freedom", self.baseline_freedom))
        if not len(freedom) or np.any(freedom <= 0):
            raise ValueError(
                "`baseline_freedom` must be one or more numbers above 0, per ppm. "
                f"Received: baseline_freedom={self.baseline_freedom!r}. Give for example (1, 2, 4)."
            )
