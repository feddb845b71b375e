"""What runs together: cuts items of different lengths into sub-batches that cost least in all.

Pure functions on lengths; no MLX, no clock, no text. The cost of a sub-batch is that of its tokens and of the
places that padding takes, plus the price of one more pass, so that equal lengths share a pass and very
different ones do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Grid(NamedTuple):
    """What attention costs, in tokens, where it alone sees padding: each place, each pair of places."""

    place: float
    pair: float


class Limits(NamedTuple):
    """How large a sub-batch may be, what a pass costs besides its tokens (in tokens), and length buckets.

    Without a `grid` a place that is padding costs and counts as much as a token.
    """

    rows: int
    tokens: int
    pass_tokens: int
    buckets: tuple[int, ...] = ()
    grid: Grid | None = None

    def size(self, rows: int, length: int, tokens: int) -> int:
        """What counts towards `tokens` of `rows` items, padded to `length`, with so many tokens in all."""
        return rows * length if self.grid is None else tokens

    def cost(self, rows: int, length: int, tokens: int) -> float:
        """In tokens, without the pass."""
        if self.grid is None:
            return rows * length
        return tokens + rows * length * (self.grid.place + self.grid.pair * length)


class SubBatch(NamedTuple):
    """Items that run in one pass: their indices, shortest first, and the tokens that each is padded to."""

    indices: tuple[int, ...]
    length: int


def padded_length(length: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds `length` tokens; `length` itself where there is none. Buckets ascend."""
    for bucket in buckets:
        if bucket >= length:
            return bucket
    return length


def cut(lengths: Sequence[int], limits: Limits) -> list[SubBatch]:
    """Cuts items into sub-batches that cost least in all; O(n log n + n · rows).

    Every index is in exactly one sub-batch. An item larger than the token limit runs alone. Ties fall to
    larger sub-batches and arrival order, so equal input gives equal cuts.
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    best: list[float] = [0]
    start = []
    for last, index in enumerate(order):
        length = padded_length(lengths[index], limits.buckets)
        tokens, least, first = 0, float("inf"), last
        for rows in range(1, min(limits.rows, last + 1) + 1):
            tokens += lengths[order[last + 1 - rows]]
            if rows > 1 and limits.size(rows, length, tokens) > limits.tokens:
                break
            cost = best[last + 1 - rows] + limits.cost(rows, length, tokens)
            if cost <= least:
                least, first = cost, last + 1 - rows
        best.append(least + limits.pass_tokens)
        start.append(first)
    batches: list[SubBatch] = []
    end = len(order)
    while end:
        first = start[end - 1]
        longest = padded_length(lengths[order[end - 1]], limits.buckets)
        batches.append(SubBatch(tuple(order[first:end]), longest))
        end = first
    batches.reverse()
    return batches


def passes_of(
    lengths: Sequence[int], limits: Limits, buckets: Sequence[int], options: dict[str, Any]
) -> list[SubBatch]:
    """What runs together for a call: the best cut, or with `{"pad": "fixed"}` each alone in a bucket."""
    if options.get("pad") == "fixed":
        return [SubBatch((index,), padded_length(length, buckets)) for index, length in enumerate(lengths)]
    return cut(lengths, limits)
