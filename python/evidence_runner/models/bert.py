"""BERT-family encoders in plain MLX operations, float32: token ids in, one vector per text out.

It knows nothing of text, files on the wire or batching policy; `checkpoint.py` says what the folder promises
and this file keeps to it. mlx is imported when an encoder is made, not with this module.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from .checkpoint import REMEDY, Checkpoint, refuse

ERF_NUMERATOR = (
    -2.72614225801306e-10,
    2.77068142495902e-08,
    -2.10102402082508e-06,
    -5.69250639462346e-05,
    -7.34990630326855e-04,
    -2.95459980854025e-03,
    -1.60960333262415e-02,
)
ERF_DENOMINATOR = (
    -1.45660718464996e-05,
    -2.13374055278905e-04,
    -1.68282697438203e-03,
    -7.37332916720468e-03,
    -1.42647390514189e-02,
)


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
        self.on_cpu = mx.default_device() == mx.cpu
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
            fused = [f"{at}attention.self.{name}" for name in ("query", "key", "value")]
            layer = {
                "qkv": (
                    mx.concatenate([take(f"{name}.weight") for name in fused]).T,
                    mx.concatenate([take(f"{name}.bias") for name in fused]),
                ),
                **{
                    key: (take(f"{at}{name}.weight").T, take(f"{at}{name}.bias"))
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
        mx, checkpoint = self.mx, self.checkpoint
        pad, heads = checkpoint.pad_id, checkpoint.heads
        count, width = len(rows), checkpoint.hidden // checkpoint.heads
        lengths = [len(row) for row in rows]
        ids = mx.array([list(row) + [pad] * (length - len(row)) for row in rows])
        first = checkpoint.position_offset
        x = self.words[ids] + self.positions[first : first + length]
        x = mx.fast.layer_norm(x, *self.norm, checkpoint.epsilon)
        mask, kept = None, None
        if min(lengths) < length:
            kept = mx.arange(length)[None] < mx.array(lengths)[:, None]
            mask = mx.where(kept[:, None, None, :], 0.0, -1e9)
        gelu = gelu_polynomial if self.on_cpu else gelu_exact
        for layer in self.layers:
            qkv = linear(mx, x, layer["qkv"]).reshape(count, length, 3, heads, width).transpose(2, 0, 3, 1, 4)
            mixed = mx.fast.scaled_dot_product_attention(
                qkv[0], qkv[1], qkv[2], scale=1 / math.sqrt(width), mask=mask
            )
            mixed = mixed.transpose(0, 2, 1, 3).reshape(count, length, checkpoint.hidden)
            x = mx.fast.layer_norm(x + linear(mx, mixed, layer["out"]), *layer["norm1"], checkpoint.epsilon)
            wide = gelu(mx, linear(mx, x, layer["up"]))
            x = mx.fast.layer_norm(x + linear(mx, wide, layer["down"]), *layer["norm2"], checkpoint.epsilon)
        if checkpoint.pooling == "cls":
            vectors = x[:, 0]
        elif kept is None:
            vectors = x.mean(axis=1)
        else:
            vectors = mx.where(kept[:, :, None], x, 0.0).sum(axis=1) / mx.array(lengths)[:, None]
        if checkpoint.normalize:
            vectors = vectors / mx.maximum(mx.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)
        return vectors


def linear(mx: Any, x: Any, weights: tuple[Any, Any]) -> Any:
    return mx.addmm(weights[1], x, weights[0])


def gelu_exact(mx: Any, x: Any) -> Any:
    return x * (0.5 + 0.5 * mx.erf(x * math.sqrt(0.5)))


def gelu_polynomial(mx: Any, x: Any) -> Any:
    """GELU without the scalar erf of MLX's CPU back end; within 4e-7 of the exact value."""
    z = mx.clip(x * math.sqrt(0.5), -4.0, 4.0)
    square = z * z
    return x * (0.5 + 0.5 * (z * horner(ERF_NUMERATOR, square) / horner(ERF_DENOMINATOR, square)))


def horner(coefficients: Sequence[float], x: Any) -> Any:
    value: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        value = value * x + coefficient
    return value


Gelu = Callable[[Any, Any], Any]
