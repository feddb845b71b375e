"""Sequence classifiers over the encoders of `bert.py`: token ids of (claim, passage) pairs in, chances out.

Two kinds of checkpoint are read. One with three outputs, which `id2label` names, gives the chances that the
passage supports the claim, refutes it, or does neither. One with a single output is a reranker: it gives the
chance that the passage is relevant, and nothing about sides. All else is refused, with what to do about it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any, NamedTuple

from .bert import Bert, read_tensors
from .checkpoint import Checkpoint, read_config, read_encoder, read_json, refuse

# Each architecture's model_type, and the names of its head's two layers as checkpoints have them. Every head
# reads the first token: tanh of the first layer, then the outputs.
HEADS = {
    "BertForSequenceClassification": ("bert", "pooler.dense", "classifier"),
    "RobertaForSequenceClassification": ("roberta", "classifier.dense", "classifier.out_proj"),
    "XLMRobertaForSequenceClassification": ("xlm-roberta", "classifier.dense", "classifier.out_proj"),
}
SIDES = ("supports", "refutes", "neither")
# Spellings of the three, in small letters without anything between the words.
INFERENCE = {
    "entailment": "supports",
    "entails": "supports",
    "entailed": "supports",
    "entail": "supports",
}
SPELLINGS = {
    **INFERENCE,
    "support": "supports",
    "supports": "supports",
    "supported": "supports",
    "contradiction": "refutes",
    "contradicts": "refutes",
    "contradicted": "refutes",
    "contradict": "refutes",
    "contradictory": "refutes",
    "refute": "refutes",
    "refutes": "refutes",
    "refuted": "refutes",
    "neutral": "neither",
    "neither": "neither",
    "nei": "neither",
    "noinfo": "neither",
    "notenoughinfo": "neither",
    "notenoughinformation": "neither",
    "notenoughevidence": "neither",
}
CLAIM_OR_PASSAGE = ("claim", "passage")
# What a pair costs grows with the square of its length, and evidence is read by passages: longer pairs are
# cut unless the configuration asks for more.
USUAL_MOST_TOKENS = 512


class Classification(NamedTuple):
    """A classifier's folder: its encoder, its head, and how pairs go in.

    `outputs` are the rows of the last layer in the order of `labels`. `claim_first`: the model reads the
    claim before the passage. `typed`: tokens of the second text have another type.
    """

    encoder: Checkpoint
    dense: str
    projection: str
    labels: tuple[str, ...]
    outputs: tuple[int, ...]
    claim_first: bool
    typed: bool

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Each tensor of the head and the shape that config.json promises."""
        hidden, count = self.encoder.hidden, len(self.outputs)
        return {
            f"{self.dense}.weight": (hidden, hidden),
            f"{self.dense}.bias": (hidden,),
            f"{self.projection}.weight": (count, hidden),
            f"{self.projection}.bias": (count,),
        }


def read_classifier(
    folder: str, *, first: str | None = None, most_tokens: int | None = None
) -> Classification:
    """Reads and checks a classifier's folder; ModelError ER_MODEL_LOAD says what is wrong and what to do.

    `first`, "claim" or "passage", is the text that the checkpoint was trained to read first. Without it that
    is the passage where a label says entailment (premise, then hypothesis) and the claim for a reranker
    (query, then document); other checkpoints need to be told.
    """
    config, path = read_config(folder), os.path.join(folder, "config.json")
    if first not in (None, *CLAIM_OR_PASSAGE):
        raise refuse(f"`first` must be claim or passage, not {first!r}")
    named = config.get("architectures")
    architecture = named[0] if isinstance(named, list) and len(named) == 1 else named
    head = HEADS.get(architecture) if isinstance(architecture, str) else None
    if head is None or head[0] != config.get("model_type"):
        raise refuse(
            f"{path}: architecture {architecture!r} with model_type {config.get('model_type')!r} can't be "
            "used for verify; choose a sequence-classification or reranker checkpoint, one of "
            f"{', '.join(HEADS)}"
        )
    encoder = read_encoder(folder, config)
    labels, outputs, usual_first = read_labels(path, config)
    if first is None and usual_first is None:
        raise refuse(
            f"{path}: its labels do not tell whether the model reads the claim or the passage first; "
            "set `first` to claim or passage, as its model card says"
        )
    tokenizer = read_json(os.path.join(folder, "tokenizer_config.json"), required=False)
    limit = tokenizer.get("model_max_length")
    limits = [encoder.max_tokens, most_tokens or USUAL_MOST_TOKENS]
    if isinstance(limit, int | float) and limit >= 1:
        limits.append(int(min(limit, encoder.max_tokens)))
    return Classification(
        encoder=encoder._replace(max_tokens=min(limits)),
        dense=head[1],
        projection=head[2],
        labels=labels,
        outputs=outputs,
        claim_first=(first or usual_first) == "claim",
        typed=head[0] == "bert",
    )


