"""The first point of an FID, of which some scanners and converters store half.

`fid_to_spectrum` halves the first point, as the discrete Fourier transform of a decay that starts at t = 0 requires; if
that was done before, all of the baseline is off (Otting et al. 1986, doi 10.1016/0022-2364(86)90122-8).
"""

import numpy as np

HALVED = (0.35, 0.7)
"""First point over its extrapolation from the next two: 0.5 where it was halved, 1 where it was not."""


def first_point_is_halved(fids: np.ndarray) -> bool:
    """Tells whether the first points of FIDs are half of what the next ones lead to expect.

    Args:
      fids: complex (coils, transients, points), best those of the water reference, whose signal is strong.

    Returns:
      Whether the median ratio of the first point to its linear extrapolation, in magnitude, is from 0.35 to 0.7. Where
      the signal only builds up (digital filters), it is not.
    """
    first, second, third = (np.abs(fids[..., point]) for point in range(3))
    expected = 2 * second - third
    usable = expected > 0
    if not usable.any():
        return False
    return bool(HALVED[0] <= np.median(first[usable] / expected[usable]) <= HALVED[1])


def with_first_point_doubled(fids: np.ndarray) -> np.ndarray:
    """Returns FIDs, complex (..., points), with twice their first point."""
    fids = np.array(fids)
    fids[..., 0] *= 2
    return fids
