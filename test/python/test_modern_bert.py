"""ModernBERT encoders on tiny folders that the test makes, against a slow double-precision forward
(plain_encoders.py) and against vectors that PyTorch made of the same folders (test/golden/encoders.json)."""

import json
import os
import random
import sys
from pathlib import Path

import pytest
from plain_encoders import plain_modern_bert
from tiny_encoders import MODERN, MODERN_MARKS, WORDS, ids_of, modern_tensors, write_json, write_modern

from evidence_runner import runtime
from evidence_runner.errors import ModelError
from evidence_runner.models.arithmetic import FusedArithmetic, PlainArithmetic
from evidence_runner.models.modern_bert import ModernBert, read_modern_bert
from evidence_runner.ops.embed import Embed
from evidence_runner.ops.registry import operations_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "encoders.json").read_text())
BIASED = {**MODERN, "attention_bias": True, "mlp_bias": True, "norm_bias": True}
CLOSE = 1e-5
# Sizes for each way that the CPU formulas take: few tokens, some, many, with padding and without. The window
# of local attention reaches 4 tokens to each side.
LENGTHS = ((1,), (5,), (6,), (9, 5), (40,), (13, 30), (80,), (20, 2, 40), (60, 50))


@pytest.fixture(scope="module", autouse=True)
def mx():
    # The first to ask decides for the whole process, so the same library as in test_embed.py.
    runtime.prepare(blas())
    import mlx.core

    return mlx.core


def blas():
    made = os.path.join(sys.prefix, "blas", "libopenblas.so")
    return made if os.path.isfile(made) else None


def encoder_of(folder, core=None, **changes):
    config = json.loads((folder / "config.json").read_text())
    return ModernBert(read_modern_bert(str(folder), config)._replace(**changes), core)


def loaded(folder, **settings):
    operation = Embed(str(folder), blas=blas(), **settings)
    operation.load()
    return operation


def rows_of(*lengths):
    source = random.Random(9)
    return [[source.randrange(1, MODERN["vocab_size"]) for _ in range(length)] for length in lengths]


def table(vectors):
    numbers, width = memoryview(bytes(vectors.data)).cast("f").tolist(), vectors.dimensions
    return [numbers[start : start + width] for start in range(0, len(numbers), width)]


