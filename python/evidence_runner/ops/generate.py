"""The `generate` operation: a language model writes texts, many rows together, or weighs labels.

    insert ─▶ beginning kept? ──yes───────────────────────────┐
                │ no: read a chunk a step, once for all       ▼
                └──▶ that wait for it ──▶ kept ──▶ rest of the prompt ─▶ a token a step ─▶ end, stop, grammar
                                                              └─▶ labels: one forward, their chances

One step reads at most one chunk of a beginning (or weighs the labels of one row) and makes one step of the
batch. It knows no frames, no pool and no mathematics; mlx and mlx_lm are imported in `load`, so that the
worker says hello before it pays for them.
"""

from __future__ import annotations

import time
from collections import deque
from typing import Any

from .. import runtime
from ..errors import ModelError
from ..models import footprint
from ..models.causal import load_causal, read_causal
from ..models.chat import Chat, Prompt
from ..models.checkpoint import REMEDY
from ..models.checkpoint import refuse as refuse_folder
from ..models.grammar import Grammar
from ..models.label_scores import LabelScores
from ..models.sampling import sampler_of
from ..models.spelling import Spelling, Writer
from .generation_item import GenerationItem, generation_item, refuse
from .generation_row import Reading, Row
from .model_folder import ModelFolder
from .operation import Step
from .prefixes import Prefixes

SLOTS = 8
PREFIX_BYTES = 256 << 20
WARM_UP = GenerationItem(
    system="",
    shared="a " * 32,
    prompt="b",
    maxTokens=4,
    temperature=0.0,
    topP=1.0,
    topK=0,
    stop=[],
    schema=None,
    labels=None,
    scope="warm-up",
    seed=1,
    stream=False,
)._asdict()


