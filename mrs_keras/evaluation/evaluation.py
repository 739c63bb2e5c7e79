"""`mrs-keras evaluate`: numbers, figures and report of a trained model."""

import dataclasses
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from tqdm import tqdm

from mrs_keras.basis import Basis
from mrs_keras.checks import check_count
from mrs_keras.data import DatasetDescription, describe_dataset, load_arrays, open_dataset, split_of
from mrs_keras.data.dataset import DEFAULT_DATASET
from mrs_keras.evaluation.against_real import AgainstReal
from mrs_keras.evaluation.architecture import Architecture
from mrs_keras.evaluation.coverage import Coverage
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.dci import Disentanglement
from mrs_keras.evaluation.fitted_labels import FittedLabels
from mrs_keras.evaluation.generation import Generation
from mrs_keras.evaluation.latent_space import LatentSpace
from mrs_keras.evaluation.learning_curves import LearningCurves
from mrs_keras.evaluation.noise import Noise
from mrs_keras.evaluation.parameter_errors import ParameterErrors
from mrs_keras.evaluation.random_pairs import PathsOfRandomPairs
from mrs_keras.evaluation.real_spectra import open_real_spectra
from mrs_keras.evaluation.realism import common_acquisition
from mrs_keras.evaluation.reconstruction import Reconstruction
from mrs_keras.evaluation.report import report_page
from mrs_keras.evaluation.scope import Scope, fitted_spectra
from mrs_keras.evaluation.spectrum_sets import generated_set, simulated_set
from mrs_keras.evaluation.table import main_table
from mrs_keras.evaluation.targets import targets_of
from mrs_keras.evaluation.test_pairs import PathsOfTestPairs
from mrs_keras.evaluation.topic import Split, Topic, merged
from mrs_keras.files import replacing
from mrs_keras.models import CVAE, load_trained
from mrs_keras.plotting.html_page import png_bytes
from mrs_keras.run_folder import EVALUATION, NUMBERS_FILE, REPORT_FILE, TABLE_FILE, read_settings

TOPICS: tuple[type[Topic], ...] = (
    Reconstruction,
    Scope,
    ParameterErrors,
    Generation,
    Coverage,
    AgainstReal,
    FittedLabels,
    LatentSpace,
    Disentanglement,
    PathsOfTestPairs,
    PathsOfRandomPairs,
    Noise,
    Architecture,
    LearningCurves,
)
"""All topics, in the order of the main table."""

PROGRESS_STEPS = 10
"""Number of progress steps of an evaluation of a model with two latent priors."""


