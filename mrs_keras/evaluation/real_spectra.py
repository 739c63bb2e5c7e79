"""The real spectra that a model is judged against: a measured dataset, and what of it the model was trained on."""

import dataclasses
import os
import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mrs_keras.data import DatasetDescription, describe_dataset, load_arrays, open_dataset
from mrs_keras.evaluation.realism import RealSpectra, subject_folds
from mrs_keras.evaluation.realism.spectra import FEWEST_SPECTRA
from mrs_keras.measured.label_match import match_labels
from mrs_keras.measured.label_sums import labels_of
from mrs_keras.measured.label_tables import read_label_table
from mrs_keras.measured.subjects import session_of
from mrs_keras.run_folder import SETTINGS_FILE, read_settings
from mrs_keras.simulation import channels_to_complex

NEEDED = ("participant_id", "noise_sigma")
"""Features of a measured dataset that others do not have."""

FOLDS = 3
"""Folds of the controls where the model was trained on none of the spectra."""


@dataclasses.dataclass(frozen=True, eq=False)
class RealDataset:
    """The spectra of a measured dataset, of all its splits.

    Attributes:
      name: of the dataset.
      description: of the dataset.
      example_ids: name of each spectrum.
      real: the spectra.
      second_labeller: table of `RealSpectra.second_labels`, or `None`.
    """

    name: str
    description: DatasetDescription
    example_ids: tuple[str, ...]
    real: RealSpectra
    second_labeller: str | None


def read_real_dataset(
    against: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    second_labels: str | os.PathLike | None = None,
) -> RealDataset:
    """Reads the spectra of a measured dataset; arguments and errors as in `open_real_spectra`."""
    folder = (Path(against).expanduser() / "dataset_info.json").exists()
    name, _, config = (os.fspath(against), "", "") if folder else os.fspath(against).partition("/")
    builder = open_dataset(name, config or None, data_dir)
    description = describe_dataset(builder)
    missing = [feature for feature in NEEDED if feature not in builder.info.features]
    if missing:
        raise ValueError(
            f"`against` must name a measured dataset. Expected the features {', '.join(NEEDED)}. Received: "
            f"'{os.fspath(against)}', without {', '.join(missing)}. Build one of a folder of scans with `tfds build "
            "tfds_builders/measured_mrs`."
        )
    splits = [split for split, info in builder.info.splits.items() if info.num_examples]
    parts = [load_arrays(builder, split, with_unlabelled=True) for split in splits]
    arrays = {feature: np.concatenate([part[feature] for part in parts]) for feature in parts[0]}
    subjects = arrays["participant_id"].astype(str)
    example_ids = tuple(arrays["example_id"].astype(str).tolist())
    labelled = len(description.labels) > 0
    second = None
    if second_labels is not None:
        if not labelled:
            raise ValueError(
                f"A second labeller is for datasets with labels. Received: '{os.fspath(second_labels)}' for "
                f"'{os.fspath(against)}', which has none. Build the dataset with `labels`."
            )
        table = labels_of(read_label_table(second_labels), description.labels.names)
        second = match_labels(table, subjects, [session_of(each) for each in example_ids])[0]
    real = RealSpectra(
        channels_to_complex(arrays["spectrum"]),
        description.acquisition,
        arrays["noise_sigma"],
        subjects,
        arrays["site"].astype(str) if "site" in arrays else (),
        labels=arrays["concentrations"] if labelled else None,
        second_labels=second,
        label_names=description.labels.names,
        label_deviations=arrays["label_deviation"] if labelled and "label_deviation" in arrays else None,
    )
    return RealDataset(
        f"{builder.name}/{builder.builder_config.name}" if builder.builder_config else builder.name,
        description,
        example_ids,
        real,
        None if second_labels is None else os.fspath(second_labels),
    )


@dataclasses.dataclass(frozen=True, eq=False)
class JudgedAgainst:
    """Real spectra, divided by what the model has seen.

    Attributes:
      name: of the dataset.
      real: all spectra.
      trained_on: bool (n,), those whose subject is in the training split of the model.
      second_labeller: table of `RealSpectra.second_labels`, or `None`.
    """

    name: str
    real: RealSpectra
    trained_on: np.ndarray
    second_labeller: str | None

    @property
    def held_out(self) -> RealSpectra:
        """The spectra of subjects that the model was not trained on."""
        return self.real.select(~self.trained_on)

    @property
    def training(self) -> RealSpectra | None:
        """The spectra of the others; `None` if there are none."""
        return self.real.select(self.trained_on) if self.trained_on.any() else None

    def splits_of_controls(self) -> list[tuple[RealSpectra, RealSpectra]]:
        """Returns held-out and training spectra for floor and cheats.

        They are those of the model. If it was trained on none of the spectra, they are three folds by subject, within
        sites.
        """
        if self.training is not None:
            return [(self.held_out, self.training)]
        fold = subject_folds(self.real.subjects, self.real.sites, FOLDS)
        return [(self.real.select(fold == each), self.real.select(fold != each)) for each in range(FOLDS)]


