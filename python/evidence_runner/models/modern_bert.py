"""ModernBERT encoders in plain MLX operations, float32: token ids in, one vector per text out.

Beside BERT: no biases unless config.json has them, norms before the layers, places as rotations, most layers
with a window of neighbours, and a gated GELU. It knows nothing of text, frames or batching policy. mlx is
imported when an encoder is made.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from .arithmetic import arithmetic_for, pool
from .bert import read_tensors
from .checkpoint import (
    USUAL_MOST_TOKENS,
    Checkpoint,
    read_limits,
    read_modules,
    read_whole,
    refuse,
    require_files,
)

GLOBAL, LOCAL = "full_attention", "sliding_attention"
# Older configurations name each base by a field; where neither says one, these are the architecture's own.
BASES = {GLOBAL: ("global_rope_theta", 160_000.0), LOCAL: ("local_rope_theta", 10_000.0)}


class ModernCheckpoint(NamedTuple):
    """The facts of a ModernBERT folder that its code needs; sizes are in elements and tokens.

    `layers` has each layer's kind of attention, `bases` the rotations' base of each kind; local attention
    reaches `window` tokens to each side.
    """

    folder: str
    hidden: int
    intermediate: int
    layers: tuple[str, ...]
    bases: dict[str, float]
    window: int
    heads: int
    vocabulary: int
    pad_id: int
    epsilon: float
    attention_bias: bool
    mlp_bias: bool
    norm_bias: bool
    pooling: str
    normalize: bool
    max_tokens: int
    lowercase: bool
    dimensions: int

    # What each tensor's name starts with where the folder was saved from a larger model.
    prefix = "model."
    tokenizer = Checkpoint.tokenizer
    weights = Checkpoint.weights

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Each tensor the encoder uses, without prefix, and the shape that config.json promises."""
        hidden, wide = self.hidden, self.intermediate
        shapes: dict[str, tuple[int, ...]] = {"embeddings.tok_embeddings.weight": (self.vocabulary, hidden)}

        def add(name: str, biased: bool, *shape: int) -> None:
            shapes[f"{name}.weight"] = shape
            if biased:
                shapes[f"{name}.bias"] = shape[:1]

        add("embeddings.norm", self.norm_bias, hidden)
        for index in range(len(self.layers)):
            at = f"layers.{index}."
            # What enters the first layer has just been normed.
            if index:
                add(f"{at}attn_norm", self.norm_bias, hidden)
            add(f"{at}attn.Wqkv", self.attention_bias, 3 * hidden, hidden)
            add(f"{at}attn.Wo", self.attention_bias, hidden, hidden)
            add(f"{at}mlp_norm", self.norm_bias, hidden)
            add(f"{at}mlp.Wi", self.mlp_bias, 2 * wide, hidden)
            add(f"{at}mlp.Wo", self.mlp_bias, hidden, wide)
        add("final_norm", self.norm_bias, hidden)
        return shapes


def read_modern_bert(folder: str, config: dict[str, Any], most_tokens: int | None = None) -> ModernCheckpoint:
    """Reads and checks a ModernBERT sentence encoder's folder, of which `config` is config.json.

    ModelError ER_MODEL_LOAD names the file at fault.
    """
    path = os.path.join(folder, "config.json")
    whole = partial(read_whole, path, config)
    if "quantization" in config or "quantization_config" in config:
        raise refuse(f"{path}: quantised weights are not supported for modernbert; choose them unquantised")
    if config.get("hidden_activation", "gelu") != "gelu":
        raise refuse(
            f"{path}: hidden_activation {config['hidden_activation']!r} is not supported; supported: gelu"
        )
    hidden, heads = whole("hidden_size"), whole("num_attention_heads")
    if hidden % heads or hidden // heads % 2:
        raise refuse(f"{path}: hidden_size {hidden} does not make {heads} attention heads of an even width")
    pooling, normalize = read_modules(folder)
    max_tokens, lowercase = read_limits(
        folder, most_tokens or USUAL_MOST_TOKENS, whole("max_position_embeddings")
    )
    layers = read_layers(path, config, whole("num_hidden_layers"))
    checkpoint = ModernCheckpoint(
        folder=folder,
        hidden=hidden,
        intermediate=whole("intermediate_size"),
        layers=layers,
        bases={kind: read_base(path, config, kind) for kind in sorted(set(layers))},
        window=whole("local_attention", 0) // 2 if LOCAL in layers else 0,
        heads=heads,
        vocabulary=whole("vocab_size"),
        pad_id=whole("pad_token_id", 0),
        epsilon=float(config.get("norm_eps", 1e-5)),
        attention_bias=bool(config.get("attention_bias", False)),
        mlp_bias=bool(config.get("mlp_bias", False)),
        norm_bias=bool(config.get("norm_bias", False)),
        pooling=pooling,
        normalize=normalize,
        max_tokens=max_tokens,
        lowercase=lowercase,
        dimensions=hidden,
    )
    require_files(checkpoint.tokenizer, checkpoint.weights)
    return checkpoint


