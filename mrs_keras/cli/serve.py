"""The command `mrs-keras serve`."""

import gc
import signal
import threading
from pathlib import Path

from mrs_keras.cli.options import add_command

DOCKER_COMMAND = r"""docker run --rm --init -p 127.0.0.1:8500:8500 -p 127.0.0.1:8501:8501 \
  -v "$PWD/saved_models:/models:ro" -v "$PWD/deploy:/config:ro" \
  tensorflow/serving:2.20.0 \
  --model_config_file=/config/models.config \
  --enable_batching=true --batching_parameters_file=/config/batching.config \
  --monitoring_config_file=/config/monitoring.config"""
"""How to serve the exports with TF-Serving itself, from the repository, whose folder `deploy` has the configuration.
Only this machine reaches the ports."""

EPILOG = f"""\
Clients of TF-Serving work unchanged. A version that `mrs-keras export --version 2` adds to the folder is loaded
while the server runs. The server has no authentication or encryption: keep it on 127.0.0.1, or behind a proxy.

For more requests than one machine can handle, use TF-Serving itself with the same folder, here from the repository:

{DOCKER_COMMAND}"""


def add_serve_command(commands) -> None:
    """Adds `serve` to the sub-parsers of `mrs-keras`."""
    text = "serve exported models over the gRPC and REST APIs of TF-Serving, without Docker"
    serve = add_command(commands, "serve", _serve, text, EPILOG)
    serve.add_argument(
        "--saved-models",
        type=Path,
        metavar="DIR",
        help="folder of exported SavedModels; by default saved_models if it exists, else the pretrained models",
    )
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on; 0.0.0.0 for all interfaces")
    serve.add_argument("--grpc-port", type=int, default=8500, help="0 chooses a free port")
    serve.add_argument("--rest-port", type=int, default=8501, help="0 chooses a free port")
    serve.add_argument("--max-batch-size", type=int, default=1024, help="largest number of rows in a batch")
    serve.add_argument(
        "--batch-timeout-ms", type=float, default=0.0, help="how long a batch waits for more rows, even when idle"
    )
    serve.add_argument("--poll", type=float, default=1.0, metavar="SECONDS", help="polling interval for new versions")
    serve.add_argument("--max-message-mb", type=int, default=64, help="size of the largest request")


def _serve(options) -> None:
    from mrs_keras.pretrained import default_saved_models
    from mrs_keras.serving.server import ModelServer

    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with ModelServer(
            options.saved_models or default_saved_models(),
            host=options.host,
            grpc_port=options.grpc_port,
            rest_port=options.rest_port,
            max_batch_size=options.max_batch_size,
            batch_timeout_ms=options.batch_timeout_ms,
            poll_s=options.poll,
            max_message_mb=options.max_message_mb,
        ) as server:
            # TensorFlow's objects are permanent: scanning them all takes the garbage collector 0.2 s in mid-request.
            gc.collect()
            gc.freeze()
            print(f"gRPC: {server.grpc_url}\nREST: {server.rest_url}\nCtrl-C stops the server.", flush=True)
            stop.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
