"""Spectra that stand for measured ones and whose labels are known exactly, for the study's second task.

They are simulated, with a deliberate gap to what the package's priors, simulator and fits assume: other line shapes,
other macromolecules, another baseline. `exact_signals` has all amounts.
"""

import dataclasses

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.aliases import canonical_name, find_metabolite
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.macromolecules import BROAD_SIGNALS
from mrs_keras.checks import check_count
from mrs_keras.data.basis_source import BasisSource
from mrs_keras.measured.tables.names import SUMS
from mrs_keras.random_streams import EXACT_TRUTH
from mrs_keras.simulation import Prior
from mrs_keras.simulation.forward import fid_to_spectrum
from mrs_keras.simulation.keyed_random import Draws, keyed_normal
from mrs_keras.study.enrichment.exact_signals import (
    ExactSite,
    baseline_signal,
    broad_signal,
    line_shape,
    metabolite_signal,
)

EXACT_ACQUISITION = Acquisition(127.74, 2000.0, 2048, (-1.0, 4.3))
"""A usual one at 3 T."""

EXACT_PRIOR = "brain_press_te30"
"""Preset of the metabolites that are no label, of the parts of sums, and of the receiver's phases."""

CREATINE_MM, CREATINE_SPREAD = 7.5, 0.06
"""Mean and relative deviation of total creatine, mM."""

RATIOS: dict[str, tuple[float, float]] = {
    "tNAA_over_tCr": (1.45, 0.07),
    "tCho_over_tCr": (0.18, 0.11),
    "mI_over_tCr": (0.75, 0.09),
    "GSH_over_tCr": (0.22, 0.17),
}
"""Label -> its mean and its relative deviation between subjects: about those of healthy adults in vivo (80 scans of Big
GABA, PRESS, TE 35 ms, 3 T; doi 10.1016/j.neuroimage.2017.07.021)."""

PARTS = {name: SUMS[name.partition("_over_")[0]] for name in ("tNAA_over_tCr", "tCho_over_tCr")}
PARTS |= {"mI_over_tCr": ("Ins",), "GSH_over_tCr": ("GSH",)}
"""Label -> metabolites of its numerator."""


@dataclasses.dataclass(frozen=True, eq=False)
class ExactTruth:
    """Spectra of a simulated "measured" domain, one of each subject.

    Attributes:
      spectra: complex128 (n, window_points), rising ppm, with noise.
      noise_free: complex128 (n, window_points), the same without noise.
      noise_sigma: float64 (n,), standard deviation of the real part of the noise of each point.
      labels: float64 (n, labels), exact.
      label_names: of the labels.
      subjects: name of each.
      sites: of each.
      acquisition: of the spectra.
      basis: of the metabolites, the very signals that the spectra are made of, without macromolecules and lipids.
    """

    spectra: np.ndarray
    noise_free: np.ndarray
    noise_sigma: np.ndarray
    labels: np.ndarray
    label_names: tuple[str, ...]
    subjects: tuple[str, ...]
    sites: tuple[str, ...]
    acquisition: Acquisition
    basis: Basis


