"""The REST API: paths, and JSON requests and responses (http_rest_api_handler.cc, http_rest_api_util.cc)."""

import re
import urllib.parse

from google.protobuf.json_format import MessageToJson
from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from mrs_keras.serving.server import answers, json_requests, json_tensors
from mrs_keras.serving.server.rules import DEFAULT_SIGNATURE
from mrs_keras.serving.server.status import invalid
from mrs_keras.serving.server.versions import ServedModels

_VERSION = r"(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICT = re.compile(rf"/v1/models/(?P<name>[^/:]+){_VERSION}:(?P<method>classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(rf"/v1/models(?:/(?P<name>[^/:]+))?{_VERSION}(?:/(?P<part>metadata))?", re.IGNORECASE)
_LARGEST_VERSION = (1 << 63) - 1
_PRINTED = {"always_print_fields_with_no_presence": True}


def answer(models: ServedModels, method: str, path: str, body: bytes) -> bytes:
    """Returns the JSON response to a request.

    Args:
      models: served models.
      method: HTTP method.
      path: path without the query.
      body: body of the request.

    Raises:
      ServingError: if the request is invalid.
      tf.errors.OpError: if the session raises it.
    """
    pattern = {"POST": _PREDICT, "GET": _STATUS}.get(method)
    match = pattern and pattern.fullmatch(path)
    if not match:
        raise invalid(f"Malformed request: {method} {path}")
    spec = _model_spec(match)
    if method == "POST":
        if match["method"] != "predict":
            raise invalid(f"Malformed request: {method} {path}. This server supports only ':predict'.")
        return _predict(models, spec, body)
    if not spec.name:
        raise invalid("Missing model name in request.")
    if match["part"]:
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=spec, metadata_field=[answers.SIGNATURE_DEF]
        )
        return _metadata_json(answers.metadata(models, request))
    request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
    return MessageToJson(answers.status(models, request), **_PRINTED).encode()


def _model_spec(match: re.Match) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=urllib.parse.unquote(match["name"] or ""))
    if match["version"]:
        if int(match["version"]) > _LARGEST_VERSION:
            raise invalid(f"Failed to convert version: {match['version']} to numeric.")
        spec.version.value = int(match["version"])
    elif match["label"]:
        spec.version_label = urllib.parse.unquote(match["label"])
    return spec


def _predict(models, spec, body) -> bytes:
    document = json_requests.parse(body)
    spec.signature_name = json_requests.read_signature_name(document)
    name = spec.signature_name or DEFAULT_SIGNATURE
    with models.use(spec.name, answers.requested_version(spec)) as (_, model):
        if name not in model.signatures:
            raise invalid(f'Serving signature name: "{name}" not found in signature def')
        infos = dict(model.signatures[name].inputs)
    if not infos:
        raise invalid(f"Failed to get input map for signature: {spec.signature_name or 'DEFAULT'}")
    inputs, in_rows = json_requests.read_inputs(document, infos, strict=b"true" in body or b"false" in body)
    return json_tensors.write_answer(answers.predict(models, spec, inputs)[1], in_rows)


def _metadata_json(response) -> bytes:
    signatures = get_model_metadata_pb2.SignatureDefMap()
    response.metadata[answers.SIGNATURE_DEF].Unpack(signatures)
    spec, signatures = (
        MessageToJson(message, preserving_proto_field_name=True, **_PRINTED)
        for message in (response.model_spec, signatures)
    )
    return f'{{\n"model_spec": {spec},\n"metadata": {{"signature_def": {signatures}}}\n}}\n'.encode()