def open_real_spectra(
    against: str | os.PathLike,
    data_dir: str | os.PathLike | None,
    settings: Mapping,
    second_labels: str | os.PathLike | None = None,
) -> JudgedAgainst:
    """Opens the real spectra that a model is judged against.

    Args:
      against: `NAME` or `NAME/CONFIG` of a measured dataset, or a folder that contains one.
      data_dir: TFDS data folder. `None`: the default one.
      settings: of the training of the model.
      second_labels: table of fits by another program than that of the dataset's labels. Defaults to `None`: none.

    Raises:
      FileNotFoundError: if there is no such dataset, or no table.
      ValueError: if it is not a measured dataset, its spectra have no noise level, or they are too few.
    """
    found = read_real_dataset(against, data_dir, second_labels)
    seen = _training_subjects(settings, found.description, data_dir)
    notice = _notice_of_training(settings)
    if notice:
        warnings.warn(
            f"The model was trained on spectra of a prior that was made from fits. {notice} If subjects of "
            f"'{found.name}' are among them, they are not held out, and the numbers are too good: "
            "`mrs-keras study realism` makes such a prior again in every split.",
            stacklevel=3,
        )
    trained_on = np.isin(found.real.subjects, list(seen))
    if (~trained_on).sum() < FEWEST_SPECTRA or (not seen and len(found.real) < FOLDS * FEWEST_SPECTRA):
        needed = FEWEST_SPECTRA if seen else FOLDS * FEWEST_SPECTRA
        raise ValueError(
            f"There are too few real spectra in '{os.fspath(against)}' to judge a model. Expected: {needed} or more "
            f"that it was not trained on. Received: {(~trained_on).sum()}. Add scans"
            + (", or hold out a larger share of them (`validation` of the dataset)." if seen else ".")
        )
    return JudgedAgainst(found.name, found.real, trained_on, found.second_labeller)


def _notice_of_training(settings: Mapping) -> str:
    """Returns the notice of the fitted prior that a model was trained on, `""` if there is none."""
    try:
        prior = DatasetDescription.from_metadata(settings["fingerprint"]).prior
    except (KeyError, ValueError):  # of an earlier version
        return ""
    return getattr(prior, "notice", "")


def _training_subjects(
    settings: Mapping, description: DatasetDescription, data_dir: str | os.PathLike | None
) -> set[str]:
    """Returns the participants in the training split of a model, if that comes from the same scans.

    Those of the model that its training began with are among them.
    """
    seen = _subjects_of_initial_model(settings.get("init"), description, data_dir)
    try:
        trained = DatasetDescription.from_metadata(settings["fingerprint"])
    except (KeyError, ValueError):  # of an earlier version, before measured datasets
        return seen
    ours, theirs = trained.origin, description.origin
    folders = [origin.get("paths", {}).get("folder") for origin in (ours, theirs)]
    same = None not in folders and folders[0] == folders[1]
    same |= ours.get("files_digest") is not None and ours.get("files_digest") == theirs.get("files_digest")
    if not same:
        return seen
    builder = open_dataset(settings["dataset"], settings["config"], data_dir)
    return seen | set(load_arrays(builder, "train", with_unlabelled=True)["participant_id"].astype(str))


def _subjects_of_initial_model(
    run_dir: str | None, description: DatasetDescription, data_dir: str | os.PathLike | None
) -> set[str]:
    if run_dir is None:
        return set()
    settings = read_settings(run_dir) if (Path(run_dir) / SETTINGS_FILE).exists() else {}
    if "fingerprint" not in settings:  # it is gone, or was trained on arrays
        warnings.warn(
            f"The training began with the model in '{run_dir}', whose subjects are not known: they may count as held "
            "out, and the numbers be too good.",
            stacklevel=4,
        )
    return _training_subjects(settings, description, data_dir)
