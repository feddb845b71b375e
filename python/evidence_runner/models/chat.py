"""Token ids of a conversation: the folder's chat template around texts that are data.

Marks such as <|im_end|> mean something in the template alone; in a text they are read letter by letter, so
that no source can end its turn. It knows no model.
"""

from __future__ import annotations

import datetime
import json
import os
import re
from typing import Any, ClassVar, NamedTuple

from .checkpoint import REMEDY, read_json, refuse

# Stand where the texts will; a template that changes them is refused. Only letters: nothing to escape.
SYSTEM, USER = "EVIDENCERUNNERSYSTEMTEXT", "EVIDENCERUNNERUSERTEXT"


class Prompt(NamedTuple):
    """What the model reads: `shared` is the same for all calls that share their beginning, `own` is not
    empty unless both are."""

    shared: list[int]
    own: list[int]


class Chat:
    """Encodes for one folder; `tokenizer` is a tokenizers.Tokenizer."""

    def __init__(self, folder: str, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        settings = read_json(os.path.join(folder, "tokenizer_config.json"), required=False)
        added = tokenizer.get_added_tokens_decoder().items()
        marks = {
            number: each.content for number, each in added if each.special or _looks_marked(each.content)
        }
        self._mark_ids = frozenset(marks)
        longest_first = sorted(
            (content for content in marks.values() if len(content) > 1), key=len, reverse=True
        )
        self._marks = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None
        self._lead = self._lead_ids()
        template = _template(folder, settings)
        self.has_template = template is not None
        with_system, without = self._frames(folder, settings, template)
        # A model that takes no system text reads it at the start of the user's turn.
        self._in_turn = with_system is None
        self._with_system = without if with_system is None else with_system
        self._without = without
        self.end_ids = self._named_ends(settings)

    def encode(self, system: str, shared: str, prompt: str) -> Prompt:
        """The ids of a whole prompt, in two parts."""
        head = self._with_system if system else self._without
        ids = list(head[0])
        if system and self._in_turn:
            ids += self._data(f"{system}\n\n" if self.has_template else system, not ids)
        elif system:
            ids += self._data(system, not ids)
            ids += head[1]
        ids += self._data(shared, not ids)
        own = self._data(prompt, not ids) + head[2]
        if not own and ids:
            own = [ids.pop()]
        return Prompt(ids, own)

    def label(self, text: str) -> list[int]:
        """The ids of a text that goes on where a prompt ends."""
        return self._data(text, not self.has_template)

    def _data(self, text: str, first: bool = False) -> list[int]:
        """A text's ids, never a mark's; `first`: nothing stands before it."""
        if not text:
            return []
        pieces, start = [], 0
        while self._marks and (found := self._marks.search(text, start)):
            # Cut within the mark, no half is one. Other marks may begin in its rest.
            pieces.append(text[start : found.start() + 1])
            start = found.start() + 1
        pieces.append(text[start:])
        ids: list[int] = []
        for index, piece in enumerate(pieces):
            made = self._encode(piece, first and index == 0)
            # What a tokenizer's own normalising makes of other letters is no mark either.
            ids += made if self._mark_ids.isdisjoint(made) else self._letters(piece)
        return ids

    def _letters(self, text: str) -> list[int]:
        return [number for each in text for number in self._encode(each) if number not in self._mark_ids]

    def _encode(self, text: str, first: bool = False) -> list[int]:
        if first or not self._lead:
            return self._tokenizer.encode(text, add_special_tokens=False).ids
        # Tokenizers that put a space before each text put it before this line's end, which is left out.
        ids = self._tokenizer.encode(f"\n{text}", add_special_tokens=False).ids
        return ids[len(self._lead) :] if ids[: len(self._lead)] == self._lead else ids

    def _lead_ids(self) -> list[int]:
        tokens = self._tokenizer.encode("\n", add_special_tokens=False)
        return tokens.ids if tokens.tokens and tokens.tokens[0].startswith("\u2581") else []

    def _frames(
        self, folder: str, settings: dict[str, Any], template: Any
    ) -> tuple[list[list[int]] | None, list[list[int]]]:
        """What stands before, between and after the texts: with a system text (None: there can't be one),
        and without."""
        if template is None:
            begin = self._tokenizer.encode("", add_special_tokens=True).ids[:1]
            return [begin, [], []], [begin, [], []]
        render = _renderer(template, settings)
        user = {"role": "user", "content": USER}
        without = _cut(_rendered(render, [user]), USER)
        if without is None:
            raise refuse(f"{folder}: its chat template shows no user's text; {REMEDY}")
        both = _cut(_rendered(render, [{"role": "system", "content": SYSTEM}, user]), SYSTEM, USER)
        plain = [without[0], "", without[1]]
        return both and [self._template_ids(each) for each in both], [
            self._template_ids(each) for each in plain
        ]

    def _template_ids(self, text: str) -> list[int]:
        return self._tokenizer.encode(text, add_special_tokens=False).ids if text else []

    def _named_ends(self, settings: dict[str, Any]) -> frozenset[int]:
        number = self._tokenizer.token_to_id(_content(settings.get("eos_token")) or "")
        return frozenset() if number is None else frozenset({number})


def _looks_marked(content: str) -> bool:
    return bool(re.fullmatch(r"<.+>|\[.+\]", content))


def _content(token: Any) -> str | None:
    """A token's text as tokenizer_config.json has it: plain, or with its settings."""
    return token.get("content") if isinstance(token, dict) else token


def _template(folder: str, settings: dict[str, Any]) -> str | None:
    """The chat template's text, from whichever of three places holds it."""
    try:
        with open(os.path.join(folder, "chat_template.jinja"), encoding="utf-8") as file:
            return file.read()
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:
        raise refuse(f"{folder}/chat_template.jinja cannot be read: {error}; {REMEDY}") from None
    found = settings.get("chat_template")
    if found is None:
        found = read_json(os.path.join(folder, "chat_template.json"), required=False).get("chat_template")
    if isinstance(found, list):
        named = {each.get("name"): each.get("template") for each in found if isinstance(each, dict)}
        found = named.get("default")
    if found is not None and not isinstance(found, str):
        raise refuse(f"{folder}: its chat template is not a text; {REMEDY}")
    return found


def _renderer(template: str, settings: dict[str, Any]) -> Any:
    """Renders messages as transformers would, in a sandbox: the template comes with the checkpoint."""
    from jinja2 import TemplateError
    from jinja2.ext import Extension, loopcontrols
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    class Marked(Extension):
        """A block that some templates put around answers for training: what stands in it counts."""

        tags: ClassVar = {"generation"}

        def parse(self, parser: Any) -> Any:
            next(parser.stream)
            return parser.parse_statements(("name:endgeneration",), drop_needle=True)

    def raise_exception(message: str) -> None:
        raise TemplateError(message)

    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols, Marked]
    )
    environment.filters["tojson"] = lambda value, indent=None: json.dumps(
        value, ensure_ascii=False, indent=indent
    )
    environment.globals["raise_exception"] = raise_exception
    environment.globals["strftime_now"] = lambda form: datetime.datetime.now().strftime(form)
    tokens = {name: _content(value) for name, value in settings.items() if name.endswith("_token")}
    try:
        compiled = environment.from_string(template)
    except TemplateError as error:
        raise refuse(f"The chat template can't be read: {error}; {REMEDY}") from None

    def render(messages: list[dict[str, str]]) -> str:
        # Thinking aloud is switched off where a template knows it: answers begin at once.
        return compiled.render(
            **{name: value for name, value in tokens.items() if isinstance(value, str)},
            messages=messages,
            add_generation_prompt=True,
            enable_thinking=False,
            tools=None,
            documents=None,
        )

    return render


def _rendered(render: Any, messages: list[dict[str, str]]) -> str | None:
    """A template's text; None where it refuses the messages."""
    try:
        return render(messages)
    except Exception:  # a template may fail in any way; what it can't show is handled by who asks
        return None


def _cut(text: str | None, *places: str) -> list[str] | None:
    """The text around the places, which must each appear once and in order."""
    parts: list[str] = []
    rest = text
    for place in places:
        if rest is None or rest.count(place) != 1:
            return None
        before, rest = rest.split(place)
        parts.append(before)
    return None if rest is None else [*parts, rest]
