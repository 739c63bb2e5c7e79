import pytest

from mrs_keras.measured.sequence_name import sequence_of_name


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("press", "press"),
        ("PRESS", "press"),
        ("%SiemensSeq%\\svs_se", "press"),
        ("eja_svs_press", "press"),
        ("PROBE-P", "press"),
        ("STEAM", "steam"),
        ("%CustomerSeq%\\svs_st", "steam"),
        ("PROBE-S", "steam"),
        ("spin echo", "spin_echo"),
        ("svs_fid", "pulse_acquire"),
        # Not the spectra of the plain sequences in their names.
        ("MEGA-PRESS", None),
        ("eja_svs_mpress", None),
        ("svs_edit", None),
        ("svs_slaser", None),
        ("eja_svs_slaser", None),
        ("HERMES", None),
        ("SPECIAL", None),
        ("JPRESS", None),
        ("gre", None),
        ("", None),
    ],
)
def test_names_of_sequences_are_known_and_those_of_others_are_not(name, expected):
    assert sequence_of_name(name) == expected
