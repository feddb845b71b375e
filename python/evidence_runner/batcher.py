"""What runs together: cuts items of different lengths into sub-batches that cost least in all.

Pure functions on lengths; no MLX, no clock, no text. The cost of a sub-batch is its padded tokens plus the
price of one more pass, so equal lengths share a pass and very different ones do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple


class Limits(NamedTuple):
    """How large a sub-batch may be, what a pass costs besides its tokens (in tokens), and length buckets."""

    rows: int
    padded_tokens: int
    pass_tokens: int
    buckets: tuple[int, ...] = ()


class SubBatch(NamedTuple):
    """Items that run in one pass: their indices, shortest first, and the tokens that each is padded to."""

    indices: tuple[int, ...]
    length: int

    @property
    def padded_tokens(self) -> int:
        return len(self.indices) * self.length


def padded_length(length: int, buckets: Sequence[int]) -> int:
    """The smallest bucket that holds `length` tokens; `length` itself where there is none. Buckets ascend."""
    for bucket in buckets:
        if bucket >= length:
            return bucket
    return length


def cut(lengths: Sequence[int], limits: Limits) -> list[SubBatch]:
    """Cuts items into sub-batches with the least sum of padded tokens and passes; O(n log n + n · rows).

    Every index is in exactly one sub-batch. An item larger than the token limit runs alone. Ties fall to
    arrival order, so equal input gives equal cuts.
    """
    order = sorted(range(len(lengths)), key=lambda index: (lengths[index], index))
    padded = [padded_length(lengths[index], limits.buckets) for index in order]
    best = [0] * (len(order) + 1)
    start = [0] * len(order)
    for last, length in enumerate(padded):
        most = max(1, min(limits.rows, limits.padded_tokens // max(1, length), last + 1))
        costs = ((best[last + 1 - rows] + rows * length, -rows) for rows in range(1, most + 1))
        cost, rows = min(costs)
        best[last + 1] = cost + limits.pass_tokens
        start[last] = last + 1 + rows
    batches: list[SubBatch] = []
    end = len(order)
    while end:
        first = start[end - 1]
        batches.append(SubBatch(tuple(order[first:end]), padded[end - 1]))
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
