"""The encoder and the reading of a checkpoint, on tiny folders that the test makes; no real weights.

The forward that the encoder is held against is written here in plain Python, from the definition of BERT, and
shares nothing with the code under test.
"""

import json
import math
import os
import random
import struct
import sys

import pytest

from evidence_runner import runtime
from evidence_runner.errors import ModelError
from evidence_runner.models.arithmetic import FusedArithmetic, PlainArithmetic
from evidence_runner.models.bert import Bert
from evidence_runner.models.checkpoint import read_checkpoint
from evidence_runner.models.layout import Layout

CONFIG = {
    "model_type": "bert",
    "hidden_size": 8,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "num_hidden_layers": 2,
    "vocab_size": 20,
    "max_position_embeddings": 90,
    "type_vocab_size": 2,
    "pad_token_id": 0,
    "hidden_act": "gelu",
    "layer_norm_eps": 1e-5,
}
LINEARS = (
    "attention.self.query",
    "attention.self.key",
    "attention.self.value",
    "attention.output.dense",
    "intermediate.dense",
    "output.dense",
)


def make_tensors(config=CONFIG, seed=5):
    """Random tensors by name: rows of numbers, or one row for a vector."""
    source = random.Random(seed)
    hidden, wide = config["hidden_size"], config["intermediate_size"]

    def matrix(rows, columns, spread=0.6):
        return [[to_float32(source.gauss(0, spread)) for _ in range(columns)] for _ in range(rows)]

    tensors = {
        "embeddings.word_embeddings.weight": matrix(config["vocab_size"], hidden),
        "embeddings.position_embeddings.weight": matrix(config["max_position_embeddings"], hidden),
        "embeddings.token_type_embeddings.weight": matrix(config["type_vocab_size"], hidden),
    }
    norms = ["embeddings.LayerNorm"]
    for index in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{index}."
        for name in LINEARS:
            outputs = wide if name == "intermediate.dense" else hidden
            tensors[f"{at}{name}.weight"] = matrix(outputs, wide if name == "output.dense" else hidden)
            tensors[f"{at}{name}.bias"] = matrix(1, outputs)[0]
        norms += [f"{at}attention.output.LayerNorm", f"{at}output.LayerNorm"]
    for name in norms:
        tensors[f"{name}.weight"], tensors[f"{name}.bias"] = matrix(2, hidden)
    return tensors


def to_float32(number):
    return struct.unpack("<f", struct.pack("<f", number))[0]


def write_checkpoint(
    folder, *, config=CONFIG, tensors=None, prefix="bert.", pooling="pooling_mode_cls_token"
):
    """A sentence encoder's folder, its safetensors file written by hand."""
    header, data = {}, b""
    for name, value in (tensors or make_tensors(config)).items():
        rows = value if isinstance(value[0], list) else [value]
        shape = [len(value), len(value[0])] if isinstance(value[0], list) else [len(value)]
        packed = b"".join(struct.pack(f"<{len(row)}f", *row) for row in rows)
        header[prefix + name] = {
            "dtype": "F32",
            "shape": shape,
            "data_offsets": [len(data), len(data) + len(packed)],
        }
        data += packed
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "tokenizer.json").write_text("{}")
    kinds = ("Transformer", "Pooling", "Normalize")
    modules = [
        {"path": "1_Pooling" if kind == "Pooling" else "", "type": f"sentence_transformers.models.{kind}"}
        for kind in kinds
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling" / "config.json").write_text(
        json.dumps({pooling: True, "pooling_mode_max_tokens": False})
    )
    return folder


