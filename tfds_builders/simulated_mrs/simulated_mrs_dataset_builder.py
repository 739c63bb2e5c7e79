"""simulated_mrs dataset: labelled MR spectra from the FSL-MRS forward model."""

import dataclasses
import functools
import itertools
from collections.abc import Iterator

import numpy as np
import tensorflow_datasets as tfds

from mrs_keras.basis import Basis, basis_for, read_basis
from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.simulation import (
    EFFECT_UNITS,
    TEST_PAIRS,
    UNITS,
    Backend,
    Effects,
    SpectralParameters,
    UniformPrior,
    complex_to_channels,
    simulate_with_effects,
    voigt_fwhm_hz,
)

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
    "water_height": "Height of each line of residual water in the magnitude spectrum",
    "water_shift_hz": "Shift of each line of residual water from 4.65 ppm; positive is higher ppm",
    "water_gamma": "Lorentzian decay rate of each line of residual water",
    "water_sigma": "Gaussian decay rate of each line of residual water",
    "water_phase": "Phase of each line of residual water",
    "eddy_amplitude_hz": "Frequency offset of the eddy current at the beginning of the FID; positive is to higher ppm",
    "eddy_time_constant_s": "Decay time of the eddy current",
    "drift_hz": "Frequency drift over the transients",
    "snr": "Tallest point of the magnitude spectrum in the window, without noise, baseline and effects, over the "
    "standard deviation of the real part of the noise, no unit",
    "linewidth_hz": "Full width at half maximum of a line that decays with gamma and sigma alone, Hz",
}


