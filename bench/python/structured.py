"""Random-weight generations under grammars, in the workers' own environment: how many fit their schema.

    python structured.py FOLDER [--generations 1000] [--slots 8] [--blas PATH] [--seed 1]

One JSON Schema a line on stdin. Prints ``{generations, valid, meanTokens, maskMicroseconds}``: answers that
are complete and fit their schema, read again without the grammar; tokens of an answer; what the mask costs
a token, once the tokens and logits that it needs are there.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from evidence_runner import runtime
from evidence_runner.models.causal import load_causal, read_causal
from evidence_runner.models.grammar import Grammar, Mask
from evidence_runner.models.sampling import sampler_of
from evidence_runner.models.spelling import Spelling

sys.path.insert(0, str(Path(__file__).parents[2] / "test" / "support"))

from schema_fit import fits

PROMPT = [5, 6, 7]


class Timed:
    """A mask whose cost is measured apart from what it has to wait for."""

    seconds = 0.0
    calls = 0

    def __init__(self, mask: Mask) -> None:
        self.mask = mask

    def __call__(self, tokens: Any, logits: Any) -> Any:
        import mlx.core as mx

        mx.eval(tokens, logits)
        begin = time.perf_counter()
        masked = self.mask(tokens, logits)
        mx.eval(masked)
        Timed.seconds += time.perf_counter() - begin
        Timed.calls += 1
        return masked


class Row:
    def __init__(self, schema: str, timed: Timed) -> None:
        self.schema = schema
        self.timed = timed
        self.ids: list[int] = []


class Bench:
    """A loaded model folder and its grammar."""

    def __init__(self, folder: str, slots: int, blas: str | None) -> None:
        from tokenizers import Tokenizer

        causal = read_causal(folder)
        runtime.prepare(blas)
        text = Path(causal.tokenizer).read_text(encoding="utf-8")
        self.slots = slots
        self.ends = frozenset(causal.end_ids)
        self.context = causal.context
        self.spelling = Spelling(text, Tokenizer.from_str(text))
        self.grammar = Grammar(text, causal.vocabulary, causal.end_ids)
        self.engine = load_causal(causal, slots)

    def run(self, schemas: list[str], generations: int, seed: int) -> dict[str, Any]:
        rows: dict[int, Row] = {}
        begun = valid = tokens = 0
        while begun < generations or rows:
            while begun < generations and len(rows) < self.slots:
                row = self.begin(schemas[begun % len(schemas)])
                sampler = sampler_of(1.0, 1.0, 0, seed * generations + begun)
                rows[self.engine.insert(list(PROMPT), None, sampler, row.timed)] = row
                begun += 1
            for uid in self.step(rows):
                row = rows.pop(uid)
                self.engine.remove([uid])
                tokens += len(row.ids)
                valid += self.is_valid(row)
        return {
            "generations": generations,
            "valid": valid,
            "meanTokens": tokens / generations,
            "maskMicroseconds": Timed.seconds / Timed.calls * 1e6,
        }

    def begin(self, schema: str) -> Row:
        return Row(schema, Timed(self.grammar.start(self.grammar.compile(schema))))

    def step(self, rows: dict[int, Row]) -> list[int]:
        """One token of each row; those that have come to their end."""
        ended = []
        for uid, token in self.engine.next()[1]:
            row = rows[uid]
            row.timed.mask.check()
            if token not in self.ends:
                row.ids.append(token)
            full = len(PROMPT) + len(row.ids) >= self.context
            if token in self.ends or row.timed.mask.done or full:
                ended.append(uid)
        return ended

    def is_valid(self, row: Row) -> bool:
        try:
            value = json.loads(self.spelling.text_of(row.ids))
        except ValueError:
            return False
        return row.timed.mask.done and fits(json.loads(row.schema), value)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--generations", type=int, default=1000)
    parser.add_argument("--slots", type=int, default=8)
    parser.add_argument("--blas")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    schemas = [line for line in sys.stdin.read().splitlines() if line]
    summary = Bench(given.folder, given.slots, given.blas).run(schemas, given.generations, given.seed)
    print(json.dumps(summary))


if __name__ == "__main__":
    main()
