"""Language models of mlx-lm: reads and checks a model folder, loads its weights, steps a batch of rows.

This is the only file that imports mlx_lm: it is pinned exactly, because only a part of what is used here is
promised to stay. It knows no texts, no tokenizer and no prefix cache; ids go in, ids come out.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
import resource
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from .. import metal
from .checkpoint import REMEDY, read_config, read_json, refuse
from .sampling import greedy, sample

# Checkpoints that mlx-lm reads with the code of another one; a test compares this table with its own.
REMAPPED = {
    "mistral": "llama",
    "llava": "mistral3",
    "phi-msft": "phixtral",
    "falcon_mamba": "mamba",
    "joyai_llm_flash": "deepseek_v3",
    "kimi_k2": "deepseek_v3",
    "qwen2_5_vl": "qwen2_vl",
    "minimax_m2": "minimax",
    "iquestcoder": "llama",
}
# How many tokens of one prompt a forward takes in, and how many of all prompts together: between two of
# them other rows decode, other operations run and rows are removed.
CPU_CHUNK, CPU_TOGETHER = 128, 512
METAL_CHUNK, METAL_TOGETHER = 512, 1024


class Causal(NamedTuple):
    """What a language model's folder says about itself; nothing has been loaded yet."""

    folder: str
    config: dict[str, Any]
    context: int
    vocabulary: int
    end_ids: tuple[int, ...]

    @property
    def tokenizer(self) -> str:
        return os.path.join(self.folder, "tokenizer.json")


def read_causal(folder: str) -> Causal:
    """Reads and checks a language model's folder; ModelError ER_MODEL_LOAD names the file at fault."""
    folder = os.path.abspath(folder)
    config = read_config(folder)
    path = os.path.join(folder, "config.json")
    kind = config.get("model_type")
    if not isinstance(kind, str) or not re.fullmatch(r"[A-Za-z0-9_-]+", kind):
        raise refuse(f"{path}: model_type must name an architecture, not {kind!r}; {REMEDY}")
    package = importlib.util.find_spec("mlx_lm")
    if package is None or not package.submodule_search_locations:
        raise ModuleNotFoundError("No module named 'mlx_lm'", name="mlx_lm")
    module = os.path.join(package.submodule_search_locations[0], "models", f"{REMAPPED.get(kind, kind)}.py")
    if not os.path.isfile(module):
        raise refuse(f"{path}: model_type {kind!r} is not supported: this mlx-lm has no code for it")
    if not any(Path(folder).glob("model*.safetensors")):
        raise refuse(f"{os.path.join(folder, 'model.safetensors')} is missing; {REMEDY}")
    vocabulary = of_text(config, "vocab_size")
    if not isinstance(vocabulary, int) or vocabulary < 1:
        raise refuse(f"{path}: vocab_size must be a whole number of at least 1, not {vocabulary!r}")
    causal = Causal(folder, config, _context(path, config), vocabulary, _end_ids(folder, config))
    if not os.path.isfile(causal.tokenizer):
        raise refuse(f"{causal.tokenizer} is missing; {REMEDY}")
    return causal


def of_text(config: dict[str, Any], field: str) -> Any:
    """A figure of config.json, which models that also see keep in `text_config`."""
    nested = config.get("text_config")
    value = config.get(field)
    return nested.get(field) if value is None and isinstance(nested, dict) else value


def _context(path: str, config: dict[str, Any]) -> int:
    for field in ("max_position_embeddings", "n_positions", "max_sequence_length", "seq_length"):
        value = of_text(config, field)
        if isinstance(value, int) and value > 0:
            return value
    raise refuse(f"{path}: max_position_embeddings must say how many tokens the model reads; {REMEDY}")


def _end_ids(folder: str, config: dict[str, Any]) -> tuple[int, ...]:
    """The tokens that end an answer, as generation_config.json and config.json name them."""
    found: list[int] = []
    generation = read_json(os.path.join(folder, "generation_config.json"), required=False)
    for value in (generation.get("eos_token_id"), of_text(config, "eos_token_id")):
        found += [each for each in (value if isinstance(value, list) else [value]) if isinstance(each, int)]
    return tuple(dict.fromkeys(found))


def load_backbone(folder: str) -> tuple[Any, dict[str, Any]]:
    """The model of a folder and its configuration; `model.model(ids)` gives normed hidden states.

    `runtime.prepare` must have been called before. On the CPU all weights are float32. A checkpoint that was
    saved without its head, as those for embeddings are, lacks the names' first part: it is put back.
    """
    return _load_model(folder, headless=True)


