"""The `embed` operation: texts in, one float32 vector each out, in the same order.

It tokenises, cuts sub-batches, runs the encoder that the folder is made for and reads the vectors out. It
knows no frames, no pool and no mathematics; mlx, tokenizers and the code of families other than the built-in
encoder's are imported in `load`, so that the worker says hello before it pays for them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from .. import metal, runtime
from ..batcher import Grid, Limits, passes_of
from ..errors import ModelError
from ..models.bert import Bert
from ..models.checkpoint import read_checkpoint, read_config, read_json, read_tokenizer, shorten
from .model_folder import ModelFolder
from .vectors import Vectors

BUCKETS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)
# A few checkpoints read longer texts.
LONG_BUCKETS = (*BUCKETS, 768, 1024, 1536, 2048, 3072, 4096, 6144)
# A pass costs about as much as 16 tokens, since the weights travel through memory once. Past some 256 tokens
# that is spread thin, and activations leave the core's cache (measured: 128 and 512 are 3 to 9 % slower).
# Attention alone sees padding there: a place costs 0.1 tokens among texts of 16, 0.4 among texts of 128.
CPU_LIMITS = Limits(rows=32, tokens=256, pass_tokens=16, grid=Grid(place=0.06, pair=0.003))
# Not measured on Apple silicon yet. Lengths are padded to buckets there, so that buffers are used again.
METAL_LIMITS = Limits(rows=64, tokens=8192, pass_tokens=256, buckets=BUCKETS)
# A short and a long text, for the ways that the CPU's formulas choose by size. Nothing is compiled there.
CPU_WARM_UP_TOKENS = (4, 66)


class Embed(ModelFolder):
    """Text vectors from a sentence encoder; `load` and `warm_up` come before the first `forward`."""

    name = "embed"

    def __init__(
        self,
        model_dir: str,
        *,
        dimensions: int | None = None,
        most_tokens: int | None = None,
        **known: str | None,
    ) -> None:
        super().__init__(model_dir, **known)
        self._dimensions = dimensions
        self._most_tokens = most_tokens

    def load(self) -> None:
        """Imports MLX behind a fast BLAS and reads the checkpoint; raises ModelError ER_MODEL_LOAD.

        Sets `machine`: which BLAS, which of its kernels, which device.
        """
        config = read_config(self._model_dir)
        self.family = family_of(config.get("model_type"))
        checkpoint = self.family.read(self._model_dir, config, self._most_tokens)
        self.checkpoint = checkpoint = shorten(checkpoint, self._dimensions)
        self.prompts = self._read_prompts()
        self.machine = runtime.prepare(self._blas)
        self.encoder = self.family.make(checkpoint, self.machine["core"])
        self.tokenizer, self.end = self._read_tokenizer()
        most = checkpoint.max_tokens
        self.buckets = (*(bucket for bucket in LONG_BUCKETS if bucket < most), most)
        on_metal = self.machine["device"] == "metal"
        self.limits = METAL_LIMITS._replace(buckets=self.buckets) if on_metal else CPU_LIMITS

    def warm_up(self) -> None:
        """Runs the real path, short and long, so that no request pays for something that happens once."""
        on_metal = self.machine["device"] == "metal"
        for tokens in self.buckets if on_metal else CPU_WARM_UP_TOKENS:
            self.forward(["a " * (tokens - 2)], {})

    def forward(self, items: Sequence[Any], options: dict[str, Any]) -> tuple[Vectors, list[int]]:
        """Vectors in the order of `items`, and how many tokens each item is to the model, without padding.

        `{"pad": "fixed"}` runs each item alone, with Metal in a fixed bucket: its bits depend on nothing
        else.
        `as` and `instruction` choose what the checkpoint puts before each text, as models/prompts.py says.
        """
        rows = self._tokenize(items, self._prefix(options))
        lengths = [len(row) for row in rows]
        passes = passes_of(lengths, self.limits, self.buckets, options)
        width = 4 * self.checkpoint.dimensions
        vectors = bytearray(width * len(rows))
        for indices, length in passes:
            made = self._encode([rows[index] for index in indices], length)
            for position, index in enumerate(indices):
                vectors[index * width : (index + 1) * width] = made[position * width : (position + 1) * width]
        metal.ran(max((length for _, length in passes), default=0))
        return Vectors(vectors, self.checkpoint.dimensions), lengths

    @property
    def facts(self) -> dict[str, Any]:
        """What `ready` says about the model: `{name, revision, sha256, dimensions, maxTokens}`."""
        return self._facts(self.checkpoint.dimensions, self.checkpoint.max_tokens)

    def _encode(self, rows: list[list[int]], length: int) -> memoryview:
        return memoryview(self.encoder.encode(rows, length)).cast("B")

    def _tokenize(self, items: Sequence[Any], prefix: str = "") -> list[list[int]]:
        for index, item in enumerate(items):
            if not isinstance(item, str):
                raise refuse_item(index, f"not a text but {type(item).__name__}")
            try:
                item.encode()
            except UnicodeEncodeError as error:
                raise refuse_item(index, f"not valid Unicode: {error}") from None
        texts = [prefix + item for item in items] if prefix else list(items)
        if self.checkpoint.lowercase:
            texts = [text.lower() for text in texts]
        rows = [encoding.ids for encoding in self.tokenizer.encode_batch_fast(texts)]
        return rows if self.end is None else [[*row, self.end] for row in rows]

    def _prefix(self, options: dict[str, Any]) -> str:
        if self.prompts is None and options.keys().isdisjoint(("as", "instruction")):
            return ""
        from ..models.prompts import Prompts, prefix_of

        return prefix_of(self.prompts or Prompts(), options)

    def _read_prompts(self) -> Any:
        """What the checkpoint puts before texts; None where it has nothing, as most have not."""
        path = os.path.join(self._model_dir, "config_sentence_transformers.json")
        if not self.family.query and not read_json(path, required=False).get("prompts"):
            return None
        from ..models.prompts import read_prompts

        return read_prompts(self._model_dir, self.family.query)

    def _read_tokenizer(self) -> tuple[Any, int | None]:
        """The tokenizer, and the token to put after each text where it does not do that itself."""
        tokenizer, end = self.family.read_tokenizer(self.checkpoint)
        tokenizer.enable_truncation(self.checkpoint.max_tokens - (end is not None))
        return tokenizer, end


class Family(NamedTuple):
    """The code of one family of encoders.

    `read` takes a folder, its config.json and the tokens wanted and gives a checkpoint; of that, `make` makes
    an encoder and `read_tokenizer` a tokenizer and the token it leaves out; `query` is the prompt of queries.
    """

    read: Callable[..., Any]
    make: Callable[..., Any]
    read_tokenizer: Callable[[Any], tuple[Any, int | None]]
    query: str = ""


def family_of(model_type: Any) -> Family:
    """The family that config.json names; what is none of them is refused by the BERT family's reader."""
    if model_type == "modernbert":
        from ..models.modern_bert import ModernBert, read_modern_bert

        return Family(read_modern_bert, ModernBert, read_text_tokenizer)
    if model_type == "qwen3":
        from ..models.qwen3_embedding import (
            QUERY_PROMPT,
            Qwen3Embedding,
            read_ending_tokenizer,
            read_qwen3_embedding,
        )

        return Family(read_qwen3_embedding, Qwen3Embedding, read_ending_tokenizer, QUERY_PROMPT)
    return Family(read_checkpoint, Bert, lambda checkpoint: (read_tokenizer(checkpoint), None))


def read_text_tokenizer(checkpoint: Any) -> tuple[Any, int | None]:
    """A tokenizer for which a mark that stands in a text, such as [SEP], is text."""
    tokenizer = read_tokenizer(checkpoint)
    tokenizer.encode_special_tokens = True
    return tokenizer, None


def refuse_item(index: int, reason: str) -> ModelError:
    return ModelError("ER_MODEL_INPUT", f"Item {index} of embed is {reason}")
