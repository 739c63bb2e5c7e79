import numpy as np
import pytest

from mrs_keras.basis.wording import command_line
from mrs_keras.measured import Scan
from mrs_keras.training.scan_sequence import sequence_of_scan

FIDS = np.ones((1, 1, 8), complex)


def scan(sequence: str | None = "PRESS", te_ms: float | None = 35.0, **header) -> Scan:
    return Scan(FIDS, 127.74, 2000.0, te_ms, sequence=sequence, path="scan.nii.gz", header=header)


@pytest.mark.parametrize(
    ("of", "given", "expected"),
    [
        (scan(), {"te1_ms": 12.5}, {"name": "press", "te1_ms": 12.5, "te2_ms": 22.5}),
        (scan(), {"te2_ms": 22.0}, {"name": "press", "te1_ms": 13.0, "te2_ms": 22.0}),
        (scan(), {"te1_ms": 12.0, "te2_ms": 23.2}, {"name": "press", "te1_ms": 12.0, "te2_ms": 23.2}),
        (scan(te_ms=None), {"te_ms": 30.0, "te1_ms": 10.0}, {"name": "press", "te1_ms": 10.0, "te2_ms": 20.0}),
        (scan("svs_st", 11.0, MixingTime=0.012), None, {"name": "steam", "te_ms": 11.0, "tm_ms": 12.0}),
        (scan("svs_st", 11.0), {"tm_ms": 32.0}, {"name": "steam", "te_ms": 11.0, "tm_ms": 32.0}),
        (scan(None), {"name": "spin_echo", "te_ms": None}, {"name": "spin_echo", "te_ms": 35.0}),
        (scan("svs_slaser"), {"name": "press", "te1_ms": 9.0}, {"name": "press", "te1_ms": 9.0, "te2_ms": 26.0}),
        (scan(None), "pulse_acquire", {"name": "pulse_acquire"}),
    ],
)
def test_what_header_and_options_say_is_taken_without_assumptions(of, given, expected):
    assert sequence_of_scan(of, given) == (expected, [])


def test_what_is_missing_is_assumed_and_said():
    sequence, assumed = sequence_of_scan(scan(None))
    assert sequence == {"name": "press", "te1_ms": 11.0, "te2_ms": 24.0}
    assert "names no sequence: PRESS is assumed" in assumed[0]
    assert "11 + 24 ms are assumed" in assumed[1]
    sequence, assumed = sequence_of_scan(scan(te_ms=20.0))
    assert (sequence["te1_ms"], sequence["te2_ms"], len(assumed)) == (10.0, 10.0, 1)
    with command_line():
        sequence, (said,) = sequence_of_scan(scan("STEAM", 11.0))
    assert sequence["tm_ms"] == 10.0
    assert "10 ms is assumed. `--tm-ms` sets another" in said


@pytest.mark.parametrize(
    ("of", "given", "message"),
    [
        (scan("svs_slaser"), None, "sequence 'svs_slaser', which is not simulated.*`basis`.*`sequence`"),
        (scan(), "laser", "Unknown `sequence`"),
        (scan(te_ms=None), None, "'scan.nii.gz' has no echo time.*te_ms=35.0"),
        (scan(), {"te_ms": 30.0}, "contradicts the header of 'scan.nii.gz'. Expected: 35 ms. Received: 30 ms"),
        (scan(), {"te1_ms": 11.0, "te2_ms": 19.0}, "Expected: 35 ms. Received: 30 ms"),
        (scan(), {"te1_ms": 11.0, "te2_ms": 24.0, "te_ms": 30.0}, "contradict each other: TE1 and TE2 add up to 35 ms"),
        (scan(), {"te1_ms": 40.0}, "`te1_ms` must be below the echo time, 35 ms. Received: te1_ms=40.0"),
        (scan(), {"te1_ms": -1.0}, "`te1_ms` must be a finite number above 0"),
        (scan(), {"tm_ms": 10.0}, "no such time.*tm_ms"),
        (scan("STEAM"), {"te1_ms": 10.0}, "no such time.*te1_ms"),
        (scan("svs_fid"), {"te_ms": 10.0}, "no such time"),
    ],
)
def test_contradictions_and_gaps_are_refused(of, given, message):
    with pytest.raises(ValueError, match=message):
        sequence_of_scan(of, given)
