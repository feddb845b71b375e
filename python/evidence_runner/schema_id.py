"""Ids of JSON Schemas: SHA-256 over the canonical form of what a schema asks for, however it is written.

Twin of src/plan/schema-graph.ts and src/plan/schema-id.ts, which say what is dropped, rewritten and sorted,
and why: the same schema has the same id on both sides, and test/golden/schema-ids.json is read by both. Only
the standard library is used.
"""

import hashlib
import json
import math
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from .errors import InputError

# Keywords by what they hold; all others constrain nothing.
_KEYWORDS = {
    "number": "multipleOf minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems "
    "maxItems minContains maxContains minProperties maxProperties",
    "text": "$ref pattern format contentEncoding contentMediaType",
    "flag": "uniqueItems",
    "list": "enum required",
    "value": "type const",
    "one": "additionalProperties items not propertyNames contains if then else unevaluatedItems "
    "unevaluatedProperties contentSchema",
    "named": "properties patternProperties dependentSchemas",
    "several": "prefixItems anyOf allOf oneOf",
}
_FORM_OF = {name: form for form, names in _KEYWORDS.items() for name in names.split()}

# What constrains nothing when it says this.
_VACUOUS: dict[str, object] = {"minLength": 0, "minItems": 0, "minProperties": 0, "uniqueItems": False}
_OPEN_BY_DEFAULT = {"additionalProperties", "items", "unevaluatedItems", "unevaluatedProperties"}

JsonSchema = bool | dict[str, Any]


def schema_id(schema: JsonSchema) -> str:
    """The id of a JSON Schema (draft 2020-12), 64 hex digits.

    InputError for references that lead outside, nowhere or only to themselves, and for keywords that don't
    hold what they are to.
    """
    return _hash("schema", canonical_schema(schema))


def canonical_schema(schema: JsonSchema) -> dict[str, Any]:
    """The one JSON Schema of all that ask for the same: numbered definitions, the first being the whole."""
    root = _Reader(schema).node(schema)
    _drop_open(_reachable(root))
    classes = _classes_of(_reachable(root))
    numbers: dict[str, int] = {}
    definitions: dict[str, Any] = {}

    def reference(node: "_Node") -> dict[str, str]:
        kind = classes[id(node)]
        if kind not in numbers:
            number = numbers[kind] = len(numbers)
            definitions[str(number)] = _described(node, classes, reference)
        return {"$ref": f"#/$defs/{numbers[kind]}"}

    return {**reference(root), "$defs": definitions}


def canonical_json(value: Any) -> str:
    """Canonical JSON (RFC 8785): sorted keys, ECMAScript numbers, no white space. Twin of canonicalJson()."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _LONE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, list | tuple):
        return f"[{','.join(canonical_json(item) for item in value)}]"
    if isinstance(value, dict):
        names = sorted(value, key=_units)
        return f"{{{','.join(f'{canonical_json(name)}:{canonical_json(value[name])}' for name in names)}}}"
    raise InputError("ER_INPUT", f"A {type(value).__name__} has no canonical form")


_LONE = re.compile("[\ud800-\udfff]")


def _units(text: str) -> bytes:
    """The order of JavaScript's strings: by UTF-16 code units."""
    return text.encode("utf-16-be", "surrogatepass")


def _number(number: float) -> str:
    """A number as ECMAScript writes it (Number::toString): the digits are Python's, the form is not."""
    try:
        value = float(number)
    except OverflowError:
        value = math.inf
    if not math.isfinite(value):
        raise InputError("ER_INPUT", f"{number} has no canonical form")
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    fraction = "" if fraction == "0" else fraction
    point = len(whole) + int(exponent or 0)
    digits = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len(digits)
    digits = digits.rstrip("0")
    sign = "-" if value < 0 else ""
    if len(digits) <= point <= 21:
        return sign + digits + "0" * (point - len(digits))
    if 0 < point <= 21:
        return f"{sign}{digits[:point]}.{digits[point:]}"
    if -6 < point <= 0:
        return f"{sign}0.{'0' * -point}{digits}"
    power = f"{'+' if point > 0 else '-'}{abs(point - 1)}"
    return f"{sign}{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e{power}"


def _hash(tag: str, *parts: Any) -> str:
    return hashlib.sha256(canonical_json([tag, *parts]).encode()).hexdigest()


