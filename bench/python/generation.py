"""mlx_lm's own batch generator, called directly in the workers' environment: no pool, no pipe in the times.

Asked ``{encode: [item, …]}`` it answers ``{ids}``, what the worker's model reads for such items; asked
``{decode: [[id, …], …]}``, ``{texts}``, what the worker makes of such tokens. Asked
``{ids, tokens, way}`` it generates up to ``tokens`` greedy tokens for each prompt, all prompts at once, and
answers ``{firstMs, totalMs, steps, made}``: from the first insert to the first and to the last token, and the
tokens, their ends left out. ``way``: ``plain``, as mlx_lm's own batch_generate uses it; ``explicit``, with a
sampler and a processor for each row, as one must where some rows have them and others have not.

Texts are neither encoded nor decoded within the times. Its first frame tells that it is warm.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgpack

from evidence_runner import runtime
from evidence_runner.frame import read_frame, seal_frame, write_all
from evidence_runner.models.causal import read_causal
from evidence_runner.models.chat import Chat
from evidence_runner.models.spelling import Spelling
from evidence_runner.stdio import take_stdio


class Direct:
    """A loaded model folder."""

    def __init__(self, folder: str, blas: str | None) -> None:
        self.machine = runtime.prepare(blas)
        from mlx_lm.utils import load_model
        from tokenizers import Tokenizer

        causal = read_causal(folder)
        text = Path(causal.tokenizer).read_text(encoding="utf-8")
        tokenizer = Tokenizer.from_str(text)
        self.chat = Chat(folder, tokenizer)
        self.spelling = Spelling(text, tokenizer)
        self._ends = sorted({*causal.end_ids, *self.chat.end_ids})
        self._model, _ = load_model(Path(folder))

    def encode(self, item: dict[str, str]) -> list[int]:
        prompt = self.chat.encode(item["system"], item["shared"], item["prompt"])
        return prompt.shared + prompt.own

    def run(self, prompts: list[list[int]], tokens: int, way: str) -> dict[str, Any]:
        import mlx.core as mx
        from mlx_lm.generate import BatchGenerator

        generator = BatchGenerator(self._model, stop_tokens=[[end] for end in self._ends])
        given: dict[str, Any] = {}
        if way == "explicit":
            given["samplers"] = [lambda row: mx.argmax(row, axis=-1)] * len(prompts)
            given["logits_processors"] = [[lambda _, logits: logits]] * len(prompts)
        begin = time.perf_counter()
        first, steps = 0.0, 0
        made: dict[int, list[int]] = {
            uid: [] for uid in generator.insert(prompts, [tokens] * len(prompts), **given)
        }
        while responses := generator.next_generated():
            steps += 1
            first = first or time.perf_counter()
            for each in responses:
                if each.finish_reason != "stop":
                    made[each.uid].append(each.token)
        end = time.perf_counter()
        return {
            "firstMs": (first - begin) * 1000,
            "totalMs": (end - begin) * 1000,
            "steps": steps,
            "made": list(made.values()),
        }


def main() -> None:
    frames_in, frames_out = take_stdio()
    setting = json.loads(sys.argv[1])
    direct = Direct(setting["folder"], setting.get("blas"))
    direct.run([[5, 6, 7], [8, 9]], 4, "plain")
    facts = {key: str(value) for key, value in direct.machine.items() if value is not None}
    write_all(frames_out, seal_frame(msgpack.packb({"machine": facts})))
    while (body := read_frame(frames_in)) is not None:
        request = msgpack.unpackb(body)
        if "encode" in request:
            answer: dict[str, Any] = {"ids": [direct.encode(item) for item in request["encode"]]}
        elif "decode" in request:
            answer = {"texts": [direct.spelling.text_of(ids) for ids in request["decode"]]}
        else:
            answer = direct.run(request["ids"], request["tokens"], request["way"])
        write_all(frames_out, seal_frame(msgpack.packb(answer)))


if __name__ == "__main__":
    main()
