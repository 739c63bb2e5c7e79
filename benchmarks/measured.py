"""Measures the processing of measured scans: each step on one core, and a whole folder on all cores.

    python benchmarks/measured.py [--scans 200] [--coils 32] [--transients 64]

The scans are simulated. The reference is the reading of the same files by nifti-mrs alone, in the same run.
"""

import argparse
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import joblib
import threadpoolctl
from nifti_mrs.nifti_mrs import NIFTI_MRS

from mrs_keras.measured import MeasuredRecipe, process_folder, process_scan, read_scans, write_example
from mrs_keras.measured.alignment import align_transients
from mrs_keras.measured.averaging import average, outliers
from mrs_keras.measured.coils import coil_weights, combine_coils, noise_covariance
from mrs_keras.measured.eddy_currents import correct_eddy_currents
from mrs_keras.measured.noise import measure_noise
from mrs_keras.measured.phase import find_phase
from mrs_keras.measured.quality import measure_quality
from mrs_keras.measured.referencing import find_shift, looks_conjugated, peak_positions_ppm
from mrs_keras.measured.residual_water import remove_residual_water
from mrs_keras.measured.scan import Scan

REPEATS = 9


def best_ms(work: Callable[[], object]) -> float:
    """Returns the shortest time of several calls, in ms."""
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


def files_of(folder: Path, participant: str = "sub-01") -> tuple[Path, Path]:
    """Returns scan and reference of a participant of the example."""
    stem = folder / participant / "mrs" / f"{participant}_acq-press"
    return Path(f"{stem}_svs.nii.gz"), Path(f"{stem}_mrsref.nii.gz")


def read_alone(paths: tuple[Path, ...]) -> None:
    """Reads files by nifti-mrs."""
    for path in paths:
        NIFTI_MRS(str(path))[:]


def steps_of(scan: Scan) -> dict[str, float]:
    """Returns the time of each step of a scan, ms."""
    axes = scan.bandwidth_hz, scan.spectrometer_frequency_mhz
    times, transients, reference = {}, scan.fids[0], scan.reference.fids[0].mean(axis=0)
    if scan.coils > 1:

        def combine():
            return combine_coils(scan.fids, coil_weights(scan.reference.fids, noise_covariance(scan.fids)))

        times["coil combination"], transients = best_ms(combine), combine()
    if scan.transients > 1:
        times["alignment"] = best_ms(lambda: align_transients(transients, *axes))
        transients = align_transients(transients, *axes).fids
        times["outliers and average"] = best_ms(lambda: average(transients, outliers(transients, *axes)))
    fid = transients.mean(axis=0)
    times["eddy currents"] = best_ms(lambda: correct_eddy_currents(fid, reference))
    fid = correct_eddy_currents(fid, reference)
    times["residual water"] = best_ms(lambda: remove_residual_water(fid, *axes))
    fid = remove_residual_water(fid, *axes).fid
    times["referencing, check of the sign"] = best_ms(lambda: (find_shift(fid, *axes), looks_conjugated(fid, *axes)))
    times["phase"] = best_ms(lambda: find_phase(fid, *axes))
    noise = measure_noise(fid, *axes)
    times["noise and quality"] = best_ms(
        lambda: (
            measure_noise(fid, *axes),
            measure_quality(fid, *axes, noise, reference),
            peak_positions_ppm(fid, *axes),
        )
    )
    times["all of `process_scan`"] = best_ms(lambda: process_scan(scan))
    return times


def one_scan(title: str, coils: int, transients: int) -> None:
    """Prints the table of one scan."""
    with tempfile.TemporaryDirectory() as folder:
        write_example(Path(folder, "x"), participants=2, coils=coils, transients=transients, progress=False)
        paths = files_of(Path(folder, "x"))
        reading = best_ms(lambda: read_alone(paths))
        scan = read_scans(*paths)[0]
        print(f"\n{title}: {coils} coils, {transients} transients, {scan.points} points, one core\n")
        print(f"{'':34}{'ms':>9}{'/ reading':>11}{'per s':>9}")
        for name, ms in {"reading by nifti-mrs": reading, **steps_of(scan)}.items():
            print(f"{name:34}{ms:9.2f}{ms / reading:11.2f}{1e3 / ms:9.0f}")


def whole_folder(scans: int) -> None:
    """Prints the table of a folder of averaged scans."""
    with tempfile.TemporaryDirectory() as folder:
        write_example(Path(folder, "x"), participants=scans, coils=1, transients=1, progress=False)
        recipe = MeasuredRecipe(str(Path(folder, "x")))
        start = time.perf_counter()
        for file in recipe.files:
            read_alone((file.path, file.reference))
        reading = time.perf_counter() - start
        print(f"\nFolder of {scans} averaged scans with references, {joblib.cpu_count()} cores\n")
        print(f"{'':34}{'s':>9}{'/ reading':>11}{'per s':>9}")
        print(f"{'reading by nifti-mrs, one core':34}{reading:9.1f}{1:11.2f}{scans / reading:9.0f}")
        for jobs in sorted({1, joblib.cpu_count()}):
            start = time.perf_counter()
            process_folder(recipe, jobs)
            seconds = time.perf_counter() - start
            name = f"process_folder, {jobs} process(es)"
            print(f"{name:34}{seconds:9.1f}{seconds / reading:11.2f}{scans / seconds:9.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scans", type=int, default=200, help="scans of the folder")
    parser.add_argument("--coils", type=int, default=32, help="coils of the raw scan")
    parser.add_argument("--transients", type=int, default=64, help="transients of the raw scan")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")
    with threadpoolctl.threadpool_limits(1):
        one_scan("Averaged scan", 1, 1)
        one_scan("Raw scan", arguments.coils, arguments.transients)
    whole_folder(arguments.scans)


if __name__ == "__main__":
    main()
