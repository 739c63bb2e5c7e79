"""Makes what the dataset card shows: its tables from the priors, its figure from the built dataset.

tfds build tfds_builders/simulated_mrs --config brain_press_te30
python tfds_builders/simulated_mrs/card.py
"""

import argparse
from pathlib import Path

import matplotlib
import numpy as np

from mrs_keras import Acquisition, Prior, open_dataset
from mrs_keras.data import describe_dataset, load_arrays
from mrs_keras.simulation import (
    EFFECT_PARAMETERS,
    Distribution,
    Fixed,
    GaussianCopula,
    UniformRange,
    channels_to_complex,
    voigt_fwhm_hz,
)
from mrs_keras.simulation.joint_distributions import Member
from mrs_keras.simulation.parameters import SCALARS

CONFIG = "brain_press_te30"
FIGURE = Path(__file__).with_name("brain_press_te30.png")
SPECTRA = 5
BASIS_LINEWIDTH_HZ = 2.0


def prior_tables(prior: Prior) -> tuple[str, str]:
    """Returns the table of a prior and the list of its sources, as Markdown."""
    names = [*prior.metabolites, *SCALARS, *prior.baseline_names, *prior.effects]
    names += [] if prior.snr is None else ["snr"]
    names = [name for name in names if prior.leaf(name) != Fixed(0.0, prior.leaf(name).unit, prior.leaf(name).source)]
    sources: list[str] = []
    of_ranges = all(isinstance(prior.leaf(name), UniformRange) for name in names)
    column = "range" if of_ranges else "range, or mean ± standard deviation"
    rows = [f"| parameter | {column} | unit | source |", "|---|---|---|---|"]
    for name in names:
        leaf = prior.leaf(name)
        if leaf.source not in sources:
            sources.append(leaf.source)
        unit = leaf.unit.removesuffix(", each line")
        rows.append(f"| {_label(prior, name)} | {_in_words(leaf)} | {unit} | {1 + sources.index(leaf.source)} |")
    listed = [f"{number}. {source[0].upper()}{source[1:]}." for number, source in enumerate(sources, start=1)]
    return "\n".join(rows), "\n".join(listed)


def _label(prior: Prior, name: str) -> str:
    """Returns a parameter's name, with what it is one of."""
    if name == "baseline":
        return f"{name}, {prior.baseline_coefficients} coefficients"
    if name.startswith("baseline/"):
        centre_ppm = prior.baseline_splines.centres_ppm[int(name.partition("/")[2]) // 2]
        return f"baseline, spline at {centre_ppm:.2f} ppm"
    per_line = name in EFFECT_PARAMETERS and EFFECT_PARAMETERS[name].per_line
    return f"{name}, each of {prior.water_lines} lines" if per_line else name


def _in_words(leaf: Distribution) -> str:
    """Returns a range, or mean and standard deviation, and the correlation with the partner of a pair."""
    if isinstance(leaf, UniformRange):
        return f"{leaf.low:.4g} to {leaf.high:.4g}"
    if isinstance(leaf, Member):
        joint = leaf.joint
        if not isinstance(joint, GaussianCopula) or len(joint.names) != 2:
            raise ValueError(f"The card has no words for {joint}. Add them to `_in_words`.")
        partner = joint.names[1 - leaf.column]
        return f"{_in_words(joint.leaves[leaf.column])}; correlation with {partner} {joint.correlation[0, 1]:.3g}"
    values = leaf.quantile((np.arange(100_000) + 0.5) / 100_000)
    return f"{values.mean():.3g} ± {values.std():.3g}"


def draw(arrays: dict[str, np.ndarray], acquisition: Acquisition):
    """Draws example spectra over SNR quantiles, and the distributions of SNR and linewidth.

    Args:
      arrays: a split of the dataset, from `load_arrays`.
      acquisition: of the dataset.

    Returns:
      matplotlib figure.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 5), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=(2, 1))
    axes = figure.add_subplot(grid[:, 0])
    by_snr = np.argsort(arrays["snr"])
    rows = by_snr[np.linspace(0, len(by_snr) - 1, SPECTRA + 2).astype(int)[1:-1]]
    spectra = channels_to_complex(arrays["spectrum"][rows]).real
    spectra /= spectra.max(axis=1, keepdims=True)
    step = 1.15
    # The Lorentzian width of the basis adds to that of gamma.
    linewidths_hz = voigt_fwhm_hz(arrays["gamma"] + np.pi * BASIS_LINEWIDTH_HZ, arrays["sigma"])
    for number, row in enumerate(rows):
        axes.plot(acquisition.window_ppm_axis, spectra[number] + number * step, color="C0", linewidth=0.8)
        label = f"SNR {arrays['snr'][row]:.0f}, {linewidths_hz[row]:.1f} Hz"
        axes.text(0.25, (number + 0.22) * step, label, ha="right", fontsize="small")
    low, high = acquisition.ppm_window
    axes.set(xlim=(high, low), xlabel="chemical shift (ppm)", ylabel="real part, each scaled to its maximum", yticks=[])
    axes.set_title(f"Examples of {CONFIG}, train", fontsize="medium")
    histograms = (
        (arrays["snr"], "signal-to-noise ratio of the tallest peak"),
        (linewidths_hz, "linewidth of a singlet, FWHM (Hz)"),
    )
    for place, (values, label) in enumerate(histograms):
        axes = figure.add_subplot(grid[place, 1])
        axes.hist(values, bins=40, color="C0")
        axes.set_xlabel(label, fontsize="small")
        axes.set_ylabel("examples", fontsize="small")
    return figure


def main():
    parser = argparse.ArgumentParser(description="Prints the tables of the dataset card, and draws its figure.")
    parser.add_argument("--data-dir", help="TFDS data folder; by default that of `tfds build`")
    parser.add_argument("--output", type=Path, default=FIGURE, help="PNG file")
    arguments = parser.parse_args()
    for preset in ("naa_pcr", CONFIG, f"{CONFIG}_uniform"):
        print(f"{preset}\n\n" + "\n\n".join(prior_tables(Prior.from_preset(preset))) + "\n")
    matplotlib.use("Agg")
    builder = open_dataset("simulated_mrs", CONFIG, arguments.data_dir)
    figure = draw(load_arrays(builder, "train"), describe_dataset(builder).acquisition)
    figure.savefig(arguments.output, dpi=110)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
