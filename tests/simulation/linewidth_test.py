import numpy as np
import pytest
import scipy.optimize
import scipy.special

from mrs_keras.simulation import voigt_fwhm_hz


@pytest.mark.parametrize(("gamma", "sigma"), [(np.pi, 0.0), (0.0, 10.0), (1.0, 4.0), (10.0, 14.0), (25.0, 2.0)])
def test_linewidth_is_that_of_the_voigt_profile(gamma, sigma):
    # exp(-sigma^2 t^2) is a Gaussian line of standard deviation sigma / (sqrt(2) pi) Hz.
    widths = sigma / (np.sqrt(2) * np.pi), gamma / (2 * np.pi)

    def above_half(offset_hz):
        return scipy.special.voigt_profile(offset_hz, *widths) - scipy.special.voigt_profile(0.0, *widths) / 2

    half_width = scipy.optimize.brentq(above_half, 1e-6, 100)
    assert voigt_fwhm_hz(gamma, sigma) == pytest.approx(2 * half_width, rel=5e-4)


def test_negative_decay_rates_have_no_linewidth():
    with pytest.raises(ValueError, match="`sigma` is a decay rate and must not be negative"):
        voigt_fwhm_hz(1.0, [-1.0])
