"""Residual water for whole FIDs of generated spectra."""

from typing import Any

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_finite
from mrs_keras.random_streams import GENERATED, GENERATED_WATER
from mrs_keras.simulation import EFFECT_UNITS, Prior, residual_water
from mrs_keras.simulation.keyed_random import keyed_uniform

PRESET = "brain_press_te30"
"""Prior whose shifts, widths and phases of residual water are used."""

TRUTH_KEY = "ResidualWater"


def checked_range(limits: tuple[float, float]) -> tuple[float, float]:
    """Returns the range of heights, or raises `ValueError` unless it is 0 <= low <= high."""
    heights = check_finite("residual_water", np.asarray(limits, np.float64))
    if heights.shape != (2,) or not 0 <= heights[0] <= heights[1]:
        raise ValueError(
            "`residual_water` must be the lowest and the highest height of the water, as a multiple of the spectrum's "
            f"tallest point, 0 <= low <= high. Received: {limits!r}. Give for example (0.5, 5.0)."
        )
    return float(heights[0]), float(heights[1])


def draw_residual_water(
    limits: tuple[float, float],
    tallest: np.ndarray,
    acquisition: Acquisition,
    start: int,
    seed: int,
) -> tuple[np.ndarray, list[dict[str, Any]]]:
    """Draws the residual water of each spectrum: lines of `mrs_keras.simulation.residual_water`.

    The largest line is uniform in the range; the others are a random fraction of it. Shifts, widths and phases are
    those of the prior `brain_press_te30`. The water of row k depends only on (seed, k).

    Args:
      limits: lowest and highest height of the largest line, as multiples of `tallest`.
      tallest: (rows,), largest magnitude of each spectrum.
      acquisition: of the spectra.
      start: index k of the first row.
      seed: of the draws.

    Returns:
      FIDs of the water, complex64 (rows, points), and the truth of each: parameter -> value of each line.
    """
    prior = Prior.from_preset(PRESET, acquisition.spectrometer_frequency_mhz)
    stop = start + len(tallest)

    def uniform(name: str, columns: int) -> np.ndarray:
        return keyed_uniform(start, stop, columns, seed, GENERATED, f"{GENERATED_WATER}/{name}")

    low, high = limits
    fractions = uniform("fractions", prior.water_lines)
    fractions[:, 0] = 1.0
    largest = (low + (high - low) * uniform("height", 1)) * np.asarray(tallest, np.float64)[:, None]
    values = {"water_height": largest * fractions}
    for name in ("water_shift_hz", "water_gamma", "water_sigma", "water_phase"):
        values[name] = prior.leaf(name).quantile(uniform(name, prior.water_lines))
    fids = residual_water(acquisition.time_axis_s, *values.values())
    units = ", ".join(f"{name} in {EFFECT_UNITS[name]}" for name in values)
    described = f"Lines of residual water that were added, by mrs_keras.simulation.residual_water: {units}"
    truth = [
        {TRUTH_KEY: {"Description": described, **{name: value[row].tolist() for name, value in values.items()}}}
        for row in range(len(tallest))
    ]
    return fids.astype(np.complex64), truth