@dataclass(eq=False)
class _Node:
    """One place of a schema; nodes may hold each other in circles."""

    plain: dict[str, Any] = field(default_factory=dict)
    one: dict[str, "_Node"] = field(default_factory=dict)
    named: dict[str, dict[str, "_Node"]] = field(default_factory=dict)
    several: dict[str, list["_Node"]] = field(default_factory=dict)

    def is_any(self) -> bool:
        return not (self.plain or self.one or self.named or self.several)

    def is_any_text(self) -> bool:
        return self.plain == {"type": "string"} and not (self.one or self.named or self.several)

    def children(self) -> list["_Node"]:
        members = [node for nodes in self.named.values() for node in nodes.values()]
        return [*self.one.values(), *members, *(node for nodes in self.several.values() for node in nodes)]


class _Reader:
    def __init__(self, root: JsonSchema) -> None:
        self._root = root
        self._any: dict[str, Any] = {}
        self._never: dict[str, Any] = {"not": True}
        # By identity: what is read is kept, so that no other object can get its id meanwhile.
        self._read: dict[int, tuple[object, dict[str, Any]]] = {}
        self._nodes: dict[int, _Node] = {}

    def node(self, schema: Any) -> _Node:
        constraints = self._resolved(schema)
        known = self._nodes.get(id(constraints))
        if known is not None:
            return known
        node = self._nodes[id(constraints)] = _Node()
        for keyword, value in constraints.items():
            form = _FORM_OF[keyword]
            if form == "one":
                node.one[keyword] = self.node(value)
            elif form == "named":
                node.named[keyword] = {name: self.node(member) for name, member in value.items()}
            elif keyword == "anyOf":
                node.several[keyword] = self._alternatives(value, {id(constraints)})
            elif form == "several":
                node.several[keyword] = [self.node(member) for member in value]
            else:
                node.plain[keyword] = value
        return node

    def _alternatives(self, members: list[Any], passed: set[int]) -> list[_Node]:
        """The members of an anyOf and of those in it."""
        found: list[_Node] = []
        for member in members:
            constraints = self._resolved(member)
            if set(constraints) != {"anyOf"}:
                found.append(self.node(constraints))
            elif id(constraints) not in passed:
                found += self._alternatives(constraints["anyOf"], passed | {id(constraints)})
        return found

    def _resolved(self, schema: Any) -> dict[str, Any]:
        """What a schema asks for, behind all references and choices of one."""
        passed: set[int] = set()
        constraints = self._constraints(schema)
        while len(constraints) == 1:
            if id(constraints) in passed:
                raise _refusal("refers to itself and says nothing else")
            passed.add(id(constraints))
            ((keyword, value),) = constraints.items()
            if keyword == "$ref":
                constraints = self._constraints(self._at(value))
            elif keyword in ("anyOf", "allOf", "oneOf") and len(value) == 1:
                constraints = self._constraints(value[0])
            else:
                break
        return constraints

    def _constraints(self, schema: Any) -> dict[str, Any]:
        if isinstance(schema, bool):
            return self._any if schema else self._never
        if not isinstance(schema, dict):
            raise _refusal(f"is {json.dumps(schema)} where a schema is to be")
        if id(schema) in self._read:
            return self._read[id(schema)][1]
        constraints = _rewritten(_selected(schema))
        self._read[id(schema)] = (schema, constraints)
        self._read[id(constraints)] = (constraints, constraints)
        return constraints

    def _at(self, reference: str) -> Any:
        if not re.match(r"#(?:/|\Z)", reference):
            raise _refusal(f"refers to {reference}, which lies outside it")
        found: Any = self._root
        for step in _decoded(reference).split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            if isinstance(found, list) and re.fullmatch("0|[1-9][0-9]*", name) and int(name) < len(found):
                found = found[int(name)]
            elif isinstance(found, dict) and name in found:
                found = found[name]
            else:
                raise _refusal(f"refers to {reference}, which is not there")
        return found


def _selected(schema: dict[str, Any]) -> dict[str, Any]:
    """The keywords that constrain something, as they are written."""
    kept: dict[str, Any] = {}
    for keyword, value in schema.items():
        form = _FORM_OF.get(keyword)
        if form is None:
            continue
        if not _is_of_form(form, value):
            raise _refusal(f"has a {keyword} of {json.dumps(value)}")
        if keyword in _VACUOUS and _VACUOUS[keyword] == value:
            continue
        if (form == "named" or keyword == "required") and not value:
            continue
        kept[keyword] = value
    return kept


