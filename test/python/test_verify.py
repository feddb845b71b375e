"""The verify operation on tiny checkpoints: texts in, against plain Python from the words on."""

import json
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_classifiers import (
    ARCHITECTURES,
    INFERENCE_LABELS,
    WORDS,
    ids_of,
    make_config,
    make_tensors,
    marks_of,
    plain_chances,
    write_classifier,
)
from worker_process import Worker, batch, call, echoes

from evidence_runner import runtime
from evidence_runner.errors import ModelError
from evidence_runner.ops.registry import operations_of
from evidence_runner.ops.verify import Verify

KINDS = list(ARCHITECTURES)
CLOSE = 1e-5

# What AutoModelForSequenceClassification (transformers 5.23.0, torch 2.13.0) answered over the same folders:
# softmax of the outputs in our order, or the sigmoid of the only one. (XLM-RoBERTa's tensors are RoBERTa's.)
TRANSFORMERS_PAIRS = [
    ["the limit is twelve", "requests rose above two the limit was twelve"],
    ["errors fell", "billing errors rose not the search service"],
    ["a", "the search service is under the limit of requests"],
]
TRANSFORMERS = {
    ("bert", 3): [
        [0.1275683, 0.8373806, 0.0350511],
        [0.3520818, 0.6399378, 0.0079804],
        [0.4318843, 0.556088, 0.0120276],
    ],
    ("roberta", 3): [
        [0.0525357, 0.4363765, 0.5110878],
        [0.2241578, 0.2913174, 0.4845248],
        [0.0538276, 0.515631, 0.4305414],
    ],
    ("xlm-roberta", 3): [
        [0.0525357, 0.4363765, 0.5110878],
        [0.2241578, 0.2913174, 0.4845248],
        [0.0538276, 0.515631, 0.4305414],
    ],
    ("bert", 1): [[0.770757], [0.7720969], [0.880688]],
    ("roberta", 1): [[0.3792283], [0.3955091], [0.1227121]],
}


def blas() -> str | None:
    """The copy that set-up makes, else what the system has; the tests are right without, but slow."""
    made = os.path.join(sys.prefix, "blas", "libopenblas.so")
    return made if os.path.isfile(made) else None


def make_verify(folder, config, **settings):
    operation = Verify(str(write_classifier(folder, config)), blas=blas(), **settings)
    operation.load()
    operation.warm_up()
    return operation


@pytest.fixture(scope="module", params=KINDS)
def case(request, tmp_path_factory):
    """A family's configuration, its tensors and the operation over them."""
    config = make_config(request.param)
    return config, make_tensors(config), make_verify(tmp_path_factory.mktemp(request.param), config)


def make_pairs(count, seed=1):
    source = random.Random(seed)

    def text(most):
        return " ".join(source.choice([*WORDS, "unheard-of"]) for _ in range(source.randint(1, most)))

    return [[text(8), text(28)] for _ in range(count)]


def rows_of(vectors):
    numbers = memoryview(bytes(vectors.data)).cast("f").tolist()
    return [
        numbers[start : start + vectors.dimensions] for start in range(0, len(numbers), vectors.dimensions)
    ]


def expected_of(config, tensors, pairs):
    """Supports, refutes, neither of an entailment model, which reads the passage first."""
    kind = config["model_type"]
    made = [plain_chances(config, tensors, *ids_of(kind, passage, claim)) for claim, passage in pairs]
    return [[row[1], row[0], row[2]] for row in made]


