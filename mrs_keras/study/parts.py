"""The results of a split that are kept, so that a study resumes."""

import dataclasses
import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mrs_keras.evaluation.realism import GeneratedSpectra, Realism
from mrs_keras.evaluation.realism.figures import DRAWN
from mrs_keras.files import replacing


@dataclasses.dataclass(frozen=True)
class Parts:
    """The results of a split: a file for each generator, and one for all controls.

    Args:
      folder: of the split.
    """

    folder: Path

    def read(self, title: str, digest: str, with_spectra: bool = False) -> dict[str, Realism] | None:
        """Returns title -> realism, or `None` if there is none with this digest, or without spectra that it needs."""
        path = self._path(title, "json")
        if not path.exists() or (with_spectra and not self._path(title, "npz").exists()):
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["digest"] != digest:
            return None
        return {name: Realism.from_dict(result) for name, result in content["realism"].items()}

    def write(
        self, title: str, digest: str, realism: Mapping[str, Realism], spectra: GeneratedSpectra | None = None
    ) -> None:
        """Writes results, and spectra for figures, of which the first 300 are kept."""
        if spectra is not None:
            first = spectra.select(slice(DRAWN))
            with replacing(self._path(title, "npz")) as partial:
                np.savez(
                    partial, spectra=first.spectra, noise_sigma=first.noise_sigma, sites=np.array(first.sites, str)
                )
        plain = {name: result.to_dict() for name, result in realism.items()}
        with replacing(self._path(title, "json")) as partial:
            partial.write_text(json.dumps({"digest": digest, "realism": plain}), encoding="utf-8")

    def spectra(self, title: str) -> GeneratedSpectra:
        """Returns the spectra that were kept."""
        with np.load(self._path(title, "npz")) as content:
            return GeneratedSpectra(content["spectra"], content["noise_sigma"], sites=tuple(content["sites"].tolist()))

    def _path(self, title: str, suffix: str) -> Path:
        return self.folder / f"{file_name(title)}.{suffix}"


def file_name(title: str) -> str:
    """Returns a title as it stands in the names of files."""
    return re.sub(r"\W+", "_", title)
