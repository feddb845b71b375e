"""How logits become tokens: the likeliest ones, or ones drawn from a seed of each row's own.

A sampler takes logits [1, V], normalised or not, and gives a token [1]; `sample` does many rows at once. It
knows no model and no batch.
"""

from __future__ import annotations

import secrets
from typing import Any

# Below this the likeliest token is all that is left, and numbers would overflow.
COLDEST = 1e-4


def greedy(logits: Any) -> Any:
    """The sampler of rows at temperature 0: the likeliest token."""
    import mlx.core as mx

    return mx.argmax(logits, axis=-1)


class Sampler:
    """Draws from the `top_k` likeliest tokens (0: all) that make up `top_p` of the chances (1: all).

    Each draw has a key of the seed and its own number: what a row draws depends on no other row, and the
    same seed draws the same again.
    """

    __slots__ = ("_draws", "_seed", "factor", "top_k", "top_p")

    def __init__(self, temperature: float, top_p: float, top_k: int, seed: int) -> None:
        self.factor = 1 / temperature
        self.top_p = top_p
        self.top_k = top_k
        # 64 bits of seed in 32: the other half of a key counts the draws.
        self._seed = (seed ^ (seed >> 32)) & 0xFFFFFFFF
        self._draws = 0

    def __call__(self, logits: Any) -> Any:
        return _draw([self], logits)

    def next_key(self) -> list[int]:
        """The two numbers of the next draw's key."""
        self._draws += 1
        return [self._seed, self._draws & 0xFFFFFFFF]


def sampler_of(temperature: float, top_p: float, top_k: int, seed: int | None) -> Any:
    """The sampler of one row; rows at temperature 0 share one. Without a seed it takes one of its own."""
    if temperature < COLDEST:
        return greedy
    return Sampler(temperature, top_p, top_k, secrets.randbits(53) if seed is None else seed)


def sample(samplers: list[Any], logits: Any) -> Any:
    """A token for each row of logits [B, V], by its sampler. Rows that draw alike are drawn together."""
    import mlx.core as mx

    groups: dict[tuple[int, bool], list[int]] = {}
    width = logits.shape[-1]
    for row, sampler in enumerate(samplers):
        if sampler is not greedy:
            # Not by who else is there: a row's noise has the shape that its own settings give it.
            kept = sampler.top_k if 0 < sampler.top_k < width else 0
            groups.setdefault((kept, sampler.top_p < 1), []).append(row)
    if not groups:
        return mx.argmax(logits, axis=-1)
    if len(groups) == 1 and samplers.count(greedy) == 0:
        return _draw(samplers, logits)
    chosen = mx.argmax(logits, axis=-1)
    for rows in groups.values():
        at = mx.array(rows)
        chosen[at] = _draw([samplers[row] for row in rows], logits[at])
    return chosen


def _draw(samplers: list[Sampler], logits: Any) -> Any:
    """Draws for rows of one group: all of them keep equally many tokens, and all or none look at `top_p`."""
    import mlx.core as mx

    scaled = logits.astype(mx.float32) * mx.array([[each.factor] for each in samplers])
    kept = None
    most = samplers[0].top_k
    if 0 < most < scaled.shape[-1]:
        kept = mx.argpartition(-scaled, kth=most - 1, axis=-1)[:, :most]
        scaled = mx.take_along_axis(scaled, kept, axis=-1)
    if samplers[0].top_p < 1:
        order = mx.argsort(-scaled, axis=-1)
        scaled = mx.take_along_axis(scaled, order, axis=-1)
        kept = order if kept is None else mx.take_along_axis(kept, order, axis=-1)
        chances = mx.softmax(scaled, axis=-1)
        # Chances of the likelier ones alone: the first token always stays.
        before = mx.cumsum(chances, axis=-1) - chances
        enough = before >= mx.array([[each.top_p] for each in samplers])
        scaled = mx.where(enough, mx.array(-float("inf")), scaled)
    keys = mx.array([each.next_key() for each in samplers], dtype=mx.uint32)
    width = scaled.shape[-1]
    noise = mx.vmap(lambda key: mx.random.gumbel((width,), key=key))(keys)
    drawn = mx.argmax(scaled + noise, axis=-1)
    return drawn if kept is None else mx.take_along_axis(kept, drawn[:, None], axis=-1)[:, 0]
