"""`mrs-keras study realism`: how hard generated spectra are to tell from real ones of subjects never seen."""

import dataclasses
import json
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from tqdm import tqdm

import mrs_keras
from mrs_keras.checks import check_choice, check_count
from mrs_keras.evaluation.real_spectra import read_real_dataset
from mrs_keras.evaluation.realism import RealSpectra
from mrs_keras.files import write_whole
from mrs_keras.fitting import InVivoFits
from mrs_keras.plotting.html_page import png_bytes
from mrs_keras.run_folder import NUMBERS_FILE, REPORT_FILE, TABLE_FILE
from mrs_keras.study.cross_validation import CONTROLS_PART, CrossValidation, StudiedGenerator
from mrs_keras.study.figures import study_figures
from mrs_keras.study.generators import (
    FITTED,
    at_field,
    fits_of_dataset,
    fitted_generator,
    published_generator,
    published_priors,
)
from mrs_keras.study.realism_page import realism_page, summary_table
from mrs_keras.study.splits import Split, splits_by_site, splits_by_subject
from mrs_keras.study.trained_models import model_generator
from mrs_keras.study.verdicts import verdicts_on

SECONDS_OF_CONTROLS = 10.0
"""Rough time to measure floor and cheats in a split, on one core."""

PARTS, TRAININGS = "parts", "trainings"

SEEDS = {"subject": (10, 11, 12), "site": (10,)}
"""Default seeds. Sites are the same in every seed: only the draws differ."""


def study_realism(
    dataset: str | os.PathLike,
    *,
    fits: InVivoFits | None = None,
    priors: Sequence[str | os.PathLike] = (),
    models: Sequence[str] = (),
    generators: Mapping[str, StudiedGenerator] | None = None,
    second_labels: str | os.PathLike | None = None,
    split_by: Literal["subject", "site"] = "subject",
    seeds: Sequence[int] | None = None,
    folds: int = 3,
    output_dir: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
    prior_options: Mapping[str, float] | None = None,
) -> dict:
    """Measures, by cross-validation over subjects or sites, how realistic the spectra of generators are.

    For each seed, the subjects of the dataset are divided into folds, within sites; or each site is left out. A prior
    is made from the fits of the training subjects of each split alone, and its spectra are compared with those held
    out. Beside it stand real spectra (the floor: no generator can be better but by chance), copies of the training
    spectra and mixtures of them (cheats), published priors, with this package's basis, and models that are trained in
    each split.

    Writes `numbers.json`, `table.txt`, figures and `report.html` to the folder. What was measured before with the same
    data, fits, priors, options and version of this package is read, for each generator of each split by itself.

    Args:
      dataset: `NAME` or `NAME/CONFIG` of a measured dataset, or a folder that contains one.
      fits: of the spectra of the dataset, from `mrs-keras measured fit`. Defaults to `None`: no fitted prior.
      priors: names of presets, or files, of priors that know nothing of the dataset; none that is made from fits, whose
        subjects may be held out here. Presets are converted to the field of the dataset, files are taken as they are.
        Defaults to none.
      models: presets of models of measured spectra, such as `"invivo"`: each is trained in every split, from the fits.
        Defaults to none.
      generators: title -> another generator. Defaults to `None`: none.
      second_labels: table of fits by another program than that of the dataset's labels, for the utility. Defaults to
        `None`: the dataset's labels.
      split_by: `"subject"`, folds of subjects within sites, or `"site"`, each site with 10 or more spectra left out.
        Defaults to `"subject"`.
      seeds: of the folds, each once. Defaults to `None`: 10, 11 and 12, and 10 alone where sites are left out.
      folds: of subjects. Defaults to `3`.
      output_dir: folder to write. Its figures `realism_nearest_*` show spectra of single subjects.
      data_dir: TFDS data folder. Defaults to `None`: the default one.
      prior_options: arguments of `prior_from_fits`. Defaults to `None`: its own.

    Returns:
      The content of `numbers.json`.

    Raises:
      ValueError: if there is nothing to judge, the fits are not of the spectra of the dataset, a subject has several,
        two generators have the same name, a prior is made from fits, seeds are missing or given twice, or sites cannot
        be left out.
    """
    check_count("folds", folds, 3, at_least=2)
    check_choice("split_by", split_by, SEEDS)
    seeds = SEEDS[split_by] if seeds is None else seeds
    if not len(seeds) or len(set(seeds)) < len(seeds):
        raise ValueError(f"`seeds` must be one or more, each once. Received: seeds={seeds}. Give for example 10 11 12.")
    others = dict(generators or {})
    published = published_priors(priors, (*models, *others))
    if models and fits is None:
        raise ValueError(
            f"Models are pre-trained on simulations of a prior from fits. Received: models={list(models)}, no fits. "
            "Give the fits of the dataset (`mrs-keras measured fit`)."
        )
    if fits is None and not published and not others:
        raise ValueError(
            "There is nothing to judge. Expected fits, or priors. Received neither. Give the fits of the dataset "
            "(`mrs-keras measured fit`), or a published prior such as `brain_press_te30`."
        )
    found, output_dir = read_real_dataset(dataset, data_dir, second_labels), Path(output_dir)
    real, judged = found.real, {}
    options = dict(prior_options or {})
    if fits is not None:
        fits = fits_of_dataset(fits, found)
        judged[FITTED] = fitted_generator(fits, real, options)
    judged |= {
        title: published_generator(at_field(given, published[title], real), real)
        for title, given in zip(published, priors, strict=True)
    }
    judged |= {
        preset: model_generator(
            preset, fits, real, found.description.labels, output_dir / TRAININGS, prior_options=options
        )
        for preset in models
    }
    judged |= others
    splits = splits_by_subject(real, seeds, folds) if split_by == "subject" else splits_by_site(real, seeds)
    started = time.monotonic()
    study = CrossValidation(real, judged, splits, output_dir / PARTS, mrs_keras.__version__)
    results = _results_of(study)
    verdicts = verdicts_on(results, FITTED if FITTED in judged else None)
    numbers = {
        "dataset": found.name,
        "second_labeller": found.second_labeller,
        "spectra": len(real),
        "split_by": split_by,
        "seeds": list(seeds),
        "folds": folds if split_by == "subject" else len(splits) // len(seeds),
        "prior_options": options,
        "verdicts": [{**dataclasses.asdict(each), "verdict": each.words} for each in verdicts],
        "splits": [
            {
                "seed": each.split.seed,
                "fold": each.split.fold,
                **({} if each.split.site is None else {"site": each.split.site}),
                **{name: one.to_dict() for name, one in each.realism.items()},
            }
            for each in results
        ],
    }
    figures = study_figures(real, splits[0], {title: study.kept_spectra(title) for title in judged}, results)
    images = {name: png_bytes(figure) for name, figure in figures.items()}
    for name, image in images.items():
        write_whole(output_dir / f"{name}.png", image)
    write_whole(output_dir / TABLE_FILE, (summary_table(results, verdicts) + "\n").encode())
    write_whole(output_dir / REPORT_FILE, realism_page(found, results, verdicts, judged, images, options).encode())
    write_whole(output_dir / NUMBERS_FILE, (json.dumps(numbers, indent=2) + "\n").encode())
    tqdm.write(f"{time.monotonic() - started:.0f} s")
    return numbers


