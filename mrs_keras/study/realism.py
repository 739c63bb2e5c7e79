"""`mrs-keras study realism`: how hard generated spectra are to tell from real ones of subjects never seen."""

import dataclasses
import hashlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

import mrs_keras
from mrs_keras.checks import check_count
from mrs_keras.data.basis_source import BasisSource
from mrs_keras.evaluation.compared_spectra import labels_of_real
from mrs_keras.evaluation.real_spectra import RealDataset, read_real_dataset
from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra, realism_figures
from mrs_keras.files import replacing
from mrs_keras.fitting import InVivoFits, prior_from_fits
from mrs_keras.fitting.in_vivo_fits import ARRAYS
from mrs_keras.labels import Labels
from mrs_keras.measured.subjects import subject_of
from mrs_keras.plotting.html_page import png_bytes
from mrs_keras.run_folder import NUMBERS_FILE, REPORT_FILE, TABLE_FILE
from mrs_keras.simulation import ExampleRecipe, FittedPrior, Prior
from mrs_keras.simulation.prior_presets import PRIOR_PRESETS
from mrs_keras.study.cross_validation import CONTROLS, Generator, SplitResult, cross_validate
from mrs_keras.study.realism_page import realism_page, summary_table

GENERATED = 3000
"""Spectra of a generator in a split: all for the utility, the first 300 for the rest."""

SECONDS_PER_SPLIT, SECONDS_PER_GENERATOR = 20, 10
"""Rough time on one core, for what is said first."""

FITTED = "fitted prior"
"""Title of the prior from fits."""

PARTS = "parts"


def study_realism(
    dataset: str | os.PathLike,
    *,
    fits: InVivoFits | None = None,
    priors: Sequence[str | os.PathLike] = (),
    second_labels: str | os.PathLike | None = None,
    seeds: Sequence[int] = (10, 11, 12),
    folds: int = 3,
    output_dir: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    prior_options: Mapping[str, float] | None = None,
) -> dict:
    """Measures, by cross-validation over subjects, how realistic the spectra of priors are.

    For each seed, the subjects of the dataset are divided into folds, within sites. A prior is made from the fits of
    the training subjects of each split alone, and its spectra are compared with those of the held-out subjects. Beside
    it stand real spectra (the floor: no generator can be better but by chance), copies of the training spectra and
    mixtures of them (cheats), and published priors, with this package's basis.

    Writes `numbers.json`, `table.txt`, figures and `report.html` to the folder. A split that was measured before with
    the same data, fits, priors, options and version of this package is read.

    Args:
      dataset: `NAME` or `NAME/CONFIG` of a measured dataset, or a folder that contains one.
      fits: of the spectra of the dataset, from `mrs-keras measured fit`. Defaults to `None`: no fitted prior.
      priors: names of presets, or files, of priors that know nothing of the dataset; none that is made from fits, whose
        subjects may be held out here. Presets are converted to the field of the dataset, files are taken as they are.
        Defaults to none.
      second_labels: table of fits by another program than that of the dataset's labels, for the utility. Defaults to
        `None`: the dataset's labels.
      seeds: of the folds, each once. Defaults to `(10, 11, 12)`.
      folds: Defaults to `3`.
      output_dir: folder to write.
      data_dir: TFDS data folder. Defaults to `None`: the default one.
      prior_options: arguments of `prior_from_fits`. Defaults to `None`: its own.

    Returns:
      The content of `numbers.json`.

    Raises:
      ValueError: if there is nothing to judge, the fits are not of the spectra of the dataset, a subject has several,
        two priors have the same name, one is made from fits, or seeds are missing or given twice.
    """
    check_count("folds", folds, 3, at_least=2)
    if not len(seeds) or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be one or more, each once. Received: seeds={seeds}. Give for example 10 11 12.")
    published = _published(priors)
    if fits is None and not published:
        raise ValueError(
            "There is nothing to judge. Expected fits, or priors. Received neither. Give the fits of the dataset "
            "(`mrs-keras measured fit`), or a published prior such as `brain_press_te30`."
        )
    found = read_real_dataset(dataset, data_dir, second_labels)
    real, generators = found.real, {}
    options = dict(prior_options or {})
    if fits is not None:
        fits = _of_dataset(fits, found)
        generators[FITTED] = fitted_generator(fits, real, options)
    published = {
        title: _at_field(given, published[title], real) for title, given in zip(published, priors, strict=True)
    }
    generators |= {title: published_generator(prior, real) for title, prior in published.items()}
    splits = len(seeds) * folds
    minutes = splits * (SECONDS_PER_SPLIT + SECONDS_PER_GENERATOR * len(generators)) / 60
    print(f"{splits} splits of {len(real)} spectra, {len(generators)} generator(s): about {minutes:.0f} minutes.")
    output_dir, started = Path(output_dir), time.monotonic()
    key = _key(options, fits, published)
    results: list[SplitResult] = []
    with tqdm(total=splits, desc="Judging realism", unit="split", disable=None) as bar:
        for result in cross_validate(real, generators, seeds=seeds, folds=folds, parts=output_dir / PARTS, key=key):
            results.append(result)
            bar.update()
    numbers = {
        "dataset": found.name,
        "second_labeller": found.second_labeller,
        "spectra": len(real),
        "seeds": list(seeds),
        "folds": folds,
        "prior_options": options,
        "splits": [
            {"seed": each.seed, "fold": each.fold, **{name: one.to_dict() for name, one in each.realism.items()}}
            for each in results
        ],
    }
    figures = _figures(real, generators, seeds[0])
    images = {name: png_bytes(figure) for name, figure in figures.items()}
    for name, image in images.items():
        _write(output_dir / f"{name}.png", image)
    _write(output_dir / TABLE_FILE, (summary_table(results) + "\n").encode())
    _write(output_dir / REPORT_FILE, realism_page(found, results, images, options).encode())
    _write(output_dir / NUMBERS_FILE, (json.dumps(numbers, indent=2) + "\n").encode())
    tqdm.write(f"{time.monotonic() - started:.0f} s")
    return numbers


