"""Spin systems of brain metabolites as published, at 37 degrees C and pH 7.

Protons that exchange with water (OH, NH, NH2, NH3) are left out, as in most basis sets: their lines are broad, weak and
saturated by water suppression. The coupling of 0.6 Hz of trimethyl protons to 14N is also left out, since in vivo
spectra do not resolve it.
"""

from mrs_keras.basis.spins.groups import Partner, SpinGroup, SpinSystem

REFERENCES: dict[str, str] = {
    "Govindaraju 2000": (
        "Govindaraju, Young and Maudsley, Proton NMR chemical shifts and coupling constants for brain metabolites, "
        "NMR Biomed 13:129-153 (2000), doi 10.1002/1099-1492(200005)13:3<129::AID-NBM619>3.0.CO;2-V"
    ),
    "Govind 2015": "Govind, Young and Maudsley, Corrigendum, NMR Biomed 28:923-924 (2015), doi 10.1002/nbm.3336",
    "Krawczyk 2003": (
        "Krawczyk and Gradowska, Characterisation of the 1H and 13C NMR spectra of N-acetylaspartylglutamate, "
        "J Pharm Biomed Anal 31:455-463 (2003)"
    ),
    "Near 2013": "Near et al., J-difference editing of GABA, Magn Reson Med 70:1183-1191 (2013)",
    "Terpstra 2006": "Terpstra et al., Detection of an antioxidant profile, Magn Reson Med 56:1192-1199 (2006)",
}
"""Short name of a publication -> reference. Where a molecule has two, the later one gives couplings."""

_GOVINDARAJU = "Govindaraju 2000"
_CORRIGENDUM = "Govindaraju 2000, Govind 2015"
_KRAWCZYK = "Govindaraju 2000, Krawczyk 2003"

