"""Holds a language model to a JSON Schema: which tokens may come next, as a mask over its logits.

One Grammar belongs to a tokenizer, one Mask to a row of a batch. Nothing here samples, decodes or knows a
model. What llguidance can't compile is refused before anything runs; no keyword of JSON Schema is silently
left out. White space between the values is never allowed, or a model could write it for ever.
"""

from __future__ import annotations

import json
import re
from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from ..errors import ModelError

# Schemas whose grammar is kept, least recently used first out, and the most characters of one.
KEPT = 64
MOST_CHARACTERS = 262_144
# What building a grammar may cost, in llguidance's unit: with its own default, five times as much, a schema
# could hold up the process's other rows for seconds.
FUEL = 200_000

# No white space, whatever the schema itself asks for, and no keyword read over.
OPTIONS = {
    "whitespace_flexible": False,
    "whitespace_pattern": None,
    "item_separator": ",",
    "key_separator": ":",
    "lenient": False,
    "coerce_one_of": False,
}

# Longer names first: the shorter ones are parts of them.
STOPPED = {
    "NoExtensionBias": "no token of the vocabulary can go on",
    "NoExtension": "no token of the vocabulary can go on",
    "ParserTooComplex": "too many ways through the schema at once",
    "LexerTooComplex": "a pattern of the schema is too complex",
}

# Text is written with these escapes alone, so that a character takes two at most and none is a control
# character; only a schema that names such characters itself needs all of them.
ESCAPES = '"\\nt'
CONTROLS = re.compile(r"\\(?:[bfr]|u00)|\x7f")


class Compiled:
    """A schema's grammar, before its first token; start() copies it and leaves it as it is."""

    def __init__(self, matcher: Any) -> None:
        self.matcher = matcher


class Grammar:
    """Compiles schemas for one tokenizer.

    `tokenizer_json` is the text of tokenizer.json, `vocabulary` the number of tokens that the model knows (it
    may be more than the tokenizer has), `end_ids` the tokens that end an answer: any of them may, the first
    is the one that is forced once the JSON is complete.
    """

    def __init__(self, tokenizer_json: str, vocabulary: int, end_ids: Iterable[int]) -> None:
        import mlx.core as mx
        from llguidance import LLMatcher, LLParserLimits, LLTokenizer

        self.mx, self.matchers = mx, LLMatcher
        self.end_ids = tuple(dict.fromkeys(int(end) for end in end_ids))
        if not self.end_ids or not all(0 <= end < vocabulary for end in self.end_ids):
            raise ModelError(
                "ER_MODEL_LOAD", f"End tokens {list(self.end_ids)} are not of 0..{vocabulary - 1}"
            )
        # Its own words would hold the parser's whole state, and so what people wrote.
        self.limits = LLParserLimits(initial_lexer_fuel=FUEL, verbose_errors=False)
        try:
            self.tokenizer = LLTokenizer(tokenizer_json, n_vocab=vocabulary, eos_token=list(self.end_ids))
        except Exception as error:  # the binding raises nothing narrower
            raise ModelError("ER_MODEL_LOAD", f"The tokenizer can't be masked: {plain(error)}") from None
        self.kept: OrderedDict[str, Compiled] = OrderedDict()
        self.lowest: dict[Any, Any] = {}

    def compile(self, schema_text: str) -> Compiled:
        """The grammar of a JSON Schema; ModelError ER_MODEL_INPUT says why there is none."""
        if not isinstance(schema_text, str):
            raise refuse("it is not a text")
        known = self.kept.get(schema_text)
        if known is not None:
            self.kept.move_to_end(schema_text)
            return known
        made = self.kept[schema_text] = Compiled(self.matcher_of(read_schema(schema_text)))
        if len(self.kept) > KEPT:
            self.kept.popitem(last=False)
        return made

    def matcher_of(self, schema: dict[str, Any]) -> Any:
        try:
            grammar = self.matchers.grammar_from_json_schema(schema, overrides=options_for(schema))
            matcher = self.matchers(self.tokenizer, grammar, log_level=0, limits=self.limits)
            # The first mask finds what building alone does not, and each row begins with it.
            if not matcher.is_error():
                matcher.compute_logit_bias()
        except Exception as error:  # the binding raises nothing narrower
            raise refuse(plain(error)) from None
        if matcher.is_error():
            raise refuse(plain(matcher.get_error()))
        warnings = matcher.get_grammar_warnings()
        if warnings:
            raise refuse("; ".join(plain(warning) for warning in warnings))
        return matcher

    def start(self, compiled: Compiled) -> Mask:
        """The mask of one row, at the beginning of its answer."""
        return Mask(self, compiled.matcher.deep_copy())

    def lowest_of(self, dtype: Any) -> Any:
        """Minus infinity in the logits' own precision, made once."""
        made = self.lowest.get(dtype)
        if made is None:
            made = self.lowest[dtype] = self.mx.array(-float("inf"), dtype)
        return made