class Generate(ModelFolder):
    """Texts and label chances from a language model; `load` and `warm_up` come before the first `insert`."""

    name = "generate"

    def __init__(
        self,
        model_dir: str,
        *,
        slots: int = SLOTS,
        prefix_bytes: int = PREFIX_BYTES,
        memory_bytes: int | None = None,
        **known: str | None,
    ) -> None:
        if not isinstance(slots, int) or slots < 2:
            raise SystemExit(f"generate needs at least 2 slots, not {slots!r}")
        self.slots = slots
        self.prefixes = Prefixes(prefix_bytes)
        super().__init__(model_dir, **known)
        self._memory_bytes = memory_bytes
        self._rows: dict[int, Row] = {}
        self._inside: dict[int, Row] = {}
        # What is done beside the batch, one at a time, in turn: beginnings to read, rows to weigh.
        self._work: deque[Reading | Row] = deque()
        self._readings: dict[tuple[str, bytes], Reading] = {}

    @property
    def facts(self) -> dict[str, Any]:
        """What `ready` says about the model: `{name, revision, sha256, dimensions, maxTokens}`."""
        return self._facts(0, self.causal.context)

    @property
    def busy(self) -> int:
        return len(self._rows)

    def load(self) -> None:
        """Imports MLX behind a fast BLAS and reads the model; ModelError ER_MODEL_LOAD or _MEMORY.

        Sets `machine`: which BLAS, which of its kernels, which device.
        """
        self.causal = causal = read_causal(self._model_dir)
        self.machine = runtime.prepare(self._blas)
        on_metal = self.machine["device"] == "metal"
        needed = footprint.project(causal, self.slots, self.prefixes.most_bytes, widened=not on_metal)
        footprint.check(causal, needed, limit=self._memory_bytes, on_metal=on_metal)
        text, tokenizer = _read_tokenizer(causal.tokenizer)
        self.chat = Chat(causal.folder, tokenizer)
        self.spelling = Spelling(text, tokenizer)
        ends = tuple(dict.fromkeys((*causal.end_ids, *self.chat.end_ids)))
        self._ends = frozenset(ends)
        self._grammar, self._no_grammar = _grammar_of(text, causal.vocabulary, ends)
        self.engine = load_causal(causal, self.slots)
        self._scores = LabelScores(self.engine)

    def warm_up(self) -> None:
        """Runs the real path: two rows with a beginning in common, one that samples and streams, labels."""
        drawn = {"temperature": 1.0, "topP": 0.9, "topK": 2, "stop": ["\n\n"], "stream": True}
        kinds: list[dict[str, Any]] = [{}, drawn, {"labels": ["a", "a b c"]}, {"scope": ""}]
        if self._grammar is not None:
            kinds.append({"schema": '{"enum":["a"]}'})
        for index, changes in enumerate(kinds):
            self.insert(index, WARM_UP | changes, {}, None)
            if self.busy == self.slots:
                self._run_out()
        self._run_out()
        self.prefixes.clear()

    def insert(self, call_id: int, item: Any, options: dict[str, Any], seed: int | None) -> None:
        began = time.monotonic()
        wanted = generation_item(item)
        prompt = self.chat.encode(wanted.system, wanted.shared, wanted.prompt)
        length = len(prompt.shared) + len(prompt.own)
        row = Row(call_id, wanted, length, began, self._ends, self.spelling, self.prefixes)
        if wanted.labels is not None:
            row.labels = [self.chat.label(label) for label in wanted.labels]
            if not all(row.labels):
                raise refuse("has a label without tokens")
        else:
            row.sampler = sampler_of(
                wanted.temperature, wanted.topP, wanted.topK, seed if wanted.seed is None else wanted.seed
            )
            row.mask = self._mask_of(wanted.schema)
            # A grammar knows by itself where its text ends, and a stop string would break it.
            stop = wanted.stop if row.mask is None else ()
            row.writer = Writer(self.spelling, stop) if stop or wanted.stream else None
        self._check(row, prompt)
        self._rows[call_id] = row
        self._begin(row, prompt.shared, prompt.own)

    def step(self) -> list[Step]:
        steps: list[Step] = []
        if self._work:
            work = self._work.popleft()
            if isinstance(work, Reading):
                self._read_on(work, steps)
            else:
                steps.append(self._weigh(work))
        if self._inside:
            self._decode(steps)
        return steps

    def remove(self, call_id: int) -> None:
        row = self._rows.pop(call_id)
        if row.uid is not None:
            del self._inside[row.uid]
            self.engine.remove([row.uid])
        elif (reading := row.reading) is not None:
            # Others that wait for the same tokens go on with what has been read.
            reading.rows.remove(row)
            if not reading.rows:
                self._work.remove(reading)
                if reading.key is not None:
                    del self._readings[reading.key]
        else:
            self._work.remove(row)

    def _mask_of(self, schema: str | None) -> Any:
        if schema is None:
            return None
        if self._grammar is None:
            raise refuse(f"has a schema, which this model can't be held to: {self._no_grammar}")
        return self._grammar.start(self._grammar.compile(schema))

    def _check(self, row: Row, prompt: Prompt) -> None:
        ids = [*prompt.shared, *prompt.own, *(token for label in row.labels or () for token in label)]
        if not ids or max(ids) >= self.causal.vocabulary:
            # Some tokenizers know marks that the model was never made for.
            raise refuse(
                f"has tokens beyond the model's {self.causal.vocabulary}" if ids else "has no tokens"
            )
        more = row.item.maxTokens if row.labels is None else max(map(len, row.labels))
        if row.prompt_tokens + more > self.causal.context:
            raise refuse(
                f"of {row.prompt_tokens} tokens and up to {more} more is beyond the model's "
                f"{self.causal.context} tokens"
            )

    def _begin(self, row: Row, shared: list[int], own: list[int]) -> None:
        """Sends a row where its beginning comes from: kept, being read, or still to be read."""
        key = self.prefixes.key(row.item.scope, shared) if self.engine.sharable else None
        if key is None:
            row.own = [*shared, *own]
            self._go_on(row, None)
            return
        row.own = own
        reading = self._readings.get(key)
        if reading is not None:
            self.prefixes.joined()
            reading.rows.append(row)
            row.reading = reading
            return
        arrays = self.prefixes.find(key)
        if arrays is not None:
            row.shared = len(shared)
            self._go_on(row, self.engine.cache_of(arrays))
        else:
            self._readings[key] = self._read(shared, self.engine.new_cache(), key, row)

    def _read(self, ids: list[int], cache: list[Any], key: tuple[str, bytes] | None, row: Row) -> Reading:
        reading = row.reading = Reading(ids, cache, key, row)
        self._work.append(reading)
        return reading

    def _read_on(self, reading: Reading, steps: list[Step]) -> None:
        """One chunk more; when all is read, what it was read for goes on."""
        ids = reading.ids[reading.done : reading.done + self.engine.chunk]
        self.engine.prefill(reading.cache, ids)
        reading.done += len(ids)
        charged = reading.rows[0]
        charged.computed += len(ids)
        steps.append(Step(charged.call_id, tokens=len(ids)))
        if reading.done < len(reading.ids):
            self._work.append(reading)
            return
        arrays = None
        if reading.key is not None:
            del self._readings[reading.key]
            arrays = self.engine.kept(reading.cache)
            self.prefixes.keep(reading.key, arrays)
        for row in reading.rows:
            row.reading = None
            if arrays is None:
                self._go_on(row, reading.cache)
            else:
                row.shared = len(reading.ids) - row.computed
                self._go_on(row, self.engine.cache_of(arrays))

    def _go_on(self, row: Row, cache: list[Any] | None) -> None:
        """What is left of a prompt, after a beginning that `cache` holds."""
        if row.labels is None:
            row.uid = self.engine.insert(row.own, cache, row.sampler, row.mask)
            self._inside[row.uid] = row
            return
        row.cache = self.engine.new_cache() if cache is None else cache
        most = self.engine.chunk
        if len(row.own) > most:
            begin, row.own = row.own[:-most], row.own[-most:]
            self._read(begin, row.cache, None, row)
        else:
            self._work.append(row)

    def _weigh(self, row: Row) -> Step:
        """The answer of a row with labels."""
        assert row.cache is not None and row.labels is not None
        scores, mass = self._scores.score(row.cache, row.own, row.labels)
        del self._rows[row.call_id]
        return row.weighed(scores, mass)

    def _decode(self, steps: list[Step]) -> None:
        """One step of the batch: a token of each row that writes, a chunk of those that still read."""
        read, made = self.engine.next()
        inside = self._inside
        for uid, done in read:
            row = inside[uid]
            if done > row.read:
                steps.append(Step(row.call_id, tokens=done - row.read))
                row.read = done
        ended: list[int] = []
        for uid, token in made:
            row = inside[uid]
            step = row.take(token)
            steps.append(step)
            if step.done or step.error is not None:
                ended.append(uid)
                del inside[uid], self._rows[row.call_id]
        if ended:
            self.engine.remove(ended)

    def _run_out(self) -> None:
        while self.busy:
            self.step()


def _grammar_of(text: str, vocabulary: int, ends: tuple[int, ...]) -> tuple[Grammar | None, str]:
    """The grammar of a tokenizer, or why there is none: texts without a schema need none."""
    if not ends:
        return None, "its folder names no token that ends a text"
    try:
        return Grammar(text, vocabulary, ends), ""
    except ModelError as error:
        return None, error.message


def _read_tokenizer(path: str) -> tuple[str, Any]:
    """tokenizer.json as text, and the tokenizer made of it, without padding and truncation."""
    from tokenizers import Tokenizer

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        tokenizer = Tokenizer.from_str(text)
    except Exception as error:  # the binding raises nothing narrower
        raise refuse_folder(f"{path} cannot be read: {error}; {REMEDY}") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return text, tokenizer
