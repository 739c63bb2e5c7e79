"""The order of jobs and the report of failures, with threads in place of processes."""

import concurrent.futures
import dataclasses
import threading
import time

import pytest

from mrs_keras.study.enrichment import workers
from mrs_keras.study.enrichment.arm_names import TRAINED_ARMS
from mrs_keras.study.enrichment.jobs import FIDELITY, PREDICT, TRAIN, jobs_of
from tests.study.enrichment_tasks import EFFORT, measured_task


@pytest.fixture
def threads(monkeypatch):
    """Threads do the jobs; each takes a little longer than the one that was given after it."""

    def pool(number, **_):
        return concurrent.futures.ThreadPoolExecutor(number)

    monkeypatch.setattr(workers.concurrent.futures, "ProcessPoolExecutor", pool)


def test_predictions_begin_after_all_trainings_and_fidelity_after_all_predictions(threads, monkeypatch, tmp_path):
    """Else two processes would train the network of a prediction and of its fidelity, in one folder."""
    running, kinds, lock = set(), [], threading.Lock()

    def do(job):
        with lock:
            running.add(job)
            kinds.append({each.kind for each in running})
        time.sleep(0.002 if job.rotation else 0.01)
        with lock:
            running.remove(job)

    monkeypatch.setattr(workers, "_do", do)
    task = dataclasses.replace(measured_task(30), effort=dataclasses.replace(EFFORT, arms=TRAINED_ARMS))
    jobs = jobs_of(task)
    assert workers.do_jobs(jobs[::-1], {"in_vivo": task}, tmp_path, 2, lambda job: None) == {}
    assert all(len(together) == 1 for together in kinds)
    order = [kind for (kind,) in kinds]
    assert order == sorted(order, key=(TRAIN, PREDICT, FIDELITY).index)
    assert len(order) == len(jobs)


def test_a_job_that_fails_stops_no_other(threads, monkeypatch, tmp_path):
    monkeypatch.setattr(workers, "run_job", lambda job, *_: 1 / (job.arm != "simulations"))
    monkeypatch.setattr(workers, "_TASKS", {"in_vivo": None})
    jobs, done = jobs_of(measured_task(30)), []
    failures = workers.do_jobs(jobs, {}, tmp_path, 2, done.append)
    assert failures == {job: "ZeroDivisionError: division by zero" for job in jobs if job.arm == "simulations"}
    assert sorted(job.name for job in done) == sorted(job.name for job in jobs)


def test_without_jobs_no_process_is_started(monkeypatch, tmp_path):
    monkeypatch.setattr(workers.concurrent.futures, "ProcessPoolExecutor", None)
    assert workers.do_jobs([], {}, tmp_path, 2, lambda job: None) == {}
