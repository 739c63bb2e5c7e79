"""Hides TensorFlow's start-up messages, which read like errors and are none.

On a machine without a GPU, loading TensorFlow prints lines such as "E0000 ... failed call to cuInit". No setting hides
them: some are printed before TensorFlow reads `TF_CPP_MIN_LOG_LEVEL`, and the level that hides the error hides all
errors. So what C++ writes to standard error goes through a filter, this file run as a process of its own, which drops
these lines and passes on the rest. The filter outlives a crash, so the last message of a command is never lost.
Python's `sys.stderr` bypasses it, and stays a terminal if it is one.
"""

import contextlib
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

LEVEL = "TF_CPP_MIN_LOG_LEVEL"
"""TensorFlow's own variable: 0 shows everything, 1 hides information, 2 warnings too, 3 errors too."""

GPU_FILES = ("dev/nvidia[0-9]*", "dev/nvidiactl", "dev/nvmap", "dev/dxg")
"""Device files of NVIDIA's drivers; the last is that of the Windows Subsystem for Linux."""


@contextlib.contextmanager
def native_log_filtered() -> Iterator[None]:
    """Filters what C++ writes to standard error inside the block: by default information and warnings are dropped."""
    level = os.environ.setdefault(LEVEL, "2")
    if os.name != "posix" or level not in ("1", "2", "3") or not _is_standard_error(sys.stderr):
        yield
        return
    original, terminal = sys.stderr, os.dup(2)
    source, sink = os.pipe()
    # In a session of its own, which Ctrl-C does not reach.
    command = [sys.executable, "-I", "-S", __file__, level]
    process = subprocess.Popen(command, stdin=source, stdout=subprocess.DEVNULL, start_new_session=True)
    original.flush()
    os.dup2(sink, 2)
    os.close(source)
    os.close(sink)
    # Never closed: loggers that were set up inside the block keep it.
    sys.stderr = open(terminal, "w", 1, original.encoding, original.errors, closefd=False)  # noqa: SIM115
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(terminal, 2)
        sys.stderr = original
        # A program that the command started may keep the pipe open.
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(1.0)


def is_noise(level: int, has_gpu: bool) -> Callable[[bytes], bool]:
    """Returns a function that says of a line whether to drop it.

    Args:
      level: value of `TF_CPP_MIN_LOG_LEVEL`.
      has_gpu: whether the machine has a GPU. If not, that CUDA finds none is no error.
    """
    # Such as "I0000 00:00:1795684777.476622   15759 port.cc:153] ...".
    kinds = rf"[{'IWE'[:level]}]\d{{4}} [\d:.]+ +\d+ \S+:\d+\] ".encode()
    preface = rb"WARNING: All log messages before absl::InitializeLog\(\) is called are written to STDERR"
    no_gpu = rb"E\d{4} .*failed call to cuInit"
    patterns = [kinds, preface] if has_gpu or level < 2 else [kinds, preface, no_gpu]
    return re.compile(b"|".join(patterns)).match


def without_noise(chunks: Iterable[bytes], noise: Callable[[bytes], bool]) -> Iterator[bytes]:
    """Yields a stream without the lines that are noise. Lines that cannot be noise do not wait for their end."""
    rest = b""
    for chunk in chunks:
        *lines, rest = re.split(rb"(?<=[\r\n])", rest + chunk)
        if rest[:1] not in (b"I", b"W", b"E"):
            lines, rest = [*lines, rest], b""
        yield b"".join(line for line in lines if not noise(line))
    if not noise(rest):
        yield rest


def _is_standard_error(stream) -> bool:
    """Returns whether a stream is standard error itself, not what a test or a notebook puts in its place."""
    try:
        return stream.fileno() == 2
    except (AttributeError, OSError, ValueError):
        return False


def _main() -> None:
    has_gpu = any(any(Path("/").glob(pattern)) for pattern in GPU_FILES)
    chunks = iter(lambda: os.read(0, 1 << 16), b"")
    for text in without_noise(chunks, is_noise(int(sys.argv[1]), has_gpu)):
        while text:
            text = text[os.write(2, text) :]


if __name__ == "__main__":
    _main()
