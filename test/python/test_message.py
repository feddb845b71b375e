"""What Python accepts from Node, and the numbers that both sides must agree on."""

import re
from pathlib import Path
from typing import Any

import msgpack
import pytest
from worker_process import batch, call

from evidence_runner import message as wire
from evidence_runner.errors import WireError

SOURCE = Path(__file__).resolve().parent.parent.parent / "src" / "wire"


def refused(body: bytes) -> str:
    with pytest.raises(WireError) as raised:
        wire.decode(body)
    assert raised.value.code == "ER_WIRE"
    return raised.value.message


def test_the_protocol_version_and_the_frame_limit_are_those_of_typescript() -> None:
    found = re.search(r"protocolVersion = (\d+)", (SOURCE / "message.ts").read_text())
    assert found and int(found[1]) == wire.PROTOCOL_VERSION
    assert "maxFrameBytes = 64 * 1024 * 1024" in (SOURCE / "frame.ts").read_text()
    assert wire.MAX_FRAME_BYTES == 64 * 1024 * 1024


@pytest.mark.parametrize(
    "message",
    [
        batch(1, call(1, "a", None, {"k": [1, b"\x00"]}, delayMs=1.5), call(2)),
        batch(1),
        {"type": "cancel", "id": 1},
        {"type": "ping", "id": 1},
        {"type": "shutdown"},
        {"type": "shutdown", "why": "a field of a later version"},
    ],
)
def test_decode_takes_a_message_as_it_is(message: dict[str, Any]) -> None:
    assert wire.decode(wire.encode(message)) == message


@pytest.mark.parametrize("field", ["batch", "op", "model", "hangMs", "calls"])
def test_decode_names_the_field_that_a_batch_lacks(field: str) -> None:
    message = batch(1)
    del message[field]
    assert refused(msgpack.packb(message)) == f"A batch message lacks {field}"


@pytest.mark.parametrize("field", wire.CALL_FIELDS)
def test_decode_names_the_field_that_a_call_lacks(field: str) -> None:
    wrong = call(2)
    del wrong[field]
    assert refused(msgpack.packb(batch(1, call(1), wrong))) == f"A batch message lacks calls.{field}"


@pytest.mark.parametrize("kind", ["cancel", "ping"])
def test_decode_wants_an_id(kind: str) -> None:
    assert refused(msgpack.packb({"type": kind})) == f"A {kind} message lacks id"


@pytest.mark.parametrize(
    "value",
    [
        5,
        None,
        [],
        {},
        {"type": "gossip"},
        {"type": 1},
        {"type": None},
        {"type": []},
        {"type": {}},
        {**batch(1), "calls": 5},
        {**batch(1), "calls": [5]},
        {**batch(1), "calls": [None]},
    ],
    ids=repr,
)
def test_decode_refuses_what_is_no_message(value: Any) -> None:
    refused(msgpack.packb(value))


@pytest.mark.parametrize(
    "body",
    [
        b"\xc1",
        b"\x82\xa4type",
        msgpack.packb({"type": "shutdown"}) + b"\x00",
        b"\xdd\xff\xff\xff\xff",
        b"\xdf\xff\xff\xff\xff",
        b"\xc6\xff\xff\xff\xff",
        b"\x81\xa4type\xc7\x01\x05x",
        b"\x81\xa4type\xa2\xed\xa0",
        b"\x81\x01\xa1x",
        b"\x91" * 5000,
    ],
    ids=lambda body: body[:12].hex(" "),
)
def test_decode_refuses_bytes_that_are_no_messagepack(body: bytes) -> None:
    assert body[:20].hex(" ") in refused(body)


def test_encode_keeps_bytes_and_memoryviews_raw() -> None:
    data = bytearray(b"\x00\x00\x80\x3f")
    vectors = {"dtype": "f32", "shape": (1, 1), "data": memoryview(data)}
    body = wire.encode(
        wire.results(1, [{"id": 1, "results": vectors, "usage": {"tokens": 0}}], 1.0, memory())
    )
    assert b"\xc4\x04\x00\x00\x80\x3f" in body
    assert msgpack.unpackb(body)["calls"][0]["results"]["shape"] == [1, 1]


def test_messages_to_node_have_their_fields_in_the_order_of_typescript() -> None:
    text = (SOURCE / "message.ts").read_text()
    made = {
        "hello": wire.hello(pid=1, python="3", versions={}),
        "ready": wire.ready(ops=[], models=[], lanes={}, load_ms=1, warm_up_ms=1, memory=memory(), facts={}),
        "started": wire.started(1),
        "results": wire.results(1, [], 1, memory()),
        "parts": wire.parts([]),
        "pong": wire.pong(1, last_step_at=1, in_step=False, memory=memory()),
        "log": wire.log("info", "loading", "", ""),
    }
    for kind, message in made.items():
        schema = re.search(rf"const {kind} = z\.object\(\{{(.*?)\}}\)\n", text, re.DOTALL)
        assert schema, kind
        # Fields of an object inside a field stand in brackets of their own.
        flat = re.sub(r"\([^()]*(\([^()]*(\([^()]*\)[^()]*)*\)[^()]*)*\)", "", schema[1])
        assert re.findall(r"(\w+)(?=\s*[:,]|\s*$)", re.sub(r":[^,]*", "", flat)) == list(message), kind


def test_encode_goes_on_after_a_message_that_has_no_form_and_after_a_large_one():
    parts = wire.parts([{"id": 1, "delta": {"text": "a", "tokens": 1}}])
    expected = wire.encode(parts)
    with pytest.raises(TypeError):
        wire.encode(wire.parts([{"id": 1, "delta": object()}]))
    assert wire.encode(parts) == expected
    large = wire.encode(wire.parts([{"id": 1, "delta": "a" * (2 << 20)}]))
    assert len(large) > 2 << 20
    assert wire.encode(parts) == expected


def memory() -> wire.Memory:
    return {"rssBytes": 1, "peakBytes": 1, "mlxActiveBytes": 0, "mlxCacheBytes": 0}
