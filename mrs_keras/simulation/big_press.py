"""Published statistics of fits of the human brain at 3 T, as leaves of a prior.

Osprey publishes means and standard deviations of its fits of 112 spectra of Big PRESS, with which it simulates spectra:
healthy adults, medial parietal lobe, Philips, 3 T, PRESS TE 35 ms. Its amplitudes are relative, and those of sums and
differences of two metabolites give the correlation of the two; no other correlation is published, and there is none
here.
"""

import math
from collections.abc import Mapping

from mrs_keras.simulation.copula import GaussianCopula
from mrs_keras.simulation.distributions import Distribution, Fixed, LogNormal, Normal, UniformRange, positive
from mrs_keras.simulation.joint_distributions import Member
from mrs_keras.simulation.splines import SplineBaseline

OSPREY = (
    "means and deviations of 112 fits of Big PRESS (Philips, TE 35 ms) that Osprey publishes for its simulations, "
    "Oeltzschner et al. 2020, doi 10.1016/j.jneumeth.2020.108827; fits as in Zöllner et al. 2021, doi 10.1002/nbm.4482"
)

FITTED_MHZ, PRESETS_MHZ = 127.73, 123.2
"""Spectrometer frequencies, MHz: of the fitted spectra, and of all ranges of presets in Hz, 1/s and rad/s."""

AMPLITUDES = {
    "Asc": (0.222, 0.363),
    "Asp": (1.5, 0.281),
    "Cr": (3.819, 0.848),
    "GABA": (0.888, 0.411),
    "GPC": (0.575, 0.32),
    "GSH": (1.341, 0.364),
    "Gln": (1.162, 0.675),
    "Glu": (5.681, 0.738),
    "Ins": (5.405, 0.778),
    "Lac": (0.328, 0.38),
    "NAA": (8.616, 1.071),
    "NAAG": (0.98, 0.349),
    "PCho": (0.507, 0.246),
    "PCr": (2.268, 1.163),
    "PE": (1.776, 0.514),
    "Tau": (1.239, 0.674),
    "sIns": (0.152, 0.105),
    "CrCH2": (0.84, 0.44),
    "MM09": (2.051, 0.649),
    "MM12": (0.279, 0.591),
    "MM14": (1.494, 1.024),
    "MM17": (0.511, 0.438),
    "MM20": (2.148, 0.766),
    "Lip09": (1.159, 0.451),
    # Osprey's Lip13 has a second line 0.89 ppm wide, 0.7 % of the height of NAA, which is left out.
    "Lip13a": (1.594, 0.526),
    "Lip20": (0.397, 0.151),
}
"""Signal -> published mean and standard deviation of its amplitude, relative to the others."""

TOTAL_CREATINE = 6.087
"""Published mean of the amplitude of Cr + PCr."""

TOTAL_CREATINE_MM = 7.5
"""Middle of de Graaf's 4.5 to 10.5 mM, which gives amplitudes their unit."""

PAIRS = {
    ("NAA", "NAAG"): (1.085, 1.167),
    ("Cr", "PCr"): (0.843, 1.853),
    ("PCho", "GPC"): (0.173, 0.543),
    ("Glu", "Gln"): (1.248, 0.667),
}
"""Two metabolites -> published standard deviations of the sum and the difference of their amplitudes."""

PHASES_DEG = ((-3.982, 9.282), (-1.947, 5.33))
"""Published means and deviations of the phase at 4.68 ppm, degrees, and of its slope, degrees per ppm; Osprey's model
is multiplied by exp(+i phase)."""

PHASE_CORRELATION = 0.9
"""Choice of this package: the spectra had been phased by creatine and choline at 3.1 ppm, where it leaves 4 degrees."""

BASELINE = (
    (-0.015, 0.044),
    (0.003, 0.064),
    (-0.011, 0.086),
    (0.082, 0.08),
    (0.056, 0.041),
    (0.087, 0.085),
    (0.113, 0.038),
    (0.111, 0.037),
    (0.018, 0.033),
    (0.073, 0.047),
    (0.075, 0.043),
    (0.025, 0.046),
    (0.152, 0.055),
    (0.131, 0.09),
)
"""Published means and deviations of the coefficients of the baseline: cubic B-splines with evenly spaced centres, the
first at 0.5 and the last at 4.0 ppm, the ends of the fit. Osprey scales a spectrum to a tallest point of 1."""

KNOTS_PPM = (4.0 - 0.5) / (len(BASELINE) - 1)

BELOW, ABOVE = 6, 2
"""Spans of the spline basis below the centre of the first, so that -1 ppm is inside, and above that of the last."""

SPLINES = SplineBaseline(
    round(0.5 - BELOW * KNOTS_PPM, 6),
    round(4.0 + ABOVE * KNOTS_PPM, 6),
    BELOW + len(BASELINE) - 1 + ABOVE + 3,
    causal=True,
)
"""Splines of which those numbered from `BELOW + 1` are Osprey's; the others have no amplitude."""