LITERATURE_SPIN_SYSTEMS: dict[str, SpinSystem] = {
    "Ace": SpinSystem((SpinGroup((1.904,), count=3),), _GOVINDARAJU),
    "Ala": SpinSystem(
        (SpinGroup((3.7746, *[1.4667] * 3), {(0, 1): 7.234, (0, 2): 7.234, (0, 3): 7.234}),), _GOVINDARAJU
    ),
    "Asc": SpinSystem(
        (
            # H4, H5, H6, H6'
            SpinGroup(
                (4.4965, 4.0072, 3.7469, 3.7194),
                {(0, 1): 2.055, (1, 2): 5.78, (1, 3): 7.373, (2, 3): -11.585},
            ),
        ),
        "Terpstra 2006",
    ),
    "Asp": SpinSystem(
        (SpinGroup((3.8914, 2.8011, 2.6533), {(0, 1): 3.647, (0, 2): 9.107, (1, 2): -17.426}),), _GOVINDARAJU
    ),
    "Cr": SpinSystem((SpinGroup((3.027,), count=3), SpinGroup((3.913,), count=2)), _GOVINDARAJU),
    "GABA": SpinSystem(
        (
            # H2, H2', H3, H3', H4, H4'
            SpinGroup(
                (2.284, 2.284, 1.888, 1.888, 3.013, 3.013),
                {
                    (0, 1): -15.938,
                    (0, 2): 7.678,
                    (0, 3): 6.98,
                    (1, 2): 6.98,
                    (1, 3): 7.678,
                    (2, 3): -15.0,
                    (2, 4): 8.51,
                    (2, 5): 6.503,
                    (3, 4): 6.503,
                    (3, 5): 8.51,
                    (4, 5): -14.062,
                },
            ),
        ),
        "Near 2013",
    ),
    "GPC": SpinSystem(
        (
            SpinGroup((3.212,), count=9),
            # choline: H7, H7', H8, H8'
            SpinGroup(
                (4.312, 4.312, 3.659, 3.659),
                {(0, 1): -9.32, (0, 2): 3.1, (0, 3): 5.9, (1, 2): 5.9, (1, 3): 3.1, (2, 3): -9.32},
                partners=(Partner(0.5, (6.03, 6.03, 0.0, 0.0)), Partner(1.0, (2.67, 2.67, 0.0, 0.0))),
            ),
            # glycerol: H1, H1', H2, H3, H3'
            SpinGroup(
                (3.605, 3.672, 3.903, 3.871, 3.946),
                {(0, 1): -14.78, (0, 2): 5.77, (1, 2): 4.53, (2, 3): 5.77, (2, 4): 4.53, (3, 4): -14.78},
                partners=(Partner(0.5, (0.0, 0.0, 0.0, 6.03, 6.03)),),
            ),
        ),
        _CORRIGENDUM,
    ),
    "GSH": SpinSystem(
        (
            SpinGroup((3.769,), count=2),  # glycine
            SpinGroup((4.5608, 2.9264, 2.9747), {(0, 1): 7.09, (0, 2): 4.71, (1, 2): -14.06}),  # cysteine
            # glutamate: H2, H3, H3', H4, H4'
            SpinGroup(
                (3.769, 2.159, 2.146, 2.51, 2.56),
                {
                    (0, 1): 6.34,
                    (0, 2): 6.36,
                    (1, 2): -15.48,
                    (1, 3): 6.7,
                    (1, 4): 7.6,
                    (2, 3): 7.6,
                    (2, 4): 6.7,
                    (3, 4): -15.92,
                },
            ),
        ),
        _GOVINDARAJU,
    ),
    "Glc": SpinSystem(
        (
            # alpha anomer: H1 to H5, H6, H6'
            SpinGroup(
                (5.216, 3.519, 3.698, 3.395, 3.822, 3.826, 3.749),
                {(0, 1): 3.8, (1, 2): 9.6, (2, 3): 9.4, (3, 4): 9.9, (4, 5): 1.5, (4, 6): 6.0, (5, 6): -12.1},
                count=0.36,
            ),
            # beta anomer
            SpinGroup(
                (4.63, 3.23, 3.473, 3.387, 3.45, 3.882, 3.707),
                {(0, 1): 8.0, (1, 2): 9.1, (2, 3): 9.4, (3, 4): 8.9, (4, 5): 1.6, (4, 6): 5.4, (5, 6): -12.3},
                count=0.64,
            ),
        ),
        _GOVINDARAJU,
        note="anomers 0.36 : 0.64",
    ),
    "Gln": SpinSystem(
        (
            # H2, H3, H3', H4, H4'
            SpinGroup(
                (3.753, 2.129, 2.109, 2.432, 2.454),
                {
                    (0, 1): 5.847,
                    (0, 2): 6.5,
                    (1, 2): -14.504,
                    (1, 3): 9.165,
                    (1, 4): 6.347,
                    (2, 3): 6.324,
                    (2, 4): 9.209,
                    (3, 4): -15.371,
                },
            ),
        ),
        _GOVINDARAJU,
    ),
    "Glu": SpinSystem(
        (
            # H2, H3, H3', H4, H4'
            SpinGroup(
                (3.7433, 2.0375, 2.12, 2.3378, 2.352),
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
            ),
        ),
        _GOVINDARAJU,
    ),
    "Gly": SpinSystem((SpinGroup((3.548,), count=2),), _GOVINDARAJU),
    "Ins": SpinSystem(
        (
            # H1 to H6
            SpinGroup(
                (3.5217, 4.0538, 3.5217, 3.6144, 3.269, 3.6144),
                {(0, 1): 2.889, (0, 5): 9.998, (1, 2): 3.006, (2, 3): 9.997, (3, 4): 9.485, (4, 5): 9.482},
            ),
        ),
        _GOVINDARAJU,
    ),
    "Lac": SpinSystem(
        (SpinGroup((4.0974, *[1.3142] * 3), {(0, 1): 6.933, (0, 2): 6.933, (0, 3): 6.933}),), _GOVINDARAJU
    ),
    "NAA": SpinSystem(
        (
            SpinGroup((2.008,), count=3),
            SpinGroup((4.3817, 2.6727, 2.4863), {(0, 1): 3.861, (0, 2): 9.821, (1, 2): -15.592}),
        ),
        _GOVINDARAJU,
    ),
    "NAAG": SpinSystem(
        (
            SpinGroup((2.042,), count=3),
            SpinGroup((4.607, 2.721, 2.519), {(0, 1): 4.412, (0, 2): 9.515, (1, 2): -15.91}),  # aspartate
            # glutamate: H2, H3, H3', H4, H4'
            SpinGroup(
                (4.128, 2.049, 1.881, 2.18, 2.19),
                {
                    (0, 1): 4.61,
                    (0, 2): 8.42,
                    (1, 2): -14.28,
                    (1, 3): 10.56,
                    (1, 4): 6.09,
                    (2, 3): 4.9,
                    (2, 4): 11.11,
                    (3, 4): -15.28,
                },
            ),
        ),
        _KRAWCZYK,
    ),
    "PCho": SpinSystem(
        (
            SpinGroup((3.208,), count=9),
            # H1, H1', H2, H2'
            SpinGroup(
                (4.2805, 4.2805, 3.641, 3.641),
                {(0, 1): -14.89, (0, 2): 2.284, (0, 3): 7.231, (1, 2): 7.326, (1, 3): 2.235, (2, 3): -14.19},
                partners=(Partner(0.5, (6.298, 6.249, 0.0, 0.0)), Partner(1.0, (2.68, 2.772, 0.0, 0.0))),
            ),
        ),
        _CORRIGENDUM,
    ),
    "PCr": SpinSystem((SpinGroup((3.029,), count=3), SpinGroup((3.93,), count=2)), _GOVINDARAJU),
    "PE": SpinSystem(
        (
            # H1, H1', H2, H2'
            SpinGroup(
                (3.9765, 3.9765, 3.216, 3.216),
                {(0, 1): -14.56, (0, 2): 3.182, (0, 3): 6.716, (1, 2): 7.204, (1, 3): 2.98, (2, 3): -14.71},
                partners=(Partner(0.5, (7.288, 7.088, 0.0, 0.0)), Partner(1.0, (0.464, 0.588, 0.0, 0.0))),
            ),
        ),
        _CORRIGENDUM,
    ),
    "Tau": SpinSystem(
        (
            # S-methylene and N-methylene, H1, H1', H2, H2'
            SpinGroup(
                (3.4206, 3.4206, 3.2459, 3.2459),
                {(0, 1): -12.438, (0, 2): 6.742, (0, 3): 6.464, (1, 2): 6.403, (1, 3): 6.792, (2, 3): -12.93},
            ),
        ),
        _CORRIGENDUM,
    ),
    "sIns": SpinSystem((SpinGroup((3.34,), count=6),), _GOVINDARAJU),
}
"""Metabolite name -> spin system."""
