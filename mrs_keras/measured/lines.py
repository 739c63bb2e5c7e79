"""One line of a spectrum: its position, height, width and phase, by a fit."""

import dataclasses

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.checks import check_positive
from mrs_keras.measured.noise import check_fid
from mrs_keras.measured.scan import frequency_axis_hz, time_axis_s
from mrs_keras.simulation.forward import fid_to_spectrum
from mrs_keras.simulation.linewidth import voigt_fwhm_hz

WINDOW_POINTS = 12
"""Smallest number of spectral points of a fit: of 9 unknowns, and two numbers per point."""

STEPS = 40
"""Largest number of steps of a fit; most take 6 to 12."""


START_WIDTHS_HZ = (3.0, 8.0, 20.0)
"""Widths from which a fit may start, Hz: the best of them is taken."""

TINY = 1e-12
"""Relative size of the ridge that keeps the steps of a fit defined."""


@dataclasses.dataclass(frozen=True)
class Line:
    """A line of a spectrum; every number is NaN where no line was found.

    Attributes:
      position_ppm: its centre, ppm.
      height: of the absorption line above its local baseline, in the units of the orthonormal spectrum of
        `fid_to_spectrum`.
      fwhm_hz: full width at half maximum, Hz.
      phase_rad: zero-order phase at its centre, rad, in (-pi, pi]; multiplying the FID by exp(-i phase_rad) makes the
        line positive and absorptive.
    """

    position_ppm: float
    height: float
    fwhm_hz: float
    phase_rad: float


NO_LINE = Line(np.nan, np.nan, np.nan, np.nan)


def fit_line(
    fid: np.ndarray,
    bandwidth_hz: float,
    spectrometer_frequency_mhz: float,
    ppm: float,
    half_width_ppm: float = 0.1,
) -> Line:
    """Fits one Voigt line on a linear baseline to a window of the complex spectrum, by least squares.

    The model is that of the discrete spectrum itself, so that neither the truncation of the FID nor the spacing of the
    points biases the width:

        S_k = a FFT(exp((2 pi i f - gamma) t - s t^2))_k + b + c nu_k,    a, b, c complex, gamma >= 0, s = sigma^2 >= 0

    Complex amplitudes make the result independent of the phase of the FID. They are eliminated (variable projection,
    Golub and Pereyra 1973, doi 10.1137/0710036), and Levenberg-Marquardt steps find the other three, from the largest
    magnitude in the window. The width is `voigt_fwhm_hz(gamma, sigma)`.

    Args:
      fid: complex (points,), t = 0 first.
      bandwidth_hz: receiver bandwidth, Hz.
      spectrometer_frequency_mhz: f0, MHz.
      ppm: where the line is expected.
      half_width_ppm: half of the width of the window, ppm; it is widened to 12 points if need be. Defaults to `0.1`.

    Returns:
      `Line`; of NaN if the fit finds none: its centre outside the window, or a line wider than the window.

    Raises:
      ValueError: if the FID is not complex (points,), not finite or zero, or the window is outside the band.

    Example:

    >>> time = np.arange(2048) / 2000
    >>> fid = np.exp(2j * np.pi * 127.7 * (2.01 - 4.65) * time - 5 * np.pi * time)
    >>> round(fit_line(fid, 2000.0, 127.7, ppm=2.0).fwhm_hz, 3)
    5.0
    """
    bandwidth_hz = check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
    f0 = check_positive("spectrometer_frequency_mhz", spectrometer_frequency_mhz, 127.7)
    half_width_hz = check_positive("half_width_ppm", half_width_ppm, 0.1) * f0
    fid = check_fid(fid)
    points = len(fid)
    frequencies = frequency_axis_hz(points, bandwidth_hz)
    expected_hz = (ppm - PPM_REFERENCE) * f0
    half_width_hz = max(half_width_hz, WINDOW_POINTS / 2 * bandwidth_hz / points)
    window = np.flatnonzero(np.abs(frequencies - expected_hz) <= half_width_hz)
    if len(window) < WINDOW_POINTS - 1:
        raise ValueError(
            f"The line at {ppm} ppm must be inside the band. Received: a band of {bandwidth_hz} Hz in {points} points "
            f"at {f0} MHz, from {PPM_REFERENCE + frequencies[0] / f0:.2f} to "
            f"{PPM_REFERENCE + frequencies[-1] / f0:.2f} ppm."
        )
    return _fit(fid, bandwidth_hz, f0, window)


