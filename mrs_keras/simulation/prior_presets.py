"""Named priors as data: every range with its unit and its source."""

from mrs_keras.simulation import big_press
from mrs_keras.simulation.distributions import UniformRange

WAND = "uniform set published with WAND for MRS, Merkofer et al., NMR Biomed 38:e70038 (2025), doi 10.1002/nbm.70038"
CHOICE = "choice of this package: abstract 5027 names the parameter, not its range"

DE_GRAAF = "de Graaf, In Vivo NMR Spectroscopy, 3rd ed. 2019, as tabulated in WAND for MRS, Merkofer et al."
CHALLENGE = "choice of this package, by the look of the 2016 ISMRM fitting challenge's spectra, doi 10.1002/mrm.28942"
WIDTH = "choice of this package: singlets of 4 to 10 Hz; on shimming see Juchem et al. 2021, doi 10.1002/nbm.4350"
WATER = "choice of this package: well-suppressed water; on suppression see Wilson et al. 2019, doi 10.1002/mrm.27742"
PROCESSED = "choice of this package: what preprocessing leaves; on it see Near et al. 2021, doi 10.1002/nbm.4257"
SNR = "choice of this package: 14 spectra of the fitting challenge have 18 to 171, doi 10.1002/mrm.28942"
REMOVED = "choice of this package: what is left where residual water was removed, as from the spectra of the statistics"
CORRECTED = "choice of this package: what correction leaves, beside what the published line width has of it"
LIPID = "choice of this package: scalp lipids of a well-placed voxel are near zero"

BRAIN_CONCENTRATIONS_MM = {
    "Ace": (0.0, 0.5),
    "Ala": (0.1, 1.6),
    "Asc": (0.4, 1.7),
    "Asp": (1.0, 2.0),
    "Cr": (1.5, 5.0),  # 4.5 to 10.5 in the source: read as total creatine, which leaves this beside PCr
    "GABA": (1.0, 2.0),
    "GPC": (0.4, 1.7),
    "GSH": (1.7, 3.0),
    "Glc": (1.0, 2.0),
    "Gln": (3.0, 6.0),
    "Glu": (6.0, 12.5),
    "Gly": (0.2, 1.0),
    "Ins": (4.0, 9.0),
    "Lac": (0.2, 1.0),
    "NAA": (7.5, 12.0),
    "NAAG": (0.5, 2.5),
    "PCho": (0.2, 1.0),
    "PCr": (3.0, 5.5),
    "PE": (1.0, 2.0),
    "Tau": (3.0, 6.0),
    "sIns": (0.2, 0.5),
}
"""Metabolite -> lowest and highest concentration in the healthy adult human brain, mM."""

FITTED = big_press.statistics()

NOT_FITTED = ("Ace", "Ala", "Glc", "Gly")
"""Metabolites that Big PRESS was fitted without."""

