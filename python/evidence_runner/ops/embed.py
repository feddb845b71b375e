"""The `embed` operation: texts in, one float32 vector each out, in the same order.

It tokenises, cuts sub-batches, runs the encoder and reads the vectors out. It knows no frames, no pool and no
mathematics; mlx and tokenizers are imported in `load`, so that the worker says hello before it pays for them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from .. import runtime
from ..batcher import Limits, passes_of
from ..errors import ModelError
from ..models.bert import Bert
from ..models.checkpoint import read_checkpoint, read_tokenizer
from .vectors import Vectors

BUCKETS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# A pass costs about as much as 16 tokens, since the weights travel through memory once. Past some 256 tokens
# that is spread thin, and activations leave the core's cache (measured: 128 and 512 are 3 to 9 % slower).
CPU_LIMITS = Limits(rows=32, padded_tokens=256, pass_tokens=16)
# Not measured on Apple silicon yet. Lengths are padded to buckets there, so that buffers are used again.
METAL_LIMITS = Limits(rows=64, padded_tokens=8192, pass_tokens=256, buckets=BUCKETS)
# A short and a long text, for the ways that the CPU's formulas choose by size. Nothing is compiled there.
CPU_WARM_UP_TOKENS = (4, 66)


class Embed:
    """Text vectors from a sentence encoder; `load` and `warm_up` come before the first `forward`."""

    name = "embed"

    def __init__(
        self,
        model_dir: str,
        *,
        blas: str | None = None,
        weights_sha256: str | None = None,
        revision: str | None = None,
        model_name: str | None = None,
    ) -> None:
        self._model_dir = model_dir
        self._blas = blas
        self._sha256 = weights_sha256
        self._revision = revision
        self._model_name = model_name

    def load(self) -> None:
        """Imports MLX behind a fast BLAS and reads the checkpoint; raises ModelError ER_MODEL_LOAD.

        Sets `machine`: which BLAS, which of its kernels, which device.
        """
        self.checkpoint = checkpoint = read_checkpoint(self._model_dir)
        self.machine = runtime.prepare(self._blas)
        self.encoder = Bert(checkpoint, self.machine["core"])
        self.tokenizer = self._read_tokenizer()
        most = checkpoint.max_tokens
        self.buckets = (*(bucket for bucket in BUCKETS if bucket < most), most)
        on_metal = self.machine["device"] == "metal"
        self.limits = METAL_LIMITS._replace(buckets=self.buckets) if on_metal else CPU_LIMITS

    def warm_up(self) -> None:
        """Runs the real path, short and long, so that no request pays for something that happens once."""
        on_metal = self.machine["device"] == "metal"
        for tokens in self.buckets if on_metal else CPU_WARM_UP_TOKENS:
            self.forward(["a " * (tokens - 2)], {})

    def forward(self, items: Sequence[Any], options: dict[str, Any]) -> tuple[Vectors, list[int]]:
        """Vectors in the order of `items`, and how many tokens each item is to the model, without padding.

        `{"pad": "fixed"}` runs each item alone, padded to a fixed bucket: its bits depend on nothing else.
        """
        rows = self._tokenize(items)
        lengths = [len(row) for row in rows]
        passes = passes_of(lengths, self.limits, self.buckets, options)
        width = 4 * self.checkpoint.hidden
        vectors = bytearray(width * len(rows))
        for indices, length in passes:
            made = self._encode([rows[index] for index in indices], length)
            for position, index in enumerate(indices):
                vectors[index * width : (index + 1) * width] = made[position * width : (position + 1) * width]
        return Vectors(vectors, self.checkpoint.hidden), lengths

    @property
    def facts(self) -> dict[str, Any]:
        """What `ready` says about the model: `{name, revision, sha256, dimensions, maxTokens}`."""
        return {
            "name": self._model_name or os.path.basename(os.path.normpath(self._model_dir)),
            "revision": self._revision,
            "sha256": self._sha256,
            "dimensions": self.checkpoint.hidden,
            "maxTokens": self.checkpoint.max_tokens,
        }

    def _encode(self, rows: list[list[int]], length: int) -> memoryview:
        return memoryview(self.encoder.encode(rows, length)).cast("B")

    def _tokenize(self, items: Sequence[Any]) -> list[list[int]]:
        for index, item in enumerate(items):
            if not isinstance(item, str):
                raise refuse_item(index, f"not a text but {type(item).__name__}")
            try:
                item.encode()
            except UnicodeEncodeError as error:
                raise refuse_item(index, f"not valid Unicode: {error}") from None
        texts = [item.lower() for item in items] if self.checkpoint.lowercase else list(items)
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]

    def _read_tokenizer(self) -> Any:
        tokenizer = read_tokenizer(self.checkpoint)
        tokenizer.enable_truncation(self.checkpoint.max_tokens)
        return tokenizer


def refuse_item(index: int, reason: str) -> ModelError:
    return ModelError("ER_MODEL_INPUT", f"Item {index} of embed is {reason}")
