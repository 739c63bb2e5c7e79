"""Starting points of in-vivo fits: common shift, line width and phase from a grid, of the metabolites alone."""

import numpy as np
import scipy.fft

from mrs_keras.basis.aliases import canonical_name
from mrs_keras.fitting.in_vivo_problem import SHIFT_LIMIT_PPM, Problem

STRONG = ("NAA", "Cr", "PCr", "GPC", "PCho", "Cho", "Ins", "Glu")
"""Metabolites whose peaks decide the start; all of the basis if it has none of these."""

WIDTHS = ((2.0, 6.0), (4.0, 14.0), (10.0, 20.0))
"""Gamma and sigma, 1/s."""


class Start:
    """Finds starting points by the energy that the strong metabolites explain.

    Args:
      problem: of the fit.
    """

    def __init__(self, problem: Problem):
        p = problem
        strong = [j for j, name in enumerate(p.basis.names) if canonical_name(name) in STRONG]
        fids = p.fids[strong or slice(None)]
        rad_per_ppm = 2 * np.pi * p.basis.acquisition.spectrometer_frequency_mhz
        shifts = np.arange(-0.9 * SHIFT_LIMIT_PPM, 0.9 * SHIFT_LIMIT_PPM, 0.008) * rad_per_ppm
        self.theta = np.array([[gamma, sigma**2, eps] for gamma, sigma in WIDTHS for eps in shifts])
        if not p.model.gaussian:
            self.theta[:, 0] += np.sqrt(self.theta[:, 1]) / 2
            self.theta[:, 1] = 0.0
        # The flexible baseline takes what is broad; it would follow a misplaced peak only in part.
        kept = 1 / (1 + p.penalties[len(p.penalties) // 2] * p.roughness)
        self._smooth = (p.directions * kept) @ p.directions.T
        templates = []
        for gamma, variance, eps in self.theta:
            envelope = np.exp(-(gamma + 1j * eps) * p.time_s - variance * p.time_s**2)
            columns = self.without_baseline(scipy.fft.fft(fids * envelope, overwrite_x=True)[:, p.bins])
            q = np.linalg.qr(np.ascontiguousarray(columns).view(np.float64).T)[0]
            templates.append(np.ascontiguousarray(q.T).view(np.complex128))
        self.templates = np.stack(templates)

    def without_baseline(self, rows: np.ndarray) -> np.ndarray:
        return rows - rows @ self._smooth

    def of(self, spectrum: np.ndarray) -> np.ndarray:
        """Returns (gamma, variance, eps, phi0, phi1) for a spectrum.

        With u the products of spectrum and templates, phi0 makes the energy `sum Re(exp(i phi0) u)^2` explained, which
        is largest, `(sum |u|^2 + |sum u^2|) / 2`, where exp(2 i phi0) cancels the phase of `sum u^2`. phi0 + pi
        explains as much.
        """
        target = self.without_baseline(spectrum)
        u = self.templates.conj() @ target
        squares = (u**2).sum(axis=1)
        best = int(np.argmax((np.abs(u) ** 2).sum(axis=1) + np.abs(squares)))
        phi0 = -np.angle(squares[best]) / 2
        return np.array([*self.theta[best], phi0, 0.0])
