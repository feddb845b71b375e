"""An operation without a model, for tests and benchmarks: waits, then answers each item with its checksum.

Standard library only. Waits ``delayMs + perItemMs * n`` without using the processor, as a device would.
"""

import os
import struct
import time
import zlib
from typing import Any

from ..errors import ModelError
from .vectors import Vectors


class Echo:
    """Answers an item with ``dimensions`` float32 numbers: CRC-32 of its UTF-8 bytes (high 16 bits, low 16
    bits), its length in bytes, the process id, then zeros."""

    name = "echo"
    smallest = 4

    @property
    def facts(self) -> dict[str, Any]:
        return {"name": "echo", "revision": "1", "sha256": "", "dimensions": 0, "maxTokens": 0}

    def load(self) -> None:
        pass

    def warm_up(self) -> None:
        self.forward(["warm", "up"], {})

    def forward(self, items: list[Any], options: dict[str, Any]) -> tuple[Vectors, list[int]]:
        delay_ms = float(options.get("delayMs", 0)) + float(options.get("perItemMs", 0)) * len(items)
        dimensions = int(options.get("dimensions", self.smallest))
        if dimensions < self.smallest:
            raise ModelError(
                "ER_MODEL_INPUT", f"echo needs at least {self.smallest} dimensions, not {dimensions}"
            )
        texts = [_utf8(item) for item in items]
        if delay_ms > 0:
            time.sleep(delay_ms / 1000)
        width = 4 * dimensions
        data = bytearray(width * len(texts))
        process = os.getpid()
        for index, text in enumerate(texts):
            checksum = zlib.crc32(text)
            struct.pack_into(
                "<4f", data, index * width, checksum >> 16, checksum & 0xFFFF, len(text), process
            )
        return Vectors(data, dimensions), [0] * len(texts)


def _utf8(item: Any) -> bytes:
    if not isinstance(item, str):
        raise ModelError("ER_MODEL_INPUT", f"echo takes texts, not {type(item).__name__}")
    return item.encode()