def worst(made, expected):
    return max(
        abs(a - b) for one, other in zip(made, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


@pytest.mark.parametrize(
    ("config", "pooling", "prefix", "core"),
    [
        (MODERN, "mean", "", None),
        (MODERN, "mean", "model.", "SkylakeX"),
        (MODERN, "cls", "", "SkylakeX"),
        (BIASED, "mean", "", None),
    ],
)
def test_encode_equals_modernbert_written_out_in_plain_python(tmp_path, config, pooling, prefix, core):
    tensors = modern_tensors(config)
    field = f"{pooling}_token{'s' if pooling == 'mean' else ''}"
    encoder = encoder_of(
        write_modern(tmp_path / "m", config, tensors=tensors, pooling=field, prefix=prefix), core
    )
    for lengths in LENGTHS:
        rows = rows_of(*lengths)
        expected = [plain_modern_bert(config, tensors, row, pooling) for row in rows]
        assert worst(encoder.encode(rows, max(lengths)).tolist(), expected) <= CLOSE


@pytest.mark.parametrize(
    ("name", "config", "pooling"),
    [
        ("modernbert-mean", MODERN, "mean_tokens"),
        ("modernbert-cls", MODERN, "cls_token"),
        ("modernbert-biased", BIASED, "mean_tokens"),
    ],
)
def test_forward_equals_pytorch(tmp_path, name, config, pooling):
    embed = loaded(write_modern(tmp_path / "m", config, pooling=pooling))
    vectors, tokens = embed.forward(GOLDEN["texts"], {})
    assert worst(table(vectors), GOLDEN["sets"][name]) <= CLOSE
    around = ["[CLS]"], ["[SEP]"]
    assert tokens == [min(len(ids_of(MODERN_MARKS, text, *around)), 120) for text in GOLDEN["texts"]]


def test_the_formulas_for_the_gpu_give_the_same(tmp_path, mx):
    encoder = encoder_of(write_modern(tmp_path / "m"))
    plain = [encoder.encode(rows_of(*lengths), max(lengths)).tolist() for lengths in LENGTHS]
    encoder.arithmetic = FusedArithmetic(mx)
    encoder.turns = {kind: encoder.arithmetic.turns(base, 4, 120) for kind, base in MODERN_BASES.items()}
    for lengths, expected in zip(LENGTHS, plain, strict=True):
        assert worst(encoder.encode(rows_of(*lengths), max(lengths)).tolist(), expected) <= CLOSE


MODERN_BASES = {"full_attention": 160000.0, "sliding_attention": 10000.0}


def test_padding_far_beyond_a_text_changes_nothing(tmp_path, mx):
    """Rows of padding that no window joins to the text must not make NaN of it, in either arithmetic."""
    encoder = encoder_of(write_modern(tmp_path / "m"))
    rows = rows_of(3, 7)
    alone = [encoder.encode([row], len(row)).tolist()[0] for row in rows]
    assert worst(encoder.encode(rows, 100).tolist(), alone) <= CLOSE
    encoder.arithmetic = FusedArithmetic(mx)
    encoder.turns = MODERN_BASES
    assert worst(encoder.encode(rows, 100).tolist(), alone) <= CLOSE


def test_no_row_is_left_with_nothing_to_see(tmp_path, mx, monkeypatch):
    """MLX's formulas for the CPU survive an empty row of the mask; a kernel need not."""
    masks, real = [], mx.fast.scaled_dot_product_attention

    def recorded(*tables, mask=None, **settings):
        masks.append(mask)
        return real(*tables, mask=mask, **settings)

    monkeypatch.setattr(mx.fast, "scaled_dot_product_attention", recorded)
    encoder = encoder_of(write_modern(tmp_path / "m"))
    encoder.arithmetic, encoder.turns = FusedArithmetic(mx), MODERN_BASES
    encoder.encode(rows_of(3, 7), 100).tolist()
    assert len(masks) == 5
    assert all(mask.any(axis=-1).all().item() for mask in masks)


def test_rotations_of_both_arithmetics_agree(mx):
    plain, fused = PlainArithmetic(mx, 8, False), FusedArithmetic(mx)
    x = mx.random.normal((2, 3, 50, 8), key=mx.random.key(1))
    made = plain.rotate(x, plain.turns(10000.0, 8, 64)) - fused.rotate(x, fused.turns(10000.0, 8, 64))
    assert mx.abs(made).max().item() <= CLOSE
    assert plain.near(5, 4) is None and fused.near(5, 4) is None
    assert fused.near(6, 4).sum().item() == 34


def test_one_altered_weight_is_noticed(tmp_path):
    tensors = modern_tensors()
    tensors["layers.3.mlp.Wo.weight"][2][2] += 0.05
    embed = loaded(write_modern(tmp_path / "m", tensors=tensors))
    vectors, _ = embed.forward(GOLDEN["texts"], {})
    assert worst(table(vectors), GOLDEN["sets"]["modernbert-mean"]) > 10 * CLOSE


def test_a_vector_depends_on_nothing_else_in_the_call_and_fixed_padding_gives_the_same_bits(tmp_path):
    embed = loaded(write_modern(tmp_path / "m"))
    embed.warm_up()
    texts = GOLDEN["texts"]
    together, _ = embed.forward(texts[::-1], {})
    assert worst(table(together)[::-1], GOLDEN["sets"]["modernbert-mean"]) <= CLOSE
    fixed = table(embed.forward(texts, {"pad": "fixed"})[0])
    for index in (0, 4, 9):
        assert table(embed.forward([texts[index]], {"pad": "fixed"})[0])[0] == fixed[index]


def test_a_setting_of_the_worker_chooses_dimensions_and_limit(tmp_path):
    setting = {"op": "embed", "folder": str(write_modern(tmp_path / "m")), "sha256": "5a", "blas": blas()}
    setting |= {"revision": "1", "name": "tiny", "dimensions": 6, "maxTokens": 50}
    embed = operations_of([json.dumps(setting)])["embed"]
    embed.load()
    assert embed.facts == {
        **{"name": "tiny", "revision": "1", "sha256": "5a"},
        **{"dimensions": 6, "maxTokens": 50},
    }


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
def test_shortened_vectors_are_the_first_numbers_and_of_length_one(tmp_path, pooling):
    folder = write_modern(tmp_path / "m", pooling=pooling)
    whole = table(loaded(folder).forward(GOLDEN["texts"], {})[0])
    embed = loaded(folder, dimensions=6)
    short = table(embed.forward(GOLDEN["texts"], {})[0])
    assert embed.facts["dimensions"] == 6
    for one, other in zip(whole, short, strict=True):
        size = sum(a * a for a in one[:6]) ** 0.5
        assert worst([[a / size for a in one[:6]]], [other]) <= CLOSE


@pytest.mark.parametrize("pooling", ["mean_tokens", "cls_token"])
def test_vectors_without_a_normalize_module_can_be_shortened_too(tmp_path, pooling):
    folder = write_modern(tmp_path / "m", pooling=pooling)
    modules = json.loads((folder / "modules.json").read_text())
    write_json(folder, "modules.json", modules[:2])
    whole = table(loaded(folder).forward(["the limit", "errors rose"], {})[0])
    short = table(loaded(folder, dimensions=6).forward(["the limit", "errors rose"], {})[0])
    assert abs(sum(a * a for a in whole[0]) - 1) > 0.01
    assert short == [vector[:6] for vector in whole]


@pytest.mark.parametrize("dimensions", [0, 17, "6"])
def test_dimensions_that_the_model_does_not_have_are_refused(tmp_path, dimensions):
    with pytest.raises(ModelError, match="dimensions must be 1 to 16") as caught:
        loaded(write_modern(tmp_path / "m"), dimensions=dimensions)
    assert caught.value.code == "ER_MODEL_LOAD"


def test_the_limit_is_the_smallest_that_anything_names(tmp_path):
    folder = write_modern(tmp_path / "m")
    assert loaded(folder, most_tokens=50).forward(["the " * 90], {})[1] == [50]
    assert loaded(folder, most_tokens=500).facts["maxTokens"] == 120
    write_json(folder, "tokenizer_config.json", {"model_max_length": 1e30})
    assert loaded(folder).facts["maxTokens"] == 120
    write_json(folder, "tokenizer_config.json", {"model_max_length": 30})
    assert loaded(folder).facts["maxTokens"] == 30
    write_json(folder, "sentence_bert_config.json", {"max_seq_length": 40})
    assert loaded(folder).facts["maxTokens"] == 40
    write_json(folder, "config.json", {**MODERN, "max_position_embeddings": 8192})
    (folder / "sentence_bert_config.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    assert loaded(folder).facts["maxTokens"] == 1024
    assert loaded(folder, most_tokens=2000).facts["maxTokens"] == 2000


def test_newer_configurations_and_pooling_files_mean_the_same(tmp_path):
    folder = write_modern(tmp_path / "m")
    kinds = ["full_attention", "sliding_attention", "sliding_attention"] * 2
    config = {key: value for key, value in MODERN.items() if "global" not in key and "theta" not in key}
    bases = {kind: {"rope_type": "default", "rope_theta": base} for kind, base in MODERN_BASES.items()}
    write_json(folder, "config.json", {**config, "layer_types": kinds[:5], "rope_parameters": bases})
    write_json(folder, "1_Pooling/config.json", {"pooling_mode": "mean", "include_prompt": True})
    vectors, _ = loaded(folder).forward(GOLDEN["texts"], {})
    assert worst(table(vectors), GOLDEN["sets"]["modernbert-mean"]) <= CLOSE


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"auto_map": {"AutoModel": "code.Model"}}, "auto_map"),
        ({"quantization": {"bits": 4}}, "quantised weights are not supported for modernbert"),
        ({"hidden_activation": "silu"}, "hidden_activation 'silu'"),
        ({"num_attention_heads": 3}, "does not make 3 attention heads"),
        ({"num_attention_heads": 16}, "of an even width"),
        ({"global_attn_every_n_layers": None}, "global_attn_every_n_layers must be a whole number"),
        ({"layer_types": ["full_attention"] * 4}, "for each of 5 layers"),
        ({"layer_types": ["full_attention"] * 4 + ["linear"]}, "layer_types must name"),
        ({"rope_parameters": {"rope_theta": 10000.0}}, "rope_parameters does not say"),
        ({"rope_parameters": {"full_attention": {"rope_type": "yarn"}}}, "scaled rotations"),
        ({"local_rope_theta": "much"}, "local_rope_theta must be a positive number"),
        ({"num_hidden_layers": 6}, "has no tensor layers.5."),
        ({"intermediate_size": 10}, "has shape (40, 16), config.json promises (20, 16)"),
        ({"vocab_size": 9}, "config.json promises (9, 16)"),
    ],
)
def test_a_config_that_cannot_be_kept_to_is_refused(tmp_path, change, told):
    folder = write_modern(tmp_path / "m")
    write_json(folder, "config.json", {**MODERN, **change})
    with pytest.raises(ModelError) as caught:
        loaded(folder)
    assert caught.value.code == "ER_MODEL_LOAD"
    assert told in caught.value.message


