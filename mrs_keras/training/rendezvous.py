"""Workers meet before they train: TensorFlow itself would wait forever for one that never starts."""

import contextlib
import json
import reprlib
import socket
import threading
import time
from collections.abc import Mapping

from mrs_keras.training.cluster import Cluster, host_and_port

GREETING_BYTES = 1_000_000
"""Longest greeting that is read: another program that answers at a port must not fill the memory."""

CALL_SECONDS = 3.0
"""Timeout of one call to another worker; after it, the call is retried."""

PAUSE_SECONDS = 0.2


class Meeting:
    """Open connections between all workers; created by `meet`."""

    def __init__(self, cluster: Cluster, statement: Mapping):
        self.cluster = cluster
        self.statement = json.loads(json.dumps(statement))
        self.called: dict[int, socket.socket] = {}
        self.callers: dict[int, socket.socket] = {}
        self.failures: dict[int, str] = {}
        self.refusal: str | None = None
        self._listener: socket.socket | None = None
        self._lock = threading.Lock()
        self._is_over = False

    def connections(self) -> list[tuple[int, socket.socket]]:
        """Returns all open connections, each with the number of the other worker."""
        return [*self.called.items(), *self.callers.items()]

    def close(self) -> None:
        """Closes all connections."""
        for _, connection in self.connections():
            with contextlib.suppress(OSError):
                connection.close()

    # === Being called ===

    def listen(self, deadline: float) -> None:
        """Opens the port of this worker. TensorFlow uses the port afterwards, so it must be free."""
        port = host_and_port(self.cluster.address)[1]
        while True:
            try:
                self._listener = _listener(port)
                break
            except OSError as error:
                # A worker that has just been stopped may still hold it.
                if time.monotonic() > deadline:
                    raise OSError(
                        f"Worker {self.cluster.index} cannot open its port {port}: {error}. Expected: a free port. "
                        "End the program that uses it, or set another port in TF_CONFIG on all machines."
                    ) from error
                time.sleep(PAUSE_SECONDS)
        threading.Thread(target=self._answer_calls, args=(self._listener,), daemon=True).start()

    def stop_listening(self) -> None:
        """Closes the port; open connections stay open."""
        with self._lock:
            self._is_over = True
        if self._listener is not None:
            # Closing does not wake a thread that waits in `accept`, and the port would stay in use.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _answer_calls(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        kept = False
        try:
            greeting = _receive(connection)
            _send(connection, self._greeting())
            index = greeting["index"]
            with self._lock:
                if index not in self.cluster.others:
                    self.refusal = f"a process says that it is worker {index}"
                elif not self._is_over:
                    self._compare(index, greeting)
                    if index in self.callers:  # it gave up a call that took too long
                        self.callers[index].close()
                    self.callers[index] = connection
                    kept = True
        except (OSError, ValueError, KeyError, TypeError):  # a port scan, or a caller that gave up
            pass
        finally:
            if not kept:
                connection.close()

    # === Calling ===

    def call(self, index: int) -> None:
        """Calls a worker, unless there is an open connection to it."""
        if index in self.called and not _is_closed(self.called[index]):
            return
        if index in self.called:
            self.called.pop(index).close()
        try:
            connection = socket.create_connection(host_and_port(self.cluster.workers[index]), CALL_SECONDS)
        except OSError as error:
            self.failures[index] = f"no answer ({error})"
            return
        try:
            _send(connection, self._greeting())
            greeting = _receive(connection)
            answered = greeting["index"]
        except (OSError, ValueError, KeyError, TypeError):
            self.failures[index] = "something answers, but not a worker that waits to start"
            connection.close()
            return
        if answered != index:
            self.refusal = (
                f"the process at {self.cluster.workers[index]} says that it is worker {answered}, not {index}"
            )
        else:
            self._compare(index, greeting)
        self.called[index] = connection

    def _greeting(self) -> dict:
        return {"index": self.cluster.index, "workers": self.cluster.workers, "statement": self.statement}

    def _compare(self, index: int, greeting: Mapping) -> None:
        ours = {"TF_CONFIG": list(self.cluster.workers), **self.statement}
        theirs = {"TF_CONFIG": greeting["workers"], **greeting["statement"]}
        different = [
            f"{key} (here {reprlib.repr(ours.get(key))}, there {reprlib.repr(theirs.get(key))})"
            for key in dict.fromkeys([*ours, *theirs])
            if ours.get(key) != theirs.get(key)
        ]
        if different:
            self.refusal = f"worker {index} differs in {', '.join(different)}"