TYPICAL_HEIGHT = 0.6
"""Tallest point of a typical spectrum, baseline included, as a fraction of `Prior.peak_height`."""


def concentrations() -> dict[str, Distribution]:
    """Returns signal -> distribution, mM: `positive`, each, and correlated in the published pairs.

    The correlation of two amplitudes a, b follows from var(a + b) - var(a - b) = 4 cov(a, b).
    """
    unit, source = "mM", f"{OSPREY}; tCr taken as {TOTAL_CREATINE_MM} mM"
    per_amplitude = TOTAL_CREATINE_MM / TOTAL_CREATINE
    leaves: dict[str, Distribution] = {
        name: positive(mean * per_amplitude, deviation * per_amplitude, unit, source)
        for name, (mean, deviation) in AMPLITUDES.items()
    }
    for pair, (of_sum, of_difference) in PAIRS.items():
        covariance = (of_sum**2 - of_difference**2) / 4
        correlation = round(covariance / math.prod(AMPLITUDES[name][1] for name in pair), 3)
        joint = GaussianCopula(pair, [leaves[name] for name in pair], [[1.0, correlation], [correlation, 1.0]], source)
        leaves |= {name: Member(joint, name, unit) for name in pair}
    return leaves


def phases() -> dict[str, Distribution]:
    """Returns the phases of the forward model, exp(-i (phi0 + phi1 nu)), nu in Hz from 4.65 ppm."""
    (phi0, phi0_deviation), (phi1, phi1_deviation) = PHASES_DEG
    per_hz = math.radians(1.0) / FITTED_MHZ
    units = {"phi0": "rad", "phi1": "rad/Hz"}
    leaves = [
        Normal(round(-math.radians(phi0), 4), round(math.radians(phi0_deviation), 4), unit=units["phi0"]),
        Normal(round(-phi1 * per_hz, 7), round(phi1_deviation * per_hz, 7), unit=units["phi1"]),
    ]
    correlation = [[1.0, PHASE_CORRELATION], [PHASE_CORRELATION, 1.0]]
    joint = GaussianCopula(
        tuple(units), leaves, correlation, f"{OSPREY}; their correlation is a choice of this package"
    )
    return {name: Member(joint, name, unit) for name, unit in units.items()}


def line_shape() -> dict[str, Distribution]:
    """Returns the decay rates, at `PRESETS_MHZ`.

    The published line is Osprey's basis, 1.0 Hz wide, with a Lorentzian decay of 2.42 1/s, a Gaussian one of 9.3 1/s^2
    and the mean of the kernels that it is convolved with. At 127.73 MHz that is 5.25 Hz wide at half maximum, with a
    published deviation of 20 % (0.05 +- 0.01 ppm). Its Lorentzian part, 1.8 Hz, is within the 2.0 Hz of this package's
    basis, which a Gaussian part of 3.97 +- 1.08 Hz takes to 5.25 Hz.
    """
    gaussian_hz, deviation_hz = 3.97, 1.08
    sigma = math.pi * gaussian_hz / (2 * math.sqrt(math.log(2))) * PRESETS_MHZ / FITTED_MHZ
    return {
        "gamma": UniformRange(0.0, 1.0, "1/s", f"{OSPREY}: the published decay is below that of the basis"),
        "sigma": LogNormal(round(sigma, 2), round(deviation_hz / gaussian_hz, 2), "1/s", OSPREY),
    }


def baseline() -> tuple[Distribution, ...]:
    """Returns the distribution of each real coefficient of `SPLINES`; the imaginary parts belong to the splines."""
    unit = "fraction of the tallest metabolite peak"
    zero = Fixed(0.0, unit, "choice of this package: splines outside of the range that Osprey fitted")
    complex_coefficients: list[Distribution] = [zero] * SPLINES.splines
    for number, (mean, deviation) in enumerate(BASELINE, BELOW + 1):
        complex_coefficients[number] = Normal(
            round(mean * TYPICAL_HEIGHT, 5), round(deviation * TYPICAL_HEIGHT, 5), unit=unit, source=OSPREY
        )
    imaginary = Fixed(0.0, unit, "choice of this package: baselines of causal signals")
    return tuple(leaf for real in complex_coefficients for leaf in (real, imaginary))


def snr() -> Distribution:
    """Returns the signal-to-noise ratio as `simulate` defines it.

    Published are 227.1 +- 59.2, the height of NAA, baseline included, over the deviation of the noise. Here the height
    is that of the tallest point, which is NAA, without the baseline: 9 % less.
    """
    mean, deviation = 0.91 * 227.121, 0.91 * 59.198
    log_variance = math.log1p((deviation / mean) ** 2)
    return LogNormal(round(mean / math.exp(log_variance / 2), 1), round(math.sqrt(log_variance), 3), "", OSPREY)


def statistics() -> Mapping[str, object]:
    """Returns all of these as arguments of `Prior`, without effects and frequency shift."""
    return {
        "concentrations": concentrations(),
        **line_shape(),
        **phases(),
        "baseline": baseline(),
        "baseline_splines": SPLINES,
        "snr": snr(),
    }
