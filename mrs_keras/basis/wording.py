"""Names of settings in messages: arguments in Python, options on the command line."""

import contextlib
import contextvars
import shlex
from collections.abc import Iterator, Mapping

_OPTIONS: contextvars.ContextVar[Mapping[str, str] | None] = contextvars.ContextVar("options", default=None)


@contextlib.contextmanager
def command_line(**options: str) -> Iterator[None]:
    """Within the block, messages of this package name options of the command line.

    Args:
      **options: argument name -> option, where that is not the same name with dashes, such as `format="--to"`.
    """
    token = _OPTIONS.set(options)
    try:
        yield
    finally:
        _OPTIONS.reset(token)


def argument(name: str) -> str:
    """Returns the name of an argument for the user: its own, or that of its option.

    >>> argument("reference_ppm")
    'reference_ppm'
    >>> with command_line():
    ...     argument("reference_ppm")
    '--reference-ppm'
    """
    options = _OPTIONS.get()
    return name if options is None else options.get(name, "--" + name.replace("_", "-"))


def setting(name: str, value: object) -> str:
    """Returns how a user sets an argument to a value.

    >>> setting("format", "fsl_json"), setting("conjugated", False)
    ("format='fsl_json'", 'conjugated=False')
    >>> with command_line(format="--to"):
    ...     setting("format", "fsl_json"), setting("conjugated", False), setting("metabolites", ["NAA", "Cr"])
    ('--to fsl_json', '--no-conjugated', '--metabolites NAA Cr')
    """
    if _OPTIONS.get() is None:
        return f"{name}={value!r}"
    option = argument(name)
    if isinstance(value, bool):
        return option if value else "--no-" + option.removeprefix("--")
    values = value if isinstance(value, list | tuple) else [value]
    return " ".join([option, *(shlex.quote(str(one)) for one in values)])


def acquisition_setting(frequency_mhz: float, bandwidth_hz: float, points: int) -> str:
    """Returns how a user sets the acquisition.

    >>> acquisition_setting(123.2, 4000.0, 2048)
    'acquisition=Acquisition(spectrometer_frequency_mhz=123.2, bandwidth_hz=4000.0, points=2048)'
    >>> with command_line():
    ...     acquisition_setting(123.2, 4000.0, 2048)
    '--spectrometer-frequency-mhz 123.2 --bandwidth-hz 4000.0 --points 2048'
    """
    values = {"spectrometer_frequency_mhz": frequency_mhz, "bandwidth_hz": bandwidth_hz, "points": points}
    settings = [setting(name, value) for name, value in values.items()]
    return f"acquisition=Acquisition({', '.join(settings)})" if _OPTIONS.get() is None else " ".join(settings)