def test_prompts_stand_before_texts_of_their_role(tmp_path):
    prompts = {"query": "find the ", "passage": "search "}
    folder = write_modern(tmp_path / "m", prompts=prompts)
    embed = loaded(folder)
    said = [*WORDS[:3]]
    expected = table(embed.forward([f"find the {word}" for word in said], {})[0])
    assert table(embed.forward(said, {"as": "query"})[0]) == expected
    expected = table(embed.forward([f"search {word}" for word in said], {})[0])
    assert table(embed.forward(said, {"as": "document"})[0]) == expected
    write_json(
        folder,
        "config_sentence_transformers.json",
        {"prompts": prompts, "default_prompt_name": "passage"},
    )
    assert table(loaded(folder).forward(said, {})[0]) == expected


def test_without_prompts_a_role_changes_nothing_and_an_instruction_is_refused(tmp_path):
    embed = loaded(write_modern(tmp_path / "m"))
    plain = table(embed.forward(["the limit"], {})[0])
    for role in ("query", "document"):
        assert table(embed.forward(["the limit"], {"as": role})[0]) == plain
    for options, told in (
        ({"as": "question"}, "`as` must be query or document"),
        ({"as": "query", "instruction": "find"}, "does not follow instructions"),
        ({"as": "document", "instruction": "find"}, "goes with `as`: query"),
        ({"instruction": "find"}, "goes with `as`: query"),
    ):
        with pytest.raises(ModelError, match=told) as caught:
            embed.forward(["the limit"], options)
        assert caught.value.code == "ER_MODEL_INPUT"


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ({"prompts": ["find"]}, "prompts must be texts by name"),
        ({"prompts": {"query": 3}}, "prompts must be texts by name"),
        ({"prompts": {"query": "find "}, "default_prompt_name": "other"}, "default_prompt_name 'other'"),
    ],
)
def test_prompts_that_make_no_sense_are_refused(tmp_path, sentence, told):
    folder = write_modern(tmp_path / "m")
    write_json(folder, "config_sentence_transformers.json", sentence)
    with pytest.raises(ModelError, match=told):
        loaded(folder)


def test_prompts_that_the_mean_leaves_out_are_refused(tmp_path):
    folder = write_modern(tmp_path / "m", prompts={"query": "find "})
    pooling = {"pooling_mode_mean_tokens": True, "include_prompt": False}
    write_json(folder, "1_Pooling/config.json", pooling)
    with pytest.raises(ModelError, match="include_prompt false"):
        loaded(folder)
