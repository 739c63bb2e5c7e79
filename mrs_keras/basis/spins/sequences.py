"""Pulse sequences with ideal pulses, as data: pulses, selected coherence orders, and delays."""

import dataclasses
import inspect
from collections.abc import Callable, Mapping

from mrs_keras.basis.wording import argument
from mrs_keras.checks import check_choice, check_positive


@dataclasses.dataclass(frozen=True)
class Interval:
    """A pulse, the crusher gradients after it, and the delay until the next pulse or the acquisition.

    Pulses are ideal: instantaneous, non-selective and exact. Crushers are ideal, too: they select one of the coherence
    orders (+1 for `I_x + i I_y`, 0 for magnetisation along z and for zero-quantum coherence).

    Attributes:
      flip_deg: flip angle of the pulse, degrees.
      axis: `"x"` or `"y"`, the rotation axis of the pulse in the rotating frame.
      order: coherence order that survives: +1, 0, or -1. Only -1 is detected by the receiver.
      delay_s: time after the pulse, s.
    """

    flip_deg: float
    axis: str
    order: int
    delay_s: float


PulseSequence = tuple[Interval, ...]


def pulse_acquire() -> PulseSequence:
    """Returns 90 - acquisition."""
    return (Interval(90.0, "y", -1, 0.0),)


def spin_echo(te_ms: float = 30.0) -> PulseSequence:
    """Returns 90 - TE/2 - 180 - TE/2 - acquisition.

    Args:
      te_ms: echo time, ms. Defaults to `30.0`.

    Raises:
      ValueError: if the time is not positive.
    """
    te_s = check_positive(argument("te_ms"), te_ms, 30.0) / 1e3
    return (Interval(90.0, "y", +1, te_s / 2), Interval(180.0, "x", -1, te_s / 2))


def press(te1_ms: float = 11.0, te2_ms: float = 19.0) -> PulseSequence:
    """Returns 90 - TE1/2 - 180 - (TE1 + TE2)/2 - 180 - TE2/2 - acquisition (Bottomley 1987, Ann N Y Acad Sci 508:333).

    Args:
      te1_ms: echo time of the first echo, ms. Defaults to `11.0`.
      te2_ms: echo time of the second echo, ms. Defaults to `19.0`.

    Raises:
      ValueError: if a time is not positive.
    """
    te1_s = check_positive(argument("te1_ms"), te1_ms, 11.0) / 1e3
    te2_s = check_positive(argument("te2_ms"), te2_ms, 19.0) / 1e3
    return (
        Interval(90.0, "y", -1, te1_s / 2),
        Interval(180.0, "x", +1, (te1_s + te2_s) / 2),
        Interval(180.0, "x", -1, te2_s / 2),
    )


def steam(te_ms: float = 20.0, tm_ms: float = 10.0) -> PulseSequence:
    """Returns 90 - TE/2 - 90 - TM - 90 - TE/2 - acquisition (Frahm et al. 1987, J Magn Reson 72:502).

    The stimulated echo: order +1 before, order 0 during, and order -1 after the mixing time. It has half of the signal
    of a singlet. Zero-quantum coherence also has order 0, so no gradient removes it: it evolves during TM.

    Args:
      te_ms: echo time, ms. Defaults to `20.0`.
      tm_ms: mixing time, ms. Defaults to `10.0`.

    Raises:
      ValueError: if a time is not positive.
    """
    te_s = check_positive(argument("te_ms"), te_ms, 20.0) / 1e3
    tm_s = check_positive(argument("tm_ms"), tm_ms, 10.0) / 1e3
    return (
        Interval(90.0, "y", +1, te_s / 2),
        Interval(90.0, "x", 0, tm_s),
        Interval(90.0, "x", -1, te_s / 2),
    )


SEQUENCES: dict[str, Callable[..., PulseSequence]] = {
    "press": press,
    "steam": steam,
    "spin_echo": spin_echo,
    "pulse_acquire": pulse_acquire,
}
"""Name of a sequence -> function that creates it from its times in ms."""


def make_sequence(name: str, times_ms: Mapping[str, float]) -> tuple[PulseSequence, dict[str, float]]:
    """Creates a sequence by name.

    Args:
      name: a key of `SEQUENCES`.
      times_ms: times that differ from the defaults of the sequence, ms, by argument name, such as `{"te_ms": 35.0}`.

    Returns:
      The sequence, and all its times in ms by argument name, defaults included.

    Raises:
      ValueError: if the sequence is unknown, has no such time, or a time is not positive.
    """
    maker = SEQUENCES[check_choice(argument("sequence"), name, SEQUENCES)]
    defaults = {time: parameter.default for time, parameter in inspect.signature(maker).parameters.items()}
    unknown = sorted(set(times_ms) - set(defaults))
    if unknown:
        raise ValueError(
            f"The sequence '{name}' has no such time. Expected: {', '.join(map(argument, defaults)) or 'none'}. "
            f"Received: {', '.join(map(argument, unknown))}. Leave it out, or choose another of {', '.join(SEQUENCES)}."
        )
    times_ms = {**defaults, **times_ms}
    return maker(**times_ms), times_ms
