"""simulated_mrs dataset: labelled MR spectra from the FSL-MRS forward model."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count
from mrs_keras.data.basis_source import BasisSource
from mrs_keras.data.description import DatasetDescription
from mrs_keras.data.reuse import check_reused
from mrs_keras.simulation import (
    EFFECT_PARAMETERS,
    PARAMETERS,
    PRIOR_PRESETS,
    TEST_PAIRS,
    Backend,
    ExampleRecipe,
    Examples,
    FittedPrior,
    Prior,
    complex_to_channels,
    voigt_fwhm_hz,
)
from mrs_keras.simulation.parameters import SCALARS, SHIFTS, SNR, Parameter

BLOCK = 1024
"""Examples simulated at once. Affects only the speed: the examples depend only on (seed, split, k)."""

LINEWIDTH = Parameter("Hz", "Full width at half maximum of a line that decays with gamma and sigma alone")


@dataclasses.dataclass
class SimulatedMrsConfig(tfds.core.BuilderConfig):
    """Config of the dataset: everything that the bytes on disk depend on.

    Attributes:
      prior: name of a prior preset of mrs_keras, path of a JSON file that `Prior.save` wrote, or the content of such a
        file. The prior also defines the effects. A preset is converted to the frequency of `acquisition`, if that is
        given; a file or its content is not. A prior from fits needs the `basis` of the fits.
      basis: path of a basis that `mrs_keras.basis.read_basis` can read and that has the prior's metabolites, or `None`
        for this package's own. Macromolecules and lipids that it lacks are simulated.
      acquisition: arguments of `mrs_keras.Acquisition`, such as `{"spectrometer_frequency_mhz": 127.74, "bandwidth_hz":
        2000.0}`, or `None`: that of the basis file, or 123.2 MHz, 4000 Hz and 2048 points.
      sequence: of this package's own basis, with times in ms, such as `{"name": "press", "te1_ms": 11.0, "te2_ms":
        24.0}`; see `mrs_keras.simulate_basis`. `None`: PRESS, TE 30 ms = 11 + 19.
      train: number of training examples.
      validation: number of validation examples.
      seed: of all draws.
      snr: signal-to-noise ratio as `mrs_keras.simulation.simulate` defines it, the same for all examples, or `None` for
        that of the prior: without one, no noise.
      backend: `"numpy"`, or `"fsl_mrs"` to have FSL-MRS compute the spectra, where it is installed.
      beam: whether Apache Beam builds the random splits, for datasets too large for one machine. The examples are the
        same for any runner and number of workers.
    """

    prior: str | Mapping[str, Any] = "naa_pcr"
    basis: str | None = None
    acquisition: Mapping[str, Any] | None = None
    sequence: Mapping[str, Any] | None = None
    train: int = 6000
    validation: int = 2000
    seed: int = 0
    snr: float | None = None
    backend: Backend = "numpy"
    beam: bool = False


NAMED_CONFIGS = {
    config.name: config
    for config in (
        SimulatedMrsConfig(
            name="brain_press_te30",
            version=tfds.core.Version("3.0.0"),
            description="21 metabolites, macromolecules, lipids, baseline, residual water, eddy currents, drift and "
            "noise, drawn from published statistics of fits: spectra that look like those of a brain at 3 T.",
            prior="brain_press_te30",
            train=20_000,
        ),
        SimulatedMrsConfig(
            name="brain_press_te30_uniform",
            description="21 metabolites, macromolecules, lipids, residual water, eddy currents, drift and noise, drawn "
            "from independent uniform ranges: wider than the spectra of brains at 3 T, on every side.",
            prior="brain_press_te30_uniform",
            train=20_000,
        ),
    )
}
"""Configs that are built by name only: `tfds build` without `--config` builds all of `BUILDER_CONFIGS`."""


class Builder(tfds.core.GeneratorBasedBuilder):
    """DatasetBuilder for simulated_mrs dataset."""

    VERSION = tfds.core.Version("2.0.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "NAA and PCr, 6,000 training, 2,000 validation and 4 test spectra.",
        "2.0.0": "Effects (`brain_press_te30`) act on the signal before the phase of the receiver, which residual "
        "water now has as well. The examples of `naa_pcr` are those of 1.0.0. The metadata describe the labels, and "
        "have `spectrum_scale` for `peak_height`.",
        "3.0.0": "The prior of `brain_press_te30`, the only config of this version, follows published statistics. Its "
        "former one, and the examples of 2.0.0, are those of the config `brain_press_te30_uniform`.",
    }
    BUILDER_CONFIGS = [  # noqa: RUF012
        SimulatedMrsConfig(
            name="naa_pcr",
            description="NAA and PCr without noise: the data of ISMRM 2023 abstract 5027.",
            prior="naa_pcr",
        ),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        """Returns the dataset metadata."""
        prior, points = self._recipe.prior, self._recipe.basis.acquisition.window_points
        described = self.get_metadata()
        return tfds.core.DatasetInfo(
            builder=self,
            description="\n\n".join(filter(None, (described.description, prior.notice))),
            citation=described.citation,
            features=tfds.features.FeaturesDict(
                {
                    "example_id": tfds.features.Text(doc="Split and number; the pairs of the test split by name"),
                    "spectrum": tfds.features.Tensor(
                        shape=(points, 2),
                        dtype=np.float32,
                        encoding=tfds.features.Encoding.BYTES,
                        doc="Complex spectrum in the ppm window, rising ppm; last axis: real, imaginary part. "
                        "Arbitrary units: the mean signal of the basis has an L2 norm of 100",
                    ),
                    **{
                        name: _feature(shape, parameter, value_range)
                        for name, (shape, parameter, value_range) in stored_parameters(prior).items()
                    },
                }
            ),
            supervised_keys=None,
            homepage="https://archive.ismrm.org/2023/5027.html",
            license=f"That of the fitted spectra. {prior.notice}" if prior.notice else "Apache-2.0",
            metadata=tfds.core.MetadataDict(self._description.to_metadata()),
        )

    @functools.cached_property
    def _recipe(self) -> ExampleRecipe:
        config = self.builder_config
        for name in ("train", "validation"):
            check_count(name, getattr(config, name), 2000)
        prior, acquisition = Prior.of(config.prior), _acquisition(config.acquisition)
        if acquisition is not None and isinstance(config.prior, str) and config.prior in PRIOR_PRESETS:
            prior = prior.for_frequency(acquisition.spectrometer_frequency_mhz)
        if isinstance(prior, FittedPrior) and prior.fitted_to.get("basis") and self._basis_source is None:
            raise ValueError(
                f"A prior from fits needs the basis of the fits, '{prior.fitted_to['basis']}'. Received: basis=None. "
                "Give in the config the `basis.npz` that `mrs-keras measured prior` wrote beside the prior."
            )
        source = self._basis_source or BasisSource()
        basis = source.basis(prior.metabolites, acquisition)
        return ExampleRecipe(prior, basis, config.seed, config.snr, config.backend)

    @property
    def _basis_source(self) -> BasisSource | None:
        """Origin of the basis, or `None` for the default one, whose metadata are those of earlier versions."""
        config = self.builder_config
        if config.basis is None and config.acquisition is None and config.sequence is None:
            return None
        return BasisSource(config.sequence, config.basis)

    @property
    def _description(self) -> DatasetDescription:
        return DatasetDescription.of_recipe(self._recipe, self._basis_source)

    @classmethod
    def get_builder_config(cls, name, version=None):
        return super().get_builder_config(name, version) or NAMED_CONFIGS.get(name)

    @property
    def examples(self) -> int:
        """Number of examples of all splits."""
        return sum(self._splits.values())

    @property
    def _splits(self) -> dict[str, int]:
        config = self.builder_config
        return {"train": config.train, "validation": config.validation, "test": 2 * len(TEST_PAIRS)}

    def download_and_prepare(self, **options):
        # The file of a basis may move; description, acquisition and scale say what it is.
        check_reused(self, self._description, self._splits, until_built=["basis_source"])
        super().download_and_prepare(**options)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        """Returns SplitGenerators."""
        del dl_manager  # nothing is downloaded
        config = self.builder_config
        return {
            "train": self._generate_examples("train", config.train),
            "validation": self._generate_examples("validation", config.validation),
            "test": self._generate_test_pairs(),
        }

    def _generate_examples(self, split: str, examples: int):
        """Returns the (key, example) tuples of a random split: a generator, or a transform of Apache Beam."""
        blocks = [(split, start, min(start + BLOCK, examples)) for start in range(0, examples, BLOCK)]
        if not self.builder_config.beam:
            return itertools.chain.from_iterable(itertools.starmap(self._generate_block, blocks))
        beam = tfds.core.lazy_imports.apache_beam
        # The shuffle is what lets Beam give the blocks to different workers.
        return beam.Create(blocks) | beam.Reshuffle() | beam.FlatMapTuple(self._generate_block)

    def _generate_block(self, split: str, start: int, stop: int) -> Iterator[tuple[int, dict]]:
        """Yields (key, example) tuples of a part of a random split."""
        ids = [f"{split}_{k:07d}" for k in range(start, stop)]
        yield from self._simulated(self._recipe.draw(start, stop, split), ids, split, start)

    def _generate_test_pairs(self) -> Iterator[tuple[int, dict]]:
        """Yields two pairs for the latent space evaluation: alike but for phi0, and but for gamma and sigma."""
        for number, (name, varied) in enumerate(TEST_PAIRS.items()):
            pair = self._recipe.draw_pairs(varied, number, number + 1)
            yield from self._simulated(pair, [f"{name}_low", f"{name}_high"], "test", 2 * number)

    def _simulated(self, examples: Examples, ids: list[str], split: str, start: int) -> Iterator[tuple[int, dict]]:
        spectra = complex_to_channels(self._recipe.simulate(examples, start, split))
        stored = stored_parameters(self._recipe.prior)
        columns = {name: column for name, column in examples.features().items() if name in stored}
        columns["spectrum"] = spectra
        for row, example_id in enumerate(ids):
            yield start + row, {"example_id": example_id, **{name: column[row] for name, column in columns.items()}}


def stored_parameters(prior: Prior) -> dict[str, tuple[tuple[int, ...], Parameter, str]]:
    """Returns name of each feature that a spectrum was simulated from -> (shape, what it is, range in words)."""
    ranges = {name: f"{leaf.low:g} to {leaf.high:g}" for name, leaf in prior.concentrations.items()}
    unit = PARAMETERS["concentrations"].unit
    stored = {
        "concentrations": (
            (len(prior.metabolites),),
            PARAMETERS["concentrations"],
            ", ".join(f"{name} {text} {unit}" for name, text in ranges.items()),
        )
    }
    shapes = {"baseline": (prior.baseline_coefficients,), "shifts": (len(prior.groups),)}
    parameters = {name: PARAMETERS[name] for name in (*SCALARS, "baseline")}
    parameters |= {"shifts": SHIFTS} if prior.groups else {}
    parameters |= {name: EFFECT_PARAMETERS[name] for name in prior.effects}
    for name, parameter in parameters.items():
        leaves = prior.leaves(name)
        low, high = min(leaf.low for leaf in leaves), max(leaf.high for leaf in leaves)
        scale = "times the metadata's `spectrum_scale`" if parameter.in_peak_heights else parameter.unit
        shape = (prior.water_lines,) if parameter.per_line else shapes.get(name, ())
        stored[name] = (shape, parameter, f"{low:g} to {high:g} {scale}")
    if prior.snr is not None:
        stored["snr"] = ((), SNR, f"{prior.snr.low:.3g} to {prior.snr.high:.3g}")
        low, high = (
            voigt_fwhm_hz(getattr(prior.gamma, end), getattr(prior.sigma, end)).item() for end in ("low", "high")
        )
        stored["linewidth_hz"] = ((), LINEWIDTH, f"{low:.3g} to {high:.3g}")
    return stored


def _acquisition(settings: Mapping[str, Any] | None) -> Acquisition | None:
    """Returns the acquisition of a config, or raises `ValueError` if a setting is unknown or wrong."""
    known = [field.name for field in dataclasses.fields(Acquisition)]
    unknown = [name for name in settings or {} if name not in known]
    if unknown:
        raise ValueError(
            f"`acquisition` has unknown settings. Expected some of: {', '.join(known)}. "
            f"Received: {', '.join(unknown)}. Leave them out."
        )
    return None if settings is None else Acquisition(**settings)


def _feature(shape: tuple[int, ...], parameter: Parameter, value_range: str) -> tfds.features.Tensor:
    desc = f"{parameter.doc}, {parameter.unit}" if parameter.unit else parameter.doc
    doc = tfds.features.Documentation(desc=desc, value_range=value_range)
    return (
        tfds.features.Tensor(shape=shape, dtype=np.float32, doc=doc)
        if shape
        else tfds.features.Scalar(np.float32, doc=doc)
    )
