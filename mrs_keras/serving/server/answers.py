"""Responses of the server, independent of the API: predictions, metadata and status."""

from collections.abc import Mapping

from tensorflow_serving.apis import get_model_metadata_pb2, get_model_status_pb2, model_pb2

from mrs_keras.serving.server.rules import DEFAULT_SIGNATURE
from mrs_keras.serving.server.status import invalid
from mrs_keras.serving.server.versions import ServedModels

SIGNATURE_DEF = "signature_def"


def requested_version(spec: model_pb2.ModelSpec) -> int | None:
    """Returns the requested version; `None` for the newest.

    Raises:
      ServingError: INVALID_ARGUMENT for a label: version labels are not supported.
    """
    choice = spec.WhichOneof("version_choice")
    if choice == "version_label":
        raise invalid(f"Unrecognized servable version label: {spec.version_label}")
    return spec.version.value if choice == "version" else None


def predict(
    models: ServedModels, spec: model_pb2.ModelSpec, inputs: Mapping, output_filter=()
) -> tuple[model_pb2.ModelSpec, dict]:
    """Returns the model spec that was run, and output name -> array.

    Args:
      models: served models.
      spec: requested model, version and signature.
      inputs: name -> TensorProto or array.
      output_filter: outputs to return. Defaults to `()`: all.

    Raises:
      ServingError: if the request is invalid.
      tf.errors.OpError: if the session raises it.
    """
    with models.use(spec.name, requested_version(spec)) as (version, model):
        outputs = model.predict(spec.signature_name, inputs, output_filter)
    ran = model_pb2.ModelSpec(name=spec.name, signature_name=spec.signature_name or DEFAULT_SIGNATURE)
    ran.version.value = version
    return ran, outputs


def metadata(
    models: ServedModels, request: get_model_metadata_pb2.GetModelMetadataRequest
) -> get_model_metadata_pb2.GetModelMetadataResponse:
    """Returns the signatures of a model (get_model_metadata_impl.cc).

    Raises:
      ServingError: INVALID_ARGUMENT for fields other than `signature_def`, NOT_FOUND for an unknown model.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    if not request.metadata_field:
        raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
    for field in request.metadata_field:
        if field != SIGNATURE_DEF:
            raise invalid(f"Metadata field {field} is not supported")
    with models.use(request.model_spec.name, requested_version(request.model_spec)) as (version, model):
        signatures = get_model_metadata_pb2.SignatureDefMap(signature_def=model.signatures)
    response = get_model_metadata_pb2.GetModelMetadataResponse()
    response.model_spec.name, response.model_spec.version.value = request.model_spec.name, version
    response.metadata[SIGNATURE_DEF].Pack(signatures)
    return response


def status(
    models: ServedModels, request: get_model_status_pb2.GetModelStatusRequest
) -> get_model_status_pb2.GetModelStatusResponse:
    """Returns the states of a model's versions, newest first.

    Raises:
      ServingError: NOT_FOUND for an unknown model or version.
    """
    if not request.HasField("model_spec"):
        raise invalid("Missing ModelSpec")
    spec = request.model_spec
    number = spec.version.value if spec.HasField("version") else None
    response = get_model_status_pb2.GetModelStatusResponse()
    for version, known in models.states(spec.name, number).items():
        entry = response.model_version_status.add(version=version, state=known.state)
        # Present even without an error, as in TF-Serving.
        entry.status.SetInParent()
        if known.error is not None:
            entry.status.error_code, entry.status.error_message = int(known.error.code), known.error.message
    return response
