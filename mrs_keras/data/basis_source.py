"""Where the basis of a dataset comes from, so that it can be made again."""

import dataclasses
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.default import basis_for
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, add_broad_signals, creatine_per_proton
from mrs_keras.basis.match import match_acquisition
from mrs_keras.basis.read import read_basis
from mrs_keras.basis.spins.sequences import make_sequence


@dataclasses.dataclass(frozen=True)
class BasisSource:
    """What the signals of a dataset come from: a sequence that is simulated, or a file.

    Args:
      sequence: `{"name": "press", "te1_ms": 11.0, "te2_ms": 24.0}`: a sequence of `simulate_basis`, and those of its
        times that differ from its defaults. Defaults to `None`: PRESS, TE 30 ms = 11 + 19.
      file: that `read_basis` can read. Defaults to `None`: the signals are simulated.

    Raises:
      ValueError: if both are given, or the sequence or a time of it is unknown.
    """

    sequence: Mapping[str, Any] | None = None
    file: str | None = None

    def __post_init__(self):
        if self.file is not None:
            if self.sequence is not None:
                raise ValueError(
                    "A basis from a file has a sequence of its own. Expected `sequence` or `basis`, not both. "
                    f"Received: sequence={dict(self.sequence)}, basis='{self.file}'. Leave one of them out."
                )
            return
        sequence = {"name": "press"} if self.sequence is None else dict(self.sequence)
        if "name" not in sequence:
            raise ValueError(
                f"`sequence` must have a name. Received: sequence={sequence}. "
                'Give for example {"name": "press", "te1_ms": 11.0, "te2_ms": 24.0}.'
            )
        name = sequence.pop("name")
        _, times_ms = make_sequence(name, sequence)
        object.__setattr__(self, "sequence", {"name": name, **times_ms})

    def basis(self, names: Sequence[str], acquisition: Acquisition | None = None) -> Basis:
        """Returns the signals of metabolites, macromolecules and lipids, in the order of the names.

        A file that lacks macromolecules and lipids gets this package's, scaled by the creatine of the file. A file of
        another bandwidth or number of points is resampled; shifts in ppm are kept.

        Args:
          names: as in `basis_for`.
          acquisition: Defaults to `None`: that of the file, or `Acquisition()`.

        Raises:
          FileNotFoundError: if the file is missing.
          ValueError: if it lacks a metabolite, is too short, or of another field.
        """
        if self.file is None:
            times_ms = dict(self.sequence or {})
            return basis_for(names, acquisition, sequence=times_ms.pop("name"), **times_ms)
        if not Path(self.file).exists():
            raise FileNotFoundError(
                f"The basis '{self.file}' is missing, which the dataset is made from. Put it back, or give the basis: "
                "`--basis FILE` of `mrs-keras evaluate`, `basis=read_basis(path)` in Python."
            )
        basis = read_basis(self.file)
        if acquisition is not None and basis.acquisition != acquisition:
            basis = match_acquisition(basis, acquisition, self.file)
        lacking = [name for name in names if find_metabolite(name, basis.names) is None]
        broad = [name for name in lacking if name in BROAD_SIGNALS]
        missing = [name for name in lacking if name not in BROAD_SIGNALS]
        if missing:
            raise ValueError(
                f"The basis must have the metabolites of the prior. Missing: {', '.join(missing)}. "
                f"Received: '{self.file}' with {', '.join(basis.names)}. "
                "Give another `basis` or `prior` in the config: for a prior from fits, the `basis.npz` beside it."
            )
        if broad:
            basis = add_broad_signals(basis, broad, creatine_per_proton(basis))
        return basis.select(names)

    def to_dict(self) -> dict:
        """Returns the source as plain data: `{"sequence": {...}}` or `{"file": path}`."""
        return {"sequence": dict(self.sequence)} if self.file is None else {"file": os.path.abspath(self.file)}