def slow_forward(tensors, ids, *, config=CONFIG, offset=0, pooling="cls"):
    """One text through BERT, number by number."""
    heads = config["num_attention_heads"]
    width = config["hidden_size"] // heads

    def linear(x, name):
        weight, bias = tensors[f"{name}.weight"], tensors[f"{name}.bias"]
        return [
            [
                sum(a * b for a, b in zip(row, token, strict=True)) + shift
                for row, shift in zip(weight, bias, strict=True)
            ]
            for token in x
        ]

    def norm(x, name):
        made = []
        for token in x:
            mean = sum(token) / len(token)
            spread = math.sqrt(sum((a - mean) ** 2 for a in token) / len(token) + config["layer_norm_eps"])
            scaled = zip(token, tensors[f"{name}.weight"], tensors[f"{name}.bias"], strict=True)
            made.append([(a - mean) / spread * by + shift for a, by, shift in scaled])
        return made

    def add(*tables):
        return [[sum(numbers) for numbers in zip(*rows, strict=True)] for rows in zip(*tables, strict=True)]

    words, places, types = (
        tensors[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "position", "token_type")
    )
    x = add([words[token] for token in ids], places[offset : offset + len(ids)], [types[0]] * len(ids))
    x = norm(x, "embeddings.LayerNorm")
    for index in range(config["num_hidden_layers"]):
        at = f"encoder.layer.{index}."
        queries, keys, values = (
            linear(x, f"{at}attention.self.{name}") for name in ("query", "key", "value")
        )
        mixed = [[] for _ in ids]
        for head in range(heads):
            part = slice(head * width, (head + 1) * width)
            for place, query in enumerate(queries):
                scores = [
                    math.exp(
                        sum(a * b for a, b in zip(query[part], key[part], strict=True)) / math.sqrt(width)
                    )
                    for key in keys
                ]
                chances = [score / sum(scores) for score in scores]
                mixed[place] += [
                    sum(chance * value[part][column] for chance, value in zip(chances, values, strict=True))
                    for column in range(width)
                ]
        x = norm(add(x, linear(mixed, f"{at}attention.output.dense")), f"{at}attention.output.LayerNorm")
        wide = [
            [a * 0.5 * (1 + math.erf(a / math.sqrt(2))) for a in token]
            for token in linear(x, f"{at}intermediate.dense")
        ]
        x = norm(add(x, linear(wide, f"{at}output.dense")), f"{at}output.LayerNorm")
    vector = x[0] if pooling == "cls" else [sum(column) / len(x) for column in zip(*x, strict=True)]
    size = math.sqrt(sum(a * a for a in vector))
    return [a / size for a in vector]


@pytest.fixture(scope="module", autouse=True)
def mx():
    # The first to ask decides for the whole process, so the same library as in test_embed.py.
    made = os.path.join(sys.prefix, "blas", "libopenblas.so")
    runtime.prepare(made if os.path.isfile(made) else None)
    import mlx.core

    return mlx.core


def rows_of(*lengths):
    source = random.Random(9)
    return [[source.randrange(1, 20) for _ in range(length)] for length in lengths]