def fitted_generator(fits: InVivoFits, real: RealSpectra, options: Mapping[str, float]) -> Generator:
    """Returns a generator that makes a prior from the fits of the training spectra."""

    def generate(rows: np.ndarray, seed: int) -> GeneratedSpectra:
        return spectra_of(ExampleRecipe(prior_from_fits(fits[rows], **options), fits.basis, seed), real)

    return generate


def published_generator(prior: Prior, real: RealSpectra) -> Generator:
    """Returns a generator of the spectra of a prior with this package's own basis, in the acquisition of real ones."""
    basis = BasisSource().basis(prior.metabolites, real.acquisition)

    def generate(rows: np.ndarray, seed: int) -> GeneratedSpectra:
        del rows  # a published prior has not seen any
        return spectra_of(ExampleRecipe(prior, basis, seed), real)

    return generate


def spectra_of(recipe: ExampleRecipe, real: RealSpectra, count: int = GENERATED) -> GeneratedSpectra:
    """Simulates spectra of a recipe with noise, and with the labels of real ones."""
    examples = recipe.draw(0, count)
    leaves = recipe.prior.concentrations.values()
    labels = Labels(recipe.prior.metabolites, tuple((leaf.low, leaf.high) for leaf in leaves), "mM")
    values, _ = labels_of_real(labels, examples.parameters.concentrations, real.label_names)
    return GeneratedSpectra(recipe.simulate(examples), recipe.noise_sigma(examples), values)


def _of_dataset(fits: InVivoFits, found: RealDataset) -> InVivoFits:
    """Returns the fits of the spectra of a dataset, in its order, or raises `ValueError` if one is missing."""
    rows = {} if fits.ids is None else {name: row for row, name in enumerate(fits.ids)}
    missing = [name for name in found.example_ids if name not in rows]
    if missing or fits.acquisition != found.real.acquisition:
        raise ValueError(
            f"The fits must be of the spectra of '{found.name}', in its acquisition. Received: fits without "
            f"{len(missing)} of {len(found.example_ids)} spectra, {fits.acquisition}. Run `mrs-keras measured fit` "
            "on the dataset."
        )
    if len(set(map(subject_of, found.real.subjects))) < len(found.real):
        raise ValueError(
            f"A prior from fits counts every subject once. Received: {len(found.real)} spectra of "
            f"{len(set(map(subject_of, found.real.subjects)))} subjects in '{found.name}'. Build a dataset of one "
            "spectrum of each subject, or leave out the fits."
        )
    fits = fits[np.array([rows[name] for name in found.example_ids])]
    fitted = fits.fitted + fits.residual
    if not np.allclose(fitted, found.real.spectra, rtol=1e-4, atol=1e-4 * np.abs(fitted).max()):
        raise ValueError(
            f"The fits are of other spectra than those of '{found.name}': processed in another way, or scaled. Run "
            "`mrs-keras measured fit` on the dataset."
        )
    return dataclasses.replace(fits, participants=found.real.subjects, sites=found.real.sites)


def _figures(real: RealSpectra, generators: Mapping[str, Generator], seed: int) -> dict:
    """Returns figures of the generators that are made from all real spectra."""
    rows = np.arange(len(real))
    return realism_figures(real, {title: generator(rows, seed) for title, generator in generators.items()})


def _published(priors: Sequence[str | os.PathLike]) -> dict[str, Prior]:
    """Returns title -> prior, or raises `ValueError` if two have the same title, or one is made from fits."""
    published: dict[str, Prior] = {}
    for each in priors:
        title, prior = Path(each).stem, Prior.of(each)
        if title in (*published, FITTED, *CONTROLS.values()):
            raise ValueError(
                f"Each prior must have a name of its own, and none of {', '.join((FITTED, *CONTROLS.values()))}. "
                f"Received: '{title}', of {', '.join(map(os.fspath, priors))}. Rename the file, or give it once."
            )
        if isinstance(prior, FittedPrior):
            raise ValueError(
                "`priors` must know nothing of the dataset, and are simulated with this package's basis. Received: "
                f"'{os.fspath(each)}', which is made from fits. Give the fits themselves (`fits`): a prior is made "
                "of the training subjects of each split."
            )
        published[title] = prior
    return published


def _at_field(given: str | os.PathLike, prior: Prior, real: RealSpectra) -> Prior:
    """Returns a preset at the field of real spectra; a prior from a file is for that already, as in `simulated_mrs`."""
    return prior.for_frequency(real.acquisition.spectrometer_frequency_mhz) if given in PRIOR_PRESETS else prior


def _key(options: Mapping[str, float], fits: InVivoFits | None, published: Mapping[str, Prior]) -> str:
    """Returns what the results of a split depend on beside the real spectra and the split."""
    priors = {title: prior.to_dict() for title, prior in published.items()}
    return json.dumps([mrs_keras.__version__, options, None if fits is None else _digest(fits), priors, GENERATED])


def _digest(fits: InVivoFits) -> str:
    """Returns a digest of all that a prior is made from."""
    splines = None if fits.baseline_splines is None else fits.baseline_splines.to_dict()
    about = [fits.columns, fits.basis.description, fits.groups, splines, fits.participants, fits.sites]
    digest = hashlib.sha256(json.dumps(about).encode())
    for array in (fits.basis.fids, *(getattr(fits, name) for name in ARRAYS)):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as partial:
        partial.write_bytes(content)
