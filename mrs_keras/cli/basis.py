"""The commands `mrs-keras basis ...`."""

import argparse
import contextlib
import sys
from pathlib import Path

from mrs_keras.cli.options import add_command

_ACQUISITION = ("spectrometer_frequency_mhz", "bandwidth_hz", "points")


def add_basis_commands(commands) -> None:
    """Adds `basis` with its own commands to the sub-parsers of `mrs-keras`."""
    basis = commands.add_parser("basis", help="work with basis sets", description="Work with basis sets.")
    basis_commands = basis.add_subparsers(dest="basis_command", required=True, metavar="COMMAND")

    def add(name, run, help_text):
        return add_command(basis_commands, name, run, help_text)

    simulate = add("simulate", _simulate, "simulate a basis from spin systems, with ideal pulses")
    simulate.add_argument(
        "--output", type=Path, required=True, help="file, or folder of a file per metabolite, to write"
    )
    _add_format(simulate)
    simulate.add_argument("--metabolites", nargs="+", default=["NAA", "PCr"], metavar="NAME", help="metabolites")
    simulate.add_argument("--sequence", default="press", help="press, steam, spin_echo or pulse_acquire")
    for option, text in (
        ("--te1-ms", "first echo time of PRESS, ms; 11 if not given"),
        ("--te2-ms", "second echo time of PRESS, ms; 19 if not given"),
        ("--te-ms", "echo time of STEAM (20 if not given) or of the spin echo (30), ms"),
        ("--tm-ms", "mixing time of STEAM, ms; 10 if not given"),
    ):
        simulate.add_argument(option, type=float, default=argparse.SUPPRESS, help=text)
    simulate.add_argument("--constants", default="challenge", help="shifts and couplings: challenge or literature")
    simulate.add_argument("--linewidth-hz", type=float, default=2.0, help="Lorentzian linewidth, Hz")
    _add_acquisition(simulate, defaults=True)

    _add_file(add("info", _info, "show the contents of a basis: acquisition and metabolites"))
    _add_file(add("check", _check, "show where the peaks of NAA, Cr and Cho are, and whether they look conjugated"))

    plot = add("plot", _plot, "draw the spectra of a basis")
    _add_file(plot)
    plot.add_argument("--output", type=Path, default=Path("basis.png"), help="image to write; the suffix is the format")

    convert = add("convert", _convert, "write a basis in another format")
    _add_file(convert)
    convert.add_argument("output", type=Path, help="file, or folder of a file per metabolite, to write")
    _add_format(convert)
    convert.add_argument("--without-reference-peak", action="store_true", help="remove the reference peak at 0 ppm")


def _add_acquisition(command, *, defaults: bool) -> None:
    """Adds the options of an `Acquisition`; without defaults, they supply what a file lacks."""
    for option, kind, default, text in (
        ("--spectrometer-frequency-mhz", float, 123.2, "proton frequency, MHz"),
        ("--bandwidth-hz", float, 4000.0, "receiver bandwidth, Hz"),
        ("--points", int, 2048, "complex points"),
    ):
        command.add_argument(option, type=kind, default=default if defaults else argparse.SUPPRESS, help=text)


def _add_format(command) -> None:
    command.add_argument(
        "--to", metavar="FORMAT", help="npz, lcmodel_basis, lcmodel_raw or fsl_json; by default, chosen by the suffix"
    )


def _add_file(command) -> None:
    """Adds a basis to read, and the options of `read_basis`."""
    command.add_argument("file", type=Path, help="basis file, or folder of a file per metabolite, of any known format")
    command.add_argument(
        "--format",
        metavar="FORMAT",
        help="npz, lcmodel_basis, lcmodel_raw, fsl_json, jmrui or text; by default, detected from the content",
    )
    command.add_argument(
        "--conjugated",
        action=argparse.BooleanOptionalAction,
        help="the file contains, or does not contain, the complex conjugate of this package's convention; the default "
        "depends on the format: .BASIS, .RAW, JSON and text do, jMRUI and .npz do not",
    )
    command.add_argument(
        "--reference-ppm",
        type=float,
        metavar="PPM",
        help="chemical shift at the spectrometer frequency that the file was written for; by default 4.65",
    )
    group = command.add_argument_group(
        "acquisition", "For files that lack it (.RAW, two-column text) or print few digits; give all three."
    )
    _add_acquisition(group, defaults=False)


def _naming_options(format: str = "--format") -> contextlib.AbstractContextManager:
    """Makes messages of the block name the options of these commands; `format` is the option that sets the format."""
    from mrs_keras.basis.wording import command_line

    return command_line(format=format, metabolite="--metabolites")


def _acquisition(options):
    """Returns the acquisition set by the options, or `None` if none is set."""
    from mrs_keras.basis.formats.acquired import acquisition_of
    from mrs_keras.checks import check_count, check_positive

    given = {name: getattr(options, name) for name in _ACQUISITION if hasattr(options, name)}
    if not given:
        return None
    if len(given) < len(_ACQUISITION):
        raise ValueError(
            "Give all three of --spectrometer-frequency-mhz, --bandwidth-hz and --points, or none. "
            f"Received: {', '.join('--' + name.replace('_', '-') for name in given)}."
        )
    check_positive("--spectrometer-frequency-mhz", given["spectrometer_frequency_mhz"], 123.2)
    check_positive("--bandwidth-hz", given["bandwidth_hz"], 4000.0)
    check_count("--points", given["points"], 2048, at_least=2)
    return acquisition_of(**given)


def _read(options):
    from mrs_keras import read_basis

    reference = {} if options.reference_ppm is None else {"reference_ppm": options.reference_ppm}
    with _naming_options():
        return read_basis(
            options.file,
            acquisition=_acquisition(options),
            format=options.format,
            conjugated=options.conjugated,
            **reference,
        )


def _simulate(options) -> None:
    from mrs_keras import simulate_basis

    with _naming_options(format="--to"):
        basis = simulate_basis(
            options.metabolites,
            _acquisition(options),
            sequence=options.sequence,
            linewidth_hz=options.linewidth_hz,
            constants=options.constants,
            **{name: value for name, value in vars(options).items() if name in ("te1_ms", "te2_ms", "te_ms", "tm_ms")},
        )
        basis.save(options.output, format=options.to)
    print(f"{options.output}: {', '.join(basis.names)}; {basis.description}")


def _info(options) -> None:
    from mrs_keras.basis import describe_basis

    with _naming_options():
        print(describe_basis(_read(options)))


def _check(options) -> None:
    from mrs_keras.basis import check_basis

    with _naming_options():
        print(check_basis(_read(options)))


def _plot(options) -> None:
    _read(options).plot().savefig(options.output)
    print(options.output)


def _convert(options) -> None:
    from mrs_keras.basis import check_basis

    basis = _read(options)
    with _naming_options():
        check = check_basis(basis)
        doubts = [*check.remarks, *([f"The basis {check.verdict}. {check.advice}"] if check.in_doubt else [])]
    with _naming_options(format="--to"):
        if options.without_reference_peak:
            basis = basis.without_reference_peak()
        basis.save(options.output, format=options.to)
    print(f"{options.output}: {', '.join(basis.names)}")
    for doubt in doubts:
        print(f"Warning: {doubt}", file=sys.stderr)