def worst(made, expected):
    return max(
        abs(a - b) for one, other in zip(made, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize("prefix", ["bert.", ""])
@pytest.mark.parametrize("pooling", ["cls", "mean"])
@pytest.mark.parametrize("core", [None, "SkylakeX"])
def test_encode_equals_bert_written_out_in_plain_python(tmp_path, prefix, pooling, core):
    field = "pooling_mode_cls_token" if pooling == "cls" else "pooling_mode_mean_tokens"
    encoder = Bert(read_checkpoint(str(write_checkpoint(tmp_path, prefix=prefix, pooling=field))), core)
    tensors = make_tensors()
    # Sizes for each way that the CPU formulas take: few tokens, some, many, with padding and without.
    for lengths in ((1,), (4,), (5, 9), (40,), (13, 30), (80,), (20, 7, 40), (60, 50)):
        rows = rows_of(*lengths)
        expected = [slow_forward(tensors, row, pooling=pooling) for row in rows]
        assert worst(encoder.encode(rows, max(lengths)).tolist(), expected) <= 1e-5


def test_encode_counts_positions_from_after_the_padding_id_for_roberta(tmp_path):
    config = {**CONFIG, "model_type": "xlm-roberta", "pad_token_id": 1, "max_position_embeddings": 30}
    tensors = make_tensors(config)
    checkpoint = read_checkpoint(
        str(write_checkpoint(tmp_path, config=config, tensors=tensors, prefix="roberta."))
    )
    assert checkpoint.max_tokens == 28
    rows = [[2, 5, 3], [4, 4, 9, 11, 3, 2]]
    expected = [slow_forward(tensors, row, config=config, offset=2) for row in rows]
    assert worst(Bert(checkpoint).encode(rows, 6).tolist(), expected) <= 1e-5


def test_fused_and_plain_formulas_agree(mx):
    plain, fused = PlainArithmetic(mx, 32, True), FusedArithmetic(mx)
    weights = (
        mx.random.normal((96, 32), key=mx.random.key(1)) * 0.2,
        mx.random.normal((96,), key=mx.random.key(2)),
    )
    norm = mx.ones((32,)) * 1.5, mx.zeros((32,)) + 0.1
    for texts, length in ((1, 3), (3, 8), (1, 50), (4, 40)):
        x = mx.random.normal((texts * length, 32), key=mx.random.key(texts * length))
        for lengths in ([length] * texts, [*range(1, texts + 1)]):
            layout = Layout(mx, lengths, length, dense=False)
            one, other = (kind.attention(x, weights, layout, 4) for kind in (plain, fused))
            assert mx.abs(one - other).max().item() <= 1e-5
        assert mx.abs(plain.linear(x, weights) - fused.linear(x, weights)).max().item() <= 1e-5
        assert (
            mx.abs(plain.layer_norm(x, norm, 1e-12) - fused.layer_norm(x, norm, 1e-12)).max().item() <= 1e-5
        )


@pytest.mark.parametrize("lengths", [[5], [3, 8, 2], [40, 1, 17, 40], [70, 66]])
def test_dense_tokens_give_the_padded_ones_attention(mx, lengths):
    length, plain = max(lengths), PlainArithmetic(mx, 32, True)
    weights = mx.random.normal((96, 32), key=mx.random.key(1)) * 0.2, mx.zeros((96,)) + 0.1
    dense = Layout(mx, lengths, length, dense=True)
    padded = Layout(mx, lengths, length + 3, dense=False)
    x = mx.random.normal((sum(lengths), 32), key=mx.random.key(7))
    ends = [sum(lengths[: text + 1]) for text in range(len(lengths))]
    texts = [x[end - own : end] for own, end in zip(lengths, ends, strict=True)]
    wide = mx.concatenate([mx.pad(text, [(0, length + 3 - text.shape[0]), (0, 0)]) for text in texts])
    made, expected = plain.attention(x, weights, dense, 4), plain.attention(wide, weights, padded, 4)
    for text, (own, end) in enumerate(zip(lengths, ends, strict=True)):
        first = text * (length + 3)
        assert mx.abs(made[end - own : end] - expected[first : first + own]).max().item() <= 1e-5


def test_a_layout_lists_tokens_and_places_dense_or_padded(mx):
    rows = [[7], [4, 5, 6]]
    dense, padded = (Layout(mx, [1, 3], 3, dense=dense) for dense in (True, False))
    assert dense.tokens(rows, 0).tolist() == [7, 4, 5, 6]
    assert padded.tokens(rows, 0).tolist() == [7, 0, 0, 4, 5, 6]
    assert dense.places().tolist() == [0, 0, 1, 2]
    assert padded.places().tolist() == [0, 1, 2, 0, 1, 2]
    x = mx.array([[1.0], [2.0], [3.0], [4.0]])
    assert dense.from_grid(dense.to_grid(x)).tolist() == x.tolist()
    assert dense.kept.tolist() == padded.kept.tolist() == [[True, False, False], [True, True, True]]
    even = Layout(mx, [2, 2], 2, dense=True)
    assert even.kept is None and even.to_grid(x) is x


def test_plain_gelu_is_within_5e_7_of_the_exact_value(mx):
    x = mx.concatenate([mx.linspace(-12, 12, 20001), mx.array([-1e30, -1e4, 1e4])])
    made = PlainArithmetic(mx, 1, False).gelu(x).tolist()
    exact = [a * 0.5 * math.erfc(-a / math.sqrt(2)) for a in x.tolist()]
    assert max(abs(a - b) for a, b in zip(made, exact, strict=True)) <= 5e-7


def test_plain_attention_stands_scores_of_any_size(mx):
    plain, fused = PlainArithmetic(mx, 32, False), FusedArithmetic(mx)
    weights = mx.random.normal((96, 32), key=mx.random.key(1)) * 3, mx.zeros((96,))
    x = mx.random.normal((200, 32), key=mx.random.key(2)) * 2
    layout = Layout(mx, [100, 100], 100, dense=True)
    one, other = (kind.attention(x, weights, layout, 4) for kind in (plain, fused))
    assert mx.abs(one - other).max().item() <= 1e-3
    assert mx.all(mx.isfinite(one)).item()


def test_weights_are_read_as_float32(tmp_path, mx):
    folder = write_checkpoint(tmp_path)
    half = {
        name: value.astype(mx.float16) for name, value in mx.load(str(folder / "model.safetensors")).items()
    }
    mx.save_safetensors(str(folder / "model.safetensors"), half)
    vectors = Bert(read_checkpoint(str(folder))).encode([[1, 2, 3]], 3)
    assert vectors.dtype == mx.float32
    assert worst(vectors.tolist(), [slow_forward(make_tensors(), [1, 2, 3])]) <= 2e-2


def refusal(folder):
    with pytest.raises(ModelError) as caught:
        Bert(read_checkpoint(str(folder)))
    assert caught.value.code == "ER_MODEL_LOAD"
    return caught.value.message


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_file": "model.py"}, "model_file"),
        ({"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
        ({"model_type": "t5"}, "supported: bert"),
        ({"hidden_act": "relu"}, "hidden_act 'relu'"),
        ({"position_embedding_type": "relative_key"}, "relative_key"),
        ({"num_attention_heads": 3}, "not a multiple"),
        ({"num_hidden_layers": None}, "num_hidden_layers must be a whole number"),
        ({"num_hidden_layers": 3}, "has no tensor encoder.layer.2."),
        ({"intermediate_size": 16}, "has shape (32, 8), config.json promises (16, 8)"),
    ],
)
def test_a_config_that_cannot_be_kept_to_is_refused(tmp_path, change, told):
    folder = write_checkpoint(tmp_path)
    (folder / "config.json").write_text(json.dumps({**CONFIG, **change}))
    assert told in refusal(folder)


@pytest.mark.parametrize(
    "name", ["config.json", "modules.json", "1_Pooling/config.json", "tokenizer.json", "model.safetensors"]
)
def test_a_missing_file_is_named_with_the_command_that_mends_it(tmp_path, name):
    folder = write_checkpoint(tmp_path)
    (folder / name).unlink()
    message = refusal(folder)
    assert str(folder / name) in message and "npx evidence-runner doctor" in message


def test_a_missing_folder_is_named(tmp_path):
    assert str(tmp_path / "nowhere") in refusal(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "pooling",
    [
        {"pooling_mode_max_tokens": True},
        {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": True},
        {"pooling_mode_mean_tokens": False},
        {"pooling_mode_weightedmean_tokens": True},
    ],
)
def test_unknown_pooling_is_refused_not_guessed(tmp_path, pooling):
    folder = write_checkpoint(tmp_path)
    (folder / "1_Pooling" / "config.json").write_text(json.dumps(pooling))
    assert "supported: one of pooling_mode_mean_tokens" in refusal(folder)


def test_an_unknown_module_is_refused(tmp_path):
    folder = write_checkpoint(tmp_path)
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(
        json.dumps([*modules, {"type": "sentence_transformers.models.Dense"}])
    )
    assert "Dense" in refusal(folder)


def test_without_a_normalize_module_vectors_keep_their_length(tmp_path):
    folder = write_checkpoint(tmp_path)
    modules = json.loads((folder / "modules.json").read_text())
    (folder / "modules.json").write_text(json.dumps(modules[:2]))
    vector = Bert(read_checkpoint(str(folder))).encode([[1, 2, 3]], 3).tolist()[0]
    size = math.sqrt(sum(a * a for a in vector))
    assert abs(size - 1) > 0.01
    assert worst([[a / size for a in vector]], [slow_forward(make_tensors(), [1, 2, 3])]) <= 1e-5


@pytest.mark.parametrize("content", [b"", b"not json", b"\xff", b"[]"])
def test_a_config_that_is_no_json_object_is_refused(tmp_path, content):
    folder = write_checkpoint(tmp_path)
    (folder / "config.json").write_bytes(content)
    assert str(folder / "config.json") in refusal(folder)


def test_weights_cut_short_are_refused(tmp_path):
    folder = write_checkpoint(tmp_path)
    data = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(data[:-40])
    assert str(folder / "model.safetensors") in refusal(folder)
