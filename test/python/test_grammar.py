"""The mask of a grammar: what random logits under it write is JSON of the schema, and what a generator does
around it (ends, late calls, wide logits) is borne. tiny_language_model.py makes the tokenizer."""

import json
import math
import os
import random
import sys

import pytest
from random_answers import draw_answer, make_grammar
from tokenizers import Tokenizer

from evidence_runner import runtime
from evidence_runner.errors import ModelError
from evidence_runner.models import grammar as grammars
from evidence_runner.models.grammar import Grammar

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from schema_fit import fits
from tiny_language_model import make_config, make_tokenizer, write_json

TEXT = {"type": "string", "maxLength": 12}
COUNT = {"type": "integer", "minimum": -20, "maximum": 300}
SHARE = {"type": "number", "minimum": 0, "maximum": 1, "multipleOf": 0.01}


def closed(properties, required=None):
    names = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}


def many(items, least, most):
    return {"type": "array", "items": items, "minItems": least, "maxItems": most}


SCHEMAS = [
    closed({"verdict": {"enum": ["supports", "refutes"]}, "share": SHARE, "quotes": many(TEXT, 0, 2)}),
    closed({'ключ "\\\n😀': TEXT, "b": COUNT}, ["b"]),
    {"anyOf": [{"const": None}, COUNT, closed({"kind": {"const": "a"}}), many({"const": "é\n"}, 1, 3)]},
    many(closed({"n": many(COUNT, 1, 2), "t": {"type": "boolean"}}, ["n"]), 1, 3),
    {"type": "array", "prefixItems": [TEXT, COUNT], "items": False, "minItems": 1, "maxItems": 2},
    {"type": "string", "maxLength": 8, "allOf": [{"pattern": "^[a-z]+$"}, {"pattern": "e"}]},
    {"type": "number", "exclusiveMinimum": -1, "exclusiveMaximum": 1, "multipleOf": 1e-6},
    {"enum": [1, "x\r\u0001", None, True, 1e-7]},
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = os.path.join(sys.prefix, "blas", "libopenblas.so")
    runtime.prepare(made if os.path.isfile(made) else None)
    path = str(tmp_path_factory.mktemp("words"))
    write_json(path, "config.json", make_config(*make_tokenizer(path)))
    return path


@pytest.fixture(scope="module")
def grammar(folder):
    return make_grammar(folder)


@pytest.fixture(scope="module")
def tokenizer(folder):
    return Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))


@pytest.fixture(scope="module")
def mx(folder):
    import mlx.core

    return mlx.core


def tokens_of(grammar, text):
    return grammar.tokenizer.tokenize_str(text)


def allowed(mx, mask, tokens, width):
    """The tokens that a mask lets through at this point."""
    kept = mask(mx.array(tokens), mx.zeros((1, width)))
    mask.check()
    return {token for token, value in enumerate(kept[0].tolist()) if value > -math.inf}


@pytest.mark.parametrize("schema", SCHEMAS, ids=range(len(SCHEMAS)))
def test_random_logits_under_the_mask_write_json_of_the_schema(grammar, tokenizer, schema):
    source, texts = random.Random(3), set()
    for _ in range(20):
        tokens, mask = draw_answer(grammar, json.dumps(schema), source)
        text = tokenizer.decode(tokens, skip_special_tokens=False)
        assert mask.done
        assert fits(schema, json.loads(text)), text
        texts.add(text)
    # A mask that leaves one way only would pass all the rest.
    assert len(texts) > 3


def test_the_check_of_this_file_refuses_what_does_not_fit():
    wrong = [{"verdict": "supports", "share": 0.5}, {"b": 301}, 1.5, [{"n": []}], [1], "xyz", 1, 2]
    assert [fits(schema, value) for schema, value in zip(SCHEMAS, wrong, strict=True)] == [False] * 8


def test_no_white_space_and_no_escape_but_the_plain_ones(grammar, mx):
    mask = grammar.start(grammar.compile(json.dumps(closed({"t": {"type": "string", "maxLength": 9}}))))
    width = grammar.tokenizer.vocab_size
    prompt = [7]
    assert allowed(mx, mask, prompt, width).isdisjoint(tokens_of(grammar, " ") + tokens_of(grammar, "\n"))
    inside = [*prompt, *tokens_of(grammar, '{"t":"a\\')]
    after = {grammar.tokenizer.decode_str([token])[0] for token in allowed(mx, mask, inside, width)}
    assert after == set('"\\nt')


