"""A description of a basis as text."""

from mrs_keras.basis.basis import Basis
from mrs_keras.basis.formats.contents import remarks


def describe_basis(basis: Basis) -> str:
    """Returns a human-readable description of a basis: origin, acquisition, metabolites and their size.

    The size of a metabolite is the amplitude of the first point of its FID, which is proportional to its number of
    protons if the basis was simulated without relaxation. If the basis was read from a file that prints frequency or
    dwell time with few digits, the description includes the range of their possible values.
    """
    acquisition = basis.acquisition
    low, high = acquisition.ppm_axis[0], acquisition.ppm_axis[-1]
    lines = [
        f"description            {basis.description or '(none)'}",
        f"spectrometer frequency {acquisition.spectrometer_frequency_mhz:g} MHz",
        f"bandwidth              {acquisition.bandwidth_hz:g} Hz ({low:.2f} to {high:.2f} ppm)",
        f"points                 {acquisition.points} ({acquisition.points / acquisition.bandwidth_hz:g} s)",
        f"window                 {acquisition.ppm_window[0]:g} to {acquisition.ppm_window[1]:g} ppm "
        f"({acquisition.window_points} points)",
        f"metabolites            {len(basis.names)}",
    ]
    width = max(map(len, basis.names))
    lines += [
        f"  {name:<{width}}  first point {abs(fid[0]):.4g}" for name, fid in zip(basis.names, basis.fids.T, strict=True)
    ]
    return "\n".join([*lines, *remarks(basis)])
