"""The `embed` operation: texts in, one float32 vector each out, in the same order.

It tokenises, cuts sub-batches, runs the encoder and reads the vectors out. It knows no frames, no pool and no
mathematics; mlx and tokenizers are imported in `load`, so that the worker says hello before it pays for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import runtime
from ..batcher import Limits, cut, padded_length
from ..errors import ModelError
from ..models.bert import Bert
from ..models.checkpoint import REMEDY, Checkpoint, read_checkpoint, refuse
from .vectors import Vectors

BUCKETS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
CPU_LIMITS = Limits(rows=8, padded_tokens=512, pass_tokens=16)
METAL_LIMITS = Limits(rows=64, padded_tokens=8192, pass_tokens=256, buckets=BUCKETS)


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
        self.model_dir = model_dir
        self.blas = blas
        self.weights_sha256 = weights_sha256
        self.revision = revision
        self.model_name = model_name

    def load(self) -> None:
        """Imports MLX behind a fast BLAS and reads the checkpoint; raises ModelError ER_MODEL_LOAD."""
        self.checkpoint: Checkpoint = read_checkpoint(self.model_dir)
        self.machine = runtime.prepare(self.blas)
        self.limits = METAL_LIMITS if self.machine["device"] == "metal" else CPU_LIMITS
        from tokenizers import Tokenizer

        try:
            self.tokenizer = Tokenizer.from_file(str(self.checkpoint.tokenizer))
        except Exception as error:  # the binding raises plain Exception
            raise refuse(f"{self.checkpoint.tokenizer} cannot be read: {error}; {REMEDY}") from None
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(self.checkpoint.max_tokens)
        self.encoder = Bert(self.checkpoint)

    def warm_up(self) -> None:
        """Runs the real path once short and once long, so that the first call pays for nothing new."""
        self.forward(["warm", "up " * 40], {})

    def forward(self, items: Sequence[Any], options: dict[str, Any]) -> tuple[Vectors, list[int]]:
        """Vectors in the order of `items`, and each item's real tokens, special ones included.

        `{"pad": "fixed"}` runs every item alone, padded to a fixed bucket: its bits then depend on nothing else.
        """
        rows = self.tokenize(items)
        lengths = [len(row) for row in rows]
        vectors: list[bytes] = [b""] * len(rows)
        if options.get("pad") == "fixed":
            passes = [((index,), padded_length(length, BUCKETS)) for index, length in enumerate(lengths)]
        else:
            passes = [(batch.indices, batch.length) for batch in cut(lengths, self.limits)]
        stride = 4 * self.checkpoint.hidden
        for indices, length in passes:
            data = bytes(memoryview(self.encoder.encode([rows[index] for index in indices], length)))
            for position, index in enumerate(indices):
                vectors[index] = data[position * stride : (position + 1) * stride]
        return Vectors(b"".join(vectors), self.checkpoint.hidden), lengths

    def tokenize(self, items: Sequence[Any]) -> list[list[int]]:
        for index, item in enumerate(items):
            if not isinstance(item, str):
                raise ModelError("ER_MODEL_INPUT", f"item {index} of embed is not a text: {type(item).__name__}")
        texts = [item.lower() for item in items] if self.checkpoint.lowercase else list(items)
        try:
            return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        except (TypeError, UnicodeEncodeError) as error:
            raise ModelError("ER_MODEL_INPUT", f"a text of embed cannot be encoded: {error}") from None

    @property
    def facts(self) -> dict[str, Any]:
        """What `ready` says about the model: `{name, revision, sha256, dimensions, maxTokens}`."""
        return {
            "name": self.model_name or self.checkpoint.folder.name,
            "revision": self.revision,
            "sha256": self.weights_sha256,
            "dimensions": self.checkpoint.hidden,
            "maxTokens": self.checkpoint.max_tokens,
        }