class _MlxLm(NamedTuple):
    """The modules of mlx_lm that are used here."""

    generate: Any
    utils: Any
    cache: Any


def _import_mlx_lm() -> _MlxLm:
    """mlx_lm, without what its import does to the process: it lowers how many files may be open."""
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    own, resource.setrlimit = resource.setrlimit, lambda *_: None
    try:
        # By name: the package has functions that are called as its modules are.
        names = ("mlx_lm.generate", "mlx_lm.utils", "mlx_lm.models.cache")
        return _MlxLm(*(importlib.import_module(name) for name in names))
    finally:
        resource.setrlimit = own


def _load_model(folder: str, headless: bool = False) -> tuple[Any, dict[str, Any]]:
    """Reads the weights of a local folder; on the CPU they become float32 whatever they were."""
    import mlx.core as mx

    utils = _import_mlx_lm().utils

    def classes(config: dict[str, Any]) -> tuple[Any, Any]:
        model, arguments = utils._get_classes(config)

        class Named(model):
            def sanitize(self, weights: dict[str, Any]) -> dict[str, Any]:
                if not any(name.startswith(("model.", "language_model.", "lm_head.")) for name in weights):
                    weights = {f"model.{name}": value for name, value in weights.items()}
                if headless:
                    # Nothing asks it for words; some whose config.json promises a head lack it.
                    self.pop("lm_head", None)
                    weights = {name: weights[name] for name in weights if not name.startswith("lm_head.")}
                return super().sanitize(weights) if hasattr(super(), "sanitize") else weights

        return Named, arguments

    try:
        model, config = utils.load_model(Path(folder), lazy=True, get_model_classes=classes)
        if not mx.metal.is_available():
            _widen(model, utils)
        mx.eval(model.parameters())
    except Exception as error:  # whatever a checkpoint can be wrong in: shapes, names, files cut short
        reason = f"{type(error).__name__}: {str(error).strip()[:400]}"
        raise refuse(f"{folder} cannot be loaded: {reason}; {REMEDY}") from error
    return model, config


def _widen(model: Any, utils: Any) -> None:
    """Makes all weights float32: the CPU multiplies nothing else at a bearable speed.

    ValueError where quantised weights have no plain form.
    """
    import mlx.core as mx

    utils.dequantize_model(model)
    left = [name for name, module in model.named_modules() if hasattr(module, "bits") and "scales" in module]
    if left:
        raise ValueError(f"{left[0]} is quantised in a way that can't be undone on the CPU")
    model.set_dtype(mx.float32)