def read_labels(path: str, config: dict[str, Any]) -> tuple[tuple[str, ...], tuple[int, ...], str | None]:
    """What the outputs mean, which row is which, and what is read first where the labels tell."""
    named, problem = config.get("id2label"), config.get("problem_type")
    count = len(named) if isinstance(named, dict) else config.get("num_labels")
    # Softmax over many outputs and a sigmoid over one are right for what was trained so, and nothing else.
    if problem not in (None, "multi_label_classification" if count == 1 else "single_label_classification"):
        raise refuse(
            f"{path}: outputs of problem_type {problem!r} ({count}) are no chances of sides or of relevance; "
            "choose a checkpoint trained to classify pairs or to rank passages"
        )
    if count == 1:
        label = named.get("0") if isinstance(named, dict) else None
        if plain_of(label) in SPELLINGS:
            raise refuse(
                f"{path}: the only output is {label!r}, which is no relevance and leaves two sides open; "
                "choose a reranker, or a checkpoint with three outputs"
            )
        return ("relevance",), (0,), "claim"
    if not isinstance(named, dict) or set(named) != {"0", "1", "2"}:
        raise refuse(
            f"{path}: id2label must name three outputs (entailment, contradiction and neutral, or supports, "
            f"refutes and neither), or one for a reranker, not {named!r}; choose such a checkpoint, or write "
            "in id2label what its model card says"
        )
    spelled = {index: plain_of(named[index]) for index in sorted(named)}
    sides = [SPELLINGS.get(label) for label in spelled.values()]
    if sorted(map(str, sides)) != sorted(SIDES):
        raise refuse(
            f"{path}: labels {', '.join(str(named[index]) for index in sorted(named))} can't be told to be "
            "supports, refutes and neither; write entailment, contradiction and neutral in id2label, each at "
            "the number that its model card gives"
        )
    other = config.get("label2id")
    for label, index in other.items() if isinstance(other, dict) else ():
        if label in named.values() and named.get(str(index)) != label:
            raise refuse(
                f"{path}: id2label and label2id disagree about {label!r}; mend them as its card says"
            )
    inference = any(label in INFERENCE for label in spelled.values())
    return SIDES, tuple(sides.index(side) for side in SIDES), "passage" if inference else None


def plain_of(label: Any) -> str:
    """A label's letters, small."""
    return "".join(filter(str.isalpha, str(label).lower()))


class Classifier:
    """An encoder with its head, in memory. ModelError ER_MODEL_LOAD."""

    def __init__(self, classification: Classification, core: str | None = None) -> None:
        self.classification = classification
        self.encoder = Bert(classification.encoder, core)
        self.mx = mx = self.encoder.mx
        tensors = read_tensors(mx, classification.encoder, classification.shapes())

        def pair(name: str) -> tuple[Any, Any]:
            return tuple(tensors.pop(f"{name}.{part}").astype(mx.float32) for part in ("weight", "bias"))

        self.dense = pair(classification.dense)
        # The outputs come in the order of `labels`, so that nothing is sorted afterwards.
        order = mx.array(classification.outputs)
        weight, bias = pair(classification.projection)
        self.projection = weight[order], bias[order]
        mx.eval(self.dense, self.projection)

    def chances(self, rows: Sequence[Sequence[int]], length: int, types: Sequence[Sequence[int]]) -> Any:
        """Chances of rows of token ids, up to `length` each: (rows, labels), float32, not evaluated yet.

        `types` has each token's type; it counts only where the model knows types.
        """
        mx, linear = self.mx, self.encoder.arithmetic.linear
        vectors = self.encoder.encode(rows, length, types if self.classification.typed else None)
        scores = linear(mx.tanh(linear(vectors, self.dense)), self.projection)
        if len(self.classification.labels) == 1:
            chances = mx.sigmoid(scores)
        else:
            chances = mx.softmax(scores, axis=-1, precise=True)
        return mx.contiguous(chances)
