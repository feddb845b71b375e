"""The `verify` operation: pairs of a claim and a passage in, what the passage says about the claim out.

An item is `[claim, passage]`. With a checkpoint of three outputs its row is the chances of supports, refutes
and neither, in this order, which add up to one. With a reranker, which has one output, the row is a single
number, the chance that the passage is relevant; `dimensions` in `facts` says which of the two it is. The
chances are the model's own, not calibrated.

It tokenises, cuts long pairs, batches and reads the numbers out. It knows no frames, no pool and no
mathematics; mlx and tokenizers are imported in `load`, so that the worker says hello before it pays for them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from .. import metal, runtime
from ..batcher import passes_of
from ..errors import ModelError
from ..models.checkpoint import REMEDY, read_tokenizer, refuse
from ..models.classifier import Classifier, read_classifier
from .embed import CPU_LIMITS, CPU_WARM_UP_TOKENS, LONG_BUCKETS, METAL_LIMITS
from .model_folder import ModelFolder
from .vectors import Vectors


class Row(NamedTuple):
    """A pair as the model reads it: token ids, and each token's type."""

    ids: list[int]
    types: list[int]


class Verify(ModelFolder):
    """Chances of pairs from a classifier; `load` and `warm_up` come before the first `forward`."""

    name = "verify"

    def __init__(
        self,
        model_dir: str,
        *,
        first: str | None = None,
        most_tokens: int | None = None,
        **known: str | None,
    ) -> None:
        super().__init__(model_dir, **known)
        self._first = first
        self._most_tokens = most_tokens

    def load(self) -> None:
        """Imports MLX behind a fast BLAS and reads the checkpoint; raises ModelError ER_MODEL_LOAD.

        Sets `machine`: which BLAS, which of its kernels, which device.
        """
        model = read_classifier(self._model_dir, first=self._first, most_tokens=self._most_tokens)
        self.classification, self.checkpoint = model, model.encoder
        self.machine = runtime.prepare(self._blas)
        self.classifier = Classifier(model, self.machine["core"])
        self.tokenizer = self._read_tokenizer()
        most = self.checkpoint.max_tokens
        self.buckets = (*(bucket for bucket in LONG_BUCKETS if bucket < most), most)
        on_metal = self.machine["device"] == "metal"
        self.limits = METAL_LIMITS._replace(buckets=self.buckets) if on_metal else CPU_LIMITS

    def warm_up(self) -> None:
        """Runs the real path, short and long, so that no request pays for something that happens once."""
        most = self.checkpoint.max_tokens
        rows = self._tokenize([["a", "a " * most]])
        lengths = self.buckets if self.machine["device"] == "metal" else CPU_WARM_UP_TOKENS
        for length in (min(length, most) for length in lengths):
            self._classify([Row(*(part[:length] for part in row)) for row in rows], length)

    def forward(self, items: Sequence[Any], options: dict[str, Any]) -> tuple[Vectors, list[int]]:
        """A row of chances each in the order of `items`, and how many tokens each is, without padding.

        `{"pad": "fixed"}` runs each item alone, with Metal in a fixed bucket: its bits depend on nothing
        else.
        """
        rows = self._tokenize(items)
        lengths = [len(row.ids) for row in rows]
        passes = passes_of(lengths, self.limits, self.buckets, options)
        labels = len(self.classification.labels)
        width = 4 * labels
        chances = bytearray(width * len(rows))
        for indices, length in passes:
            made = self._classify([rows[index] for index in indices], length)
            for position, index in enumerate(indices):
                chances[index * width : (index + 1) * width] = made[position * width : (position + 1) * width]
        metal.ran(max((length for _, length in passes), default=0))
        return Vectors(chances, labels), lengths

    @property
    def facts(self) -> dict[str, Any]:
        """What `ready` says about the model; `dimensions` is 3 for chances of sides, 1 for relevance."""
        return self._facts(len(self.classification.labels), self.checkpoint.max_tokens)

    def _classify(self, rows: list[Row], length: int) -> memoryview:
        ids, types = [row.ids for row in rows], [row.types for row in rows]
        return memoryview(self.classifier.chances(ids, length, types)).cast("B")

    def _tokenize(self, items: Sequence[Any]) -> list[Row]:
        pairs = [pair_of(index, item) for index, item in enumerate(items)]
        if not self.classification.claim_first:
            pairs = [(passage, claim) for claim, passage in pairs]
        return [self._fit(encoding) for encoding in self.tokenizer.encode_batch_fast(pairs)]

    def _fit(self, encoding: Any) -> Row:
        """A pair within the limit: the ends of its texts are left out, never the marks around them.

        The passage is cut first, down to a quarter of the room; only a claim that needs more than the rest is
        cut as well. (What libraries do unasked, `longest_first`, would cut a long claim before the passage.)
        """
        ids, types = encoding.ids, encoding.type_ids
        limit, own = self.checkpoint.max_tokens, self.template
        if len(ids) <= limit and sum(map(self.marks.__contains__, ids)) == own:
            return Row(ids, types)
        texts: tuple[list[int], list[int]] = ([], [])
        for place, text in enumerate(encoding.sequence_ids):
            if text is not None and ids[place] not in self.marks:
                texts[text].append(place)
        of_claim, of_passage = texts if self.classification.claim_first else texts[::-1]
        room = limit - own
        claim = min(len(of_claim), room - min(len(of_passage), max(1, room // 4)))
        kept = {*of_claim[:claim], *of_passage[: room - claim]}
        places = [place for place, text in enumerate(encoding.sequence_ids) if text is None or place in kept]
        return Row([ids[place] for place in places], [types[place] for place in places])

    def _read_tokenizer(self) -> Any:
        tokenizer = read_tokenizer(self.checkpoint)
        tokenizer.no_truncation()
        # A mark such as [SEP] that stands in a source is text, so that it can't end the passage; where the
        # vocabulary has no other way to write it, it is left out.
        tokenizer.encode_special_tokens = True
        pair = tokenizer.encode("a", "a")
        self._check_template(self.checkpoint.tokenizer, pair)
        own = [token for token, text in zip(pair.ids, pair.sequence_ids, strict=True) if text is None]
        self.template, self.marks = len(own), {*own, self.checkpoint.pad_id}
        return tokenizer

    def _check_template(self, path: str, encoding: Any) -> None:
        """A pair must come with a mark before it and one between, in types that the model knows."""
        order = [place for place in encoding.sequence_ids if place is not None]
        between = encoding.sequence_ids.index(1) - order.count(0) if 1 in order else 0
        if encoding.sequence_ids[:1] != [None] or order != sorted(order) or between < 2:
            raise refuse(
                f"{path} does not say how a pair of texts is put together (post_processor, `pair`); "
                "save the tokenizer again as its model card says"
            )
        marks = len(encoding.ids) - len(order)
        if self.checkpoint.max_tokens < marks + 2:
            raise refuse(f"{path}: {self.checkpoint.max_tokens} tokens leave no room for a pair")
        if self.classification.typed and max(encoding.type_ids) >= self.checkpoint.token_types:
            raise refuse(
                f"{path} gives token type {max(encoding.type_ids)}, config.json promises "
                f"{self.checkpoint.token_types}; {REMEDY}"
            )


def pair_of(index: int, item: Any) -> tuple[str, str]:
    """An item as (claim, passage); ModelError ER_MODEL_INPUT where it is none."""
    if (
        not isinstance(item, list | tuple)
        or len(item) != 2
        or not all(isinstance(text, str) for text in item)
    ):
        raise refuse_item(index, "not a pair of two texts, [claim, passage]")
    try:
        for text in item:
            text.encode()
    except UnicodeEncodeError as error:
        raise refuse_item(index, f"not valid Unicode: {error}") from None
    return item[0], item[1]


def refuse_item(index: int, reason: str) -> ModelError:
    return ModelError("ER_MODEL_INPUT", f"Item {index} of verify is {reason}")
