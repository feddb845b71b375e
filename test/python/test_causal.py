"""Reading and loading of language models: what is refused, what their weights become, rows in a batch."""

import json
import os
import resource
import shutil
import subprocess
import sys

import mlx.core as mx
import pytest
from generations import loaded, maker, model_folder

from evidence_runner.errors import ModelError
from evidence_runner.models import footprint
from evidence_runner.models.causal import (
    REMAPPED,
    _import_mlx_lm,
    greedy,
    load_backbone,
    load_causal,
    read_causal,
)

PROMPTS = ([5], [7, 8, 9], list(range(20, 90)), list(range(100, 300)), [40, 41] * 30)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("causal") / "model")


@pytest.fixture(scope="module")
def engine(folder):
    return load_causal(read_causal(str(folder)), 8)


@pytest.fixture
def own(folder, tmp_path):
    """A copy to be changed."""
    return shutil.copytree(folder, tmp_path / "copy")


def change(folder, name="config.json", **changes):
    path = folder / name
    config = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in config.items() if value is not None}))


def refusal(folder) -> str:
    with pytest.raises(ModelError) as failure:
        read_causal(str(folder))
    assert failure.value.code == "ER_MODEL_LOAD"
    return failure.value.message


def quantised(folder, **settings):
    """Replaces a folder's weights by quantised ones, as conversions on the hub are."""
    import mlx.nn as nn
    from mlx.utils import tree_flatten

    model, _ = load_backbone(str(folder))
    nn.quantize(model, class_predicate=lambda _, module: hasattr(module, "to_quantized"), **settings)
    mx.save_safetensors(str(folder / "model.safetensors"), dict(tree_flatten(model.parameters())))
    change(folder, quantization=settings)
    return model


def alone(engine, prompt, count):
    """The likeliest tokens after a prompt, one row and one token at a time."""
    cache = engine.new_cache()
    read, made = mx.array([prompt]), []
    while len(made) < count:
        token = mx.argmax(engine.model(read, cache=cache)[:, -1, :], axis=-1)
        made.append(token.item())
        read = token[None]
    return made


def written(engine, uids, count):
    """Steps until each row has so many tokens, and removes it then."""
    made = {uid: [] for uid in uids}
    for _ in range(1000):
        _, tokens = engine.next()
        for uid, token in tokens:
            made[uid].append(token)
            if len(made[uid]) == count:
                engine.remove([uid])
        if all(len(each) == count for each in made.values()):
            return made
    raise AssertionError("the rows never came to their end")


def test_a_folder_says_what_it_is(folder):
    causal = read_causal(str(folder))
    assert (causal.context, causal.vocabulary, causal.end_ids) == (4096, 492, (2,))
    assert os.path.isabs(causal.folder) and causal.tokenizer.endswith("tokenizer.json")


def test_end_tokens_come_from_both_files(own):
    change(own, eos_token_id=[7, 2])
    change(own, "generation_config.json", eos_token_id=[2, 9])
    assert read_causal(str(own)).end_ids == (2, 9, 7)
    change(own, "generation_config.json", eos_token_id=None)
    assert read_causal(str(own)).end_ids == (7, 2)


def test_figures_of_models_that_also_see_are_found(own):
    config = json.loads((own / "config.json").read_text())
    nested = {name: config.pop(name) for name in ("max_position_embeddings", "vocab_size", "eos_token_id")}
    (own / "config.json").write_text(json.dumps(config | {"text_config": nested}))
    assert read_causal(str(own)).context == 4096


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model_file": "model.py"}, "`model_file`, which would run code"),
        ({"auto_map": {"AutoModel": "x"}}, "`auto_map`, which would run code"),
        ({"model_type": None}, "model_type must name an architecture, not None"),
        ({"model_type": "../secret"}, "model_type must name an architecture"),
        ({"model_type": "nobodys"}, "'nobodys' is not supported: this mlx-lm has no code for it"),
        ({"max_position_embeddings": None}, "max_position_embeddings"),
        ({"vocab_size": None}, "vocab_size"),
    ],
)
def test_what_cannot_be_loaded_is_refused_with_the_file_and_the_reason(own, changes, words):
    change(own, **changes)
    said = refusal(own)
    assert words in said and "config.json" in said


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(own, name):
    (own / name).unlink()
    said = refusal(own)
    assert name in said and "is missing" in said and "doctor" in said


def test_a_folder_that_is_not_there_is_never_looked_for_elsewhere(tmp_path):
    assert "does not exist" in refusal(tmp_path / "mlx-community/nothing")


def test_the_names_that_mlx_lm_takes_for_others_are_known():
    assert REMAPPED == _import_mlx_lm().utils.MODEL_REMAPPING


def test_the_import_leaves_the_number_of_open_files_as_it_was(folder):
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 3000))\n"
        "from evidence_runner import runtime; runtime.prepare()\n"
        "from evidence_runner.models.causal import load_backbone\n"
        f"load_backbone({str(folder)!r})\n"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE), resource.setrlimit.__name__)"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    # mlx-lm's own import would fail here: it asks for more than the hard limit.
    assert made.stdout.strip() == "(1000, 3000) setrlimit", made.stderr
    assert resource.setrlimit.__name__ == "setrlimit"


