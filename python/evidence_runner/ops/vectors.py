"""Rows of float32 as operations give them back and the wire carries them."""

from ..message import WireVectors


class Vectors:
    """Rows of ``dimensions`` little-endian float32 numbers, one after the other in ``data``."""

    def __init__(self, data: bytes | bytearray | memoryview, dimensions: int) -> None:
        self.data = memoryview(data).cast("B")
        self.dimensions = dimensions

    def __len__(self) -> int:
        return len(self.data) // (4 * self.dimensions)

    def part(self, start: int, stop: int) -> WireVectors:
        """Rows ``start`` to ``stop`` as the wire carries them, not copied."""
        width = 4 * self.dimensions
        return {
            "dtype": "f32",
            "shape": (stop - start, self.dimensions),
            "data": self.data[start * width : stop * width],
        }
