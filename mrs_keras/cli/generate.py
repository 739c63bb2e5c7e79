"""The command `mrs-keras generate`."""

import dataclasses
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mrs_keras.cli.options import add_command

EPILOG = """\
By default the model is the newest version in `saved_models` in the working directory, or else the pretrained one.

  mrs-keras generate --number 1000 --output spectra.npz
  mrs-keras generate --run runs/base --concentrations NAA=12,PCr=4.5 --number 50 --output spectra.nii.gz
  mrs-keras generate --concentrations labels.csv --output generated --format tfds
  mrs-keras generate --number 200 --output bids --format bids --residual-water 0.5 5 --echo-time-ms 30
  mrs-keras generate --run RUN --scale-labels 0.75 1.25 --number 200 --output lcmodel --format lcmodel
  mrs-keras generate --transients 64 --coils 8 --drift-hz 3 --snr 40 --number 20 --output raw --format bids

NIfTI-MRS files hold FIDs of the whole band: the model's spectrum in its window, a taper of 1 ppm beyond, and noise of
the spectrum's own sigma everywhere if the model has noise. Their headers say so.

Spectrum k depends only on the model, the seed, k and its concentrations: a larger --number appends spectra."""


def add_generate_command(commands) -> None:
    """Adds `generate` to the sub-parsers of `mrs-keras`."""
    text = "generate spectra with a trained model: .npz, TFRecord, NIfTI-MRS, BIDS or LCModel, with their labels"
    generate = add_command(commands, "generate", _generate, text, EPILOG)
    model = generate.add_mutually_exclusive_group()
    model.add_argument(
        "--saved-models", type=Path, metavar="DIR", help="folder of exported SavedModels; for the default, see below"
    )
    model.add_argument("--run", dest="run_dir", type=Path, metavar="DIR", help="or folder of a finished training")
    generate.add_argument("--version", type=int, help="version of the SavedModels; by default the newest")
    generate.add_argument("--number", type=int, help="spectra; by default the rows of the table, or 1000")
    generate.add_argument(
        "--concentrations",
        metavar="GIVEN",
        help="in mM: for all spectra, as in NAA=12,PCr=4.5, or a CSV file with a column per metabolite and a row per "
        "spectrum; by default drawn as the training data had them, else uniformly from the trained range",
    )
    generate.add_argument(
        "--scale-labels",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="multiply each drawn label with a factor of its own, uniform in LOW to HIGH, after the latents are "
        "drawn: fits of the spectra then tell whether they carry their labels (`mrs-keras evaluate --fits`)",
    )
    generate.add_argument(
        "--site", metavar="NAME", help="with --run of a model of scans: as from one of its sites; by default from any"
    )
    generate.add_argument("--seed", type=int, default=0, help="of concentrations and latents")
    generate.add_argument(
        "--output",
        type=Path,
        default=Path("spectra.npz"),
        help="file to write, or folder for TFRecord files, BIDS and LCModel",
    )
    generate.add_argument(
        "--format",
        choices=("npz", "tfds", "nifti_mrs", "bids", "lcmodel"),
        help="by default chosen by --output: .npz; .nii.gz or .nii (needs the extra `nifti`); no suffix: TFDS. bids: a "
        "folder with a NIfTI-MRS file for each spectrum. lcmodel: a folder in which LCModel runs",
    )
    generate.add_argument(
        "--residual-water",
        type=float,
        nargs=2,
        metavar=("LOW", "HIGH"),
        help="for NIfTI-MRS, BIDS and LCModel: add residual water of this height, as a multiple of the spectrum's "
        "tallest point",
    )
    generate.add_argument(
        "--echo-time-ms", type=float, help="for the headers of NIfTI-MRS files and the control files of LCModel"
    )
    generate.add_argument("--repetition-time-ms", type=float, help="likewise")
    _add_transient_options(generate)
    generate.add_argument(
        "--with-basis",
        nargs="?",
        const=True,
        default=False,
        metavar="FILE",
        help="also write the basis of the training data, as the program that reads the spectra takes it: for FSL-MRS "
        "beside NIfTI-MRS and BIDS, else .npz; LCModel always gets it. FILE: the basis, where it is not known",
    )
    generate.add_argument("--overwrite", action="store_true", help="replace an earlier output")


def _add_transient_options(generate) -> None:
    group = generate.add_argument_group(
        "transients and coils",
        "With --transients or --coils, each spectrum is written as a raw scan with a water reference, and the truth in "
        "the header; needs --format bids. Combined, aligned and averaged, it has the noise of the single spectrum.",
    )
    group.add_argument("--transients", type=int, metavar="N", help="single averages of each spectrum (default: 1)")
    group.add_argument("--coils", type=int, metavar="N", help="receiver coils (default: 1)")
    for name, metavar, text in (
        ("--drift-hz", "HZ", "largest drift of the frequency over a scan (default: 3)"),
        ("--drift-rad", "RAD", "largest drift of the phase over a scan (default: 0.2)"),
        ("--noise-correlation", "R", "of the noise of neighbouring coils (default: 0.3)"),
        ("--motion-probability", "P", "of one or two transients of a scan being corrupted by motion (default: 0)"),
        ("--snr", "SNR", "of the single spectrum; needed if the model has no noise"),
    ):
        group.add_argument(name, type=float, metavar=metavar, help=text)
    group.add_argument("--reference-transients", type=int, metavar="N", help="of the water reference (default: 2)")


def _generate(options) -> None:
    from mrs_keras.generation import generate_dataset, open_export, open_run, read_concentrations
    from mrs_keras.pretrained import default_saved_models

    if options.run_dir is not None and options.version is not None:
        raise ValueError("--version selects SavedModels and does not go with --run. Leave one of them out.")
    if options.site is not None and options.run_dir is None:
        raise ValueError("--site is for the model of a training, with --run. Leave it out, or give the training.")
    concentrations = None if options.concentrations is None else read_concentrations(options.concentrations)
    if options.run_dir is not None:
        source = open_run(options.run_dir, options.site)
    else:
        source = open_export(options.saved_models or default_saved_models(), options.version)
    transients = _transient_design(options)
    with _readable_warnings():
        generate_dataset(
            source,
            options.output,
            number=options.number,
            concentrations=concentrations,
            scale_labels=options.scale_labels,
            seed=options.seed,
            format=options.format,
            residual_water=options.residual_water,
            echo_time_ms=options.echo_time_ms,
            repetition_time_ms=options.repetition_time_ms,
            transients=transients,
            with_basis=options.with_basis,
            overwrite=options.overwrite,
            progress=True,
        )
    print(options.output)


def _transient_design(options):
    """Returns the `TransientDesign` that the options ask for, or `None`."""
    from mrs_keras.generation import TransientDesign

    names = [field.name for field in dataclasses.fields(TransientDesign)]
    given = {name: getattr(options, name) for name in names if getattr(options, name) is not None}
    if not given:
        return None
    if not {"transients", "coils"} & set(given):
        received = ", ".join(f"--{name.replace('_', '-')} {value}" for name, value in given.items())
        raise ValueError(
            f"Options of transients and coils need --transients or --coils. Received: {received}. "
            "Give for example --transients 64 --coils 8."
        )
    return TransientDesign(**{"transients": 1, "coils": 1, **given})


@contextmanager
def _readable_warnings() -> Iterator[None]:
    """Shows warnings as one line each, without the source line that raised them."""
    with warnings.catch_warnings():
        warnings.filterwarnings("always", "Some labels lie outside")
        warnings.showwarning = lambda message, *_, **__: print(f"mrs-keras generate: {message}", file=sys.stderr)
        yield
