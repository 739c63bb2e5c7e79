"""The commands `mrs-keras basis ...`."""

import argparse
from pathlib import Path

from mrs_keras.cli.options import add_command


def add_basis_commands(commands) -> None:
    """Adds `basis` with its own commands to the sub-parsers of `mrs-keras`."""
    basis = commands.add_parser("basis", help="work with basis sets", description="Work with basis sets.")
    basis_commands = basis.add_subparsers(dest="basis_command", required=True, metavar="COMMAND")

    def add(name, run, help_text):
        return add_command(basis_commands, name, run, help_text)

    simulate = add("simulate", _simulate, "simulate a basis from spin systems, with ideal pulses")
    simulate.add_argument("--output", type=Path, required=True, help=".npz file to write")
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

    _add_file(add("info", _info, "say what a basis holds: acquisition and metabolites"))
    _add_file(add("check", _check, "say where NAA, Cr and Cho land, and whether the basis looks conjugated"))

    plot = add("plot", _plot, "draw the spectra of a basis")
    _add_file(plot)
    plot.add_argument("--output", type=Path, default=Path("basis.png"), help="image to write; the suffix is the format")

    convert = add("convert", _convert, "write a basis in another format")
    _add_file(convert)
    convert.add_argument("output", type=Path, help="file, or folder of a file per metabolite, to write")
    convert.add_argument(
        "--to", metavar="FORMAT", help="npz, lcmodel_basis, lcmodel_raw or fsl_json; told by the suffix"
    )
    convert.add_argument("--without-reference-peak", action="store_true", help="remove the reference peak at 0 ppm")


def _add_acquisition(command, *, defaults: bool) -> None:
    """Adds the options of an `Acquisition`; without defaults they say what a file does not."""
    for option, kind, default, text in (
        ("--spectrometer-frequency-mhz", float, 123.2, "proton frequency, MHz"),
        ("--bandwidth-hz", float, 4000.0, "receiver bandwidth, Hz"),
        ("--points", int, 2048, "complex points"),
    ):
        command.add_argument(option, type=kind, default=default if defaults else argparse.SUPPRESS, help=text)


def _add_file(command) -> None:
    command.add_argument("file", type=Path, help="basis file, or folder of a file per metabolite, of any known format")
    command.add_argument("--conjugated", action="store_true", help="the file holds the complex conjugate")
    group = command.add_argument_group(
        "acquisition", "For formats that do not say it (.RAW, two-column text); all three."
    )
    _add_acquisition(group, defaults=False)


def _read(options):
    from mrs_keras import Acquisition, read_basis

    names = ("spectrometer_frequency_mhz", "bandwidth_hz", "points")
    given = {name: getattr(options, name) for name in names if hasattr(options, name)}
    if given and len(given) < len(names):
        raise ValueError(
            "Give all three of --spectrometer-frequency-mhz, --bandwidth-hz and --points, or none. "
            f"Received: {', '.join(given)}."
        )
    acquisition = Acquisition(**given) if given else None
    return read_basis(options.file, acquisition=acquisition, conjugated=True if options.conjugated else None)


def _simulate(options) -> None:
    from mrs_keras import Acquisition, simulate_basis

    acquisition = Acquisition(options.spectrometer_frequency_mhz, options.bandwidth_hz, options.points)
    basis = simulate_basis(
        options.metabolites,
        acquisition,
        sequence=options.sequence,
        linewidth_hz=options.linewidth_hz,
        constants=options.constants,
        **{name: value for name, value in vars(options).items() if name in ("te1_ms", "te2_ms", "te_ms", "tm_ms")},
    )
    basis.save(options.output)
    print(f"{options.output}: {', '.join(basis.names)}; {basis.description}")


def _info(options) -> None:
    from mrs_keras.basis import describe_basis

    print(describe_basis(_read(options)))


def _check(options) -> None:
    from mrs_keras.basis import check_basis

    print(check_basis(_read(options)))


def _plot(options) -> None:
    _read(options).plot().savefig(options.output)
    print(options.output)


def _convert(options) -> None:
    basis = _read(options)
    if options.without_reference_peak:
        basis = basis.without_reference_peak()
    basis.save(options.output, format=options.to)
    print(f"{options.output}: {', '.join(basis.names)}")
