"""The generate operation on a tiny model: rows together and alone, prefixes, ends, streams, failures."""

import json

import pytest
from generations import Run, item, loaded, model_folder, one

# Words of the tiny model's own; some 40 tokens.
LONG = "the claim evidence supports refutes disputed unknown service gateway queue error timeout retry " * 3
OBJECT = json.dumps(
    {
        "type": "object",
        "properties": {
            "verdict": {"enum": ["supports", "refutes"]},
            "cites": {"type": "integer", "minimum": 0, "maximum": 40},
        },
        "required": ["verdict", "cites"],
        "additionalProperties": False,
    }
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("language") / "model")


@pytest.fixture(scope="module")
def model(folder):
    return loaded(folder)


@pytest.fixture(autouse=True)
def empty(model):
    yield
    left = list(model._rows)
    for call_id in left:
        model.remove(call_id)
    model.prefixes.clear()
    assert not left, "a test left rows behind"
    assert not model._inside and not model._work and not model._readings


def teacher(model, ids, count):
    """The likeliest tokens after a prompt, each found by reading everything anew."""
    import mlx.core as mx

    made = []
    while len(made) < count:
        logits = model.engine.model(mx.array([[*ids, *made]]))[0, -1]
        made.append(int(mx.argmax(logits).item()))
    return made


def ids_of(model, **changes):
    wanted = item(**changes)
    prompt = model.chat.encode(wanted["system"], wanted["shared"], wanted["prompt"])
    return prompt.shared + prompt.own


def test_the_greedy_text_is_that_of_the_model_read_anew_for_each_token(model):
    result = one(model, prompt=LONG, maxTokens=10)
    expected = teacher(model, ids_of(model, prompt=LONG), 10)
    assert result["text"] == model.spelling.text_of(expected)
    assert (result["tokens"], result["reason"]) == (10, "length")
    assert result["promptTokens"] == len(ids_of(model, prompt=LONG))
    assert result["sharedTokens"] == 0 and result["prefixBytes"] == 0
    assert result["firstTokenMs"] > 0 and result["tokensPerSecond"] > 0


def test_rows_together_staggered_and_some_removed_write_what_each_writes_alone(model):
    rows = {
        1: {"prompt": "a"},
        2: {"prompt": LONG * 6, "scope": "here", "system": "be brief"},
        3: {"prompt": "evidence supports that", "shared": LONG * 3, "scope": "here"},
        4: {"prompt": "year", "shared": LONG * 3, "scope": "here", "stream": True},
        5: {"prompt": LONG * 9},
        6: {"prompt": "removed", "shared": LONG * 3, "scope": "here"},
    }
    alone = {}
    for call_id, changes in rows.items():
        alone[call_id] = one(model, maxTokens=24, **changes)
        model.prefixes.clear()
    run = Run(model)
    run.insert(6, maxTokens=24, **rows[6])
    run.step()
    for call_id in (1, 2, 3):
        run.insert(call_id, maxTokens=24, **rows[call_id])
    model.remove(6)
    for _ in range(7):
        run.step()
    run.insert(5, maxTokens=24, **rows[5])
    run.insert(7, maxTokens=24, prompt=LONG)
    run.until(lambda: run.tokens.get(7, 0) > 30)
    model.remove(7)
    run.insert(4, maxTokens=24, **rows[4])
    run.finish()
    assert set(run.results) == {1, 2, 3, 4, 5}
    for call_id, result in run.results.items():
        assert result["text"] == alone[call_id]["text"], call_id
    assert run.streamed(4) == alone[4]["text"]


def test_a_beginning_that_calls_share_is_read_once_also_when_they_come_together(model):
    shared, same = LONG * 8, {"scope": "here", "maxTokens": 4, "shared": LONG * 8}
    prompt = model.chat.encode("", shared, "one")
    own = {name: len(model.chat.encode("", shared, name).own) for name in ("one", "two", "three")}
    assert len(prompt.shared) > 2 * model.engine.chunk
    run = Run(model)
    run.insert(1, prompt="one", **same)
    run.insert(2, prompt="two", **same)
    run.insert(3, prompt="three", labels=["supports"], **same)
    run.finish()
    # What was computed in all: the beginning once, each call's own end, and the new tokens.
    assert sum(run.tokens.values()) == len(prompt.shared) + sum(own.values()) + 8
    assert [run.results[call_id]["sharedTokens"] for call_id in (1, 2, 3)] == [
        0,
        len(prompt.shared),
        len(prompt.shared),
    ]
    figures = model.prefixes.figures
    assert (figures.hits, figures.misses, figures.entries) == (2, 1, 1)
    assert run.results[2]["prefixBytes"] == figures.bytes > 0
    # And once more when they are long gone.
    later = Run(model)
    later.insert(4, prompt="two", **same)
    later.finish()
    assert later.results[4]["text"] == run.results[2]["text"]
    assert later.tokens[4] == own["two"] + 4


