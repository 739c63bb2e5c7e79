"""New versions while the server runs, what becomes of broken ones, and warm-up."""

import contextlib
import shutil
import threading
import time

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from mrs_keras.models import CVAE
from mrs_keras.serving import export
from mrs_keras.serving.client import Client
from mrs_keras.serving.server import ModelServer
from mrs_keras.serving.server.model import LoadedModel
from mrs_keras.serving.server.status import ServingError
from mrs_keras.serving.server.warm_up import warm_up
from mrs_keras.serving.warm_up import WARM_UP
from tests.serving.calls import SAVED_MODELS, Calls, rows_for

AVAILABLE, END = 30, 50
BATCHING = {"max_batch_size": 1024, "timeout_s": 0.0, "max_batches": 10}
INPUTS = {"z": rows_for("z", 4), "concentrations": rows_for("concentrations", 4)}


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Version 2: an untrained model of wider ranges, fresh from `export`."""
    folder = tmp_path_factory.mktemp("second")
    settings = CVAE.from_preset("base").get_config()
    export(
        CVAE(**settings | {"labels": {**settings["labels"], "ranges": [[5.0, 25.0], [1.0, 9.0]]}}), folder, version=2
    )
    return folder


@contextlib.contextmanager
def serving(folder):
    """A server of version 1 of the generator, whose folder `generator` the test may change."""
    shutil.copytree(SAVED_MODELS / "generator" / "1", folder / "generator" / "1")
    with ModelServer(folder, grpc_port=0, rest_port=0, poll_s=0.05) as server:
        calls = Calls(server)
        yield folder / "generator", calls
        calls.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """Shared by tests that add versions and leave the newest one available."""
    with serving(tmp_path_factory.mktemp("saved_models")) as folder_and_calls:
        yield folder_and_calls


def wait_for(condition, seconds=60):
    ends = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < ends
        time.sleep(0.02)


def state(calls, version):
    entry = calls.status("generator").get(version)
    return entry and entry.state


def decode(folder):
    return tf.saved_model.load(str(folder)).signatures["decode"](**INPUTS)["spectrum"].numpy()


@pytest.mark.slow
def test_a_new_version_takes_over_while_requests_run_and_none_fails(tmp_path, second):
    with serving(tmp_path) as (folder, calls):
        take_over(folder, calls, second)


def take_over(folder, calls, second):
    expected = {1: decode(folder / "1"), 2: decode(second / "generator" / "2")}
    assert np.abs(expected[1] - expected[2]).max() > 1
    answered, errors, stop = {1: 0, 2: 0}, [], threading.Event()
    body = {"signature_name": "decode", "inputs": {name: value.tolist() for name, value in INPUTS.items()}}

    def work(rest):
        while not stop.is_set():
            try:
                if rest:
                    status, answer = calls.rest("POST", "/v1/models/generator:predict", body)
                    assert status == 200, answer
                    spectrum = np.array(answer["outputs"])
                else:
                    spectrum = calls.predict("generator", "decode", INPUTS)["spectrum"]
                distances = {key: np.abs(spectrum - value).max() for key, value in expected.items()}
                version = min(distances, key=distances.get)
                assert distances[version] < 1e-6 * np.abs(expected[version]).max()
                answered[version] += 1
            except Exception as error:
                errors.append(error)
                return

    threads = [threading.Thread(target=work, args=(rest,)) for rest in (False, False, True)]
    for thread in threads:
        thread.start()
    wait_for(lambda: answered[1] > 10 or errors)
    # As `export` does it: under another name, until it is complete.
    shutil.copytree(second / "generator" / "2", folder / ".partial-2")
    (folder / ".partial-2").rename(folder / "2")
    wait_for(lambda: answered[2] > 10 or errors)
    # Who pinned the old version goes on, until a third one comes.
    np.testing.assert_allclose(
        calls.predict("generator", "decode", INPUTS, version=1)["spectrum"], expected[1], atol=1e-3
    )
    shutil.copytree(folder / "2", folder / ".partial-3")
    (folder / ".partial-3").rename(folder / "3")
    wait_for(lambda: state(calls, 1) == END or errors)
    states = [(version, entry.state) for version, entry in calls.status("generator").items()]
    assert states == [(3, AVAILABLE), (2, AVAILABLE), (1, END)]
    with pytest.raises(grpc.RpcError) as error:
        calls.predict("generator", "decode", INPUTS, version=1)
    assert error.value.code() == grpc.StatusCode.NOT_FOUND
    # And back: who takes the new ones away has the old one again.
    for version in ("2", "3"):
        (folder / version).rename(folder / f".partial-{version}")
    before = answered[1]
    wait_for(lambda: (state(calls, 1) == AVAILABLE and answered[1] > before) or errors)
    stop.set()
    for thread in threads:
        thread.join()
    assert not errors


@pytest.mark.parametrize("api", ["grpc_url", "rest_url"])
def test_a_client_that_was_there_before_a_version_takes_what_that_version_takes(tmp_path, second, api):
    shutil.copytree(SAVED_MODELS / "generator" / "1", tmp_path / "generator" / "1")
    with (
        ModelServer(tmp_path, grpc_port=0, rest_port=0, poll_s=0.05) as server,
        Client(getattr(server, api)) as client,
        Client(getattr(server, api), version=1) as pinned,
    ):
        for one in (client, pinned):
            assert one.generate([[12.0, 4.5]], 0)["spectrum"].shape == (1, 252, 2)
            with pytest.raises(ValueError, match="NAA 7.5 to 17 mM"):
                one.generate([[20.0, 4.5]], 0)
        shutil.copytree(second / "generator" / "2", tmp_path / "generator" / ".partial-2")
        (tmp_path / "generator" / ".partial-2").rename(tmp_path / "generator" / "2")
        wait_for(lambda: client._newest_version("generator") == 2)
        assert client.generate([[20.0, 4.5]], 0)["spectrum"].shape == (1, 252, 2)
        with pytest.raises(ValueError, match="NAA 5 to 25 mM"):
            client.generate([[26.0, 4.5]], 0)
        with pytest.raises(ValueError, match="NAA 7.5 to 17 mM"):
            pinned.generate([[20.0, 4.5]], 0)


def test_a_server_that_was_stopped_starts_again_and_looks_for_versions_again(tmp_path):
    shutil.copytree(SAVED_MODELS / "encoder" / "1", tmp_path / "encoder" / "1")
    server = ModelServer(tmp_path, grpc_port=0, rest_port=0, poll_s=0.05)
    for version in (2, 3):
        with server, Client(server.grpc_url) as client:
            shutil.copytree(tmp_path / "encoder" / "1", tmp_path / "encoder" / ".partial")
            (tmp_path / "encoder" / ".partial").rename(tmp_path / "encoder" / str(version))
            wait_for(lambda client=client, version=version: client._newest_version("encoder") == version)


def wrong_warm_up(path):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.model_spec.signature_name = "nope"
    with tf.io.TFRecordWriter(str(path / WARM_UP)) as writer:
        writer.write(log.SerializeToString())


@pytest.mark.parametrize(
    ("breaking", "code", "message"),
    [
        (lambda path: (path / "saved_model.pb").write_bytes(b"half a graph"), 15, "Can't parse"),
        (lambda path: (path / "saved_model.pb").unlink(), 5, "Could not find SavedModel"),
        (lambda path: (path / "variables" / "variables.index").unlink(), 9, "Could not find variable"),
        (lambda path: (path / WARM_UP).write_bytes(b"no records, but long enough to be one"), 15, "TFRecord format"),
        (wrong_warm_up, 9, 'Serving signature key "nope" not found'),
    ],
)
def test_a_broken_version_leaves_the_old_one_serving_and_is_taken_once_it_is_mended(served, breaking, code, message):
    folder, calls = served
    old = max(version for version, entry in calls.status("generator").items() if entry.state == AVAILABLE)
    new, partial = folder / str(old + 1), folder / ".partial"
    shutil.copytree(folder / "1", partial)
    breaking(partial)
    partial.rename(new)
    wait_for(lambda: state(calls, old + 1) == END)
    status = calls.status("generator", old + 1)[old + 1].status
    assert (status.error_code, message in status.error_message) == (code, True), status
    calls.predict("generator", "decode", INPUTS)
    assert (calls.spec.version.value, state(calls, old)) == (old, AVAILABLE)
    shutil.copytree(folder / "1", new, dirs_exist_ok=True)
    wait_for(lambda: state(calls, old + 1) == AVAILABLE)


def test_folders_that_are_no_versions_are_left_alone(served):
    folder, calls = served
    for name in (".partial-9", "9-old", "nine", "-9", "٩"):
        shutil.copytree(folder / "1", folder / name)
    known = list(calls.status("generator"))
    time.sleep(0.3)
    assert list(calls.status("generator")) == known
    assert max(known) < 9


def test_the_warm_up_requests_of_an_export_are_run():
    path = SAVED_MODELS / "encoder" / "1"
    model = LoadedModel(path, **BATCHING)
    # 1 and 32 rows of each signature.
    assert warm_up(model, path) == 6
    model.retire()


def test_a_model_without_warm_up_requests_needs_none(tmp_path):
    model = LoadedModel(SAVED_MODELS / "encoder" / "1", **BATCHING)
    assert warm_up(model, tmp_path) == 0
    model.retire()


def test_a_warm_up_request_of_another_kind_is_refused(tmp_path):
    (tmp_path / WARM_UP).parent.mkdir()
    log = prediction_log_pb2.PredictionLog()
    log.classify_log.request.model_spec.name = "encoder"
    with tf.io.TFRecordWriter(str(tmp_path / WARM_UP)) as writer:
        writer.write(log.SerializeToString())
    model = LoadedModel(SAVED_MODELS / "encoder" / "1", **BATCHING)
    with pytest.raises(ServingError, match="Unsupported log_type for warmup: classify_log"):
        warm_up(model, tmp_path)
    model.retire()


def test_a_folder_without_exports_or_with_broken_ones_alone_is_no_server(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no export in .*mrs-keras export"):
        ModelServer(tmp_path, grpc_port=0, rest_port=0).start()
    shutil.copytree(SAVED_MODELS / "encoder" / "1", tmp_path / "encoder" / "1")
    (tmp_path / "encoder" / "1" / "saved_model.pb").write_bytes(b"half a graph")
    with pytest.raises(ValueError, match="The model 'encoder' .* version 1: Can't parse .*mrs-keras export"):
        ModelServer(tmp_path, grpc_port=0, rest_port=0).start()