PRIOR_PRESETS: dict[str, dict] = {
    "naa_pcr": {
        "description": "NAA and PCr, as in ISMRM 2023 abstract 5027 (van de Sande et al.)",
        "concentrations": {
            "NAA": UniformRange(7.5, 17.0, "mM", WAND),
            "PCr": UniformRange(3.0, 5.5, "mM", WAND),
        },
        "gamma": UniformRange(2.0, 25.0, "1/s", WAND),
        "sigma": UniformRange(2.0, 25.0, "1/s", WAND),
        "eps": UniformRange(-20.0, 20.0, "rad/s", WAND),
        "phi0": UniformRange(-1.5, 1.5, "rad", WAND),
        "phi1": UniformRange(-1e-5, 1e-5, "rad/Hz", CHOICE),
        "baseline": UniformRange(-0.05, 0.05, "fraction of the tallest metabolite peak", CHOICE),
        "baseline_order": 4,
    },
    "brain_press_te30": {
        "description": "21 metabolites, macromolecules, lipids, baseline, residual water, noise: brain at 3 T, PRESS "
        "TE 30 ms, by published statistics",
        "concentrations": {
            **FITTED["concentrations"],
            **{name: UniformRange(*BRAIN_CONCENTRATIONS_MM[name], "mM", DE_GRAAF) for name in NOT_FITTED},
        },
        **{name: FITTED[name] for name in FITTED if name != "concentrations"},
        "eps": UniformRange(-12.0, 12.0, "rad/s", PROCESSED),
        "effects": {
            "water_height": UniformRange(0.0, 0.04, "multiple of the tallest metabolite peak, each line", REMOVED),
            "water_shift_hz": UniformRange(-10.0, 12.0, "Hz", WATER),
            "water_gamma": UniformRange(10.0, 35.0, "1/s", WATER),
            "water_sigma": UniformRange(0.0, 20.0, "1/s", WATER),
            "water_phase": UniformRange(-3.14159265, 3.14159265, "rad", WATER),
            "eddy_amplitude_hz": UniformRange(-1.0, 1.0, "Hz", CORRECTED),
            "eddy_time_constant_s": UniformRange(0.01, 0.1, "s", PROCESSED),
            "drift_hz": UniformRange(-1.0, 1.0, "Hz", CORRECTED),
        },
        "water_lines": 3,
    },
    "brain_press_te30_uniform": {
        "description": "21 metabolites, macromolecules, lipids, residual water, noise: brain at 3 T, PRESS TE 30 ms, "
        "in independent uniform ranges",
        "concentrations": {
            **{name: UniformRange(*limits, "mM", DE_GRAAF) for name, limits in BRAIN_CONCENTRATIONS_MM.items()},
            "MM3T": UniformRange(20.0, 45.0, "mM of protons of the largest line", CHALLENGE),
            "Lip09": UniformRange(0.0, 0.5, "mM", LIPID),
            "Lip13a": UniformRange(0.0, 1.5, "mM", LIPID),
        },
        "gamma": UniformRange(1.0, 10.0, "1/s", WIDTH),
        "sigma": UniformRange(4.0, 14.0, "1/s", WIDTH),
        "eps": UniformRange(-12.0, 12.0, "rad/s", PROCESSED),
        "phi0": UniformRange(-0.2, 0.2, "rad", PROCESSED),
        "phi1": UniformRange(-1e-4, 1e-4, "rad/Hz", PROCESSED),
        "baseline": UniformRange(-0.01, 0.01, "fraction of the tallest metabolite peak", CHALLENGE),
        "baseline_order": 4,
        "effects": {
            "water_height": UniformRange(0.0, 0.4, "multiple of the tallest metabolite peak, each line", WATER),
            "water_shift_hz": UniformRange(-10.0, 12.0, "Hz", WATER),
            "water_gamma": UniformRange(10.0, 35.0, "1/s", WATER),
            "water_sigma": UniformRange(0.0, 20.0, "1/s", WATER),
            "water_phase": UniformRange(-3.14159265, 3.14159265, "rad", WATER),
            "eddy_amplitude_hz": UniformRange(-3.0, 3.0, "Hz", PROCESSED),
            "eddy_time_constant_s": UniformRange(0.01, 0.1, "s", PROCESSED),
            "drift_hz": UniformRange(-3.0, 3.0, "Hz", PROCESSED),
        },
        "water_lines": 3,
        "snr": UniformRange(20.0, 150.0, "", SNR),
    },
}
"""Preset name -> arguments of `Prior`, for `PRESETS_MHZ`."""

PRESETS_MHZ = big_press.PRESETS_MHZ
"""Spectrometer frequency, MHz, of the presets' ranges in Hz, 1/s and rad/s; `Prior.for_frequency` converts them."""

TEST_PAIRS: dict[str, tuple[str, ...]] = {"phi0": ("phi0",), "broadening": ("gamma", "sigma")}
"""Pair of the test split -> parameters in which its two spectra differ."""
