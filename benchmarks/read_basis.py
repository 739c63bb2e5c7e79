"""Measures the time to read a basis, per format: 21 metabolites, 2048 points (4096 in a `.BASIS` file).

    python benchmarks/read_basis.py [folder of the 2016 ISMRM fitting challenge]

Writes a random basis in every format to a temporary folder and prints the shortest time of several readings. With the
challenge's folder, it also times the challenge's files.
"""

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np

from mrs_keras import Acquisition, Basis, read_basis

METABOLITES = 21
READINGS = 7
CHALLENGE = {
    "basisset_LCModel/press3T_30ms.BASIS": None,
    "basisset_LCModel": Acquisition(),
    "basisset_JMRUI": None,
    "fsl_json_noTMS": None,
    "basisset_text_noTMS": Acquisition(),
}


def made_up_basis() -> Basis:
    """Returns a basis of random damped lines; the time to read does not depend on the values."""
    acquisition = Acquisition()
    draw = np.random.default_rng(0)
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    offsets_hz = draw.uniform(-500, 0, METABOLITES)
    fids = np.exp(np.outer(times_s, 2j * np.pi * offsets_hz - 2 * np.pi))
    return Basis(tuple(f"M{number}" for number in range(METABOLITES)), fids, acquisition, "made up")


def write_columns(basis: Basis, folder: Path, header: str) -> None:
    """Writes a file per metabolite: a header, then real and imaginary part."""
    folder.mkdir()
    for name, fid in zip(basis.names, basis.fids.T, strict=True):
        rows = "".join(f"{value.real:.7e}\t{value.imag:.7e}\n" for value in fid)
        (folder / f"{name}.txt").write_text(header + rows)


def write_all(basis: Basis, folder: Path) -> dict[str, Acquisition | None]:
    """Writes the basis in every format; returns paths inside the folder, each with the acquisition it needs."""
    basis.save(folder / "own.npz")
    basis.save(folder / "lcmodel.BASIS")
    basis.save(folder / "lcmodel_raw", format="lcmodel_raw")
    basis.save(folder / "fsl_json", format="fsl_json")
    write_columns(basis, folder / "text", "")
    header = (
        "jMRUI Data Textfile\n\nPointsInDataset: 2048\nDatasetsInFile: 1\nSamplingInterval: 2.5E-1\n"
        "TransmitterFrequency: 1.232E8\n\nSignal and FFT\nsig(real)\tsig(imag)\nSignal 1 out of 1 in file\n"
    )
    write_columns(basis, folder / "jmrui", header)
    return {
        "own.npz": None,
        "lcmodel.BASIS": None,
        "lcmodel_raw": basis.acquisition,
        "fsl_json": None,
        "jmrui": None,
        "text": basis.acquisition,
    }


def best_seconds(path: Path, acquisition: Acquisition | None) -> float:
    """Returns the shortest time of several readings, s."""
    seconds = []
    for _ in range(READINGS):
        start = time.perf_counter()
        read_basis(path, acquisition=acquisition)
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def megabytes(path: Path) -> float:
    """Returns the size of a file, or of all files in a folder, MB."""
    return sum(file.stat().st_size for file in ([path] if path.is_file() else path.iterdir())) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("challenge", nargs="?", type=Path, help="folder of the 2016 ISMRM fitting challenge")
    challenge = parser.parse_args().challenge
    print(f"{'what':<40} {'MB':>6} {'best of ' + str(READINGS) + ' / s':>14}")
    with tempfile.TemporaryDirectory() as folder:
        sets = [(Path(folder), write_all(made_up_basis(), Path(folder)))]
        if challenge is not None:
            sets.append((challenge, CHALLENGE))
        for root, paths in sets:
            for path, acquisition in paths.items():
                print(f"{path:<40} {megabytes(root / path):>6.1f} {best_seconds(root / path, acquisition):>14.3f}")


if __name__ == "__main__":
    main()
