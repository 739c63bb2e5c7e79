"""Measures how fast generated spectra are written, and how much memory that takes.

    python benchmarks/generate.py [--spectra 20000] [--files 2000] [--all]

The model is the pretrained one. The reference is the same model without writing, in the same run, and for files of
NIfTI-MRS the same FIDs written by nibabel without a header extension. Each format runs in a process of its own, with a
tenth of the spectra and with all of them: memory that does not grow is flat. `--all` writes 100,000 spectra to TFRecord
and 10,000 to BIDS.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path

OUTPUTS = {"tfds": "records", "npz": "spectra.npz", "nifti_mrs": "spectra.nii.gz", "bids": "bids"}


def written(format: str, number: int) -> tuple[float, float]:
    """Returns the time of writing, s, and the largest resident memory of the process, MiB."""
    from mrs_keras.generation import generate_dataset, open_export
    from mrs_keras.pretrained import default_saved_models

    source = open_export(default_saved_models())
    with tempfile.TemporaryDirectory() as folder:
        generate_dataset(source, Path(folder) / f"first-{OUTPUTS[format]}", number=2, format=format)
        start = time.perf_counter()
        generate_dataset(source, Path(folder) / OUTPUTS[format], number=number, format=format)
        seconds = time.perf_counter() - start
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def reference(number: int, files: int) -> tuple[float, float]:
    """Returns the time of the model without writing, and that of nibabel for one file each, s per spectrum."""
    import nibabel
    import numpy as np

    from mrs_keras.generation import open_export
    from mrs_keras.generation.blocks import blocks_of
    from mrs_keras.pretrained import default_saved_models

    source = open_export(default_saved_models())
    labels = np.tile(np.float32([12.0, 4.5]), (number, 1))

    def rows(start, stop):
        return labels[start:stop]

    next(blocks_of(source, 1, rows, 0))
    start = time.perf_counter()
    for _ in blocks_of(source, number, rows, 0):
        pass
    alone = (time.perf_counter() - start) / number
    block = next(blocks_of(source, min(files, 1000), rows, 0, whole_band=True))
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        for row, fid in enumerate(block["fid"]):
            image = nibabel.Nifti2Image(fid[None, None, None], np.eye(4))
            image.to_filename(Path(folder) / f"{row}.nii.gz")
        nibabel_alone = (time.perf_counter() - start) / len(block["fid"])
    return alone, nibabel_alone


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spectra", type=int, default=20_000, help="in one file or a folder of TFRecord files")
    parser.add_argument("--files", type=int, default=2_000, help="in a BIDS folder")
    parser.add_argument("--all", action="store_true", help="100,000 to TFRecord, 10,000 to BIDS")
    options = parser.parse_args()
    numbers = dict.fromkeys(OUTPUTS, options.spectra) | {"bids": options.files}
    if options.all:
        numbers |= {"tfds": 100_000, "bids": 10_000}
    context = multiprocessing.get_context("spawn")
    with context.Pool(1, maxtasksperchild=1) as pool:
        alone, nibabel_alone = pool.apply(reference, (options.spectra, options.files))
        print(f"model alone: {1 / alone:,.0f} spectra/s; nibabel alone: {1 / nibabel_alone:,.0f} files/s")
        print("| format | spectra | spectra/s | over the reference | memory of a tenth, of all |")
        print("|---|---|---|---|---|")
        for format, number in numbers.items():
            _, before = pool.apply(written, (format, max(number // 10, 1)))
            seconds, after = pool.apply(written, (format, number))
            ratio = seconds / number / (alone + (nibabel_alone if format == "bids" else 0))
            print(
                f"| `{format}` | {number:,} | {number / seconds:,.0f} | {ratio:.1f} | {before:.0f}, {after:.0f} MiB |"
            )


if __name__ == "__main__":
    main()
