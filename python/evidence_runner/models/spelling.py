"""Tokens as text: bytes of each token, text as it comes in whole characters, and strings that end it.

It knows no model. Text that is written token by token is the same as text that is decoded at once.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable
from typing import Any

# How far back a tokenizer without bytes is decoded again to see what a new token adds, and after how many
# tokens that make no whole character the text goes out as it is.
MOST_PENDING = 16


class Spelling:
    """What the tokens of one tokenizer read as. `text` is tokenizer.json, `tokenizer` what was made of it."""

    def __init__(self, text: str, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        described = json.loads(text)
        self._bytes = _bytes_of(described, tokenizer)
        kinds = _decoders(described.get("decoder"))
        # Tokenizers of the SentencePiece family put a space before the first word, which is not part of it.
        self._trims = any(kind.get("type") == "Strip" and kind.get("start") for kind in kinds) or any(
            kind.get("type") == "Metaspace" and kind.get("prepend_scheme", "always") != "never"
            for kind in kinds
        )

    def text_of(self, ids: list[int]) -> str:
        """The text of whole ids, without half a character at its end."""
        writer = Writer(self, ())
        if self._bytes is None:
            return writer.write_all(ids)
        table, known = self._bytes, len(self._bytes)
        data = b"".join([table[token] for token in ids if token < known])
        text = codecs.getincrementaldecoder("utf-8")("replace").decode(data)
        return text[1:] if self._trims and text.startswith(" ") else text


class Writer:
    """The text of one row as its tokens come; `ended` once a stop string is complete.

    What may be the beginning of a stop string is held back until it can't be any more.
    """

    def __init__(self, spelling: Spelling, stop: Iterable[str]) -> None:
        self._table = spelling._bytes
        self._tokenizer = spelling.tokenizer
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._trims = spelling._trims
        self._stop = tuple(each for each in stop if each)
        self._longest = max((len(each) for each in self._stop), default=0)
        self._held = ""
        self._ids: list[int] = []
        self._shown = 0
        self.ended = False

    def write(self, token: int) -> str:
        """What the next token adds to the text; nothing where no whole character is new."""
        new = self._decode(token)
        if self._trims and new:
            self._trims = False
            new = new.removeprefix(" ")
        return self._held_back(new) if self._stop and new else new

    def write_all(self, ids: Iterable[int]) -> str:
        return "".join([self.write(token) for token in ids]) + self.rest()

    def rest(self) -> str:
        """What was held back, when no more tokens come."""
        held, self._held = self._held, ""
        return "" if self.ended else held

    def _decode(self, token: int) -> str:
        table = self._table
        if table is not None:
            return self._decoder.decode(table[token]) if token < len(table) else ""
        self._ids.append(token)
        before = self._tokenizer.decode(self._ids[: self._shown]) if self._shown else ""
        text = self._tokenizer.decode(self._ids)
        pending = len(self._ids) - self._shown
        if (text.endswith("\ufffd") and pending < MOST_PENDING) or len(text) <= len(before):
            return ""
        # The tokens shown last stay as the beginning that decides how the next ones are spaced.
        self._ids = self._ids[self._shown :]
        self._shown = len(self._ids)
        return text[len(before) :]

    def _held_back(self, new: str) -> str:
        text = self._held + new
        at = min((index for each in self._stop if (index := text.find(each)) >= 0), default=-1)
        if at >= 0:
            self.ended, self._held = True, ""
            return text[:at]
        for length in range(min(self._longest - 1, len(text)), 0, -1):
            tail = text[-length:]
            if any(each.startswith(tail) for each in self._stop):
                self._held = tail
                return text[:-length]
        self._held = ""
        return text


def _decoders(decoder: Any) -> list[dict[str, Any]]:
    """The steps of a tokenizer's decoder, in order."""
    if not isinstance(decoder, dict):
        return []
    return decoder.get("decoders", []) if decoder.get("type") == "Sequence" else [decoder]


def _bytes_of(described: dict[str, Any], tokenizer: Any) -> list[bytes] | None:
    """The bytes of each token by its id; None where a token's text depends on its neighbours.

    Special tokens are no text: they have none.
    """
    kinds = {kind.get("type") for kind in _decoders(described.get("decoder"))}
    if "ByteLevel" in kinds:
        table = _byte_characters()

        def spell(token: str) -> bytes:
            if all(character in table for character in token):
                return bytes([table[character] for character in token])
            return token.encode()
    elif "ByteFallback" in kinds:

        def spell(token: str) -> bytes:
            if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
                return bytes([int(token[3:5], 16)])
            return token.replace("\u2581", " ").encode()
    else:
        return None
    vocabulary = tokenizer.get_vocab(with_added_tokens=True)
    made = [b""] * (max(vocabulary.values(), default=-1) + 1)
    for token, number in vocabulary.items():
        made[number] = spell(token)
    for added in described.get("added_tokens") or []:
        made[added["id"]] = b"" if added.get("special") else added["content"].encode()
    return made


def _byte_characters() -> dict[str, int]:
    """The characters that byte-level tokenizers write bytes with: themselves where they can be seen."""
    seen = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    hidden = [byte for byte in range(256) if byte not in set(seen)]
    return {chr(byte): byte for byte in seen} | {chr(256 + index): byte for index, byte in enumerate(hidden)}