def _results_of(study: CrossValidation) -> list:
    """Measures all splits; says first how long it takes, and shows the progress."""
    seconds = {CONTROLS_PART: SECONDS_OF_CONTROLS} | {title: each.seconds for title, each in study.generators.items()}
    missing, total = study.missing(), len(study.splits) * len(seconds)
    print(_plan(study.real, study.splits, study.generators, seconds, missing))
    with tqdm(total=total, initial=total - len(missing), desc="Judging realism", unit="part", disable=None) as bar:

        def on_measured(title: str) -> None:
            bar.set_postfix_str(title, refresh=False)
            bar.update()

        return list(study.results(on_measured))


def _plan(
    real: RealSpectra,
    splits: Sequence[Split],
    generators: Mapping[str, StudiedGenerator],
    seconds: Mapping[str, float],
    missing: Sequence[str],
) -> str:
    """Returns what is measured, and how long it takes."""
    held_out = sorted({int(each.held_out.sum()) for each in splits})
    numbers = f"{held_out[0]} to {held_out[-1]}" if len(held_out) > 1 else f"{held_out[0]}"
    lines = [f"{len(splits)} splits of {len(real)} spectra, {numbers} held out; in each split:"]
    abouts = {title: each.about for title, each in generators.items()}
    for title, each in seconds.items():
        about = "floor and cheats" if title == CONTROLS_PART else abouts[title]
        left = missing.count(title)
        state = "" if left == len(splits) else f", {len(splits) - left} of {len(splits)} measured before"
        lines.append(f"  {title}{f' ({about})' if about else ''}: {each:.0f} s{state}")
    minutes = sum(seconds[title] for title in missing) / 60
    return "\n".join([*lines, f"About {minutes:.0f} minutes on one core."])
