"""Processes that do jobs: the same numbers on any number of them, and a failure of one stops no other."""

import concurrent.futures
import concurrent.futures.process
import contextlib
import gc
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from mrs_keras.study.enrichment.jobs import FIDELITY, HYBRIDS, PREDICT, TRAIN, Job, run_job
from mrs_keras.study.enrichment.task import Task

LOG_FILE = "workers.log"

WITH_NETWORKS = ("cvae", "placebo", "cvae_of_simulations", *HYBRIDS)
"""Arms that build networks."""

_TASKS: dict[str, Task] = {}
_FOLDER = Path()

SINGLE_THREAD = dict.fromkeys(
    (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "MKL_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ),
    "1",
) | {"CUDA_VISIBLE_DEVICES": "-1"}
"""Environment of a worker: its numbers depend neither on the number of cores nor on a GPU."""


def do_jobs(
    jobs: Sequence[Job],
    tasks: Mapping[str, Task],
    folder: Path,
    workers: int,
    on_done: Callable[[Job], None],
) -> dict[Job, str]:
    """Does jobs in other processes, each with one thread, and returns job -> error of those that failed.

    Trainings are done first, since other jobs need them, and fidelity last: it needs networks that predictions train,
    and a network is for one process to train.

    Args:
      jobs: to do.
      tasks: key -> task.
      folder: of the study; it gets `workers.log`, with all that trainings say.
      workers: number of processes.
      on_done: called after each job.
    """
    failures: dict[Job, str] = {}
    if not jobs:
        return failures
    folder.mkdir(parents=True, exist_ok=True)
    # A fresh process, also for one worker: threads of this one would change the last digits.
    context = multiprocessing.get_context("spawn")
    with (
        _single_threads(),
        concurrent.futures.ProcessPoolExecutor(
            workers, mp_context=context, initializer=_begin, initargs=(dict(tasks), folder)
        ) as pool,
    ):
        try:
            for kind in (TRAIN, PREDICT, FIDELITY):
                running = {pool.submit(_do, job): job for job in jobs if job.kind == kind}
                for done in concurrent.futures.as_completed(running):
                    job = running[done]
                    error = done.result()
                    if error is not None:
                        failures[job] = error
                    on_done(job)
        except concurrent.futures.process.BrokenProcessPool as error:
            raise RuntimeError(
                "A process of the study was killed, perhaps since memory ran out: each takes 2 to 5 GB. All parts that "
                "were finished are kept. Give the same command again, with `--workers 1` if it was memory."
            ) from error
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
    return failures


def _begin(tasks: dict[str, Task], folder: Path) -> None:
    """Prepares a worker: its messages go to a file, and each computation has one thread."""
    global _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    log = os.open(folder / LOG_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    _TASKS.update(tasks)
    _FOLDER = folder
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """Ends a worker whose study was killed: it would wait for ever, and write where a resumed study does."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _do(job: Job) -> str | None:
    """Does a job in a worker; returns the error, in one line, or `None`."""
    try:
        run_job(job, _TASKS[job.task], _FOLDER)
    except Exception as error:  # whatever it is, the other arms go on
        print(f"{job.name} failed:", file=sys.stderr)
        traceback.print_exc()
        return f"{type(error).__name__}: {error}"
    finally:
        if job.arm in WITH_NETWORKS:
            # Their graphs would fill the memory. It takes half a second, so not after each job.
            if "keras" in sys.modules:  # not where it failed before
                sys.modules["keras"].backend.clear_session()
            gc.collect()
    return None


@contextlib.contextmanager
def _single_threads():
    """Sets one thread for the processes that are started meanwhile."""
    before = {name: os.environ.get(name) for name in SINGLE_THREAD}
    os.environ.update(SINGLE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name)
            else:
                os.environ[name] = value
