"""Standard error of a command has its own messages and TensorFlow's real errors, not its start-up messages."""

import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import time

import hypothesis
import hypothesis.strategies as st
import pytest

from mrs_keras.cli.native_log import is_noise, without_noise
from mrs_keras.run_folder import MODEL_FILE
from tests.conftest import REPOSITORY, command, run_python

# As TensorFlow 2.21 prints them; the first two come before it reads any variable.
PREFACE = b"WARNING: All log messages before absl::InitializeLog() is called are written to STDERR\n"
NOTE = b"I0000 00:00:1795684777.476622   15759 port.cc:153] oneDNN custom operations are on. You may see [...]\n"
WARNING = b"W0000 00:00:1795684777.476622   15759 gpu_device.cc:2433] Cannot dlopen some GPU libraries.\n"
NO_GPU = (
    b"E0000 00:00:1795684780.247312   15759 cuda_platform.cc:52] failed call to cuInit: INTERNAL: CUDA error: "
    b"Failed call to cuInit: UNKNOWN ERROR (303)\n"
)
ERROR = b"E0000 00:00:1795684780.247312   15759 cuda_blas.cc:100] failed to create cublas handle\n"
FATAL = b"F0000 00:00:1795684780.247312   15759 cpu_feature_guard.cc:41] compiled to use AVX instructions\n"
OURS = b"In the folder are Errors, Warnings and I0000 other things.\n"
ALL = [PREFACE, NOTE, WARNING, NO_GPU, ERROR, FATAL, OURS]


@pytest.mark.parametrize(
    ("level", "has_gpu", "shown"),
    [
        (2, False, [ERROR, FATAL, OURS]),
        (2, True, [NO_GPU, ERROR, FATAL, OURS]),
        (1, False, [WARNING, NO_GPU, ERROR, FATAL, OURS]),
        (3, False, [FATAL, OURS]),
    ],
)
def test_each_level_shows_what_tensorflow_defines_and_never_that_a_gpu_is_missing(level, has_gpu, shown):
    assert [line for line in ALL if not is_noise(level, has_gpu)(line)] == shown


@hypothesis.given(st.lists(st.sampled_from(ALL)), st.lists(st.integers(0, 500)))
def test_a_stream_loses_its_noise_however_it_is_cut_into_chunks(lines, cuts):
    noise = is_noise(2, False)
    text = b"".join(lines)
    ends = sorted(min(cut, len(text)) for cut in cuts)
    chunks = [text[a:b] for a, b in zip([0, *ends], [*ends, len(text)], strict=True)]
    assert b"".join(without_noise(chunks, noise)) == b"".join(line for line in lines if not noise(line))


def test_a_progress_bar_is_not_held_back():
    chunks = iter([b"Building: 10 %\r", b"Building: 20 %"])
    stream = without_noise(chunks, is_noise(2, False))
    assert [next(stream), next(stream)] == [b"Building: 10 %\r", b"Building: 20 %"]


# === In commands ===


@pytest.fixture(scope="module")
def trained_dir(tmp_path_factory):
    """A folder of a training with the pretrained model."""
    path = tmp_path_factory.mktemp("run")
    shutil.copyfile(REPOSITORY / "saved_models" / "base.keras", path / MODEL_FILE)
    return path


def environment_with(level: str | None) -> dict[str, str]:
    """The environment of this process, with the level of TensorFlow's log set so, or not at all."""
    without = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    return without | ({} if level is None else {"TF_CPP_MIN_LOG_LEVEL": level})


@pytest.mark.parametrize(
    ("arguments", "level", "ours"),
    [
        (["export", "--output", "exported"], None, ""),
        (["export", "--output", "exported"], "2", ""),
        (["generate", "--number", "3", "--output", "spectra.npz"], None, r"(Generating.*)?"),
        (["generate", "--number", "3", "--output", "nothing.xyz"], None, r"mrs-keras generate: .*"),
    ],
    ids=["export", "export, level set", "generate", "an error of ours"],
)
def test_standard_error_of_a_command_has_our_lines_alone(arguments, level, ours, trained_dir, tmp_path):
    done = subprocess.run(
        [command("mrs-keras"), *arguments, "--run", trained_dir],
        cwd=tmp_path,
        env=environment_with(level),
        capture_output=True,
        text=True,
    )
    assert done.returncode == (1 if "mrs-keras" in ours else 0)
    for line in done.stderr.splitlines():
        assert re.fullmatch(ours, line), done.stderr


def test_the_server_prints_nothing_on_standard_error():
    arguments = ["serve", "--saved-models", REPOSITORY / "saved_models", "--grpc-port", "0", "--rest-port", "0"]
    with subprocess.Popen(
        [command("mrs-keras"), *arguments],
        env=environment_with(None),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert "grpc://" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        assert process.communicate(timeout=30)[1] == ""


# === Around any program ===


def run_filtered(body: str, **options) -> subprocess.CompletedProcess:
    code = f"import os, sys, time\nfrom mrs_keras.cli.native_log import native_log_filtered\n{body}"
    return run_python(code, check=False, **options)


def test_the_last_message_before_a_crash_is_shown():
    done = run_filtered(f"with native_log_filtered():\n    os.write(2, {NOTE + ERROR + FATAL!r})\n    os.abort()")
    assert (done.returncode, done.stderr.encode()) == (-signal.SIGABRT, ERROR + FATAL)


def test_what_python_writes_is_shown_whatever_it_looks_like():
    body = (
        f"with native_log_filtered():\n    print({NOTE.decode()!r}, end='', file=sys.stderr)\nraise SystemExit('end')"
    )
    assert run_filtered(body).stderr.encode() == NOTE + b"end\n"


def test_level_0_shows_everything():
    body = f"with native_log_filtered():\n    os.write(2, {NOTE + NO_GPU!r})"
    assert run_filtered(body, env={"TF_CPP_MIN_LOG_LEVEL": "0"}).stderr.encode() == NOTE + NO_GPU


def test_standard_error_stays_a_terminal_for_python():
    body = "import sys\nfrom mrs_keras.cli.native_log import native_log_filtered\nwith native_log_filtered(): "
    ours, theirs = pty.openpty()
    done = subprocess.run([sys.executable, "-c", body + "print(sys.stderr.isatty())"], stdout=-1, stderr=theirs)
    os.close(theirs)
    os.close(ours)
    assert done.stdout == b"True\n"


def test_ctrl_c_leaves_the_filter_in_place():
    body = f"""
try:
    with native_log_filtered():
        try:
            os.killpg(0, 2)
            time.sleep(10)
        except KeyboardInterrupt:
            time.sleep(0.2)
            os.write(2, {NOTE + ERROR!r})
            raise
except KeyboardInterrupt:
    pass
"""
    # A shell's background jobs ignore the signal, and so would their children.
    code = f"""
import os, signal, time
from mrs_keras.cli.native_log import native_log_filtered

os.setpgid(0, 0)
signal.signal(signal.SIGINT, signal.default_int_handler)
{body}"""
    assert run_python(code, check=False).stderr.encode() == ERROR


def test_a_program_that_keeps_running_does_not_hold_up_the_command():
    body = "import subprocess\nwith native_log_filtered(): subprocess.Popen(['sleep', '30'], stdout=subprocess.DEVNULL)"
    start = time.monotonic()
    code = f"from mrs_keras.cli.native_log import native_log_filtered\n{body}"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, stderr=subprocess.DEVNULL, check=True)
    assert time.monotonic() - start < 15
