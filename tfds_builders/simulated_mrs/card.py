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
from mrs_keras.simulation import EFFECT_PARAMETERS, channels_to_complex, voigt_fwhm_hz
from mrs_keras.simulation.parameters import SCALARS

CONFIG = "brain_press_te30"
FIGURE = Path(__file__).with_name("brain_press_te30.png")
SPECTRA = 5
BASIS_LINEWIDTH_HZ = 2.0


def prior_tables(prior: Prior) -> tuple[str, str]:
    """Returns the table of a prior and the list of its sources, as Markdown."""
    names = [*prior.metabolites, *SCALARS, "baseline", *prior.effects, *([] if prior.snr is None else ["snr"])]
    sources: list[str] = []
    rows = ["| parameter | range | unit | source |", "|---|---|---|---|"]
    for name in names:
        leaf = prior.leaf(name)
        if leaf.source not in sources:
            sources.append(leaf.source)
        label = f"{name}, {prior.baseline_coefficients} coefficients" if name == "baseline" else name
        if name in EFFECT_PARAMETERS and EFFECT_PARAMETERS[name].per_line:
            label = f"{name}, each of {prior.water_lines} lines"
        unit = leaf.unit.removesuffix(", each line")
        rows.append(f"| {label} | {leaf.low:.4g} to {leaf.high:.4g} | {unit} | {1 + sources.index(leaf.source)} |")
    listed = [f"{number}. {source[0].upper()}{source[1:]}." for number, source in enumerate(sources, start=1)]
    return "\n".join(rows), "\n".join(listed)


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
    for preset in ("naa_pcr", CONFIG):
        print(f"{preset}\n\n" + "\n\n".join(prior_tables(Prior.from_preset(preset))) + "\n")
    matplotlib.use("Agg")
    builder = open_dataset("simulated_mrs", CONFIG, arguments.data_dir)
    figure = draw(load_arrays(builder, "train"), describe_dataset(builder).acquisition)
    figure.savefig(arguments.output, dpi=110)
    print(f"wrote {arguments.output}")


if __name__ == "__main__":
    main()
