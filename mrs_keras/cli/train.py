"""The command `mrs-keras train`."""

from pathlib import Path

from mrs_keras.cli.options import add_command, add_dataset, preset_names
from mrs_keras.run_folder import MODEL_FILE

EPILOG = (
    "All GPUs of the machine train together. To train on several machines, list them as 'host:port' in the "
    "environment variable TF_CONFIG and start the same command on each, with one folder that all share: "
    'TF_CONFIG=\'{"cluster": {"worker": ["host0:2222", "host1:2222"]}, '
    '"task": {"type": "worker", "index": 0}}\', with index 1 on the second. '
    "If one is lost, all stop, and the same command resumes from the last checkpoint."
)


TIMES = ("te_ms", "te1_ms", "te2_ms", "tm_ms")


def add_train_command(commands) -> None:
    """Adds `train` to the sub-parsers of `mrs-keras`."""
    train = add_command(commands, "train", _train, "train a model, or resume an interrupted training", EPILOG)
    train.add_argument("--output", type=Path, default=Path("runs/base"), help="folder of the run")
    add_dataset(train, "preset")
    train.add_argument("--build", action="store_true", help="build the dataset if it is missing, even a large one")
    _add_like(train)
    _add_scans(train)
    train.add_argument("--preset", default="base", help=f"model preset: {preset_names()}")
    train.add_argument("--epochs", type=int, help="epochs; by default those of the preset")
    train.add_argument("--batch-size", type=int, help="examples per step over all devices; by default the preset's")
    train.add_argument("--learning-rate", type=float, help="highest learning rate; by default the preset's")
    train.add_argument("--seed", type=int, default=0, help="of weights, order and sampling noise")
    train.add_argument("--checkpoint-every", type=int, default=10, help="epochs between checkpoints")
    train.add_argument(
        "--worker-timeout",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="longest time to wait for the other machines at the start",
    )
    train.add_argument("--precision", help="float32, mixed_float16 or mixed_bfloat16; by default chosen for the device")
    train.add_argument("--clip-norm", type=float, help="largest norm of a step's gradient; by default none")


def _add_like(train) -> None:
    """Adds the options of a training for spectra like those of a scan."""
    group = train.add_argument_group(
        "like a scan",
        "Simulates the spectra of the preset with the field, bandwidth, points, echo time and sequence of a scan. "
        "Options supply what its header leaves out; what is assumed is printed.",
    )
    group.add_argument("--like", type=Path, metavar="SCAN", help="scan, such as a NIfTI-MRS file")
    group.add_argument("--basis", type=Path, metavar="FILE", help="basis of the scan's sequence; simulated by default")
    group.add_argument("--sequence", help="press, steam, spin_echo or pulse_acquire; by default that of the header")
    for option, text in (
        ("--te-ms", "echo time, ms; by default that of the header"),
        ("--te1-ms", "first echo time of PRESS, ms; by default 11 is assumed"),
        ("--te2-ms", "second echo time of PRESS, ms; by default TE - TE1"),
        ("--tm-ms", "mixing time of STEAM, ms; by default that of the header, or 10 is assumed"),
    ):
        group.add_argument(option, type=float, metavar="MS", help=text)
    group.add_argument(
        "--ppm-window", type=float, nargs=2, metavar=("LOW", "HIGH"), help="part of the spectrum; by default 0.2 to 4.2"
    )


def _add_scans(train) -> None:
    """Adds the options of a training on measured spectra."""
    group = train.add_argument_group(
        "measured spectra",
        "With the preset invivo and a dataset of scans: fits of the training spectra, a prior of the fits, "
        "pre-training on simulations of it, and fine-tuning on the spectra, until the median loss of the validation "
        "subjects does not become lower. Give --basis, the basis to fit, or one of these. Epochs, batch "
        "size and learning rate are those of the pre-training.",
    )
    group.add_argument("--fits", type=Path, metavar="DIR", help="fits of the spectra, from `measured fit`")
    group.add_argument("--init", type=Path, metavar="RUN", help="trained model to tune; it is not pre-trained")
    group.add_argument(
        "--input-noise",
        type=float,
        metavar="FACTOR",
        help="noise that is added to the spectra in the fine-tuning, over their own; by default that of the preset",
    )


def _train(options) -> None:
    from mrs_keras import train
    from mrs_keras.basis.wording import command_line

    given = {"name": options.sequence, **{name: getattr(options, name) for name in TIMES}}
    sequence = {name: value for name, value in given.items() if value is not None}
    with command_line():
        train(
            options.output,
            dataset=options.dataset,
            data_dir=options.data_dir,
            config=options.config,
            preset=options.preset,
            epochs=options.epochs,
            batch_size=options.batch_size,
            learning_rate=options.learning_rate,
            seed=options.seed,
            checkpoint_every=options.checkpoint_every,
            worker_timeout_s=options.worker_timeout,
            precision=options.precision,
            clip_norm=options.clip_norm,
            build=options.build,
            like=options.like,
            basis=options.basis,
            sequence=sequence or None,
            ppm_window=options.ppm_window,
            fits=options.fits,
            init=options.init,
            input_noise=options.input_noise,
        )
    print(f"Trained model: {options.output / MODEL_FILE}\nNext: mrs-keras evaluate --run {options.output}")
