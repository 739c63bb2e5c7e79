"""The trained model that a training on measured spectra may begin with."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import tensorflow as tf

from mrs_keras.basis import read_basis
from mrs_keras.basis.aliases import canonical_name
from mrs_keras.data import LabelColumns, simulated
from mrs_keras.data.description import DatasetDescription
from mrs_keras.files import replacing
from mrs_keras.models.cvae import CVAE
from mrs_keras.models.trained import load_trained
from mrs_keras.run_folder import BASIS_FILE, PRETRAINING, PRIOR_FILE, SETTINGS_FILE, read_settings
from mrs_keras.simulation import Prior

SCALES = (0.5, 2.0)
"""Ratios of the heights of spectra between which a model takes others than those that it was trained on."""


def checked_model(
    run_dir: str | os.PathLike, basis: str | os.PathLike | None, description: DatasetDescription, latent_prior: dict
) -> CVAE:
    """Loads the model of a run, to be trained on the spectra of a dataset.

    Args:
      run_dir: folder of the run.
      basis: of the sequence of the dataset, or `None`: not known.
      description: of the dataset.
      latent_prior: kind and arguments of the latent prior that the model is to have, not fitted.

    Raises:
      FileNotFoundError: if there is no finished model.
      ValueError: if it has other labels, another acquisition, another scale or another basis than the dataset.
    """
    model, place = load_trained(run_dir), f"The model in '{os.fspath(run_dir)}'"
    ours, theirs = (list(zip(labels.names, labels.units, strict=True)) for labels in (description.labels, model.labels))
    if ours != theirs:
        raise ValueError(
            f"{place} has other labels than the dataset. Expected: {_words(ours)}. Received: {_words(theirs)}. Build "
            "the dataset with `label_names` that are the model's, or begin without it."
        )
    if model.acquisition != description.acquisition:
        raise ValueError(
            f"{place} is of another acquisition than the dataset. Expected {description.acquisition}. Received: "
            f"{model.acquisition}. Build the dataset with the `acquisition` of the model, or begin without it."
        )
    ratio = description.spectrum_scale / model.spectrum_scale
    if not SCALES[0] <= ratio <= SCALES[1]:
        raise ValueError(
            f"{place} was trained on spectra of another scale: the peaks of the dataset are {ratio:.3g} times as high. "
            "Build the dataset with the same `scale` of its config, or begin without the model."
        )
    own = Path(run_dir) / BASIS_FILE
    if basis is not None and own.exists():
        _check_same_metabolites(read_basis(basis).names, read_basis(own).names, place, os.fspath(basis))
    return with_latent_prior(model, latent_prior)


def keep_beginning(run_dir: str | os.PathLike, output_dir: Path) -> None:
    """Copies prior, basis and label factors of a run, if it has them, so that another can begin with this one."""
    names = (PRIOR_FILE, BASIS_FILE, f"{PRETRAINING}/{SETTINGS_FILE}")
    if all((Path(run_dir) / name).exists() for name in names):
        for name in names:
            with replacing(output_dir / name) as partial:
                partial.write_bytes((Path(run_dir) / name).read_bytes())


def simulations_of(run_dir: str | os.PathLike, seed: int) -> Callable[[int, int], tf.data.Dataset] | None:
    """Returns what makes spectra like those that a run was pre-trained on, as in `Beginning`, or `None`."""
    run_dir = Path(run_dir)
    needed = [run_dir / PRIOR_FILE, run_dir / BASIS_FILE, run_dir / PRETRAINING]
    if not all(path.exists() for path in needed):
        return None
    prior, basis = Prior.load(needed[0]), read_basis(needed[1])
    factors = read_settings(needed[2])["label_factors"]
    columns = LabelColumns.of(list(factors), prior.metabolites, list(factors.values()))

    def simulations(batch_size: int, first_batch: int) -> tf.data.Dataset:
        return simulated(prior, basis, batch_size, seed, first_batch=first_batch, labels=columns)

    return simulations


def with_latent_prior(model: CVAE, latent_prior: dict) -> CVAE:
    """Returns a model with the same networks and a latent prior that is not fitted."""
    fresh = CVAE.from_config({**model.get_config(), "latent_prior": latent_prior})
    kept = {id(variable): variable for variable in model.latent_prior.variables}
    old = [variable for variable in model.variables if id(variable) not in kept]
    left_out = {id(variable) for variable in fresh.latent_prior.variables}
    new = [variable for variable in fresh.variables if id(variable) not in left_out]
    for target, source in zip(new, old, strict=True):
        target.assign(source)
    return fresh


def _check_same_metabolites(ours: Sequence[str], theirs: Sequence[str], place: str, basis: str) -> None:
    metabolites = [{canonical_name(name) for name in names} for names in (ours, theirs)]
    lacking = sorted(metabolites[0] - metabolites[1])
    more = sorted(name for name in metabolites[1] - metabolites[0] if not name.startswith(("MM", "Lip", "CrCH2")))
    if lacking or more:
        raise ValueError(
            f"{place} was trained with other metabolites than those of '{basis}'. Expected: {', '.join(sorted(ours))}. "
            f"Received a model without {', '.join(lacking) or 'none of them'}, and with "
            f"{', '.join(more) or 'no others'}. Begin without it, or with a model of these metabolites."
        )


def _words(labels: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{name} ({unit})" if unit else name for name, unit in labels) or "none"
