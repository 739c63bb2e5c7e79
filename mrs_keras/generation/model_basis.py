"""The basis that the training data of a model were simulated from, to go beside its spectra."""

import dataclasses
import filecmp
import os
from pathlib import Path

from mrs_keras.basis import BROAD_SIGNALS, Basis, read_basis
from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.basis.spins.systems import SPIN_SYSTEMS
from mrs_keras.data import describe_dataset, open_dataset
from mrs_keras.data.basis_source import BasisSource
from mrs_keras.data.description import DatasetDescription
from mrs_keras.files import replacing
from mrs_keras.generation.formats import Format
from mrs_keras.generation.preset_basis import preset_of
from mrs_keras.generation.source import SpectrumSource
from mrs_keras.run_folder import BASIS_FILE, read_settings
from mrs_keras.serving.description import ModelDescription
from mrs_keras.simulation import Prior


@dataclasses.dataclass(frozen=True, eq=False)
class ModelBasis:
    """The basis that goes beside the spectra of a model.

    Args:
      basis: of the acquisition of the spectra.
      complete: whether the spectra consist of its signals, so that a fit needs no others: all labels of the model are
        among its metabolites.
      prior: of the training data. Defaults to `None`: not known.
    """

    basis: Basis
    complete: bool
    prior: Prior | None = None


def model_basis(source: SpectrumSource, given: str | os.PathLike | None = None) -> ModelBasis:
    """Returns the basis of the spectra of a model, in their units: 1 mM of a metabolite has this FID, unbroadened.

    Args:
      source: of the spectra.
      given: file of the basis. It is taken at its word; its metabolites may have other names, it is resampled to the
        spectra, and macromolecules and lipids that it lacks are added as in the datasets. Where the labels of the
        model are not its metabolites (tNAA, ratios), the whole basis is returned, in its own units. Defaults to
        `None`: the one that the training data were simulated from, or, of measured spectra, fitted with.

    Raises:
      FileNotFoundError: if the file is missing.
      ValueError: if the training data were not simulated, or their basis is not known; or if the file is no basis, or
        of another field.
    """
    model = source.description
    if given is not None:
        basis = _given_basis(os.fspath(given), model)
        labels = model.labels.names
        complete = bool(labels) and all(find_metabolite(name, basis.names) is not None for name in labels)
        return ModelBasis(basis, complete)
    run_dir = source.origin.get("run")
    if run_dir is not None and (Path(run_dir) / BASIS_FILE).exists():
        return ModelBasis(read_basis(Path(run_dir) / BASIS_FILE), complete=False)
    found = (None if run_dir is None else _of_run(run_dir)) or preset_of(model)
    if found is None:
        where = f"the training '{run_dir}'" if run_dir else "the model alone, whose training (`--run RUN`) may say it"
        raise ValueError(
            "The basis that the model's training data were simulated from is not known. "
            f"Expected: simulated training data of a known basis. Received: {where}, with the labels "
            f"{', '.join(model.labels.names) or 'none'}. Give its file: `--with-basis FILE`, `with_basis=FILE`."
        )
    basis, prior = found
    return ModelBasis(basis.select(model.labels.names).scaled(), complete=True, prior=prior)


def basis_path(output: Path, format: Format) -> Path:
    """Returns where the basis of an output goes: into a folder of LCModel; else beside the output."""
    if format.basis == "lcmodel_basis":
        return output / "basis.BASIS"
    ending = next((end for end in sorted(format.endings, key=len, reverse=True) if output.name.endswith(end)), "")
    return output.with_name(f"{output.name.removesuffix(ending)}_basis{'.npz' if format.basis == 'npz' else ''}")


def write_beside(basis: Basis, path: Path, format: Format, overwrite: bool) -> None:
    """Writes the basis beside an output, unless the same one is there, as after a generation that was killed.

    Raises:
      FileExistsError: if another basis is there and must not be replaced, or something else.
    """
    with replacing(path) as partial:
        basis.save(partial, format.basis)
        if path.exists() and not _same(partial, path) and not (overwrite and _is_basis(path)):
            raise FileExistsError(
                f"There is already something else at '{path}', where the basis goes. Choose another output, or allow "
                "overwriting of an earlier basis (`overwrite=True`, --overwrite)."
            )


def _given_basis(file: str, model: ModelDescription) -> Basis:
    names = model.labels.names
    if names and all(name in SPIN_SYSTEMS or name in BROAD_SIGNALS for name in names):
        return BasisSource(file=file).basis(names, model.acquisition).scaled()
    if not Path(file).exists():
        raise FileNotFoundError(f"There is no basis '{file}'. Expected: the basis to write beside the spectra.")
    return BasisSource(file=file).basis(read_basis(file).names, model.acquisition)


def _of_run(run_dir: str) -> tuple[Basis, Prior] | None:
    """Returns basis and prior of the data of a run, as the dataset or the settings of the run say."""
    try:
        settings = read_settings(run_dir)
        trained_on = DatasetDescription.from_metadata(settings["fingerprint"])
    except (FileNotFoundError, KeyError, ValueError):  # a model without its settings, or of an earlier version
        return None
    description = trained_on
    try:
        # Only the dataset itself says which file or sequence its basis came from.
        dataset = describe_dataset(open_dataset(settings["dataset"], settings["config"]))
        if (dataset.basis, dataset.acquisition) == (trained_on.basis, trained_on.acquisition):
            description = dataset
    except (FileNotFoundError, ValueError, TypeError):  # it is elsewhere
        pass
    basis = description.own_basis()
    return None if basis is None else (basis, description.prior)


def _same(left: Path, right: Path) -> bool:
    """Whether two files, or two folders of files, have the same content."""
    if left.is_dir() and right.is_dir():
        names = sorted(path.name for path in left.iterdir())
        others = sorted(path.name for path in right.iterdir())
        return names == others and filecmp.cmpfiles(left, right, names, shallow=False)[0] == names
    return left.is_file() and right.is_file() and filecmp.cmp(left, right, shallow=False)


def _is_basis(path: Path) -> bool:
    """Whether something is a basis, so that it may be replaced by another."""
    try:
        read_basis(path)
    except (OSError, ValueError):
        return False
    return True