def read_layers(path: str, config: dict[str, Any], count: int) -> tuple[str, ...]:
    """Each layer's kind of attention: listed, or every so many a global one, the first among them."""
    listed = config.get("layer_types")
    if listed is None:
        every = read_whole(path, config, "global_attn_every_n_layers")
        return tuple(LOCAL if index % every else GLOBAL for index in range(count))
    if not isinstance(listed, list) or len(listed) != count or not set(listed) <= {GLOBAL, LOCAL}:
        raise refuse(f"{path}: layer_types must name {GLOBAL} or {LOCAL} for each of {count} layers")
    return tuple(listed)


def read_base(path: str, config: dict[str, Any], kind: str) -> float:
    field, usual = BASES[kind]
    stated = config.get("rope_parameters") or {}
    parameters = stated.get(kind) or {}
    if not isinstance(parameters, dict) or (stated and not parameters):
        raise refuse(f"{path}: rope_parameters does not say how {kind} turns its heads")
    sort = parameters.get("rope_type", "default")
    if sort != "default" or config.get("rope_scaling"):
        raise refuse(f"{path}: scaled rotations ({sort}) are not supported; supported: default")
    base = parameters.get("rope_theta", config.get(field, usual))
    if base is None and kind == LOCAL:
        return read_base(path, config, GLOBAL)
    if not isinstance(base, int | float) or base <= 0:
        raise refuse(f"{path}: {field} must be a positive number, not {base!r}")
    return float(base)


class ModernBert:
    """An encoder; made from a checkpoint, it holds each weight once, in memory. ModelError ER_MODEL_LOAD."""

    def __init__(self, checkpoint: ModernCheckpoint, core: str | None = None) -> None:
        import mlx.core as mx

        self.mx = mx
        self.checkpoint = checkpoint
        self.arithmetic = arithmetic_for(mx, checkpoint.hidden, core)
        tensors = read_tensors(mx, checkpoint, checkpoint.shapes())

        def pair(name: str) -> tuple[Any, Any]:
            """A weight and its bias; zeros for one that the model lacks cost nothing beside the product."""
            weight = tensors.pop(f"{name}.weight").astype(mx.float32)
            bias = tensors.pop(f"{name}.bias", None)
            return weight, mx.zeros(weight.shape[:1]) if bias is None else bias.astype(mx.float32)

        hidden, heads = checkpoint.hidden, checkpoint.heads
        self.words = tensors.pop("embeddings.tok_embeddings.weight").astype(mx.float32)
        self.norm, self.last_norm = pair("embeddings.norm"), pair("final_norm")
        self.turns = {
            kind: self.arithmetic.turns(base, hidden // heads, checkpoint.max_tokens)
            for kind, base in checkpoint.bases.items()
        }
        mx.eval(self.words, self.norm, self.last_norm)
        # Queries come out scaled, so that attention need not scale every score.
        scales = mx.array([math.sqrt(heads / hidden)] * hidden + [1.0] * (2 * hidden))
        self.layers = []
        for index in range(len(checkpoint.layers)):
            at = f"layers.{index}."
            weight, bias = pair(f"{at}attn.Wqkv")
            layer = {
                "norm1": pair(f"{at}attn_norm") if index else None,
                "qkv": (weight * scales[:, None], bias * scales),
                "out": pair(f"{at}attn.Wo"),
                "norm2": pair(f"{at}mlp_norm"),
                "up": pair(f"{at}mlp.Wi"),
                "down": pair(f"{at}mlp.Wo"),
            }
            # Layer by layer, so that originals that were scaled are freed before the next are read.
            mx.eval(layer)
            self.layers.append(layer)

    def encode(self, rows: Sequence[Sequence[int]], length: int) -> Any:
        """Vectors of rows of token ids, up to `length` each: (rows, dimensions), not yet evaluated."""
        mx, checkpoint, arithmetic = self.mx, self.checkpoint, self.arithmetic
        epsilon, layout = checkpoint.epsilon, arithmetic.layout(rows, length)
        near = {GLOBAL: None, LOCAL: arithmetic.near(layout.length, checkpoint.window)}
        x = self.words[layout.tokens(rows, checkpoint.pad_id)]
        x = arithmetic.layer_norm(x, self.norm, epsilon)
        for layer, kind in zip(self.layers, checkpoint.layers, strict=True):
            normed = x if layer["norm1"] is None else arithmetic.layer_norm(x, layer["norm1"], epsilon)
            mixed = arithmetic.attention(
                normed, layer["qkv"], layout, checkpoint.heads, self.turns[kind], near[kind]
            )
            x = x + arithmetic.linear(mixed, layer["out"])
            wide = arithmetic.linear(arithmetic.layer_norm(x, layer["norm2"], epsilon), layer["up"])
            value, gate = mx.split(wide, 2, axis=-1)
            x = x + arithmetic.linear(arithmetic.gelu(value) * gate, layer["down"])
            # MLX's thread starts on this layer while the next is being written down here.
            mx.async_eval(x)
        x = arithmetic.layer_norm(x, self.last_norm, epsilon)
        return pool(mx, x, layout, checkpoint)
