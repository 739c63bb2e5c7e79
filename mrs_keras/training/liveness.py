"""Workers watch each other while they train, so that none waits forever for one that has ended."""

import contextlib
import os
import selectors
import subprocess
import sys
import threading
from collections.abc import Iterator

import tensorflow as tf

from mrs_keras.training.rendezvous import Meeting

DONE = b"."
"""Message that a worker sends before it leaves a finished training."""

GRACE_SECONDS = 60.0
"""Time that TensorFlow has to raise after the loss of a worker (it takes about 15 s) before the process is ended."""

CONNECT_SECONDS = 120.0
"""Longest time that TensorFlow may take to connect workers that have met; normally a second or two."""

GUARD = """
import os, select, signal, sys
parent, seconds, message = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3]
done = select.select([sys.stdin], [], [], seconds)[0]
if not done and os.getppid() == parent:
    print(message, file=sys.stderr, flush=True)
    os.kill(parent, signal.SIGKILL)
"""


class Watch:
    """Reads the connections of a meeting in a separate thread, and tracks which workers are done and which are lost."""

    def __init__(self, meeting: Meeting):
        self.cluster = meeting.cluster
        self.connections = meeting.connections()
        self.done: set[int] = set()
        self.lost: int | None = None
        self.changed = threading.Condition()
        self.ended = threading.Event()
        threading.Thread(target=self._read, daemon=True).start()

    def message(self) -> str:
        """Error message: which worker was lost, and what to do."""
        who = f"Worker {self.lost} ({self.cluster.workers[self.lost]})" if self.lost is not None else "Another worker"
        return (
            f"{who} ended or stopped answering before the training was done, so worker {self.cluster.index} stops too. "
            "Look for the reason in its output, then start the same command again on all machines to resume from the "
            "last checkpoint."
        )

    def wait_for_all(self) -> None:
        """Reports that this worker is done and waits until all are; raises `RuntimeError` if one is lost."""
        for _, connection in self.connections:
            with contextlib.suppress(OSError):
                connection.sendall(DONE)
        with self.changed:
            self.changed.wait_for(lambda: self.lost is not None or self.done == set(self.cluster.others))
        if self.lost is not None:
            raise RuntimeError(self.message())

    def wait_for_a_loss(self, seconds: float) -> bool:
        """Waits a moment for a loss to be detected; returns whether there is one."""
        with self.changed:
            return self.changed.wait_for(lambda: self.lost is not None, seconds)

    def _read(self) -> None:
        with selectors.DefaultSelector() as selector:
            for index, connection in self.connections:
                connection.settimeout(None)
                selector.register(connection, selectors.EVENT_READ, index)
            while selector.get_map() and self.lost is None:
                for key, _ in selector.select():
                    try:
                        said = key.fileobj.recv(1)
                    except OSError:
                        said = b""
                    with self.changed:
                        if said == DONE:
                            self.done.add(key.data)
                        elif key.data not in self.done:
                            self.lost = key.data
                        self.changed.notify_all()
                    if not said:
                        selector.unregister(key.fileobj)
        # A collective operation that hangs can only be ended by ending the process.
        if self.lost is not None and not self.ended.wait(GRACE_SECONDS):
            print(f"\n{self.message()}", file=sys.stderr, flush=True)
            os._exit(1)


@contextlib.contextmanager
def watching(meeting: Meeting | None) -> Iterator[None]:
    """Raises `RuntimeError` in the block once a worker is lost; at the end of the block, waits for all workers.

    Args:
      meeting: returned by `meet`, or `None` for a single process.
    """
    if meeting is None:
        yield
        return
    watch = Watch(meeting)
    try:
        yield
        watch.wait_for_all()
    except tf.errors.OpError as error:
        collective = (tf.errors.UnavailableError, tf.errors.InternalError, tf.errors.AbortedError)
        others = (tf.errors.DeadlineExceededError, tf.errors.CancelledError, tf.errors.FailedPreconditionError)
        if watch.wait_for_a_loss(2.0) or isinstance(error, (*collective, *others)):
            raise RuntimeError(watch.message()) from error
        raise
    finally:
        watch.ended.set()
        meeting.close()


@contextlib.contextmanager
def connecting(seconds: float = CONNECT_SECONDS) -> Iterator[None]:
    """Ends the process with a message if TensorFlow does not connect to the other workers in time.

    If a worker ends between the meeting and TensorFlow's own start, the others hang inside TensorFlow, which does not
    release the GIL and handles no signal but SIGKILL: only another process can end it.
    """
    message = (
        f"mrs_keras: TensorFlow did not connect to the other workers within {seconds:g} s, although they had met: one "
        "of them has ended since, or a firewall blocks some ports. Check their output, end any remaining processes, "
        "then start the same command again on all machines."
    )
    arguments = [sys.executable, "-S", "-c", GUARD, str(os.getpid()), str(seconds), message]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE) as guard:
        try:
            yield
        finally:
            guard.stdin.close()
