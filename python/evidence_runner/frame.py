"""Cuts a byte stream into frames and back: a u32 little-endian length, then that many bytes.

Knows lengths only. Twin of src/wire/frame.ts.
"""

import os
import struct
from typing import BinaryIO

from .errors import WireError

HEADER = struct.Struct("<I")
MAX_FRAME_BYTES = 64 * 1024 * 1024
CHUNK_BYTES = 64 * 1024


def seal_frame(body: bytes) -> bytes:
    """The frame around ``body``; WireError when it is empty or too long."""
    return _header(body) + body


def write_frames(descriptor: int, *bodies: bytes) -> None:
    """Writes the frames around ``bodies``, all of them, in one go; OSError when the peer is gone."""
    write_all(descriptor, *(chunk for body in bodies for chunk in (_header(body), body)))


def _header(body: bytes) -> bytes:
    if not 1 <= len(body) <= MAX_FRAME_BYTES:
        raise WireError(
            "ER_WIRE", f"A frame of {len(body)} bytes can't be sent; the limit is {MAX_FRAME_BYTES}"
        )
    return HEADER.pack(len(body))


def write_all(descriptor: int, *chunks: bytes | memoryview) -> None:
    """Writes every byte of ``chunks``, none of them copied; OSError when the peer is gone."""
    views = [memoryview(chunk).cast("B") for chunk in chunks]
    while views:
        written = os.writev(descriptor, views)
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if views:
            views[0] = views[0][written:]


def read_frame(stream: BinaryIO) -> bytes | None:
    """The next body, or None at the stream's end. A stream that ends inside a frame is an end, too.

    ``stream`` must be buffered: its ``read(n)`` gives n bytes, or fewer only at the end.
    """
    header = stream.read(HEADER.size)
    if len(header) < HEADER.size:
        return None
    length = _length(header)
    body = stream.read(length)
    return body if len(body) == length else None


class FrameReader:
    """Reads frames from a descriptor a piece at a time, so that nobody waits inside a frame."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._chunk = memoryview(bytearray(CHUNK_BYTES))
        # The body that comes now, where it is too long for a chunk.
        self._large: bytearray | None = None
        # Invariant: so many bytes of the large body, or else of the chunk, are here.
        self._filled = 0

    def read(self) -> list[bytes | bytearray] | None:
        """Reads once, and waits where nothing is there: the bodies that are whole now, or None at the end.

        WireError for a length that can't be; the reader is of no use afterwards.
        """
        room = self._chunk if self._large is None else memoryview(self._large)
        count = os.readv(self._descriptor, [room[self._filled :]])
        if not count:
            return None
        self._filled += count
        if self._large is None:
            return self._cut()
        if self._filled < len(self._large):
            return []
        body, self._large, self._filled = self._large, None, 0
        return [body]

    def _cut(self) -> list[bytes | bytearray]:
        bodies: list[bytes | bytearray] = []
        chunk, start, end = self._chunk, 0, self._filled
        while (first := start + HEADER.size) <= end:
            length = _length(chunk[start:first])
            if first + length > end:
                if HEADER.size + length > len(chunk):
                    self._large = bytearray(length)
                    self._filled = end - first
                    self._large[: end - first] = chunk[first:end]
                    return bodies
                break
            start = first + length
            bodies.append(bytes(chunk[first:start]))
        self._filled = end - start
        chunk[: end - start] = bytes(chunk[start:end])
        return bodies


def _length(header: bytes | memoryview) -> int:
    (length,) = HEADER.unpack(header)
    if not 1 <= length <= MAX_FRAME_BYTES:
        raise WireError(
            "ER_WIRE", f"A frame says it is {length} bytes long; allowed are 1 to {MAX_FRAME_BYTES}"
        )
    return length