@dataclasses.dataclass
class SimulatedMrsConfig(tfds.core.BuilderConfig):
    """What the bytes on disk depend on.

    Attributes:
      prior: name of a prior preset of mrs_keras. It says which effects there are, too.
      basis: path of a basis that `mrs_keras.basis.read_basis` reads and that has the prior's metabolites, or `None` for
        this package's own.
      train: number of training examples.
      validation: number of validation examples.
      seed: of all draws.
      snr: signal-to-noise ratio as `mrs_keras.simulation.simulate` defines it, the same for all examples, or `None` for
        that of the prior: without one, no noise.
      backend: `"numpy"`, or `"fsl_mrs"` to have FSL-MRS compute the spectra, where it is installed.
      beam: whether Apache Beam builds the random splits, for datasets past one machine. The examples are the same, on
        any runner and number of workers.
    """

    prior: str = "naa_pcr"
    basis: str | None = None
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
            description="21 metabolites, macromolecules, lipids, residual water, eddy currents, drift and noise: "
            "spectra that look like those of a brain at 3 T.",
            prior="brain_press_te30",
            train=20_000,
        ),
    )
}
"""Configs that are built by name only: `tfds build` without `--config` builds all of `BUILDER_CONFIGS`."""


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
        noise = prior.snr is not None
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
                    **{name: self._effect_feature(name) for name in prior.effects},
                    **({name: scalar(name) for name in ("snr", "linewidth_hz")} if noise else {}),
                }
            ),
            supervised_keys=None,
            homepage="https://archive.ismrm.org/2023/5027.html",
            license="Apache-2.0",
            metadata=tfds.core.MetadataDict(
                metabolites=list(prior.metabolites),
                acquisition=basis.acquisition.to_dict(),
                basis=basis.description or config.basis,
                prior=prior.to_dict(),
                peak_height=prior.peak_height(basis),
                units={
                    "spectrum": "arbitrary",
                    **UNITS,
                    **{name: EFFECT_UNITS[name] for name in prior.effects},
                    **({"snr": "", "linewidth_hz": "Hz"} if noise else {}),
                },
                seed=config.seed,
                snr=config.snr,
                backend=config.backend,
            ),
        )

    @functools.cached_property
    def _prior(self) -> UniformPrior:
        return UniformPrior.from_preset(self.builder_config.prior)

    @functools.cached_property
    def _basis(self) -> Basis:
        path, names = self.builder_config.basis, self._prior.metabolites
        if path is None:
            return basis_for(names)
        basis = read_basis(path)
        missing = [name for name in names if find_metabolite(name, basis.names) is None]
        if missing:
            raise ValueError(
                f"The basis must have the metabolites of the prior '{self.builder_config.prior}'. "
                f"Missing: {', '.join(missing)}. Received: '{path}' with {', '.join(basis.names)}. "
                "Give another `basis` or `prior` in the config."
            )
        return basis.select(names)

    @classmethod
    def get_builder_config(cls, name, version=None):
        return super().get_builder_config(name, version) or NAMED_CONFIGS.get(name)

    def _effect_feature(self, name: str):
        doc = _documentation(name, self._prior)
        if not name.startswith("water_"):
            return tfds.features.Scalar(np.float32, doc=doc)
        return tfds.features.Tensor(shape=(self._prior.water_lines,), dtype=np.float32, doc=doc)

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
        ids = [f"{split}_{k:07d}" for k in range(start, stop)]
        yield from self._simulated(parameters, *self._effects_and_snr(start, stop, split), ids, split, start)

    def _generate_test_pairs(self) -> Iterator[tuple[int, dict]]:
        """Yields two pairs for the latent space evaluation: alike but for phi0, and but for gamma and sigma."""
        for number, (name, varied) in enumerate(TEST_PAIRS.items()):
            parameters = self._prior.draw_pairs(
                self._basis, varied, number, number + 1, seed=self.builder_config.seed, split="test"
            )
            effects, snr = self._effects_and_snr(number, number + 1, "test")
            both = [0, 0]
            effects, snr = (None if drawn is None else drawn[both] for drawn in (effects, snr))
            yield from self._simulated(parameters, effects, snr, [f"{name}_low", f"{name}_high"], "test", 2 * number)

    def _effects_and_snr(self, start: int, stop: int, split: str) -> tuple[Effects | None, np.ndarray | None]:
        prior, config = self._prior, self.builder_config
        effects = prior.draw_effects(self._basis, start, stop, seed=config.seed, split=split)
        if config.snr is not None:
            return effects, np.full(stop - start, config.snr)
        return effects, prior.draw_snr(start, stop, seed=config.seed, split=split)

    def _simulated(
        self,
        parameters: SpectralParameters,
        effects: Effects | None,
        snr: np.ndarray | None,
        ids: list[str],
        split: str,
        start: int,
    ) -> Iterator[tuple[int, dict]]:
        config = self.builder_config
        options = {"snr": snr, "seed": config.seed, "split": split, "start": start, "backend": config.backend}
        spectra = simulate_with_effects(parameters, self._basis, effects, **options)
        columns = {
            "spectrum": complex_to_channels(spectra),
            **{name: getattr(parameters, name).astype(np.float32) for name in ("concentrations", "baseline")},
            # One line-shape group: gamma, sigma and eps are scalars.
            **{name: getattr(parameters, name).reshape(-1) for name in ("gamma", "sigma", "eps", "phi0", "phi1")},
            **({} if effects is None else effects.values()),
        }
        if self._prior.snr is not None:
            columns |= {"snr": snr, "linewidth_hz": voigt_fwhm_hz(parameters.gamma, parameters.sigma)[:, 0]}
        columns = {name: column.astype(np.float32) for name, column in columns.items()}
        for row, example_id in enumerate(ids):
            yield start + row, {"example_id": example_id, **{name: column[row] for name, column in columns.items()}}


def _documentation(name: str, prior: UniformPrior) -> tfds.features.Documentation:
    """Returns what a parameter is, with its unit and range."""
    if name in ("snr", "linewidth_hz"):
        low, high = (
            getattr(prior.snr, end)
            if name == "snr"
            else voigt_fwhm_hz(getattr(prior.gamma, end), getattr(prior.sigma, end))
            for end in ("low", "high")
        )
        return tfds.features.Documentation(desc=DOCS[name], value_range=f"{low:.3g} to {high:.3g}")
    unit = {**UNITS, **EFFECT_UNITS}[name]
    if name == "concentrations":
        value_range = ", ".join(f"{m} {r.low:g} to {r.high:g} {unit}" for m, r in prior.concentrations.items())
    elif name in ("baseline", "water_height"):
        limits = prior.effects.get(name, prior.baseline)
        value_range = f"{limits.low:g} to {limits.high:g} times the metadata's `peak_height`"
    else:
        limits = prior.effects[name] if name in prior.effects else getattr(prior, name)
        value_range = f"{limits.low:g} to {limits.high:g} {unit}"
    return tfds.features.Documentation(desc=f"{DOCS[name]}, {unit}", value_range=value_range)
