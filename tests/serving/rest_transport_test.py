"""What the client sends over REST, and what it reads from answers, with a server that keeps and gives bare text."""

import http.server
import json
import threading

import numpy as np
import pytest

from mrs_keras.serving.client import Client, ServingError

FLOAT, INT64 = {"dtype": "DT_FLOAT"}, {"dtype": "DT_INT64"}
SIGNATURE = {"inputs": {"x": FLOAT, "n": INT64}, "outputs": {"y": FLOAT, "m": INT64}}
METADATA = {"metadata": {"signature_def": {"signature_def": {"run": SIGNATURE}}}}


@pytest.fixture
def exchange():
    """Returns what the client sent, as text, and the outputs that it made of this text."""

    def run(inputs, answer: str):
        sent = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def reply(self, text):
                self.send_response(200)
                self.send_header("Content-Length", str(len(text.encode())))
                self.end_headers()
                self.wfile.write(text.encode())

            def do_GET(self):
                self.reply(json.dumps(METADATA))

            def do_POST(self):
                sent.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
                self.reply(answer)

            def log_message(self, *_):
                pass

        with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
            thread.start()
            try:
                with Client(f"http://127.0.0.1:{server.server_port}", retry_for_s=0) as client:
                    outputs = client.predict("model", "run", inputs)
            finally:
                server.shutdown()
                thread.join()
        return sent[0], outputs

    return run


def test_float32_are_sent_in_their_shortest_form_and_integers_exactly(exchange):
    inputs = {"x": np.float32([[0.1, 2]]), "n": np.array([2**53 + 1])}
    sent, _ = exchange(inputs, '{"outputs": {"y": [0], "m": [0]}}')
    assert sent == '{"signature_name":"run","inputs":{"x":[[0.1,2.0]],"n":[9007199254740993]}}'


def test_nan_and_infinity_are_sent_by_name_for_the_model_to_refuse(exchange):
    sent, _ = exchange({"x": np.float32([np.nan, -np.inf, 1])}, '{"outputs": {"y": [0], "m": [0]}}')
    assert sent == '{"signature_name":"run","inputs":{"x":[NaN,-Infinity,1.0]}}'


def test_answers_are_read_without_loss_and_with_nan_and_infinity(exchange):
    _, outputs = exchange({"x": [1.0]}, '{"outputs": {"y": [NaN, -Infinity, 0.1], "m": [9007199254740993]}}')
    np.testing.assert_array_equal(outputs["y"], np.float32([np.nan, -np.inf, 0.1]))
    np.testing.assert_array_equal(outputs["m"], [2**53 + 1])
    assert (outputs["y"].dtype, outputs["m"].dtype) == (np.float32, np.int64)


@pytest.mark.parametrize("answer", ['{"outputs": {"y": [1', "[]", ""])
def test_an_answer_that_is_no_json_object_is_an_internal_error(exchange, answer):
    with pytest.raises(ServingError) as caught:
        exchange({"x": [1.0]}, answer)
    assert caught.value.code == "INTERNAL"
