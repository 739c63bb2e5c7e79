"""Batching: requests are concatenated along their rows, run once, and split again (batching_session.cc)."""

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

import numpy as np

from mrs_keras.serving.server.rules import batch_rows
from mrs_keras.serving.server.status import Code, ServingError, invalid

Runner = Callable[[list[np.ndarray]], list[np.ndarray]]


class _Task:
    """One request in the queue. Another thread releases the lock `wake` once the task is done or must lead a batch."""

    def __init__(self, values, rows):
        self.values, self.rows = values, rows
        self.outputs = self.error = None
        self.done = False
        self.wake = threading.Lock()
        self.wake.acquire()


class _Batch:
    """Requests with at most `max_batch_size` rows in total."""

    def __init__(self):
        self.tasks, self.rows, self.opened = [], 0, time.monotonic()

    def add(self, task):
        self.tasks.append(task)
        self.rows += task.rows


class BatchQueue:
    """A queue of requests for the same outputs of a signature.

    It has no thread of its own: the first request of a batch runs the batch for all, then wakes the first request of
    the next. While one batch runs, the next one fills: under load, batches grow large without waiting.

    Args:
      run: function from inputs to outputs, for any number of rows.
      max_batch_size: maximum rows of a batch.
      timeout_s: how long a batch waits to fill up, s. With 0 it starts once no other batch is running.
      max_batches: maximum number of waiting batches; further requests are rejected.
      names: names of the inputs, for messages.
    """

    def __init__(self, run: Runner, max_batch_size: int, timeout_s: float, max_batches: int, names: Sequence[str]):
        self._names = names
        self._run, self._max_rows, self._timeout_s, self._max_batches = run, max_batch_size, timeout_s, max_batches
        self._batches: deque[_Batch] = deque()
        self._changed = threading.Condition()
        self._busy = False

    def __call__(self, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """Returns the outputs for the rows of this request.

        Raises:
          ServingError: INVALID_ARGUMENT if the inputs have no common first axis, or more rows than fit in a batch;
            UNAVAILABLE if the queue is full.
          tf.errors.OpError: if the batch fails; all its requests raise the same error.
        """
        rows = batch_rows(values)
        if rows > self._max_rows:
            raise invalid(f"Task size {rows} is larger than maximum input batch size {self._max_rows}")
        if not rows:
            # In a batch with others, the graph could not reject it, and TF-Serving returns empty outputs: run it alone.
            return self._run(list(values))
        task = _Task(values, rows)
        with self._changed:
            self._add(task)
            leads = not self._busy
            self._busy = True
        if not leads:
            task.wake.acquire()
        if not task.done:
            self._lead()
        if task.error is not None:
            raise task.error
        return task.outputs

    def _add(self, task):
        if not self._batches or self._batches[-1].rows + task.rows > self._max_rows:
            if len(self._batches) >= self._max_batches:
                raise ServingError(
                    Code.UNAVAILABLE, "The batch scheduling queue to which this task was submitted is full"
                )
            self._batches.append(_Batch())
        self._batches[-1].add(task)
        if self._timeout_s:
            self._changed.notify_all()

    def _lead(self):
        """Runs the first batch, which is the caller's, and wakes its requests and the leader of the next batch."""
        with self._changed:
            batch = self._batches[0]
            if self._timeout_s:
                left = batch.opened + self._timeout_s - time.monotonic()
                self._changed.wait_for(lambda: batch.rows >= self._max_rows or len(self._batches) > 1, max(left, 0.0))
            self._batches.popleft()
        outputs = error = None
        try:
            outputs = self._run(_joined(batch, self._names))
            _check_rows(outputs, batch.rows)
        except Exception as failure:
            # All requests of a batch share its error: it is unknown which of them caused it.
            error = failure
        with self._changed:
            follower = self._batches[0].tasks[0] if self._batches else None
            self._busy = follower is not None
        if follower is not None:
            follower.wake.release()
        start = 0
        for task in batch.tasks:
            task.error = error
            if error is None:
                task.outputs = [output[start : start + task.rows] for output in outputs]
            start += task.rows
            task.done = True
            task.wake.release()


def _joined(batch, names) -> list[np.ndarray]:
    """Returns the inputs of all requests, concatenated along the first axis."""
    first = batch.tasks[0].values
    if len(batch.tasks) == 1:
        return list(first)
    for task in batch.tasks[1:]:
        for name, value, reference in zip(names, task.values, first, strict=True):
            if value.shape[1:] != reference.shape[1:]:
                raise ServingError(
                    Code.FAILED_PRECONDITION,
                    f"Tensors with name '{name}' from different tasks have different shapes and padding is turned "
                    "off. Set pad_variable_length_inputs to true, or ensure that all tensors with the same name have "
                    "equal dimensions starting with the first dim.",
                )
    return [np.concatenate(values) for values in zip(*(task.values for task in batch.tasks), strict=True)]


def _check_rows(outputs, rows):
    for output in outputs:
        if output.ndim == 0:
            raise ServingError(Code.FAILED_PRECONDITION, "Batched output tensor has 0 dimensions")
        if len(output) != rows:
            raise ServingError(
                Code.FAILED_PRECONDITION,
                "Batched output tensor's 0th dimension does not equal the sum of the 0th dimension sizes of the input "
                "tensors",
            )
