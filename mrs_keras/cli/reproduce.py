"""`mrs-keras reproduce`: the main job from end to end."""

import contextlib
import json
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from mrs_keras.cli.options import add_command
from mrs_keras.files import replacing
from mrs_keras.run_folder import EVALUATION, MODEL_FILE, NUMBERS_FILE, REPORT_FILE, SAVED_MODELS

LINE_PARAMETERS = ("gamma", "sigma", "eps", "phi0")

TARGETS = {
    "validation error of the cVAE (median)": "<= 1.2 %",
    "cVAE over PCA": "< 0.5",
    "concentrations of reconstructions, off by (median)": "<= 0.5 %",
    "fitted prior: concentrations, off by (median)": "<= 1 %",
    "fitted prior: distance from physics (median)": "<= 0.7 %",
    **{f"fitted prior: Kolmogorov-Smirnov statistic of {name}": "<= 0.10" for name in LINE_PARAMETERS},
    "labels that leak into the latents (largest R2)": "<= 0.05",
    "phi0 along the interpolation": "monotone",
    "phi0 at the ends, off by": "<= 5 %",
    **{f"random pairs over {name}: paths monotone in {name}": ">= 98 %" for name in ("phi0", "gamma", "sigma")},
}
"""Number of the table -> what the preset `base` is held against; labels: the mean over several seeds."""


def add_reproduce_command(commands) -> None:
    """Adds `reproduce` to the sub-parsers of `mrs-keras`."""
    command = add_command(commands, "reproduce", _reproduce, "run the main job: dataset, training, evaluation, export")
    command.add_argument("--output", type=Path, default=Path("runs/reproduce"), help="folder of the run")
    command.add_argument(
        "--saved-models", type=Path, help=f"folder of the SavedModels; by default OUTPUT/{SAVED_MODELS}"
    )


def _reproduce(options) -> None:
    reproduce(options.output, saved_models_dir=options.saved_models)


def reproduce(
    output_dir: str | os.PathLike = "runs/reproduce", saved_models_dir: str | os.PathLike | None = None
) -> dict:
    """Builds the dataset, trains, evaluates and exports with the defaults; what is finished already is used again.

    Args:
      output_dir: folder for the dataset, the training and the evaluation. Defaults to `"runs/reproduce"`.
      saved_models_dir: folder of the SavedModels. Defaults to `None`: `saved_models` in the output folder.

    Returns:
      The content of `numbers.json` in the output folder: the numbers of the evaluation, and the seconds of each step.
    """
    output_dir = Path(output_dir)
    data_dir, run_dir = output_dir / "tensorflow_datasets", output_dir / "training"
    seconds = _seconds_of_reused_steps(output_dir, run_dir)
    reused = set(seconds)
    with _step("load TensorFlow", seconds):
        from mrs_keras.data import build_dataset
        from mrs_keras.evaluation import evaluate
        from mrs_keras.models import load_trained
        from mrs_keras.serving import export
        from mrs_keras.training import train
    with _step("build the dataset", seconds, reused):
        build_dataset(data_dir)
    with _step("train", seconds, reused):
        train(run_dir, data_dir=data_dir)
    with _step("evaluate", seconds):
        numbers = evaluate(run_dir, data_dir=data_dir, output_dir=output_dir / EVALUATION)
    with _step("export", seconds):
        paths = export(load_trained(run_dir), saved_models_dir or output_dir / SAVED_MODELS)
    numbers = {**numbers, "seconds": {name: round(value, 1) for name, value in seconds.items()}}
    with replacing(output_dir / NUMBERS_FILE) as partial:
        partial.write_text(json.dumps(numbers, indent=2) + "\n")
    print(f"\n{numbers_table(numbers)}\n\nnumbers      {output_dir / NUMBERS_FILE}")
    print(f"report       {output_dir / EVALUATION / REPORT_FILE}\nfigures      {output_dir / EVALUATION}")
    print("\n".join(f"SavedModel   {path}" for path in paths.values()))
    print(f"\nAll steps took {sum(seconds.values()):.0f} s.")
    return numbers


