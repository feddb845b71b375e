"""Keys and values of prompts' beginnings, kept for the calls that begin alike.

Bounded in bytes; the least recently used goes first. It knows no model: what it keeps are arrays, which a
reader goes on holding after they have gone from here.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from typing import Any, NamedTuple

# Shorter beginnings cost less to read than to find.
LEAST_TOKENS = 16


class Figures(NamedTuple):
    """What has happened so far, and what is kept now."""

    hits: int
    misses: int
    evictions: int
    entries: int
    bytes: int


class Prefixes:
    """Beginnings by scope and tokens; what one scope has read is never found by another."""

    def __init__(self, most_bytes: int) -> None:
        self.most_bytes = most_bytes
        self.bytes = 0
        self._kept: OrderedDict[tuple[str, bytes], tuple[Any, int]] = OrderedDict()
        self._hits = self._misses = self._evictions = 0

    @property
    def figures(self) -> Figures:
        return Figures(self._hits, self._misses, self._evictions, len(self._kept), self.bytes)

    def key(self, scope: str, ids: list[int]) -> tuple[str, bytes] | None:
        """What a beginning is kept under; None where it is not to be shared, or not worth it."""
        if not scope or len(ids) < LEAST_TOKENS:
            return None
        return scope, array("I", ids).tobytes()

    def find(self, key: tuple[str, bytes]) -> Any | None:
        """The arrays of a beginning; the use of them is counted."""
        entry = self._kept.get(key)
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        self._kept.move_to_end(key)
        return entry[0]

    def joined(self) -> None:
        """Counts a use of a beginning that is being read for another call."""
        self._hits += 1

    def keep(self, key: tuple[str, bytes], arrays: list[tuple[Any, Any]]) -> None:
        """Keeps a beginning, at the cost of others; one that is larger than the bound is not kept."""
        size = len(key[0]) + len(key[1]) + sum(each.nbytes for layer in arrays for each in layer)
        old = self._kept.pop(key, None)
        if old is not None:
            self.bytes -= old[1]
        if size > self.most_bytes:
            return
        self._kept[key] = (arrays, size)
        self.bytes += size
        while self.bytes > self.most_bytes:
            _, (_, gone) = self._kept.popitem(last=False)
            self.bytes -= gone
            self._evictions += 1

    def clear(self) -> None:
        """Forgets everything, figures too."""
        self.__init__(self.most_bytes)
