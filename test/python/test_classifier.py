"""Classifiers over pairs, and the reading of their folders: tiny checkpoints of each architecture, against a
forward pass written out in plain Python (tiny_classifiers.py)."""

import copy
import itertools
import json
import math
import os
import random
import sys

import pytest
from tiny_classifiers import (
    ARCHITECTURES,
    INFERENCE_LABELS,
    make_config,
    make_tensors,
    plain_chances,
    write_classifier,
)

from evidence_runner import runtime
from evidence_runner.errors import ModelError
from evidence_runner.models.classifier import SPELLINGS, Classifier, read_classifier

KINDS = list(ARCHITECTURES)
CLOSE = 1e-5


@pytest.fixture(scope="module", autouse=True)
def mx():
    # The first to ask decides for the whole process, so the same library as in test_embed.py.
    made = os.path.join(sys.prefix, "blas", "libopenblas.so")
    runtime.prepare(made if os.path.isfile(made) else None)
    import mlx.core

    return mlx.core


def make_rows(kind, *lengths):
    """Random ids without the padding's, and types as a pair has them."""
    source = random.Random(3)
    ids = [[source.randrange(2, 20) for _ in range(length)] for length in lengths]
    types = [[int(kind == "bert" and place > length // 3) for place in range(length)] for length in lengths]
    return ids, types


def classifier_of(folder, config, tensors=None, core=None, **settings):
    return Classifier(read_classifier(str(write_classifier(folder, config, tensors)), **settings), core)


def worst(made, expected):
    return max(
        abs(a - b) for one, other in zip(made, expected, strict=True) for a, b in zip(one, other, strict=True)
    )


def in_order(chances):
    """Of INFERENCE_LABELS's outputs: supports, refutes, neither."""
    return [chances[1], chances[0], chances[2]]


@pytest.mark.parametrize("core", [None, "SkylakeX"])
@pytest.mark.parametrize("kind", KINDS)
def test_chances_equal_the_architecture_written_out_in_plain_python(tmp_path, kind, core):
    config = make_config(kind)
    tensors = make_tensors(config)
    classifier = classifier_of(tmp_path, config, tensors, core)
    for lengths in ((5,), (9, 9), (7, 12, 30), (41, 60)):
        ids, types = make_rows(kind, *lengths)
        expected = [in_order(plain_chances(config, tensors, *row)) for row in zip(ids, types, strict=True)]
        made = classifier.chances(ids, max(lengths), types).tolist()
        assert worst(made, expected) <= CLOSE
        assert all(abs(sum(row) - 1) <= 1e-6 for row in made)


@pytest.mark.parametrize("kind", KINDS)
def test_the_comparison_notices_one_altered_weight_of_any_tensor(tmp_path, kind):
    config = make_config(kind)
    tensors = make_tensors(config)
    ids, types = make_rows(kind, 30)
    expected = [in_order(plain_chances(config, tensors, ids[0], types[0]))]
    # Softmax over the keys leaves their bias without any effect on the answer; it is so by definition.
    names = [name for name in tensors if not name.endswith("key.bias")]
    missed = []
    for place, name in enumerate(names):
        altered = copy.deepcopy(tensors)
        row = altered[name][ids[0][4] if "word" in name else 0]
        if "position" in name:
            row = altered[name][2]
        if isinstance(row, list):
            row[5] += 0.5
        else:
            altered[name][5 if len(altered[name]) > 5 else 0] += 0.5
        made = classifier_of(tmp_path / str(place), config, altered).chances(ids, 30, types).tolist()
        if worst(made, expected) <= CLOSE:
            missed.append(name)
    assert missed == []


@pytest.mark.parametrize("kind", KINDS)
def test_padding_and_company_do_not_change_a_pair(tmp_path, kind):
    classifier = classifier_of(tmp_path, make_config(kind))
    ids, types = make_rows(kind, 6, 21, 60)
    alone = [
        classifier.chances([row], len(row), [sort]).tolist()[0] for row, sort in zip(ids, types, strict=True)
    ]
    assert worst(classifier.chances(ids, 60, types).tolist(), alone) <= CLOSE
    backwards = classifier.chances(ids[::-1], 60, types[::-1]).tolist()
    assert worst(backwards[::-1], alone) <= CLOSE


def test_types_count_for_bert(tmp_path):
    config = make_config()
    tensors = make_tensors(config)
    ids, types = make_rows("bert", 12)
    classifier = classifier_of(tmp_path, config, tensors)
    plain = [[0] * 12]
    for sorts in (types, plain):
        expected = [in_order(plain_chances(config, tensors, ids[0], sorts[0]))]
        assert worst(classifier.chances(ids, 12, sorts).tolist(), expected) <= CLOSE
    assert (
        worst(classifier.chances(ids, 12, types).tolist(), classifier.chances(ids, 12, plain).tolist()) > 1e-3
    )


@pytest.mark.parametrize("order", list(itertools.permutations(["entailment", "contradiction", "neutral"])))
def test_outputs_are_told_apart_by_their_labels_in_any_order(tmp_path, order):
    labels = {str(index): label for index, label in enumerate(order)}
    config = make_config("roberta", labels)
    tensors = make_tensors(config)
    ids, types = make_rows("roberta", 14)
    chances = plain_chances(config, tensors, ids[0], types[0])
    expected = [chances[order.index(label)] for label in ("entailment", "contradiction", "neutral")]
    classifier = classifier_of(tmp_path, config, tensors)
    assert classifier.classification.labels == ("supports", "refutes", "neither")
    assert worst(classifier.chances(ids, 14, types).tolist(), [expected]) <= CLOSE


@pytest.mark.parametrize("spelling", [str.upper, str.title, lambda label: f" {label[:2]}_{label[2:]} "])
@pytest.mark.parametrize(
    "trio",
    [
        ("entailment", "contradiction", "neutral"),
        ("SUPPORTS", "REFUTES", "NOT ENOUGH INFO"),
        ("SUPPORT", "CONTRADICT", "NEI"),
        ("supported", "refuted", "not_enough_evidence"),
    ],
)
def test_spellings(tmp_path, trio, spelling):
    labels = {str(index): spelling(label) for index, label in enumerate(trio[::-1])}
    folder = write_classifier(tmp_path, make_config("bert", labels))
    assert read_classifier(str(folder), first="claim").outputs == (2, 1, 0)


def test_every_spelling_means_a_side():
    assert set(SPELLINGS.values()) == {"supports", "refutes", "neither"}
    assert all(spelling.isalpha() and spelling.islower() for spelling in SPELLINGS)


@pytest.mark.parametrize("kind", KINDS)
def test_one_output_gives_relevance_alone(tmp_path, kind):
    config = make_config(kind, {"0": "LABEL_0"})
    tensors = make_tensors(config)
    classifier = classifier_of(tmp_path, config, tensors)
    ids, types = make_rows(kind, 8, 17)
    expected = [plain_chances(config, tensors, *row) for row in zip(ids, types, strict=True)]
    assert classifier.classification.labels == ("relevance",)
    assert worst(classifier.chances(ids, 17, types).tolist(), expected) <= CLOSE


def test_weights_are_read_as_float32(tmp_path, mx):
    config = make_config()
    folder = write_classifier(tmp_path, config)
    path = str(folder / "model.safetensors")
    mx.save_safetensors(path, {name: value.astype(mx.float16) for name, value in mx.load(path).items()})
    ids, types = make_rows("bert", 10)
    chances = Classifier(read_classifier(str(folder))).chances(ids, 10, types)
    assert chances.dtype == mx.float32
    expected = [in_order(plain_chances(config, make_tensors(config), ids[0], types[0]))]
    assert worst(chances.tolist(), expected) <= 2e-2


@pytest.mark.parametrize(
    ("labels", "first", "claim_first"),
    [
        (INFERENCE_LABELS, None, False),
        (INFERENCE_LABELS, "claim", True),
        ({"0": "LABEL_0"}, None, True),
        ({"0": "LABEL_0"}, "passage", False),
        ({"0": "SUPPORTS", "1": "REFUTES", "2": "NOT ENOUGH INFO"}, "passage", False),
    ],
)
def test_which_text_is_read_first(tmp_path, labels, first, claim_first):
    folder = write_classifier(tmp_path, make_config("bert", labels))
    assert read_classifier(str(folder), first=first).claim_first is claim_first


@pytest.mark.parametrize(
    ("limit", "most_tokens", "expected"),
    [
        (None, None, 60),
        (32, None, 32),
        (10**30, None, 60),
        (1e30, 40, 40),
        (math.inf, None, 60),
        (512, 400, 60),
    ],
)
def test_the_shortest_limit_counts(tmp_path, limit, most_tokens, expected):
    settings = {} if limit is None else {"tokenizer_config": {"model_max_length": limit}}
    folder = write_classifier(tmp_path, make_config("xlm-roberta"), **settings)
    assert read_classifier(str(folder), most_tokens=most_tokens).encoder.max_tokens == expected


def test_long_pairs_are_cut_unless_more_is_asked_for(tmp_path):
    folder = str(write_classifier(tmp_path, make_config(max_position_embeddings=2000)))
    assert read_classifier(folder).encoder.max_tokens == 512
    assert read_classifier(folder, most_tokens=1500).encoder.max_tokens == 1500


def refusal(folder, **settings):
    with pytest.raises(ModelError) as caught:
        Classifier(read_classifier(str(folder), **settings))
    assert caught.value.code == "ER_MODEL_LOAD"
    return caught.value.message


THREE = {"0": "SUPPORTS", "1": "REFUTES", "2": "NOT ENOUGH INFO"}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"model_file": "model.py"}, "model_file"),
        ({"auto_map": {"AutoModelForSequenceClassification": "code.Model"}}, "auto_map"),
        ({"architectures": ["BertModel"]}, "choose a sequence-classification"),
        ({"architectures": ["DebertaV2ForSequenceClassification"], "model_type": "deberta-v2"}, "DebertaV2"),
        ({"architectures": ["RobertaForSequenceClassification"]}, "with model_type 'bert'"),
        ({"architectures": None}, "architecture None"),
        ({"architectures": []}, "architecture []"),
        ({"architectures": [["BertForSequenceClassification"]]}, "choose"),
        ({"id2label": {"0": "LABEL_0", "1": "LABEL_1", "2": "LABEL_2"}}, "LABEL_0, LABEL_1, LABEL_2"),
        ({"id2label": {"0": "entailment", "1": "not_entailment"}}, "must name three outputs"),
        ({"id2label": {"0": "entailment", "1": "neutral", "2": "entailment"}}, "can't be told"),
        ({"id2label": {"0": "entailment", "1": "neutral", "3": "contradiction"}}, "must name three outputs"),
        ({"id2label": {"0": "not entailment", "1": "neutral", "2": "contradiction"}}, "can't be told"),
        ({"id2label": None}, "must name three outputs"),
        ({"id2label": {"0": "entailment"}}, "no relevance"),
        ({"id2label": THREE}, "set `first` to claim or passage"),
        ({"label2id": {"contradiction": 1, "entailment": 0}}, "disagree about 'contradiction'"),
        ({"problem_type": "multi_label_classification"}, "multi_label_classification"),
        ({"problem_type": "regression", "id2label": {"0": "score"}}, "regression"),
        ({"num_hidden_layers": 3}, "has no tensor encoder.layer.2."),
        ({"id2label": {"0": "LABEL_0"}}, "classifier.weight has shape (3, 16), config.json promises (1, 16)"),
    ],
)
def test_what_is_not_known_is_refused_with_what_to_do(tmp_path, change, told):
    folder = write_classifier(tmp_path, make_config())
    (folder / "config.json").write_text(json.dumps({**make_config(), **change}))
    assert told in refusal(folder)


