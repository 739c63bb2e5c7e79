"""The command `mrs-keras explore`."""

import signal
import sys
import threading
from pathlib import Path

from mrs_keras.cli.options import add_command

EPILOG = """\
The page works without a network, and only this machine reaches it. The model is served by a process of its own, as
`mrs-keras serve` does; --url uses a server that runs already, such as TF-Serving. On a remote machine, give --port and
--no-browser, and forward the port: ssh -L 8600:127.0.0.1:8600 HOST."""


def add_explore_command(commands) -> None:
    """Adds `explore` to the sub-parsers of `mrs-keras`."""
    text = "open a page to see a model with: sliders, paths, fits, scans"
    explore = add_command(commands, "explore", _explore, text, EPILOG)
    model = explore.add_mutually_exclusive_group()
    model.add_argument("--run", dest="run_dir", type=Path, metavar="RUN", help="folder of a finished training")
    model.add_argument(
        "--saved-models",
        type=Path,
        metavar="DIR",
        help="folder of exported SavedModels; by default saved_models if it exists, else the pretrained models",
    )
    model.add_argument("--url", metavar="URL", help="REST API of a server that runs, such as http://localhost:8501")
    explore.add_argument("--port", type=int, default=0, help="port of the page; 0 chooses a free one")
    explore.add_argument("--no-browser", action="store_true", help="print the address, and open nothing")


def _explore(options) -> None:
    import webbrowser

    from mrs_keras.explore.explorer import Explorer
    from mrs_keras.explore.http_server import ExploreServer
    from mrs_keras.explore.model_source import OwnServer, RunningServer
    from mrs_keras.pretrained import default_saved_models

    if options.url is not None:
        source = RunningServer(options.url)
    elif options.run_dir is not None:
        source = OwnServer(run_dir=options.run_dir)
    else:
        source = OwnServer(saved_models=options.saved_models or default_saved_models())
    explorer = Explorer(source)
    server = ExploreServer(explorer, options.port)
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        explorer.start()
        print(f"Page: {server.url}\nExplores {source.words}. Ctrl-C stops it.", flush=True)
        if not options.no_browser and not webbrowser.open(server.url):
            print("No browser was found: open the address in one.", file=sys.stderr)
        while not stop.wait(0.2):
            if source.error is not None:
                raise ValueError(source.error)
    finally:
        server.shutdown()
        server.server_close()
        explorer.stop()
        for number, handler in previous.items():
            signal.signal(number, handler)