def exact_truth_domain(subjects: int, seed: int, *, sites: int = 6) -> ExactTruth:
    """Simulates spectra with exact labels that fits and priors of this package describe wrongly, as those in vivo.

    The metabolites' signals are those of this package's basis, in concentrations of the preset `brain_press_te30`, but
    with labels that vary independently, by `RATIOS`. Wrong on purpose is the rest: `exact_signals` says what, by how
    much and why. Sites differ in the means of width, SNR, line shape, eddy currents, macromolecules, baseline and
    phase, not in those of the labels.

    Spectrum k belongs to site `k % sites` and depends on (seed, sites, k) alone.

    Args:
      subjects: number of spectra.
      seed: of all draws.
      sites: number of sites. Defaults to `6`.

    Raises:
      ValueError: if a number is below 1.

    Example:

    >>> exact_truth_domain(12, seed=0).spectra.shape
    (12, 693)
    """
    subjects, sites = check_count("subjects", subjects, 150), check_count("sites", sites, 6)
    prior = Prior.from_preset(EXACT_PRIOR).for_frequency(EXACT_ACQUISITION.spectrometer_frequency_mhz)
    drawn_basis = BasisSource().basis(prior.metabolites, EXACT_ACQUISITION).scaled()
    drawn = prior.draw(drawn_basis, 0, subjects, seed=seed, split=EXACT_TRUTH)
    names = tuple(name for name in prior.metabolites if name not in BROAD_SIGNALS or name == "CrCH2")
    basis = drawn_basis.select(names)
    columns = [drawn_basis.names.index(name) for name in names]
    labels, amounts = _labelled(drawn.concentrations[:, columns], names, seed)
    places = [ExactSite.draw(Draws(seed, EXACT_TRUTH, place), f"site-{place + 1}") for place in range(sites)]
    of_row = [places[row % sites] for row in range(subjects)]

    clean = np.empty((subjects, EXACT_ACQUISITION.window_points), np.complex128)
    sigma = np.empty(subjects)
    for row, site in enumerate(of_row):
        draws = Draws(seed, f"{EXACT_TRUTH}: subjects", row)
        phase = np.exp(-1j * (site.phi0 + drawn.phi0[row] / 2 + drawn.phi1[row] * EXACT_ACQUISITION.frequency_axis_hz))
        clean[row], height = _spectrum(basis, amounts[row], site, draws, phase)
        sigma[row] = height / (site.snr * np.exp(0.12 * draws.normal("snr", 1)[0]))
    noise = keyed_normal(0, subjects, 2 * clean.shape[1], seed, EXACT_TRUTH, "noise").astype(np.float64)
    return ExactTruth(
        clean + sigma[:, None] * noise.view(np.complex128),
        clean,
        sigma,
        labels,
        tuple(RATIOS),
        tuple(f"sub-exact{row + 1:03d}" for row in range(subjects)),
        tuple(site.name for site in of_row),
        EXACT_ACQUISITION,
        basis.select(tuple(name for name in names if name != "CrCH2")),
    )


def _labelled(amounts: np.ndarray, names: tuple[str, ...], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns labels (n, labels), and amounts (n, metabolites) that have them exactly."""
    amounts = amounts.copy()
    count = len(amounts)

    def varied(name: str, mean: float, spread: float) -> np.ndarray:
        normal = keyed_normal(0, count, 1, seed, EXACT_TRUTH, name)[:, 0].astype(np.float64)
        variance = np.log1p(spread**2)  # of the logarithm
        return mean * np.exp(np.sqrt(variance) * normal - variance / 2)

    def set_sum(parts, wanted):
        places = [find_metabolite(part, names) for part in parts]
        total = amounts[:, places].sum(axis=1)
        # The prior may draw all parts as 0.
        shares = np.where(
            total[:, None] > 0, amounts[:, places] / np.where(total > 0, total, 1.0)[:, None], 1 / len(parts)
        )
        amounts[:, places] = shares * wanted[:, None]

    creatine = varied("tCr", CREATINE_MM, CREATINE_SPREAD)
    set_sum(SUMS["tCr"], creatine)
    labels = np.stack([varied(name, *ratio) for name, ratio in RATIOS.items()], axis=1)
    for column, name in enumerate(RATIOS):
        set_sum(PARTS[name], labels[:, column] * creatine)
    return labels, amounts


def _spectrum(
    basis: Basis, amounts: np.ndarray, site: ExactSite, draws: Draws, phase: np.ndarray
) -> tuple[np.ndarray, float]:
    """Returns the spectrum of a subject in the window, and the height of its NAA line."""
    acquisition = EXACT_ACQUISITION
    names = tuple(map(canonical_name, basis.names))
    shape = line_shape(site, draws, acquisition)
    lines = metabolite_signal(basis, names, amounts, acquisition) * shape
    naa = fid_to_spectrum(lines)[acquisition.slice_of((1.9, 2.1))]
    height = float(np.abs(naa).max())
    broad = broad_signal(site, draws, basis, acquisition) * shape
    received = lines + broad + baseline_signal(site, draws, height, acquisition)
    return (fid_to_spectrum(received) * phase)[acquisition.window], height