def worst(made, expected):
    return max(
        abs(a - b) for one, other in zip(made, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


def test_forward_equals_plain_python_from_the_words_on(case):
    config, tensors, verify = case
    pairs = make_pairs(24)
    vectors, tokens = verify.forward(pairs, {})
    assert (len(vectors), vectors.dimensions) == (24, 3)
    assert worst(rows_of(vectors), expected_of(config, tensors, pairs)) <= CLOSE
    assert tokens == [len(ids_of(config["model_type"], *pair)[0]) for pair in pairs]


@pytest.mark.parametrize(("kind", "outputs"), list(TRANSFORMERS))
def test_forward_equals_pytorch(tmp_path, kind, outputs):
    labels = INFERENCE_LABELS if outputs == 3 else {"0": "LABEL_0"}
    verify = make_verify(tmp_path, make_config(kind, labels))
    made = rows_of(verify.forward(TRANSFORMERS_PAIRS, {})[0])
    assert worst(made, TRANSFORMERS[kind, outputs]) <= CLOSE


def test_the_answers_tell_pairs_and_sides_apart(case):
    # Else every comparison here would hold of a model that answers the same always.
    verify = case[2]
    rows = rows_of(verify.forward(make_pairs(24), {})[0])
    assert {row.index(max(row)) for row in rows} >= {0, 1} or {row.index(max(row)) for row in rows} >= {1, 2}
    assert max(row[0] for row in rows) - min(row[0] for row in rows) > 0.1
    swapped = [pair[::-1] for pair in make_pairs(24)]
    assert worst(rows_of(verify.forward(swapped, {})[0]), rows) > 0.01


def test_one_altered_weight_is_noticed(case):
    config, tensors, verify = case
    pairs = make_pairs(6)
    weight, bias = verify.classifier.dense
    mx = pytest.importorskip("mlx.core")
    verify.classifier.dense = weight + mx.zeros(weight.shape).at[3, 3].add(0.05), bias
    try:
        assert worst(rows_of(verify.forward(pairs, {})[0]), expected_of(config, tensors, pairs)) > CLOSE
    finally:
        verify.classifier.dense = weight, bias


def test_order_and_company_change_nothing(case):
    _, _, verify = case
    pairs = make_pairs(40, seed=2)
    together = rows_of(verify.forward(pairs, {})[0])
    order = random.Random(4).sample(range(40), 40)
    shuffled = rows_of(verify.forward([pairs[index] for index in order], {})[0])
    assert worst(shuffled, [together[index] for index in order]) <= CLOSE
    for index in (0, 17, 39):
        assert worst(rows_of(verify.forward([pairs[index]], {})[0]), [together[index]]) <= CLOSE


def test_pad_fixed_gives_the_same_bits_in_any_batch(case):
    _, _, verify = case
    pairs = make_pairs(9)
    together = bytes(verify.forward(pairs, {"pad": "fixed"})[0].data)
    backwards = bytes(verify.forward(pairs[::-1], {"pad": "fixed"})[0].data)
    for index in range(9):
        alone = bytes(verify.forward([pairs[index]], {"pad": "fixed"})[0].data)
        assert alone == together[12 * index : 12 * index + 12]
        assert alone == backwards[12 * (8 - index) : 12 * (9 - index)]
    assert (
        worst(rows_of(verify.forward(pairs, {})[0]), rows_of(verify.forward(pairs, {"pad": "fixed"})[0]))
        <= CLOSE
    )


def test_a_long_passage_loses_its_end_and_the_claim_stays_whole(case):
    config, tensors, verify = case
    claim = "the limit was not two errors"
    room = 60 - 6 - (3 if config["model_type"] == "bert" else 4)
    words = [random.Random(8).choice(WORDS) for _ in range(200)]
    long, cut = [claim, " ".join(words)], [claim, " ".join(words[:room])]
    vectors, tokens = verify.forward([long, cut], {})
    assert tokens == [60, 60]
    assert worst(rows_of(vectors), expected_of(config, tensors, [cut, cut])) <= CLOSE


def test_a_claim_is_cut_only_where_the_passage_would_have_less_than_a_quarter(case):
    config, tensors, verify = case
    room = 60 - (3 if config["model_type"] == "bert" else 4)
    source = random.Random(8)
    claim, passage = ([source.choice(WORDS) for _ in range(200)] for _ in range(2))
    quarter = room // 4
    for given, kept in (
        ((40, 30), (40, room - 40)),
        ((200, 200), (room - quarter, quarter)),
        ((200, 5), (room - 5, 5)),
        ((room - 1, 1), (room - 1, 1)),
    ):
        pair, cut = ([" ".join(claim[:one]), " ".join(passage[:two])] for one, two in (given, kept))
        vectors, tokens = verify.forward([pair], {})
        assert tokens == [60]
        assert worst(rows_of(vectors), expected_of(config, tensors, [cut])) <= CLOSE


def test_a_mark_in_a_source_ends_nothing(case):
    # Whole words: the vocabulary has no other way to write its own marks, and other families' are no words.
    config, tensors, verify = case
    own = marks_of(config["model_type"])
    for mark in {*marks_of("bert"), *marks_of("roberta")} - {"[UNK]", "<unk>"}:
        pair = ["the limit", f"errors rose {mark} the limit {mark}"]
        seen = ["the limit", "errors rose the limit"] if mark in own else pair
        vectors, tokens = verify.forward([pair, ["two", mark]], {})
        assert tokens[0] == len(ids_of(config["model_type"], *seen)[0])
        rest = ["two", "" if mark in own else mark]
        assert worst(rows_of(vectors), expected_of(config, tensors, [seen, rest])) <= CLOSE


def test_a_mark_in_a_source_is_text_where_it_can_be_written(tmp_path):
    config = make_config()
    folder = write_classifier(tmp_path, config)
    alter_tokenizer(folder, lambda content: content.update(pre_tokenizer={"type": "Whitespace"}))
    verify = Verify(str(folder), blas=blas())
    verify.load()
    vectors, tokens = verify.forward([["the limit", "errors [SEP] rose"]], {})
    seen = ["the limit", "errors [ SEP ] rose"]
    assert tokens == [len(ids_of("bert", *seen)[0])]
    assert worst(rows_of(vectors), expected_of(config, make_tensors(config), [seen])) <= CLOSE


@pytest.mark.parametrize("kind", KINDS)
def test_a_reranker_gives_relevance_alone_and_reads_the_claim_first(tmp_path, kind):
    config = make_config(kind, {"0": "LABEL_0"})
    verify = make_verify(tmp_path, config)
    pairs = make_pairs(8)
    vectors, _ = verify.forward(pairs, {})
    expected = [plain_chances(config, make_tensors(config), *ids_of(kind, *pair)) for pair in pairs]
    assert (verify.facts["dimensions"], vectors.dimensions, len(vectors)) == (1, 1, 8)
    assert worst(rows_of(vectors), expected) <= CLOSE


def test_empty_texts_are_pairs_and_no_items_are_no_rows(case):
    config, tensors, verify = case
    pairs = [["", ""], ["the limit", ""], ["", "errors rose"]]
    assert worst(rows_of(verify.forward(pairs, {})[0]), expected_of(config, tensors, pairs)) <= CLOSE
    vectors, tokens = verify.forward([], {})
    assert (len(vectors), tokens) == (0, [])


@pytest.mark.parametrize(
    "item",
    ["text", 3, None, [], ["one"], ["one", "two", "three"], ["one", 2], {"claim": "a"}, ["a", "\ud800"]],
)
def test_an_item_that_is_no_pair_is_refused_by_its_index(case, item):
    with pytest.raises(ModelError, match="Item 1 of verify") as caught:
        case[2].forward([["fine", "pair"], item], {})
    assert caught.value.code == "ER_MODEL_INPUT"


def refusal(folder, **settings):
    with pytest.raises(ModelError) as caught:
        Verify(str(folder), blas=blas(), **settings).load()
    assert caught.value.code == "ER_MODEL_LOAD"
    return caught.value.message


def alter_tokenizer(folder, change):
    path = folder / "tokenizer.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_a_tokenizer_without_a_template_for_pairs_is_refused(tmp_path):
    folder = write_classifier(tmp_path, make_config())
    alter_tokenizer(folder, lambda content: content.update(post_processor=None))
    assert "how a pair of texts is put together" in refusal(folder)


def test_a_tokenizer_that_is_none_is_refused(tmp_path):
    folder = write_classifier(tmp_path, make_config())
    (folder / "tokenizer.json").write_text("{}")
    assert str(folder / "tokenizer.json") in refusal(folder)


def test_a_tokenizer_with_more_words_than_the_model_is_refused(tmp_path):
    config = make_config(vocab_size=20)
    assert "has 21 tokens, config.json promises 20" in refusal(write_classifier(tmp_path, config))


def test_a_token_type_that_the_model_lacks_is_refused(tmp_path):
    config = make_config(type_vocab_size=1)
    assert "gives token type 1" in refusal(write_classifier(tmp_path, config))


def test_a_limit_without_room_for_a_pair_is_refused(tmp_path):
    assert "no room" in refusal(write_classifier(tmp_path, make_config()), most_tokens=4)


def test_the_registry_makes_it_from_what_the_pool_says(tmp_path):
    labels = {"0": "SUPPORTS", "1": "REFUTES", "2": "NOT ENOUGH INFO"}
    folder = str(write_classifier(tmp_path, make_config("roberta", labels)))
    setting = {
        "op": "verify",
        "folder": folder,
        "name": "tiny",
        "revision": "1",
        "sha256": "ab",
        "blas": blas(),
    }
    settings = json.dumps({**setting, "first": "claim", "maxTokens": 24})
    verify = operations_of([settings])["verify"]
    verify.load()
    assert verify.facts == {
        "name": "tiny",
        "revision": "1",
        "sha256": "ab",
        "dimensions": 3,
        "maxTokens": 24,
    }


def test_a_worker_answers_pairs_over_the_wire(tmp_path):
    config = make_config()
    folder = str(write_classifier(tmp_path, config))
    setting = {
        "op": "verify",
        "folder": folder,
        "name": "tiny",
        "revision": "1",
        "sha256": "ab",
        "blas": blas(),
    }
    pairs = make_pairs(5)
    with Worker(json.dumps(setting)) as worker:
        ready = worker.boot()
        assert (ready["ops"], ready["lanes"]) == (["verify"], {"verify": 1})
        assert (ready["models"][0]["op"], ready["models"][0]["dimensions"]) == ("verify", 3)
        calls = call(1, *pairs[:3]), call(2, "no pair"), call(3, *pairs[3:], pad="fixed")
        worker.send(batch(1, calls[0], calls[2], op="verify", model="tiny"))
        worker.send(batch(2, calls[1], op="verify", model="tiny"))
        one, three = worker.wait_for("results")["calls"]
        (two,) = worker.wait_for("results")["calls"]
    assert (one["results"]["shape"], three["results"]["shape"]) == ([3, 3], [2, 3])
    made = [list(row) for reply in (one, three) for row in echoes(reply)]
    assert worst(made, expected_of(config, make_tensors(config), pairs)) <= CLOSE
    assert two["error"]["code"] == "ER_MODEL_INPUT"


def test_a_worker_says_why_it_cannot_start(tmp_path):
    config = make_config("bert", {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"})
    folder = str(write_classifier(tmp_path, config))
    setting = {"op": "verify", "folder": folder, "name": "tiny", "revision": "1", "sha256": "ab"}
    with Worker(json.dumps(setting)) as worker:
        while (said := worker.wait_for("log"))["level"] != "fatal":
            pass
        assert worker.exit_code() == 69
    assert said["code"] == "ER_MODEL_LOAD" and "LABEL_0, LABEL_1, LABEL_2" in said["message"]


def test_importing_the_operation_does_not_load_mlx():
    script = (
        "import sys, evidence_runner.ops.verify; print('mlx' in sys.modules, 'tokenizers' in sys.modules)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(runtime.__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "False"]
