"""measured_mrs dataset: MR spectra from a folder of scans."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from mrs_keras.data.description import DatasetDescription
from mrs_keras.data.reuse import check_reused
from mrs_keras.labels import Labels
from mrs_keras.measured import NUMBERS, MeasuredExamples, MeasuredRecipe, process_folder, step_list

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass
class MeasuredMrsConfig(tfds.core.BuilderConfig):
    """Config of the dataset: the arguments of `mrs_keras.measured.MeasuredRecipe`, which describes them."""

    folder: str | None = None
    labels: str | None = None
    label_names: Sequence[str] | None = None
    label_unit: str | None = None
    site: str | None = None
    seed: int = 0
    validation: float = 0.2
    test: float = 0.0
    split_by: str = "subject"
    steps: Sequence[str] | None = None
    acquisition: Mapping[str, Any] | None = None
    echo_time_ms: float | None = None
    sequence: str | None = None
    scale: str | None = None
    mask: str | None = None
    conjugated: bool = False
    skip_bad: bool = False

    @property
    def recipe(self) -> MeasuredRecipe:
        """The recipe of the examples."""
        if self.folder is None:
            raise ValueError(
                "The config of `measured_mrs` names no folder of scans. Expected the field `folder`. Give a config, "
                'for example --config=\'{"name": "mine", "folder": "PATH", "labels": "PATH/labels.tsv"}\'. '
                "`mrs-keras measured example DIR` writes a folder to try it on."
            )
        return MeasuredRecipe(**{field.name: getattr(self, field.name) for field in dataclasses.fields(MeasuredRecipe)})


class Builder(tfds.core.GeneratorBasedBuilder):
    """DatasetBuilder for measured_mrs dataset."""

    VERSION = tfds.core.Version("1.0.0")
    RELEASE_NOTES = {"1.0.0": "First version."}  # noqa: RUF012
    BUILDER_CONFIGS = [  # noqa: RUF012
        # TFDS takes a config as JSON only if there is one in this list.
        MeasuredMrsConfig(name="folder", description="A folder of scans, to be named in a config of your own."),
    ]

    def _info(self) -> tfds.core.DatasetInfo:
        """Returns the dataset metadata."""
        points, labels = self._recipe.target.acquisition.window_points, self._recipe.describe_labels()
        missing = "NaN where it is missing"
        return self.dataset_info_from_configs(
            features=tfds.features.FeaturesDict(
                {
                    "example_id": tfds.features.Text(doc="Name of the scan, without its suffix"),
                    "participant_id": tfds.features.Text(doc="`sub-` entity of the name"),
                    "site": tfds.features.Text(doc="Where it was measured"),
                    "spectrum": tfds.features.Tensor(
                        shape=(points, 2),
                        dtype=np.float32,
                        encoding=tfds.features.Encoding.BYTES,
                        doc="Complex spectrum in the ppm window, rising ppm; last axis: real, imaginary part. "
                        "Arbitrary units, see `scale`",
                    ),
                    "concentrations": _row(
                        len(labels),
                        f"{labels.quantity.capitalize()} of each label, in the order of the metadata's `labels`; "
                        f"{missing}",
                        labels.ranges_in_words,
                    ),
                    "label_deviation": _row(len(labels), f"Standard deviation of each label, in its unit; {missing}"),
                    "label_known": tfds.features.Tensor(
                        shape=(len(labels),), dtype=np.bool_, doc="Whether the label is known"
                    ),
                    "noise_is_white": tfds.features.Scalar(np.bool_, doc="Whether the noise is white"),
                    **{
                        name: tfds.features.Scalar(np.float32, doc=f"{doc}, {unit}" if unit else doc)
                        for name, (unit, doc) in NUMBERS.items()
                    },
                }
            ),
            supervised_keys=None,
            homepage="https://archive.ismrm.org/2023/5027.html",
            metadata=tfds.core.MetadataDict(self._description(labels).to_metadata()),
        )

    @functools.cached_property
    def _recipe(self) -> MeasuredRecipe:
        return self.builder_config.recipe

    def _description(self, labels: Labels, spectrum_scale: float = 1.0, **found: Any) -> DatasetDescription:
        """Returns the description; scale and what was found are known once the scans are processed."""
        recipe = self._recipe
        return DatasetDescription(
            acquisition=recipe.target.acquisition,
            labels=labels,
            spectrum_scale=spectrum_scale,
            seed=recipe.seed,
            backend="measured",
            units={
                "spectrum": "arbitrary",
                **dict(zip(labels.names, labels.units, strict=True)),
                **{name: unit for name, (unit, _) in NUMBERS.items()},
            },
            origin={**recipe.origin(), "processing": step_list(recipe.target.steps), **found},
        )

    @property
    def examples(self) -> int:
        """Number of scans in the folder."""
        return len(self._recipe.files)

    def download_and_prepare(self, **options):
        # A folder that was moved is the same; whether its content is, the digest says.
        later = ("spectrum_scale", "labels", "found", "paths")
        check_reused(self, self._description(self._recipe.describe_labels()), {}, until_built=later)
        super().download_and_prepare(**options)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager):
        """Returns SplitGenerators."""
        del dl_manager  # nothing is downloaded
        recipe, examples = self._recipe, process_folder(self._recipe)
        splits = np.array([recipe.split_of[recipe.files[row].participant_id] for row in examples.rows])
        emptied = sorted(set(recipe.split_of.values()) - set(splits.tolist()))
        if emptied:
            raise ValueError(
                f"No scan of the split(s) {', '.join(emptied)} can be used. Fix the scans that are left out, or give "
                "another `seed` in the config."
            )
        peaks = [
            np.linalg.norm(examples.spectra[number], axis=-1).max() for number in np.flatnonzero(splits == "train")
        ]
        description = self._description(
            recipe.describe_labels(examples.rows),
            float(np.median(peaks)),
            found={
                "examples": len(examples.ids),
                "subjects": len({recipe.files[row].participant_id for row in examples.rows}),
                "sites": sorted({recipe.files[row].site for row in examples.rows}),
                "not_white": int(np.sum(~examples.white)),
                "without_header": dict(examples.without_header),
                "repetition_times_ms": examples.repetition_times_ms,
                "skipped": [dataclasses.asdict(bad) for bad in examples.skipped],
                "warnings": {
                    name: list(said) for name, said in zip(examples.ids, examples.warnings, strict=True) if said
                },
            },
        )
        self.info.metadata.update(description.to_metadata())
        return {
            split: self._generate_examples(examples, np.flatnonzero(splits == split))
            for split in SPLITS
            if split in splits
        }

    def _generate_examples(self, examples: MeasuredExamples, numbers: np.ndarray) -> Iterator[tuple[str, dict]]:
        """Yields (key, example) tuples of a split."""
        values, deviations = self._recipe.matched_labels
        for number in numbers:
            row, example_id = examples.rows[number], examples.ids[number]
            file = self._recipe.files[row]
            yield (
                example_id,
                {
                    "example_id": example_id,
                    "participant_id": file.participant_id,
                    "site": file.site,
                    "spectrum": np.array(examples.spectra[number]),
                    "concentrations": values[row].astype(np.float32),
                    "label_deviation": deviations[row].astype(np.float32),
                    "label_known": ~np.isnan(values[row]),
                    "noise_is_white": bool(examples.white[number]),
                    **{name: column[number] for name, column in examples.numbers.items()},
                },
            )


def _row(labels: int, desc: str, value_range: str | None = None) -> tfds.features.Tensor:
    doc = tfds.features.Documentation(desc=desc, value_range=value_range or None)
    return tfds.features.Tensor(shape=(labels,), dtype=np.float32, doc=doc)
