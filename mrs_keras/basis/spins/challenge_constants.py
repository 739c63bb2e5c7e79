"""Spin systems of the 2016 ISMRM fitting challenge, recovered from its basis spectra.

Fitted to the `noTMS` text files with least squares on the complex FID. The fits end at the rounding of the files
(relative L2 error 1e-6), and all 21 agree on one frequency: 123.2617 MHz, at which every shift falls on a multiple of
0.0001 ppm to 5e-8 ppm and every coupling on one of 0.001 Hz. Those round numbers stand here. Where the note does not
say otherwise, they are within 0.02 ppm and 0.5 Hz of the literature. Couplings within a methyl group leave no
trace in a spectrum and are left out.
"""

from mrs_keras.basis.spins.groups import Partner, SpinGroup, SpinSystem

CHALLENGE_FREQUENCY_MHZ = 123.2617
"""Frequency at which the challenge was simulated, MHz; its .BASIS file says so, its README says 123.2."""

_FITTED = "fitted to the 2016 ISMRM fitting challenge"


def _nitrogen(*couplings_hz: float) -> tuple[Partner, Partner]:
    """14N as in the challenge: two spins 1/2, so that a line splits 1:2:1 instead of the 1:1:1 of a spin 1."""
    return Partner(0.5, couplings_hz), Partner(0.5, couplings_hz)


def _system(*groups: SpinGroup, note: str = "") -> SpinSystem:
    return SpinSystem(groups, _FITTED, note)


