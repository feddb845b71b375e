"""BERT-family encoders in plain MLX operations, float32: token ids in, one vector per text out.

It knows nothing of text, frames or batching policy. `checkpoint.py` says what the folder promises, and
`arithmetic.py` how a layer's formulas are computed. mlx is imported when an encoder is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .arithmetic import arithmetic_for, pool
from .checkpoint import REMEDY, Checkpoint, refuse


class Bert:
    """An encoder; made from a checkpoint, it holds each weight once, in memory. ModelError ER_MODEL_LOAD."""

    def __init__(self, checkpoint: Checkpoint, core: str | None = None) -> None:
        import mlx.core as mx

        self.mx = mx
        self.checkpoint = checkpoint
        self.arithmetic = arithmetic_for(mx, checkpoint.hidden, core)
        tensors = read_tensors(mx, checkpoint, checkpoint.shapes())

        def take(name: str) -> Any:
            return tensors.pop(name).astype(mx.float32)

        def pair(name: str) -> tuple[Any, Any]:
            return take(f"{name}.weight"), take(f"{name}.bias")

        self.words = take("embeddings.word_embeddings.weight")
        types = take("embeddings.token_type_embeddings.weight")
        self.positions = take("embeddings.position_embeddings.weight") + types[0]
        # What another type adds beside the first, which the positions hold.
        self.types = types - types[0]
        self.norm = pair("embeddings.LayerNorm")
        mx.eval(self.words, self.positions, self.types, self.norm)
        self.layers = []
        # Queries come out scaled, so that attention need not scale every score.
        scales = (math.sqrt(checkpoint.heads / checkpoint.hidden), 1.0, 1.0)
        for index in range(checkpoint.layers):
            at = f"encoder.layer.{index}."
            parts = [pair(f"{at}attention.self.{name}") for name in ("query", "key", "value")]
            layer = {
                "qkv": tuple(
                    mx.concatenate([part * scale for part, scale in zip(alike, scales, strict=True)])
                    for alike in zip(*parts, strict=True)
                ),
                "out": pair(f"{at}attention.output.dense"),
                "norm1": pair(f"{at}attention.output.LayerNorm"),
                "up": pair(f"{at}intermediate.dense"),
                "down": pair(f"{at}output.dense"),
                "norm2": pair(f"{at}output.LayerNorm"),
            }
            # Layer by layer, so that originals that were joined are freed before the next are read.
            mx.eval(layer)
            self.layers.append(layer)

    def encode(
        self, rows: Sequence[Sequence[int]], length: int, types: Sequence[Sequence[int]] | None = None
    ) -> Any:
        """Vectors of rows of token ids, up to `length` each: (rows, hidden), not yet evaluated.

        `types` has each token's type; None: all are of the first.
        """
        checkpoint, arithmetic = self.checkpoint, self.arithmetic
        epsilon, layout = checkpoint.epsilon, arithmetic.layout(rows, length)
        x = self.words[layout.tokens(rows, checkpoint.pad_id)]
        x = x + self.positions[layout.places() + checkpoint.position_offset]
        if types is not None:
            x = x + self.types[layout.tokens(types, 0)]
        x = arithmetic.layer_norm(x, self.norm, epsilon)
        for layer in self.layers:
            mixed = arithmetic.attention(x, layer["qkv"], layout, checkpoint.heads)
            x = arithmetic.layer_norm(x + arithmetic.linear(mixed, layer["out"]), layer["norm1"], epsilon)
            wide = arithmetic.gelu(arithmetic.linear(x, layer["up"]))
            x = arithmetic.layer_norm(x + arithmetic.linear(wide, layer["down"]), layer["norm2"], epsilon)
            # MLX's thread starts on this layer while the next is being written down here.
            self.mx.async_eval(x)
        return pool(self.mx, x, layout, checkpoint)


def read_tensors(mx: Any, checkpoint: Checkpoint, shapes: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Tensors by name without prefix, of the shapes that are promised; their bytes are not read yet."""
    path = checkpoint.weights
    try:
        stored = mx.load(path)
    except (OSError, RuntimeError, ValueError) as error:
        raise refuse(f"{path} cannot be read: {error}; {REMEDY}") from None
    tensors = {}
    for name, shape in shapes.items():
        tensor = stored.get(name, stored.get(checkpoint.prefix + name))
        if tensor is None:
            raise refuse(f"{path} has no tensor {name}; {REMEDY}")
        if tensor.shape != shape:
            raise refuse(f"{path}: {name} has shape {tensor.shape}, config.json promises {shape}; {REMEDY}")
        tensors[name] = tensor
    return tensors