@pytest.mark.parametrize("damage", ["cut", "missing", "shape", "kind"])
def test_broken_weights_are_refused_with_their_folder(own, damage):
    path = own / "model.safetensors"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-1000])
    elif damage == "kind":
        # A module of mlx-lm that is no model.
        change(own, model_type="base")
    else:
        weights = mx.load(str(path))
        weights.pop("model.norm.weight")
        if damage == "shape":
            weights["model.norm.weight"] = mx.ones((3,))
        path.unlink()
        mx.save_safetensors(str(path), weights)
    with pytest.raises(ModelError) as failure:
        load_backbone(str(own))
    assert failure.value.code == "ER_MODEL_LOAD"
    assert str(own) in failure.value.message and "doctor" in failure.value.message


@pytest.mark.skipif(mx.metal.is_available(), reason="only the CPU widens weights")
def test_half_precision_becomes_float32_on_the_cpu(own, folder):
    from mlx.utils import tree_flatten

    path = own / "model.safetensors"
    halved = {name: value.astype(mx.bfloat16) for name, value in mx.load(str(path)).items()}
    mx.eval(halved)
    mx.save_safetensors(str(path), halved)
    model, _ = load_backbone(str(own))
    assert {value.dtype for _, value in tree_flatten(model.parameters())} == {mx.float32}
    whole, _ = load_backbone(str(folder))
    ids = mx.array([[3, 4, 5]])
    assert mx.allclose(model(ids), whole(ids), atol=0.3).item()
    assert not mx.array_equal(model(ids), whole(ids)).item()


@pytest.mark.skipif(mx.metal.is_available(), reason="only the CPU widens weights")
@pytest.mark.parametrize(
    "settings",
    [
        {"group_size": 32, "bits": 4},
        {"group_size": 64, "bits": 8},
        {"group_size": 32, "bits": 4, "mode": "mxfp4"},
    ],
)
def test_quantised_weights_become_plain_float32_on_the_cpu(own, settings):
    from mlx.utils import tree_flatten

    packed = quantised(own, **settings)
    model, _ = load_backbone(str(own))
    leaves = dict(tree_flatten(model.parameters()))
    assert {value.dtype for value in leaves.values()} == {mx.float32}
    assert not any("scales" in name for name in leaves)
    ids = mx.array([[3, 4, 5]])
    assert mx.allclose(model(ids), packed(ids), atol=1e-3).item()
    # The projection is what is really held, but for nothing at all.
    projected = footprint.project(read_causal(str(own)), 2, 0, widened=True).weights
    assert projected == sum(value.nbytes for value in leaves.values())


@pytest.mark.skipif(mx.metal.is_available(), reason="Metal multiplies them")
def test_what_has_no_plain_form_on_the_cpu_is_refused_with_the_reason(own):
    quantised(own, group_size=32, bits=8, mode="mxfp8")
    change(own, quantize_activations=True)
    with pytest.raises(ModelError, match=r"can't be undone on the CPU") as failure:
        load_backbone(str(own))
    assert failure.value.code == "ER_MODEL_LOAD"


def test_a_checkpoint_saved_without_its_head_gets_its_names_back(own, folder):
    path = own / "model.safetensors"
    weights = {name.removeprefix("model."): value for name, value in mx.load(str(path)).items()}
    mx.eval(weights)
    path.unlink()
    mx.save_safetensors(str(path), weights)
    model, config = load_backbone(str(own))
    whole, _ = load_backbone(str(folder))
    ids = mx.array([[3, 4, 5]])
    assert mx.array_equal(model.model(ids), whole.model(ids)).item()
    assert config["hidden_size"] == 64


def test_projected_bytes_are_those_of_weights_rows_and_prefixes(folder):
    causal = read_causal(str(folder))
    made = footprint.project(causal, 8, 1000, widened=True)
    stored = sum(value.nbytes for value in mx.load(str(folder / "model.safetensors")).values())
    # Two layers, two heads of 16 numbers for keys and as many for values, float32.
    assert made == (stored, 8 * 4096 * 2 * 2 * 2 * 16 * 4, 1000)
    assert footprint.project(causal, 8, 1000, widened=False).rows == made.rows // 2


def test_a_model_that_cannot_fit_is_refused_with_both_figures(folder):
    causal = read_causal(str(folder))
    huge = footprint.Footprint(weights=10**15, rows=3_000_000, prefixes=0)
    with pytest.raises(
        ModelError, match=r"1000000\.0 GB .*3\.0 MB.*this machine has free [0-9.]+ GB"
    ) as failure:
        footprint.check(causal, huge, limit=None, on_metal=False)
    assert failure.value.code == "ER_MODEL_MEMORY"
    with pytest.raises(ModelError, match=r"it may take 2\.0 MB"):
        footprint.check(causal, huge, limit=2_000_000, on_metal=False)
    footprint.check(causal, huge._replace(weights=0), limit=3_000_000, on_metal=False)