def evaluate(
    run_dir: str | os.PathLike,
    *,
    dataset: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    config: str | None = None,
    steps: int = 11,
    output_dir: str | os.PathLike | None = None,
    basis: Basis | None = None,
    against: str | os.PathLike | None = None,
    second_labels: str | os.PathLike | None = None,
    fitted: int | None = None,
    generated: str | os.PathLike | None = None,
    fits: str | os.PathLike | None = None,
) -> dict:
    """Evaluates a trained model; writes numbers, tables, figures and a report.

    A spectral fit (`fit_spectra`) recovers the physical parameters of any spectrum. If the data have noise or effects,
    which limit the fit, fewer spectra are fitted, and each number is compared with that of simulated spectra. Spectra
    of a prior with a spline baseline or groups are fitted as in vivo; distributions are then compared with what the
    same fit recovers from spectra drawn from the prior, and paths between spectra are left out. If the
    dataset has no prior, basis or test split, the report lists what is left out. A model that does not reconstruct its
    data gets a short report that says so.

    Writes `numbers.json`, `table.txt` (the main numbers, and the targets of the run's preset), `interpolation.csv`,
    figures, and `report.html`, which is self-contained.

    Args:
      run_dir: the folder that `train` wrote.
      dataset: name of a dataset, or a folder that contains one. Defaults to `None`: that of the training.
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
      config: builder config of the dataset. Defaults to `None`: that of the training.
      steps: spectra per interpolation of a test pair. Defaults to `11`.
      output_dir: Defaults to `None`: `evaluation` in the run's folder. An earlier evaluation is replaced as a whole.
      basis: that the dataset was built from. Defaults to `None`: made again from the origin that the dataset names, and
        if it names none, this package's own.
      against: measured dataset whose real spectra the generated ones are compared with, `NAME`, `NAME/CONFIG` or a
        folder; see `mrs_keras.evaluation.realism`. Subjects in the training split of the model count as training, if
        the dataset is of the same scans. Defaults to `None`: no comparison with real spectra.
      second_labels: table of fits of these spectra by another program than that of the dataset's labels, for the
        utility. Defaults to `None`: the labels of the dataset.
      fitted: number of spectra of each set that are fitted; more take longer, and make the statistics of their
        distributions sharper. Defaults to `None`: 2,000, or 300 if the data have noise or effects.
      generated: an output of `mrs-keras generate` with this model, whose spectra another program fitted. Defaults to
        `None`: none.
      fits: the table of these fits, or the folder of them, as LCModel, FSL-MRS or Osprey writes it; see
        `mrs_keras.measured.read_label_table`. Defaults to `None`: none.

    Returns:
      The content of `numbers.json`.

    Raises:
      FileNotFoundError: if the model or the dataset is missing.
      RuntimeError: if the training diverged: there is no model, or it returns NaN or infinity for valid input.
      ValueError: if the dataset does not have the model's acquisition and labels, or `output_dir` contains anything
        but an earlier evaluation; or `against` is not a measured dataset of the model's field, with a noise level and
        enough spectra; or `fits` and `generated` do not belong together, or to the model, or have no labels that vary.
    """
    if second_labels is not None and against is None:
        raise ValueError(
            "`second_labels` are labels of real spectra. Expected `against` beside them. "
            f"Received: second_labels='{os.fspath(second_labels)}' alone. Give `against`, or leave both out."
        )
    if (generated is None) != (fits is None):
        given = f"generated='{generated}'" if fits is None else f"fits='{fits}'"
        raise ValueError(
            "Fits of generated spectra are compared with the labels of these spectra. Expected `generated` and `fits`. "
            f"Received: {given} alone. Give both, or leave both out."
        )
    check_count("steps", steps, 11, at_least=2)
    if fitted is not None:
        check_count("fitted", fitted, 2000, at_least=20)
    output_dir = Path(output_dir or Path(run_dir) / EVALUATION)
    _check_replaceable(output_dir, Path(run_dir))
    with tqdm(total=PROGRESS_STEPS + (against is not None), unit="step") as bar:

        def progress(step: str) -> None:
            bar.set_description(f"Evaluating: {step}")
            bar.update()

        progress("model and data")
        model = load_trained(run_dir)
        settings = read_settings(run_dir)
        dataset, config = _data_of(settings, dataset, config)
        builder = open_dataset(dataset, config, data_dir)
        description = describe_dataset(builder)
        model.description.check_same_data(description.labels, description.acquisition)
        judged = None if against is None else open_real_spectra(against, data_dir, settings, second_labels)
        if judged is not None:
            common_acquisition(model.acquisition, judged.real.acquisition)  # before the work
        answers = None if fits is None else FittedLabels.measure(generated, fits, model.description, run_dir)
        physics = DatasetPhysics.of(description, basis)
        if physics is not None:
            physics = dataclasses.replace(physics, fitted=fitted)
        roles = {role: split_of(builder, role) for role in ("train", "validation", "test")}
        splits = {role: load_arrays(builder, split) for role, split in roles.items() if split is not None}
        progress("reconstructions")
        reconstruction = Reconstruction.measure(model, splits["train"], splits["validation"])
        topics = [reconstruction, Scope.measure(physics, splits["validation"])]
        if reconstruction.failure is None:
            topics += _measure(model, physics, splits, reconstruction, steps, progress)
            if judged is not None:
                progress("real spectra")
                topics.append(AgainstReal.measure(model, run_dir, judged, data_dir))
            topics += [] if answers is None else [answers]
        topics.append(LearningCurves.measure(run_dir))
        progress("figures and report")
        numbers = merged(topic.numbers() for topic in topics)
        rows = [row for topic in TOPICS for row in topic.ROWS]
        priors = {prior.name: prior.label for prior in model.latent_priors}
        table = main_table(numbers, rows, targets_of(settings["preset"], config), priors)
        images = {name: png_bytes(figure) for topic in topics for name, figure in topic.figures().items()}
        page = report_page(topics, _notes(description, physics), images, reconstruction.failure)
        texts = {name: text for topic in topics for name, text in topic.files().items()}
        texts |= {TABLE_FILE: table + "\n", REPORT_FILE: page}
        texts[NUMBERS_FILE] = json.dumps(numbers, indent=2, allow_nan=False) + "\n"
        with replacing(output_dir) as partial:
            partial.mkdir()
            for name, image in images.items():
                (partial / f"{name}.png").write_bytes(image)
            for name, text in texts.items():
                (partial / name).write_text(text, encoding="utf-8")
        bar.set_description("Evaluated")
        bar.update(bar.total - bar.n)
    return numbers


