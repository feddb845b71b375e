"""Reads what a model folder says about itself: architecture, pooling, normalisation, limits, weights.

It opens small JSON files and checks shapes; it makes no arrays and knows no mathematics. What a checkpoint
does not say is refused, never guessed, and nothing in a checkpoint is ever run as code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from functools import partial
from typing import Any, NamedTuple

from ..errors import ModelError

REMEDY = "run `npx evidence-runner doctor`"

# model_type, and what each tensor's name starts with where the folder was saved from a larger model.
FAMILIES = {"bert": "bert.", "roberta": "roberta.", "xlm-roberta": "roberta."}
POOLING = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
# Those of `embed` that have files of their own beside this one.
OTHER_FAMILIES = ("modernbert", "qwen3")
# Families that could read far more are cut here unless the configuration asks for more: what a text costs
# grows with the square of its length, and evidence is read by passages.
USUAL_MOST_TOKENS = 1024


class Checkpoint(NamedTuple):
    """The facts of one encoder folder that its code needs; sizes are in elements and tokens.

    `pooling` is "mean" or "cls"; `position_offset` is the row of the first token's position; `dimensions` are
    how many of the first numbers of a vector are kept.
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
    dimensions: int

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


def read_checkpoint(
    folder: str, config: dict[str, Any] | None = None, most_tokens: int | None = None
) -> Checkpoint:
    """Reads and checks a BERT-family sentence encoder's folder; ModelError ER_MODEL_LOAD names the file at
    fault. `config` is its config.json where that has been read."""
    encoder = read_encoder(folder, read_config(folder) if config is None else config, OTHER_FAMILIES)
    pooling, normalize = read_modules(folder)
    max_tokens, lowercase = read_limits(folder, most_tokens or encoder.max_tokens, encoder.max_tokens)
    return encoder._replace(pooling=pooling, normalize=normalize, max_tokens=max_tokens, lowercase=lowercase)


def read_limits(folder: str, wanted: int, most: int) -> tuple[int, bool]:
    """How many tokens a text may have, and whether texts are read in small letters."""
    sentence = read_json(os.path.join(folder, "sentence_bert_config.json"), required=False)
    named = sentence.get("max_seq_length")
    if named is None:
        # Lately it is the tokenizer's file that says it; an enormous number there stands for none.
        settings = read_json(os.path.join(folder, "tokenizer_config.json"), required=False)
        named = settings.get("model_max_length")
    limits = [wanted, most, *([named] if isinstance(named, int | float) and named >= 1 else [])]
    return int(min(limits)), bool(sentence.get("do_lower_case", False))


def shorten(checkpoint: Any, dimensions: int | None) -> Any:
    """The same checkpoint of any family, with vectors cut to their first `dimensions` numbers."""
    if dimensions is None:
        return checkpoint
    hidden = checkpoint.hidden
    if not isinstance(dimensions, int) or not 1 <= dimensions <= hidden:
        raise refuse(f"{checkpoint.folder}: dimensions must be 1 to {hidden}, not {dimensions!r}")
    return checkpoint._replace(dimensions=dimensions)


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


def read_whole(path: str, config: dict[str, Any], field: str, least: int = 1) -> int:
    value = config.get(field)
    if not isinstance(value, int) or value < least:
        raise refuse(f"{path}: {field} must be a whole number of at least {least}, not {value!r}")
    return value


def read_encoder(folder: str, config: dict[str, Any], others: Sequence[str] = ()) -> Checkpoint:
    """The BERT-family encoder that config.json describes: its first token's vector as it comes, for the
    longest texts. `others` are families that its caller takes too."""
    path = os.path.join(folder, "config.json")
    whole = partial(read_whole, path, config)
    kind = config.get("model_type")
    if kind not in FAMILIES:
        known = ", ".join((*FAMILIES, *others))
        raise refuse(f"{path}: model_type {kind!r} is not supported; supported: {known}")
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
        dimensions=hidden,
    )
    require_files(checkpoint.tokenizer, checkpoint.weights)
    return checkpoint


def require_files(*paths: str) -> None:
    for needed in paths:
        if not os.path.isfile(needed):
            raise refuse(f"{needed} is missing; {REMEDY}")


def read_tokenizer(checkpoint: Any) -> Any:
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


def read_modules(folder: str, supported: dict[str, str] = POOLING) -> tuple[str, bool]:
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
    return read_pooling(path, supported), len(kinds) == 3


def read_pooling(path: str, supported: dict[str, str]) -> str:
    """Which of the supported ways a pooling module's config.json names."""
    config = read_json(path)
    # Lately one field with a name; before that a field for each, of which one is true.
    if config.get("pooling_mode") in supported.values():
        return config["pooling_mode"]
    chosen = [field for field, value in config.items() if field.startswith("pooling_mode") and value]
    if len(chosen) != 1 or chosen[0] not in supported:
        named = ", ".join(chosen) or "none"
        raise refuse(f"{path}: pooling {named} is not supported; supported: one of {', '.join(supported)}")
    return supported[chosen[0]]


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
