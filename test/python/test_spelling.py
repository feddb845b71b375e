"""Tokens as text: whole characters only, stop strings, and the same text token by token as at once."""

import json
import random

import pytest
from generations import maker
from tokenizers import Tokenizer, decoders, models

from evidence_runner.models.spelling import Spelling, Writer


@pytest.fixture(scope="module")
def bytewise(tmp_path_factory):
    folder = tmp_path_factory.mktemp("spelling")
    maker.make_tokenizer(str(folder))
    return spelling_of(folder / "tokenizer.json")


def spelling_of(path):
    return Spelling(path.read_text(encoding="utf-8"), Tokenizer.from_file(str(path)))


def sentencewise(tmp_path):
    """A tokenizer of the SentencePiece family: words with their space, bytes for all else."""
    words = [
        "<unk>",
        "<s>",
        "</s>",
        *(f"<0x{byte:02X}>" for byte in range(256)),
        "\u2581the",
        "\u2581claim",
        "s",
    ]
    tokenizer = Tokenizer(models.BPE({word: at for at, word in enumerate(words)}, [], byte_fallback=True))
    tokenizer.add_special_tokens(["<s>", "</s>"])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return spelling_of(tmp_path / "tokenizer.json")


def wordwise(tmp_path):
    """One whose text is not made of each token's own bytes."""
    words = {"[UNK]": 0, "claim": 1, "##s": 2, "the": 3}
    tokenizer = Tokenizer(models.WordPiece(words, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return spelling_of(tmp_path / "tokenizer.json")


def pieces(spelling, ids, stop=()):
    writer = Writer(spelling, stop)
    made = [writer.write(token) for token in ids]
    return [*made, writer.rest()]


@pytest.mark.parametrize("text", ["the claim", "Größe, naïve … 100 € 🙂🙃", "日本語", "a\n\tb"])
def test_a_text_is_what_was_encoded(bytewise, text):
    ids = bytewise.tokenizer.encode(text).ids
    assert bytewise.text_of(ids) == text
    assert "".join(pieces(bytewise, ids)) == text
    assert not any("\ufffd" in piece for piece in pieces(bytewise, ids))


def test_token_by_token_is_the_same_as_at_once_for_any_tokens(bytewise):
    source = random.Random(3)
    for _ in range(200):
        ids = [source.randrange(512) for _ in range(30)]
        text = bytewise.text_of(ids)
        assert "".join(pieces(bytewise, ids)) == text
        # The library's own reading, but for half a character at the end.
        assert bytewise.tokenizer.decode(ids).startswith(text.rstrip("\ufffd"))


def test_half_a_character_waits_for_its_rest_and_is_never_shown(bytewise):
    ids = bytewise.tokenizer.encode("🙂").ids
    assert len(ids) == 4
    assert pieces(bytewise, ids) == ["", "", "", "🙂", ""]
    assert "".join(pieces(bytewise, ids[:3])) == "" == bytewise.text_of(ids[:3])


def test_special_tokens_are_no_text(bytewise):
    end = bytewise.tokenizer.token_to_id("<|im_end|>")
    assert bytewise.text_of([end, *bytewise.tokenizer.encode("claim").ids, end]) == "claim"


def test_tokens_that_the_tokenizer_does_not_know_are_no_text(bytewise):
    assert bytewise.text_of([100_000]) == ""
    assert pieces(bytewise, [100_000]) == ["", ""]


def test_the_first_words_space_is_no_part_of_the_text(tmp_path):
    spelling = sentencewise(tmp_path)
    known = spelling.tokenizer.token_to_id
    ids = [
        known("\u2581the"),
        known("\u2581claim"),
        known("s"),
        known("<0xC3>"),
        known("<0xA4>"),
        known("</s>"),
    ]
    assert spelling.text_of(ids) == "the claimsä"
    assert pieces(spelling, ids)[:5] == ["the", " claim", "s", "", "ä"]
    assert spelling.tokenizer.decode(ids) == "the claimsä"


def test_tokenizers_without_bytes_are_read_with_what_stands_before(tmp_path):
    spelling = wordwise(tmp_path)
    ids = [3, 1, 2, 3, 3, 1, 2]
    assert spelling.text_of(ids) == spelling.tokenizer.decode(ids) == "the claims the the claims"
    assert pieces(spelling, ids)[:3] == ["the", " claim", "s"]


@pytest.mark.parametrize(
    ("stop", "shown"),
    [
        (["claim"], "the "),
        (["cl"], "the "),
        (["e c"], "th"),
        (["im is not", "m is"], "the clai"),
        (["never", "is so!"], "the claim is so"),
        (["the"], ""),
    ],
)
def test_a_stop_string_ends_the_text_wherever_its_letters_come_from(bytewise, stop, shown):
    text = "the claim is so"
    for ids in (
        bytewise.tokenizer.encode(text).ids,
        [n for letter in text for n in bytewise.tokenizer.encode(letter).ids],
    ):
        writer = Writer(bytewise, stop)
        made, told = "", []
        for token in ids:
            made += writer.write(token)
            told.append(made)
            if writer.ended:
                break
        assert made + writer.rest() == shown
        assert writer.ended == (shown != text)
        # Nothing was shown that was to be taken back.
        assert all(shown.startswith(each) for each in told)


def test_what_can_be_a_stop_strings_beginning_no_more_comes_at_once(bytewise):
    ids = [n for letter in "aab" for n in bytewise.tokenizer.encode(letter).ids]
    assert pieces(bytewise, ids, ["aac"]) == ["", "", "aab", ""]


def test_a_tokenizer_described_without_decoder_is_no_error(tmp_path, bytewise):
    described = json.loads(bytewise.tokenizer.to_str()) | {"decoder": None}
    (tmp_path / "tokenizer.json").write_text(json.dumps(described))
    spelling = spelling_of(tmp_path / "tokenizer.json")
    ids = spelling.tokenizer.encode("claim").ids
    assert spelling.text_of(ids) == spelling.tokenizer.decode(ids)
