"""The sequence of a scan: what its header says, and what is given for the rest."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mrs_keras.basis.spins.sequences import SEQUENCES, make_sequence
from mrs_keras.basis.wording import argument, setting
from mrs_keras.checks import check_choice, check_positive
from mrs_keras.measured.sequence_name import sequence_of_name

if TYPE_CHECKING:
    from mrs_keras.measured import Scan

ASSUMED_TE1_MS = 11.0
"""First echo time of PRESS, ms, if it is not given: that of the 2016 ISMRM fitting challenge. Vendors keep it short."""

ASSUMED_TM_MS = 10.0
"""Mixing time of STEAM, ms, if it is neither given nor in the header."""

TE_TOLERANCE_MS = 0.5


def sequence_of_scan(scan: "Scan", given: str | Mapping[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
    """Returns the sequence of a scan with all its times, and what was assumed.

    Headers rarely have more than TE. If TE1 of PRESS is not given, it is 11 ms, or TE / 2 if that is less.

    Args:
      scan: its header counts.
      given: name of a sequence of `simulate_basis`, or `"name"` and times in ms, each only as far as known:
        `{"name": "press", "te1_ms": 12.5}`. `te_ms` is the echo time of any sequence. Defaults to `None`.

    Returns:
      Sequence such as `{"name": "press", "te1_ms": 11.0, "te2_ms": 24.0}`, and a sentence for each assumption.

    Raises:
      ValueError: if the header names another kind of sequence and none is given, there is no echo time, or the times
        given contradict the header.
    """
    times_ms = {"name": given} if isinstance(given, str) else dict(given or {})
    times_ms = {name: value for name, value in times_ms.items() if value is not None}
    name, assumed = _name(scan, times_ms.pop("name", None))
    if name == "pulse_acquire":
        make_sequence(name, times_ms)
        return {"name": name}, assumed
    for time, value in times_ms.items():
        check_positive(argument(time), value, 15.0)
    if name == "press":
        te_ms = times_ms.pop("te_ms", None)
        times_ms, more = _press_times(scan, te_ms, times_ms)
    else:
        make_sequence(name, times_ms)
        times_ms["te_ms"] = _echo_time_ms(scan, times_ms.get("te_ms"))
        more = []
        if name == "steam" and "tm_ms" not in times_ms:
            times_ms["tm_ms"], more = _mixing_time_ms(scan)
    _, all_times_ms = make_sequence(name, times_ms)
    return {"name": name, **{time: float(value) for time, value in all_times_ms.items()}}, assumed + more


def _name(scan: "Scan", given: str | None) -> tuple[str, list[str]]:
    if given is not None:
        return check_choice(argument("sequence"), given, SEQUENCES), []
    if scan.sequence is None:
        return "press", [f"'{scan.path}' names no sequence: PRESS is assumed. `{argument('sequence')}` sets another."]
    name = sequence_of_name(scan.sequence)
    if name is None:
        raise ValueError(
            f"'{scan.path}' is a scan of the sequence '{scan.sequence}', which is not simulated. Expected one of: "
            f"{', '.join(SEQUENCES)}. Give a basis of that sequence with `{argument('basis')}`, or, if it is one of "
            f"these, say which with `{argument('sequence')}`."
        )
    return name, []


def _echo_time_ms(scan: "Scan", given_ms: float | None) -> float:
    """Returns the echo time of the header or the one given; raises `ValueError` if they differ or there is none."""
    found_ms = scan.echo_time_ms
    if given_ms is None and found_ms is None:
        raise ValueError(
            f"'{scan.path}' has no echo time in its header. Give it: {setting('te_ms', 35.0)}, for example."
        )
    if None not in (given_ms, found_ms) and abs(given_ms - found_ms) > TE_TOLERANCE_MS:
        raise ValueError(
            f"The echo time contradicts the header of '{scan.path}'. Expected: {found_ms:g} ms. "
            f"Received: {given_ms:g} ms. Leave it out, or correct the header."
        )
    return float(found_ms if given_ms is None else given_ms)


def _press_times(
    scan: "Scan", te_ms: float | None, times_ms: Mapping[str, float]
) -> tuple[dict[str, float], list[str]]:
    """Returns TE1 and TE2 of PRESS, and what was assumed."""
    make_sequence("press", times_ms)
    if len(times_ms) == 2:
        total_ms = sum(times_ms.values())
        _echo_time_ms(scan, total_ms)
        if te_ms is not None and abs(te_ms - total_ms) > TE_TOLERANCE_MS:
            raise ValueError(
                f"The times of PRESS contradict each other: TE1 and TE2 add up to {total_ms:g} ms. "
                f"Received: {setting('te_ms', te_ms)}. Leave one of the three out."
            )
        return dict(times_ms), []
    # Half a microsecond: headers are in s, and a float of 0.035 s is not exactly 35 ms.
    te_ms = round(_echo_time_ms(scan, te_ms), 3)
    assumed = []
    if not times_ms:
        times_ms = {"te1_ms": min(ASSUMED_TE1_MS, te_ms / 2)}
        te1_ms = times_ms["te1_ms"]
        assumed = [
            f"'{scan.path}' has no TE1 and TE2: {te1_ms:g} + {te_ms - te1_ms:g} ms are assumed. "
            f"`{argument('te1_ms')}` sets others."
        ]
    ((known, value_ms),) = times_ms.items()
    if value_ms >= te_ms:
        raise ValueError(
            f"`{argument(known)}` must be below the echo time, {te_ms:g} ms. Received: {setting(known, value_ms)}."
        )
    other = "te2_ms" if known == "te1_ms" else "te1_ms"
    return {**times_ms, other: te_ms - value_ms}, assumed


def _mixing_time_ms(scan: "Scan") -> tuple[float, list[str]]:
    """Returns TM of STEAM: that of the header (`MixingTime`, s), or an assumption."""
    found_s = scan.header.get("MixingTime")
    if isinstance(found_s, int | float) and 0 < found_s < 1:
        return round(1e3 * found_s, 3), []
    return ASSUMED_TM_MS, [
        f"'{scan.path}' has no mixing time: {ASSUMED_TM_MS:g} ms is assumed. `{argument('tm_ms')}` sets another."
    ]
