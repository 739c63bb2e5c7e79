"""A loaded model version: graph and weights in a session, as in TensorFlow's C++ loader (cc/saved_model)."""

import threading
from pathlib import Path

import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import config_pb2, meta_graph_pb2, saved_model_pb2

from mrs_keras.serving.server.batching import BatchQueue
from mrs_keras.serving.server.rules import plan
from mrs_keras.serving.server.status import Code, ServingError

_INIT_OP = "__saved_model_init_op"


class LoadedModel:
    """A SavedModel in its own session.

    `tf.saved_model.load` is more lenient than the session that TF-Serving uses: it restores weights by the object
    structure rather than the graph, and it casts inputs.

    Args:
      path: folder of the version.
      **batching: arguments of `BatchQueue`.

    Raises:
      ServingError: NOT_FOUND or DATA_LOSS if it is not a SavedModel for serving.
      tf.errors.OpError: if the graph or the weights cannot be loaded.
    """

    def __init__(self, path: Path, **batching):
        meta_graph = _read_meta_graph(path)
        self.signatures = dict(meta_graph.signature_def)
        self._batching = batching
        self._queues, self._lock = {}, threading.Lock()
        self._users, self._retired, self._closed = 0, False, False
        graph = tf.Graph()
        with graph.as_default():
            tf.graph_util.import_graph_def(meta_graph.graph_def, name="")
        graph.finalize()
        # Other programs may share the GPU: allocate its memory on demand.
        options = config_pb2.ConfigProto(gpu_options=config_pb2.GPUOptions(allow_growth=True))
        self._session = tf.compat.v1.Session(graph=graph, config=options)
        try:
            _restore(self._session, meta_graph, path)
        except BaseException:
            self._session.close()
            raise

    def predict(self, signature_name: str, inputs: dict, output_filter=(), batched: bool = True) -> dict:
        """Returns output name -> array for inputs given as TensorProtos or arrays.

        Args:
          signature_name: as in the request.
          inputs: name -> tensor.
          output_filter: outputs to return. Defaults to `()`: all.
          batched: whether to batch it with other requests. Defaults to `True`.

        Raises:
          ServingError: if the request is invalid.
          tf.errors.OpError: if the session raises it.
        """
        run = plan(self.signatures, signature_name, inputs, output_filter)
        queue, callable_ = self._queue(run.feeds, run.fetches)
        return dict(zip(run.outputs, queue(run.values) if batched else callable_(*run.values), strict=True))

    def _queue(self, feeds, fetches):
        """Returns the cached queue and function for these tensor names."""
        key = feeds, fetches
        if key not in self._queues:
            with self._lock:
                if key not in self._queues:
                    options = config_pb2.CallableOptions(feed=feeds, fetch=fetches)
                    # `make_callable` checks the static shapes of feeds and casts them; the C++ session does neither.
                    callable_ = self._session._make_callable_from_options(options)
                    queue = BatchQueue(lambda values: callable_(*values), names=feeds, **self._batching)
                    self._queues[key] = queue, callable_
        return self._queues[key]

    def acquire(self) -> None:
        """Keeps the session open until `release`."""
        with self._lock:
            self._users += 1

    def release(self) -> None:
        """Undoes one `acquire`."""
        with self._lock:
            self._users -= 1
        self._close_if_unused()

    def retire(self) -> None:
        """Closes the session after the last pending request. It must not be acquired again."""
        self._retired = True
        self._close_if_unused()

    def _close_if_unused(self):
        with self._lock:
            if not self._retired or self._users or self._closed:
                return
            self._closed = True
            self._queues.clear()
        self._session.close()


def _read_meta_graph(path: Path) -> meta_graph_pb2.MetaGraphDef:
    """Returns the meta graph with the tag `serve`."""
    file = path / "saved_model.pb"
    try:
        saved = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    except OSError as error:
        message = f"Could not find SavedModel .pb or .pbtxt at supplied export directory path: {path}"
        raise ServingError(Code.NOT_FOUND, message) from error
    except DecodeError as error:
        raise ServingError(Code.DATA_LOSS, f"Can't parse {file} as binary proto") from error
    for meta_graph in saved.meta_graphs:
        if set(meta_graph.meta_info_def.tags) == {"serve"}:
            return meta_graph
    raise ServingError(
        Code.NOT_FOUND, f"Could not find meta graph def matching supplied tags: {{ serve }}. Path: {path}"
    )


def _restore(session, meta_graph, path: Path) -> None:
    """Loads the weights, then runs the init op of the graph."""
    files = {asset.tensor_info.name: path / "assets" / asset.filename for asset in meta_graph.asset_file_def}
    assets = {name: np.array(str(file)) for name, file in files.items()}
    saver, variables = meta_graph.saver_def, path / "variables" / "variables"
    # Models without variables have no such file.
    if saver.restore_op_name and variables.with_suffix(".index").exists():
        session.run(saver.restore_op_name, {saver.filename_tensor_name: str(variables), **assets})
    if _INIT_OP in meta_graph.signature_def:
        session.run(meta_graph.signature_def[_INIT_OP].outputs[_INIT_OP].name, assets)