def _measure(
    model: CVAE,
    physics: DatasetPhysics | None,
    splits: Mapping[str, Split],
    reconstruction: Reconstruction,
    steps: int,
    progress: Callable[[str], None],
) -> list[Topic]:
    """Returns the topics of a model that reconstructs its data, in the order of the numbers and of the report."""
    training, validation = splits["train"], splits["validation"]
    progress("parameters of the reconstructions")
    parameter_errors = ParameterErrors.measure(physics, validation, reconstruction)
    sets = []
    for prior in model.latent_priors:
        progress(f"generated spectra, {prior.label}")
        sets.append(generated_set(model, prior, physics))
    progress("simulated spectra, the reference")
    simulated = simulated_set(physics)
    generation = Generation.measure(physics, reconstruction.ppm, sets, simulated)
    coverage = Coverage.measure(training, validation, sets, simulated)
    progress("latent space")
    latent_space = LatentSpace.measure(validation, model.labels.names, reconstruction)
    disentanglement = Disentanglement.measure(latent_space)
    progress("interpolations of the test pairs")
    test_pairs = PathsOfTestPairs.measure(model, physics, splits.get("test"), steps)
    progress("interpolations of random pairs")
    random_pairs = PathsOfRandomPairs.measure(model, physics)
    noise = Noise.measure(model, physics, validation, reconstruction, generation)
    return [
        parameter_errors,
        generation,
        coverage,
        latent_space,
        disentanglement,
        test_pairs,
        random_pairs,
        *([] if noise is None else [noise]),
        Architecture.measure(model),
    ]


def _data_of(settings: Mapping, dataset: str | os.PathLike | None, config: str | None) -> tuple:
    """Returns dataset and config for the evaluation: those given, else those of the training."""
    if "dataset" not in settings:
        raise ValueError(
            "The evaluation needs a training on a dataset, which says what the model has seen. Received one on arrays "
            "(`train_in_vivo`). Train on a dataset of these scans, or compare with `mrs_keras.evaluation.realism`."
        )
    trained_on = settings["dataset"]
    if not isinstance(trained_on, str):  # a run from before other datasets were supported
        trained_on = DEFAULT_DATASET
    if dataset is None:
        return trained_on, config or settings["config"]
    return dataset, config


def _notes(description: DatasetDescription, physics: DatasetPhysics | None) -> list[str]:
    """Returns the notes that precede the numbers of the report."""
    notes = []
    if physics is None:
        return notes
    if not physics.exact:
        notes.append(
            "The spectra of this dataset have noise or effects (residual water, eddy currents, drift) that the "
            f"spectral fit does not model, so it is not exact. {fitted_spectra(physics)} spectra of each kind are "
            "fitted, and each number is compared with that of spectra simulated like those of the dataset: a good "
            "model comes close to it."
        )
    if physics.basis.description != description.basis:
        notes.append(
            f"The dataset was built from the basis '{description.basis}', the fit uses '{physics.basis.description}'. "
            "Where these differ, the fit of the data themselves is off as well. In Python, "
            "`evaluate(..., basis=read_basis(path))` fits with the dataset's own."
        )
    return notes


def _check_replaceable(output_dir: Path, run_dir: Path) -> None:
    """Raises `ValueError` if an evaluation would replace anything else."""
    earlier = (output_dir / NUMBERS_FILE).exists() and (output_dir / REPORT_FILE).exists()
    holds_the_run = run_dir.resolve().is_relative_to(output_dir.resolve())
    in_use = output_dir.exists() and (not output_dir.is_dir() or any(output_dir.iterdir()))
    if holds_the_run or (in_use and not earlier):
        raise ValueError(
            "The folder of an evaluation is replaced as a whole. Expected a new or empty folder, or one with an "
            f"earlier evaluation. Received: '{output_dir}', which holds other files. Choose another folder."
        )
