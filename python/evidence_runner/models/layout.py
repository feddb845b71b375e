"""How the tokens of several texts lie while an encoder runs over them.

Layers that look at one token at a time see (T, D), all tokens of all texts in one row. Padded, each text
takes the same room, T = B · L: buffers of few sizes, as a GPU wants them. Dense, nothing but tokens is there,
and only attention sees the grid of B texts by L places. It knows no model and no formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any


class Layout:
    """Where each token of texts with these `lengths` is; `length` is L, at least that of the longest."""

    def __init__(self, mx: Any, lengths: Sequence[int], length: int, *, dense: bool) -> None:
        self.mx = mx
        self.lengths = lengths
        self.length = length
        self.texts = len(lengths)
        uneven = min(lengths) < length
        self.kept = mx.arange(length) < mx.array(lengths)[:, None] if uneven else None
        """(B, L), false where a text has ended; None when all texts fill their rows."""
        self.spread = self.gathered = None
        if dense and uneven:
            spread, gathered, first = [], [], 0
            for text, own in enumerate(lengths):
                # What stands beyond a text's end is masked by `kept`; its own first token is a finite number.
                spread += [*range(first, first + own), *[first] * (length - own)]
                gathered += range(text * length, text * length + own)
                first += own
            self.spread, self.gathered = mx.array(spread), mx.array(gathered)
        self.padded = uneven and not dense

    def tokens(self, rows: Sequence[Sequence[int]], filler: int) -> Any:
        """A number of each token, (T,), of rows as long as their texts; `filler` where there is no token."""
        if self.padded:
            rows = [[*row, *[filler] * (self.length - len(row))] for row in rows]
        return self.mx.array(list(chain.from_iterable(rows)))

    def places(self) -> Any:
        """Each token's place in its text, (T,), from 0."""
        lengths = [self.length] * self.texts if self.padded else self.lengths
        return self.mx.array(list(chain.from_iterable(map(range, lengths))))

    def to_grid(self, x: Any) -> Any:
        """(T, N) to (B · L, N); what stands beyond the end of a text means nothing."""
        return x if self.spread is None else x[self.spread]

    def from_grid(self, x: Any) -> Any:
        """(B · L, N) to (T, N)."""
        return x if self.gathered is None else x[self.gathered]