class Engine:
    """A loaded model and the rows that it decodes together. Every method is for the model thread alone.

    `sharable`: keys and values of a beginning can be kept and read by many rows. Models that forget
    (sliding windows) or sum up (recurrent states) can't do that; their rows each read their whole prompt.
    """

    def __init__(self, model: Any, slots: int) -> None:
        import mlx.core as mx

        self._mx = mx
        self._lm = _import_mlx_lm()
        self.model = model
        on_metal = mx.metal.is_available()
        self.chunk, self._together = (METAL_CHUNK, METAL_TOGETHER) if on_metal else (CPU_CHUNK, CPU_TOGETHER)
        self._generator = self._lm.generate.BatchGenerator(
            model, completion_batch_size=slots, prefill_batch_size=slots, prefill_step_size=self.chunk
        )
        self._generator._generation_batch = _decoding(self._lm.generate).empty(model, greedy)
        metal.undo_wired_limit()
        self._generator._old_wired_limit = None  # its end would set the limit again
        plain = self._lm.cache.KVCache
        self.sharable = all(type(each) is plain for each in self.new_cache())

    @property
    def stream(self) -> Any:
        """The stream that all work of this model runs on."""
        return self._generator.stream

    def new_cache(self) -> list[Any]:
        """Empty keys and values of one row."""
        return self._lm.cache.make_prompt_cache(self.model)

    def prefill(self, cache: list[Any], ids: list[int]) -> None:
        """Reads tokens into a cache; nothing is predicted, so the head is not computed."""
        with self._mx.stream(self.stream):
            self.model(self._mx.array([ids]), cache=cache)
            self._mx.eval([each.state for each in cache])
        metal.ran(len(ids))

    def kept(self, cache: list[Any]) -> list[tuple[Any, Any]]:
        """A cache's keys and values alone, without room to grow, for `cache_of`; needs `sharable`."""
        with self._mx.stream(self.stream):
            arrays = [tuple(self._mx.contiguous(each) for each in layer.state) for layer in cache]
            self._mx.eval(arrays)
        return arrays

    def cache_of(self, arrays: list[tuple[Any, Any]], rows: int = 1) -> list[Any]:
        """A cache that begins with kept keys and values. Nothing is copied: they are full, and whoever reads
        on makes arrays of its own."""
        caches = []
        for keys, values in arrays:
            cache = self._lm.cache.KVCache()
            if rows > 1:
                keys, values = (self._mx.repeat(each, rows, axis=0) for each in (keys, values))
            cache.state = (keys, values)
            caches.append(cache)
        return caches

    def insert(
        self, ids: list[int], cache: list[Any] | None, sampler: Any, processor: Callable[..., Any] | None
    ) -> int:
        """Takes a row in, with at least one token to read; returns its number."""
        # Explicit for each row: mlx-lm mixes up rows with and without them.
        processors = PLAIN if processor is None else [processor]
        (uid,) = self._generator.insert(
            [ids], [1 << 60], caches=[cache], samplers=[sampler], logits_processors=[processors]
        )
        return uid

    def remove(self, uids: list[int]) -> None:
        """Drops rows, wherever they are."""
        with self._mx.stream(self.stream):
            self._generator.remove(uids)

    def next(self) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """One token for each row that decodes and one chunk for those that still read.

        Returns how much of its prompt each of the latter has read, and the new tokens, both by row.
        """
        self._admit()
        read, made = self._generator.next()
        metal.ran(self.chunk if read else 1)
        return [(each.uid, each.progress[0]) for each in read], made

    def _admit(self) -> None:
        """Lets as many prompts be read together as fit: each costs as much as the longest one's chunk."""
        generator = self._generator
        waiting, reading = generator._unprocessed_sequences, generator._currently_processing
        if not waiting:
            return
        # A prompt's segments are its beginning and its last token; with that alone it goes on to decode.
        widths = [min(self.chunk, len(each[0][0])) for each in reading if len(each[0]) > 1]
        width, count = max(widths, default=0), len(widths)
        admitted = 0
        for sequence in waiting:
            width, count = max(width, min(self.chunk, len(sequence[1][0]))), count + 1
            if count > 1 and count * width > self._together:
                break
            admitted += 1
        generator.prefill_batch_size = len(reading) + admitted


def load_causal(causal: Causal, slots: int) -> Engine:
    """Loads a folder's weights; ModelError ER_MODEL_LOAD. `runtime.prepare` must have been called before."""
    model, _ = _load_model(causal.folder)
    return Engine(model, slots)


def _same(tokens: Any, logits: Any) -> Any:
    return logits


# The processors of rows that have none, one list for all: by it they are known.
PLAIN = [_same]


def _decoding(generate: Any) -> Any:
    """mlx-lm's batch of decoding rows, with a leaner step: the likeliest tokens of all rows in one operation,
    no log-probabilities, no matching of end tokens, no object for each token. `next` gives pairs of row and
    token.
    """
    import mlx.core as mx

    class Decoding(generate.GenerationBatch):
        def _step(self) -> tuple[list[int], list[Any]]:
            inputs = self._next_tokens
            logits = self.model(inputs[:, None], cache=self.prompt_cache)[:, -1, :]
            seen: list[Any] = []
            if any(each is not PLAIN for each in self.logits_processors):
                logits = mx.concatenate(
                    [self._processed(row, inputs, logits, seen) for row in range(len(self))]
                )
            chosen = sample(self.samplers, logits)
            self._current_tokens, self._next_tokens = inputs, chosen
            self._current_logprobs = self._next_logprobs = [None] * len(self)
            mx.async_eval(chosen, seen)
            return inputs.tolist(), self._current_logprobs

        def _processed(self, row: int, inputs: Any, logits: Any, seen: list[Any]) -> Any:
            own = logits[row : row + 1]
            processors = self.logits_processors[row]
            if processors is PLAIN:
                return own
            seen.append(self._token_context[row].update_and_fetch(inputs[row : row + 1]))
            for process in processors:
                own = process(seen[-1], own)
            return own

        def next(self) -> list[tuple[int, int]]:
            if not self.uids:
                return []
            tokens, _ = self._step()
            return list(zip(self.uids, tokens, strict=True))

    return Decoding
