"""Ids of schemas: TypeScript's for the schemas of the golden file; canonical JSON by RFC 8785."""

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from evidence_runner.errors import InputError
from evidence_runner.schema_id import canonical_json, canonical_schema, schema_id

GOLDEN: list[dict[str, Any]] = json.loads(
    (Path(__file__).resolve().parent.parent / "golden" / "schema-ids.json").read_text(encoding="utf-8")
)


@pytest.mark.parametrize("golden", GOLDEN, ids=lambda golden: golden["name"])
def test_the_id_is_that_of_typescript(golden: dict[str, Any]) -> None:
    assert schema_id(golden["schema"]) == golden["id"]
    assert schema_id(canonical_schema(golden["schema"])) == golden["id"]


def test_the_golden_file_has_enough() -> None:
    assert len(GOLDEN) >= 25
    assert len({golden["id"] for golden in GOLDEN}) == len(GOLDEN) - 2


def test_the_way_of_writing_does_not_matter() -> None:
    one = {
        "type": "object",
        "title": "One",
        "properties": {"a": {"$ref": "#/$defs/A"}, "b": {"type": ["null", "string"]}},
        "required": ["b", "a"],
        "$defs": {"A": {"enum": [2, 1.0], "default": 1}},
    }
    other = {
        "required": ["a", "b"],
        "properties": {"b": {"anyOf": [{"type": "string"}, {"type": "null"}]}, "a": {"enum": [1, 2]}},
        "type": "object",
    }
    assert schema_id(one) == schema_id(other)
    assert schema_id(one) != schema_id({**other, "required": ["a"]})


def test_where_a_circle_is_cut_does_not_matter() -> None:
    short = {"$ref": "#/$defs/node", "$defs": {"node": {"items": {"$ref": "#/$defs/node"}}}}
    unrolled = {"items": {"items": {"$ref": "#"}}}
    assert schema_id(short) == schema_id(unrolled) == schema_id({"items": {"$ref": "#"}})
    assert schema_id(short) != schema_id({"items": {"items": {"items": {}}, "type": "array"}})


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://example.org/schema"},
        {"$ref": "#"},
        {"items": {"$ref": "#/$defs/a"}},
        {"$ref": "#/%E0%A4%A"},
        {"$ref": "#/%zz"},
        {"items": [{"type": "string"}]},
        {"minimum": "1"},
        {"minLength": True},
        {"uniqueItems": 0},
        {"anyOf": []},
        {"properties": {"a": "string"}},
        {"maximum": float("inf")},
        {"maximum": 10**400},
    ],
)
def test_what_is_no_schema_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refusal:
        schema_id(schema)
    assert refusal.value.code == "ER_INPUT"


# Appendix B of RFC 8785: IEEE 754 bits and their text.
NUMBERS = [
    ("0000000000000000", "0"),
    ("8000000000000000", "0"),
    ("0000000000000001", "5e-324"),
    ("8000000000000001", "-5e-324"),
    ("7fefffffffffffff", "1.7976931348623157e+308"),
    ("ffefffffffffffff", "-1.7976931348623157e+308"),
    ("4340000000000000", "9007199254740992"),
    ("c340000000000000", "-9007199254740992"),
    ("4430000000000000", "295147905179352830000"),
    ("44b52d02c7e14af5", "9.999999999999997e+22"),
    ("44b52d02c7e14af6", "1e+23"),
    ("44b52d02c7e14af7", "1.0000000000000001e+23"),
    ("444b1ae4d6e2ef4e", "999999999999999700000"),
    ("444b1ae4d6e2ef4f", "999999999999999900000"),
    ("444b1ae4d6e2ef50", "1e+21"),
    ("3eb0c6f7a0b5ed8c", "9.999999999999997e-7"),
    ("3eb0c6f7a0b5ed8d", "0.000001"),
    ("41b3de4355555553", "333333333.3333332"),
    ("41b3de4355555554", "333333333.33333325"),
    ("41b3de4355555555", "333333333.3333333"),
    ("41b3de4355555556", "333333333.3333334"),
    ("41b3de4355555557", "333333333.33333343"),
    ("becbf647612f3696", "-0.0000033333333333333333"),
    ("43143ff3c1cb0959", "1424953923781206.2"),
]


@pytest.mark.parametrize(("bits", "text"), NUMBERS)
def test_numbers_are_written_as_ecmascript_does(bits: str, text: str) -> None:
    (value,) = struct.unpack(">d", bytes.fromhex(bits))
    assert canonical_json(value) == text


def test_whole_numbers_are_doubles_there() -> None:
    assert canonical_json([1, 1.0, 100, -7, 2**53 + 1, 10**21, True]) == (
        "[1,1,100,-7,9007199254740992,1e+21,true]"
    )


def test_texts_and_names_are_those_of_rfc_8785() -> None:
    value = {
        "numbers": [333333333.33333329, 1e30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": '\u20ac$\u000f\nA\'B"\\\\"/',
        "literals": [None, True, False],
    }
    assert canonical_json(value) == (
        '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
        '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
    )
    names = {"\u20ac": 0, "\r": 0, "\ufb33": 0, "1": 0, "\U0001f600": 0, "\u0080": 0, "\u00f6": 0}
    assert list(json.loads(canonical_json(names))) == [
        "\r",
        "1",
        "\u0080",
        "\u00f6",
        "\u20ac",
        "\U0001f600",
        "\ufb33",
    ]
    assert canonical_json("\ud800\u2028\u007f") == '"\\ud800\u2028\u007f"'
    with pytest.raises(InputError):
        canonical_json({"a": b"bytes"})