def _fit(fid: np.ndarray, bandwidth_hz: float, f0: float, window: np.ndarray) -> Line:
    points = len(fid)
    times = time_axis_s(points, bandwidth_hz)
    frequencies = frequency_axis_hz(points, bandwidth_hz)[window]
    data = fid_to_spectrum(fid)[window]
    # Orthonormal columns of the linear baseline, real: removing it is a projection.
    position = np.linspace(-1, 1, len(window))
    baseline = np.stack([np.ones_like(position) / np.sqrt(len(window)), position / np.linalg.norm(position)])

    def without_baseline(values):
        return values - (values @ baseline.T) @ baseline

    def spectra(fids, rows):
        return fid_to_spectrum(fids)[:, rows]

    data = without_baseline(data)
    centre, gamma, s = _start(data, frequencies, times, window, without_baseline)
    # Steps are in Hz of shift, of Lorentzian width, and in squared Hz of Gaussian width: of similar size.
    scales = np.array([2 * np.pi, np.pi, np.pi**2 / (4 * np.log(2))])
    parameters = np.array([centre, gamma / np.pi, s / scales[2]])
    derivatives = np.stack([np.ones_like(times), 1j * scales[0] * times, -scales[1] * times, -scales[2] * times**2])

    def model(p):
        frequency, gamma, s = p * scales
        line = np.exp((1j * frequency - gamma) * times - s * times**2)
        values = without_baseline(spectra(derivatives * line, window))
        shape = values[0]
        norm = np.vdot(shape, shape).real
        amplitude = np.vdot(shape, data) / norm
        left = data - amplitude * shape
        jacobian = amplitude * values[1:]
        # The part that a change of the amplitude takes up (Kaufman 1975, doi 10.1007/BF01932995).
        jacobian -= (jacobian @ shape.conj() / norm)[:, None] * shape
        return np.vdot(left, left).real, left, jacobian, amplitude

    loss, left, jacobian, amplitude = model(parameters)
    damping = 1e-3
    for _ in range(STEPS):
        gradient = (jacobian.conj() @ left).real
        curvature = (jacobian.conj() @ jacobian.T).real
        free = (parameters > 0) | (gradient > 0)
        free[0] = True
        step = np.zeros(3)
        inner = curvature[np.ix_(free, free)]
        step[free] = np.linalg.solve(
            inner + damping * np.diag(np.diag(inner)) + TINY * np.trace(inner) * np.eye(len(inner)), gradient[free]
        )
        tried = parameters + step
        tried[1:] = np.maximum(tried[1:], 0)
        new = model(tried)
        if new[0] > loss:
            damping *= 8
            if damping > 1e8:
                break
            continue
        change = np.abs(tried - parameters)
        parameters, gained = tried, loss - new[0]
        loss, left, jacobian, amplitude = new
        damping = max(damping / 8, 1e-9)
        if change.max() < 1e-4 or gained < 1e-9 * loss:
            break

    frequency, gamma, s = parameters[0], parameters[1] * scales[1], parameters[2] * scales[2]
    fwhm_hz = float(voigt_fwhm_hz(gamma, np.sqrt(s)))
    if not frequencies[0] < frequency < frequencies[-1] or not 0 < fwhm_hz < frequencies[-1] - frequencies[0]:
        return NO_LINE
    decay = np.exp(-gamma * times - s * times**2)
    decay[0] /= 2
    # The sum is the height of the real line at its centre: the FFT at the line's own frequency.
    height = np.abs(amplitude) * decay.sum() / np.sqrt(points)
    return Line(float(PPM_REFERENCE + frequency / f0), float(height), fwhm_hz, float(np.angle(amplitude)))


def _start(data, frequencies, times, window, without_baseline) -> tuple[float, float, float]:
    """Returns frequency (Hz), gamma and sigma^2 of the best line among all points of the window and some widths."""
    inner = np.arange(len(window) // 8, len(window) - len(window) // 8)
    points = len(times)
    best = (-1.0, 0.0, 0.0, 0.0)
    for fwhm_hz in START_WIDTHS_HZ:
        gamma, s = np.pi * fwhm_hz / 2, (fwhm_hz / 2) ** 2 * np.pi**2 / (4 * np.log(2))
        line = fid_to_spectrum(np.exp(-gamma * times - s * times**2).astype(complex))
        # The same line at each point of the window: no more transforms.
        shifted = line[(window[None, :] - window[inner, None] + points // 2) % points]
        shifted = without_baseline(shifted)
        explained = np.abs(shifted.conj() @ data) ** 2 / (np.abs(shifted) ** 2).sum(axis=1)
        k = int(np.argmax(explained))
        if explained[k] > best[0]:
            best = (explained[k], frequencies[inner[k]], gamma, s)
    return best[1:]