def test_a_containers_limit_counts_where_there_is_one(tmp_path, monkeypatch):
    path = tmp_path / "memory.max"
    path.write_text("max\n")
    assert footprint._container_bytes(str(path)) is None
    path.write_text("5000\n")
    assert footprint._container_bytes(str(path)) == 5000
    monkeypatch.setattr(footprint, "_container_bytes", lambda: 5000)
    assert footprint.machine_bytes(False) == 5000


def test_a_file_that_is_no_safetensors_is_refused_before_it_is_loaded(own):
    (own / "model.safetensors").write_bytes(b"not at all")
    with pytest.raises(ModelError, match=r"model\.safetensors cannot be read") as failure:
        footprint.project(read_causal(str(own)), 2, 0, widened=True)
    assert failure.value.code == "ER_MODEL_LOAD"


def test_rows_together_are_what_each_is_alone(engine):
    expected = [alone(engine, prompt, 12) for prompt in PROMPTS]
    uids = [engine.insert(prompt, None, greedy, None) for prompt in PROMPTS]
    made = written(engine, uids, 12)
    assert [made[uid] for uid in uids] == expected


def test_a_rows_processor_sees_its_tokens_and_changes_it_alone(engine):
    expected = [alone(engine, prompt, 6) for prompt in PROMPTS[:2]]
    seen = []

    def banning(tokens, logits):
        seen.append(tokens.tolist())
        return mx.where(mx.arange(logits.shape[-1]) == expected[0][0], mx.array(-float("inf")), logits)

    first = engine.insert(PROMPTS[0], None, greedy, banning)
    second = engine.insert(PROMPTS[1], None, greedy, None)
    made = written(engine, [first, second], 6)
    assert made[second] == expected[1]
    assert expected[0][0] not in made[first]
    assert seen[0] == PROMPTS[0]
    assert seen[5] == PROMPTS[0] + made[first][:5]


def test_progress_counts_each_prompt_token_once_and_chunks_are_bounded(engine):
    lengths = (1, 2, 300, 90)
    uids = [engine.insert(list(range(1, length + 1)), None, greedy, None) for length in lengths]
    read, most = dict.fromkeys(uids, 0), 0
    for _ in range(12):
        told, _ = engine.next()
        for uid, done in told:
            most = max(most, done - read[uid])
            read[uid] = done
    engine.remove(uids)
    assert list(read.values()) == list(lengths)
    assert most == engine.chunk
    assert engine.next() == ([], [])


def test_many_long_prompts_are_read_a_few_at_a_time(engine):
    uids = [engine.insert(list(range(1, 200)), None, greedy, None) for _ in range(8)]
    told, _ = engine.next()
    assert len(told) == 4
    for _ in range(6):
        engine.next()
    assert len(engine.next()[1]) == 8
    engine.remove(uids)


def test_kept_beginnings_are_read_by_many_and_changed_by_none(engine):
    beginning = PROMPTS[3][:100]
    cache = engine.new_cache()
    engine.prefill(cache, beginning[:60])
    engine.prefill(cache, beginning[60:])
    kept = engine.kept(cache)
    before = [each + 0 for layer in kept for each in layer]
    mx.eval(before)
    tails = [[5], [9, 10], list(range(50))]
    expected = [alone(engine, beginning + tail, 8) for tail in tails]
    uids = [engine.insert(tail, engine.cache_of(kept), greedy, None) for tail in tails]
    made = written(engine, uids, 8)
    assert [made[uid] for uid in uids] == expected
    assert all(mx.array_equal(a, b).item() for a, b in zip(before, [x for y in kept for x in y], strict=True))
    assert kept[0][0].shape[2] == len(beginning)


def test_models_that_forget_share_nothing_and_work_all_the_same(tmp_path):
    """A sliding window: its keys and values are overwritten in place."""
    folder = tmp_path / "sliding"
    maker.make_language_model(str(folder))
    config = json.loads((folder / "config.json").read_text())
    weights = mx.load(str(folder / "model.safetensors"))
    weights = {name: value for name, value in weights.items() if "_norm" not in name}
    for layer in range(2):
        for each in ("input", "post_attention"):
            weights[f"model.layers.{layer}.{each}_layernorm.weight"] = mx.ones((64,))
    mx.eval(weights)
    (folder / "model.safetensors").unlink()
    mx.save_safetensors(str(folder / "model.safetensors"), weights)
    config |= {
        "model_type": "llama",
        "layer_types": ["sliding_attention", "full_attention"],
        "sliding_window": 32,
    }
    (folder / "config.json").write_text(json.dumps(config))
    operation = loaded(folder)
    engine = operation.engine
    assert not engine.sharable
    expected = [alone(engine, prompt, 6) for prompt in PROMPTS]
    uids = [engine.insert(prompt, None, greedy, None) for prompt in PROMPTS]
    made = written(engine, uids, 6)
    assert [made[uid] for uid in uids] == expected
    operation.warm_up()
    assert operation.prefixes.figures.entries == 0
