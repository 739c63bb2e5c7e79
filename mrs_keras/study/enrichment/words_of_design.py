"""What the study does, how long it takes, and what it cannot say."""

from collections.abc import Mapping, Sequence

from mrs_keras.evaluation.real_spectra import RealDataset
from mrs_keras.study.enrichment.arms import AUGMENTATION
from mrs_keras.study.enrichment.augmentation import BASELINE_ORDER
from mrs_keras.study.enrichment.jobs import AT_MAIN_SIZE, FIDELITY, TRAIN, Job, seconds_of
from mrs_keras.study.enrichment.regressors import COMPONENTS, HIDDEN, REGRESSORS, WINDOW_PPM
from mrs_keras.study.enrichment.task import Task
from mrs_keras.training.stage_times import in_words


def plan_of(tasks: Mapping[str, Task], every: Sequence[Job], left: Sequence[Job], workers: int) -> str:
    """Returns what is done, and how long it takes."""
    lines = []
    for key, task in tasks.items():
        ours = [job for job in every if job.task == key]
        trainings = sum(job.kind == TRAIN or (job.arm in AT_MAIN_SIZE and job.kind != FIDELITY) for job in ours)
        lines.append(
            f"{task.title}: {len(task.scans)} spectra of {len(set(task.scans.sites or ()))} sites in "
            f"{len(task.rotations)} rotations, n = {', '.join(task.fitting_sizes)}, {task.draws} draws; "
            f"{len(ours)} parts, of which {trainings} train a network for minutes"
        )
    seconds = sum(seconds_of(job, tasks[job.task]) for job in left) / workers
    before = f" {len(every) - len(left)} parts are there already." if len(left) < len(every) else ""
    return "\n".join([*lines, f"About {in_words(seconds)} on {workers} cores.{before}"])


def design_of(tasks: Mapping[str, Task], found: RealDataset) -> str:
    """Returns the design in words, one paragraph."""
    task = next(iter(tasks.values()))
    effort, a = task.effort, AUGMENTATION
    held_out = "; ".join(", ".join(rotation.sites) for rotation in task.rotations)
    low, high = WINDOW_PPM
    return (
        f"{', '.join(task.labels.names)} of {len(task.scans)} spectra of {found.name} are predicted from the spectrum "
        f"with added white noise, {task.noise_factor:.2f} times that of the scan in all. The truth is the table of "
        f"labels of the spectra without added noise. Held out, together: {held_out}. Training subjects are drawn at "
        f"random from the other sites, {task.draws} times, those of a smaller n among those of a larger; the noise is "
        f"drawn anew each time. Classical augmentation: phase within {a.phase_rad:g} rad, shift within "
        f"{a.shift_hz:g} Hz, Lorentzian and Gaussian broadening up to {a.lorentzian_hz:g} and {a.gaussian_hz:g} Hz, "
        f"Legendre polynomials of order 0 to {BASELINE_ORDER}, real and imaginary, each within {100 * a.baseline:g} % "
        f"of the tallest point, then noise. Every arm has {effort.examples} examples; arms that generate spectra have "
        "as many generated as real ones. Regressions see the first "
        f"{COMPONENTS} principal components of real and imaginary part from {low} to {high} ppm: a perceptron with "
        f"{HIDDEN} units, {effort.epochs} epochs of Adam, and a ridge regression. The penalty of each is chosen among "
        f"{' and '.join(str(len(penalties)) for _, penalties in list(REGRESSORS.values())[:1])} in "
        f"{effort.inner_folds} inner folds of the n subjects, for every arm alike."
    )


def caveats_of(task: Task, quick: bool, own_basis: bool, outside: bool, found: RealDataset) -> list[str]:
    """Returns what the study cannot say.

    Args:
      task: on measured spectra.
      quick: whether it is a quick run.
      own_basis: whether the scans were fitted with this package's own basis.
      outside: whether another program is compared.
      found: the dataset.
    """
    caveats = []
    if quick:
        caveats.append(
            "A quick run: few draws, small networks, few examples. It shows that everything works, and no more."
        )
    if own_basis:
        echo_time_ms = found.description.origin.get("echo_time_ms")
        caveats.append(
            "The scans were fitted with this package's own basis, PRESS TE 30 ms with ideal pulses"
            + (f", and they have TE {echo_time_ms:g} ms" if echo_time_ms else "")
            + ". Give the basis of their sequence (`--basis`, or `--fits`)."
        )
    if outside:
        caveats.append(
            "The outside program answered on one draw of the noise, the regressions on another in each draw. If it "
            "made the table of labels, too, it is judged by itself."
        )
    networks = min(task.trained_draws, task.draws)
    return [
        *caveats,
        "The truth is a fit of the same scans without added noise, by one program: an arm that repeats its errors "
        "looks right. The second task has exact labels, and a second labeller's table is a second truth.",
        "Priors and networks are made once from all n, also where an inner fold chooses the penalty of a regression.",
        f"The draws of the hybrid arms share {networks} networks for each group of held-out sites: their limits know "
        "little of how networks differ.",
        "With all subjects, draws differ by their noise and seeds alone: limits know nothing of other subjects.",
        "Limits resample the sites at hand. What all of them have in common, such as a vendor, is not in them.",
    ]