def test_the_prompt_is_not_read_and_only_new_tokens_are_consumed(grammar, mx):
    schema, width = json.dumps({"enum": ["ab", "cd"]}), grammar.tokenizer.vocab_size
    answer = tokens_of(grammar, '"cd"')
    # A prompt that is itself an answer, as one that quotes answers may end.
    prompt = tokens_of(grammar, '"ab"')
    mask = grammar.start(grammar.compile(schema))
    assert allowed(mx, mask, prompt, width) == allowed(
        mx, grammar.start(grammar.compile(schema)), [1, 2, 3], width
    )
    for count in range(1, len(answer) + 1):
        assert not mask.done
        allowed(mx, mask, prompt + answer[:count], width)
    assert mask.done
    # The same length once more: nothing new, nothing consumed twice.
    assert allowed(mx, mask, prompt + answer, width) == {grammar.end_ids[0]}


def test_rows_of_one_schema_go_their_own_ways(grammar, mx):
    schema, width = json.dumps({"enum": ["ab", "cd"]}), grammar.tokenizer.vocab_size
    compiled = grammar.compile(schema)
    one, other = grammar.start(compiled), grammar.start(compiled)
    for mask in (one, other):
        allowed(mx, mask, [9], width)
    quote = tokens_of(grammar, '"a')
    other_way = tokens_of(grammar, '"c')
    texts = [
        {grammar.tokenizer.decode_str([each]) for each in allowed(mx, mask, [9, *begun], width)}
        for mask, begun in ((one, quote), (other, other_way))
    ]
    assert "b" in texts[0] and "d" not in texts[0]
    assert "d" in texts[1] and "b" not in texts[1]


def test_the_end_is_forced_once_the_json_is_complete_and_late_calls_are_borne(folder, mx):
    grammar = make_grammar(folder, end_ids=[2, 0])
    width = grammar.tokenizer.vocab_size
    mask = grammar.start(grammar.compile('{"const":true}'))
    tokens = [5]
    allowed(mx, mask, tokens, width)
    tokens += tokens_of(grammar, "true")
    # The first of the ends, with whatever the model thinks of it.
    logits = mx.full((1, width), -mx.inf)
    kept = mask(mx.array(tokens), logits)
    assert mask.done
    assert mx.argmax(kept, axis=-1).item() == 2
    assert math.isfinite(kept[0, 2].item())
    for late in (2, 0, 7):
        tokens.append(late)
        assert allowed(mx, mask, tokens, width) == {2}
    assert mask.error is None


@pytest.mark.parametrize("end", [2, 0])
def test_any_of_several_ends_may_end_what_could_go_on(folder, mx, end):
    grammar = make_grammar(folder, end_ids=[2, 0])
    width = grammar.tokenizer.vocab_size
    mask = grammar.start(grammar.compile('{"type":"integer","minimum":0,"maximum":99}'))
    assert allowed(mx, mask, [5], width).isdisjoint(grammar.end_ids)
    tokens = [5, *tokens_of(grammar, "4")]
    assert allowed(mx, mask, tokens, width) >= {2, 0}
    assert not mask.done
    assert allowed(mx, mask, [*tokens, end], width) == {2}
    assert mask.done and mask.error is None


@pytest.mark.parametrize("width", [512, 520, 640])
@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16"])
def test_logits_beyond_the_vocabulary_are_never_let_through_and_types_are_kept(folder, mx, width, kind):
    grammar = make_grammar(folder, vocabulary=515)
    mask = grammar.start(grammar.compile('{"type":"string","maxLength":5}'))
    dtype = getattr(mx, kind)
    kept = mask(mx.array([1]), mx.ones((1, width), dtype))
    assert kept.shape == (1, width) and kept.dtype == dtype
    assert not mx.isfinite(kept[0, 512:].astype(mx.float32)).any().item()
    source = random.Random(5)
    tokens, mask = draw_answer(grammar, '{"type":"string","maxLength":5}', source, width=640)
    assert mask.done and max(tokens) < 512