class Mask:
    """A logits processor of one row: ``(tokens, logits[1, V]) -> logits[1, V]``.

    `tokens` is all that the row has read so far, the prompt included; the first call takes all of it for the
    prompt. A call may come after the end token, since generators run a step ahead.

    An exception in a processor would lose every row of the batch. So what goes wrong in a call is kept as
    `error`, the end token is forced, and who drives the batch asks check() when the row ends.
    """

    def __init__(self, grammar: Grammar, matcher: Any) -> None:
        self.grammar = grammar
        self.matcher = matcher
        self.read: int | None = None
        self.error: ModelError | None = None
        self.done = False

    def __call__(self, tokens: Any, logits: Any) -> Any:
        if not self.done and self.error is None:
            try:
                self.consume(tokens)
                mask = b"" if self.done else self.next_mask()
                if not self.done:
                    return self.masked(logits, mask)
            except ModelError as error:
                self.error = error
            except Exception as error:  # whatever the binding raises: one row's failure is not the batch's
                self.error = failed(plain(error))
        return self.only_end(logits)

    def check(self) -> None:
        """Raises what went wrong in a call, if anything did."""
        if self.error is not None:
            raise self.error

    def consume(self, tokens: Any) -> None:
        """Takes in what was sampled since the last call."""
        total = tokens.shape[0]
        fresh = [] if self.read is None or total <= self.read else tokens[self.read :].tolist()
        self.read = total
        for token in fresh:
            if not self.matcher.consume_token(token):
                raise failed(f"token {token} does not belong there; {plain(self.matcher.get_error())}")
            if token in self.grammar.end_ids or self.matcher.is_stopped():
                self.done = True
                return

    def next_mask(self) -> bytes:
        """A byte for each token of the vocabulary, not 0 where it may come next."""
        mask = self.matcher.compute_logit_bias()
        if self.matcher.is_error():
            raise failed(plain(self.matcher.get_error()))
        self.done = self.matcher.is_stopped()
        return mask

    def masked(self, logits: Any, mask: bytes) -> Any:
        grammar, mx = self.grammar, self.grammar.mx
        width = logits.shape[-1]
        if len(mask) != width:
            # The model's last layer may be wider than its vocabulary: those rows mean nothing.
            mask = mask[:width] + bytes(max(0, width - len(mask)))
        return mx.where(mx.array(memoryview(mask))[None], logits, grammar.lowest_of(logits.dtype))

    def only_end(self, logits: Any) -> Any:
        grammar, mx = self.grammar, self.grammar.mx
        ends = mx.arange(logits.shape[-1])[None] == grammar.end_ids[0]
        return mx.where(ends, mx.zeros_like(logits), grammar.lowest_of(logits.dtype))


def read_schema(text: str) -> dict[str, Any]:
    if len(text) > MOST_CHARACTERS:
        raise refuse(f"it has {len(text)} characters, more than {MOST_CHARACTERS}")
    try:
        schema = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise refuse(f"it is not JSON: {error}") from None
    if not isinstance(schema, dict):
        raise refuse("it is not a JSON object")
    if "x-guidance" in schema:
        raise refuse("x-guidance is not JSON Schema")
    return schema


def options_for(schema: dict[str, Any]) -> dict[str, Any]:
    if CONTROLS.search(json.dumps(schema, ensure_ascii=False)):
        return OPTIONS
    return {**OPTIONS, "json_allowed_escapes": ESCAPES}


def refuse(reason: str) -> ModelError:
    return ModelError("ER_MODEL_INPUT", f"The schema can't be compiled: {reason}")


def failed(reason: str) -> ModelError:
    return ModelError("ER_MODEL_FAILED", f"The grammar failed: {reason}")


def plain(error: object) -> str:
    """The binding's words on one line, its own names for why it stopped put into words."""
    words = " ".join(str(error).replace("<non-verbose/>", "").split())
    for name, meaning in STOPPED.items():
        words = words.replace(name, meaning)
    return words if len(words) <= 500 else words[:500] + "…"