def meet(cluster: Cluster, statement: Mapping, timeout_s: float) -> Meeting:
    """Waits until every worker has reached every other one, and compares their settings.

    Each worker listens on its own port of TF_CONFIG and leaves once it has both called all others and been called by
    them, so none leaves while another still needs its answer.

    Args:
      cluster: of TF_CONFIG.
      statement: JSON data that must be the same on all workers: settings, and the checkpoint to resume from.
      timeout_s: longest time to wait, in seconds.

    Returns:
      The open connections. If one closes later, its worker has ended.

    Raises:
      TimeoutError: if a worker does not answer in time.
      ValueError: if the workers have different settings or checkpoints.
      OSError: if the port of this worker is in use.
    """
    meeting = Meeting(cluster, statement)
    deadline = time.monotonic() + timeout_s
    met = False
    try:
        meeting.listen(deadline)
        while True:
            for index in cluster.others:
                meeting.call(index)
            if meeting.refusal:
                raise ValueError(
                    f"All workers of a training must run the same command; seen from worker {cluster.index}, "
                    f"{meeting.refusal}. Start the same command on all machines, with one folder that they share, "
                    "and a TF_CONFIG that differs only in `task.index`."
                )
            if set(cluster.others) == set(meeting.called) == set(meeting.callers):
                met = True
                return meeting
            if time.monotonic() > deadline:
                raise TimeoutError(_absent(meeting, timeout_s))
            time.sleep(PAUSE_SECONDS)
    finally:
        meeting.stop_listening()
        if not met:
            meeting.close()


def _absent(meeting: Meeting, timeout_s: float) -> str:
    cluster = meeting.cluster
    reasons = [
        f"{address}: {meeting.failures.get(index, 'no answer')}"
        if index not in meeting.called
        else f"{address}: answers, but did not reach this worker at {cluster.address}"
        for index, address in cluster.others.items()
        if index not in meeting.called or index not in meeting.callers
    ]
    return (
        f"Not all workers met within {timeout_s:g} s. Expected: the {len(cluster.workers)} workers of TF_CONFIG. "
        f"Received, at worker {cluster.index}: {'; '.join(reasons)}. Start the same command on all machines, check "
        "names, ports and firewalls, end remaining processes of an earlier training, or wait longer with "
        "--worker-timeout."
    )


def _listener(port: int) -> socket.socket:
    if socket.has_dualstack_ipv6():
        with contextlib.suppress(OSError):  # compiled in, but disabled
            return socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    return socket.create_server(("", port))


def _send(connection: socket.socket, greeting: Mapping) -> None:
    # A machine that lost power sends nothing: keep-alive probes detect this within half a minute.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, seconds in (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), seconds)
    connection.settimeout(CALL_SECONDS)
    connection.sendall(json.dumps(greeting).encode() + b"\n")


def _receive(connection: socket.socket) -> dict:
    connection.settimeout(CALL_SECONDS)
    received = b""
    while not received.endswith(b"\n"):
        part = connection.recv(65536)
        received += part
        if not part or len(received) > GREETING_BYTES:
            raise ValueError
    return json.loads(received)


def _is_closed(connection: socket.socket) -> bool:
    try:
        connection.settimeout(0.0)
        return connection.recv(1, socket.MSG_PEEK) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True
