"""What an encoder's folder says is put before a text: one thing before a question, another before what is
searched.

Sentence encoders that were trained so read claims and passages by different beginnings and find far less
without them; others want texts as they are. `config_sentence_transformers.json` tells which, and nothing is
put before a text that it does not name.
"""

from __future__ import annotations

import os
from typing import Any, NamedTuple

from ..errors import ModelError
from .checkpoint import read_json, refuse

SENTENCE_FILE = "config_sentence_transformers.json"
# What each role's prompt may be called, the first that is there counts.
NAMES = {"query": ("query",), "document": ("document", "passage", "corpus")}
# How models that follow instructions have a query: the words between are the caller's to choose.
BEFORE_INSTRUCTION, AFTER_INSTRUCTION = "Instruct: ", "\nQuery:"


class Prompts(NamedTuple):
    """Beginnings by role. `usual` is for texts without a role; `instructed`: queries take an instruction."""

    query: str = ""
    document: str = ""
    usual: str = ""
    instructed: bool = False


def read_prompts(folder: str, query: str = "") -> Prompts:
    """The prompts of an encoder's folder; `query` is its family's own where the folder has no such file."""
    path = os.path.join(folder, SENTENCE_FILE)
    absent = not os.path.isfile(path)
    refuse_pooled_apart(folder)
    config = read_json(path, required=False)
    named = {"query": query} if absent else config.get("prompts") or {}
    usual = config.get("default_prompt_name")
    if not isinstance(named, dict) or not all(isinstance(text, str) for text in named.values()):
        raise refuse(f"{path}: prompts must be texts by name, not {named!r}")
    if usual is not None and usual not in named:
        raise refuse(f"{path}: default_prompt_name {usual!r} is not among the prompts ({', '.join(named)})")
    roles = {
        role: next((named[name] for name in names if name in named), "") for role, names in NAMES.items()
    }
    instructed = roles["query"].startswith(BEFORE_INSTRUCTION) and AFTER_INSTRUCTION in roles["query"]
    return Prompts(**roles, usual=named[usual] if usual is not None else "", instructed=instructed)


def refuse_pooled_apart(folder: str) -> None:
    """A few encoders leave the prompt's own tokens out of the mean; that is not built."""
    for module in read_json(os.path.join(folder, "modules.json"), kind=list, required=False):
        path = os.path.join(folder, str(module.get("path") or ""), "config.json")
        if read_json(path, required=False).get("include_prompt") is False:
            raise refuse(f"{path}: include_prompt false is not supported together with prompts")


def prefix_of(prompts: Prompts, options: dict[str, Any]) -> str:
    """What a call's options put before its texts; ModelError ER_MODEL_INPUT for what the model cannot do.

    `{"as": "query"}` and `{"as": "document"}` name the texts' role. Where the checkpoint has no prompt for it
    texts go in as they are, as it was trained. `{"as": "query", "instruction": …}` says in other words what
    is looked for; only checkpoints that follow instructions can be told so.
    """
    role, instruction = options.get("as"), options.get("instruction")
    if role is not None and role not in NAMES:
        raise refuse_option(f"`as` must be {' or '.join(NAMES)}, not {role!r}")
    if instruction is None:
        return prompts.usual if role is None else getattr(prompts, role)
    if role != "query":
        raise refuse_option("`instruction` goes with `as`: query alone")
    if not prompts.instructed:
        raise refuse_option("this encoder does not follow instructions; leave `instruction` out")
    if not isinstance(instruction, str) or not instruction.strip() or "\n" in instruction:
        raise refuse_option("`instruction` must be a line of text")
    return f"{BEFORE_INSTRUCTION}{instruction}{AFTER_INSTRUCTION}"


def refuse_option(reason: str) -> ModelError:
    return ModelError("ER_MODEL_INPUT", f"Options of embed: {reason}")
