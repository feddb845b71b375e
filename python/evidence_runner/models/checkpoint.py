"""Reads what a model folder says about itself: architecture, pooling, normalisation, limits, weights.

It opens small JSON files and checks shapes; it makes no arrays and knows no mathematics. What a checkpoint
does not say is refused, never guessed, and nothing in a checkpoint is ever run as code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ModelError

REMEDY = "run `npx evidence-runner doctor`"

# The names that start each tensor when the folder was saved from a larger model, and how far real positions
# lie above zero. RoBERTa counts positions from its padding id + 1, so the offset is worked out per checkpoint.
FAMILIES = {"bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


@dataclass(frozen=True)
class Checkpoint:
    """The facts of one encoder folder that its code needs; sizes are in elements and tokens."""

    folder: Path
    prefix: str
    hidden: int
    intermediate: int
    layers: int
    heads: int
    vocabulary: int
    positions: int
    position_offset: int
    token_types: int
    pad_id: int
    epsilon: float
    pooling: str
    normalize: bool
    max_tokens: int
    lowercase: bool

    @property
    def tokenizer(self) -> Path:
        return self.folder / "tokenizer.json"

    @property
    def weights(self) -> Path:
        return self.folder / "model.safetensors"

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Each tensor the encoder uses, without prefix, and the shape that config.json promises."""
        hidden, wide = self.hidden, self.intermediate
        shapes: dict[str, tuple[int, ...]] = {
            "embeddings.word_embeddings.weight": (self.vocabulary, hidden),
            "embeddings.position_embeddings.weight": (self.positions, hidden),
            "embeddings.token_type_embeddings.weight": (self.token_types, hidden),
            "embeddings.LayerNorm.weight": (hidden,),
            "embeddings.LayerNorm.bias": (hidden,),
        }
        for index in range(self.layers):
            layer = f"encoder.layer.{index}."
            for name, rows, columns in (
                ("attention.self.query", hidden, hidden),
                ("attention.self.key", hidden, hidden),
                ("attention.self.value", hidden, hidden),
                ("attention.output.dense", hidden, hidden),
                ("intermediate.dense", wide, hidden),
                ("output.dense", hidden, wide),
            ):
                shapes[f"{layer}{name}.weight"] = (rows, columns)
                shapes[f"{layer}{name}.bias"] = (rows,)
            for name in ("attention.output.LayerNorm", "output.LayerNorm"):
                shapes[f"{layer}{name}.weight"] = (hidden,)
                shapes[f"{layer}{name}.bias"] = (hidden,)
        return shapes


def refuse(message: str) -> ModelError:
    return ModelError("ER_MODEL_LOAD", message)


def read_checkpoint(folder: str | Path) -> Checkpoint:
    """Reads and checks a sentence-encoder folder; raises ModelError ER_MODEL_LOAD naming the file at fault."""
    root = Path(folder)
    if not root.is_dir():
        raise refuse(f"model folder {root} does not exist; {REMEDY}")
    config = read_json(root / "config.json")
    for field in ("model_file", "auto_map"):
        if field in config:
            raise refuse(f"{root / 'config.json'} names `{field}`, which would run code from the checkpoint; refused")
    kind = config.get("model_type")
    if kind not in FAMILIES:
        raise refuse(f"{root / 'config.json'}: model_type {kind!r} is not supported; supported: {', '.join(FAMILIES)}")
    for field, accepted in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
        if config.get(field, accepted) != accepted:
            raise refuse(f"{root / 'config.json'}: {field} {config[field]!r} is not supported; supported: {accepted}")
    normalize, pooling = read_modules(root)
    for name in ("tokenizer.json", "model.safetensors"):
        if not (root / name).is_file():
            raise refuse(f"{root / name} is missing; {REMEDY}")

    def whole(field: str, least: int = 1) -> int:
        value = config.get(field)
        if not isinstance(value, int) or value < least:
            raise refuse(f"{root / 'config.json'}: {field} must be a whole number of at least {least}, not {value!r}")
        return value

    hidden, heads = whole("hidden_size"), whole("num_attention_heads")
    if hidden % heads:
        raise refuse(f"{root / 'config.json'}: hidden_size {hidden} is not a multiple of {heads} attention heads")
    pad_id = config.get("pad_token_id") or 0
    positions = whole("max_position_embeddings")
    position_offset = 0 if kind == "bert" else pad_id + 1
    sentence = read_json(root / "sentence_bert_config.json", required=False)
    limit = sentence.get("max_seq_length") or positions - position_offset
    return Checkpoint(
        folder=root,
        prefix=FAMILIES[kind],
        hidden=hidden,
        intermediate=whole("intermediate_size"),
        layers=whole("num_hidden_layers"),
        heads=heads,
        vocabulary=whole("vocab_size"),
        positions=positions,
        position_offset=position_offset,
        token_types=whole("type_vocab_size"),
        pad_id=pad_id,
        epsilon=float(config.get("layer_norm_eps", 1e-12)),
        pooling=pooling,
        normalize=normalize,
        max_tokens=min(int(limit), positions - position_offset),
        lowercase=bool(sentence.get("do_lower_case", False)),
    )


def read_modules(root: Path) -> tuple[bool, str]:
    """Whether vectors are normalised, and how tokens become one vector, as modules.json and its folders say."""
    path = root / "modules.json"
    modules = read_json(path, kind=list)
    kinds = [str(entry.get("type", "")).rsplit(".", 1)[-1] for entry in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise refuse(
            f"{path}: modules {', '.join(kinds) or 'none'} are not supported; "
            "supported: Transformer, Pooling and, if wanted, Normalize"
        )
    path = root / str(modules[1].get("path", "")) / "config.json"
    chosen = [field for field, value in read_json(path).items() if field.startswith("pooling_mode") and value]
    if len(chosen) != 1 or chosen[0] not in POOLING:
        raise refuse(
            f"{path}: pooling {', '.join(chosen) or 'not named'} is not supported; supported: one of "
            f"{', '.join(POOLING)}"
        )
    return len(kinds) == 3, POOLING[chosen[0]]


def read_json(path: Path, *, kind: type = dict, required: bool = True) -> Any:
    """The JSON value of a file, of the kind asked for; an absent file that is not required reads as empty."""
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError:
        if not required:
            return kind()
        raise refuse(f"{path} is missing; {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise refuse(f"{path} cannot be read: {error}; {REMEDY}") from None
    if not isinstance(value, kind):
        raise refuse(f"{path} must hold a JSON {'object' if kind is dict else 'list'}; {REMEDY}")
    return value