def test_a_label_map_that_agrees_or_is_of_other_labels_is_fine(tmp_path):
    for label2id in ({"contradiction": 0, "entailment": 1, "neutral": 2}, {"LABEL_0": 0}, None):
        folder = write_classifier(tmp_path, make_config(label2id=label2id))
        assert read_classifier(str(folder)).outputs == (1, 0, 2)


def test_first_must_be_one_of_the_two(tmp_path):
    assert "claim or passage" in refusal(write_classifier(tmp_path, make_config()), first="premise")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("bert", "bert.pooler.dense.weight"),
        ("bert", "classifier.bias"),
        ("bert", "bert.embeddings.LayerNorm.bias"),
        ("roberta", "classifier.dense.bias"),
        ("xlm-roberta", "classifier.out_proj.weight"),
        ("xlm-roberta", "roberta.encoder.layer.1.output.dense.weight"),
    ],
)
def test_a_missing_tensor_is_named(tmp_path, kind, name):
    config = make_config(kind)
    tensors = make_tensors(config)
    del tensors[name]
    message = refusal(write_classifier(tmp_path, config, tensors))
    assert f"has no tensor {name.removeprefix('bert.').removeprefix('roberta.')}" in message


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
def test_a_missing_file_is_named(tmp_path, name):
    folder = write_classifier(tmp_path, make_config())
    (folder / name).unlink()
    assert str(folder / name) in refusal(folder)


def test_the_padding_id_is_the_architectures_own_where_the_file_leaves_it_out(tmp_path):
    for kind, pad, offset in (("bert", 0, 0), ("roberta", 1, 2)):
        config = make_config(kind)
        del config["pad_token_id"]
        encoder = read_classifier(str(write_classifier(tmp_path, config))).encoder
        assert (encoder.pad_id, encoder.position_offset) == (pad, offset)
