"""The files of deploy/, against TF-Serving's own messages and against each other. No TF-Serving runs here."""

import http.server
import json
import re
import shlex
import subprocess
import threading

import numpy as np
import pytest
import tensorflow as tf
import yaml
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format, wrappers_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.config import model_server_config_pb2

from mrs_keras.cli.serve import DOCKER_COMMAND
from tests.conftest import REPOSITORY

DEPLOY = REPOSITORY / "deploy"
CONFIGS = ("models.config", "batching.config", "monitoring.config")

# The names of all flags in tensorflow_serving/model_servers/main.cc of TF-Serving 2.20.0.
KNOWN_FLAGS = set(
    re.findall(
        r"\w+",
        """
        port grpc_socket_path rest_api_port rest_api_num_threads rest_api_timeout_in_ms rest_api_enable_cors_support
        enable_batching allow_version_labels_for_unavailable_models batching_parameters_file
        enable_per_model_batching_parameters model_config_file model_config_file_poll_wait_seconds model_name
        model_base_path num_load_threads num_unload_threads max_num_load_retries load_retry_interval_micros
        file_system_poll_wait_seconds flush_filesystem_caches tensorflow_session_parallelism
        tensorflow_session_config_file tensorflow_intra_op_parallelism tensorflow_inter_op_parallelism
        use_alts_credentials ssl_config_file platform_config_file per_process_gpu_memory_fraction saved_model_tags
        grpc_channel_arguments grpc_max_threads enable_model_warmup num_request_iterations_for_warmup version
        monitoring_config_file remove_unused_fields_from_bundle_metagraph prefer_tflite_model num_tflite_pools
        num_tflite_interpreters_per_pool enable_signature_method_name_check xla_cpu_compilation_enabled
        xla_gpu_compilation_enabled enable_profiler thread_pool_factory_config_file mixed_precision skip_initialize_tpu
        enable_grpc_healthcheck_service enable_serialization_as_tensor_content
        """,
    )
)


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def messages():
    """Classes of the messages that the wheel of TF-Serving's API lacks, built from the fields of their .proto files."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="deploy_test.proto",
        package="deploy_test",
        syntax="proto3",
        dependency=["google/protobuf/wrappers.proto"],
    )
    fields = {
        "BatchingParameters": [
            ("max_batch_size", 1, "google.protobuf.Int64Value"),
            ("batch_timeout_micros", 2, "google.protobuf.Int64Value"),
            ("max_enqueued_batches", 3, "google.protobuf.Int64Value"),
            ("num_batch_threads", 4, "google.protobuf.Int64Value"),
            ("thread_pool_name", 5, "google.protobuf.StringValue"),
            ("allowed_batch_sizes", 6, field.TYPE_INT64),
            ("pad_variable_length_inputs", 7, field.TYPE_BOOL),
            ("enable_large_batch_splitting", 8, "google.protobuf.BoolValue"),
            ("max_execution_batch_size", 9, "google.protobuf.Int64Value"),
        ],
        "PrometheusConfig": [("enable", 1, field.TYPE_BOOL), ("path", 2, field.TYPE_STRING)],
        "MonitoringConfig": [("prometheus_config", 1, "deploy_test.PrometheusConfig")],
    }
    for message, its_fields in fields.items():
        added = file.message_type.add(name=message)
        for name, number, kind in its_fields:
            label = field.LABEL_REPEATED if name == "allowed_batch_sizes" else field.LABEL_OPTIONAL
            types = {"type": field.TYPE_MESSAGE, "type_name": f".{kind}"} if isinstance(kind, str) else {"type": kind}
            added.field.add(name=name, number=number, label=label, **types)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(wrappers_pb2.DESCRIPTOR.serialized_pb)
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"deploy_test.{name}")) for name in fields}


@pytest.fixture(scope="module")
def batching(messages):
    return text_format.Parse(text("batching.config"), messages["BatchingParameters"]())


@pytest.fixture(scope="module")
def monitoring(messages):
    return text_format.Parse(text("monitoring.config"), messages["MonitoringConfig"]())


@pytest.fixture(scope="module")
def compose():
    return yaml.safe_load(text("docker-compose.yml"))


@pytest.fixture(scope="module")
def kubernetes():
    """Kind -> object."""
    objects = list(yaml.safe_load_all(text("kubernetes.yaml")))
    kinds = {one["kind"]: one for one in objects}
    assert len(kinds) == len(objects)
    return kinds


@pytest.fixture(scope="module")
def pod(kubernetes):
    return kubernetes["Deployment"]["spec"]["template"]["spec"]


@pytest.fixture(scope="module")
def docker_command():
    """The words of the one `docker run` of the README, which `mrs-keras serve --help` prints."""
    (command,) = re.findall(r"^docker run (?:.*\\\n)*.*", text("README.md"), re.MULTILINE)
    assert command == DOCKER_COMMAND
    return shlex.split(command.replace("\\\n", " "))


def flags(words: list[str]) -> dict[str, str]:
    """Returns name -> value of the words that are flags of TF-Serving."""
    return dict(word.removeprefix("--").split("=", 1) for word in words if re.match(r"--\w+=", word))


# === The three configs ===


def test_the_model_config_names_exactly_the_models_of_saved_models_and_their_folders():
    config = text_format.Parse(text("models.config"), model_server_config_pb2.ModelServerConfig())
    models = {model.name: model for model in config.model_config_list.config}
    versions = (REPOSITORY / "saved_models").glob("*/[0-9]*/saved_model.pb")
    assert set(models) == {path.parents[1].name for path in versions}
    for name, model in models.items():
        assert (model.base_path, model.model_platform) == (f"/models/{name}", "tensorflow")
        assert model.model_version_policy.latest.num_versions == 2


def test_a_config_with_an_unknown_field_or_another_type_does_not_parse(messages):
    """Else the two tests that follow would say nothing."""
    for wrong in ("max_batch_sizes { value: 1 }", "max_batch_size: 1024", 'max_batch_size { value: "1024" }'):
        with pytest.raises(text_format.ParseError):
            text_format.Parse(wrong, messages["BatchingParameters"]())


def test_the_batching_config_keeps_the_rules_of_tf_serving(batching):
    assert batching.max_batch_size.value == 1024
    for name in ("batch_timeout_micros", "max_enqueued_batches", "num_batch_threads"):
        assert getattr(batching, name).value > 0, name
    # TF-Serving refuses to start where the last of them is another than the largest batch.
    assert not batching.allowed_batch_sizes or batching.allowed_batch_sizes[-1] == batching.max_batch_size.value


def test_a_request_and_an_answer_of_the_largest_batch_fit_into_the_message_a_grpc_client_takes_by_default(
    batching, measured
):
    rows = batching.max_batch_size.value
    sizes = {}
    for name, shapes in {"encode": [(252, 2), (2,)], "generate": [(252, 2), (16,)]}.items():
        message = predict_pb2.PredictRequest()
        for k, shape in enumerate(shapes):
            value = tf.make_tensor_proto(np.zeros((rows, *shape), np.float32))
            # TF-Serving answers with one field per number, not with one of bytes.
            value.float_val.extend(np.zeros(rows * int(np.prod(shape))))
            value.tensor_content = b""
            message.inputs[str(k)].CopyFrom(value)
        sizes[name] = message.ByteSize()
    measured(f"messages of {rows} rows: encode {sizes['encode']} bytes, generate {sizes['generate']} bytes")
    assert max(sizes.values()) < 4 * 2**20


def test_prometheus_scrapes_the_path_and_port_that_the_server_offers(monitoring, compose, kubernetes):
    path = monitoring.prometheus_config.path
    assert monitoring.prometheus_config.enable
    (job,) = yaml.safe_load(text("prometheus.yml"))["scrape_configs"]
    assert job["metrics_path"] == path
    assert job["static_configs"] == [{"targets": ["serving:8501"]}]
    assert "serving" in compose["services"]
    annotations = kubernetes["Deployment"]["spec"]["template"]["metadata"]["annotations"]
    assert annotations["prometheus.io/path"] == path
    assert annotations["prometheus.io/port"] == "8501"


# === Compose, Kubernetes and the README's command ===


def test_the_config_map_holds_the_config_files_as_they_are(kubernetes):
    assert kubernetes["ConfigMap"]["data"] == {name: text(name) for name in CONFIGS}


def test_every_way_to_start_has_the_same_flags_and_all_are_flags_of_tf_serving(compose, pod, docker_command):
    served = flags(compose["services"]["serving"]["command"])
    assert len(served) == len(compose["services"]["serving"]["command"])
    assert flags(pod["containers"][0]["args"]) == served
    assert set(served) <= KNOWN_FLAGS
    # The README's one command leaves out what is for operation alone.
    short = flags(docker_command)
    assert short.items() <= served.items()
    assert {"model_config_file", "enable_batching", "batching_parameters_file", "monitoring_config_file"} == set(short)


def test_every_config_file_that_a_flag_names_is_mounted(compose, pod, docker_command):
    serving = compose["services"]["serving"]
    named = [value for value in flags(serving["command"]).values() if value.startswith("/")]
    assert sorted(named) == sorted(f"/config/{name}" for name in CONFIGS)
    assert serving["volumes"] == ["../saved_models:/models:ro", ".:/config:ro"]
    assert [word for word in docker_command if word.endswith(":ro")] == [
        "$PWD/saved_models:/models:ro",
        "$PWD/deploy:/config:ro",
    ]
    mounts = {mount["mountPath"]: mount for mount in pod["containers"][0]["volumeMounts"]}
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    assert mounts["/models"]["readOnly"]
    assert volumes[mounts["/models"]["name"]]["persistentVolumeClaim"]["claimName"] == "mrs-keras-models"
    assert volumes[mounts["/config"]["name"]]["configMap"]["name"] == "mrs-keras-serving"


def test_image_ports_and_cpus_are_the_same_everywhere(compose, kubernetes, pod, docker_command, batching):
    serving, container = compose["services"]["serving"], pod["containers"][0]
    images = re.findall(r"tensorflow/serving:[\w.-]+", "".join(path.read_text() for path in DEPLOY.iterdir()))
    assert set(images) == {serving["image"]} == {container["image"]} == {"tensorflow/serving:2.20.0"}
    assert serving["image"] in docker_command
    assert [port.rsplit(":", 2)[-2:] for port in serving["ports"]] == [["8500", "8500"], ["8501", "8501"]]
    assert [port["containerPort"] for port in container["ports"]] == [8500, 8501]
    assert [port["port"] for port in kubernetes["Service"]["spec"]["ports"]] == [8500, 8501]
    cpus = serving["deploy"]["resources"]["limits"]["cpus"]
    assert cpus == container["resources"]["limits"]["cpu"] == str(batching.num_batch_threads.value)
    assert cpus == flags(serving["command"])["tensorflow_session_parallelism"]


def test_all_objects_of_kubernetes_select_the_pods_of_the_deployment(kubernetes):
    deployment = kubernetes["Deployment"]["spec"]
    labels = deployment["template"]["metadata"]["labels"]
    assert deployment["selector"]["matchLabels"] == labels == kubernetes["Service"]["spec"]["selector"]
    assert kubernetes["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels
    target = kubernetes["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", kubernetes["Deployment"]["metadata"]["name"])
    assert kubernetes["HorizontalPodAutoscaler"]["spec"]["minReplicas"] == deployment["replicas"]


def test_a_pod_outlives_every_grpc_connection_to_it(pod):
    ages = re.findall(r"grpc\.max_connection_age(?:_grace)?_ms=(\d+)", " ".join(pod["containers"][0]["args"]))
    age_s, grace_s = (int(age) / 1000 for age in ages)
    seconds = float(pod["containers"][0]["lifecycle"]["preStop"]["exec"]["command"][1])
    # gRPC spreads the age by a tenth to either side.
    assert 1.1 * age_s + grace_s < seconds < pod["terminationGracePeriodSeconds"]


@pytest.mark.parametrize("where", ["compose", "kubernetes"])
@pytest.mark.parametrize(
    ("states", "healthy"),
    [
        ({"encoder": "AVAILABLE", "generator": "AVAILABLE"}, True),
        ({"encoder": "AVAILABLE", "generator": "LOADING"}, False),
        ({"encoder": "END", "generator": "AVAILABLE"}, False),
        (None, False),
    ],
    ids=["both available", "generator loading", "encoder gone", "no server"],
)
def test_the_health_check_passes_only_where_both_models_are_available(compose, pod, where, states, healthy):
    """Against a server that answers as TF-Serving's REST API does."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            state = states[self.path.removeprefix("/v1/models/")]
            self.send_response(200)
            self.end_headers()
            status = {"version": "1", "state": state, "status": {"error_code": "OK", "error_message": ""}}
            self.wfile.write(json.dumps({"model_version_status": [status]}, indent=1).encode())

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever)
        if states:
            thread.start()
        else:
            server.server_close()
        if where == "compose":
            first, *command = compose["services"]["serving"]["healthcheck"]["test"]
            assert first == "CMD"
            # Compose takes two dollar signs for one.
            command = [word.replace("$$", "$") for word in command]
        else:
            command = pod["containers"][0]["readinessProbe"]["exec"]["command"]
        command = [word.replace("/8501", f"/{port}") for word in command]
        done = subprocess.run(command, capture_output=True, timeout=30)
        if states:
            server.shutdown()
            thread.join()
    assert (done.returncode == 0) == healthy, done.stderr


def test_every_file_that_the_readme_names_exists():
    prose = re.sub(r"```.*?```", "", text("README.md"), flags=re.DOTALL)
    for target in re.findall(r"\]\(([^)#]+)\)", prose):
        assert target.startswith("http") or (DEPLOY / target).exists(), target