CHALLENGE_SPIN_SYSTEMS: dict[str, SpinSystem] = {
    "Ace": _system(SpinGroup((1.904,), count=3)),
    "Ala": _system(SpinGroup((3.775, *[1.4664] * 3), {(0, 1): 7.273, (0, 2): 7.273, (0, 3): 7.273})),
    "Asc": _system(
        # H4, H5, H6, H6'
        SpinGroup(
            (4.5, 4.0113, 3.7486, 3.7225),
            {(0, 1): 2.004, (1, 2): 5.6, (1, 3): 7.566, (2, 3): -11.547},
        )
    ),
    "Asp": _system(SpinGroup((3.8908, 2.7983, 2.6597), {(0, 1): 3.689, (0, 2): 8.813, (1, 2): -17.43})),
    "Cr": _system(SpinGroup((3.0241,), count=3), SpinGroup((3.91,), count=2)),
    "GABA": _system(
        # H4, H4', H3, H3', H2, H2'
        SpinGroup(
            (3.0096, 3.0096, 1.8885, 1.8885, 2.2852, 2.2852),
            {
                (0, 1): -14.366,
                (0, 2): 5.372,
                (0, 3): 7.127,
                (1, 2): 10.578,
                (1, 3): 6.982,
                (2, 3): -14.366,
                (2, 4): 7.755,
                (2, 5): 7.432,
                (3, 4): 6.173,
                (3, 5): 7.933,
                (4, 5): -14.366,
            },
        ),
        note="vicinal couplings of Govindaraju 2000, not those of Near 2013; all geminal couplings alike",
    ),
    "GPC": _system(
        SpinGroup((3.212,), count=9),
        # choline: H7, H7', H8, H8'
        SpinGroup(
            (4.312, 4.312, 3.658, 3.658),
            {(0, 1): -14.355, (0, 2): 3.1, (0, 3): 6.1, (1, 2): 6.1, (1, 3): 3.1, (2, 3): -14.355},
            partners=(Partner(0.5, (6.03, 6.03, 0.0, 0.0)), *_nitrogen(2.67, 2.67, 0.0, 0.0)),
        ),
        # glycerol: H1, H1', H2, H3, H3'
        SpinGroup(
            (3.608, 3.673, 3.903, 3.871, 3.94),
            {(0, 1): -11.8, (0, 2): 5.8, (1, 2): 4.43, (2, 3): 5.8, (2, 4): 4.43, (3, 4): -11.8},
            partners=(Partner(0.5, (0.0, 0.0, 0.0, 6.03, 6.03)),),
        ),
        note="14N as two spins 1/2; geminal couplings 3 to 5 Hz off the literature",
    ),
    "GSH": _system(
        SpinGroup((3.7755,), count=2, partners=(Partner(0.5, (3.4,)),), sigma=10.0),  # glycine
        SpinGroup((4.5758, 2.9312, 2.9695), {(0, 1): 7.26, (0, 2): 5.13, (1, 2): -14.16}),  # cysteine
        # glutamate: H2, H3, H3', H4, H4'
        SpinGroup(
            (3.7715, 2.1572, 2.1487, 2.5286, 2.5574),
            {
                (0, 1): 6.35,
                (0, 2): 6.36,
                (1, 2): -15.53,
                (1, 3): 6.72,
                (1, 4): 7.68,
                (2, 3): 7.87,
                (2, 4): 7.08,
                (3, 4): -15.92,
            },
        ),
        note="glycine as a doublet of 3.4 Hz (refocused by echoes) with 5.3 Hz of Gaussian width more than the others",
    ),
    "Glc": _system(
        # alpha anomer: H1 to H5, H6, H6'
        SpinGroup(
            (5.2235, 3.525, 3.7026, 3.4031, 3.8173, 3.8342, 3.757),
            {
                (0, 1): 3.75,
                (1, 2): 9.903,
                (2, 3): 9.376,
                (3, 4): 9.967,
                (4, 5): 2.376,
                (4, 6): 5.242,
                (5, 6): -12.257,
            },
            count=0.37,
        ),
        # beta anomer
        SpinGroup(
            (4.6345, 3.2325, 3.478, 3.3943, 3.4522, 3.8901, 3.716),
            {
                (0, 1): 8.03,
                (1, 2): 9.44,
                (2, 3): 9.19,
                (3, 4): 9.93,
                (4, 5): 2.26,
                (4, 6): 5.8,
                (5, 6): -12.27,
            },
            count=0.63,
        ),
        note="anomers 0.37 : 0.63 (the challenge's README says 0.36 : 0.64); couplings up to 1 Hz off the literature",
    ),
    "Gln": _system(
        # H2, H3, H3', H4, H4'
        SpinGroup(
            (3.763, 2.1348, 2.114, 2.4278, 2.4565),
            {
                (0, 1): 5.8,
                (0, 2): 6.6,
                (1, 2): -14.5,
                (1, 3): 9.2,
                (1, 4): 6.3,
                (2, 3): 6.3,
                (2, 4): 9.2,
                (3, 4): -15.37,
            },
        )
    ),
    "Glu": _system(
        # H2, H3, H3', H4, H4'
        SpinGroup(
            (3.7456, 2.0397, 2.1186, 2.3357, 2.3499),
            {
                (0, 1): 7.331,
                (0, 2): 4.651,
                (1, 2): -14.849,
                (1, 3): 6.413,
                (1, 4): 8.406,
                (2, 3): 8.478,
                (2, 4): 6.875,
                (3, 4): -15.915,
            },
        )
    ),
    "Gly": _system(SpinGroup((3.548,), count=2)),
    "Ins": _system(
        # H1 to H6
        SpinGroup(
            (3.526, 4.0589, 3.526, 3.6193, 3.2758, 3.6193),
            {(0, 1): 2.889, (0, 5): 9.998, (1, 2): 3.006, (2, 3): 9.997, (3, 4): 9.485, (4, 5): 9.482},
        )
    ),
    "Lac": _system(SpinGroup((4.1006, *[1.3174] * 3), {(0, 1): 6.94, (0, 2): 6.94, (0, 3): 6.94})),
    "NAA": _system(
        SpinGroup((2.0082,), count=3),
        SpinGroup((4.3817, 2.671, 2.4902), {(0, 1): 3.891, (0, 2): 9.824, (1, 2): -15.59}),
    ),
    "NAAG": _system(
        SpinGroup((2.042,), count=3),
        SpinGroup((4.607, 2.721, 2.519), {(0, 1): 4.412, (0, 2): 9.515, (1, 2): -15.91}),  # aspartate
        # glutamate: H2, H3, H3', H4, H4'
        SpinGroup(
            (4.128, 2.049, 1.881, 2.19, 2.18),
            {
                (0, 1): 4.651,
                (0, 2): 7.331,
                (1, 2): -14.849,
                (1, 3): 8.478,
                (1, 4): 6.875,
                (2, 3): 6.413,
                (2, 4): 8.406,
                (3, 4): -15.915,
            },
        ),
        note="the glutamate moiety has the couplings of free Glu, up to 3 Hz off those measured in NAAG",
    ),
    "PCho": _system(
        SpinGroup((3.206,), count=9),
        # H1, H1', H2, H2'
        SpinGroup(
            (4.156, 4.156, 3.581, 3.581),
            {(0, 1): -14.355, (0, 2): 2.284, (0, 3): 7.231, (1, 2): 7.326, (1, 3): 2.235, (2, 3): -14.355},
            partners=(Partner(0.5, (6.298, 6.249, 0.0, 0.0)), *_nitrogen(2.68, 2.772, 0.0, 0.0)),
        ),
        note="both methylenes 0.12 and 0.06 ppm below the literature; 14N as two spins 1/2",
    ),
    "PCr": _system(SpinGroup((3.0295,), count=3), SpinGroup((3.9316,), count=2)),
    "PE": _system(
        # H1, H1', H2, H2'
        SpinGroup(
            (3.9756, 3.9756, 3.2167, 3.2167),
            {(0, 1): -12.1, (0, 2): 3.182, (0, 3): 6.716, (1, 2): 7.204, (1, 3): 2.98, (2, 3): -12.1},
            partners=(Partner(0.5, (7.25, 7.25, 0.0, 0.0)), *_nitrogen(0.0, 0.0, 0.2, 0.2)),
        ),
        note="14N couples to the N-methylene (0.2 Hz), not to the O-methylene (0.5 Hz); geminal couplings 2.5 Hz off",
    ),
    "Tau": _system(
        # N-methylene, S-methylene
        SpinGroup(
            (3.4147, 3.4147, 3.2454, 3.2454),
            {(0, 1): -14.355, (0, 2): 6.742, (0, 3): 6.464, (1, 2): 6.403, (1, 3): 6.792, (2, 3): -14.355},
        ),
        note="geminal couplings 2 Hz off the literature",
    ),
    "sIns": _system(SpinGroup((3.34,), count=6)),
}
"""Metabolite name -> spin system, in the ppm of a spectrometer at `CHALLENGE_FREQUENCY_MHZ`."""
