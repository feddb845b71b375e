"""BERT-family encoders in plain MLX operations, float32: token ids in, one vector per text out.

It knows nothing of text, files on the wire or batching policy; `checkpoint.py` says what the folder promises
and this file keeps to it. mlx is imported when an encoder is made, not with this module.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from .arithmetic import FusedArithmetic, PlainArithmetic
from .checkpoint import REMEDY, Checkpoint, refuse

def read_tensors(mx: Any, checkpoint: Checkpoint) -> dict[str, Any]:
    """The tensors the encoder uses, by name without prefix, shapes checked, not yet read from disk."""
    path = checkpoint.weights
    try:
        stored = mx.load(str(path))
    except (OSError, RuntimeError, ValueError) as error:
        raise refuse(f"{path} cannot be read: {error}; {REMEDY}") from None
    tensors = {}
    for name, shape in checkpoint.shapes().items():
        tensor = stored.get(name, stored.get(checkpoint.prefix + name))
        if tensor is None:
            raise refuse(f"{path} has no tensor {name}; {REMEDY}")
        if tensor.shape != shape:
            raise refuse(f"{path}: tensor {name} has shape {tensor.shape}, config.json promises {shape}; {REMEDY}")
        tensors[name] = tensor
    return tensors


class Bert:
    """An encoder: `encode(rows, length)` gives an array of one float32 vector per row of token ids."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        import mlx.core as mx

        self.mx = mx
        self.checkpoint = checkpoint
        self.arithmetic = PlainArithmetic(mx, checkpoint.hidden, True) if mx.default_device() == mx.cpu else FusedArithmetic(mx)
        scale = 1 / math.sqrt(checkpoint.hidden // checkpoint.heads)
        tensors = read_tensors(mx, checkpoint)

        def take(name: str) -> Any:
            return tensors.pop(name).astype(mx.float32)

        self.words = take("embeddings.word_embeddings.weight")
        types = take("embeddings.token_type_embeddings.weight")
        self.positions = take("embeddings.position_embeddings.weight") + types[0]
        self.norm = (take("embeddings.LayerNorm.weight"), take("embeddings.LayerNorm.bias"))
        mx.eval(self.words, self.positions, self.norm)
        self.layers = []
        for index in range(checkpoint.layers):
            at = f"encoder.layer.{index}."
            names = [f"{at}attention.self.{name}" for name in ("query", "key", "value")]
            scales = (scale, 1.0, 1.0)
            layer = {
                "qkv": tuple(
                    mx.concatenate([take(f"{name}.{part}") * by for name, by in zip(names, scales, strict=True)])
                    for part in ("weight", "bias")
                ),
                **{
                    key: (take(f"{at}{name}.weight"), take(f"{at}{name}.bias"))
                    for key, name in (
                        ("out", "attention.output.dense"),
                        ("up", "intermediate.dense"),
                        ("down", "output.dense"),
                    )
                },
                **{
                    key: (take(f"{at}{name}.weight"), take(f"{at}{name}.bias"))
                    for key, name in (("norm1", "attention.output.LayerNorm"), ("norm2", "output.LayerNorm"))
                },
            }
            # Evaluated layer by layer, so that the unfused originals are freed before the next is read.
            mx.eval(layer)
            self.layers.append(layer)

    def encode(self, rows: Sequence[Sequence[int]], length: int) -> Any:
        """Vectors of rows of token ids, padded to `length`: (B, D), not yet evaluated."""
        mx, checkpoint, arithmetic = self.mx, self.checkpoint, self.arithmetic
        lengths = [len(row) for row in rows]
        ids = mx.array([[*row, *[checkpoint.pad_id] * (length - len(row))] for row in rows])
        first = checkpoint.position_offset
        x = (self.words[ids] + self.positions[first : first + length]).reshape(-1, checkpoint.hidden)
        x = arithmetic.layer_norm(x, self.norm, checkpoint.epsilon)
        kept = None
        if min(lengths) < length:
            kept = mx.arange(length) < mx.array(lengths)[:, None]
        for layer in self.layers:
            mixed = arithmetic.attention(x, layer["qkv"], len(rows), checkpoint.heads, kept)
            x = arithmetic.layer_norm(x + arithmetic.linear(mixed, layer["out"]), layer["norm1"], checkpoint.epsilon)
            mx.async_eval(x)
            wide = arithmetic.gelu(arithmetic.linear(x, layer["up"]))
            x = arithmetic.layer_norm(x + arithmetic.linear(wide, layer["down"]), layer["norm2"], checkpoint.epsilon)
        x = x.reshape(len(rows), length, -1)
        if checkpoint.pooling == "cls":
            vectors = x[:, :1].squeeze(1)
        elif kept is None:
            vectors = x.mean(axis=1)
        else:
            vectors = (x * kept[:, :, None]).sum(axis=1) / mx.array(lengths)[:, None]
        if checkpoint.normalize:
            vectors = vectors / mx.maximum(mx.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
        return vectors
