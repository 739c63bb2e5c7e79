"""Measures the speed of the simulation, compared with a plain loop over the formula and with the FFT alone.

    python benchmarks/simulate.py --help

Prints one table. All entries are measured in the same run, in turns, so that a busy machine slows all of them.
"""

import argparse
import os
import statistics
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# The plain loop is fastest with one thread: for its small products, a second one costs more than it saves.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
import scipy.fft

from mrs_keras import Basis, Prior, SpectralParameters, default_basis, simulate
from mrs_keras.basis import SPIN_SYSTEMS, simulate_basis
from mrs_keras.simulation import baseline_polynomials
from mrs_keras.simulation.blocks import cores

FSL_MRS_PUBLIC_CALL_US = 2200.0
"""Time of one call of FSL-MRS's `syntheticFromBasisFile`, two metabolites: measured on another machine, quoted here."""


def plain_loop(parameters: SpectralParameters, basis: Basis) -> list[np.ndarray]:
    """Simulates spectrum by spectrum in complex128, as FSL-MRS's forward function does."""
    acquisition = basis.acquisition
    fids, time_s, nu = basis.scaled().fids, acquisition.time_axis_s[:, None], acquisition.frequency_axis_hz
    regressors = baseline_polynomials(acquisition, parameters.baseline.shape[-1] // 2 - 1)
    spectra = []
    for k in range(len(parameters)):
        gamma, sigma, eps = parameters.gamma[k], parameters.sigma[k], parameters.eps[k]
        lines = fids * np.exp(-(1j * eps + gamma) * time_s - (sigma * time_s) ** 2)
        fid = lines @ parameters.concentrations[k]
        fid[0] /= 2
        spectrum = np.fft.fftshift(np.fft.fft(fid)) / np.sqrt(len(fid))
        spectrum = np.exp(-1j * (parameters.phi0[k] + parameters.phi1[k] * nu)) * spectrum
        spectra.append(spectrum + regressors @ (parameters.baseline[k, 0::2] + 1j * parameters.baseline[k, 1::2]))
    return spectra


def brain_like(metabolites: int, groups: int, spectra: int) -> SpectralParameters:
    """Draws parameters of many metabolites; the values do not matter for the speed."""
    rng = np.random.default_rng(0)
    return SpectralParameters(
        rng.uniform(1, 10, (spectra, metabolites)),
        *rng.uniform(2, 20, (3, spectra, groups)),
        rng.uniform(-1, 1, spectra),
        rng.uniform(-1e-5, 1e-5, spectra),
        rng.uniform(-1, 1, (spectra, 10)),
    )


def entries(spectra: int, loop: int, graph: bool) -> dict[str, tuple]:
    """Returns the entries to measure: name -> (function, spectra per call)."""
    two, prior = default_basis(), Prior.from_preset("naa_pcr")
    parameters = prior.draw(two, 0, spectra, seed=0)
    all_21 = simulate_basis(list(SPIN_SYSTEMS))
    shared, own = (brain_like(len(all_21.names), groups, spectra) for groups in (1, len(all_21.names)))
    rng = np.random.default_rng(0)
    fids = (rng.normal(size=(spectra, 2048)) + 1j * rng.normal(size=(spectra, 2048))).astype(np.complex64)
    measured = {
        "plain loop": (lambda: plain_loop(parameters[:loop], two), loop),
        "FFT alone": (lambda: scipy.fft.fft(fids, workers=cores()), spectra),
        "simulate": (lambda: simulate(parameters, two), spectra),
        "simulate, noise": (lambda: simulate(parameters, two, snr=30.0), spectra),
        "simulate, complex128": (lambda: simulate(parameters, two, dtype=np.complex128), spectra),
        "21 metabolites, one line shape": (lambda: simulate(shared, all_21), spectra),
        "21 metabolites, 21 line shapes": (lambda: simulate(own, all_21), spectra),
        "plain loop, 21 line shapes": (lambda: plain_loop(own[: loop // 8], all_21), loop // 8),
    }
    if graph:
        import tensorflow as tf

        from mrs_keras.data import simulated_batch

        # The graph alone, without the tf.data pipeline, which would keep running in the background of other entries.
        for name, snr in (("TensorFlow graph", None), ("TensorFlow graph, noise", 30.0)):
            batch = tf.function(
                lambda number, snr=snr: simulated_batch(number, batch_size=512, snr=snr)["spectrum"], autograph=False
            )
            numbers = [tf.constant(number, tf.int64) for number in range(spectra // 512)]
            measured[name] = (
                lambda batch=batch, n=numbers: [batch(number).numpy() for number in n],
                512 * len(numbers),
            )
    return measured


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spectra", type=int, default=4096, help="spectra per call of a batched entry")
    parser.add_argument("--loop", type=int, default=256, help="spectra of the plain loop")
    parser.add_argument("--rounds", type=int, default=15, help="turns; medians over them")
    parser.add_argument("--no-graph", action="store_true", help="leave TensorFlow out")
    arguments = parser.parse_args()

    measured = entries(arguments.spectra, arguments.loop, not arguments.no_graph)
    seconds = {name: [] for name in measured}
    for turn in range(arguments.rounds + 1):
        for name, (function, spectra) in measured.items():
            start = time.perf_counter()
            function()
            if turn:  # the first is a warm-up
                seconds[name].append((time.perf_counter() - start) / spectra)

    print(f"2,048 points, baseline of order 4, {arguments.spectra} spectra, {cores()} cores, {arguments.rounds} turns;")
    print("ratios: median over the turns; FSL-MRS's public call is quoted at 2.2 ms, not measured here\n")
    print(f"{'':32s}{'fastest':>10s}{'median':>10s}{'spectra':>10s}{'x plain':>9s}{'x public':>9s}{'/ FFT':>8s}")
    print(f"{'':32s}{'us':>10s}{'us':>10s}{'per s':>10s}{'loop':>9s}{'call':>9s}{'alone':>8s}")
    for name, times in seconds.items():
        loop = ratio(seconds["plain loop, 21 line shapes" if "21" in name else "plain loop"], times)
        median = statistics.median(times)
        public = "" if "21" in name else f"{FSL_MRS_PUBLIC_CALL_US / (median * 1e6):.0f}"
        print(
            f"{name:32s}{min(times) * 1e6:10.2f}{median * 1e6:10.2f}{1 / median:10.0f}"
            f"{loop:9.1f}{public:>9s}{ratio(times, seconds['FFT alone']):8.2f}"
        )


def ratio(times: list[float], others: list[float]) -> float:
    """Returns the median over the turns of the ratio: a busy machine slows both entries of a turn."""
    return statistics.median(one / other for one, other in zip(times, others, strict=True))


if __name__ == "__main__":
    main()
