"""Reads what a model folder says about itself: architecture, pooling, normalisation, limits, weights.

It opens small JSON files and checks shapes; it makes no arrays and knows no mathematics. What a checkpoint
does not say is refused, never guessed, and nothing in a checkpoint is ever run as code.
"""

from __future__ import annotations

import json
import os
from typing import Any, NamedTuple

from ..errors import ModelError

REMEDY = "run `npx evidence-runner doctor`"

# model_type, and what each tensor's name starts with where the folder was saved from a larger model.
FAMILIES = {"bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}


class Checkpoint(NamedTuple):
    """The facts of one encoder folder that its code needs; sizes are in elements and tokens.

    `pooling` is "mean" or "cls"; `position_offset` is the row of the first token's position.
    """

    folder: str
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
    def tokenizer(self) -> str:
        return os.path.join(self.folder, "tokenizer.json")

    @property
    def weights(self) -> str:
        return os.path.join(self.folder, "model.safetensors")

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


def read_checkpoint(folder: str) -> Checkpoint:
    """Reads and checks a sentence encoder's folder; ModelError ER_MODEL_LOAD names the file at fault."""
    encoder = read_encoder(folder, read_config(folder))
    pooling, normalize = read_modules(folder)
    sentence = read_json(os.path.join(folder, "sentence_bert_config.json"), required=False)
    return encoder._replace(
        pooling=pooling,
        normalize=normalize,
        max_tokens=min(int(sentence.get("max_seq_length") or encoder.max_tokens), encoder.max_tokens),
        lowercase=bool(sentence.get("do_lower_case", False)),
    )


def read_config(folder: str) -> dict[str, Any]:
    """A model folder's config.json; refused where it names code to run."""
    if not os.path.isdir(folder):
        raise refuse(f"Model folder {folder} does not exist; {REMEDY}")
    path = os.path.join(folder, "config.json")
    config = read_json(path)
    for field in ("model_file", "auto_map"):
        if field in config:
            raise refuse(f"{path} names `{field}`, which would run code from the checkpoint; refused")
    return config


def read_encoder(folder: str, config: dict[str, Any]) -> Checkpoint:
    """The encoder that config.json describes: its first token's vector as it comes, for the longest texts."""
    path = os.path.join(folder, "config.json")

    def whole(field: str, least: int = 1) -> int:
        value = config.get(field)
        if not isinstance(value, int) or value < least:
            raise refuse(f"{path}: {field} must be a whole number of at least {least}, not {value!r}")
        return value

    kind = config.get("model_type")
    if kind not in FAMILIES:
        raise refuse(f"{path}: model_type {kind!r} is not supported; supported: {', '.join(FAMILIES)}")
    for field, accepted in (("hidden_act", "gelu"), ("position_embedding_type", "absolute")):
        if config.get(field, accepted) != accepted:
            raise refuse(f"{path}: {field} {config[field]!r} is not supported; supported: {accepted}")
    hidden, heads = whole("hidden_size"), whole("num_attention_heads")
    if hidden % heads:
        raise refuse(f"{path}: hidden_size {hidden} is not a multiple of {heads} attention heads")
    # Where the file leaves it out, it is what the architecture's own configuration has.
    usual_pad = 0 if kind == "bert" else 1
    pad_id = whole("pad_token_id", 0) if "pad_token_id" in config else usual_pad
    positions = whole("max_position_embeddings")
    position_offset = 0 if kind == "bert" else pad_id + 1
    checkpoint = Checkpoint(
        folder=folder,
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
        pooling="cls",
        normalize=False,
        max_tokens=positions - position_offset,
        lowercase=False,
    )
    for needed in (checkpoint.tokenizer, checkpoint.weights):
        if not os.path.isfile(needed):
            raise refuse(f"{needed} is missing; {REMEDY}")
    return checkpoint


def read_tokenizer(checkpoint: Checkpoint) -> Any:
    """The checkpoint's tokenizer, without padding; its truncation is for the caller to set.

    The file's own padding and truncation belong to its training run; the checkpoint's limit counts.
    """
    from tokenizers import Tokenizer

    path = checkpoint.tokenizer
    try:
        tokenizer = Tokenizer.from_file(path)
    except Exception as error:  # the binding raises nothing narrower
        raise refuse(f"{path} cannot be read: {error}; {REMEDY}") from None
    known, promised = tokenizer.get_vocab_size(), checkpoint.vocabulary
    if known > promised:
        raise refuse(f"{path} has {known} tokens, config.json promises {promised}; {REMEDY}")
    tokenizer.no_padding()
    return tokenizer


def read_modules(folder: str) -> tuple[str, bool]:
    """How tokens become one vector, and whether it is normalised, as modules.json and its folders say."""
    path = os.path.join(folder, "modules.json")
    modules = read_json(path, kind=list)
    kinds = [str(module.get("type", "")).rsplit(".", 1)[-1] for module in modules if isinstance(module, dict)]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        raise refuse(
            f"{path}: modules {', '.join(kinds) or 'none'} are not supported; "
            "supported: Transformer, Pooling and, where wanted, Normalize"
        )
    path = os.path.join(folder, str(modules[1].get("path", "")), "config.json")
    chosen = [field for field, value in read_json(path).items() if field.startswith("pooling_mode") and value]
    if len(chosen) != 1 or chosen[0] not in POOLING:
        named = ", ".join(chosen) or "none"
        raise refuse(f"{path}: pooling {named} is not supported; supported: one of {', '.join(POOLING)}")
    return POOLING[chosen[0]], len(kinds) == 3


def read_json(path: str, *, kind: type = dict, required: bool = True) -> Any:
    """The JSON value of a file, of the kind asked for; an absent file that is not required reads as empty."""
    try:
        with open(path, "rb") as file:
            value = json.loads(file.read())
    except FileNotFoundError:
        if not required:
            return kind()
        raise refuse(f"{path} is missing; {REMEDY}") from None
    except (OSError, ValueError) as error:
        raise refuse(f"{path} cannot be read: {error}; {REMEDY}") from None
    if not isinstance(value, kind):
        raise refuse(f"{path} must hold a JSON {'object' if kind is dict else 'list'}; {REMEDY}")
    return value
