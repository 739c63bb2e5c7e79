"""simulated_mrs dataset: labelled MR spectra from the FSL-MRS forward model."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from mrs_keras.basis import default_basis
from mrs_keras.simulation import UNITS, SpectralParameters, UniformPrior, complex_to_channels, simulate

BLOCK = 1024
"""Examples simulated at once. It sets the speed, not the examples: those depend on (seed, split, k) alone."""

DOCS = {
    "concentrations": "Concentration of each metabolite, in the order of the metadata's `metabolites`",
    "gamma": "Lorentzian decay rate; the lines gain gamma / pi Hz full width at half maximum",
    "sigma": "Gaussian decay rate; alone it gives lines of 0.5300 sigma Hz full width at half maximum",
    "eps": "Frequency shift; positive moves the peaks to lower ppm",
    "phi0": "Zero-order phase",
    "phi1": "First-order phase",
    "baseline": "Baseline coefficients: real0, imag0, real1, imag1, ...",
}


@dataclasses.dataclass
class SimulatedMrsConfig(tfds.core.BuilderConfig):
    """What the bytes on disk depend on.

    Attributes:
      prior: name of a prior preset of mrs_keras.
      train: number of training examples.
      validation: number of validation examples.
      seed: of all draws.
      snr: signal-to-noise ratio as `mrs_keras.simulation.simulate` defines it, or `None` for no noise.
      beam: whether Apache Beam builds the random splits, for datasets past one machine. The examples are the same, on
        any runner and number of workers.
    """

    prior: str = "naa_pcr"
    train: int = 6000
    validation: int = 2000
    seed: int = 0
    snr: float | None = None
    beam: bool = False


class Builder(tfds.core.GeneratorBasedBuilder):
    """DatasetBuilder for simulated_mrs dataset."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {  # noqa: RUF012
        "1.0.0": "NAA and PCr, 6,000 training, 2,000 validation and 4 test spectra.",
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
        config, prior, basis = self.builder_config, self._prior, self._basis
        coefficients = 2 * (prior.baseline_order + 1)

        def scalar(name):
            return tfds.features.Scalar(np.float32, doc=_documentation(name, prior))

        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "example_id": tfds.features.Text(doc="Split and number; the pairs of the test split by name"),
                    "spectrum": tfds.features.Tensor(
                        shape=(basis.acquisition.window_points, 2),
                        dtype=np.float32,
                        encoding=tfds.features.Encoding.BYTES,
                        doc="Complex spectrum in the ppm window, rising ppm; last axis: real, imaginary part. "
                        "Arbitrary units: the mean signal of the basis has an L2 norm of 100",
                    ),
                    "concentrations": tfds.features.Tensor(
                        shape=(len(prior.metabolites),), dtype=np.float32, doc=_documentation("concentrations", prior)
                    ),
                    **{name: scalar(name) for name in ("gamma", "sigma", "eps", "phi0", "phi1")},
                    "baseline": tfds.features.Tensor(
                        shape=(coefficients,), dtype=np.float32, doc=_documentation("baseline", prior)
                    ),
                }
            ),
            supervised_keys=None,
            homepage="https://archive.ismrm.org/2023/5027.html",
            license="Apache-2.0",
            metadata=tfds.core.MetadataDict(
                metabolites=list(prior.metabolites),
                acquisition=basis.acquisition.to_dict(),
                basis=basis.description,
                prior=prior.to_dict(),
                peak_height=prior.peak_height(basis),
                units={"spectrum": "arbitrary", **UNITS},
                seed=config.seed,
                snr=config.snr,
            ),
        )

    @functools.cached_property
    def _prior(self) -> UniformPrior:
        return UniformPrior.from_preset(self.builder_config.prior)

    @functools.cached_property
    def _basis(self):
        return default_basis().select(self._prior.metabolites)

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
        parameters = self._prior.draw(self._basis, start, stop, seed=self.builder_config.seed, split=split)
        yield from self._simulated(parameters, [f"{split}_{k:07d}" for k in range(start, stop)], split, start)

    def _generate_test_pairs(self) -> Iterator[tuple[int, dict]]:
        """Yields two pairs for the latent space evaluation: alike but for phi0, and but for gamma and sigma."""
        pairs = {"phi0": ("phi0",), "broadening": ("gamma", "sigma")}
        for number, (name, varied) in enumerate(pairs.items()):
            parameters = self._prior.draw_pairs(
                self._basis, varied, number, number + 1, seed=self.builder_config.seed, split="test"
            )
            yield from self._simulated(parameters, [f"{name}_low", f"{name}_high"], "test", 2 * number)

    def _simulated(
        self, parameters: SpectralParameters, ids: list[str], split: str, start: int
    ) -> Iterator[tuple[int, dict]]:
        config = self.builder_config
        spectra = simulate(parameters, self._basis, snr=config.snr, seed=config.seed, split=split, start=start)
        columns = {
            "spectrum": complex_to_channels(spectra),
            **{name: getattr(parameters, name).astype(np.float32) for name in ("concentrations", "baseline")},
            # One line-shape group: gamma, sigma and eps are scalars.
            **{name: getattr(parameters, name).reshape(-1) for name in ("gamma", "sigma", "eps", "phi0", "phi1")},
        }
        for row, example_id in enumerate(ids):
            yield start + row, {"example_id": example_id, **{name: column[row] for name, column in columns.items()}}


def _documentation(name: str, prior: UniformPrior) -> tfds.features.Documentation:
    """Returns what a parameter is, with its unit and range."""
    unit = UNITS[name]
    if name == "concentrations":
        value_range = ", ".join(f"{m} {r.low:g} to {r.high:g} {unit}" for m, r in prior.concentrations.items())
    elif name == "baseline":
        value_range = f"{prior.baseline.low:g} to {prior.baseline.high:g} times the metadata's `peak_height`"
    else:
        value_range = f"{getattr(prior, name).low:g} to {getattr(prior, name).high:g} {unit}"
    return tfds.features.Documentation(desc=f"{DOCS[name]}, {unit}", value_range=value_range)