def test_nothing_is_shared_across_scopes_or_without_one(model):
    run = Run(model)
    for call_id, scope in enumerate(("one", "two", "", "")):
        run.insert(call_id, shared=LONG, scope=scope, maxTokens=2)
    run.finish()
    assert [run.results[call_id]["sharedTokens"] for call_id in range(4)] == [0, 0, 0, 0]
    assert {run.results[call_id]["text"] for call_id in range(4)} == {run.results[0]["text"]}
    assert model.prefixes.figures.entries == 2


def test_the_row_that_reads_for_others_may_go(model):
    same = {"shared": LONG * 8, "scope": "here", "maxTokens": 4}
    length = len(model.chat.encode("", LONG * 8, "").shared)
    run = Run(model)
    run.insert(1, prompt="one", **same)
    run.insert(2, prompt="two", **same)
    run.step()
    assert run.tokens == {1: model.engine.chunk}
    model.remove(1)
    assert model.busy == 1
    run.finish()
    assert run.results[2]["sharedTokens"] == model.engine.chunk
    assert run.results[2]["text"] == one(model, prompt="two", shared=LONG * 8, maxTokens=4)["text"]
    assert run.tokens[2] == run.results[2]["promptTokens"] - model.engine.chunk + 4
    assert run.results[2]["promptTokens"] > length


def test_a_reading_that_nobody_waits_for_any_more_stops(model):
    run = Run(model)
    run.insert(1, shared=LONG * 8, scope="here")
    run.step()
    model.remove(1)
    assert model.busy == 0
    assert model.step() == []
    assert model.prefixes.figures.entries == 0


def test_a_removed_row_gives_its_slot_back_at_once_wherever_it_is(model):
    run = Run(model)
    kinds = ({"shared": LONG * 8, "scope": "here"}, {"prompt": LONG * 8}, {}, {"labels": ["supports"]})
    for after in range(4):
        for call_id, changes in enumerate(kinds):
            run.insert(call_id, maxTokens=50, **changes)
        for _ in range(after):
            run.step()
        for call_id in range(len(kinds)):
            if call_id not in run.results:
                before = model.busy
                model.remove(call_id)
                assert model.busy == before - 1
        assert model.busy == 0 and model.step() == []
        run.results.clear()
        model.prefixes.clear()


def test_a_removed_row_writes_nothing_more_and_leaves_the_others_as_they_were(model):
    expected = one(model, prompt="a", maxTokens=20)["text"]
    run = Run(model)
    run.insert(1, prompt="a", maxTokens=20)
    run.insert(2, prompt="b", maxTokens=20, stream=True)
    run.until(lambda: len(run.deltas.get(2, [])) == 3)
    model.remove(2)
    said = len(run.deltas[2])
    run.finish()
    assert len(run.deltas[2]) == said
    assert run.results[1]["text"] == expected and 2 not in run.results


def test_an_end_token_ends_the_text_and_is_no_part_of_it(model):
    ids = teacher(model, ids_of(model), 12)
    end = ids[5]
    usual = model._ends
    model._ends = frozenset({end})
    try:
        result = one(model)
    finally:
        model._ends = usual
    cut = ids.index(end)
    assert (result["text"], result["tokens"]) == (model.spelling.text_of(ids[:cut]), cut)
    assert result["reason"] == "stop"


@pytest.mark.parametrize("stream", [False, True])
def test_a_stop_string_ends_the_text_before_it_and_none_of_it_is_streamed(model, stream):
    whole = one(model, maxTokens=16)["text"]
    # It ends within one token and begins within another.
    stop = whole[4:13]
    run = Run(model)
    run.insert(1, maxTokens=16, stop=["never there", stop], stream=stream)
    result = run.finish()[1]
    assert result["text"] == whole[: whole.index(stop)]
    assert result["reason"] == "stop"
    assert not stream or run.streamed(1) == result["text"]
    assert run.tokens[1] == result["promptTokens"] + result["tokens"]


def test_what_might_have_become_a_stop_string_comes_at_the_end(model):
    whole = one(model, maxTokens=8)["text"]
    run = Run(model)
    run.insert(1, maxTokens=8, stop=[whole[-3:] + "and more"], stream=True)
    run.finish()
    assert run.streamed(1) == run.results[1]["text"] == whole
    assert run.results[1]["reason"] == "length"


