"""Answers that a grammar admits, written by nobody: each token is drawn from random logits under the mask.

    python random_answers.py FOLDER    one JSON Schema a line on stdin, one answer a line on stdout, as JSON

FOLDER has tokenizer.json and config.json. No model stands between the mask and what is drawn, so that every
way through a grammar is as open as every other. Equal input gives equal output.
"""

import json
import os
import sys


def make_grammar(folder, **changes):
    from evidence_runner.models.grammar import Grammar

    with open(os.path.join(folder, "config.json"), encoding="utf-8") as file:
        config = json.load(file)
    with open(os.path.join(folder, "tokenizer.json"), encoding="utf-8") as file:
        text = file.read()
    settings = {"vocabulary": config["vocab_size"], "end_ids": [config["eos_token_id"]], **changes}
    return Grammar(text, **settings)


def draw_answer(grammar, schema, source, *, prompt=(5, 9, 5), most=20_000, width=None):
    """One answer's tokens, without the end, and its mask; as a generator would drive it."""
    import mlx.core as mx

    width = width or grammar.tokenizer.vocab_size
    mask = grammar.start(grammar.compile(schema))
    tokens = list(prompt)
    while len(tokens) < most:
        key = mx.random.key(source.randrange(1 << 62))
        logits = mx.random.normal((1, width), key=key) * 4
        token = mx.argmax(mask(mx.array(tokens), logits), axis=-1).item()
        mask.check()
        if token in grammar.end_ids:
            # A generator runs a step ahead: it asks once more, with the end among the tokens.
            mask(mx.array([*tokens, token]), logits)
            mask.check()
            return tokens[len(prompt) :], mask
        tokens.append(token)
    raise AssertionError(f"No end after {most} tokens: {schema}")


def main(folder):
    import random

    from tokenizers import Tokenizer

    grammar, source = make_grammar(folder), random.Random(11)
    tokenizer = Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
    for line in sys.stdin:
        tokens, mask = draw_answer(grammar, line.rstrip("\n"), source)
        assert mask.done
        print(json.dumps(tokenizer.decode(tokens, skip_special_tokens=False)))


if __name__ == "__main__":
    main(sys.argv[1])
