"""How likely each of a few labels is as the beginning of the answer, in natural log-probabilities.

The head is computed for the prompt's last token alone, and the labels' own logits in float32 from their rows
of it. It knows no texts and no batch; ids go in, numbers come out.
"""

from __future__ import annotations

import copy
import math
from typing import Any

from .causal import Engine

# How far a model's own logits may lie from head and hidden states put together by hand.
SAME = 1e-3
PROBE = (1, 2, 3)


class LabelScores:
    """Scores labels with a loaded model.

    Models that do more than multiply hidden states by a head (they scale or bound logits) are found out here
    and asked for their own logits, at the price of one more forward.
    """

    def __init__(self, engine: Engine) -> None:
        import mlx.core as mx

        self._mx = mx
        self._engine = engine
        self._model = engine.model
        self._backbone, self._head = _parts_of(engine.model)
        if self._head is not None and not self._is_plain():
            self._head = None

    def score(self, cache: list[Any], ids: list[int], labels: list[list[int]]) -> tuple[list[float], float]:
        """Log-probabilities of whole labels after a prompt, and how much of all chances they are.

        `cache` holds the prompt but for `ids`, its end, of which there is at least one; it is used up.
        """
        mx = self._mx
        with mx.stream(self._engine.stream):
            logits, first = self._last(cache, ids, [label[0] for label in labels])
            found = first - mx.logsumexp(logits, axis=-1)
            long = [index for index, label in enumerate(labels) if len(label) > 1]
            rests = self._rests(cache, [labels[index] for index in long]) if long else []
            mx.eval(found, rests)
        scores: list[float] = found.tolist()
        for index, rest in zip(long, rests, strict=True):
            scores[index] += rest.item()
        return scores, min(1.0, sum(math.exp(score) for score in scores))

    def _last(self, cache: list[Any], ids: list[int], firsts: list[int]) -> tuple[Any, Any]:
        """Logits of all tokens, and those of the labels' first ones, where the prompt ends; float32."""
        mx = self._mx
        if self._head is None:
            if len(ids) > 1:
                self._engine.prefill(cache, ids[:-1])
            logits = self._model(mx.array([ids[-1:]]), cache=cache)[0, -1].astype(mx.float32)
            return logits, logits[mx.array(firsts)]
        hidden = self._backbone(mx.array([ids]), cache=cache)[:, -1, :]
        logits = _logits(self._head, hidden)[0].astype(mx.float32)
        own = self._rows(firsts) @ hidden[0].astype(mx.float32)
        return logits, own

    def _rows(self, ids: list[int]) -> Any:
        """The head's rows of these tokens, float32."""
        mx, head, at = self._mx, self._head, self._mx.array(ids)
        if "scales" not in head:
            return head.weight[at].astype(mx.float32)
        biases = head["biases"][at] if head.get("biases") is not None else None
        rows = mx.dequantize(
            head.weight[at],
            head.scales[at],
            biases,
            group_size=head.group_size,
            bits=head.bits,
            mode=head.mode,
        )
        return rows.astype(mx.float32)

    def _rests(self, cache: list[Any], labels: list[list[int]]) -> list[Any]:
        """What the tokens after the first add to each label's log-probability."""
        mx = self._mx
        if self._engine.sharable:
            wide = max(map(len, labels))
            read = mx.array([label + [0] * (wide - len(label)) for label in labels])
            forks = self._engine.cache_of([layer.state for layer in cache], rows=len(labels))
            # Padding stands after what counts, so nothing that counts has seen it.
            chances = self._chances(read, forks)
            counts = mx.array([[1.0] * (len(label) - 1) + [0.0] * (wide - len(label)) for label in labels])
            return list((chances * counts).sum(axis=-1))
        return [self._chances(mx.array([label]), copy.deepcopy(cache)).sum(axis=-1)[0] for label in labels]

    def _chances(self, read: Any, cache: list[Any]) -> Any:
        """Log-probabilities of the tokens [B, L] from the second on, each after those before it."""
        mx = self._mx
        logits = self._model(read[:, :-1], cache=cache).astype(mx.float32)
        own = mx.take_along_axis(logits, read[:, 1:, None], axis=-1)[..., 0]
        return own - mx.logsumexp(logits, axis=-1)

    def _is_plain(self) -> bool:
        mx, ids = self._mx, self._mx.array([PROBE])
        try:
            made = _logits(self._head, self._backbone(ids, cache=self._engine.new_cache()))
            own = self._model(ids, cache=self._engine.new_cache())
            return bool(mx.allclose(made, own, rtol=SAME, atol=SAME).item())
        except Exception:  # an architecture put together in another way: asked for its own logits
            return False


def _parts_of(model: Any) -> tuple[Any, Any]:
    """A model's backbone and its head, a Linear or, where they are tied, an Embedding; None: not found."""
    whole = getattr(model, "language_model", model)
    backbone = getattr(whole, "model", None)
    head = getattr(whole, "lm_head", None) or getattr(backbone, "embed_tokens", None)
    plain = backbone is not None and head is not None and "weight" in head and "bias" not in head
    return (backbone, head) if plain else (None, None)


def _logits(head: Any, hidden: Any) -> Any:
    return head.as_linear(hidden) if hasattr(head, "as_linear") else head(hidden)
