"""TensorFlow's C++ loader and session, called by its C API: how programs in C, C++, Go, Rust and Java use a SavedModel.

Nothing of TensorFlow's Python runs the model. Its package gives the libraries and the messages of protobuf alone.
"""

import ctypes
import os
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import meta_graph_pb2

STRING = tf.string.as_datatype_enum


class Buffer(ctypes.Structure):
    """`TF_Buffer`: bytes that the library owns."""

    _fields_ = [("data", ctypes.c_void_p), ("length", ctypes.c_size_t), ("deallocator", ctypes.c_void_p)]


class Output(ctypes.Structure):
    """`TF_Output`: one of the outputs of an operation of the graph."""

    _fields_ = [("operation", ctypes.c_void_p), ("index", ctypes.c_int)]


_POINTER, _TEXT, _INT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_DIMS, _OUTPUTS, _POINTERS = ctypes.POINTER(ctypes.c_int64), ctypes.POINTER(Output), ctypes.POINTER(ctypes.c_void_p)
_BUFFER = ctypes.POINTER(Buffer)

# name -> (type of what it returns, types of its arguments), as tensorflow/c/c_api.h declares them.
_DECLARATIONS = {
    "TF_NewStatus": (_POINTER, []),
    "TF_DeleteStatus": (None, [_POINTER]),
    "TF_GetCode": (_INT, [_POINTER]),
    "TF_Message": (_TEXT, [_POINTER]),
    "TF_NewBuffer": (_BUFFER, []),
    "TF_DeleteBuffer": (None, [_BUFFER]),
    "TF_NewGraph": (_POINTER, []),
    "TF_DeleteGraph": (None, [_POINTER]),
    "TF_GraphOperationByName": (_POINTER, [_POINTER, _TEXT]),
    "TF_NewSessionOptions": (_POINTER, []),
    "TF_DeleteSessionOptions": (None, [_POINTER]),
    "TF_LoadSessionFromSavedModel": (
        _POINTER,
        [_POINTER, _BUFFER, _TEXT, ctypes.POINTER(_TEXT), _INT, _POINTER, _BUFFER, _POINTER],
    ),
    "TF_SessionRun": (
        None,
        [_POINTER, _BUFFER, _OUTPUTS, _POINTERS, _INT, _OUTPUTS, _POINTERS, _INT, _POINTERS, _INT, _BUFFER, _POINTER],
    ),
    "TF_CloseSession": (None, [_POINTER, _POINTER]),
    "TF_DeleteSession": (None, [_POINTER, _POINTER]),
    "TF_AllocateTensor": (_POINTER, [_INT, _DIMS, _INT, _SIZE]),
    "TF_DeleteTensor": (None, [_POINTER]),
    "TF_TensorData": (_POINTER, [_POINTER]),
    "TF_TensorByteSize": (_SIZE, [_POINTER]),
    "TF_TensorType": (_INT, [_POINTER]),
    "TF_NumDims": (_INT, [_POINTER]),
    "TF_Dim": (ctypes.c_int64, [_POINTER, _INT]),
    "TF_StringGetDataPointer": (_POINTER, [_POINTER]),
    "TF_StringGetSize": (_SIZE, [_POINTER]),
}
STRING_BYTES = 24
"""Size of a `TF_TString` in the data of a tensor."""


def _load_library() -> ctypes.CDLL:
    """Loads the C API of the installed TensorFlow, with the types of all functions used here."""
    folder = Path(tf.__file__).parent
    # The C API refers to symbols of the framework, which must be there first.
    ctypes.CDLL(str(folder / "libtensorflow_framework.so.2"), ctypes.RTLD_GLOBAL)
    library = ctypes.CDLL(str(folder / "libtensorflow_cc.so.2"), ctypes.RTLD_GLOBAL)
    for name, (result, arguments) in _DECLARATIONS.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


class StatusError(Exception):
    """What the library answers where it does not answer OK.

    Args:
      code: of `TF_Code`; 3 is INVALID_ARGUMENT.
      message: in words.
    """

    def __init__(self, code: int, message: str):
        super().__init__(f"{code}: {message}")
        self.code, self.message = code, message


