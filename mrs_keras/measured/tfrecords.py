"""Reads the examples of TFRecord files without TensorFlow."""

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np


def read_examples(path: Path) -> Iterator[dict[str, Any]]:
    """Yields the features of each `tf.train.Example` in a TFRecord file, in order.

    A record is its length (uint64), a checksum of it (4 bytes), the message, and a checksum of that (4 bytes). The
    checksums are not verified.

    Args:
      path: of an uncompressed TFRecord file.

    Yields:
      Name of a feature -> list of bytes, float32 (values,) or int64 (values,).

    Raises:
      ValueError: if the file is cut off, or not one of examples.
    """
    with path.open("rb") as file:
        while head := file.read(12):
            length = struct.unpack("<Q", head[:8])[0] if len(head) == 12 else -1
            message = file.read(length) if 0 <= length < 2**31 else b""
            if len(message) != length or len(file.read(4)) != 4:
                raise ValueError(
                    f"The TFRecord file '{path}' is damaged or cut off. Expected whole records. Copy it again, or "
                    "generate the spectra again."
                )
            try:
                yield dict(_feature(entry) for features in _fields(message) for _, entry in _fields(features[1]))
            except (IndexError, KeyError, TypeError, ValueError, struct.error) as error:
                raise ValueError(f"'{path}' holds other records than `tf.train.Example` ({error}).") from error


def _feature(entry: bytes) -> tuple[str, Any]:
    """Returns name and value of an entry of the map `Features.feature`."""
    parts = dict(_fields(entry))
    ((kind, values),) = _fields(parts[2])
    items = [value for _, value in _fields(values)]
    if kind == 1:
        return parts[1].decode(), items
    if kind == 2:  # packed, or one number after the other
        return parts[1].decode(), np.frombuffer(b"".join(items), "<f4")
    numbers = [number for item in items for number in (_varints(item) if isinstance(item, bytes) else [item])]
    return parts[1].decode(), np.array(numbers, np.uint64).astype(np.int64)


def _fields(message: bytes) -> Iterator[tuple[int, Any]]:
    """Yields number and value of each field of a protocol buffer message: bytes, or an int for a varint."""
    position = 0
    while position < len(message):
        key, position = _varint(message, position)
        kind = key & 7
        if kind == 0:
            value, position = _varint(message, position)
        else:
            size, position = _varint(message, position) if kind == 2 else ({5: 4, 1: 8}[kind], position)
            value = message[position : position + size]
            position += size
        yield key >> 3, value


def _varints(message: bytes) -> Iterator[int]:
    position = 0
    while position < len(message):
        value, position = _varint(message, position)
        yield value


def _varint(message: bytes, position: int) -> tuple[int, int]:
    """Returns the number at a position, in groups of 7 bits, and the position after it."""
    value, shift = 0, 0
    while True:
        byte = message[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
