"""Qwen3-Embedding encoders on mlx-lm's backbone: token ids in, the last token's vector out.

The backbone and its weights are `causal.py`'s. Here is what makes it an encoder: which folders are one, the
token that ends a text, whose hidden state is the vector, and what is put before a query.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from .arithmetic import finish
from .causal import load_backbone, read_causal
from .checkpoint import (
    USUAL_MOST_TOKENS,
    Checkpoint,
    read_json,
    read_limits,
    read_modules,
    read_pooling,
    read_tokenizer,
    read_whole,
    refuse,
)
from .prompts import SENTENCE_FILE

POOLING = {"pooling_mode_lasttoken": "lasttoken"}
FAMILY = "Qwen3-Embedding"
END = "<|endoftext|>"
# The family's own, for folders that lost the file which says so.
QUERY_PROMPT = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:"
CARD_CHARACTERS = 4096


class QwenCheckpoint(NamedTuple):
    """The facts of one folder that its code needs; sizes are in elements and tokens."""

    folder: str
    hidden: int
    vocabulary: int
    normalize: bool
    max_tokens: int
    lowercase: bool
    dimensions: int

    tokenizer = Checkpoint.tokenizer


def read_qwen3_embedding(
    folder: str, config: dict[str, Any], most_tokens: int | None = None
) -> QwenCheckpoint:
    """Reads and checks an encoder's folder, of which `config` is config.json.

    ModelError ER_MODEL_LOAD where it is a language model, or says nothing of how tokens become a vector.
    """
    path = os.path.join(folder, "config.json")
    if os.path.isfile(os.path.join(folder, "modules.json")):
        _, normalize = read_modules(folder, POOLING)
    elif is_known(folder, config):
        # Conversions for MLX lose these files; all checkpoints of the family are of the last token.
        pooling = os.path.join(folder, "1_Pooling", "config.json")
        if os.path.isfile(pooling):
            read_pooling(pooling, POOLING)
        normalize = True
    else:
        raise refuse(
            f"{folder} has no modules.json, and neither {SENTENCE_FILE}, README.md nor _name_or_path in "
            f"config.json says that it is {FAMILY}: it may be a language model, which gives no vectors of "
            "texts; choose an encoder, or put back the files that its conversion lost"
        )
    hidden = read_whole(path, config, "hidden_size")
    max_tokens, lowercase = read_limits(folder, most_tokens or USUAL_MOST_TOKENS, read_causal(folder).context)
    return QwenCheckpoint(
        folder=folder,
        hidden=hidden,
        vocabulary=read_whole(path, config, "vocab_size"),
        normalize=normalize,
        max_tokens=max_tokens,
        lowercase=lowercase,
        dimensions=hidden,
    )


def is_known(folder: str, config: dict[str, Any]) -> bool:
    """Whether a folder without modules.json is an encoder of this family for sure.

    Other models' cards speak of the family too (its rerankers' do): only lines that name a model count.
    """
    if os.path.isfile(os.path.join(folder, SENTENCE_FILE)) or FAMILY in str(config.get("_name_or_path")):
        return True
    try:
        with open(os.path.join(folder, "README.md"), encoding="utf-8", errors="replace") as file:
            card = file.read(CARD_CHARACTERS)
    except OSError:
        return False
    front = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    base = re.search(r"^base_model:((?: .*)?(?:\n *- .*)*)", front[1] if front else "", re.MULTILINE)
    title = re.search(r"^# .*$", card[front.end() if front else 0 :], re.MULTILINE)
    return any(FAMILY in line for line in (base[1] if base else "", title[0] if title else ""))


def read_ending_tokenizer(checkpoint: QwenCheckpoint) -> tuple[Any, int | None]:
    """The tokenizer, and the token that has to be put after each text: None where it does that itself."""
    tokenizer = read_tokenizer(checkpoint)
    tokenizer.no_truncation()
    # A mark that stands in a text is text.
    tokenizer.encode_special_tokens = True
    made = tokenizer.encode("a")
    own = [place is None for place in made.sequence_ids]
    if own and own[-1]:
        return tokenizer, None
    path = os.path.join(checkpoint.folder, "tokenizer_config.json")
    settings = read_json(path, required=False)
    named = settings.get("eos_token") if settings.get("add_eos_token") is True else None
    if isinstance(named, dict):
        named = named.get("content")
    if named is None:
        config = read_json(os.path.join(checkpoint.folder, "config.json"))
        usual = tokenizer.token_to_id(END)
        named = END if usual is not None and config.get("eos_token_id") == usual else None
    end = None if named is None else tokenizer.token_to_id(str(named))
    if end is None:
        raise refuse(
            f"{checkpoint.tokenizer} puts no token after a text (post_processor), and neither {path} "
            f"(add_eos_token) nor config.json (eos_token_id, {END}) says which it is; the vector is that "
            "token's, so the folder can't be used: take the tokenizer of the original model"
        )
    return tokenizer, end


class Qwen3Embedding:
    """An encoder, in memory. ModelError ER_MODEL_LOAD."""

    def __init__(self, checkpoint: QwenCheckpoint, core: str | None = None) -> None:
        import mlx.core as mx

        self.mx = mx
        self.checkpoint = checkpoint
        self.backbone = load_backbone(checkpoint.folder)[0].model

    def encode(self, rows: Sequence[Sequence[int]], length: int) -> Any:
        """Vectors of rows of token ids, each padded to `length`: (rows, dimensions), not yet evaluated.

        The padding stands after the texts, where no token of theirs looks: it needs no mask.
        """
        mx = self.mx
        ids = mx.array([[*row, *[0] * (length - len(row))] for row in rows])
        hidden = self.backbone(ids)
        last = hidden[mx.arange(len(rows)), mx.array([len(row) - 1 for row in rows])]
        return finish(mx, last.astype(mx.float32), self.checkpoint)
