"""Spectra of a model, generated to be compared with real ones: with labels, noise and its level."""

import dataclasses
import os

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.data.training_data import training_data_of
from mrs_keras.evaluation.diverged import check_finite_output
from mrs_keras.evaluation.noise import generated_noise_level
from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra, at_acquisition, canonical_spectra
from mrs_keras.labels import Labels
from mrs_keras.measured.label_sums import labels_of
from mrs_keras.measured.tables.table import LabelTable
from mrs_keras.models import CVAE
from mrs_keras.random_streams import REALISM
from mrs_keras.simulation import channels_to_complex
from mrs_keras.simulation.keyed_random import keyed_normal, keyed_uniform

TINY = 1e-6
"""Noise over the tallest point, of spectra without noise, with which their height is found."""


@dataclasses.dataclass(frozen=True, eq=False)
class ComparedSpectra:
    """Generated spectra in the acquisition in which they are compared with real ones.

    Attributes:
      generated: the spectra.
      labels_are: how their labels were drawn, in words.
      noise_is: whose noise they carry, in words.
      without_utility: why they have none of the labels of the real spectra, in words; `None` if they have them.
    """

    generated: GeneratedSpectra
    labels_are: str
    noise_is: str
    without_utility: str | None


def generate_to_compare(
    model: CVAE,
    run_dir: str | os.PathLike,
    real: RealSpectra,
    acquisition: Acquisition,
    count: int,
    data_dir: str | os.PathLike | None = None,
    seed: int = 0,
) -> ComparedSpectra:
    """Generates spectra as `mrs-keras generate` does, and adds the noise of real spectra where the model has none.

    Args:
      model: trained.
      run_dir: folder of the training.
      real: all real spectra, for their labels and noise.
      acquisition: in which they are compared, from `common_acquisition`.
      count: of spectra.
      data_dir: TFDS data folder. Defaults to `None`: the default one.
      seed: Defaults to `0`.

    Raises:
      RuntimeError: if a spectrum is not finite.
    """
    known = training_data_of(run_dir, data_dir)
    labels = known.drawn_labels(model.labels, 0, count, seed)
    generated = model.generate(labels, seed=seed)["spectrum"]
    check_finite_output("generated spectra to compare", generated)
    spectra = channels_to_complex(generated)
    if model.generates_noise:
        sigma, noise_is = generated_noise_level(model, labels, seed), "the model's own noise"
    else:
        sigma = _level_of_real_noise(spectra, model.acquisition, real, seed)
        noise = keyed_normal(0, count, 2 * spectra.shape[1], REALISM, seed, "noise of generated spectra")
        spectra = spectra + sigma[:, None] * noise.view(np.complex64)
        noise_is = (
            "white noise that was added here, since the model generates none: the signal-to-noise ratio of each is "
            "that of a real spectrum drawn at random"
        )
    spectra = at_acquisition(spectra, sigma, model.acquisition, acquisition, seed=seed, split="generated")
    of_real, why = labels_of_real(model.labels, labels, real.label_names)
    return ComparedSpectra(GeneratedSpectra(spectra, sigma, of_real), known.labels_are, noise_is, why)


def _level_of_real_noise(clean: np.ndarray, acquisition: Acquisition, real: RealSpectra, seed: int) -> np.ndarray:
    """Returns noise levels for spectra without noise: their height over the SNR of a real spectrum drawn for each."""
    ratios = canonical_spectra(real.spectra, real.acquisition, real.noise_sigma, seed=seed).snr
    tiny = TINY * np.abs(clean).max(axis=1)
    heights = tiny * canonical_spectra(clean, acquisition, tiny, seed=seed, split="generated").snr
    drawn = keyed_uniform(0, len(clean), 1, REALISM, seed, "noise level of generated spectra")[:, 0]
    return heights / ratios[(drawn * len(ratios)).astype(int)]


def labels_of_real(labels: Labels, values: np.ndarray, wanted: tuple[str, ...]) -> tuple[np.ndarray | None, str | None]:
    """Returns the labels of real spectra for generated ones, or `None` and why there are none.

    Args:
      labels: of the generated spectra.
      values: float (spectra, labels).
      wanted: names of the labels of the real spectra: some of these labels, or sums and ratios of them.
    """
    if not wanted:
        return None, "the real spectra have no labels"
    if not len(labels):
        return None, "the model has no labels"
    columns = dict(zip(labels.names, values.T.astype(np.float64), strict=True))
    if set(wanted) <= set(columns):
        return np.stack([columns[name] for name in wanted], axis=1), None
    unknown = {name: np.full(len(values), np.nan) for name in columns}
    units = dict(zip(labels.names, labels.units, strict=True))
    rows = tuple(f"sub-{row}" for row in range(len(values)))
    try:
        return labels_of(LabelTable(rows, columns, unknown, units, "TSV"), wanted).values, None
    except ValueError:
        return None, (
            f"the labels of the real spectra ({', '.join(wanted)}) cannot be computed from those of the model "
            f"({', '.join(labels.names)})"
        )
