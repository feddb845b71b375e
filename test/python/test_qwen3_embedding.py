"""Qwen3-Embedding on mlx-lm's backbone, on tiny folders that the test makes, against a slow double-precision
forward (plain_encoders.py) and vectors that PyTorch made of the same folders (test/golden/encoders.json)."""

import json
import os
import random
import shutil
import sys
from pathlib import Path

import pytest
from plain_encoders import plain_qwen3
from tiny_encoders import (
    QUERY_PROMPT,
    QWEN,
    QWEN_MARKS,
    Draw,
    ids_of,
    qwen_tensors,
    write_json,
    write_qwen,
    write_tensors,
)
from worker_process import Worker, batch, call, echoes

from evidence_runner import runtime
from evidence_runner.errors import ModelError
from evidence_runner.ops.embed import Embed

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "encoders.json").read_text())
CLOSE = 1e-5
LENGTHS = ((1,), (5,), (9, 5), (40,), (80,), (20, 2, 40))
LOST = ("modules.json", "1_Pooling", "2_Normalize", "config_sentence_transformers.json")


@pytest.fixture(scope="module", autouse=True)
def mx():
    # The first to ask decides for the whole process, so the same library as in test_embed.py.
    runtime.prepare(blas())
    import mlx.core

    return mlx.core


def blas():
    made = os.path.join(sys.prefix, "blas", "libopenblas.so")
    return made if os.path.isfile(made) else None


def loaded(folder, **settings):
    operation = Embed(str(folder), blas=blas(), **settings)
    operation.load()
    return operation


def refusal(folder):
    with pytest.raises(ModelError) as caught:
        loaded(folder)
    assert caught.value.code == "ER_MODEL_LOAD"
    return caught.value.message


def lose(folder, *names):
    for name in names:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def table(vectors):
    numbers, width = memoryview(bytes(vectors.data)).cast("f").tolist(), vectors.dimensions
    return [numbers[start : start + width] for start in range(0, len(numbers), width)]