def _is_of_form(form: str, value: Any) -> bool:
    match form:
        case "number":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "text":
            return isinstance(value, str)
        case "flag":
            return isinstance(value, bool)
        case "list":
            return isinstance(value, list)
        case "several":
            return isinstance(value, list) and len(value) > 0
        case "named":
            return isinstance(value, dict)
        case "one":
            return isinstance(value, dict | bool)
        case _:
            return True


def _rewritten(schema: dict[str, Any]) -> dict[str, Any]:
    """The one writing of what has several."""
    constraints = {keyword: value for keyword, value in schema.items() if keyword not in ("$ref", "const")}
    if "const" in schema:
        among = constraints.get("enum", [schema["const"]])
        only = canonical_json(schema["const"])
        constraints["enum"] = [value for value in among if canonical_json(value) == only]
    for keyword in ("enum", "required", "type"):
        if isinstance(constraints.get(keyword), list):
            constraints[keyword] = _sorted(constraints[keyword])
    types = constraints.get("type")
    if isinstance(types, list) and len(types) == 1:
        constraints["type"] = types[0]
    if "$ref" in schema:
        reference = {"$ref": schema["$ref"]}
        return {"allOf": [reference, constraints]} if constraints else reference
    if isinstance(constraints.get("type"), list) and len(constraints) == 1:
        return {"anyOf": [{"type": one} for one in constraints["type"]]}
    return constraints


def _sorted(values: list[Any]) -> list[Any]:
    """Values in the order of their canonical JSON, each once."""
    texts = {canonical_json(value): value for value in values}
    return [texts[text] for text in sorted(texts, key=_units)]


def _reachable(root: _Node) -> list[_Node]:
    found = {id(root): root}
    waiting = [root]
    while waiting:
        for child in waiting.pop().children():
            if id(child) not in found:
                found[id(child)] = child
                waiting.append(child)
    return list(found.values())


def _drop_open(nodes: list[_Node]) -> None:
    """Leaves out what holds of everything; not before all is read, as what is still empty looks so, too."""
    changed = True
    while changed:
        changed = False
        for node in nodes:
            for keyword, child in list(node.one.items()):
                is_open = child.is_any() and (keyword in _OPEN_BY_DEFAULT or keyword == "propertyNames")
                if is_open or (keyword == "propertyNames" and child.is_any_text()):
                    del node.one[keyword]
                    changed = True


def _classes_of(nodes: list[_Node]) -> dict[int, str]:
    """What each place, by identity, can't be told apart from."""
    classes = {id(node): "" for node in nodes}
    count = 1
    while True:
        classes = {id(node): _class_of(node, classes) for node in nodes}
        found = len(set(classes.values()))
        if found == count:
            return classes
        count = found


def _class_of(node: _Node, before: dict[int, str]) -> str:
    return _hash("schema-class", _described(node, before, lambda child: before[id(child)]))


def _described(node: _Node, classes: dict[int, str], write: Any) -> dict[str, Any]:
    """A node with ``write`` in place of its children, met by name, or by class where order means nothing."""
    written = dict(node.plain)
    for keyword in sorted([*node.one, *node.named, *node.several]):
        if keyword in node.one:
            written[keyword] = write(node.one[keyword])
        elif keyword in node.several:
            ordered = _ordered(keyword, node.several[keyword], classes)
            written[keyword] = [write(child) for child in ordered]
        else:
            members = node.named[keyword]
            written[keyword] = {name: write(members[name]) for name in sorted(members, key=_units)}
    return written


def _ordered(keyword: str, nodes: list[_Node], classes: dict[int, str]) -> list[_Node]:
    if keyword == "prefixItems":
        return nodes
    ordered = sorted(nodes, key=lambda node: classes[id(node)])
    if keyword == "oneOf":
        return ordered
    return list({classes[id(node)]: node for node in ordered}.values())


def _decoded(reference: str) -> str:
    try:
        if re.search("%(?![0-9A-Fa-f]{2})", reference) is None:
            return unquote(reference, errors="strict")
    except UnicodeDecodeError:
        pass
    raise _refusal(f"refers to {reference}, which is no reference")


def _refusal(what: str) -> InputError:
    return InputError("ER_INPUT", f"A JSON Schema {what}")
