"""Cuts a byte stream into frames and back: a u32 little-endian length, then that many bytes.

Knows lengths only. Twin of src/wire/frame.ts.
"""

import os
import struct
from typing import BinaryIO

from .errors import WireError

HEADER = struct.Struct("<I")
MAX_FRAME_BYTES = 64 * 1024 * 1024
SMALL_BYTES = 64 * 1024


def seal_frame(body: bytes) -> bytes:
    """The frame around ``body``; WireError when it is empty or too long."""
    return _header(body) + body


def write_frame(descriptor: int, body: bytes) -> None:
    """Writes the frame around ``body``, all of it; OSError when the peer is gone.

    Small frames go in one write; a large body is not copied just to stand behind its header.
    """
    if len(body) <= SMALL_BYTES:
        write_all(descriptor, seal_frame(body))
    else:
        write_all(descriptor, _header(body), body)


def _header(body: bytes) -> bytes:
    if not 1 <= len(body) <= MAX_FRAME_BYTES:
        raise WireError(
            "ER_WIRE", f"A frame of {len(body)} bytes can't be sent; the limit is {MAX_FRAME_BYTES}"
        )
    return HEADER.pack(len(body))


def write_all(descriptor: int, *chunks: bytes | memoryview) -> None:
    """Writes every byte of ``chunks``; OSError when the peer is gone."""
    for chunk in chunks:
        view = memoryview(chunk).cast("B")
        while view:
            view = view[os.write(descriptor, view) :]


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next body, or None at the stream's end. A stream that ends inside a frame is an end, too.

    ``stream`` must be buffered: its ``read(n)`` gives n bytes, or fewer only at the end.
    """
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    (length,) = HEADER.unpack(header)
    if not 1 <= length <= MAX_FRAME_BYTES:
        raise WireError(
            "ER_WIRE", f"A frame says it is {length} bytes long; allowed are 1 to {MAX_FRAME_BYTES}"
        )
    body = stream.read(length)
    return body if len(body) == length else None