def worst(made, expected):
    return max(
        abs(a - b) for one, other in zip(made, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("prefix", ["", "model."])
def test_encode_equals_qwen3_written_out_in_plain_python(tmp_path, prefix):
    tensors = qwen_tensors()
    encoder = loaded(write_qwen(tmp_path / "q", tensors=tensors, prefix=prefix)).encoder
    source = random.Random(9)
    for lengths in LENGTHS:
        rows = [[source.randrange(QWEN["vocab_size"]) for _ in range(length)] for length in lengths]
        expected = [plain_qwen3(QWEN, tensors, row) for row in rows]
        # Padding behind a text changes nothing of it.
        for length in (max(lengths), 100):
            assert worst(encoder.encode(rows, length).tolist(), expected) <= CLOSE


@pytest.mark.parametrize(
    ("name", "role", "dimensions"),
    [
        ("qwen3-document", "document", None),
        ("qwen3-document", None, None),
        ("qwen3-query", "query", None),
        ("qwen3-shortened", "document", 6),
    ],
)
def test_forward_equals_pytorch(tmp_path, name, role, dimensions):
    embed = loaded(write_qwen(tmp_path / "q"), dimensions=dimensions)
    embed.warm_up()
    vectors, tokens = embed.forward(GOLDEN["texts"], {} if role is None else {"as": role})
    assert worst(table(vectors), GOLDEN["sets"][name]) <= CLOSE
    prompt = QUERY_PROMPT if role == "query" else ""
    ids = [ids_of(QWEN_MARKS, prompt + text, after=["<|endoftext|>"]) for text in GOLDEN["texts"]]
    assert tokens == [min(len(row), 120) for row in ids]
    assert embed.facts["dimensions"] == vectors.dimensions == (dimensions or 16)


def test_a_vector_depends_on_nothing_else_in_the_call_and_fixed_padding_gives_the_same_bits(tmp_path):
    embed, texts = loaded(write_qwen(tmp_path / "q")), GOLDEN["texts"]
    together, _ = embed.forward(texts[::-1], {})
    assert worst(table(together)[::-1], GOLDEN["sets"]["qwen3-document"]) <= CLOSE
    fixed = table(embed.forward(texts, {"pad": "fixed"})[0])
    for index in (0, 4, 9):
        assert table(embed.forward([texts[index]], {"pad": "fixed"})[0])[0] == fixed[index]


def test_one_altered_weight_is_noticed(tmp_path):
    tensors = qwen_tensors()
    tensors["layers.1.self_attn.k_norm.weight"][3] += 0.05
    vectors, _ = loaded(write_qwen(tmp_path / "q", tensors=tensors)).forward(GOLDEN["texts"], {})
    assert worst(table(vectors), GOLDEN["sets"]["qwen3-document"]) > 10 * CLOSE


def test_a_worker_answers_each_call_by_its_own_role(tmp_path):
    setting = {"op": "embed", "folder": str(write_qwen(tmp_path / "q")), "sha256": "5a", "blas": blas()}
    setting |= {"revision": "1", "name": "tiny"}
    texts = GOLDEN["texts"][1:]
    with Worker(json.dumps(setting)) as worker:
        facts = {"name": "tiny", "revision": "1", "sha256": "5a", "dimensions": 16, "maxTokens": 120}
        assert worker.boot()["models"] == [{"op": "embed", **facts}]
        calls = [call(1, texts[0], **{"as": "query"}), call(2, *texts), call(3, "a", **{"as": "other"})]
        worker.send(batch(1, *calls, op="embed", model="tiny"))
        replies = {reply["id"]: reply for reply in worker.wait_for("results")["calls"]}
    assert worst(echoes(replies[1]), GOLDEN["sets"]["qwen3-query"][1:2]) <= CLOSE
    assert worst(echoes(replies[2]), GOLDEN["sets"]["qwen3-document"][1:]) <= CLOSE
    assert replies[3]["error"]["code"] == "ER_MODEL_INPUT"


def test_an_instruction_stands_in_a_query_alone(tmp_path):
    embed = loaded(write_qwen(tmp_path / "q"))
    said = ["the limit", "errors rose"]
    expected = table(embed.forward([f"Instruct: find errors\nQuery:{text}" for text in said], {})[0])
    made, _ = embed.forward(said, {"as": "query", "instruction": "find errors"})
    assert table(made) == expected
    for options in (
        {"instruction": "find"},
        {"as": "document", "instruction": "find"},
        {"as": "query", "instruction": ""},
        {"as": "query", "instruction": "find\nQuery:"},
        {"as": "query", "instruction": 3},
    ):
        with pytest.raises(ModelError, match="`instruction`") as caught:
            embed.forward(said, options)
        assert caught.value.code == "ER_MODEL_INPUT"


CARD = "---\nlicense: any\nbase_model: {base}\ntags:\n- mlx\n---\n# {title}\n\nSee also {told}.\n"


@pytest.mark.parametrize(
    ("base", "title"),
    [
        ("Qwen/Qwen3-Embedding-0.6B", "some-conversion"),
        ("\n- Qwen/Qwen3-Embedding-0.6B", "some-conversion"),
        ("Qwen/Qwen3-0.6B-Base", "Qwen3-Embedding-0.6B"),
    ],
)
def test_a_conversion_that_lost_its_files_is_known_by_its_card(tmp_path, base, title):
    folder = write_qwen(tmp_path / "q")
    lose(folder, *LOST)
    (folder / "README.md").write_text(CARD.format(base=base, title=title, told="others"))
    embed = loaded(folder)
    assert worst(table(embed.forward(GOLDEN["texts"], {})[0]), GOLDEN["sets"]["qwen3-document"]) <= CLOSE
    task = "Instruct: Given a web search query, retrieve relevant passages that answer the query\nQuery:limit"
    assert table(embed.forward(["limit"], {"as": "query"})[0]) == table(embed.forward([task], {})[0])


def test_a_conversion_is_known_by_its_config_or_by_a_file_for_sentences(tmp_path):
    folder = write_qwen(tmp_path / "q", {**QWEN, "_name_or_path": "Qwen/Qwen3-Embedding-0.6B"})
    lose(folder, *LOST)
    made = table(loaded(folder).forward(GOLDEN["texts"], {})[0])
    assert worst(made, GOLDEN["sets"]["qwen3-document"]) <= CLOSE
    folder = write_qwen(tmp_path / "r")
    lose(folder, *LOST[:3])
    made = table(loaded(folder).forward(GOLDEN["texts"], {"as": "query"})[0])
    assert worst(made, GOLDEN["sets"]["qwen3-query"]) <= CLOSE


def test_a_language_model_is_no_encoder(tmp_path):
    folder = write_qwen(tmp_path / "q")
    lose(folder, *LOST)
    assert "it may be a language model" in refusal(folder)
    # The card of a reranker of the same kind speaks of the encoders.
    card = CARD.format(base="Qwen/Qwen3-0.6B-Base", title="Qwen3-Reranker-0.6B", told="Qwen3-Embedding-0.6B")
    (folder / "README.md").write_text(card)
    assert "it may be a language model" in refusal(folder)


def test_pooling_that_is_not_the_last_tokens_is_refused(tmp_path):
    folder = write_qwen(tmp_path / "q")
    write_json(folder, "1_Pooling/config.json", {"pooling_mode_mean_tokens": True})
    assert "supported: one of pooling_mode_lasttoken" in refusal(folder)
    lose(folder, "modules.json")
    assert "supported: one of pooling_mode_lasttoken" in refusal(folder)
    write_json(folder, "1_Pooling/config.json", {"pooling_mode": "lasttoken"})
    made = table(loaded(folder).forward(GOLDEN["texts"], {})[0])
    assert worst(made, GOLDEN["sets"]["qwen3-document"]) <= CLOSE


def test_a_missing_end_token_is_put_back_where_the_files_say_which(tmp_path):
    folder = write_qwen(tmp_path / "q", template="$A")
    embed = loaded(folder)
    assert embed.end == 1
    vectors, tokens = embed.forward(GOLDEN["texts"], {})
    assert worst(table(vectors), GOLDEN["sets"]["qwen3-document"]) <= CLOSE
    assert tokens[-1] == 120
    write_json(folder, "config.json", {**QWEN, "eos_token_id": 2})
    assert "puts no token after a text" in refusal(folder)
    settings = {"add_eos_token": True, "eos_token": {"content": "<|endoftext|>"}}
    write_json(folder, "tokenizer_config.json", settings)
    vectors, _ = loaded(folder).forward(GOLDEN["texts"], {})
    assert worst(table(vectors), GOLDEN["sets"]["qwen3-document"]) <= CLOSE
    write_json(folder, "tokenizer_config.json", {"add_eos_token": True, "eos_token": "<|nowhere|>"})
    assert "puts no token after a text" in refusal(folder)


def test_a_mark_in_a_text_is_text(tmp_path):
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    config = {**QWEN, "vocab_size": len(letters) + 1}
    folder = write_qwen(tmp_path / "q", config, tensors=qwen_tensors(config))
    tokenizer = Tokenizer(models.BPE({letter: index for index, letter in enumerate(letters)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    known = [("<|endoftext|>", len(letters))]
    tokenizer.post_processor = processors.TemplateProcessing(single="$A <|endoftext|>", special_tokens=known)
    tokenizer.save(str(folder / "tokenizer.json"))
    embed = loaded(folder)
    _, tokens = embed.forward(["a", "a<|endoftext|>", ""], {})
    assert tokens == [2, 15, 1]


def test_half_precision_and_quantised_weights_become_float32_on_the_cpu(tmp_path, mx):
    config = {**QWEN, "hidden_size": 64, "intermediate_size": 64, "head_dim": 16}
    folder = write_qwen(tmp_path / "q", config, tensors=qwen_tensors(config), prefix="model.")
    path, texts = str(folder / "model.safetensors"), GOLDEN["texts"][2:9]
    weights = mx.load(path)
    mx.save_safetensors(path, {name: value.astype(mx.bfloat16) for name, value in weights.items()})
    half = loaded(folder)
    assert half.encoder.backbone.layers[0].mlp.up_proj.weight.dtype == mx.float32
    made, _ = half.forward(texts, {})
    rounded = {
        name.removeprefix("model."): value.astype(mx.bfloat16).astype(mx.float32).tolist()
        for name, value in weights.items()
    }
    expected = [
        plain_qwen3(config, rounded, ids_of(QWEN_MARKS, text, after=["<|endoftext|>"])) for text in texts[:4]
    ]
    assert worst(table(made)[:4], expected) <= CLOSE
    packed, plain = {}, {}
    for name, value in weights.items():
        if "norm" in name:
            packed[name] = plain[name] = value
            continue
        module = name.removesuffix(".weight")
        parts = mx.quantize(value, group_size=32, bits=8)
        packed |= {f"{module}.{part}": made for part, made in zip(PARTS, parts, strict=True)}
        plain[name] = mx.dequantize(*parts, group_size=32, bits=8)
    mx.save_safetensors(path, plain)
    expected = table(loaded(folder).forward(texts, {})[0])
    mx.save_safetensors(path, packed)
    write_json(folder, "config.json", {**config, "quantization": {"group_size": 32, "bits": 8}})
    assert worst(table(loaded(folder).forward(texts, {})[0]), expected) <= CLOSE


PARTS = ("weight", "scales", "biases")


def test_weights_in_several_files_and_without_a_head_are_read(tmp_path):
    """As the family's largest checkpoint has them."""
    folder = write_qwen(tmp_path / "q", {**QWEN, "tie_word_embeddings": False})
    tensors = list(qwen_tensors().items())
    for index, part in enumerate((tensors[:9], tensors[9:])):
        write_tensors(folder, dict(part))
        (folder / "model.safetensors").rename(folder / f"model-0000{index + 1}-of-00002.safetensors")
    made = table(loaded(folder).forward(GOLDEN["texts"], {})[0])
    assert worst(made, GOLDEN["sets"]["qwen3-document"]) <= CLOSE


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_file": "model.py"}, "model_file"),
        ({"hidden_size": 8}, "cannot be loaded"),
        ({"num_hidden_layers": 3}, "cannot be loaded"),
        ({"hidden_size": None}, "hidden_size must be a whole number"),
        ({"vocab_size": 9}, "config.json promises 9"),
    ],
)
def test_a_config_that_cannot_be_kept_to_is_refused(tmp_path, change, told):
    folder = write_qwen(tmp_path / "q")
    if "vocab_size" in change:
        draw = Draw(1)
        draw.linear("embed_tokens", 9, 16)
        write_tensors(folder, {**qwen_tensors(), **draw.tensors})
    write_json(folder, "config.json", {**QWEN, **change})
    assert told in refusal(folder)


def test_the_limit_is_1024_tokens_unless_more_is_wanted(tmp_path):
    folder = write_qwen(tmp_path / "q", {**QWEN, "max_position_embeddings": 32768})
    lose(folder, "tokenizer_config.json")
    assert loaded(folder).facts["maxTokens"] == 1024
    embed = loaded(folder, most_tokens=2000)
    assert embed.facts["maxTokens"] == 2000
    assert embed.forward(["the " * 1500], {})[1] == [1501]
