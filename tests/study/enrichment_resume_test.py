"""All arms with networks of a few steps: the same numbers on any number of workers, and after being killed."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest

from mrs_keras.study.enrichment.arm_names import TRAINED_ARMS
from tests.conftest import REPOSITORY

pytestmark = pytest.mark.slow
RUN = """
import sys
from mrs_keras.study.enrichment.arm_names import TRAINED_ARMS
from tests.study.enrichment_tasks import run_study
run_study(sys.argv[1], arms=TRAINED_ARMS, workers=int(sys.argv[2]))
"""


def started(folder, workers):
    """Begins a study in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", RUN, str(folder), str(workers)],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process):
    _, errors = process.communicate()
    assert process.returncode == 0, errors[-3000:]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A study on two workers without an interruption, and its duration in seconds."""
    folder, begin = tmp_path_factory.mktemp("whole") / "out", time.monotonic()
    finish(started(folder, 2))
    return folder, time.monotonic() - begin


def test_every_arm_is_measured(whole):
    numbers = json.loads((whole[0] / "numbers.json").read_text())
    first, _ = numbers["tasks"]
    assert first["failures"] == {}
    scores = {(score["arm"], score["regressor"], score["size"]) for score in first["scores"]}
    for arm in TRAINED_ARMS:
        sizes = ("8",) if arm == "cvae_of_simulations" else ("8", "all")
        assert {(arm, regressor, size) for regressor in ("perceptron", "ridge") for size in sizes} <= scores
    judged = {"real", "placebo", "cvae", "simulations", "cvae_of_simulations", "simulations_of_all"}
    assert set(first["fidelity"]) == {*judged, "hybrid", "simulations_and_hybrid"}
    networks = sorted(path.name.rpartition("_")[0] for path in (whole[0] / "trainings").iterdir())
    assert networks == ["cvae_of_simulations_0"] * 3 + ["hybrid_0"] * 3


def test_one_worker_gives_the_numbers_of_two(whole, tmp_path):
    finish(started(tmp_path / "out", 1))
    assert (tmp_path / "out" / "numbers.json").read_bytes() == (whole[0] / "numbers.json").read_bytes()


def test_a_study_that_is_killed_at_random_resumes_with_the_same_numbers(whole, tmp_path):
    seed = int(os.environ.get("MRS_KERAS_TEST_SEED", random.randrange(10**6)))
    rng, folder = random.Random(seed), tmp_path / "out"
    print(f"MRS_KERAS_TEST_SEED={seed}")
    for _ in range(3):
        process, wait = started(folder, 2), rng.uniform(0.15, 0.7) * whole[1]
        print(f"killed after {wait:.1f} s")
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        for path in folder.glob("parts/*/[!.]*.json"):
            assert set(json.loads(path.read_text())) == {"digest", "result"}
        if not (folder / "numbers.json").exists():
            assert not (folder / "report.html").exists() or "</html>" in (folder / "report.html").read_text()
    finish(started(folder, 2))
    assert (folder / "numbers.json").read_bytes() == (whole[0] / "numbers.json").read_bytes()
    assert (folder / "table.txt").read_bytes() == (whole[0] / "table.txt").read_bytes()


def test_no_worker_outlives_a_study_that_was_killed(tmp_path):
    process, log = started(tmp_path / "out", 2), tmp_path / "out" / "workers.log"
    wait_until(log.exists, 300)
    process.kill()
    process.communicate()
    wait_until(lambda: not alive(process.pid), 60)


def alive(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def wait_until(condition, seconds):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s"
        time.sleep(0.1)
