"""Zero-order phases of simulated spectra of known truth."""

import numpy as np
import pytest

from mrs_keras.measured.phase import apply_phase, find_phase
from mrs_keras.measured.referencing import SINGLETS_PPM, find_shift, shift_frequency
from tests.measured.averaged_fids import BANDWIDTH_HZ, F0_MHZ, simulated

SCANNER = (BANDWIDTH_HZ, F0_MHZ)


def referenced(fids: np.ndarray) -> list[np.ndarray]:
    return [shift_frequency(fid, BANDWIDTH_HZ, -find_shift(fid, *SCANNER).shift_hz) for fid in fids]


@pytest.mark.parametrize("phase", [-3.0, -0.5, 0.0, 0.2, 1.5])
def test_the_phase_of_three_voigt_lines_is_found_exactly(phase):
    time = np.arange(2048) / BANDWIDTH_HZ
    places = (np.array(list(SINGLETS_PPM.values())) - 4.65) * F0_MHZ
    lines = [
        a * np.exp((2j * np.pi * f - 8) * time - (9 * time) ** 2) for a, f in zip((3, 2, 1.5), places, strict=True)
    ]
    # 0.1 degree: the lines are those of a continuous FID.
    assert find_phase(sum(lines) * np.exp(1j * phase), *SCANNER) == pytest.approx(phase, abs=2e-3)


def test_the_phase_of_simulated_brain_is_found_to_a_few_degrees(measured):
    fids, _, _, noise = simulated(200, 300)
    phases = np.degrees([find_phase(fid, *SCANNER) for fid in referenced(fids + noise)])
    rms = np.sqrt(np.mean(phases**2))
    measured(f"phase of simulated brain, SNR 20 to 150: rms error {rms:.1f} degrees, mean {phases.mean():.1f} degrees")
    assert rms < 5
    assert abs(phases.mean()) < 4


def test_a_phase_given_before_is_found_on_top():
    fids, _, _, noise = simulated(200, 300)
    for fid in referenced((fids + noise)[:5]):
        own = find_phase(fid, *SCANNER)
        turned = fid * np.exp(2.5j)
        assert np.angle(np.exp(1j * (find_phase(turned, *SCANNER) - own - 2.5))) == pytest.approx(0.0, abs=0.01)
        assert find_phase(apply_phase(fid, own), *SCANNER) == pytest.approx(0.0, abs=0.01)


def test_zeros_have_no_phase():
    assert find_phase(np.zeros(2048, complex), *SCANNER) == 0.0


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match="receiver's band must contain 1.89 to 3.33 ppm"):
        find_phase(np.ones(2048), 500.0, F0_MHZ)
    with pytest.raises(ValueError, match="`phase_rad` must be finite"):
        apply_phase(np.ones(4), float("nan"))