def test_what_goes_wrong_ends_its_row_and_is_told_when_asked(grammar, mx):
    width = grammar.tokenizer.vocab_size
    mask = grammar.start(grammar.compile('{"enum":["ab","cd"]}'))
    mask(mx.array([5]), mx.zeros((1, width)))
    wrong = tokens_of(grammar, "x")
    # A batch has other rows: nothing is raised, the row is led to its end.
    kept = mask(mx.array([5, *wrong]), mx.zeros((1, width)))
    assert mx.argmax(kept, axis=-1).item() == grammar.end_ids[0]
    assert not mask.done
    with pytest.raises(ModelError, match=f"token {wrong[0]} does not belong") as raised:
        mask.check()
    assert raised.value.code == "ER_MODEL_FAILED"
    kept = mask(mx.array([5, *wrong, 2]), mx.zeros((1, width)))
    assert mx.argmax(kept, axis=-1).item() == grammar.end_ids[0]


def test_a_vocabulary_that_cannot_write_the_json_fails_its_row(folder, mx):
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
        words = json.load(file)
    # Without merges and without the closing bracket there is no way on from an open one.
    words["model"]["merges"] = []
    words["model"]["vocab"] = {
        token: number for token, number in words["model"]["vocab"].items() if "]" not in token
    }
    grammar = Grammar(json.dumps(words), 512, [2])
    mask = grammar.start(grammar.compile('{"type":"array","maxItems":0}'))
    tokens = [5]
    for _ in range(3):
        kept = mask(mx.array(tokens), mx.zeros((1, 512)))
        tokens.append(mx.argmax(kept, axis=-1).item())
    with pytest.raises(ModelError, match=r"no token of the vocabulary can go on$") as raised:
        mask.check()
    assert raised.value.code == "ER_MODEL_FAILED" and not mask.done


@pytest.mark.parametrize(
    ("schema", "reason"),
    [
        ("{", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        (3, "not a text"),
        (" " * 300_000, "300000 characters"),
        ('{"type":"integer","minimum":3,"maximum":2}', r"minimum \(3\) is greater than maximum \(2\)"),
        ('{"enum":[]}', "empty"),
        ('{"not":{}}', "Unimplemented keys.*not"),
        ('{"type":"array","uniqueItems":true}', "Unimplemented keys.*uniqueItems"),
        ('{"type":"string","format":"colour"}', "Unknown format: colour"),
        ('{"type":"string","pattern":"^(?=a)b"}', "look-around"),
        ('{"oneOf":[{"type":"string"},{"type":"string","maxLength":3}]}', "oneOf"),
        ('{"$ref":"https://example.org/x"}', "not present"),
        ('{"type":"null","x-guidance":{"lenient":true},"if":{}}', "x-guidance"),
    ],
)
def test_schemas_that_cannot_be_compiled_are_refused_at_the_start(grammar, capfd, schema, reason):
    with pytest.raises(ModelError, match=f"^The schema can't be compiled: .*{reason}") as raised:
        grammar.compile(schema)
    assert raised.value.code == "ER_MODEL_INPUT"
    assert "\n" not in raised.value.message and len(raised.value.message) < 600
    # The library's own log would be mixed with the worker's.
    assert capfd.readouterr().err == ""


def test_grammars_are_kept_by_text_and_the_oldest_goes(folder, monkeypatch):
    monkeypatch.setattr(grammars, "KEPT", 2)
    grammar = make_grammar(folder)
    first, second, third = (json.dumps({"const": each}) for each in range(3))
    made = grammar.compile(first)
    grammar.compile(second)
    assert grammar.compile(first) is made
    grammar.compile(third)
    assert list(grammar.kept) == [first, third]
    assert grammar.compile(first) is made


@pytest.mark.parametrize("ends", [[], [512], [-1]])
def test_ends_that_the_vocabulary_does_not_have_are_refused(folder, ends):
    with pytest.raises(ModelError, match="End tokens") as raised:
        make_grammar(folder, end_ids=ends)
    assert raised.value.code == "ER_MODEL_LOAD"


def test_a_tokenizer_that_cannot_be_masked_is_refused():
    with pytest.raises(ModelError, match="can't be masked") as raised:
        Grammar('{"model":{"type":"Unheard"}}', 512, [2])
    assert raised.value.code == "ER_MODEL_LOAD"
