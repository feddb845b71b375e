"""Labels against the whole model's logits: tied and untied heads, quantised ones, models that scale."""

import copy

import mlx.core as mx
import mlx.nn as nn
import pytest
from generations import model_folder

from evidence_runner.models.causal import Engine, load_causal, read_causal
from evidence_runner.models.label_scores import LabelScores

PROMPT = list(range(30, 80))
LABELS = [[5], [6, 7, 8], [9, 10], [5, 7]]


@pytest.fixture(scope="module", params=["tied", "untied"])
def model(request, tmp_path_factory):
    folder = model_folder(tmp_path_factory.mktemp("labels") / "model", tied=request.param == "tied")
    return load_causal(read_causal(str(folder)), 2).model


def whole(model, labels):
    """Each label's log-probability from the logits of everything at once."""
    found = []
    for label in labels:
        logits = model(mx.array([PROMPT + label]))[0].astype(mx.float32)
        logits = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        found.append(sum(logits[len(PROMPT) - 1 + at, token].item() for at, token in enumerate(label)))
    return found


def scored(engine, tail=20):
    cache = engine.new_cache()
    engine.prefill(cache, PROMPT[:-tail])
    return LabelScores(engine).score(cache, PROMPT[-tail:], LABELS)


@pytest.mark.parametrize("tail", [1, 20])
def test_labels_are_what_the_whole_logits_say(model, tail):
    found, mass = scored(Engine(model, 2), tail)
    expected = whole(model, LABELS)
    assert found == pytest.approx(expected, rel=2e-6, abs=1e-5)
    assert mass == pytest.approx(sum(2.718281828459045**each for each in expected), abs=1e-6)


def test_quantised_heads_are_read_row_by_row(model):
    packed = copy.deepcopy(model)
    nn.quantize(packed, group_size=32, bits=8)
    engine = Engine(packed, 2)
    scores = LabelScores(engine)
    assert scores._head is not None and "scales" in scores._head
    found, _ = scored(engine)
    assert found == pytest.approx(whole(packed, LABELS), abs=1e-4)


def test_the_head_is_never_computed_for_the_whole_prompt(model):
    engine = Engine(model, 2)
    scores = LabelScores(engine)
    widths = []
    head = scores._head

    class Counting:
        def __getattr__(self, name):
            return getattr(head, name)

        def __contains__(self, name):
            return name in head

        def as_linear(self, hidden):
            widths.append(hidden.shape[:-1])
            return head.as_linear(hidden) if hasattr(head, "as_linear") else head(hidden)

    scores._head = Counting()
    scores.score(engine.new_cache(), PROMPT, [[5], [6]])
    assert widths == [(1,)]


def test_models_that_do_more_than_multiply_are_asked_themselves(model):
    class Bounded(type(model)):
        def __call__(self, *arguments, **named):
            return 3 * mx.tanh(super().__call__(*arguments, **named) / 3)

    bounded = copy.deepcopy(model)
    bounded.__class__ = Bounded
    engine = Engine(bounded, 2)
    assert LabelScores(engine)._head is None
    found, _ = scored(engine)
    assert found == pytest.approx(whole(bounded, LABELS), rel=2e-6, abs=1e-5)


def test_caches_that_cannot_be_repeated_are_copied(model):
    engine = Engine(model, 2)
    engine.sharable = False
    found, _ = scored(engine)
    assert found == pytest.approx(whole(model, LABELS), rel=2e-6, abs=1e-5)
