"""The generate operation's edges: items that are refused, warm-up, bounds, and a worker process around it."""

import json
import subprocess
import sys
import time

import pytest
from generations import Run, item, loaded, model_folder, one
from worker_process import Worker, batch, call

from evidence_runner.errors import ModelError

LONG = "the claim evidence supports refutes disputed unknown service gateway queue error timeout retry " * 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return model_folder(tmp_path_factory.mktemp("language") / "model")


@pytest.fixture
def endless(tmp_path):
    """A model whose folder names no token that ends a text: only maxTokens ends one."""
    folder = model_folder(tmp_path / "endless")
    for name in ("config.json", "generation_config.json", "tokenizer_config.json"):
        settings = json.loads((folder / name).read_text())
        for field in ("eos_token_id", "eos_token"):
            settings.pop(field, None)
        (folder / name).write_text(json.dumps(settings))
    return folder


@pytest.fixture(scope="module")
def model(folder):
    return loaded(folder)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("text", "is an object"),
        ({}, "lacks system"),
        (item() | {"top": 1}, "has no top"),
        (item(prompt=7), "prompt to be a text"),
        (item(prompt=""), "nothing to read"),
        (item(prompt="\ud800"), "not valid Unicode"),
        (item(maxTokens=0), "maxTokens of at least 1"),
        (item(maxTokens=True), "whole maxTokens"),
        (item(maxTokens=4096), "beyond the model's 4096 tokens"),
        (item(temperature=-1), "temperature"),
        (item(temperature=float("nan")), "temperature"),
        (item(topP=0), "topP"),
        (item(stop=["a", ""]), "empty text in stop"),
        (item(labels=[]), "at least one label"),
        (item(labels=["a"], schema="{}"), "not both"),
        (item(schema="{"), "can't be compiled"),
        (item(schema='{"type": "nothing"}'), "can't be compiled"),
        (item(seed=-1), "seed"),
        (item(stream=1), "stream"),
    ],
)
def test_what_cannot_be_asked_for_is_refused_and_leaves_nothing_inside(model, wrong, words):
    with pytest.raises(ModelError, match=words) as failure:
        model.insert(1, wrong, {}, None)
    assert failure.value.code == "ER_MODEL_INPUT"
    assert model.busy == 0


def test_tokens_that_the_model_was_not_made_for_are_refused(model, monkeypatch):
    monkeypatch.setattr(model, "causal", model.causal._replace(vocabulary=100))
    with pytest.raises(ModelError, match="tokens beyond the model's 100"):
        model.insert(1, item(), {}, None)
    with pytest.raises(ModelError, match="tokens beyond"):
        model.insert(1, item(prompt="!", labels=["supports"]), {}, None)
    assert model.busy == 0


def test_warm_up_takes_the_real_path_and_leaves_nothing_behind(folder):
    operation = loaded(folder, slots=2)
    operation.warm_up()
    assert operation.busy == 0
    assert operation.prefixes.figures == (0, 0, 0, 0, 0)
    assert operation.facts == {
        "name": "model",
        "revision": None,
        "sha256": None,
        "dimensions": 0,
        "maxTokens": 4096,
    }


def test_a_model_without_an_end_token_writes_texts_but_follows_no_schema(endless):
    operation = loaded(endless)
    operation.warm_up()
    with pytest.raises(ModelError, match="names no token that ends a text") as failure:
        operation.insert(1, item(schema='{"enum":["a"]}'), {}, None)
    assert failure.value.code == "ER_MODEL_INPUT"
    assert one(operation, maxTokens=3)["tokens"] == 3


def test_a_prefix_beyond_the_bound_is_used_by_those_who_wait_and_not_kept(folder):
    operation = loaded(folder, slots=3, prefix_bytes=1000)
    run = Run(operation)
    for call_id in (1, 2):
        run.insert(call_id, shared=LONG, scope="here", maxTokens=3)
    run.finish()
    assert run.results[2]["sharedTokens"] > 0
    assert operation.prefixes.figures == (1, 1, 0, 0, 0)


def test_a_model_that_would_not_fit_is_refused_with_both_figures(folder):
    with pytest.raises(ModelError, match=r"would take .* it may take 1\.0 MB") as failure:
        loaded(folder, memory_bytes=1_000_000)
    assert failure.value.code == "ER_MODEL_MEMORY"


def test_a_worker_says_hello_before_it_imports_anything_heavy():
    code = (
        "import sys; import evidence_runner.ops.generate; "
        "print([name for name in ('mlx', 'mlx_lm', 'transformers', 'tokenizers', 'jinja2', 'llguidance') "
        "if name in sys.modules])"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20)
    assert made.stdout.strip() == "[]", made.stderr


def test_a_worker_streams_a_text_over_its_pipe(folder):
    setting = {"op": "generate", "folder": str(folder), "name": "tiny", "revision": "1", "sha256": ""}
    with Worker(json.dumps(setting)) as worker:
        ready = worker.boot()
        assert ready["lanes"] == {"generate": 8}
        assert ready["models"][0]["maxTokens"] == 4096 and ready["models"][0]["dimensions"] == 0
        fields = {"op": "generate", "model": "tiny"}
        worker.send(batch(1, call(1, item(stream=True)), call(2, item(maxTokens=0)), **fields))
        refused = worker.wait_for("results")
        assert refused["calls"][0]["error"]["code"] == "ER_MODEL_INPUT"
        streamed = ""
        end = time.monotonic() + 20
        while (message := worker.receive())["type"] != "results":
            assert time.monotonic() < end
            if message["type"] == "parts":
                streamed += "".join(each["delta"]["text"] for each in message["calls"])
        (reply,) = message["calls"]
        assert reply["id"] == 1 and reply["results"][0]["text"] == streamed
        assert reply["usage"]["tokens"] == reply["results"][0]["promptTokens"] + 12


def test_a_cancelled_text_answers_at_once_and_its_slot_takes_the_next(endless):
    setting = {
        "op": "generate",
        "folder": str(endless),
        "name": "tiny",
        "revision": "1",
        "sha256": "",
        "slots": 2,
    }
    fields = {"op": "generate", "model": "tiny"}
    with Worker(json.dumps(setting)) as worker:
        worker.boot()
        calls = [call(number, item(maxTokens=3000, temperature=1.0, stream=True)) for number in (1, 2)]
        worker.send(batch(1, *calls, **fields))
        worker.wait_for("parts")
        worker.send({"type": "cancel", "id": 1})
        (gone,) = worker.wait_for("results")["calls"]
        assert gone["id"] == 1 and gone["error"]["code"] == "ER_DEADLINE" and gone["usage"]["tokens"] > 0
        # More calls than free slots would end the worker.
        worker.send(batch(2, call(3, item(maxTokens=2)), **fields))
        (next_one,) = worker.wait_for("results")["calls"]
        assert next_one["id"] == 3 and next_one["results"][0]["tokens"] == 2


def test_what_breaks_in_the_batch_is_not_taken_for_a_rows_own_failure(folder, monkeypatch):
    operation = loaded(folder)
    run = Run(operation)
    run.insert(1)
    monkeypatch.setattr(operation.engine._generator, "model", None)
    monkeypatch.setattr(operation.engine._generator._prompt_batch, "model", None)
    with pytest.raises(TypeError):
        run.finish()
