"""Whether a value fits a JSON Schema: the keywords of this repository's schemas, written out.

An unknown keyword is a KeyError, never passed over. A schema's `type` must stand before the keywords of that
type.
"""

import json
import re
from decimal import Decimal


def fits(schema, value):
    return all(CHECKS[keyword](rule, value, schema) for keyword, rule in schema.items())


def is_number(value):
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_multiple(step, value):
    return Decimal(repr(value)) % Decimal(repr(step)) == 0


def only_known_keys(rule, value, schema):
    """`additionalProperties: false`, beside `properties` or `patternProperties`."""
    assert rule is False
    patterns = schema.get("patternProperties", {})
    return all(
        key in schema.get("properties", {}) or any(re.search(pattern, key) for pattern in patterns)
        for key in value
    )


def fits_patterns(rule, value, _):
    return all(
        fits(inner, value[key]) for pattern, inner in rule.items() for key in value if re.search(pattern, key)
    )


def fits_items(rule, value, schema):
    rest = value[len(schema.get("prefixItems", [])) :]
    return not rest if rule is False else all(fits(rule, each) for each in rest)


TYPES = {
    "null": lambda value: value is None,
    "string": lambda value: isinstance(value, str),
    "integer": lambda value: is_number(value) and float(value).is_integer(),
    "number": is_number,
    "boolean": lambda value: isinstance(value, bool),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
CHECKS = {
    "type": lambda rule, value, _: TYPES[rule](value),
    "const": lambda rule, value, _: json.dumps(value) == json.dumps(rule),
    "enum": lambda rule, value, _: json.dumps(value) in map(json.dumps, rule),
    "anyOf": lambda rule, value, _: any(fits(each, value) for each in rule),
    "allOf": lambda rule, value, _: all(fits(each, value) for each in rule),
    "minLength": lambda rule, value, _: len(value) >= rule,
    "maxLength": lambda rule, value, _: len(value) <= rule,
    "pattern": lambda rule, value, _: re.search(rule, value) is not None,
    "minimum": lambda rule, value, _: value >= rule,
    "maximum": lambda rule, value, _: value <= rule,
    "exclusiveMinimum": lambda rule, value, _: value > rule,
    "exclusiveMaximum": lambda rule, value, _: value < rule,
    "multipleOf": lambda rule, value, _: is_multiple(rule, value),
    "minItems": lambda rule, value, _: len(value) >= rule,
    "maxItems": lambda rule, value, _: len(value) <= rule,
    "prefixItems": lambda rule, value, _: all(map(fits, rule, value)),
    "items": fits_items,
    "required": lambda rule, value, _: all(key in value for key in rule),
    "properties": lambda rule, value, _: all(fits(rule[key], value[key]) for key in value if key in rule),
    "patternProperties": fits_patterns,
    "maxProperties": lambda rule, value, _: len(value) <= rule,
    "additionalProperties": only_known_keys,
}