class CSavedModel:
    """A SavedModel in a session of C++.

    Args:
      path: folder of the SavedModel.

    Attributes:
      signatures: signature name -> `SignatureDef`, from the MetaGraphDef that the loader returns.

    Raises:
      StatusError: if it cannot be loaded.
    """

    def __init__(self, path: str | os.PathLike):
        self._library = library = _load_library()
        self._status = library.TF_NewStatus()
        self._graph = library.TF_NewGraph()
        self._session = None
        options, meta_graph = library.TF_NewSessionOptions(), library.TF_NewBuffer()
        try:
            tags = (ctypes.c_char_p * 1)(b"serve")
            self._session = library.TF_LoadSessionFromSavedModel(
                options, None, os.fsencode(path), tags, len(tags), self._graph, meta_graph, self._status
            )
            self._raise_unless_ok()
            message = meta_graph_pb2.MetaGraphDef()
            message.ParseFromString(ctypes.string_at(meta_graph.contents.data, meta_graph.contents.length))
        except StatusError:
            self.close()
            raise
        finally:
            library.TF_DeleteBuffer(meta_graph)
            library.TF_DeleteSessionOptions(options)
        # The loader keeps its own initialisation as a signature, which is none to call.
        self.signatures = {k: v for k, v in message.signature_def.items() if not k.startswith("__")}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self) -> None:
        """Ends the session and frees all that the library holds."""
        if self._session:
            self._library.TF_CloseSession(self._session, self._status)
            self._library.TF_DeleteSession(self._session, self._status)
        self._library.TF_DeleteGraph(self._graph)
        self._library.TF_DeleteStatus(self._status)
        self._session = None

    def run(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Runs a signature.

        Args:
          signature: one of `signatures`.
          inputs: name of the input -> numbers. They are handed on as they are: checks are the graph's.

        Returns:
          Name of the output -> array; strings are bytes, of dtype object.

        Raises:
          StatusError: if the session refuses.
        """
        definition, library = self.signatures[signature], self._library
        places = [self._place(definition.inputs[name].name) for name in inputs]
        wanted = [self._place(info.name) for info in definition.outputs.values()]
        tensors = [self._tensor(np.ascontiguousarray(value)) for value in inputs.values()]
        results = (ctypes.c_void_p * len(wanted))()
        try:
            library.TF_SessionRun(
                self._session, None,
                (Output * len(places))(*places), (ctypes.c_void_p * len(tensors))(*tensors), len(tensors),
                (Output * len(wanted))(*wanted), results, len(wanted),
                None, 0, None, self._status,
            )  # fmt: skip
            self._raise_unless_ok()
            return dict(zip(definition.outputs, map(self._array, results), strict=True))
        finally:
            for tensor in filter(None, (*tensors, *results)):
                library.TF_DeleteTensor(tensor)

    def _raise_unless_ok(self) -> None:
        code = self._library.TF_GetCode(self._status)
        if code:
            raise StatusError(code, self._library.TF_Message(self._status).decode())

    def _place(self, tensor_name: str) -> Output:
        """Finds `operation:index` in the graph."""
        name, _, index = tensor_name.partition(":")
        operation = self._library.TF_GraphOperationByName(self._graph, name.encode())
        if not operation:
            raise KeyError(f"The graph must have all tensors of its signatures. Missing: {tensor_name}.")
        return Output(operation, int(index))

    def _tensor(self, value: np.ndarray) -> int:
        """Copies an array of numbers into a tensor of the library."""
        dims = (ctypes.c_int64 * value.ndim)(*value.shape)
        datatype = tf.as_dtype(value.dtype).as_datatype_enum
        tensor = self._library.TF_AllocateTensor(datatype, dims, value.ndim, value.nbytes)
        ctypes.memmove(self._library.TF_TensorData(tensor), value.ctypes.data, value.nbytes)
        return tensor

    def _array(self, tensor: int) -> np.ndarray:
        """Copies a tensor of the library into an array."""
        library = self._library
        shape = [library.TF_Dim(tensor, axis) for axis in range(library.TF_NumDims(tensor))]
        data, datatype = library.TF_TensorData(tensor), library.TF_TensorType(tensor)
        if datatype != STRING:
            content = ctypes.string_at(data, library.TF_TensorByteSize(tensor))
            return np.frombuffer(content, tf.as_dtype(datatype).as_numpy_dtype).reshape(shape)
        strings = np.empty(shape, object)
        for number in range(strings.size):
            place = data + number * STRING_BYTES
            size = library.TF_StringGetSize(place)
            strings.flat[number] = ctypes.string_at(library.TF_StringGetDataPointer(place), size)
        return strings