def test_deltas_add_up_to_the_text_and_count_its_tokens(model):
    run = Run(model)
    run.insert(1, maxTokens=40, temperature=1.5, seed=11, stream=True)
    run.finish()
    deltas = run.deltas[1]
    assert run.streamed(1) == run.results[1]["text"]
    assert all(each["text"] for each in deltas)
    counts = [each["tokens"] for each in deltas]
    assert counts == sorted(counts) and counts[-1] <= run.results[1]["tokens"]


def test_a_seed_repeats_its_text_whatever_runs_beside_it(model):
    wanted = {"temperature": 1.2, "topP": 0.95, "topK": 40, "maxTokens": 20, "seed": 5}
    alone = one(model, **wanted)["text"]
    run = Run(model)
    run.insert(2, prompt=LONG, temperature=0.7, seed=6)
    run.insert(1, **wanted)
    run.insert(3, prompt="b", maxTokens=20)
    assert run.finish()[1]["text"] == alone
    assert one(model, **{**wanted, "seed": 6})["text"] != alone
    # Beside the item's, a call may bring one.
    model.insert(1, item(**{**wanted, "seed": None}), {}, 5)
    run = Run(model)
    assert run.finish()[1]["text"] == alone


def test_labels_are_weighed_as_the_whole_model_would(model):
    import mlx.core as mx

    wanted = {"shared": LONG * 2, "prompt": "is it so?", "system": "judge"}
    labels = ["supports", "refutes the claim", "x"]
    prompt = ids_of(model, **wanted)
    expected = []
    for label in labels:
        ids = model.chat.label(label)
        logits = model.engine.model(mx.array([prompt + ids])).astype(mx.float32)[0]
        logits = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
        expected.append(sum(logits[len(prompt) - 1 + at, token].item() for at, token in enumerate(ids)))
    for scope in ("", "here", "here"):
        result = one(model, labels=labels, scope=scope, **wanted)
        assert result["labels"] == pytest.approx(expected, abs=1e-5)
        assert result["mass"] == pytest.approx(sum(2.718281828459045**each for each in expected), abs=1e-6)
        assert result["promptTokens"] == len(prompt)
    assert result["sharedTokens"] > 0 and result["firstTokenMs"] > 0


def test_labels_after_a_prompt_of_many_chunks_let_others_write_meanwhile(model):
    wanted = {"prompt": LONG * 10, "labels": ["supports", "refutes"]}
    run = Run(model)
    run.insert(1, maxTokens=30)
    run.insert(2, **wanted)
    run.until(lambda: 2 in run.results)
    assert run.tokens[2] == run.results[2]["promptTokens"] > 3 * model.engine.chunk
    assert run.tokens[1] > 3
    run.finish()


def test_a_schema_makes_a_text_that_parses_beside_rows_without_one(model):
    expected = one(model, maxTokens=30)["text"]
    run = Run(model)
    run.insert(1, schema=OBJECT, maxTokens=60, temperature=1.0, stream=True, stop=["{"])
    run.insert(2, maxTokens=30)
    run.insert(3, schema=OBJECT, maxTokens=60)
    run.finish()
    for call_id in (1, 3):
        value = json.loads(run.results[call_id]["text"])
        assert value["verdict"] in ("supports", "refutes") and 0 <= value["cites"] <= 40
        assert run.results[call_id]["reason"] == "stop"
    assert run.streamed(1) == run.results[1]["text"]
    assert run.results[2]["text"] == expected


def test_a_schema_that_is_not_complete_in_time_gives_what_there_is_and_the_reason(model):
    run = Run(model)
    run.insert(1, schema=OBJECT, maxTokens=3)
    run.insert(2, maxTokens=6)
    run.finish()
    assert (run.results[1]["reason"], run.results[1]["tokens"]) == ("length", 3)
    assert run.results[2]["tokens"] == 6
    assert run.tokens[1] == len(ids_of(model)) + 3


def test_a_grammar_that_breaks_fails_its_own_row_alone(model):
    expected = one(model, prompt="b", maxTokens=10)["text"]
    run = Run(model)
    run.insert(1, schema=OBJECT, maxTokens=30)
    run.insert(2, prompt="b", maxTokens=10)

    def broken(*_):
        raise OverflowError("the parser's stack is full")

    model._rows[1].mask.consume = broken
    run.finish()
    assert run.errors[1].code == "ER_MODEL_FAILED" and "stack is full" in run.errors[1].message
    assert run.results[2]["text"] == expected