def numbers_table(numbers: dict) -> str:
    """Returns the main numbers of an evaluation as a table, beside what they are held against."""
    reconstruction = numbers["reconstruction"]
    rows = {
        "validation error of the cVAE (median)": _percent(reconstruction["model"]["median"]),
        "validation error of the cVAE (95th percentile)": _percent(reconstruction["model"]["percentile_95"]),
        f"validation error of PCA, {numbers['latent_dim']} components (median)": _percent(
            reconstruction["pca"]["median"]
        ),
        "cVAE over PCA": f"{reconstruction['model_over_pca']:.2f}",
        "active latents": f"{numbers['active_units']} of {numbers['latent_dim']}",
    }
    if "failure" not in numbers:
        rows |= _rows_of_generation(numbers) | _rows_of_interpolation(numbers)
    width = max(map(len, rows))
    lines = [f"{'':{width}}  {'measured':>12}  expected"]
    lines += [f"{name:{width}}  {value:>12}  {TARGETS.get(name, '')}".rstrip() for name, value in rows.items()]
    return "\n".join([*lines, *([numbers["failure"]] if "failure" in numbers else [])])


def _rows_of_generation(numbers: dict) -> dict[str, str]:
    generation = numbers["generation"]
    found = numbers["reconstruction"]["parameters"]["model"]["all_concentrations"]
    rows = {
        "concentrations of reconstructions, off by (median)": _percent(found["median"]),
        "concentrations of reconstructions, off by (95th percentile)": _percent(found["percentile_95"]),
    }
    for prior, label in (("fitted", "fitted prior"), ("standard_normal", "standard normal prior")):
        if prior in generation:
            spectra = generation[prior]
            for name, key in (
                ("concentrations, off by", "concentration_error"),
                ("distance from physics", "distance_from_physical_model"),
            ):
                rows[f"{label}: {name} (median)"] = _percent(spectra[key]["median"])
                rows[f"{label}: {name} (95th percentile)"] = _percent(spectra[key]["percentile_95"])
            for name, statistic in spectra["ks"].items():
                rows[f"{label}: Kolmogorov-Smirnov statistic of {name}"] = f"{statistic:.3f}"
            rows[f"{label}: validation data covered"] = _percent(spectra["coverage"])
            rows[f"{label}: classifier against validation data, right in"] = _percent(spectra["classifier"]["accuracy"])
    labels = [scores["nonlinear"] for scores in numbers["latent_space"]["labels"].values()]
    return {**rows, "labels that leak into the latents (largest R2)": f"{max(labels):.3f}"}


def _rows_of_interpolation(numbers: dict) -> dict[str, str]:
    test_pairs = numbers["interpolation"]
    phi0, broadening = test_pairs["phi0"], test_pairs["broadening"]
    rows = {
        "phi0 along the interpolation": "monotone" if phi0["monotone"]["phi0"] else "not monotone",
        "phi0 at the ends, off by": _percent(phi0["end_point_error"]["phi0"]),
    }
    for name in ("gamma", "sigma"):
        rows[f"{name} along the interpolation"] = "monotone" if broadening["monotone"][name] else "not monotone"
        rows[f"{name} at the ends, off by"] = _percent(broadening["end_point_error"][name])
    for kind, result in numbers["random_pairs"].items():
        for name, values in result["numbers"]["varied"].items():
            rows[f"random pairs over {kind}: paths monotone in {name}"] = f"{100 * values['monotone']:.1f} %"
    return rows


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"


@contextlib.contextmanager
def _step(name: str, seconds: dict[str, float], reused: Collection[str] = ()) -> Iterator[None]:
    """Prints a step and its time, and keeps the time in `seconds`; that of a reused step is the time it once took."""
    print(f"== {name}" + (" (done before)" if name in reused else ""), flush=True)
    start = time.perf_counter()
    yield
    duration = time.perf_counter() - start
    if name not in reused:
        seconds[name] = duration
    print(f"   {duration:.1f} s", flush=True)


def _seconds_of_reused_steps(output_dir: Path, run_dir: Path) -> dict[str, float]:
    """Returns the times of the steps of an earlier, finished run that are not done again."""
    try:
        earlier = json.loads((output_dir / NUMBERS_FILE).read_text())["seconds"]
    except (OSError, ValueError, KeyError):
        return {}
    done = {"build the dataset", "train"} if (run_dir / MODEL_FILE).exists() else set()
    return {name: value for name, value in earlier.items() if name in done}
